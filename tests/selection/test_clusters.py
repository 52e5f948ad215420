"""Clusters of given number: rows no finer than recorded, merging with a guard, and the choice between candidates."""

from __future__ import annotations

import numpy as np
import pytest

from gmmkit.data import as_table
from gmmkit.errors import ParameterError
from gmmkit.model.covariance import Spherical
from gmmkit.model.covariance.catalogue import structures_for
from gmmkit.model.mixture import Mixture
from gmmkit.selection.agreement import adjusted_rand_index
from gmmkit.selection.cluster_models import ClusterModel, deviations, in_units, n_parameters
from gmmkit.selection.clusters import ClusterSettings, find_clusters
from gmmkit.selection.misclassification import clusters_after, gini, merge_components


def found(rows, k, seed=0, **kwargs):
    table = as_table(rows, **kwargs)
    return find_clusters(table, ClusterSettings(k, structures_for(table.n_columns), seed))


def labels_of(result, rows):
    return (result.mixture.posterior(rows) @ np.eye(result.n_clusters)[result.clusters]).argmax(axis=1)


def index(a, b):
    counts = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(counts, (a, b), 1.0)
    return adjusted_rand_index(counts)


def two_rings(rng, n=300):
    labels = np.arange(2 * n) // n
    angle = rng.uniform(0, 2 * np.pi, 2 * n)
    radius = np.where(labels, 4.0, 1.5) + rng.normal(0, 0.15, 2 * n)
    return np.c_[radius * np.cos(angle), radius * np.sin(angle)], labels


def blobs(rng, n=150, d=3, k=3, apart=6.0):
    labels = np.arange(n) % k
    return rng.normal(size=(n, d)) + apart * np.eye(k, d)[labels], labels


# --- rows no finer than recorded ----------------------------------------------------------------------


def test_rounded_rows_do_not_make_components_of_their_values():
    # Two clusters on whole numbers: a component on rows of one value would have no end of likelihood.
    rng = np.random.default_rng(3)
    labels = np.arange(400) % 2
    rows = np.round(rng.normal(0, 0.8, (400, 4)) + 5.0 * labels[:, None])
    result = found(rows, 2)
    assert index(labels, labels_of(result, rows)) == 1.0
    assert np.linalg.eigvalsh(result.mixture.covariance.dense()).min() > 1 / 24


# --- merging ------------------------------------------------------------------------------------------


def test_gini_of_equal_and_of_unequal_sizes():
    assert gini(np.ones(7)) == pytest.approx(0.0)
    assert gini(np.array([0.0, 0.0, 5.0])) == pytest.approx(1.0)
    assert gini(np.array([2.0])) == 0.0


def test_slivers_are_merged_before_large_clusters_are():
    # Three large groups, the first two overlapping, and a far sliver: two clusters are not {sliver, the rest}.
    large = np.array([[0.6, 0.4, 0, 0], [0.4, 0.6, 0, 0], [0, 0, 0.999, 0.001]])
    posterior = np.concatenate([np.repeat(large, 100, axis=0), [[0, 0, 0.01, 0.99]] * 2])
    merges, curve = merge_components(posterior, np.ones(len(posterior)))
    np.testing.assert_array_equal(clusters_after(merges, 4, 2), [0, 0, 1, 1])
    assert len(curve) == 4
    assert curve[0] == pytest.approx(0.0)


def test_all_merges_are_told_whatever_number_is_wanted():
    posterior = np.random.default_rng(0).dirichlet(np.ones(5), 50)
    merges, _ = merge_components(posterior, np.ones(50))
    assert len(merges) == 4
    assert [len(set(clusters_after(merges, 5, k))) for k in range(1, 6)] == [1, 2, 3, 4, 5]


# --- the choice ---------------------------------------------------------------------------------------


def test_rings_take_several_components_each():
    rows, labels = two_rings(np.random.default_rng(0))
    result = found(rows, 2)
    assert result.mixture.n_components > 2
    assert index(labels, labels_of(result, rows)) > 0.99
    assert result.candidates[0].merged
    assert "merged to 2 clusters" in result.reason
    assert result.tree.proposed == 2


def test_normal_clusters_take_one_component_each():
    rows, labels = blobs(np.random.default_rng(1))
    result = found(rows, 3)
    assert result.mixture.n_components == 3
    assert index(labels, labels_of(result, rows)) == 1.0
    assert not result.candidates[0].merged


def test_clusters_with_heavy_tails_are_not_their_tails():
    rng = np.random.default_rng(8)
    labels = np.arange(600) % 2
    rows = rng.standard_t(1.5, size=(600, 3)) + 6.0 * labels[:, None]
    result = found(rows, 2)
    assert result.candidates[0].model.distribution == "t"
    assert result.mixture.degrees_of_freedom is not None
    assert index(labels, labels_of(result, rows)) > 0.75


def test_candidates_come_best_first_and_no_better_one_was_left_out():
    rows, _ = two_rings(np.random.default_rng(0))
    candidates = found(rows, 2).candidates
    costs = [c.cost for c in candidates]
    assert costs == sorted(costs)
    n = len(rows)
    # An agreement is at most 1: what was left out could not have won.
    assert all(c.bic / n >= costs[0] for c in candidates if c.agreement is None)
    for c in candidates:
        if c.agreement is not None:
            assert c.cost == pytest.approx(c.bic / n + 1.0 - c.agreement)


def test_more_parameters_than_rows_are_not_asked_for():
    rows, _ = blobs(np.random.default_rng(2), n=60, d=6)
    result = found(rows, 3)
    assert all(2 * c.n_parameters <= 60 or c.model.structure == "EII" for c in result.candidates)


def test_one_cluster_needs_no_merging():
    rows, _ = blobs(np.random.default_rng(1))
    result = found(rows, 1)
    assert result.n_clusters == result.mixture.n_components == 1
    assert result.reason == f"{result.candidates[0].model.words()}, the smallest BIC"


@pytest.mark.parametrize("k", [1, 3])
def test_the_number_that_halves_agree_on_is_proposed(k):
    rows, labels = blobs(np.random.default_rng(4), n=300, k=k, apart=8.0)
    result = found(rows, None)
    assert result.n_clusters == k
    assert index(labels, labels_of(result, rows)) == 1.0


def test_two_rings_are_two_clusters_unasked():
    rows, labels = two_rings(np.random.default_rng(0))
    result = found(rows, None)
    assert result.n_clusters == 2
    assert index(labels, labels_of(result, rows)) > 0.99


# --- what must not matter -----------------------------------------------------------------------------


def test_units_order_and_repetition_of_rows_do_not_matter():
    rng = np.random.default_rng(5)
    rows, _ = blobs(rng, n=120)
    labels = labels_of(found(rows, 3), rows)
    scaled = rows * [1e3, 1.0, 1e-4] + [5.0, -3.0, 0.0]
    assert index(labels, labels_of(found(scaled, 3), scaled)) == 1.0
    order = rng.permutation(len(rows))
    assert index(labels[order], labels_of(found(rows[order], 3), rows[order])) == 1.0
    weights = rng.integers(1, 4, len(rows))
    weighted = found(rows, 3, weights=weights)
    repeated = found(np.repeat(rows, weights, axis=0), 3)
    assert weighted.candidates[0].model == repeated.candidates[0].model
    np.testing.assert_allclose(weighted.mixture.means, repeated.mixture.means, rtol=1e-9, atol=1e-9)


def test_the_number_of_threads_does_not_matter():
    rows, _ = two_rings(np.random.default_rng(6), n=100)
    table, settings = as_table(rows), ClusterSettings(2, structures_for(2), 0)
    one, two = (find_clusters(table, settings, n_jobs=j) for j in (1, 2))
    assert one.mixture == two.mixture


def test_many_rows_are_sought_on_a_sample_and_all_are_assigned():
    rows, labels = blobs(np.random.default_rng(7), n=6000)
    result = found(rows, 3)
    assert index(labels, labels_of(result, rows)) > 0.99


def test_a_mixture_of_scaled_columns_is_one_of_the_columns():
    rows = np.random.default_rng(0).normal(size=(50, 2)) * [3.0, 0.2]
    units = deviations(rows, np.ones(50))
    scaled = Mixture([0.4, 0.6], [[0.0, 1.0], [1.0, 0.0]], Spherical([1.0, 2.0], n_features=2))
    whole = in_units(scaled, units)
    np.testing.assert_allclose(whole.posterior(rows), scaled.posterior(rows / units), atol=1e-12)


@pytest.mark.parametrize("structure", structures_for(3))
def test_parameters_are_counted_as_the_structure_has_them(structure):
    model = ClusterModel(structure, 2)
    assert n_parameters(ClusterModel(structure, 2, "t"), 3) == n_parameters(model, 3) + 1
    assert 2 * 3 + 1 < n_parameters(model, 3) <= 2 * 3 + 1 + 2 * 6


def test_more_clusters_than_distinct_rows_are_refused():
    with pytest.raises(ParameterError, match="3 clusters need at least as many distinct rows, but X has 2"):
        found(np.array([[0.0, 1.0], [2.0, 3.0], [2.0, 3.0]]), 3)
