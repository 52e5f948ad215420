"""A uniform background as part of a mixture's value."""

import pickle

import numpy as np
import pytest

from cases import FAMILY_NAMES, random_mixture
from gmmkit.errors import ParameterError
from gmmkit.model.covariance import Full
from gmmkit.model.mixture import Mixture
from gmmkit.model.noise import Noise
from gmmkit.model.polytope import corners, draw_inside, log_volume

SQUARE = np.array([[-20.0, -20.0], [20.0, -20.0], [-20.0, 20.0], [20.0, 20.0]])
NOISE = Noise(0.2, -np.log(1600.0), SQUARE)


@pytest.mark.parametrize(
    ("log_density", "said"),
    [
        (-np.log(16.0), "volume 16"),
        (0.0, "volume 1"),
        (600.0, "volume 2.65e-261"),
        (-600.0, "volume 3.773e+260"),
        (-5000.0, "log volume 5000"),
        (5000.0, "log volume -5000"),
        (-1e300, "log volume 1e+300"),
    ],
)
def test_volumes_of_any_size_are_told_in_silence(log_density, said):
    assert repr(Noise(0.25, log_density)) == f"Noise(weight 0.25, {said})"


def beside_noise(name="full", k=3, noise=NOISE):
    return random_mixture(name, k, 2, spread=6.0).beside(noise)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_densities_and_probabilities(name):
    mixture = beside_noise(name)
    alone = random_mixture(name, 3, 2, spread=6.0)
    rows = np.vstack([mixture.sample(200, seed=0)[0], [[1e6, 0.0]], [[1e200, 1e200]]])
    parts = np.exp(alone.component_log_density(rows)) * alone.weights * 0.8
    total = parts.sum(axis=1) + 0.2 / 1600.0
    np.testing.assert_allclose(mixture.log_density(rows), np.log(total), rtol=1e-10)
    np.testing.assert_allclose(mixture.posterior(rows), parts / total[:, None], atol=1e-10)
    np.testing.assert_allclose(mixture.noise_probability(rows), 0.2 / 1600.0 / total, rtol=1e-9)
    labels = np.where(parts.max(axis=1) >= 0.2 / 1600.0, parts.argmax(axis=1), -1)
    np.testing.assert_array_equal(mixture.classify(rows), labels)
    assert labels[-2:].tolist() == [-1, -1]
    np.testing.assert_allclose(mixture.component_log_density(rows), alone.component_log_density(rows), rtol=1e-10)


def test_beside_student_components():
    gaussian = random_mixture("full", 2, 2)
    mixture = gaussian.changed(degrees_of_freedom=np.array([2.0, 5.0])).beside(NOISE)
    rows = mixture.sample(100, seed=1)[0]
    total = np.exp(mixture.without_noise().log_density(rows)) * 0.8 + 0.2 / 1600.0
    np.testing.assert_allclose(mixture.log_density(rows), np.log(total), rtol=1e-10)


def test_no_noise_has_no_probability():
    assert not random_mixture("full", 2, 2).noise_probability(np.zeros((3, 2))).any()


def test_drawn_rows():
    mixture = beside_noise()
    rows, components = mixture.sample(5000, seed=1)
    assert np.array_equal(np.unique(components), [-1, 0, 1, 2])
    assert abs((components == -1).mean() - 0.2) < 0.02
    noise = rows[components == -1]
    assert (np.abs(noise) <= 20.0).all()
    assert (np.abs(noise.mean(axis=0)) < 2.0).all()
    with pytest.raises(ParameterError, match="region is not known"):
        beside_noise(noise=Noise(0.5, 0.0)).sample(100, seed=0)


def test_value():
    mixture = beside_noise()
    assert pickle.loads(pickle.dumps(mixture)) == mixture
    assert mixture != mixture.without_noise()
    assert mixture != mixture.beside(Noise(0.2, -np.log(1600.0)))
    assert mixture.weights.sum() == pytest.approx(0.8)
    assert repr(mixture) == "Mixture(3 components, 2 columns, full, noise 0.2)"
    assert mixture.n_parameters == mixture.without_noise().n_parameters + 2
    assert mixture.take([1]).weights.tolist() == [0.8]
    np.testing.assert_allclose(mixture.without_noise().weights.sum(), 1.0)
    back = mixture.into(mixture.frame).out_of(mixture.frame)
    np.testing.assert_allclose(back.noise.log_density, NOISE.log_density, rtol=1e-12)
    np.testing.assert_allclose(back.noise.region, SQUARE)


def test_affine_map():
    mixture = beside_noise()
    rows = mixture.sample(100, seed=5)[0]
    a, b = np.array([[2.0, 1.0], [0.0, 3.0]]), np.array([5.0, -1.0])
    mapped = mixture.affine(a, b)
    np.testing.assert_allclose(mapped.log_density(rows @ a.T + b) + np.log(6.0), mixture.log_density(rows), rtol=1e-9)
    np.testing.assert_allclose(log_volume(mapped.noise.region), -mapped.noise.log_density)
    with pytest.raises(ParameterError, match="map to fewer columns is not defined for a mixture with noise"):
        mixture.affine([[1.0, 1.0]])


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: m.mean(),
        lambda m: m.covariance_matrix(),
        lambda m: m.marginal([0]),
        lambda m: m.condition({0: 1.0}),
        lambda m: m.highest_density_level(0.5),
    ],
)
def test_what_noise_leaves_undefined(ask):
    with pytest.raises(ParameterError, match=r"not defined for a mixture with noise.*without_noise"):
        ask(beside_noise())


def test_merging_keeps_the_noise():
    merged = beside_noise().merge_components([[0, 1], [2]])
    assert merged.noise == NOISE
    assert merged.weights.sum() == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        (lambda: Noise(1.0, 0.0), "weight must be a finite number of at least 0 and below 1"),
        (lambda: Noise(0.5, np.inf), "log_density must be a finite number"),
        (lambda: Noise(0.5, 0.0, [1.0, 2.0]), "corners"),
        (lambda: Noise(0.5, 0.0, [[1.0], [2.0]]), "region is of 1 columns"),
        (lambda: Noise(0.2, 0.0), "weights must sum to 1 less the noise's, 0.8"),
        (lambda: 0.5, "noise must be a Noise or None"),
    ],
)
def test_noise_that_means_nothing(noise, message):
    with pytest.raises(ParameterError, match=message):
        Mixture([0.5], [[0.0, 0.0]], Full([np.eye(2)]), noise=noise())


@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_volumes_and_rows_of_hulls(d):
    random = np.random.default_rng(d)
    a = np.triu(random.standard_normal((d, d)) + 3 * np.eye(d)) * 1e-6
    box = np.stack(np.meshgrid(*[[0.0, 1.0]] * d, indexing="ij"), axis=-1).reshape(-1, d)
    points = np.vstack([box, random.random((200, d))]) @ a.T + 1e3
    assert log_volume(points) == pytest.approx(np.linalg.slogdet(a)[1], abs=1e-6)
    assert len(corners(points)) == 2**d
    drawn = np.linalg.solve(a, (draw_inside(points, 4000, random) - 1e3).T).T
    assert ((drawn > -1e-6) & (drawn < 1 + 1e-6)).all()
    np.testing.assert_allclose(drawn.mean(axis=0), 0.5, atol=0.03)
    np.testing.assert_allclose(drawn.var(axis=0), 1 / 12, atol=0.01)
