"""`GaussianMixtureDensity`: held-out rows, tables, files, and bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import gmmkit
from gmmkit import GaussianMixtureDensity, bootstrap
from gmmkit.errors import DataError, ModelFormatError, ParameterError
from gmmkit.files import read_model, write_model


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    t = random.uniform(0, np.pi, 500)
    return pd.DataFrame(np.c_[np.cos(t), np.sin(t)] + random.normal(0, 0.08, (500, 2)), columns=["x", "y"])


@pytest.fixture(scope="module")
def fitted(rows):
    return GaussianMixtureDensity((1, 4, 8)).fit(rows)


def test_it_says_of_new_rows_what_it_says_it_would(rows, fitted):
    random = np.random.default_rng(1)
    t = random.uniform(0, np.pi, 5000)
    new = pd.DataFrame(np.c_[np.cos(t), np.sin(t)] + random.normal(0, 0.08, (5000, 2)), columns=["x", "y"])
    assert fitted.score(new) == pytest.approx(fitted.held_out_score_, abs=0.1)
    assert fitted.score(rows) > fitted.score(new) - 0.02
    assert fitted.score_samples(new).mean() == pytest.approx(fitted.score(new))
    assert fitted.held_out_score_ > max(member["held_out"] for member in fitted.members_)
    assert sum(member["weight"] for member in fitted.members_) == pytest.approx(1.0)
    assert fitted.sample(10)[0].shape == (10, 2)


def test_a_saved_density_comes_back(rows, fitted, tmp_path):
    gmmkit.save(fitted, tmp_path / "model.gmm")
    back = gmmkit.load(tmp_path / "model.gmm")
    assert back.mixture_ == fitted.mixture_
    assert (back.members_, back.held_out_score_) == (fitted.members_, fitted.held_out_score_)
    assert list(back.feature_names_in_) == ["x", "y"]
    np.testing.assert_array_equal(back.score_samples(rows), fitted.score_samples(rows))
    assert clone(back).fit(rows).mixture_ == fitted.mixture_


def test_a_record_without_its_members_is_refused(fitted, tmp_path):
    gmmkit.save(fitted, tmp_path / "model.gmm")
    record = read_model(tmp_path / "model.gmm")
    del record.fit["members"]
    write_model(record, tmp_path / "model.gmm")
    with pytest.raises(ModelFormatError, match="incomplete"):
        gmmkit.load(tmp_path / "model.gmm")


def test_weights_are_repetitions_where_they_are_whole_numbers(rows):
    weights = np.random.default_rng(2).integers(1, 3, len(rows))
    # Sizes that no number of rows leaves out, and starts that do not depend on the order of rows.
    weighted = GaussianMixtureDensity((1, 2), covariance_type="diag").fit(rows, sample_weight=weights)
    repeated = GaussianMixtureDensity((1, 2), covariance_type="diag").fit(rows.loc[rows.index.repeat(weights)])
    np.testing.assert_allclose(weighted.score_samples(rows), repeated.score_samples(rows), atol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"n_components": 0}, "n_components"),
        ({"n_components": [2, 2.5]}, "n_components must be a whole number"),
        ({"n_components": iter([1, 2])}, "read only once"),
        ({"n_components": ()}, "n_components is empty"),
        ({"covariance_type": "fulll"}, "covariance_type"),
        ({"covariance_type": ["full", "fulll"]}, "'fulll'"),
        ({"covariance_type": "E"}, "E"),
        ({"reg_covar": 0.0}, "reg_covar"),
        ({"reg_covar": (1e-3, -1.0)}, "reg_covar must be a finite number above 0"),
        ({"folds": 1}, "folds"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(rows, parameters, said):
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        GaussianMixtureDensity(**parameters).fit(rows)


def test_rows_that_cannot_be_used_are_refused(rows, fitted):
    with pytest.raises(DataError, match="no two rows that differ"):
        GaussianMixtureDensity().fit(np.ones((10, 2)))
    with pytest.raises(ValueError, match="NaN"):
        GaussianMixtureDensity().fit([[1.0, np.nan], [2.0, 3.0]])
    with pytest.raises(NotFittedError):
        GaussianMixtureDensity().mixture_  # noqa: B018
    with pytest.raises(ParameterError, match="average of fits"):
        bootstrap(fitted, rows, n_replicates=2)
    with pytest.raises(ParameterError, match="has no record of a fit"):
        gmmkit.save(GaussianMixtureDensity(), "nowhere.gmm")
