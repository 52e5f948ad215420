"""Truncated EM against dense EM, one thread: seconds per pass and peak memory at 10,000 components, and what is lost.

A dense pass is the compiled one, measured on 10,000 of the rows after each truncated pass, and scaled; seconds are of
the processor, ratios medians of those of the passes.
Log-likelihoods per row are exact, of all components, after the same number of passes from the same start; clusters 3
standard deviations apart in each column, as in the other sections, and 1, where they overlap and EM is slow.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from gmmkit import GaussianMixture
from gmmkit.data import as_table
from gmmkit.execution import Workers
from gmmkit.inference.algorithm import Progress
from gmmkit.inference.em import EM
from gmmkit.inference.prior import make_prior
from gmmkit.inference.problem import Problem
from gmmkit.inference.survey import survey
from gmmkit.inference.truncated_start import SparseStart
from gmmkit.model.covariance import family

ROWS, COLUMNS, COMPONENTS, PASSES = 1_000_000, 16, 10_000, 12
SUBSET, TRUNCATION = 10_000, 16
SMALL_ROWS, SMALL_COMPONENTS, SMALL_PASSES = 50_000, 500, 20


def rows_of(n: int, d: int, k: int, spread: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    means = rng.normal(size=(k, d)) * spread
    rows = rng.normal(size=(n, d))
    for first in range(0, n, 65536):
        part = rows[first : first + 65536]
        part += means[rng.integers(k, size=len(part))]
    return rows


def anonymous() -> float:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024


def dense_pass(subset: np.ndarray) -> Callable[[Progress], float]:
    """Return what tells the processor seconds of a dense pass over all rows, from one over a subset, at a state."""
    problem: Problem | None = None

    def seconds(progress: Progress) -> float:
        nonlocal problem
        with Workers(1) as workers:
            if problem is None:
                table = as_table(subset)
                problem = Problem(table, family("diag"), survey(table, workers), workers)
            algorithm = EM(problem, make_prior(problem, "auto"))
            state = progress.state.out_of(progress.frame).into(problem.frame)
            begun = time.process_time()
            algorithm.sweep(state)
            return (time.process_time() - begun) * ROWS / SUBSET

    return seconds


def large() -> dict[str, float]:
    """Fit the large data, and note how long passes take and what memory; run in a process of its own.

    After each a dense pass over some of the rows: what else the machine does is then much the same for both.
    """
    import threading
    import warnings

    warnings.simplefilter("ignore")
    rows = rows_of(ROWS, COLUMNS, COMPONENTS, 3.0)
    GaussianMixture(50, covariance_type="diag", truncation=4, max_iter=2).fit(rows[:2000])  # everything loaded
    base, peak, paused, done = anonymous(), [0.0], threading.Event(), threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            if not paused.is_set():
                peak[0] = max(peak[0], anonymous())

    watcher = threading.Thread(target=watch)
    watcher.start()
    dense_seconds, steps, dense = dense_pass(rows[:SUBSET]), list[float](), list[float]()
    begun = [time.process_time()]

    def between(progress: Progress) -> None:
        steps.append(time.process_time() - begun[0])
        paused.set()
        dense.append(dense_seconds(progress))
        paused.clear()
        begun[0] = time.process_time()

    GaussianMixture(
        COMPONENTS, covariance_type="diag", truncation=TRUNCATION, max_iter=PASSES, tol=0.0, random_state=0, n_jobs=1,
        callback=between,
    ).fit(rows)  # fmt: skip
    done.set()
    watcher.join()
    # Passes 1, 2, 4, 8 search more widely; the first step holds the start, too.
    wide = np.isin(np.arange(PASSES), [3, 7])
    usual = ~np.isin(np.arange(PASSES), [0, 1, 3, 7])
    step, beside = np.array(steps), np.array(dense)
    return {
        "dense": float(np.median(dense)),
        "usual": float(np.median(step[usual])),
        "usual ratio": float(np.median(beside[usual] / step[usual])),
        "wide": float(np.median(step[wide])),
        "wide ratio": float(np.median(beside[wide] / step[wide])),
        "mean": float(np.mean(step[1:])),
        "all": float(step.sum()),
        "memory": peak[0] - base,
    }


def gap(spread: float, truncation: int) -> tuple[float, float]:
    """Return exact log-likelihoods per row of dense EM and truncated EM."""
    import warnings

    rows, k = rows_of(SMALL_ROWS, COLUMNS, SMALL_COMPONENTS, spread), SMALL_COMPONENTS
    with Workers(1) as workers:
        table = as_table(rows)
        problem = Problem(table, family("diag"), survey(table, workers), workers)
        prior = make_prior(problem, "auto")
        start, _ = SparseStart("kmeans", k)(problem, prior, "floor", np.random.default_rng(0))
    found = []
    for given in (None, truncation):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = GaussianMixture(k, covariance_type="diag", truncation=given, max_iter=SMALL_PASSES, tol=0.0)
            found.append(model.fit(rows, start=start.out_of(problem.frame)).score(rows))
    return found[0], found[1]


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    lines = [f"| {ROWS:,}×{COLUMNS}, k={COMPONENTS:,} diag, C={TRUNCATION} | |", "|---|---|"]
    if not names or "large" in names:
        command = [sys.executable, "-c", "import json, benchmarks.truncated as t; print(json.dumps(t.large()))"]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        t = json.loads(out.splitlines()[-1])
        lines += [
            f"| a dense pass, s | {t['dense']:.1f} |",
            f"| a truncated pass, s | {t['usual']:.2f} (1/{t['usual ratio']:.0f}) |",
            f"| a truncated pass that searches widely (1, 2, 4, 8, …), s | {t['wide']:.2f} (1/{t['wide ratio']:.0f}) |",
            f"| the mean of passes 2 to {PASSES}, s | {t['mean']:.2f} (1/{t['dense'] / t['mean']:.0f}) |",
            f"| start and {PASSES} passes, s | {t['all']:.1f} |",
            f"| memory above the data's {ROWS * COLUMNS * 8 >> 20} MB, MB | {t['memory']:.0f} |",
        ]
        print("\n".join(lines), flush=True)
    if not names or "gap" in names:
        lines += [
            "",
            f"| {SMALL_ROWS:,}×{COLUMNS}, k={SMALL_COMPONENTS} diag, {SMALL_PASSES} passes | EM | truncated | lost |",
            "|---|---|---|---|",
        ]
        for spread in (3.0, 1.0):
            for truncation in (8, TRUNCATION):
                dense, found = gap(spread, truncation)
                lines.append(
                    f"| clusters {spread:g} standard deviations apart a column, C={truncation} "
                    f"| {dense:.4f} | {found:.4f} | {dense - found:.4f} |"
                )
                print(lines[-1], flush=True)
    return lines
