import numpy as np
import pytest

import oracle
from cases import FAMILY_NAMES, blobs, fitted, opened, random_mixture
from gmmkit.inference.prior import make_prior
from gmmkit.inference.starts import STARTS, FromMixture, FromPartition, Named, Overridden, gather_hard, gather_known
from gmmkit.model.covariance import Full


def begun(problem, start, seed=0, reg_covar=0):
    state, repairs = start(problem, make_prior(problem, reg_covar), "floor", np.random.default_rng(seed))
    return state.out_of(problem.frame), repairs


def rows_of(shares):
    return lambda block: shares[block.index : block.index + len(block.rows)]


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_partition_is_the_oracles_m_step(name):
    rows = blobs(60, 2, 3) + 1e4
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 60)
    weights = np.random.default_rng(1).integers(0, 3, 60).astype(float)
    with opened(rows, name, weights=weights) as problem:
        found, repairs = begun(problem, FromPartition(rows_of(shares), 3))
    expected = oracle.m_step(name, rows, shares * weights[:, None])
    np.testing.assert_allclose(found.weights, expected[0], rtol=1e-12)
    np.testing.assert_allclose(found.means, expected[1], rtol=1e-12)
    # Orientation is found by inner passes, ours and the oracle's, each to a tolerance of the objective.
    iterative = name in ("EVE", "VVE")
    np.testing.assert_allclose(found.covariance.dense(), expected[2], rtol=1e-3 if iterative else 1e-8, atol=1e-9)
    assert repairs == []


def test_a_partition_of_clusters_far_apart_keeps_its_digits():
    rows = np.repeat([0.0, 2.0**30], 50)[:, None] + np.round(blobs(100, 2, 2) * 1024) / 1024
    shares = np.repeat(np.eye(2), 50, axis=0)
    with opened(rows) as problem:
        found, _ = begun(problem, FromPartition(rows_of(shares), 2))
    np.testing.assert_allclose(found.covariances[0], np.cov(rows[:50].T, bias=True), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("metric", ["raw", "pooled"])
def test_hard_assignment_is_to_the_nearest_centre_of_its_metric(metric):
    rows = blobs(80, 2, 3, seed=1) * [1.0, 300.0]
    centres = rows[[0, 30, 60]]
    with opened(rows) as problem:
        statistics = gather_hard(problem, problem.frame.points_in(centres), metric)
        means = problem.frame.points_out(statistics.means())
    white = np.eye(2) if metric == "raw" else np.linalg.cholesky(np.linalg.inv(np.cov(rows.T, bias=True)))
    nearest = np.array([np.argmin([(((x - c) @ white) ** 2).sum() for c in centres]) for x in rows])
    np.testing.assert_array_equal(statistics.counts, np.bincount(nearest, minlength=3))
    np.testing.assert_allclose(means, [rows[nearest == j].mean(axis=0) for j in range(3)], rtol=1e-10)


def test_known_responsibilities_are_not_written_to():
    rows, shares = blobs(40, 2, 2), np.full((40, 2), 0.5)
    shares.setflags(write=False)
    with opened(rows, weights=np.full(40, 2.0)) as problem:
        statistics = gather_known(problem, rows_of(shares), 2)
    np.testing.assert_allclose(statistics.counts, 40.0)


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize("k", [1, 2, 7])
def test_named_starts_give_k_components(name, k):
    with opened(blobs(100, 2, 3)) as problem:
        one, other = begun(problem, Named(name, k)), begun(problem, Named(name, k))
        assert one[0] == other[0], "the same seed, the same start"
        assert one[0].n_components == k
        assert one[0].weights.sum() == pytest.approx(1.0)
        if k > 1:
            assert begun(problem, Named(name, k), seed=1)[0] != one[0] or name in (
                "kmeans",
                "hierarchical",
                "hierarchical-ward",
                "short-runs",
                "swap",
            )


@pytest.mark.parametrize("name", STARTS)
def test_one_component_is_the_data(name):
    rows = blobs(100, 2, 3)
    with opened(rows) as problem:
        found, _ = begun(problem, Named(name, 1))
    np.testing.assert_allclose(found.means[0], rows.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariances[0], np.cov(rows.T, bias=True), rtol=1e-11)


@pytest.mark.parametrize("metric", ["raw", "pooled"])
@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e9])
def test_only_the_pooled_metric_is_blind_to_the_units_of_a_column(scale, metric):
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 100)
    # Two clusters along the first column; the second is as wide as `scale` and says nothing.
    rows = np.column_stack([8.0 * labels + random.standard_normal(200), random.standard_normal(200) * scale])
    with opened(rows) as problem:
        found, _ = begun(problem, Named("kmeans", 2, metric))
    right = (found.classify(rows) == labels).mean()
    assert (max(right, 1 - right) > 0.99) == (metric == "pooled" or scale < 1e9)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_mixture_is_a_start_as_it_is(name):
    mixture = random_mixture(name, 3, 2)
    with opened(blobs(100, 2, 3), name) as problem:
        found, repairs = begun(problem, FromMixture(mixture))
    np.testing.assert_allclose(found.means, mixture.means, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(found.covariances, mixture.covariances)
    assert repairs == []


def test_what_is_given_overrides_what_is_found():
    rows = blobs(100, 2, 2)
    with opened(rows) as problem:
        plain, _ = begun(problem, Named("kmeans", 2))
        means = np.array([[1.0, 2.0], [3.0, 4.0]])
        found, _ = begun(problem, Overridden(Named("kmeans", 2), means=means))
        np.testing.assert_allclose(found.means, means)
        np.testing.assert_array_equal(found.weights, plain.weights)
        np.testing.assert_array_equal(found.covariances, plain.covariances)
        covariance = Full(np.array([np.eye(2), 4 * np.eye(2)]))
        found, _ = begun(
            problem, Overridden(Named("kmeans", 2), weights=np.array([0.1, 0.9]), covariance=lambda: covariance)
        )
        np.testing.assert_array_equal(found.weights, [0.1, 0.9])
        np.testing.assert_array_equal(found.covariances, covariance.values)
        np.testing.assert_array_equal(found.means, plain.means)


def test_more_starts_never_end_lower():
    rows = blobs(200, 2, 5, seed=8)
    found = [fitted(rows, start="random_from_data", k=5, n_init=n).objective for n in (1, 3, 9)]
    assert found == sorted(found)
