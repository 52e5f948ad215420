"""The data and figures of R's mclust 6.0.0 in ``../shared/reference``, as benchmarks and tests need them.

mclust's sign (2 log L − df log n, larger is better) is turned into scikit-learn's.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

SHARED = Path(__file__).parents[2] / "shared"

# Data file and columns of each reference (SOURCES.md); None: all columns of numbers.
SETS: dict[str, tuple[str, list[str] | None]] = {
    "faithful": ("faithful", None),
    "iris": ("iris", None),
    "diabetes": ("diabetes", None),
    "banknote": ("banknote", None),
    "crabs": ("crabs", ["FL", "RW", "CL", "CW", "BD"]),
    "galaxies": ("galaxies", None),
    "galaxies_raw": ("galaxies_raw_MASS", None),
    "coffee": ("pgmm_coffee", None),
    "wdbc": ("wdbc", ["Texture_mean", "Area_extreme", "Smoothness_extreme"]),
    "ex4.1": ("baudry_ex4.1", None),
    "gvhd_control": ("gvhd_control", None),
}

# Cells in which mclust's own fit is not admissible: read off the parameters of `summary(mclustBIC(x), x, G, model)`
# (R 4.2.2, mclust 6.0.0), a component has fewer effective rows than its structure needs or its smallest eigenvalue is
# under 1e-4 of the data's.
INADMISSIBLE = {
    "diabetes": ["EVI6", "EVV8"],
    "banknote": ["VEI8"],
    "crabs": ["EVV7"],
    "coffee": ["VEI4", "EVI4", "VVI4", "VEV4", "VEI5", "EVI5", "VVI5", "EEV5", "VEV5"],
}


def rows_of(name: str) -> np.ndarray:
    """Return the rows that a reference was computed on."""
    file, columns = SETS[name]
    with (SHARED / "data" / "classic" / f"{file}.csv").open(newline="") as lines:
        records = list(csv.DictReader(lines))
    if columns is None:
        columns = [c for c in records[0] if all(_is_number(record[c]) for record in records)]
        # The varieties of coffee have numbers for names.
        columns = columns[-12:]
    X = np.array([[float(record[c]) for c in columns] for record in records])
    return X[:2000] if name == "gvhd_control" else X


def cells(name: str) -> dict[tuple[str, int], float]:
    """Return mclust's BIC, scikit-learn's sign, of each structure and number of components."""
    with (SHARED / "reference" / f"mclust_bic_{name}.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["BIC"] not in ("", "NA")]
    return {(row["model"], int(row["G"])): -float(row["BIC"]) for row in rows}


def best(name: str) -> float:
    """Return the BIC of mclust's best model."""
    with (SHARED / "reference" / "mclust_top.csv").open(newline="") as lines:
        return {row["dataset"]: -float(row["BIC"]) for row in csv.DictReader(lines)}[name]


def admissible(name: str, cell: tuple[str, int]) -> bool:
    """Tell whether mclust's own fit of a cell counts."""
    return f"{cell[0]}{cell[1]}" not in INADMISSIBLE.get(name, [])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
