"""The probability of a box against products, quadrants with a closed form, another library and the tails."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal, t

from cases import FAMILY_NAMES, random_mixture
from gmmkit.errors import ParameterError
from gmmkit.model.boxes import box_probability
from gmmkit.model.covariance import Diagonal, Full
from gmmkit.model.mixture import Mixture
from gmmkit.model.noise import Noise

INF = math.inf


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_every_family_agrees_with_scipy(name):
    mixture = random_mixture(name, k=2, d=3, seed=1)
    centre, reach = mixture.mean(), np.sqrt(np.diagonal(mixture.covariance_matrix()))
    low, high = centre - 0.8 * reach, centre + reach
    expected = sum(
        w * multivariate_normal(m, c).cdf(high, lower_limit=low, rng=np.random.default_rng(0))
        for w, m, c in zip(mixture.weights, mixture.means, mixture.covariance.dense(), strict=True)
    )
    found = box_probability(mixture, dict(enumerate(zip(low, high, strict=True))))
    assert found.value == pytest.approx(expected, abs=5 * found.standard_error + 2e-4)
    assert (found.standard_error == 0) == mixture.covariance.independent_columns


def test_one_column_is_exact_in_both_tails_and_columns_without_bounds_are_left_out():
    mixture = Mixture([1.0], [[3.0, 0.0]], Full([[[4.0, 1.0], [1.0, 2.0]]]))
    inner = mixture.marginal([0])
    for low, high in ((1.0, 4.0), (-INF, 2.0), (5.0, INF)):
        found = box_probability(mixture, {0: (low, high), 1: (-INF, INF)})
        assert found.standard_error == 0
        assert found.value == pytest.approx(float(inner.cdf(high) - inner.cdf(low)), rel=1e-12)
    upper, lower = (box_probability(mixture, {0: box}).value for box in ((63.0, 65.0), (-59.0, -57.0)))
    assert upper == pytest.approx(lower, rel=1e-12)
    assert 0 < upper < 1e-190
    assert box_probability(mixture, {1: (-INF, INF)}).value == 1.0


@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.3, 0.95])
def test_a_quadrant_has_a_closed_form(correlation):
    mixture = Mixture([1.0], [[1e8, -5.0]], Full([[[1.0, correlation], [correlation, 1.0]]]))
    found = box_probability(mixture, {0: (1e8, INF), 1: (-5.0, INF)})
    expected = 0.25 + math.asin(correlation) / (2 * math.pi)
    assert found.value == pytest.approx(expected, abs=max(4 * found.standard_error, 1e-6))
    assert found.standard_error < 1e-3


def test_correlated_tails_keep_their_digits_and_their_symmetry():
    mixture = Mixture([1.0], [[0.0, 0.0]], Full([[[1.0, 0.9], [0.9, 1.0]]]))
    up, down = (box_probability(mixture, {0: box, 1: box}).value for box in ((8.0, 9.0), (-9.0, -8.0)))
    assert up == pytest.approx(down, rel=1e-2)
    assert 1e-17 < up < 1e-16


def test_parts_of_a_box_add_up_and_units_change_nothing():
    mixture = random_mixture("full", k=3, d=2, seed=3)
    parts = [box_probability(mixture, {0: box, 1: (-1.0, 2.0)}) for box in ((-INF, 0.3), (0.3, INF))]
    both = box_probability(mixture, {1: (-1.0, 2.0)})
    error = math.hypot(*(part.standard_error for part in parts))
    assert sum(part.value for part in parts) == pytest.approx(both.value, abs=5 * error + 1e-6)
    units = np.array([1e-100, 1e50])
    scaled = Mixture(mixture.weights, mixture.means * units, mixture.covariance.rescaled(units))
    there = box_probability(scaled, {0: (-INF, 0.3 * units[0]), 1: (-units[1], 2 * units[1])})
    assert there.value == pytest.approx(parts[0].value, rel=1e-6)


def test_the_same_seed_gives_the_same_answer():
    mixture = random_mixture("full", k=2, d=3, seed=5)
    box = {0: (-1.0, 1.0), 2: (0.0, INF)}
    assert box_probability(mixture, box, seed=7) == box_probability(mixture, box, seed=7)
    assert box_probability(mixture, box, seed=7) != box_probability(mixture, box, seed=8)


def test_heavy_tails_in_one_column():
    mixture = Mixture([1.0], [[2.0, 0.0]], Full([np.diag([9.0, 1.0])]), degrees_of_freedom=[2.5])
    found = box_probability(mixture, {0: (5.0, 11.0)})
    assert found.value == pytest.approx(t(2.5).cdf(3.0) - t(2.5).cdf(1.0), rel=1e-10)
    with pytest.raises(ParameterError, match="several columns"):
        box_probability(mixture, {0: (0.0, 1.0), 1: (0.0, 1.0)})


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ({}, "must map columns to bounds"),
        ([(0.0, 1.0)], "must map columns to bounds"),
        ({2: (0.0, 1.0)}, "from 0 to 1, but got 2"),
        ({0: (1.0, 0.0)}, "the least first, but got (1.0, 0.0)"),
        ({0: (0.0, math.nan)}, "the least first"),
        ({0: 3.0}, "must be two numbers"),
        ({0: ("a", "b")}, "must be two numbers"),
    ],
)
def test_a_box_that_means_nothing_is_refused(box, said):
    mixture = Mixture([1.0], [[0.0, 0.0]], Diagonal([[1.0, 1.0]]))
    with pytest.raises(ParameterError) as raised:
        box_probability(mixture, box)
    assert said in str(raised.value)


def test_noise_is_refused():
    mixture = Mixture([1.0], [[0.0]], Diagonal([[1.0]])).beside(Noise(0.1, 0.0))
    with pytest.raises(ParameterError, match="noise"):
        box_probability(mixture, {0: (0.0, 1.0)})
