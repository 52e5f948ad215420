"""mclust's numbers of parameters, of every structure."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from gmmkit.model.covariance import STRUCTURES, family

FIGURES = Path(__file__).parents[3] / "shared" / "reference" / "mclust_nparams.csv"


@pytest.mark.skipif(not FIGURES.exists(), reason="the reference figures are not here")
def test_numbers_of_parameters_are_mclusts():
    seen = set()
    with FIGURES.open(newline="") as file:
        for record in csv.DictReader(file):
            d, k, name = int(record["d"]), int(record["G"]), record["model"]
            structure = family(name, d)
            weights_and_means = k - 1 + k * d
            assert structure.n_parameters(k, d) + weights_and_means == int(record["df"]), (name, k, d)
            seen.add(name)
    assert seen == {*STRUCTURES, "E", "V"}
