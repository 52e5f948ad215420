"""The default search, fourteen structures × 1–9 components, against R's mclust 6.0.0.

Cells: how many of mclust's own (``../shared/reference``; those that are admissible) are reached, to 1e-3 in BIC. Where
ours are better by more than 1, the smallest eigenvalue of a component, as a share of the data's, and the fewest
effective rows, as a multiple of those the structure needs, show that they are not spurious. Time: processor seconds of
one thread for the whole search, ours and mclust's in turn (Rscript, where it is installed), medians of three.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks.mclust_sets import SETS, SHARED, admissible, best, cells, rows_of
from gmmkit import GaussianMixtureSearch
from gmmkit.kernels import native

TIMED = ("faithful", "diabetes", "sim_10000x5")
R_SCRIPT = """
suppressMessages(library(mclust)); x <- as.matrix(read.csv("%s", header = FALSE))
t <- system.time(Mclust(x, verbose = FALSE)); cat(t[["user.self"]] + t[["sys.self"]])
"""


def search(X: np.ndarray) -> GaussianMixtureSearch:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GaussianMixtureSearch(n_jobs=1).fit(X)


def compare(name: str) -> str:
    """Return a set's line of the table of cells."""
    X = rows_of(name)
    found = search(X)
    ours = {(row["covariance_type"], row["n_components"]): row for row in found.results_}
    health = {
        (c.covariance_type, c.n_components): c.result.health
        for c in found.search_result_.candidates
        if c.result is not None
    }
    # What failed or is not admissible is not reached.
    counted = {cell: np.inf if row["error"] or row["spurious"] else row["bic"] for cell, row in ours.items()}
    pairs = [(cell, counted[cell], bic) for cell, bic in cells(name).items() if admissible(name, cell)]
    good = sum(mine <= theirs + 1e-3 for _, mine, theirs in pairs)
    better = [cell for cell, mine, theirs in pairs if mine < theirs - 1.0 and ours[cell]["spurious"] is None]
    narrowest = min((health[cell].relative_eigenvalues.min() for cell in better), default=np.nan)
    fewest = min((health[cell].effective_rows.min() / health[cell].needed_rows for cell in better), default=np.nan)
    winner = found.best_estimator_
    return (
        f"| {name} {X.shape[0]}×{X.shape[1]} | {winner.covariance_type}, {winner.n_components} "
        f"| {found.best_score_:.3f} | {best(name):.3f} | {good} of {len(pairs)} "
        f"| {len(better)} | {narrowest:.1e} | {fewest:.1f} |"
    )


def rows_to_time(name: str) -> np.ndarray:
    if name in SETS:
        return rows_of(name)
    path = SHARED / "data" / "simulated" / f"{name}.csv"
    return np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(5))


def timed(name: str) -> str:
    """Return a set's line of the table of times."""
    X = rows_to_time(name)
    search(X)
    mine, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        np.savetxt(path, X, delimiter=",")
        for _ in range(3):
            begun = time.process_time()
            search(X)
            mine.append(time.process_time() - begun)
            if shutil.which("Rscript"):
                command = ["Rscript", "-e", R_SCRIPT % path]
                theirs.append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    ours = statistics.median(mine)
    if not theirs:
        return f"| {name} | {ours:.3f} | not installed | |"
    other = statistics.median(theirs)
    return f"| {name} | {ours:.3f} | {other:.3f} | {other / ours:.1f}× |"


def main(names: list[str]) -> list[str]:
    """Return the tables' lines."""
    if not SHARED.exists():
        return ["skipped: ../shared is not there"]
    lines = [
        "| data | our best | BIC | mclust's best | cells as good or better | better by > 1 | smallest eigenvalue there "
        "| fewest rows there |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in SETS:
        if not names or name in names:
            lines.append(compare(name))
            print(lines[-1], flush=True)
    engine = f"compiled kernel, {native.instruction_set()}" if native.why_not() is None else "NumPy engine"
    lines += ["", f"| data | gmmkit, s ({engine}) | mclust, s | ratio |", "|---|---|---|---|"]
    for name in TIMED:
        if not names or name in names:
            lines.append(timed(name))
            print(lines[-1], flush=True)
    return lines
