"""Seconds per EM pass: gmmkit on one and two threads against scikit-learn on one, interleaved, medians."""

from __future__ import annotations

import time
import warnings

import numpy as np
import sklearn.mixture
from threadpoolctl import threadpool_limits

from benchmarks.workloads import WORKLOADS, Workload
from gmmkit import GaussianMixture

ROUNDS = 3


class Timed(sklearn.mixture.GaussianMixture):
    """scikit-learn's class, noting when each pass begins."""

    def _e_step(self, X, xp=None):
        self.clock.append(time.perf_counter())
        return super()._e_step(X, xp=xp)


def ours(rows: np.ndarray, start: dict, load: Workload, n_jobs: int, passes: int) -> list[float]:
    clock: list[float] = []
    GaussianMixture(
        load.k,
        covariance_type=load.covariance_type,
        reg_covar=1e-6,
        tol=0.0,
        max_iter=passes + 1,
        n_jobs=n_jobs,
        callback=lambda _: clock.append(time.perf_counter()),
        **start,
    ).fit(rows)
    return list(np.diff(clock))


def theirs(rows: np.ndarray, start: dict, load: Workload, passes: int) -> list[float]:
    model = Timed(load.k, covariance_type=load.covariance_type, reg_covar=1e-6, tol=0.0, max_iter=passes, **start)
    model.clock = []
    with threadpool_limits(1):
        model.fit(rows)
    return list(np.diff(model.clock))


def measure(load: Workload, rounds: int = ROUNDS) -> dict[str, float]:
    rows, start = load.data()
    work = load.n * load.k * (load.d**2 if load.covariance_type in ("full", "tied") else 4 * load.d)
    fast, slow = (200, 200) if work < 1e6 else (4, 1) if work > 1e9 else (20, 5)
    times: dict[str, list[float]] = {"one": [], "two": [], "sklearn": []}
    for _ in range(rounds):
        times["one"] += ours(rows, start, load, 1, fast)
        times["sklearn"] += theirs(rows, start, load, slow)
        times["two"] += ours(rows, start, load, 2, fast)
    return {name: float(np.median(found)) for name, found in times.items()}


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    lines = [
        "| workload | scikit-learn, s | gmmkit, 1 thread, s | ratio | gmmkit, 2 threads, s | 2 threads / 1 |",
        "|---|---|---|---|---|---|",
    ]
    for load in WORKLOADS:
        if names and load.name not in names:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            t = measure(load)
        lines.append(
            f"| {load} | {t['sklearn']:.4g} | {t['one']:.4g} | {t['sklearn'] / t['one']:.1f}× "
            f"| {t['two']:.4g} | {t['one'] / t['two']:.2f}× |"
        )
        print(lines[-1], flush=True)
    return lines
