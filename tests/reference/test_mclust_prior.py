"""mclust 6.0.0 with ``prior = priorControl()`` (Fraley & Raftery 2007), from the partition `kmeans3` of faithful.

One refit is ``mstep(faithful, model, unmap(kmeans3), prior = priorControl())``; a fit is ``me`` of the same with
``control = emControl(tol = 1e-13)``. The scale is given: mclust's divides by n − 1, and has one variance for all
columns where columns are independent. EII and EEI are held to the published formulas in `tests/inference/test_prior.py`
instead: mclust's EII leaves the scale out of the scatter, its EEI shrinks no mean.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from cases import fitted, opened
from gmmkit import ConjugatePrior
from gmmkit.inference.em import mixture_of
from gmmkit.inference.prior import make_prior
from gmmkit.inference.starts import FromPartition, gather_known
from gmmkit.model.covariance.catalogue import family
from gmmkit.model.evaluation import likelihood

SHARED = Path(__file__).parents[3] / "shared"

MEANS = [[2.05688626562, 54.05498319953], [4.37721853962, 84.48765319626], [4.10028924347, 74.76699186825]]
#: Of each component, the variance of eruptions, their covariance, the variance of waiting.
COVARIANCES = {
    "VII": [(13.8873772928, 0, 13.8873772928), (6.69228628233, 0, 6.69228628233), (7.10902552845, 0, 7.10902552845)],
    "VVI": [
        (0.419356930366, 0, 26.8375436258),
        (0.445278711651, 0, 12.8470442478),
        (0.668021254627, 0, 13.4249422067),
    ],
    "EEE": [(0.198350501903, 0.748174613438, 18.4379917107)] * 3,
    "VVV": [
        (0.115375352588, 0.608084484627, 26.8743006883),
        (0.134958284504, 0.301629772031, 13.0244414454),
        (0.335523539121, 1.36293813744, 13.607514779),
    ],
}
#: Variances of waiting alone.
ONE_COLUMN = {"E": [18.4230064829] * 3, "V": [27.0010682302, 12.8711458913, 13.456897196]}
LOG_LIKELIHOODS = {
    ("EEE", 0.01): -1126.42717921,
    ("EEE", 0.0): -1126.36411921,
    ("VVV", 0.01): -1125.08117539,
    ("VVI", 0.01): -1201.85890892,
    ("VVI", 0.0): -1202.85778456,
    ("VII", 0.01): -1637.50335793,
    ("VII", 0.0): -1637.46664208,
}


def faithful():
    """Return the rows (272, 2) and the partition as responsibilities for each block."""
    if not SHARED.exists():
        pytest.skip("the reference figures are not here")
    rows = np.loadtxt(SHARED / "data" / "classic" / "faithful.csv", delimiter=",", skiprows=1)
    with (SHARED / "reference" / "fixed_start_partition_faithful.csv").open(newline="") as file:
        labels = np.array([int(row["kmeans3"]) for row in csv.DictReader(file)])
    return rows, lambda block: np.eye(3)[labels[block.index : block.index + len(block.rows)] - 1]


def default_scale(rows, structure):
    """Return mclust's ``defaultPrior(rows, G = 3, structure)$scale``."""
    covariance = np.atleast_2d(np.cov(rows.T))
    d = len(covariance)
    if structure not in ("EEE", "VVV"):
        covariance = np.eye(d) * np.trace(covariance) / d
    return covariance / 3 ** (2 / d)


def one_refit(rows, known, structure):
    with opened(rows, family(structure).name) as problem:
        prior = make_prior(problem, 0, ConjugatePrior(scale=default_scale(rows, structure)))
        return mixture_of(gather_known(problem, known, 3), problem, prior).out_of(problem.frame)


@pytest.mark.parametrize("structure", COVARIANCES)
def test_one_refit_is_mclusts(structure):
    found = one_refit(*faithful(), structure)
    np.testing.assert_allclose(found.means, MEANS, rtol=1e-10)
    np.testing.assert_allclose(found.covariance.dense()[:, [0, 0, 1], [0, 1, 1]], COVARIANCES[structure], rtol=1e-10)


@pytest.mark.parametrize("structure", ONE_COLUMN)
def test_one_refit_of_one_column_is_mclusts(structure):
    rows, known = faithful()
    found = one_refit(rows[:, 1:], known, structure)
    np.testing.assert_allclose(found.means[:, 0], np.array(MEANS)[:, 1], rtol=1e-10)
    np.testing.assert_allclose(found.covariance.variances()[:, 0], ONE_COLUMN[structure], rtol=1e-10)


@pytest.mark.parametrize(("structure", "shrinkage"), LOG_LIKELIHOODS)
def test_fits_are_mclusts(structure, shrinkage):
    rows, known = faithful()
    prior = ConjugatePrior(scale=default_scale(rows, structure), shrinkage=shrinkage)
    settings = {"prior": prior, "reg_covar": 0, "tol": 1e-13, "max_iter": 10_000}
    found = fitted(rows, family(structure).name, FromPartition(known, 3), **settings)
    reference = LOG_LIKELIHOODS[structure, shrinkage]
    assert likelihood(found.mixture, rows).log_likelihood == pytest.approx(reference, abs=1e-4)
