"""Quantiles undo the distribution function, far out and in gaps; regions hold their probability and are smallest."""

import mpmath
import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtri
from scipy.stats import chi2, norm

from cases import FAMILY_NAMES, random_mixture
from gmmkit.errors import ParameterError
from gmmkit.model.covariance import Diagonal, Full
from gmmkit.model.mixture import Mixture
from gmmkit.model.quantiles import cdf, quantile
from gmmkit.model.regions import highest_density_level, highest_density_region

TAILS = np.array([5e-324, 1e-300, 1e-100, 1e-16, 0.01, 0.3, 0.5, 0.9, 1 - 1e-10, 1 - 2**-53])


def line(weights, means, deviations):
    """Return a mixture of one column."""
    return Mixture(weights, np.array(means, dtype=float)[:, None], Diagonal(np.array(deviations)[:, None] ** 2))


def error_of(mixture, p, x):
    """Return by how much x misses the quantile, with 60 digits: (F(x) − p) / f(x)."""
    with mpmath.workdps(60):
        total = mpmath.fsum(mixture.weights.tolist())
        deviations = np.sqrt(mixture.covariance.variances()[:, 0])
        f = density = mpmath.mpf(0)
        for w, m, s in zip(mixture.weights.tolist(), mixture.means[:, 0].tolist(), deviations.tolist(), strict=True):
            z = (mpmath.mpf(x) - m) / mpmath.mpf(s)
            f += w * mpmath.ncdf(z) / total
            density += w * mpmath.npdf(z) / mpmath.mpf(s) / total
        return float((f - mpmath.mpf(p)) / density)


# --- distribution function ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_cdf_is_the_definition(name):
    mixture = random_mixture(name, 3, 1)
    x = np.linspace(-30, 30, 12).reshape(3, 4)
    expected = sum(
        w * norm(m[0], s).cdf(x)
        for w, m, s in zip(mixture.weights, mixture.means, np.sqrt(mixture.covariance.dense()[:, 0, 0]), strict=True)
    )
    np.testing.assert_allclose(mixture.cdf(x), expected, rtol=1e-12)
    assert mixture.cdf(0.5).shape == ()


def test_cdf_at_the_ends_and_far_below():
    mixture = line([0.5, 0.5], [0.0, 1e-3], [1.0, 1e-100])
    np.testing.assert_array_equal(mixture.cdf([-np.inf, np.inf, 1e300, -1e300]), [0, 1, 1, 0])
    np.testing.assert_allclose(mixture.cdf(-30.0), 0.5 * norm.cdf(-30.0), rtol=1e-12)
    assert np.isnan(mixture.cdf(np.nan))
    assert random_mixture("full", 7, 1).cdf(np.inf) == 1.0


# --- quantiles ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("k", [1, 2, 7])
@pytest.mark.parametrize("seed", [0, 1])
def test_quantile_undoes_cdf(name, k, seed):
    mixture = random_mixture(name, k, 1, seed)
    p = np.random.default_rng(seed).random((20, 10))
    np.testing.assert_allclose(mixture.cdf(mixture.quantile(p)), p, rtol=1e-13)
    x = mixture.sample(100, seed=seed)[0][:, 0]
    np.testing.assert_allclose(mixture.quantile(mixture.cdf(x)), x, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_quantile_is_a_plain_bisection(name):
    mixture = random_mixture(name, 4, 1)
    for p in (0.001, 0.25, 0.5, 0.99):
        expected = brentq(lambda x, p=p: float(mixture.cdf(x)) - p, -100, 100, xtol=1e-14)
        assert mixture.quantile(p) == pytest.approx(expected, rel=1e-11, abs=1e-13)


@pytest.mark.parametrize(
    ("weights", "means", "deviations"),
    [
        ([1.0], [0.0], [1.0]),
        ([0.5, 0.5], [1e8, 1e8 + 3], [1.0, 1.0]),
        ([0.5, 0.5], [3.0, 0.0], [1.0, 2.0]),
        ([0.3, 0.7], [1e6, 0.0], [1e-6, 1e-6]),
        ([0.25, 0.5, 0.25], [-3.0, 0.0, 2.0], [1.0, 0.01, 4.0]),
        ([0.5, 0.5], [1e150, -1e150], [1e150, 1e140]),
        ([0.5, 0.5], [1e-150, -1e-150], [1e-150, 1e-152]),
        ([1e-250, 1.0], [-1e5, 1.0], [1.0, 1e-5]),
        ([0.5, 0.5], [0.0, 1.0], [1e-60, 1e60]),
        ([0.1] * 10, [0.0] * 10, np.logspace(-5, 5, 10)),
    ],
)
def test_quantiles_are_the_nearest_doubles_far_out_and_between_narrow_components(weights, means, deviations):
    mixture = line(weights, means, deviations)
    for p, x in zip(TAILS, mixture.quantile(TAILS), strict=True):
        # A few units in the last place of the value, or of what its distance to the means can be told to.
        slack = 1e-15 * max(abs(x), np.abs(means).min()) + 1e-15 * np.min(deviations)
        assert abs(error_of(mixture, p, x)) <= 8 * slack


def test_in_a_gap_where_the_distribution_function_is_flat_the_tails_balance():
    assert line([0.5, 0.5], [0.0, 1e6], [1e-6, 1e-6]).quantile(0.5) == pytest.approx(5e5, rel=1e-12)
    assert line([0.5, 0.5], [0.0, 1e6], [1e-6, 3e-6]).quantile(0.5) == pytest.approx(2.5e5, rel=1e-9)
    assert line([0.5, 0.5], [0.0, 1e120], [1e-100, 1e-100]).quantile(0.5) == pytest.approx(5e119, rel=0.5)


def test_quantile_at_the_ends_and_in_order():
    mixture = random_mixture("full", 3, 1)
    np.testing.assert_array_equal(mixture.quantile([0.0, 1.0]), [-np.inf, np.inf])
    p = np.sort(np.concatenate([10.0 ** -np.arange(1, 300), np.random.default_rng(0).random(500)]))
    assert (np.diff(mixture.quantile(p)) >= 0).all()
    assert mixture.quantile(np.empty(0)).shape == (0,)


def test_a_component_without_weight_does_not_move_quantiles():
    mixture = line([0.0, 0.5, 0.5, 0.0], [-1e9, 0.0, 1.0, 1e9], [1.0, 1.0, 2.0, 5.0])
    np.testing.assert_allclose(mixture.quantile(TAILS), mixture.take([1, 2]).quantile(TAILS), rtol=1e-14)


def test_more_probabilities_than_are_solved_at_a_time():
    mixture = random_mixture("diag", 300, 1)
    p = np.random.default_rng(0).random(2000)
    np.testing.assert_allclose(mixture.cdf(mixture.quantile(p)), p, rtol=1e-12)


@pytest.mark.parametrize("p", [-0.1, 1.5, np.nan])
def test_quantile_refuses_what_is_no_probability(p):
    with pytest.raises(ParameterError) as error:
        quantile(random_mixture("full", 2, 1), [0.5, p])
    assert str(error.value) == f"probabilities must be between 0 and 1, but got {p:g}"


@pytest.mark.parametrize("ask", [cdf, quantile, highest_density_region])
def test_one_column_only(ask):
    with pytest.raises(ParameterError) as error:
        ask(random_mixture("full", 2, 3), 0.5)
    assert str(error.value) == (
        "this is defined for one column, but the mixture is of 3: take one with .marginal([j]) first"
    )


# --- highest-density regions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("probability", [1e-3, 0.3, 0.5, 0.95, 1 - 1e-12])
def test_region_holds_its_probability_between_points_of_equal_density(name, k, probability):
    mixture = random_mixture(name, k, 1, seed=k)
    region = mixture.highest_density_region(probability)
    ends = np.array(region)
    assert (np.diff(ends.ravel()) > 0).all()
    held = np.diff(mixture.cdf(ends), axis=1).sum()
    assert held == pytest.approx(probability, abs=1e-12)
    level = mixture.highest_density_level(probability)
    assert level.standard_error == 0
    np.testing.assert_allclose(mixture.log_density(ends.reshape(-1, 1)), level.value, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("probability", [0.2, 0.8, 0.99])
def test_region_is_the_smallest_on_a_grid(name, probability):
    # The plain way: the densest points of a grid until their sum is the probability.
    mixture = random_mixture(name, 4, 1, seed=9, condition=8.0)
    grid = np.linspace(-30, 30, 200_001)
    step = grid[1] - grid[0]
    density = np.exp(mixture.log_density(grid[:, None]))
    order = np.argsort(-density)
    taken = order[: np.searchsorted(np.cumsum(density[order]) * step, probability)]
    region = mixture.highest_density_region(probability)
    assert sum(b - a for a, b in region) == pytest.approx(len(taken) * step, abs=10 * step)
    inside = np.zeros(len(grid), dtype=bool)
    for a, b in region:
        inside |= (grid >= a) & (grid <= b)
    assert (inside[taken]).mean() > 0.999


def test_region_of_one_component_is_the_central_interval():
    [(a, b)] = line([1.0], [2.0], [3.0]).highest_density_region(0.95)
    assert (a, b) == pytest.approx((2 - 3 * ndtri(0.975), 2 + 3 * ndtri(0.975)), rel=1e-12)


@pytest.mark.parametrize("means", [[1e8, 1e8 + 10], [-1e150, 1e150], [-1e-150, 1e-150], [0.0, 1e6]])
def test_regions_far_out_and_in_any_unit(means):
    deviation = (means[1] - means[0]) / 20 if means[1] != 1e6 else 1e-6
    mixture = line([0.5, 0.5], means, [deviation, deviation])
    region = mixture.highest_density_region(0.95)
    reach = ndtri(0.975) * deviation
    slack = 1e-9 * deviation + 1e-15 * abs(means[1])
    assert len(region) == 2
    for (a, b), m in zip(region, means, strict=True):
        assert a == pytest.approx(m - reach, abs=slack)
        assert b == pytest.approx(m + reach, abs=slack)


def test_a_spike_on_a_wide_component_is_an_interval_of_its_own():
    mixture = line([0.9, 0.1], [0.0, 3.0], [1.0, 1e-9])
    first, second = mixture.highest_density_region(0.5)
    assert first[0] < 0 < first[1] < second[0] < 3 < second[1]
    held = np.diff(mixture.cdf(np.array([first, second])), axis=1).sum()
    assert held == pytest.approx(0.5, abs=1e-12)


def test_components_on_the_same_mean_and_without_weight():
    mixture = line([0.5, 0.5, 0.0], [1.0, 1.0, 7.0], [1.0, 3.0, 1.0])
    [(a, b)] = mixture.highest_density_region(0.7)
    assert a + b == pytest.approx(2.0, abs=1e-9)
    assert mixture.cdf(b) - mixture.cdf(a) == pytest.approx(0.7, abs=1e-12)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_level_of_one_component_is_the_chi_squared_quantile(name):
    mixture = random_mixture(name, 1, 4)
    level = mixture.highest_density_level(0.9)
    expected = mixture.log_density(mixture.means)[0] - 0.5 * chi2(4).ppf(0.9)
    assert level.value == pytest.approx(expected, rel=1e-12)
    assert level.standard_error == 0


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize(("offset", "unit"), [(0.0, 1.0), (1e8, 1.0), (0.0, 1e100)])
def test_drawn_rows_lie_above_the_level_as_often_as_it_says(name, offset, unit):
    plain = random_mixture(name, 3, 2)
    covariance = plain.covariance.rescaled(np.full(2, unit))
    mixture = Mixture(plain.weights, plain.means * unit + offset, covariance)
    n = 50_000
    level = mixture.highest_density_level(0.8, n_samples=n, seed=1)
    share = (mixture.log_density(mixture.sample(n, seed=2)[0]) >= level.value).mean()
    assert share == pytest.approx(0.8, abs=6 * np.sqrt(2 * 0.16 / n))
    assert 0 < level.standard_error < 0.05


def test_the_levels_standard_error_is_the_spread_over_seeds():
    mixture = random_mixture("full", 3, 2)
    levels = [mixture.highest_density_level(0.9, n_samples=1000, seed=s) for s in range(200)]
    expected = np.std([level.value for level in levels])
    assert np.mean([level.standard_error for level in levels]) == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize("probability", [0.001, 0.999])
def test_a_level_from_very_few_rows(probability):
    level = random_mixture("full", 2, 2).highest_density_level(probability, n_samples=2)
    assert np.isfinite([level.value, level.standard_error]).all()


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.5, 2, np.nan])
@pytest.mark.parametrize("ask", [highest_density_level, highest_density_region])
def test_regions_refuse_what_is_no_probability(ask, probability):
    with pytest.raises(ParameterError) as error:
        ask(random_mixture("full", 2, 1), probability)
    assert str(error.value) == f"probability must be a number between 0 and 1, both excluded, but got {probability!r}"


def test_level_refuses_too_few_samples():
    with pytest.raises(ParameterError, match="n_samples must be a whole number of at least 2"):
        highest_density_level(Mixture([1.0], [[0.0]], Full([[[1.0]]])), 0.5, n_samples=1)
