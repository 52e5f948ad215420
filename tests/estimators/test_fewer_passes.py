"""Fewer passes by name: what estimators take, refuse and set; scikit-learn's behaviour unless asked."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from gmmkit import GaussianMixture, StudentMixture, load, save
from gmmkit.data import as_table

ALL = {"acceleration": "squarem", "warm_up": "mini-batch", "n_init_stop": "dominated"}


def overlapping(n=20_000, seed=0, gap=3.0):
    random = np.random.default_rng(seed)
    return random.standard_normal((n, 2)) + gap * np.eye(3, 2)[random.integers(3, size=n)]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("value", ["none", "SQUAREM", True, 1, "anderson"])
def test_names_that_mean_nothing(name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        GaussianMixture(**{name: value}).fit(overlapping(50))


@pytest.mark.parametrize("estimator", [GaussianMixture, StudentMixture])
def test_all_are_off_by_default_and_keyword_only(estimator):
    assert {name: estimator().get_params()[name] for name in ALL} == dict.fromkeys(ALL)
    with pytest.raises(TypeError):
        estimator(2, "squarem")


@pytest.mark.parametrize("estimator", [GaussianMixture, StudentMixture])
def test_all_together_find_the_optimum_of_em(estimator):
    # Tails that a t can have: those of Gaussians are the limit, which passes come to never.
    rows = overlapping() / np.sqrt(np.random.default_rng(1).chisquare(5, size=(20_000, 1)) / 5)
    settings = {"tol": 1e-8, "max_iter": 2000, "random_state": 0}
    plain = estimator(3, **settings).fit(rows)
    fast = estimator(3, n_init=3, init_params="random_from_data", **settings, **ALL).fit(rows)
    assert fast.converged_
    assert fast.lower_bound_ > plain.lower_bound_ - 1e-5
    assert fast.n_iter_ == len(fast.lower_bounds_) < plain.n_iter_
    assert np.diff(fast.lower_bounds_).min() >= -1e-10
    assert fast.fit_result_.warm_up.n_batches >= 16


def test_a_warm_start_goes_on_without_a_warm_up():
    rows = overlapping()
    model = GaussianMixture(3, warm_start=True, max_iter=5, tol=0.0, random_state=0, **ALL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        bounds = []
        for fits in range(6):
            model.fit(rows)
            assert (model.fit_result_.warm_up is None) == (fits > 0)
            bounds += model.lower_bounds_
    assert np.diff(bounds).min() >= -1e-10


def test_weights_and_tables_are_taken_as_ever(tmp_path):
    rows = overlapping()
    weights = np.random.default_rng(2).integers(1, 4, len(rows))
    settings = {"tol": 1e-9, "max_iter": 5000, "random_state": 0, **ALL}
    weighted = GaussianMixture(2, **settings).fit(as_table(rows), sample_weight=weights)
    repeated = GaussianMixture(2, **settings).fit(np.repeat(rows, weights, axis=0))
    assert weighted.lower_bound_ == pytest.approx(repeated.lower_bound_, abs=1e-7)
    save(weighted, tmp_path / "model.gmm")
    loaded = load(tmp_path / "model.gmm")
    assert {name: loaded.get_params()[name] for name in ALL} == ALL
    assert loaded.fit_result_.warm_up == weighted.fit_result_.warm_up


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_rows_of_any_type_are_read_in_pieces(dtype):
    rows = np.clip(40 * overlapping() + 100, 0, 255).astype(dtype)
    plain = GaussianMixture(2, tol=1e-8, max_iter=3000, random_state=0).fit(rows)
    fast = GaussianMixture(2, tol=1e-8, max_iter=3000, random_state=0, **ALL).fit(rows)
    assert fast.lower_bound_ == pytest.approx(plain.lower_bound_, abs=1e-5)


def test_files_are_read_in_pieces(tmp_path):
    rows = overlapping()
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    fits = [GaussianMixture(2, random_state=0, n_jobs=n, **ALL).fit(x) for x, n in ((rows, 1), (mapped, 3))]
    assert fits[0].lower_bounds_ == fits[1].lower_bounds_
    np.testing.assert_array_equal(fits[0].means_, fits[1].means_)
