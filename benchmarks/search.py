"""The default search on public data, against R mclust 6.0 in ``../shared/reference``, in scikit-learn's sign.

Compared are its own cells of the same structures (VVV, EEE, VVI, VII; V and E in one column).
"""

from __future__ import annotations

import csv
import time
import warnings
from pathlib import Path

import numpy as np

from gmmkit import GaussianMixtureSearch, open_table

SHARED = Path(__file__).parents[2] / "shared"
STRUCTURES = {"full": "VVV", "tied": "EEE", "diag": "VVI", "spherical": "VII"}
ONE_COLUMN = {"full": "V", "tied": "E"}
DATA = ("faithful", "iris", "diabetes", "banknote", "crabs", "galaxies")


def reference(name: str) -> dict[tuple[str, int], float]:
    with (SHARED / "reference" / f"mclust_bic_{name}.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["BIC"] not in ("", "NA")]
    return {(row["model"], int(row["G"])): -float(row["BIC"]) for row in rows}


def columns(name: str) -> list[int]:
    with (SHARED / "data" / "classic" / f"{name}.csv").open(newline="") as file:
        _, first = next(csv.reader(file)), next(csv.reader(file))

    def number(text: str) -> bool:
        try:
            float(text)
        except ValueError:
            return False
        return True

    return [j for j, text in enumerate(first) if number(text)]


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    if not SHARED.exists():
        return ["skipped: ../shared is not there"]
    lines = [
        "| data | our best | BIC | mclust, same structures | cells as good or better | seconds, 1 thread |",
        "|---|---|---|---|---|---|",
    ]
    for name in DATA:
        if names and name not in names:
            continue
        table = open_table(SHARED / "data" / "classic" / f"{name}.csv", columns=columns(name))
        begun = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            search = GaussianMixtureSearch(n_jobs=1).fit(table)
            seconds = time.perf_counter() - begun
            # mclust ranks collapsed fits with the others: to compare optima, so does this search.
            optima = GaussianMixtureSearch(n_jobs=1, min_eigenvalue=0.0).fit(table)
        known = reference(name)
        word = ONE_COLUMN if table.n_columns == 1 else STRUCTURES
        pairs = [
            (row["bic"], known.get((word[row["covariance_type"]], row["n_components"])))
            for row in optima.results_
            if row["bic"] is not None
        ]
        pairs = [(ours, theirs) for ours, theirs in pairs if theirs is not None]
        good = sum(ours <= theirs + 0.01 for ours, theirs in pairs)
        best = search.best_estimator_
        lines.append(
            f"| {name} {table.n_rows}×{table.n_columns} | {best.covariance_type}, {best.n_components} "
            f"| {search.best_score_:.3f} | {np.min([t for _, t in pairs]):.3f} | {good} of {len(pairs)} "
            f"| {seconds:.2f} |"
        )
        print(lines[-1], flush=True)
    return lines
