"""Criteria against scikit-learn's, and against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.mixture
from sklearn.datasets import load_iris

from gmmkit import GaussianMixture

X = load_iris().data


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


def test_the_n_of_bic_is_the_sum_of_weights():
    model = GaussianMixture(2, random_state=0).fit(X)
    weights = np.random.default_rng(0).integers(0, 4, len(X))
    repeated = np.repeat(X, weights, axis=0)
    assert model.bic(X, sample_weight=weights) == pytest.approx(model.bic(repeated), rel=1e-12)
