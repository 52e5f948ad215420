"""Student-t components as values, held to SciPy's own multivariate t and to integrals."""

import copy
import pickle

import numpy as np
import pytest
from scipy import integrate, stats

from cases import FAMILY_NAMES, random_mixture
from gmmkit.errors import ParameterError
from gmmkit.model.compare import l2_distance
from gmmkit.model.covariance import Full
from gmmkit.model.mixture import Mixture

DEGREES = np.array([1.5, 4.0, 60.0])


def student(name="full", d=3, degrees=DEGREES, seed=0):
    gaussian = random_mixture(name, len(degrees), d, seed)
    return Mixture(gaussian.weights, gaussian.means, gaussian.covariance, degrees)


def laws(mixture):
    parts = zip(mixture.means, mixture.covariance.dense(), mixture.degrees_of_freedom, strict=True)
    return [stats.multivariate_t(mean, scale, df=nu) for mean, scale, nu in parts]


def one_column(degrees=DEGREES):
    return Mixture([0.5, 0.3, 0.2], [[0.0], [6.0], [-9.0]], Full([[[1.0]], [[4.0]], [[0.25]]]), degrees)


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("d", [1, 2, 5])
def test_densities_are_those_of_scipy(name, d):
    mixture = student(name, d)
    rows = np.vstack([mixture.sample(200, seed=1)[0], 1e3 * np.ones((1, d)), mixture.means])
    theirs = np.stack([law.logpdf(rows) for law in laws(mixture)], axis=1).reshape(len(rows), -1)
    np.testing.assert_allclose(mixture.component_log_density(rows), theirs, rtol=1e-9, atol=1e-9)
    scores = theirs + np.log(mixture.weights)
    np.testing.assert_allclose(mixture.log_density(rows), np.logaddexp.reduce(scores, axis=1), rtol=1e-9, atol=1e-9)
    shares = np.exp(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))
    np.testing.assert_allclose(mixture.posterior(rows), shares, atol=1e-9)
    np.testing.assert_array_equal(mixture.classify(rows), shares.argmax(axis=1))


def test_the_density_integrates_to_one():
    total, _ = integrate.quad(lambda x: np.exp(one_column().log_density([[x]])[0]), -np.inf, np.inf, limit=400)
    assert total == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("far", [1e6, 1e160, 1e250, 1e300])
def test_far_rows_have_finite_densities(far):
    # Where the squared distance overflows, log(1 + δ/ν) is log δ − log ν.
    mixture = student("full", 2, [1.5, 4.0, 30.0])
    direction = np.array([0.6, -0.8])
    values = mixture.component_log_density(far * direction[None])[0]
    peaks = np.diagonal(mixture.component_log_density(mixture.means))
    nu = mixture.degrees_of_freedom
    unit = [direction @ np.linalg.solve(scale, direction) for scale in mixture.covariance.dense()]
    np.testing.assert_allclose(values, peaks - 0.5 * (nu + 2) * (np.log(unit / nu) + 2 * np.log(far)), rtol=1e-4)
    assert mixture.posterior(far * direction[None]).sum() == pytest.approx(1.0)


def test_infinite_degrees_of_freedom_are_gaussian():
    gaussian = random_mixture("full", 3, 2)
    same = gaussian.changed(degrees_of_freedom=np.full(3, np.inf))
    rows = np.vstack([gaussian.sample(50, seed=0)[0], np.full((1, 2), 1e200)])
    np.testing.assert_allclose(same.log_density(rows), gaussian.log_density(rows), rtol=1e-12)
    np.testing.assert_allclose(same.posterior(rows), gaussian.posterior(rows), atol=1e-12)
    nearly = gaussian.changed(degrees_of_freedom=np.full(3, 1e9))
    np.testing.assert_allclose(nearly.log_density(rows[:-1]), gaussian.log_density(rows[:-1]), rtol=1e-6)


def test_moments():
    mixture = student("full", 2, [3.0, 6.0, np.inf])
    covariances = [scale * factor for scale, factor in zip(mixture.covariance.dense(), (3.0, 1.5, 1.0), strict=True)]
    mean = mixture.weights @ mixture.means
    between = sum(
        w * np.outer(m - mean, m - mean) for w, m in zip(mixture.weights, mixture.means, strict=True)
    )  # fmt: skip
    within = sum(w * c for w, c in zip(mixture.weights, covariances, strict=True))
    np.testing.assert_allclose(mixture.mean(), mean)
    np.testing.assert_allclose(mixture.covariance_matrix(), within + between)
    with pytest.raises(ParameterError, match="component 0 has 1 degrees of freedom and so no mean"):
        student("full", 2, [1.0, 2.0, 3.0]).mean()
    with pytest.raises(ParameterError, match="component 0 has 2 degrees of freedom and so no covariance"):
        student("full", 2, [2.0, 3.0, 3.0]).covariance_matrix()


def test_drawn_rows_have_the_distribution():
    mixture = one_column()
    rows, components = mixture.sample(20_000, seed=3)
    assert stats.kstest(rows[:, 0], mixture.cdf).pvalue > 0.01
    for j, law in enumerate((stats.t(1.5), stats.t(4.0, 6.0, 2.0), stats.t(60.0, -9.0, 0.5))):
        assert stats.kstest(rows[components == j, 0], law.cdf).pvalue > 0.01


@pytest.mark.parametrize("degrees", [DEGREES, [1.0, np.inf, 2.0]])
def test_distribution_function_and_quantiles(degrees):
    mixture = one_column(degrees)
    x = np.concatenate([np.linspace(-30, 30, 41), [-1e8, 1e8]])
    parts = [
        stats.norm(m, s) if np.isinf(nu) else stats.t(nu, m, s)
        for nu, m, s in zip(degrees, (0.0, 6.0, -9.0), (1.0, 2.0, 0.5), strict=True)
    ]
    expected = sum(w * part.cdf(x) for w, part in zip(mixture.weights, parts, strict=True))
    np.testing.assert_allclose(mixture.cdf(x), expected, rtol=1e-9)
    p = np.array([1e-12, 1e-4, 0.01, 0.2, 0.5, 0.77, 0.999])
    np.testing.assert_allclose(mixture.cdf(mixture.quantile(p)), p, rtol=1e-9)
    assert mixture.quantile([0.0, 1.0]).tolist() == [-np.inf, np.inf]


@pytest.mark.parametrize("probability", [0.3, 0.9, 0.99])
def test_highest_density_regions_hold_their_probability(probability):
    mixture = one_column([1.5, 4.0, np.inf])
    region = np.array(mixture.highest_density_region(probability))
    held = mixture.cdf(region[:, 1]) - mixture.cdf(region[:, 0])
    assert held.sum() == pytest.approx(probability, abs=1e-8)
    level = mixture.highest_density_level(probability).value
    np.testing.assert_allclose(mixture.log_density(region.reshape(-1, 1)), level, atol=1e-6)


def test_highest_density_level_of_one_component_is_exact():
    mixture = Mixture([1.0], [[1.0, 2.0]], Full([[[2.0, 0.5], [0.5, 1.0]]]), 3.0)
    exact = mixture.highest_density_level(0.8)
    drawn = np.quantile(mixture.log_density(mixture.sample(200_000, seed=0)[0]), 0.2)
    assert exact.standard_error == 0
    assert exact.value == pytest.approx(drawn, abs=0.02)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_conditional_times_marginal_is_joint(name):
    mixture = student(name, 3)
    rows = mixture.sample(40, seed=2)[0]
    marginal = mixture.marginal([2, 0])
    conditional = mixture.conditional([2, 0]).at(rows[:, [2, 0]])
    joint = marginal.log_density(rows[:, [2, 0]]) + conditional.log_density(rows[:, [1]])
    np.testing.assert_allclose(joint, mixture.log_density(rows), rtol=1e-8, atol=1e-8)
    one = mixture.condition({2: rows[0, 2], 0: rows[0, 0]})
    np.testing.assert_allclose(one.log_density(rows[:1, [1]]), conditional.log_density(rows[:, [1]])[:1], rtol=1e-9)
    np.testing.assert_allclose(conditional.cdf(rows[:, [1]])[0], one.cdf(rows[0, 1]), rtol=1e-9)
    np.testing.assert_allclose(conditional.quantile(0.3)[0], one.quantile(0.3), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(conditional.mean()[0], one.mean())
    np.testing.assert_allclose(conditional.covariance_matrices()[0], one.covariance_matrix(), rtol=1e-9)


def test_conditional_rows_have_the_distribution():
    mixture = student("full", 2, [3.0, 5.0, np.inf])
    given = np.full((20_000, 1), 1.5)
    rows = mixture.conditional([0])
    drawn = rows.at(given).sample(seed=0)[:, 0]
    assert stats.kstest(drawn, rows.mixture([1.5]).cdf).pvalue > 0.01


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_affine_maps(name):
    mixture = student(name, 3)
    rows = mixture.sample(30, seed=4)[0]
    a = np.random.default_rng(0).standard_normal((3, 3))
    mapped = mixture.affine(a, [1.0, 2.0, 3.0])
    log_volume = np.linalg.slogdet(a)[1]
    there = mapped.log_density(rows @ a.T + [1.0, 2.0, 3.0])
    np.testing.assert_allclose(there + log_volume, mixture.log_density(rows), rtol=1e-8, atol=1e-8)
    np.testing.assert_array_equal(mapped.degrees_of_freedom, DEGREES)


def test_value():
    mixture = student()
    assert pickle.loads(pickle.dumps(mixture)) == mixture
    assert copy.deepcopy(mixture) == mixture
    assert mixture != mixture.changed(degrees_of_freedom=None)
    assert mixture != mixture.changed(degrees_of_freedom=np.array([1.5, 4.0, 61.0]))
    assert repr(mixture) == "Mixture(3 components, 3 columns, full, Student-t)"
    assert mixture.n_parameters == random_mixture("full", 3, 3).n_parameters
    np.testing.assert_array_equal(mixture.take([2, 0]).degrees_of_freedom, [60.0, 1.5])
    back = mixture.into(mixture.frame).out_of(mixture.frame)
    np.testing.assert_array_equal(back.degrees_of_freedom, DEGREES)
    assert not mixture.degrees_of_freedom.flags.writeable


def test_numbers_by_drawing():
    p = Mixture([1.0], [[0.0]], Full([[[1.0]]]), 5.0)
    assert abs(p.entropy(n_samples=100_000).value - stats.t(5).entropy()) < 0.02
    assert abs(p.kl(p).value) < 1e-12


@pytest.mark.parametrize("degrees", [[1.0, 2.0], 0.0, [1.0, -1.0, 2.0], [np.nan, 1.0, 1.0]])
def test_degrees_of_freedom_that_mean_nothing(degrees):
    with pytest.raises(ParameterError, match="degrees_of_freedom must be"):
        student(degrees=DEGREES).from_arrays(
            [0.2, 0.3, 0.5], np.zeros((3, 1)), np.ones(3), covariance_type="spherical", degrees_of_freedom=degrees
        )


def test_what_only_gaussians_have():
    mixture = student()
    with pytest.raises(ParameterError, match="L2 distance is defined for Gaussian components only"):
        l2_distance(mixture, mixture)
    with pytest.raises(ParameterError, match="in place of several is defined for Gaussian components only"):
        mixture.merge_components([[0, 1], [2]])
    assert mixture.merge_components([[2], [0], [1]]) == mixture.take([2, 0, 1])
