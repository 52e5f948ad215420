"""The full search on public data against R's mclust 6.0.0: its best model, and every cell of its tables.

mclust's sign (2 log L − df log n, larger is better) appears in these tests only.
"""

from __future__ import annotations

import csv
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from gmmkit import GaussianMixtureSearch

SHARED = Path(__file__).parents[3] / "shared"
pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="../shared is not there: no reference figures")

# Data file and columns of each reference (SOURCES.md).
SETS = {
    "faithful": ("faithful", ["eruptions", "waiting"]),
    "iris": ("iris", ["Sepal.Length", "Sepal.Width", "Petal.Length", "Petal.Width"]),
    "diabetes": ("diabetes", ["glucose", "insulin", "sspg"]),
    "banknote": ("banknote", ["Length", "Left", "Right", "Bottom", "Top", "Diagonal"]),
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


def rows_of(name):
    """Return the rows that a reference was computed on."""
    file, columns = SETS[name]
    with (SHARED / "data" / "classic" / f"{file}.csv").open(newline="") as lines:
        records = list(csv.DictReader(lines))
    names = [c for c in records[0] if c is not None]
    if columns is None:
        columns = [c for c in names if all(_is_number(record[c]) for record in records)]
        columns = columns[-12:] if name == "coffee" else columns
    else:
        columns = [next(c for c in names if c.lower() == wanted.lower()) for wanted in columns]
    X = np.array([[float(record[c]) for c in columns] for record in records])
    return X[:2000] if name == "gvhd_control" else X


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


@cache
def found(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GaussianMixtureSearch().fit(rows_of(name))


@cache
def cells(name):
    with (SHARED / "reference" / f"mclust_bic_{name}.csv").open(newline="") as lines:
        return {
            (row["model"], int(row["G"])): float(row["BIC"])
            for row in csv.DictReader(lines)
            if row["BIC"] not in ("", "NA")
        }


def compared(name):
    """Return (cell, ours, theirs) for every cell both have fitted."""
    known = cells(name)
    ours = {(row["covariance_type"], row["n_components"]): row for row in found(name).results_}
    return [(cell, -ours[cell]["bic"], known[cell]) for cell in known if ours[cell]["bic"] is not None]


@pytest.mark.parametrize("name", SETS)
def test_one_component_is_the_same_on_the_same_rows(name):
    for cell, ours, theirs in compared(name):
        if cell[1] == 1:
            assert ours == pytest.approx(theirs, abs=1e-3), cell


@pytest.mark.parametrize("name", SETS)
def test_the_best_is_at_least_as_good_as_mclusts_best(name):
    with (SHARED / "reference" / "mclust_top.csv").open(newline="") as lines:
        best = {row["dataset"]: float(row["BIC"]) for row in csv.DictReader(lines)}[name]
    search = found(name)
    assert search.results_[0]["rank"] == 1
    assert -search.best_score_ >= best - 1e-3


def test_98_percent_of_all_cells_are_at_least_as_good_as_mclusts():
    pairs = [
        pair
        for name in SETS
        for pair in compared(name)
        if f"{pair[0][0]}{pair[0][1]}" not in INADMISSIBLE.get(name, [])
    ]
    assert len(pairs) > 1000
    good = sum(ours >= theirs - 1e-3 for _, ours, theirs in pairs)
    assert good >= 0.98 * len(pairs), [(cell, ours - theirs) for cell, ours, theirs in pairs if ours < theirs - 1e-3]
