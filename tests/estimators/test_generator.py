"""`GaussianMixtureGenerator`: rows of the kinds of columns, classes, and bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from gmmkit import GaussianMixture, GaussianMixtureGenerator
from gmmkit.data import as_table
from gmmkit.errors import DataError, ParameterError


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    labels = np.where(random.random(400) < 0.15, "rare", "common")
    shift = 3.0 * (labels == "rare")
    frame = pd.DataFrame({"age": random.poisson(5, 400) + shift, "income": random.lognormal(1, 0.5, 400) + shift})
    return frame, labels


@pytest.fixture(scope="module")
def fitted(rows):
    X, labels = rows
    return GaussianMixtureGenerator(GaussianMixture(2, random_state=0), bounds={"age": (0, 40)}).fit(X, labels=labels)


def test_rows_have_the_kinds_of_their_columns(rows, fitted):
    drawn, labels = fitted.sample(500, random_state=0)
    assert drawn.shape == (500, 2)
    assert (drawn[:, 0] % 1 == 0).all()
    assert drawn[:, 0].min() >= 0
    assert drawn[:, 0].max() <= 40
    assert drawn[:, 1].min() >= 0
    assert (labels == "rare").mean() == pytest.approx(0.15, abs=0.06)
    np.testing.assert_array_equal(drawn, fitted.sample(500, random_state=0)[0])
    np.testing.assert_array_equal(fitted.sample(5)[0], fitted.sample(5, random_state=0)[0])


def test_given_columns_go_by_name_or_position(fitted):
    by_name, _ = fitted.sample(50, given={"age": 3}, random_state=0)
    np.testing.assert_array_equal(by_name, fitted.sample(50, given={0: 3}, random_state=0)[0])
    assert (by_name[:, 0] == 3).all()


def test_augmented_classes_are_as_large_as_the_largest(rows, fitted):
    X, labels = rows
    more, its = fitted.augment(X, labels, random_state=0)
    np.testing.assert_array_equal(more[: len(X)], X.to_numpy())
    np.testing.assert_array_equal(its[: len(X)], labels)
    assert (its == "rare").sum() == (its == "common").sum() == (labels == "common").sum()
    assert set(its[len(X) :]) == {"rare"}
    assert more[len(X) :, 0].mean() == pytest.approx(X["age"][labels == "rare"].mean(), abs=0.8)
    balanced = fitted.sample(100, balanced=True, random_state=0)[1]
    assert (balanced == "rare").sum() == 50


def test_fidelity_compares_with_as_many_rows_or_with_those_given(rows, fitted):
    X, _ = rows
    found = fitted.fidelity(X)
    assert (found.n_real, found.n_drawn) == (400, 400)
    assert [column.name for column in found.columns] == ["age", "income"]
    assert max(column.distance for column in found.columns) < 0.15
    assert fitted.fidelity(X, X).copies == 400


def test_weights_count(rows):
    X, labels = rows
    only = GaussianMixtureGenerator(GaussianMixture(1)).fit(X, sample_weight=(labels == "rare").astype(float))
    assert only.sample(400, random_state=0)[0][:, 0].mean() == pytest.approx(X["age"][labels == "rare"].mean(), abs=0.6)
    assert only.sample(3)[1] is None


def test_fidelity_weighs_the_real_rows_as_the_fit_did(rows):
    X, labels = rows
    weights = np.where(labels == "rare", 8.0, 1.0)
    heavy = GaussianMixtureGenerator(GaussianMixture(2, random_state=0)).fit(X, sample_weight=weights)
    drawn = pd.DataFrame(heavy.sample(400, random_state=1)[0], columns=X.columns)
    found = heavy.fidelity(X, drawn, sample_weight=weights)
    assert max(column.distance for column in found.columns) < 0.2
    assert found.p_value > 1e-3
    assert found.n_real < 400
    table = as_table(X, weights=weights)
    assert heavy.fidelity(table, drawn) == found
    assert max(column.distance for column in heavy.fidelity(X, drawn).columns) > 0.25
    with pytest.raises(DataError, match="weights"):
        heavy.fidelity(X, sample_weight=weights[:-1])


def test_labels_go_by_either_name_and_are_checked(rows, fitted):
    X, labels = rows
    bounds = {"age": (0, 40)}
    found = GaussianMixtureGenerator(GaussianMixture(2, random_state=0), bounds=bounds).fit(X, labels)
    assert found.classes_.tolist() == ["common", "rare"]
    for here, there in zip(found.sample(20), fitted.sample(20), strict=True):
        np.testing.assert_array_equal(here, there)
    one = GaussianMixtureGenerator(GaussianMixture(1))
    assert set(one.fit(X, np.zeros(400, dtype=int)).sample(5)[1]) == {0}
    with pytest.raises(ParameterError, match="both given"):
        one.fit(X, labels, labels=labels)
    numbers = (labels == "rare").astype(float)
    for wrong in (np.r_[[np.nan], numbers[1:]], np.r_[[None], labels[1:]], pd.Series([pd.NA, *labels[1:]])):
        with pytest.raises(DataError, match="the label of row 0 is"):
            one.fit(X, wrong)
    with pytest.raises(DataError, match="all numbers or all text"):
        one.fit(X, np.array([1, *labels[1:]], dtype=object))
    with pytest.raises(ValueError, match="continuous"):
        one.fit(X, np.linspace(0, 1, 400))


def test_what_cannot_be_used_is_said(rows, fitted):
    X, labels = rows
    plain = GaussianMixtureGenerator(GaussianMixture(1))
    with pytest.raises(NotFittedError):
        plain.sample()
    with pytest.raises(ValueError, match="'estimator' parameter"):
        GaussianMixtureGenerator(3).fit(X)
    with pytest.raises(ParameterError, match="bounds names 'wage', but the columns are age, income"):
        GaussianMixtureGenerator(bounds={"wage": (0, 1)}).fit(X)
    with pytest.raises(ParameterError, match="not named"):
        GaussianMixtureGenerator(bounds={"wage": (0, 1)}).fit(X.to_numpy())
    with pytest.raises(DataError, match="column 'age' has the value"):
        GaussianMixtureGenerator(bounds={"age": (0, 1)}).fit(X)
    with pytest.raises(DataError, match="y has 399 labels, but X has 400 rows"):
        plain.fit(X, labels=labels[:-1])
    with pytest.raises(DataError, match=r"class lone has 1 row\(s\)"):
        plain.fit(X, labels=np.r_[["lone"], labels[1:]])
    with pytest.raises(ParameterError, match="no classes to balance"):
        GaussianMixtureGenerator(GaussianMixture(1)).fit(X).augment(X, labels)
    with pytest.raises(DataError, match="labels have 'new'"):
        fitted.augment(X, np.r_[["new"], labels[1:]])
    with pytest.raises(DataError, match="labels must be one for each"):
        fitted.augment(X, labels[1:])
    with pytest.raises(ParameterError, match="given names 'wage'"):
        fitted.sample(given={"wage": 1.0})
    with pytest.raises(ParameterError, match="n_rows"):
        fitted.sample(0)
