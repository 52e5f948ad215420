"""Of six starts of a fit, those stopped that are to end below the best (n_init_stop="dominated"): passes made, and fits
whose best start was stopped. Sixty data sets of 3 to 6 clusters in 1 to 3 columns for each line, centres about `apart`
standard deviations from their middle, 80 or 300 rows each; tol is 1e-6.
"""

from __future__ import annotations

import warnings

import numpy as np

from gmmkit import GaussianMixture

CASES = range(60)


def rows_of(seed: int, apart: float) -> tuple[np.ndarray, int]:
    rng = np.random.default_rng(seed)
    k, d, each = int(rng.integers(3, 7)), int(rng.integers(1, 4)), 300 if seed % 3 == 2 else 80
    return np.concatenate([rng.normal(size=(each, d)) + apart * rng.normal(size=d) for _ in range(k)]), k


def fitted(rows: np.ndarray, k: int, seed: int, **how: str | None) -> tuple[float, int, int]:
    """Return the bound reached, the passes made from all starts, and how many starts were stopped."""
    passes = 0

    def after_pass(_: object) -> None:
        nonlocal passes
        passes += 1

    six = {"n_init": 6, "init_params": "random_from_data", "random_state": seed, "tol": 1e-6, "max_iter": 1000}
    model = GaussianMixture(k, callback=after_pass, **six, **how).fit(rows)
    return model.lower_bound_, passes, model.fit_result_.starts_stopped


def measure(apart: float, acceleration: str | None) -> str:
    passes, stopped, losses = np.zeros(2), 0, []
    for seed in CASES:
        rows, k = rows_of(seed, apart)
        (full, all_passes, _), (early, fewer, ended) = (
            fitted(rows, k, seed, acceleration=acceleration, n_init_stop=stop) for stop in (None, "dominated")
        )
        passes += all_passes, fewer
        stopped += ended
        losses.append(full - early)
    lost = [loss for loss in losses if loss > 1e-6]
    worst = f"{max(lost):.4f}" if lost else "–"
    return (
        f"| {apart:g} | {acceleration or 'plain'} | {stopped} of {6 * len(CASES)} | {passes[1] / passes[0]:.0%} "
        f"| {len(lost)} of {len(CASES)} | {worst} |"
    )


def main(_: list[str]) -> list[str]:
    """Return the table's lines."""
    lines = [
        "| apart | passes are | starts stopped | of the passes | worse fits | worst, nats a row |",
        "|---" * 6 + "|",
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for apart in (2.0, 4.0):
            for acceleration in (None, "squarem"):
                lines.append(measure(apart, acceleration))
                print(lines[-1], flush=True)
    return lines
