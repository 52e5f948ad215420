"""How many passes, and how much processor time of one thread, until gmmkit has the likelihood at which scikit-learn's
GaussianMixture(tol=1e-6, max_iter=1000) stops, from the same start: equal weights, rows drawn at random as means, unit
covariances. A pass that finds a stretched step worse and one that is exact count alike; a warm-up is in the time.
"Overlapping" are 20,000 rows in 4 columns, five clusters each 1.5 standard deviations from the next; W2 are 1,000,000
rows in 16 columns, 16 components.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
import sklearn.mixture
from threadpoolctl import threadpool_limits

from benchmarks.workloads import WORKLOADS
from gmmkit import GaussianMixture

OVERLAPPING = tuple(range(8))
LARGE = (0, 1, 2)
# Their last bits differ from ours; what a pass gains at the end is 1e-6.
ROUNDING = 1e-9


class Timed(sklearn.mixture.GaussianMixture):
    """scikit-learn's class, noting when each pass begins."""

    def _e_step(self, X, xp=None):
        self.clock.append(time.process_time())
        return super()._e_step(X, xp=xp)


class ReachedError(Exception):
    """The likelihood looked for."""


def overlapping(seed: int, n: int = 20_000, d: int = 4, k: int = 5) -> np.ndarray:
    """Return rows around centres each 1.5 standard deviations from the one before, in a random direction."""
    rng = np.random.default_rng(seed)
    centres = np.zeros((k, d))
    for j in range(1, k):
        step = rng.normal(size=d)
        centres[j] = centres[j - 1] + 1.5 * step / np.linalg.norm(step)
    labels = rng.integers(k, size=n)
    return rng.normal(size=(n, d)) + centres[labels]


def start_of(rows: np.ndarray, k: int, seed: int) -> dict[str, np.ndarray]:
    means = rows[np.random.default_rng(seed + 100).choice(len(rows), k, replace=False)]
    precisions = np.tile(np.eye(rows.shape[1]), (k, 1, 1))
    return {"weights_init": np.full(k, 1.0 / k), "means_init": means, "precisions_init": precisions}


def theirs(rows: np.ndarray, k: int, start: dict) -> tuple[float, int, float]:
    """Return the likelihood per row that scikit-learn stops at, its passes and its seconds."""
    model = Timed(k, tol=1e-6, max_iter=1000, **start)
    model.clock = []
    with threadpool_limits(1):
        model.fit(rows)
    # One more pass, for labels, begins when the last one has ended.
    return model.lower_bound_, model.n_iter_, model.clock[-1] - model.clock[0]


def ours(rows: np.ndarray, k: int, start: dict, target: float, **how: str) -> tuple[int | None, float]:
    """Return the passes until the likelihood is reached, None if it never is, and the seconds until then."""
    passes = 0

    def after_pass(progress):
        nonlocal passes
        passes = progress.iteration
        if progress.objective >= target - ROUNDING:
            raise ReachedError

    model = GaussianMixture(
        k, reg_covar=1e-6, tol=1e-9, max_iter=1000, random_state=0, n_jobs=1, callback=after_pass, **start, **how
    )
    begun = time.process_time()
    try:
        model.fit(rows)
    except ReachedError:
        return passes, time.process_time() - begun
    return None, time.process_time() - begun


def measure(name: str, rows: np.ndarray, k: int, seed: int) -> str:
    start = start_of(rows, k, seed)
    target, their_passes, their_seconds = theirs(rows, k, start)
    cells = [name, f"{target:.6f}", f"{their_passes}, {their_seconds:.3g} s"]
    for how in ({}, {"acceleration": "squarem"}, {"acceleration": "squarem", "warm_up": "mini-batch"}):
        passes, seconds = ours(rows, k, start, target, **how)
        if passes is None:
            cells.append(f"another optimum, {seconds:.3g} s")
        else:
            ratios = f"{their_passes / passes:.1f}× fewer, {their_seconds / seconds:.1f}× less time"
            cells.append(f"{passes}, {seconds:.3g} s: {ratios}")
    return f"| {' | '.join(cells)} |"


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    large = next(load for load in WORKLOADS if load.name == "W2")
    lines = [
        "| data, seed of the start | likelihood a row | scikit-learn | plain EM | SQUAREM | SQUAREM after a warm-up |",
        "|---|---|---|---|---|---|",
    ]
    rows: np.ndarray | None = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in OVERLAPPING:
            if not names or "overlapping" in names:
                lines.append(measure(f"overlapping, {seed}", overlapping(seed), 5, seed))
                print(lines[-1], flush=True)
        for seed in LARGE:
            if not names or {"W2", f"W2-{seed}"} & set(names):
                rows = large.data()[0] if rows is None else rows
                lines.append(measure(f"{large}, {seed}", rows, large.k, seed))
                print(lines[-1], flush=True)
    return lines
