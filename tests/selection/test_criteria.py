"""Criteria against scikit-learn's, against mclust's, and against their definitions."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import sklearn.mixture
from sklearn.datasets import load_iris

from cases import FAMILY_NAMES, fitted, random_mixture
from gmmkit import GaussianMixture
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.starts import FromPartition
from gmmkit.model.covariance.catalogue import family
from gmmkit.model.evaluation import Likelihood, likelihood
from gmmkit.model.mixture import Mixture
from gmmkit.selection.criteria import CRITERIA, Fitted

X = load_iris().data
SHARED = Path(__file__).parents[3] / "shared"


def read(path):
    if not SHARED.exists():
        pytest.skip("the reference figures are not here")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_bic_and_aic_are_scikit_learns(covariance_type):
    theirs = sklearn.mixture.GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(X)
    ours = GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(X)
    ours.weights_, ours.means_, ours.covariances_ = theirs.weights_, theirs.means_, theirs.covariances_
    assert ours.bic(X) == pytest.approx(theirs.bic(X), rel=1e-10)
    assert ours.aic(X) == pytest.approx(theirs.aic(X), rel=1e-10)


def test_icl_adds_twice_the_log_of_the_sure_posteriors():
    model = GaussianMixture(3, random_state=0).fit(X)
    unsure = np.log(model.predict_proba(X).max(axis=1)).sum()
    assert model.icl(X) == pytest.approx(model.bic(X) - 2 * unsure, rel=1e-12)
    assert model.icl(X) > model.bic(X)


#: mclust 6.0.0: ``r <- me(faithful, model, unmap(kmeans3), control = emControl(tol = 1e-14))``, then ``bic`` and
#: ``bic + 2 * sum(log(apply(r$z, 1, max)))``, which is its ``icl``; its sign is the other one.
MCLUST = {
    "EEE": (-2314.295678376, -2358.389565802),
    "VEE": (-2321.931791275, -2378.634430898),
    "VVI": (-2342.118298606, -2381.948125264),
    "VII": (-3336.532658727, -3360.935565033),
    "VVV": (-2333.726576315, -2367.111431378),
}


@pytest.mark.parametrize("structure", MCLUST)
def test_bic_and_icl_are_mclusts(structure):
    labels = [int(row["kmeans3"]) for row in read(SHARED / "reference" / "fixed_start_partition_faithful.csv")]
    rows = np.array([list(map(float, row.values())) for row in read(SHARED / "data" / "classic" / "faithful.csv")])
    start = FromPartition(lambda block: np.eye(3)[np.array(labels)[block.index :][: len(block.rows)] - 1], 3)
    result = fitted(rows, family(structure).name, start, reg_covar=0, tol=1e-14, max_iter=10_000)
    fit = Fitted(likelihood(result.mixture, rows), result.mixture, result.n_parameters)
    bic, icl = MCLUST[structure]
    assert -CRITERIA["bic"](fit) == pytest.approx(bic, abs=1e-5)
    # Where the likelihood is flat, the posteriors are less converged than it is.
    assert -CRITERIA["icl"](fit) == pytest.approx(icl, abs=2e-4)


def test_sample_size_adjusted_bic_by_hand():
    # Sclove (1987): n is replaced by (n + 2) / 24.
    model = GaussianMixture(2, covariance_type="diag", random_state=0).fit(X)
    assert model.sabic(X) == pytest.approx(-2 * 150 * model.score(X) + 17 * math.log(152 / 24), rel=1e-12)


def test_message_length_of_figueiredo_and_jain_by_hand():
    # Equation 15, doubled: N = 14 parameters a component, three of them, 150 rows.
    model = GaussianMixture(3, random_state=0).fit(X)
    half = 7 * sum(math.log(150 * w / 12) for w in model.weights_) + 1.5 * math.log(150 / 12) + 3 * 15 / 2
    assert model.mml(X) == pytest.approx(2 * (half - 150 * model.score(X)), rel=1e-12)


def test_message_length_prices_what_components_share_at_all_rows():
    # Own: 4 means; shared: 10 covariances, and the 3 weights.
    model = GaussianMixture(3, covariance_type="tied", random_state=0).fit(X)
    own = 4 * sum(math.log(150 * w / 12) for w in model.weights_)
    assert model.mml(X) == pytest.approx(
        -2 * 150 * model.score(X) + own + 13 * math.log(150 / 12) + 3 * 4 + 13, rel=1e-12
    )


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_components_without_weight_cost_no_message(name):
    mixture = random_mixture(name, 3, 2)
    longer = Mixture.trusted(
        np.append(mixture.weights, 0.0), mixture.means[[0, 1, 2, 2]], mixture.covariance.take([0, 1, 2, 2])
    )
    found = Likelihood(-300.0, -3.0, 120.0)
    lengths = [CRITERIA["mml"](Fitted(found, m, m.n_parameters)) for m in (mixture, longer)]
    assert lengths[1] == pytest.approx(lengths[0], rel=1e-12)


def test_the_n_of_bic_is_the_sum_of_weights():
    model = GaussianMixture(2, random_state=0).fit(X)
    weights = np.random.default_rng(0).integers(0, 4, len(X))
    repeated = np.repeat(X, weights, axis=0)
    assert model.bic(X, sample_weight=weights) == pytest.approx(model.bic(repeated), rel=1e-12)


def test_parameters_of_equal_proportions_are_mclusts():
    settings = FitSettings(equal_weights=True)
    seen = set()
    for row in read(SHARED / "reference" / "mclust_nparams.csv"):
        k, d = int(row["G"]), int(row["d"])
        mixture = random_mixture(family(row["model"], d).name, k, d)
        assert settings.n_parameters(mixture) == int(row["df_equalpro"]), row
        assert FitSettings().n_parameters(mixture) == int(row["df"]), row
        seen.add(row["model"])
    assert len(seen) == 16


def test_criteria_count_what_was_free_in_the_fit():
    model = GaussianMixture(3, equal_weights=True, random_state=0).fit(X)
    assert model._n_parameters() == 3 * 14
    assert model.bic(X) == pytest.approx(-2 * 150 * model.score(X) + 42 * math.log(150), rel=1e-12)
