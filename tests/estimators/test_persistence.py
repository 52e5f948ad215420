"""Saved estimators come back as they were, or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_iris

import gmmkit
from gmmkit.errors import ModelFormatError, ParameterError
from gmmkit.files import read_model, write_model

IRIS = load_iris(as_frame=True).data


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_saved_estimator_comes_back(tmp_path, covariance_type, dtype):
    model = gmmkit.GaussianMixture(3, covariance_type=covariance_type, tol=1e-4, random_state=7).fit(IRIS.astype(dtype))
    gmmkit.save(model, tmp_path / "model.gmm")
    back = gmmkit.load(tmp_path / "model.gmm")
    assert back.mixture_ == model.mixture_
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
        np.testing.assert_array_equal(getattr(back, name), getattr(model, name))
        assert getattr(back, name).dtype == dtype
    for name in ("converged_", "n_iter_", "lower_bound_", "lower_bounds_", "n_features_in_"):
        assert getattr(back, name) == getattr(model, name)
    assert list(back.feature_names_in_) == list(IRIS.columns)
    assert (back.tol, back.random_state, back.covariance_type) == (1e-4, 7, covariance_type)
    np.testing.assert_array_equal(back.predict(IRIS), model.predict(IRIS))


def test_a_search_saves_its_winner_and_the_table(tmp_path):
    search = gmmkit.GaussianMixtureSearch(range(1, 4)).fit(IRIS)
    gmmkit.save(search, tmp_path / "model.gmm")
    assert gmmkit.load(tmp_path / "model.gmm").mixture_ == search.mixture_
    record = read_model(tmp_path / "model.gmm")
    assert record.table == search.results_
    # What the command line keeps of a search is known here too.
    assert record.fit["bic"] == search.best_score_
    assert (record.fit["criterion"], record.fit["margin"]) == ("bic", search.margin_)
    assert record.fit["log_likelihood"] == search.results_[0]["log_likelihood"]


def test_a_structure_comes_back_by_the_name_it_was_asked_for_by(tmp_path):
    for name in ("VVV", "full", "VEV"):
        gmmkit.save(gmmkit.GaussianMixture(2, covariance_type=name, random_state=0).fit(IRIS), tmp_path / "model.gmm")
        assert gmmkit.load(tmp_path / "model.gmm").covariance_type == name


@pytest.fixture(scope="module")
def moons():
    rng = np.random.default_rng(0)
    t = rng.uniform(0, np.pi, 300)
    upper, lower = np.c_[np.cos(t), np.sin(t)], np.c_[1 - np.cos(t), 0.5 - np.sin(t)]
    return np.where((np.arange(300) % 2)[:, None] == 0, upper, lower) + rng.normal(0, 0.06, (300, 2))


@pytest.mark.parametrize(
    "settings", [{"n_clusters": 2}, {"n_clusters": 2, "covariance_type": ["VVV"], "random_state": 3}]
)
def test_clusters_come_back(tmp_path, moons, settings):
    found = gmmkit.MixtureClusterer(**settings).fit(moons)
    gmmkit.save(found, tmp_path / "clusters.gmm")
    back = gmmkit.load(tmp_path / "clusters.gmm")
    assert isinstance(back, gmmkit.MixtureClusterer)
    assert back.get_params() == found.get_params()
    assert back.mixture_ == found.mixture_
    np.testing.assert_array_equal(back.predict(moons), found.labels_)
    np.testing.assert_array_equal(back.predict_proba(moons), found.predict_proba(moons))
    np.testing.assert_array_equal(back.component_clusters_, found.component_clusters_)
    for name in ("n_clusters_", "candidates_", "reason_", "n_features_in_"):
        assert getattr(back, name) == getattr(found, name)
    assert found.merge_tree_ is not None
    assert back.merge_tree_.as_record() == found.merge_tree_.as_record()
    assert back.merge_tree_.mixture is back.mixture_
    assert not hasattr(back, "labels_")
    gmmkit.save(back, tmp_path / "again.gmm")
    assert (tmp_path / "again.gmm").read_bytes() == (tmp_path / "clusters.gmm").read_bytes()


def test_clusters_of_one_component_each_come_back(tmp_path):
    found = gmmkit.MixtureClusterer(1, covariance_type="EEE").fit(IRIS)
    gmmkit.save(found, tmp_path / "clusters.gmm")
    back = gmmkit.load(tmp_path / "clusters.gmm")
    assert (back.merge_tree_, found.merge_tree_) == (None, None)
    assert list(back.feature_names_in_) == list(IRIS.columns)
    np.testing.assert_array_equal(back.predict(IRIS), found.labels_)


def test_clusters_of_an_incomplete_record_are_refused(tmp_path, moons):
    gmmkit.save(gmmkit.MixtureClusterer(2).fit(moons), tmp_path / "clusters.gmm")
    record = read_model(tmp_path / "clusters.gmm")
    tree = record.fit["merging"]
    looped = [{**row, "first": [0], "second": [1]} if row["first"] else row for row in tree["rows"]]
    for wrong in (
        {"merging": None},
        {"merging": {**tree, "rows": tree["rows"][1:]}},
        {"merging": {**tree, "rows": looped}},
        {"merging": {**tree, "rows": [{**row, "first": []} if row["first"] else row for row in tree["rows"]]}},
        {"candidates": [{}]},
        {"candidates": 3},
    ):
        write_model(replace(record, fit={**record.fit, **wrong}), tmp_path / "wrong.gmm")
        with pytest.raises(ModelFormatError, match=r"wrong.gmm: its record of the fit is incomplete"):
            gmmkit.load(tmp_path / "wrong.gmm")


def test_a_fit_without_passes_is_kept(tmp_path):
    model = gmmkit.GaussianMixture(2, max_iter=0, random_state=0).fit(IRIS)
    gmmkit.save(model, tmp_path / "model.gmm")
    assert gmmkit.load(tmp_path / "model.gmm").lower_bound_ == -np.inf


def test_what_cannot_be_saved_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(ParameterError, match="expected one of GaussianMixture, StudentMixture, .*, but got dict"):
        gmmkit.save({}, tmp_path / "model.gmm")
    for unfitted in (gmmkit.GaussianMixture(), gmmkit.GaussianMixtureSearch(), gmmkit.MixtureClusterer()):
        with pytest.raises(ParameterError, match="no record of a fit to save: fit it first"):
            gmmkit.save(unfitted, tmp_path / "model.gmm")
    with pytest.raises(OSError, match="model.gmm"):
        gmmkit.save(gmmkit.GaussianMixture().fit(IRIS), tmp_path / "missing" / "model.gmm")
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "model.gmm"
    gmmkit.save(gmmkit.GaussianMixture(2, random_state=0).fit(IRIS), path)
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFormatError, match="model.gmm"):
        gmmkit.load(path)
