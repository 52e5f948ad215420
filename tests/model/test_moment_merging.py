"""Merged components: the moments of the whole are kept, and what is no partition is refused."""

import numpy as np
import pytest

from cases import FAMILY_NAMES, random_mixture
from gmmkit.errors import ParameterError
from gmmkit.model.covariance import Full
from gmmkit.model.mixture import Mixture
from gmmkit.model.moment_merging import merge_components

MOVES = [(0.0, 1.0), (1e8, 1.0), (0.0, 1e100), (0.0, 1e-100), (-3e4, 1e3)]


def moved(mixture, offset, unit):
    covariance = mixture.covariance.rescaled(np.full(mixture.n_features, unit))
    return Mixture(mixture.weights, mixture.means * unit + offset, covariance)


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize(("offset", "unit"), MOVES)
def test_merging_keeps_the_moments(name, offset, unit):
    mixture = moved(random_mixture(name, 4, 3), offset, unit)
    merged = mixture.merge_components([[3, 0], [2], [1]])
    assert merged.covariance_type == "full"
    slack = 1e-6 if offset == 1e8 else 1e-12
    np.testing.assert_allclose(merged.weights, [mixture.weights[[0, 3]].sum(), *mixture.weights[[2, 1]]], rtol=1e-14)
    np.testing.assert_allclose(merged.mean(), mixture.mean(), rtol=1e-12, atol=slack * unit)
    np.testing.assert_allclose(
        merged.covariance_matrix(), mixture.covariance_matrix(), rtol=slack, atol=slack * unit * unit
    )
    np.testing.assert_allclose(merged.means[1:], mixture.means[[2, 1]], rtol=1e-14, atol=1e-14 * unit)
    np.testing.assert_allclose(merged.covariances[1:], mixture.covariance.dense()[[2, 1]], rtol=1e-14)
    pair = mixture.take([0, 3])
    np.testing.assert_allclose(merged.covariances[0], pair.covariance_matrix(), rtol=slack, atol=slack * unit * unit)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_merging_everything_gives_the_one_gaussian_of_the_same_moments(name):
    mixture = random_mixture(name, 4, 2)
    merged = merge_components(mixture, [range(4)])
    np.testing.assert_allclose(merged.weights, [1.0], rtol=1e-14)
    np.testing.assert_allclose(merged.means[0], mixture.mean(), rtol=1e-12)
    np.testing.assert_allclose(merged.covariances[0], mixture.covariance_matrix(), rtol=1e-12)
    # Of all densities with these moments the Gaussian has the largest entropy.
    assert merged.entropy().value > mixture.entropy().value


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_groups_of_one_only_reorder(name):
    mixture = random_mixture(name, 3, 2)
    same = mixture.merge_components([[2], [0], [1]])
    assert same.covariance == mixture.take([2, 0, 1]).covariance
    np.testing.assert_array_equal(same.means, mixture.means[[2, 0, 1]])


def test_components_without_weight_merge():
    mixture = Mixture([0.0, 0.0, 1.0], [[0.0], [2.0], [5.0]], Full(np.ones((3, 1, 1))))
    merged = mixture.merge_components([[0, 1], [2]])
    np.testing.assert_array_equal(merged.weights, [0.0, 1.0])
    np.testing.assert_allclose(merged.means[:, 0], [1.0, 5.0])
    np.testing.assert_allclose(merged.covariances.ravel(), [2.0, 1.0])


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (
            [[0, 1]],
            "each component must be in one group, but component 2 is in none: "
            "a group of its own, [2], keeps it as it is",
        ),
        (
            [[0, 1], [2, 1]],
            "each component must be in one group, but component 1 comes twice (groups 0 and 1)",
        ),
        ([[0, 1], [2, 3]], "group 1 names component 3, but there are 0 to 2"),
        ([[0, -1], [2]], "group 0 names component -1, but there are 0 to 2"),
        ([[0, 1, 2], []], "group 1 is empty: leave it out"),
        ([0, 1], "groups must be lists of component numbers, such as [[0, 2], [1]], but group 0 is 0"),
        ([[0.5]], "groups must be lists of component numbers, such as [[0, 2], [1]], but group 0 is [0.5]"),
        (
            [],
            "each component must be in one group, but component 0 is in none: "
            "a group of its own, [0], keeps it as it is",
        ),
    ],
)
def test_merging_refuses_what_is_no_partition(groups, message):
    with pytest.raises(ParameterError) as error:
        merge_components(random_mixture("full", 3, 2), groups)
    assert str(error.value) == message
