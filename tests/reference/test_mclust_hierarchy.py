"""Partitions of mclust 6.0.0's ``hc(modelName = "VVV")``, as scaled singular vectors ("SVD") and as they are ("VARS").

Where clusters are wide in the units of the rows (faithful, diabetes "VARS") the two part company at a few merges of
small groups, though the criterion's value there is lower in ours.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from gmmkit.inference.hierarchy import agglomerate, transformed

SHARED = Path(__file__).parents[3] / "shared"


def numbers(path):
    """Return the numeric columns of a CSV file with named columns."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return np.array([[float(cell) for cell in row if not cell.isalpha()] for row in rows])


@pytest.mark.parametrize(
    ("name", "use"), [("iris", "SVD"), ("diabetes", "SVD"), ("banknote", "SVD"), ("banknote", "VARS")]
)
def test_partitions_into_two_to_nine_groups_are_mclusts(name, use):
    if not SHARED.exists():
        pytest.skip("the reference figures are not here")
    data, reference = SHARED / "data" / "classic", SHARED / "reference"
    rows = numbers(data / f"{name}.csv")
    expected = numbers(reference / f"mclust_hc_VVV_{use}_{name}.csv").astype(int).T
    rows = transformed(rows, transform="svd") if use == "SVD" else rows - rows.mean(axis=0)
    for k, found, other in zip(range(2, 10), agglomerate(rows).labels(range(2, 10)), expected, strict=True):
        assert len(set(found)) == len(set(zip(found, other, strict=True))) == k
