"""`GaussianMixtureRegressor`: shapes, what it says of its uncertainty, missing inputs, files, and bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score

import gmmkit
from gmmkit import GaussianMixture, GaussianMixtureDensity, GaussianMixtureRegressor, StudentMixture
from gmmkit.data import as_table
from gmmkit.errors import DataError, IncompleteRowsWarning, ModelFormatError, ParameterError
from gmmkit.files import read_model, write_model


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.uniform(-2, 2, (900, 3)), columns=["a", "b", "c"])
    noise = random.normal(size=900)
    y = np.abs(X["a"]) * 2 + X["b"] + 0.2 * (1 + (X["c"] > 0)) * noise
    return X, y.to_numpy()


@pytest.fixture(scope="module")
def fitted(rows):
    X, y = rows
    return GaussianMixtureRegressor(GaussianMixture(6, random_state=0, tol=1e-5, max_iter=500)).fit(X[:600], y[:600])


def test_one_component_is_least_squares(rows):
    X, y = rows
    model = GaussianMixtureRegressor(GaussianMixture(1, reg_covar=0)).fit(X, y)
    known = LinearRegression().fit(X, y)
    np.testing.assert_allclose(model.predict(X), known.predict(X), rtol=1e-8)
    residual = ((y - known.predict(X)) ** 2).mean()
    np.testing.assert_allclose(model.predict(X, return_std=True)[1], np.sqrt(residual), rtol=1e-8)


def test_it_bends_where_one_gaussian_cannot(rows, fitted):
    X, y = rows
    assert fitted.score(X[600:], y[600:]) > 0.9 > LinearRegression().fit(X[:600], y[:600]).score(X[600:], y[600:])
    low, high = fitted.predict_interval(X[600:], 0.8).T
    assert ((low <= y[600:]) & (y[600:] <= high)).mean() == pytest.approx(0.8, abs=0.07)
    assert fitted.log_density(X[600:], y[600:]).mean() > -1.1


def test_answers_have_the_shape_of_the_targets(rows):
    X, y = rows
    mixture = GaussianMixture(2, random_state=0)
    flat = GaussianMixtureRegressor(mixture).fit(X, y)
    column = GaussianMixtureRegressor(mixture).fit(X, y[:, None])
    two = GaussianMixtureRegressor(mixture).fit(X, np.c_[y, y**2])
    n = len(X)
    for model, shape in ((flat, ()), (column, (1,)), (two, (2,))):
        assert model.predict(X).shape == (n, *shape)
        assert model.predict(X, return_std=True)[1].shape == (n, *shape)
        assert model.predict_quantile(X, 0.5).shape == (n, *shape)
        assert model.predict_quantile(X).shape == (n, *shape, 3)
        assert model.predict_interval(X).shape == (n, *shape, 2)
        assert model.sample(X, random_state=0).shape == (n, *shape)
    np.testing.assert_array_equal(flat.predict(X), column.predict(X)[:, 0])
    assert two.n_targets_ == 2
    assert two.log_density(X, np.c_[y, y**2]).shape == (n,)
    np.testing.assert_array_equal(flat.sample(X, random_state=1), flat.sample(X, random_state=1))


def test_missing_inputs_are_integrated_out(rows, fitted):
    X, y = rows
    some = X[600:].copy()
    some.iloc[::2, 0] = np.nan
    some.iloc[1::4, 1] = np.nan
    found, std = fitted.predict(some, return_std=True)
    whole, narrow = fitted.predict(X[600:], return_std=True)
    there = ~some.isna().any(axis=1).to_numpy()
    np.testing.assert_allclose(found[there], whole[there])
    assert std[~there].mean() > 2 * narrow[~there].mean()
    # The best guess without a is not |mean of a|, which putting the mean in its place would say.
    filled = fitted.predict(some.fillna(X[:600].mean()))
    gone = some["a"].isna().to_numpy()
    assert ((found - y[600:])[gone] ** 2).mean() < 0.6 * ((filled - y[600:])[gone] ** 2).mean()


def test_rows_with_missing_inputs_are_left_out_of_the_fit_and_that_is_said(rows):
    X, y = rows
    some = X.copy()
    some.iloc[:100, 2] = np.nan
    weights = np.arange(len(X)) % 3 + 1.0
    model = GaussianMixtureRegressor(GaussianMixture(2, random_state=0))
    with pytest.warns(IncompleteRowsWarning, match="100 of 900 rows"):
        model.fit(some, y, sample_weight=weights)
    known = GaussianMixtureRegressor(GaussianMixture(2, random_state=0)).fit(X[100:], y[100:], weights[100:])
    assert model.mixture_ == known.mixture_
    with pytest.raises(DataError, match=r"1 row\(s\) of 5 without a missing value"):
        model.fit([[1.0], [np.nan], [np.nan], [np.nan], [np.nan]], np.arange(5.0))


@pytest.mark.parametrize(
    "estimator",
    [None, StudentMixture(2, random_state=0), GaussianMixtureDensity((1, 2), covariance_type="full", folds=2)],
    ids=["search", "student", "density"],
)
def test_any_estimator_with_a_mixture_will_do_and_comes_back_from_a_file(rows, estimator, tmp_path):
    X, y = rows
    model = GaussianMixtureRegressor(estimator).fit(X[:300], y[:300])
    assert model.score(X[300:], y[300:]) > 0.2
    gmmkit.save(model, tmp_path / "model.gmm")
    back = gmmkit.load(tmp_path / "model.gmm")
    assert isinstance(back, GaussianMixtureRegressor)
    assert back.mixture_ == model.mixture_
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    assert (back.n_features_in_, back.n_targets_, list(back.feature_names_in_)) == (3, 1, ["a", "b", "c"])
    assert read_model(tmp_path / "model.gmm").feature_names == ("a", "b", "c", "y")


def test_two_targets_without_names_come_back_from_a_file(rows, tmp_path):
    X, y = rows
    model = GaussianMixtureRegressor(GaussianMixture(2, random_state=0)).fit(X.to_numpy(), np.c_[y, y**2])
    gmmkit.save(model, tmp_path / "model.gmm")
    back = gmmkit.load(tmp_path / "model.gmm")
    np.testing.assert_array_equal(back.predict(X.to_numpy()), model.predict(X.to_numpy()))
    assert not hasattr(back, "feature_names_in_")
    record = read_model(tmp_path / "model.gmm")
    del record.fit["regression"]
    write_model(record, tmp_path / "model.gmm")
    with pytest.raises(ModelFormatError, match="incomplete"):
        gmmkit.load(tmp_path / "model.gmm")


def test_names_of_targets_are_none_of_the_inputs(rows):
    X, y = rows
    model = GaussianMixtureRegressor(GaussianMixture(1)).fit(X.rename(columns={"a": "y", "b": "y_1"}), y)
    assert list(model.estimator_.feature_names_in_) == ["y", "y_1", "c", "y__"]


def test_targets_that_have_names_keep_them_where_inputs_have_names_too(rows):
    X, y = rows
    one = GaussianMixtureRegressor(GaussianMixture(1)).fit(X, pd.Series(y, name="price"))
    assert list(one.estimator_.feature_names_in_) == ["a", "b", "c", "price"]
    two = GaussianMixtureRegressor(GaussianMixture(1)).fit(X, pd.DataFrame({"u": y, "v": y**2}))
    assert list(two.estimator_.feature_names_in_) == ["a", "b", "c", "u", "v"]
    for given, expected in ((pd.Series(y, name="b"), "y"), (pd.Series(y, name=3), "y"), (pd.DataFrame({0: y}), "y")):
        model = GaussianMixtureRegressor(GaussianMixture(1)).fit(X, given)
        assert list(model.estimator_.feature_names_in_) == ["a", "b", "c", expected]
    bare = GaussianMixtureRegressor(GaussianMixture(1)).fit(X.to_numpy(), pd.Series(y, name="price"))
    assert not hasattr(bare.estimator_, "feature_names_in_")


def test_it_goes_through_cross_validation(rows):
    X, y = rows
    assert cross_val_score(GaussianMixtureRegressor(GaussianMixture(3, random_state=0)), X, y, cv=3).min() > 0.5


def test_what_cannot_be_used_is_said(rows):
    X, y = rows
    with pytest.raises(ValueError, match="y contains NaN"):
        GaussianMixtureRegressor().fit(X, np.full(len(X), np.nan))
    with pytest.raises(ValueError, match="infinity"):
        GaussianMixtureRegressor().fit(np.full((10, 1), np.inf), np.arange(10.0))
    for wrong in (RandomForestRegressor(), 3, GaussianMixture):
        with pytest.raises(ValueError, match="'estimator' parameter of .* must be an instance of"):
            GaussianMixtureRegressor(wrong).fit(X, y)
    with pytest.raises(NotFittedError):
        GaussianMixtureRegressor().predict(X)
    with pytest.raises(ParameterError, match="no record of a fit"):
        gmmkit.save(GaussianMixtureRegressor(), "nowhere.gmm")


def test_tables_and_targets_of_another_shape_are_refused_in_a_line(rows):
    X, y = rows
    model = GaussianMixtureRegressor(GaussianMixture(2, random_state=0))
    with pytest.raises(DataError, match=r"X is a Table, but a regressor reads .* give X\.take"):
        model.fit(as_table(X, weights=np.ones(len(X))), y)
    model.fit(X, y)
    assert model.log_density(X, np.asarray(y)[:, None]).tolist() == model.log_density(X, y).tolist()
    for wrong in (y[:5], np.c_[y, y], y[0]):
        with pytest.raises(DataError, match=rf"y must have the shape \({len(X)},\), a row of targets"):
            model.log_density(X, wrong)
    two = GaussianMixtureRegressor(GaussianMixture(1)).fit(X, np.c_[y, np.sin(y)])
    with pytest.raises(DataError, match=rf"y must have the shape \({len(X)}, 2\), .* got \({2 * len(X)},\)"):
        two.log_density(X, np.r_[y, y])
