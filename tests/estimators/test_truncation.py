"""`GaussianMixture(truncation=C)`: what the estimator promises of it."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import gmmkit
from gmmkit import GaussianMixture, StudentMixture

ROWS = np.random.default_rng(0).normal(size=(600, 2)) + 9.0 * np.random.default_rng(1).integers(6, size=(600, 2))


@pytest.mark.parametrize("covariance_type", ["diag", "spherical", "full", "VVI", "VII", "VVV"])
def test_the_bound_is_told(covariance_type):
    gm = GaussianMixture(30, covariance_type=covariance_type, truncation=3, random_state=0).fit(ROWS)
    assert gm.converged_
    assert (np.diff(gm.lower_bounds_) >= -1e-9).all()
    # Penalised, and before the last refit, which gains less than the next pass would.
    assert gm.lower_bound_ <= gm.score(ROWS) + gm.tol
    assert gm.predict_proba(ROWS).sum(axis=1) == pytest.approx(np.ones(600))


@pytest.mark.filterwarnings("ignore::gmmkit.errors.SingularComponentWarning")
@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_few_components(k):
    gm = GaussianMixture(k, covariance_type="diag", truncation=k - 1, random_state=0, tol=0.0, max_iter=20)
    with pytest.warns(ConvergenceWarning):
        gm.fit(ROWS)
    assert len(gm.lower_bounds_) == 20
    assert (np.diff(gm.lower_bounds_) >= -1e-9).all()


@pytest.mark.parametrize("asked", [{"acceleration": "squarem"}, {"covariance_type": "tied"}, {"init_params": "swap"}])
def test_as_many_as_there_are_is_plain(asked):
    plain, truncated = (GaussianMixture(3, random_state=0, truncation=c, **asked).fit(ROWS) for c in (None, 3))
    assert plain.mixture_ == truncated.mixture_
    assert plain.lower_bounds_ == truncated.lower_bounds_


def test_a_warm_start_goes_on():
    gm = GaussianMixture(30, covariance_type="diag", truncation=3, random_state=0, tol=0.0, max_iter=3, warm_start=True)
    with pytest.warns(ConvergenceWarning):
        before = gm.fit(ROWS).lower_bound_
    with pytest.warns(ConvergenceWarning):
        assert gm.fit(ROWS).lower_bound_ > before


@pytest.mark.filterwarnings("ignore::gmmkit.errors.SingularComponentWarning")
def test_given_parameters_and_labels_are_where_it_begins():
    labels = ROWS.sum(axis=1).argsort().argsort() // 20
    means = ROWS[:30]
    for asked, given in (({"means_init": means}, {}), ({}, {"start": labels})):
        gm = GaussianMixture(30, covariance_type="diag", truncation=3, random_state=0, **asked).fit(ROWS, **given)
        assert (np.diff(gm.lower_bounds_) >= -1e-9).all()


def test_it_is_kept_with_the_model(tmp_path):
    gm = GaussianMixture(30, covariance_type="diag", truncation=3, random_state=0).fit(ROWS)
    assert clone(gm).truncation == 3
    gmmkit.save(gm, tmp_path / "m.gmm")
    assert gmmkit.load(tmp_path / "m.gmm").truncation == 3
    assert gm.fit_settings().truncation == 3


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"truncation": 0}, "The 'truncation' parameter of GaussianMixture must be"),
        ({"truncation": 2.5}, "The 'truncation' parameter of GaussianMixture must be"),
        ({"truncation": "all"}, "The 'truncation' parameter of GaussianMixture must be"),
        ({"covariance_type": "tied"}, "truncation is for covariance_type 'diag', 'spherical' or 'full'"),
        ({"noise": True}, "leave noise or truncation out"),
        ({"init_params": "swap"}, "starts are 'kmeans', 'k-means\\+\\+' or 'random_from_data', but got 'swap'"),
    ],
)
def test_what_is_refused(changed, said):
    asked = {"n_components": 30, "covariance_type": "diag", "truncation": 3, **changed}
    with pytest.raises(ValueError, match=said):
        GaussianMixture(**asked).fit(ROWS)


def test_heavy_tails_have_no_truncation():
    with pytest.raises(TypeError, match="truncation"):
        StudentMixture(30, truncation=3)
