import numpy as np
import pytest

from cases import blobs, fitted, opened
from gmmkit.inference.moves import best_split, divided, joined, score_sample, split, split_and_merge, swapped
from gmmkit.inference.sampling import Sample, sample_rows
from gmmkit.model.mixture import Mixture


@pytest.fixture
def three():
    """Three clusters in a row, and a mixture that holds two of them in one component and halves the third."""
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 60)
    rows = random.standard_normal((180, 2)) + 12.0 * labels[:, None] * [1.0, 0.5]
    means = np.array([[6.0, 3.0], [23.5, 12.0], [24.5, 12.0]])
    covariances = np.array([np.diag([40.0, 12.0]), np.eye(2), np.eye(2)])
    with opened(rows) as problem:
        mixture = Mixture.from_arrays([0.66, 0.17, 0.17], means, covariances).into(problem.frame)
        yield problem, sample_rows(problem, random), mixture, labels, rows


def in_clusters(problem, sample, responsibilities, labels, rows):
    """Return how much of each cluster each component holds (k, 3)."""
    z = problem.frame.points_in(rows)
    order = [int(np.abs(z - row).sum(axis=1).argmin()) for row in sample.rows]
    return np.array([[r[labels[order] == c].sum() for c in range(3)] for r in responsibilities])


def test_a_component_is_divided_between_its_clusters(three):
    problem, sample, mixture, labels, rows = three
    before, _ = score_sample(mixture, sample)
    after = divided(problem, sample, before, 0)
    np.testing.assert_array_equal(after[0] + after[3], before[0])
    np.testing.assert_array_equal(after[1:3], before[1:])
    held = in_clusters(problem, sample, after[[0, 3]], labels, rows).round()
    assert sorted(held.tolist()) == [[0, 60, 0], [60, 0, 0]]


@pytest.mark.parametrize(("first", "second", "kept"), [(0, 2, [0, 1]), (2, 0, [1, 2]), (1, 2, [0, 1])])
def test_two_components_are_joined_in_the_place_of_the_first(first, second, kept):
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 10).T
    found = joined(shares, first, second)
    assert found.shape == (2, 10)
    np.testing.assert_allclose(found.sum(axis=0), 1.0)
    expected = shares[kept].copy()
    expected[kept.index(first)] += shares[second]
    np.testing.assert_allclose(found, expected)


def test_the_first_split_and_merge_is_the_right_one(three):
    problem, sample, mixture, labels, rows = three
    held = in_clusters(problem, sample, next(split_and_merge(problem, sample, mixture)), labels, rows)
    assert sorted(held.round().argmax(axis=1)) == [0, 1, 2]
    np.testing.assert_allclose(np.sort(held, axis=1)[:, -1], 60.0, atol=1.0)


def test_every_split_and_merge_is_tried_once_and_shares_every_row(three):
    problem, sample, mixture, _, _ = three
    found = list(split_and_merge(problem, sample, mixture))
    assert len(found) == 3  # three pairs, one third each
    for shares in found:
        np.testing.assert_allclose(shares.sum(axis=0), 1.0)
    two = Mixture.trusted(np.array([0.5, 0.5]), mixture.means[:2], mixture.covariance.take([0, 1]))
    assert list(split_and_merge(problem, sample, two)) == []


def test_a_swapped_component_takes_a_share_of_rows_near_each_other(three):
    problem, sample, mixture, _, _ = three
    places = set()
    for seed in range(30):
        shares = swapped(problem, sample, mixture, np.random.default_rng(seed))
        np.testing.assert_allclose(shares.sum(axis=0), 1.0)
        taken = [j for j in range(3) if set(np.unique(shares[j])) <= {0.0, 1.0} and 55 <= shares[j].sum() <= 65]
        assert taken
        places |= {int(np.argmax(shares[taken[0]]))}
    assert len(places) > 5


def test_the_best_split_is_of_the_component_that_holds_two_clusters(three):
    problem, sample, mixture, _, _ = three
    two = Mixture.trusted(np.array([2, 1]) / 3, mixture.means[:2], mixture.covariance.take([0, 1]))
    found = best_split(two, problem, sample)
    assert found.n_components == 3
    centres = problem.frame.points_out(found.means[[0, 2]])
    np.testing.assert_allclose(centres[np.argsort(centres[:, 0])], [[0, 0], [12, 6]], atol=0.5)
    np.testing.assert_allclose(found.weights, [1 / 3, 1 / 3, 1 / 3])
    np.testing.assert_array_equal(found.covariance.dense()[0], found.covariance.dense()[2])


def test_a_component_without_rows_is_split_in_place():
    rows = blobs(50, 2, 2)
    with opened(rows) as problem:
        sample = sample_rows(problem, np.random.default_rng(0))
        mixture = fitted(rows).mixture.into(problem.frame)
        found = split(mixture, 0, problem, sample, np.zeros((2, len(sample.weights))))
    np.testing.assert_array_equal(found.means, mixture.means[[0, 1, 0]])


def test_a_weight_is_a_repetition_in_a_division():
    rows, times = np.random.default_rng(0).standard_normal((30, 2)), np.random.default_rng(1).integers(1, 4, 30)
    with opened(rows, weights=times) as problem:
        shares = np.random.default_rng(2).dirichlet(np.ones(2), 30).T
        found = divided(problem, Sample(rows, times * 1.0), shares, 0)
        written = Sample(np.repeat(rows, times, axis=0), np.ones(times.sum()))
        expected = divided(problem, written, np.repeat(shares, times, axis=1), 0)
    np.testing.assert_allclose(np.repeat(found, times, axis=1), expected)
