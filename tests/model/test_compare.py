"""Entropy, divergence and distance against closed forms, quadrature and plain loops."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal

from cases import FAMILY_NAMES, random_mixture
from gmmkit.errors import ParameterError
from gmmkit.model.compare import Estimate, entropy, jensen_shannon, kl, l2_distance
from gmmkit.model.covariance import Diagonal, Full
from gmmkit.model.mixture import Mixture
from gmmkit.model.noise import Noise

MOVES = [(0.0, 1.0), (1e8, 1.0), (0.0, 1e100), (0.0, 1e-100), (-3e4, 1e3)]


def moved(mixture, offset, unit):
    covariance = mixture.covariance.rescaled(np.full(mixture.n_features, unit))
    return Mixture(mixture.weights, mixture.means * unit + offset, covariance)


def integral(function, *mixtures):
    """Integrate a function of one column over all that the mixtures hold."""
    deviations = [14 * np.sqrt(m.covariance.variances()[:, 0]) for m in mixtures]
    low = min((m.means[:, 0] - s).min() for m, s in zip(mixtures, deviations, strict=True))
    high = max((m.means[:, 0] + s).max() for m, s in zip(mixtures, deviations, strict=True))
    points = np.concatenate([m.means[:, 0] for m in mixtures])
    return quad(lambda x: function(np.array([[x]])), low, high, points=points, limit=500, epsabs=1e-11)[0]


# --- estimates ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.23412, 0.0049, "1.234 ± 0.005"),
        (1.23412, 0.0, "1.23412"),
        (-2.0, 0.0, "-2"),
        (1.2, 0.96, "1 ± 1"),
        (1.25, 0.0096, "1.25 ± 0.01"),
        (1234.5, 33.0, "1234 ± 33"),
        (3e-20, 4e-21, "3e-20 ± 4e-21"),
        (math.inf, math.inf, "inf ± inf"),
    ],
)
def test_an_estimate_reads_with_as_many_digits_as_it_has(value, error, text):
    assert str(Estimate(value, error)) == text


def test_an_estimate_is_a_frozen_number():
    estimate = Estimate(1.5, 0.1)
    assert float(estimate) == 1.5
    assert estimate == Estimate(1.5, 0.1)
    with pytest.raises(AttributeError):
        estimate.value = 2.0


# --- entropy --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_entropy_of_one_component_is_exact(name):
    mixture = random_mixture(name, 1, 4)
    expected = multivariate_normal(mixture.means[0], mixture.covariance.dense()[0]).entropy()
    assert mixture.entropy().value == pytest.approx(expected, rel=1e-13)
    assert mixture.entropy().standard_error == 0


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_entropy_is_the_integral(name):
    mixture = random_mixture(name, 3, 1, seed=2)

    def part(x):
        log_density = mixture.log_density(x, n_jobs=1)[0]
        return -np.exp(log_density) * log_density

    estimate = mixture.entropy(n_samples=40_000, seed=1)
    assert estimate.value == pytest.approx(integral(part, mixture), abs=4 * estimate.standard_error)
    assert 0 < estimate.standard_error < 0.02


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize(("offset", "unit"), MOVES)
@pytest.mark.parametrize("k", [1, 3])
def test_entropy_grows_by_the_logarithm_of_the_unit(name, k, offset, unit):
    still = random_mixture(name, k, 2)
    move = moved(still, offset, unit)
    # The frame is chosen to the power of two, so samples may differ by more than rounding.
    one, other = still.entropy(n_samples=4000), move.entropy(n_samples=4000)
    slack = 1e-7 * max(1.0, abs(other.value)) + 5 * one.standard_error
    assert other.value == pytest.approx(one.value + 2 * math.log(unit), abs=slack)


def test_the_standard_error_is_the_spread_over_seeds():
    mixture = random_mixture("full", 3, 2)
    values = [mixture.entropy(n_samples=500, seed=s).value for s in range(200)]
    assert mixture.entropy(n_samples=500, seed=0).standard_error == pytest.approx(np.std(values), rel=0.2)
    assert mixture.entropy(seed=7) == mixture.entropy(seed=7)


def test_a_component_without_weight_does_not_count():
    one = random_mixture("full", 1, 2)
    padded = Mixture([1.0, 0.0], np.vstack([one.means, one.means + 9]), Full(one.covariances.repeat(2, axis=0)))
    assert padded.entropy().value == pytest.approx(one.entropy().value, rel=1e-14)
    assert padded.entropy().standard_error == 0
    assert padded.kl(one) == Estimate(pytest.approx(0.0, abs=1e-14), 0.0)


# --- divergence -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", FAMILY_NAMES)
@pytest.mark.parametrize("other", FAMILY_NAMES)
def test_divergence_of_single_components_is_the_closed_form(one, other):
    p, q = random_mixture(one, 1, 3, seed=1), random_mixture(other, 1, 3, seed=2)
    a, b = p.covariance.dense()[0], q.covariance.dense()[0]
    gap = q.means[0] - p.means[0]
    precision = np.linalg.inv(b)
    expected = 0.5 * (
        np.trace(precision @ a) + gap @ precision @ gap - 3 + np.linalg.slogdet(b)[1] - np.linalg.slogdet(a)[1]
    )
    assert p.kl(q).value == pytest.approx(expected, rel=1e-11)
    assert p.kl(q).standard_error == 0
    assert p.kl(p).value == pytest.approx(0.0, abs=1e-14)
    assert p.kl(p).value >= 0


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_divergence_is_the_integral(name):
    p, q = random_mixture(name, 3, 1, seed=2), random_mixture("diag", 2, 1, seed=6)

    def part(x):
        log_p, log_q = p.log_density(x, n_jobs=1)[0], q.log_density(x, n_jobs=1)[0]
        return np.exp(log_p) * (log_p - log_q)

    estimate = p.kl(q, n_samples=40_000, seed=3)
    assert estimate.value == pytest.approx(integral(part, p), abs=4 * estimate.standard_error)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_divergence_from_itself_is_nothing_and_from_another_is_positive(name):
    p, q = random_mixture(name, 3, 2, seed=1), random_mixture(name, 2, 2, seed=2)
    assert p.kl(p) == Estimate(0.0, 0.0)
    assert p.kl(q).value > 5 * p.kl(q).standard_error


@pytest.mark.parametrize("one", FAMILY_NAMES)
@pytest.mark.parametrize("other", ["full", "spherical"])
@pytest.mark.parametrize(("offset", "unit"), MOVES)
@pytest.mark.parametrize("k", [1, 2])
def test_divergence_does_not_know_offset_and_unit(one, other, k, offset, unit):
    p, q = random_mixture(one, k, 2, seed=1), random_mixture(other, k, 2, seed=2)
    still, move = p.kl(q, n_samples=4000), moved(p, offset, unit).kl(moved(q, offset, unit), n_samples=4000)
    slack = 1e-6 * still.value + 5 * still.standard_error
    assert move.value == pytest.approx(still.value, abs=slack)


def test_divergence_of_columns_in_very_different_units_from_one_unit_for_all():
    p = Mixture([0.5, 0.5], [[0.0, 0.0], [1.0, 1e-6]], Diagonal([[1.0, 1e-12], [1.0, 1e-12]]))
    q = random_mixture("spherical", 2, 2)
    rows = p.sample(20_000, seed=1)[0]
    expected = (p.log_density(rows) - q.log_density(rows)).mean()
    estimate = p.kl(q, n_samples=20_000, seed=2)
    assert estimate.value == pytest.approx(expected, abs=6 * estimate.standard_error)


def test_divergence_beyond_float64_is_infinite():
    p = Mixture([0.5, 0.5], [[-1e110], [1e110]], Full([[[1.0]], [[1.0]]]))
    q = Mixture([0.5, 0.5], [[0.0], [1.0]], Full([[[1e-100]], [[1e-100]]]))
    assert p.kl(q) == Estimate(math.inf, math.inf)


# --- distance -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", FAMILY_NAMES)
@pytest.mark.parametrize("other", ["full", "diag"])
def test_distance_is_the_integral(one, other):
    p, q = random_mixture(one, 3, 1, seed=2), random_mixture(other, 2, 1, seed=3)

    def part(x):
        return (np.exp(p.log_density(x, n_jobs=1)[0]) - np.exp(q.log_density(x, n_jobs=1)[0])) ** 2

    assert l2_distance(p, q) == pytest.approx(math.sqrt(integral(part, p, q)), rel=1e-7)


@pytest.mark.parametrize("one", FAMILY_NAMES)
@pytest.mark.parametrize("other", FAMILY_NAMES)
def test_distance_is_the_plain_double_loop_and_a_metric(one, other):
    p, q, r = random_mixture(one, 3, 3, seed=1), random_mixture(other, 2, 3, seed=2), random_mixture("full", 2, 3)

    def inner(a, b):
        total = 0.0
        for u, m, s in zip(a.weights, a.means, a.covariance.dense(), strict=True):
            for v, n, t in zip(b.weights, b.means, b.covariance.dense(), strict=True):
                total += u * v * multivariate_normal(n, s + t).pdf(m)
        return total

    assert l2_distance(p, q) == pytest.approx(math.sqrt(inner(p, p) - 2 * inner(p, q) + inner(q, q)), rel=1e-10)
    assert l2_distance(p, q) == pytest.approx(l2_distance(q, p), rel=1e-12)
    assert l2_distance(p, r) <= l2_distance(p, q) + l2_distance(q, r)
    assert l2_distance(p, p) <= 1e-7 * math.sqrt(inner(p, p))


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize(("offset", "unit"), MOVES)
def test_distance_is_in_one_over_the_root_of_the_units(name, offset, unit):
    p, q = random_mixture(name, 3, 2, seed=1), random_mixture(name, 2, 2, seed=2)
    expected = l2_distance(p, q) / unit
    assert l2_distance(moved(p, offset, unit), moved(q, offset, unit)) == pytest.approx(expected, rel=1e-6)


def test_comparing_refuses_other_columns_and_too_few_samples():
    p, q = random_mixture("full", 2, 2), random_mixture("full", 2, 3)
    for compare in (kl, l2_distance):
        with pytest.raises(ParameterError) as error:
            compare(p, q)
        assert str(error.value) == (
            "the mixtures must be of the same columns, but one has 2 and the other 3: "
            "take the columns they share with .marginal([…])"
        )
    for ask in (lambda: entropy(p, n_samples=1), lambda: kl(p, p, n_samples=1)):
        with pytest.raises(ParameterError) as error:
            ask()
        assert (
            str(error.value)
            == "n_samples must be a whole number of at least 2, for a mean and its standard error, but got 1"
        )


@pytest.mark.parametrize(
    ("ask", "asked"),
    [
        (lambda noisy, _: entropy(noisy), "the entropy"),
        (lambda noisy, _: noisy.entropy(), "the entropy"),
        (kl, "the divergence"),
        (lambda noisy, plain: kl(plain, noisy), "the divergence"),
        (l2_distance, "the L2 distance"),
        (lambda noisy, plain: l2_distance(plain, noisy), "the L2 distance"),
    ],
)
@pytest.mark.parametrize("k", [1, 3])
def test_noise_is_refused_since_its_density_does_not_end(ask, asked, k):
    # A density of w₀ / V everywhere has no integral; the mean over rows drawn from the region would be a wrong number.
    plain = random_mixture("full", k, 2)
    noisy = plain.beside(Noise(0.2, -math.log(1600.0), [[-20.0, -20.0], [20.0, -20.0], [-20.0, 20.0], [20.0, 20.0]]))
    with pytest.raises(ParameterError, match=rf"{asked} is not defined for a mixture with noise.*without_noise\(\)"):
        ask(noisy, plain)
    assert math.isfinite(float(entropy(noisy.without_noise())))


# --- Jensen–Shannon -------------------------------------------------------------------------------------------


def test_jensen_shannon_agrees_with_quadrature():
    p, q = random_mixture("full", k=2, d=1, seed=1), random_mixture("diag", k=3, d=1, seed=2)

    def half(own, other):
        def integrand(x):
            a, b = own.log_density(x), other.log_density(x)
            return float(np.exp(a[0]) * (math.log(2) - np.logaddexp(0.0, b[0] - a[0])))

        return integral(integrand, p, q)

    expected = 0.5 * (half(p, q) + half(q, p))
    found = jensen_shannon(p, q, n_samples=40_000)
    assert found.value == pytest.approx(expected, abs=5 * found.standard_error)
    assert 0 < found.standard_error < 0.01


def test_jensen_shannon_is_bounded_symmetric_and_blind_to_units():
    p, q = random_mixture("full", k=2, d=3, seed=1), random_mixture("full", k=2, d=3, seed=2)
    there, back = jensen_shannon(p, q), jensen_shannon(q, p)
    assert there.value == pytest.approx(back.value, abs=5 * math.hypot(there.standard_error, back.standard_error))
    assert jensen_shannon(p, p) == Estimate(0.0, 0.0)
    assert jensen_shannon(p, moved(p, 1e6, 1.0)).value == pytest.approx(math.log(2))
    assert jensen_shannon(moved(p, 0.0, 1e-50), moved(q, 0.0, 1e-50)).value == pytest.approx(there.value, rel=1e-9)
    with pytest.raises(ParameterError, match="same columns"):
        jensen_shannon(p, q.marginal([0]))
