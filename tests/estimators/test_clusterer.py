"""`MixtureClusterer`: scikit-learn's contract, what it tells of its choice, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import gmmkit
from gmmkit import MixtureClusterer, bootstrap, observed_information
from gmmkit.errors import DataError, ParameterError
from gmmkit.model.covariance import family
from gmmkit.selection.merge_tree import MergeTree


@pytest.fixture(scope="module")
def moons():
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 2
    t = rng.uniform(0, np.pi, 400)
    upper, lower = np.c_[np.cos(t), np.sin(t)], np.c_[1 - np.cos(t), 0.5 - np.sin(t)]
    return np.where(labels[:, None] == 0, upper, lower) + rng.normal(0, 0.06, (400, 2)), labels


@pytest.fixture(scope="module")
def fitted(moons):
    return MixtureClusterer(2).fit(moons[0])


@pytest.mark.filterwarnings("ignore::gmmkit.errors.SingularComponentWarning")
@parametrize_with_checks([MixtureClusterer(2, covariance_type=["EII", "full"]), MixtureClusterer()])
def test_scikit_learn_check(estimator, check):
    check(estimator)


def same_partition(a, b):
    return len(set(zip(a.tolist(), b.tolist(), strict=True))) == len(set(a.tolist())) == len(set(b.tolist()))


def test_moons_are_found_and_told_of(moons, fitted):
    assert same_partition(fitted.labels_, moons[1])
    assert fitted.n_clusters_ == 2
    assert isinstance(fitted.merge_tree_, MergeTree)
    assert fitted.merge_tree_.mixture is fitted.mixture_
    assert len(fitted.component_clusters_) == fitted.mixture_.n_components > 2
    assert set(fitted.component_clusters_) == {0, 1}
    assert "merged to 2 clusters" in fitted.reason_
    assert fitted.candidates_[0]["merged"] is True
    assert fitted.candidates_[0]["n_components"] == fitted.mixture_.n_components


def test_probabilities_are_those_of_the_groups_of_the_tree(moons, fitted):
    rows, _ = moons
    probabilities = fitted.predict_proba(rows)
    assert probabilities.shape == (400, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    np.testing.assert_allclose(probabilities, fitted.merge_tree_.probabilities(rows, 2), atol=1e-12)
    np.testing.assert_array_equal(fitted.predict(rows), probabilities.argmax(axis=1))
    np.testing.assert_array_equal(fitted.predict(rows), fitted.labels_)


def test_one_component_a_cluster_has_no_tree():
    rng = np.random.default_rng(1)
    rows = np.concatenate([rng.normal(0, 1, (80, 2)), rng.normal(9, 1, (80, 2))])
    clusterer = MixtureClusterer(2).fit(rows)
    assert clusterer.merge_tree_ is None
    assert clusterer.mixture_.n_components == 2


def test_fit_predict_takes_weights(moons):
    rows, labels = moons
    weights = np.where(np.arange(400) < 200, 1.0, 0.0)
    found = MixtureClusterer(2).fit_predict(rows, sample_weight=weights)
    assert same_partition(found[:200], labels[:200])


def test_the_same_seed_gives_the_same_clusters(moons):
    rows, _ = moons
    first, second = (MixtureClusterer(2, random_state=7).fit(rows) for _ in range(2))
    assert first.mixture_ == second.mixture_
    assert first.candidates_ == second.candidates_


def test_the_caller_may_choose_structures(moons):
    rows, _ = moons
    clusterer = MixtureClusterer(2, covariance_type=["tied", "VVI"]).fit(rows)
    assert {row["covariance_type"] for row in clusterer.candidates_} <= {"tied", "VVI"}


def test_one_column():
    rng = np.random.default_rng(2)
    rows = np.concatenate([rng.normal(0, 1, 150), rng.normal(8, 2, 150)])[:, None]
    labels = np.arange(300) // 150
    assert (MixtureClusterer(2).fit(rows).labels_ == labels).mean() > 0.98


def test_data_frames_keep_their_names(moons):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(moons[0], columns=["x", "y"])
    clusterer = MixtureClusterer(2).fit(frame)
    assert list(clusterer.feature_names_in_) == ["x", "y"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_clusters": 0}, "n_clusters"),
        ({"n_clusters": "many"}, "n_clusters"),
        ({"n_clusters": 2.5}, "n_clusters"),
        ({"covariance_type": "round"}, "covariance_type"),
        ({"covariance_type": ["full", "round"]}, "must be 'all' or some of .*'round'"),
        ({"covariance_type": ["full", "factor"]}, "'factor' needs a number of factors"),
        ({"covariance_type": [["full"]]}, "must be 'all' or some of .*'full'"),
        ({"covariance_type": []}, "covariance_type is empty: give 'all' or some of"),
        ({"covariance_type": "E"}, "for one column, but there are 2"),
        ({"random_state": "seed"}, "random_state"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(moons, parameters, message):
    with pytest.raises(ValueError, match=message):
        MixtureClusterer(**parameters).fit(moons[0])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.array([[1.0, np.nan], [2.0, 3.0]]), "row 0, column 1"),
        (np.ones((1, 2)), "1 sample"),
        (np.ones(5), "1D array"),
        (np.ones((5, 2)), "2 clusters need at least as many distinct rows, but X has 1"),
    ],
    ids=["not a number", "one row", "one dimension", "one distinct row"],
)
def test_rows_that_cannot_be_used_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        MixtureClusterer(2).fit(rows)


def test_what_is_not_fitted_says_so(moons):
    with pytest.raises(NotFittedError):
        clone(MixtureClusterer(2)).predict(moons[0])


def test_equal_rows_have_no_clusters():
    with pytest.raises(DataError, match="no two rows that differ"):
        MixtureClusterer().fit(np.ones((20, 2)))


def test_weights_may_be_huge():
    rows = np.concatenate([np.random.default_rng(0).normal(c, 1.0, (40, 2)) for c in (0.0, 8.0)])
    plain, weighted = (MixtureClusterer(2).fit(rows, sample_weight=w) for w in (None, np.full(80, 1e280)))
    np.testing.assert_array_equal(plain.labels_, weighted.labels_)


def three_groups():
    """Return rows of three long clusters that lie in their own ways, in columns of very different units."""
    rng = np.random.default_rng(5)
    long = rng.normal(size=(300, 2)) * [3.0, 0.3]
    turns = np.repeat([0.0, 0.7, 1.4], 100)
    turned = np.c_[
        long[:, 0] * np.cos(turns) - long[:, 1] * np.sin(turns), long[:, 0] * np.sin(turns) + long[:, 1] * np.cos(turns)
    ]
    return (turned + np.repeat([[0.0, 0.0], [12.0, 0.0], [0.0, 15.0]], 100, axis=0)) * [1.0, 1000.0]


def test_the_structure_and_its_parameters_are_those_that_were_fitted():
    clusterer = MixtureClusterer(3, covariance_type="VEV").fit(three_groups())
    best = clusterer.candidates_[0]
    assert clusterer.covariance_type_ == best["covariance_type"] == "VEV"
    assert clusterer.mixture_.covariance_type == "full"
    assert clusterer.n_parameters_ == best["n_parameters"] < clusterer.mixture_.n_parameters


def test_a_structure_that_units_keep_is_the_mixture_s():
    clusterer = MixtureClusterer(3, covariance_type="VVI").fit(three_groups())
    assert family(clusterer.covariance_type_) is type(clusterer.mixture_.covariance)
    assert clusterer.n_parameters_ == clusterer.mixture_.n_parameters


@pytest.mark.parametrize("ask", [lambda *given: bootstrap(*given, n_replicates=40), observed_information])
def test_errors_are_of_the_structure_that_was_fitted_or_refused(ask):
    rows = three_groups()
    expected = r"MixtureClusterer fitted VEV components .* fit GaussianMixture\(3, covariance_type='VEV'\)"
    with pytest.raises(ParameterError, match=expected):
        ask(MixtureClusterer(3, covariance_type="VEV").fit(rows), rows)
    kept = MixtureClusterer(3, covariance_type="VVV").fit(rows)
    assert (ask(kept, rows).standard_errors.means > 0).all()


def test_a_loaded_clusterer_knows_its_structure(tmp_path):
    clusterer = MixtureClusterer(3, covariance_type="VEV").fit(three_groups())
    gmmkit.save(clusterer, tmp_path / "model.gmm")
    again = gmmkit.load(tmp_path / "model.gmm")
    assert (again.covariance_type_, again.n_parameters_) == ("VEV", clusterer.n_parameters_)


def test_t_components_are_tried_of_six_structures():
    clusterer = MixtureClusterer(2).fit(three_groups())
    tried = {row["covariance_type"] for row in clusterer.candidates_ if row["distribution"] == "t"}
    assert tried == {"EII", "VII", "EEI", "VVI", "EEE", "VVV"}


@pytest.mark.parametrize("structure", ["E", "V"])
def test_one_column_keeps_its_structure(structure):
    random = np.random.default_rng(0)
    rows = np.concatenate([random.normal(12.0 * j, 1.0 + (structure == "V") * j, (150, 1)) for j in range(2)])
    clusterer = MixtureClusterer(2, covariance_type=structure).fit(rows)
    assert clusterer.covariance_type_ == structure
    assert clusterer.mixture_.degrees_of_freedom is None
    assert clusterer.n_parameters_ == clusterer.mixture_.n_parameters
    assert (observed_information(clusterer, rows).standard_errors.means > 0).all()


@pytest.mark.parametrize(("name", "columns"), [("full", 2), ("VVV", 2), ("spherical", 2), ("E", 1), ("V", 1)])
def test_t_components_are_tried_by_any_name_of_their_structure(name, columns):
    random = np.random.default_rng(0)
    rows = np.concatenate([random.standard_t(2, (150, columns)) + 12.0 * j for j in range(2)])
    tried = MixtureClusterer(2, covariance_type=name).fit(rows).candidates_
    assert any(candidate["distribution"] == "t" for candidate in tried)
