"""Seconds per EM pass, beside scikit-learn's, and the share of what the processor could do at most.

One thread each, processor time, medians of interleaved rounds in one process; both begin from the same parameters, and
starting up is left out. The limit is the least time of a pass (``benchmarks/limit.py``), measured in the same rounds.
Two threads: time on the clock, and how many times less than one thread's. float32: the same rows in half the bytes,
passes that are computed in floats (near its optimum a fit goes on in doubles); ratio to scikit-learn with float64 rows,
share of the limit for float32. In brackets, what is aimed at.
"""

from __future__ import annotations

import time
import warnings
from collections import defaultdict
from typing import Any

import numpy as np
import sklearn.mixture
from threadpoolctl import threadpool_limits

from benchmarks.compiled import MissingError
from benchmarks.limit import Limit
from benchmarks.workloads import WORKLOADS, Workload
from gmmkit import GaussianMixture
from gmmkit.data import as_table
from gmmkit.execution import Workers
from gmmkit.inference.em import EM
from gmmkit.inference.prior import make_prior
from gmmkit.inference.problem import Problem
from gmmkit.inference.survey import survey
from gmmkit.model.covariance import family
from gmmkit.model.mixture import Mixture

ROUNDS = 3
HEADER = (
    "| workload | limit, s | scikit-learn, s | gmmkit, s | ratio | of the limit | 2 threads, s | 1 thread / 2 "
    "| float32: limit, s | gmmkit, s | ratio | of the limit |",
    "|---" * 12 + "|",
)


class Timed(sklearn.mixture.GaussianMixture):
    """scikit-learn's class, noting when each pass begins."""

    def _e_step(self, X, xp=None):
        self.clock.append(time.process_time())
        return super()._e_step(X, xp=xp)


def ours(rows: np.ndarray, start: dict[str, Any], load: Workload, n_jobs: int, passes: int) -> np.ndarray:
    """Return processor seconds and seconds on the clock of each pass, (2, passes)."""
    ticks: list[tuple[float, float]] = []
    GaussianMixture(
        load.k,
        covariance_type=load.covariance_type,
        reg_covar=1e-6,
        tol=0.0,
        max_iter=passes + 1,
        n_jobs=n_jobs,
        callback=lambda _: ticks.append((time.process_time(), time.perf_counter())),
        **start,
    ).fit(rows)
    return np.diff(np.transpose(ticks))


def in_floats(rows: np.ndarray, start: dict[str, Any], load: Workload, passes: int) -> np.ndarray:
    """Return processor seconds of each pass of a fit that is far from its optimum, however long it takes."""
    with Workers(1) as workers:
        table = as_table(rows)
        problem = Problem(table, family(load.covariance_type, load.d), survey(table, workers), workers, single=True)
        algorithm = EM(problem, make_prior(problem, 1e-6))
        # Precisions of one are covariances of one.
        weights, means, covariances = start.values()
        state = Mixture.from_arrays(weights, means, covariances, covariance_type=load.covariance_type)
        state, ticks = state.into(problem.frame), [time.process_time()]
        for iteration in range(1, passes + 1):
            totals = algorithm.sweep(state)
            algorithm.objective(totals, state)
            state, _ = algorithm.refit(totals, state, iteration)
            ticks.append(time.process_time())
    return np.diff(ticks)


def theirs(rows: np.ndarray, start: dict[str, Any], load: Workload, passes: int) -> np.ndarray:
    """Return processor seconds of each of scikit-learn's passes."""
    model = Timed(load.k, covariance_type=load.covariance_type, reg_covar=1e-6, tol=0.0, max_iter=passes, **start)
    model.clock = []
    with threadpool_limits(1):
        model.fit(rows)
    return np.diff(model.clock)


def how_many(load: Workload) -> tuple[int, int]:
    """Return how many passes of ours and of scikit-learn's are timed in a round: about a second."""
    work = load.work + 20.0 * load.n * load.k  # an exponential, and what else a row and a component cost
    return int(np.clip(1e10 / work, 4, 200)), int(np.clip(1e9 / work, 1, 200))


def measure(load: Workload, rounds: int = ROUNDS) -> dict[str, float]:
    """Return medians: "sklearn", "one", "one32" processor seconds; "clock", "two" seconds; "limit", "limit32"."""
    rows, start = load.data()
    rows32 = rows.astype(np.float32)
    fast, slow = how_many(load)
    found: dict[str, list[float]] = defaultdict(list)
    limits: list[Limit] = []
    for _ in range(rounds):
        measure_limit(limits)
        processor, clock = ours(rows, start, load, 1, fast)
        measure_limit(limits)
        found["one"] += list(processor)
        found["clock"] += list(clock)
        found["sklearn"] += list(theirs(rows, start, load, slow))
        found["two"] += list(ours(rows, start, load, 2, fast)[1])
        found["one32"] += list(in_floats(rows32, start, load, fast))
    middle = {name: float(np.median(times)) for name, times in found.items()}
    if limits:
        limit = Limit.median(limits)
        for name, bits in (("limit", 64), ("limit32", 32)):
            if (seconds := limit.seconds(load, bits)) is not None:
                middle[name] = seconds
    return middle


def measure_limit(limits: list[Limit]) -> None:
    """Measure once more, where that can be done."""
    try:
        limits.append(Limit.measured())
    except MissingError as reason:
        print(f"no share of the limit: {reason}", flush=True)


def line(load: Workload, t: dict[str, float]) -> str:
    """Return a workload's line of the table."""
    ratio, ratio32 = f"{t['sklearn'] / t['one']:.1f}×", f"{t['sklearn'] / t['one32']:.1f}×"
    share = f"{t['limit'] / t['one']:.0%}" if "limit" in t else "–"
    share32 = f"{t['limit32'] / t['one32']:.0%}" if "limit32" in t else "–"
    limit, limit32 = (f"{t[name]:.3g}" if name in t else "–" for name in ("limit", "limit32"))
    if load.aim is not None:
        ratio += f" ({load.aim.ratio:g}×)"
        share += f" ({load.aim.share:.0%})"
        ratio32 += f" ({load.aim.ratio32:g}×)"
    return (
        f"| {load} | {limit} | {t['sklearn']:.4g} | {t['one']:.4g} | {ratio} | {share} | {t['two']:.4g} "
        f"| {t['clock'] / t['two']:.2f}× | {limit32} | {t['one32']:.4g} | {ratio32} | {share32} |"
    )


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    lines = list(HEADER)
    for load in WORKLOADS:
        if names and load.name not in names:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lines.append(line(load, measure(load)))
        print(lines[-1], flush=True)
    try:
        lines += ["", str(Limit.measured())]
    except MissingError as reason:
        lines += ["", f"No share of the limit: {reason}."]
    return lines
