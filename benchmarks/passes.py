"""Seconds per EM pass, beside scikit-learn's, and the share of what the processor could do at most.

One thread each, processor time, medians of interleaved rounds in one process, of ratios as of seconds; both begin from
the same parameters, and starting up is left out. The limit is the least time of a pass (``benchmarks/limit.py``),
measured before and after each.
Two threads: time on the clock, and how many times less than one thread's; what two processes with a thread each do at
once, of what one does alone, is what the machine has to give. float32: the same rows in half the bytes,
passes that are computed in floats (near its optimum a fit goes on in doubles); ratio to scikit-learn with float64 rows,
share of the limit for float32. In brackets, what is aimed at.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

# As many rounds as there is time for: a shared machine changes from one to the next.
ROUNDS, MOST_ROUNDS, ENOUGH = 4, 15, 60.0
# Seconds of a round in which one thread and two take turns: a host has two processors now, and not a second later.
TURNS = 4.0
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


def endlessly(load: Workload, ready: Any) -> None:
    """Make passes until this process is ended, or whose it is; say when the first are done."""
    rows, start = load.data()
    warnings.simplefilter("ignore")
    parent = os.getppid()
    while os.getppid() == parent:
        ours(rows, start, load, 1, how_many(load)[0])
        ready.set()


class Beside:
    """Another process, which makes a workload's passes while it is let; a context manager."""

    def __init__(self, load: Workload) -> None:
        context = multiprocessing.get_context("spawn")
        ready = context.Event()
        self._process = context.Process(target=endlessly, args=(load, ready), daemon=True)
        self._process.start()
        while not ready.wait(1.0):
            if not self._process.is_alive():
                raise RuntimeError(f"the process that makes {load}'s passes ended with {self._process.exitcode}")
        self._signal(signal.SIGSTOP)

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let it work for a while."""
        self._signal(signal.SIGCONT)
        try:
            yield
        finally:
            self._signal(signal.SIGSTOP)

    def _signal(self, what: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, what)


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
    """Return how many passes of ours and of scikit-learn's are timed in a round: about a second.

    A first pass or two in two threads take longer, until the machine has two processors ready.
    """
    work = load.work + 20.0 * load.n * load.k  # an exponential, and what else a row and a component cost
    return int(np.clip(1e10 / work, 4, 100)), int(np.clip(5e8 / work, 1, 100))


def measure(load: Workload) -> list[dict[str, float]]:
    """Return what each round found.

    "sklearn", "one" and "one32" are processor seconds; "clock", "two" and "beside" seconds; then the limits. The
    limit is measured before and after what it is compared with: what else the machine does changes in seconds.
    """
    rows, start = load.data()
    with Beside(load) as other:
        return measured(load, rows, start, other)


def measured(load: Workload, rows: np.ndarray, start: dict[str, Any], other: Beside) -> list[dict[str, float]]:
    """Return the rounds of `measure`; "beside" is one thread's time while another process works as well."""
    rows32 = rows.astype(np.float32)
    fast, slow = how_many(load)
    rounds: list[dict[str, float]] = []
    begun = time.perf_counter()
    while len(rounds) < ROUNDS or (len(rounds) < MOST_ROUNDS and time.perf_counter() - begun < ENOUGH):
        limits: list[Limit] = []
        began = time.perf_counter()
        turns: dict[str, list[np.ndarray]] = {"one": [], "clock": [], "two": [], "beside": []}
        measure_limit(limits)
        while not turns["one"] or time.perf_counter() - began < TURNS:
            processor, clock = ours(rows, start, load, 1, fast)
            measure_limit(limits)
            two = ours(rows, start, load, 2, fast)[1]
            with other.at_work():
                beside = ours(rows, start, load, 1, fast)[1]
            for values, seconds in zip(turns.values(), (processor, clock, two, beside), strict=True):
                values.append(seconds)
        found = {name: float(np.median(values)) for name, values in turns.items()}
        limits32: list[Limit] = []
        measure_limit(limits32)
        found["one32"] = float(np.median(in_floats(rows32, start, load, fast)))
        measure_limit(limits32)
        found["sklearn"] = float(np.median(theirs(rows, start, load, slow)))
        for name, bits, around in (("limit", 64, limits), ("limit32", 32, limits32)):
            if around and (least := Limit.mean(around).seconds(load, bits)) is not None:
                found[name] = least
        rounds.append(found)
    return rounds


def measure_limit(limits: list[Limit]) -> None:
    """Measure once more, where that can be done."""
    try:
        limits.append(Limit.measured())
    except MissingError as reason:
        print(f"no share of the limit: {reason}", flush=True)


def shares(rounds: list[dict[str, float]], limit: str, own: str) -> list[float]:
    """Return each round's share of the limit; none where that could not be measured."""
    return [found[limit] / found[own] for found in rounds if limit in found]


def line(load: Workload, rounds: list[dict[str, float]]) -> str:
    """Return a workload's line of the table: medians of the rounds, of ratios too."""

    def middle(value: Callable[[dict[str, float]], float]) -> float:
        return float(np.median([value(found) for found in rounds]))

    t = {name: middle(lambda found: found[name]) for name in rounds[0]}  # noqa: B023 (called at once)
    ratio, ratio32 = (f"{middle(lambda found: found['sklearn'] / found[own]):.1f}×" for own in ("one", "one32"))  # noqa: B023
    both = (shares(rounds, "limit", "one"), shares(rounds, "limit32", "one32"))
    share, share32 = (f"{np.median(found):.0%}" if found else "–" for found in both)
    limit, limit32 = (f"{t[name]:.3g}" if name in t else "–" for name in ("limit", "limit32"))
    if load.aim is not None:
        ratio += f" ({load.aim.ratio:g}×)"
        share += f" ({load.aim.share:.0%})"
        ratio32 += f" ({load.aim.ratio32:g}×)"
    return (
        f"| {load} | {limit} | {t['sklearn']:.4g} | {t['one']:.4g} | {ratio} | {share} | {t['two']:.4g} "
        f"| {middle(lambda found: found['clock'] / found['two']):.2f}× "
        f"| {limit32} | {t['one32']:.4g} | {ratio32} | {share32} |"
    )


def spread(load: Workload, rounds: list[dict[str, float]]) -> str | None:
    """Say between what a workload's shares of single rounds lay: what else the machine did."""
    found = shares(rounds, "limit", "one")
    if load.aim is None or not found:
        return None
    return f"{load.name} {min(found):.0%} to {max(found):.0%} ({len(found)} rounds)"


def at_once(load: Workload, rounds: list[dict[str, float]]) -> str:
    """Say how much two processes of one thread each do at once, of what one does alone."""
    apart = float(np.median([2.0 * found["clock"] / found["beside"] for found in rounds]))
    return f"{load.name} {apart:.2f}×"


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    lines, spreads, apart = list(HEADER), list[str](), list[str]()
    for load in WORKLOADS:
        if names and load.name not in names:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rounds = measure(load)
        lines.append(line(load, rounds))
        spreads += [said] if (said := spread(load, rounds)) else []
        apart.append(at_once(load, rounds))
        print(lines[-1], flush=True)
    lines += ["", f"Two processes at once, of one alone: {', '.join(apart)}."]
    if spreads:
        lines += ["", f"Of the limit in single rounds, one thread, float64: {', '.join(spreads)}."]
    try:
        lines += ["", str(Limit.measured())]
    except MissingError as reason:
        lines += ["", f"No share of the limit: {reason}."]
    return lines
