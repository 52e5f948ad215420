"""Questions to a fitted mixture, and fits of tiny data, beside scikit-learn's.

Questions are asked of the same parameters, on W2's million rows; answers are compared first. Processor seconds of one
thread, medians of interleaved rounds; two threads: time on the clock. Fits: the whole call on 150 rows, three
components, one start by k-means, as many passes as each takes; each makes ten fits, then the other.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import sklearn.mixture
from sklearn.datasets import load_iris
from threadpoolctl import threadpool_limits

from benchmarks.workloads import named
from gmmkit import GaussianMixture

ROUNDS = 5
TURNS, FITS_A_TURN = 40, 10
QUESTIONS = {"predict_proba": 10.0, "score_samples": 10.0, "predict": None}


def fitted(rows: np.ndarray, load, start) -> tuple[GaussianMixture, GaussianMixture, sklearn.mixture.GaussianMixture]:
    """Return our model for one and for two threads, and scikit-learn's with the same parameters."""
    one = GaussianMixture(load.k, max_iter=2, tol=0.0, n_jobs=1, **start).fit(rows)
    two = GaussianMixture(load.k, max_iter=2, tol=0.0, n_jobs=2, **start).fit(rows)
    theirs = sklearn.mixture.GaussianMixture(load.k)
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
        setattr(theirs, name, np.asarray(getattr(one, name)))
    theirs.n_features_in_ = load.d
    return one, two, theirs


def interleaved(
    calls: Sequence[Callable[[], object]], clocks: Sequence[Callable[[], float]], rounds: int
) -> list[float]:
    """Return the median seconds of each call on its own clock, after one that is not counted."""
    for call in calls:
        call()
    taken = np.empty((rounds, len(calls)))
    for i in range(rounds):
        for j, (call, clock) in enumerate(zip(calls, clocks, strict=True)):
            begun = clock()
            call()
            taken[i, j] = clock() - begun
    return list(np.median(taken, axis=0))


def questions() -> list[str]:
    load = named("W2")
    rows, start = load.data()
    one, two, theirs = fitted(rows, load, start)
    lines = [
        f"| {load} | scikit-learn, s | gmmkit, s | ratio | 2 threads, s | largest difference |",
        "|---|---|---|---|---|---|",
    ]
    clocks = (time.process_time, time.process_time, time.perf_counter)
    for name, aim in QUESTIONS.items():
        ask = [lambda model=model, name=name: getattr(model, name)(rows) for model in (theirs, one, two)]
        apart = np.abs(np.asarray(ask[0](), dtype=float) - ask[1]()).max()
        with threadpool_limits(1):
            slow, fast, shared = interleaved(ask, clocks, ROUNDS)
        ratio = f"{slow / fast:.1f}×" + (f" ({aim:g}×)" if aim else "")
        lines.append(f"| `{name}` | {slow:.3f} | {fast:.4f} | {ratio} | {shared:.4f} | {apart:.1e} |")
        print(lines[-1], flush=True)
    return lines


def tiny() -> list[str]:
    rows = load_iris().data
    lines = [
        "| whole fit, 150×4, k=3 | scikit-learn, ms | gmmkit, ms | ratio | passes, theirs and ours |",
        "|---|---|---|---|---|",
    ]
    for structure in ("full", "tied", "diag", "spherical"):
        makers = [
            lambda kind=kind, structure=structure: kind(3, covariance_type=structure, random_state=0).fit(rows)
            for kind in (sklearn.mixture.GaussianMixture, GaussianMixture)
        ]
        passes = " and ".join(str(make().n_iter_) for make in makers)
        with threadpool_limits(1):
            turns = [lambda make=make: [make() for _ in range(FITS_A_TURN)] for make in makers]
            slow, fast = (t / FITS_A_TURN for t in interleaved(turns, (time.process_time,) * 2, TURNS))
        aims = ("(1.5) ", " (5×)") if structure == "full" else ("", "")
        cells = f"{1e3 * slow:.2f} | {1e3 * fast:.2f} {aims[0]}| {slow / fast:.1f}×{aims[1]} | {passes}"
        lines.append(f"| {structure} | {cells} |")
        print(lines[-1], flush=True)
    return lines


def main(names: list[str]) -> list[str]:
    """Return the tables' lines."""
    lines: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not names or "questions" in names:
            lines += [*questions(), ""]
        if not names or "tiny" in names:
            lines += tiny()
    return lines
