"""Low-rank covariances: the same numbers as the dense matrices they stand for, without those."""

import pickle
import tracemalloc

import numpy as np
import pytest

import oracle
from gmmkit.errors import DataError, ParameterError
from gmmkit.model.covariance import FACTORS, Diagonal, Factor, Full, IsotropicFactor
from gmmkit.model.factor_scores import coordinate_names, coordinates, rebuilt
from gmmkit.model.mixture import Mixture

STRUCTURES = tuple(FACTORS)


def factor_of(structure, k, d, q, seed=0, loaded=1.0):
    """Return random factor covariances whose noise is of a structure."""
    random = np.random.default_rng([seed, k, d, q])
    noise = random.uniform(0.3, 2.0, (1 if structure[0] == "E" else k, 1 if structure[1] == "I" else d))
    return FACTORS[structure].of(loaded * random.standard_normal((k, d, q)), np.broadcast_to(noise, (k, d)))


def factor_mixture(structure="VVI", k=3, d=5, q=2, seed=0, spread=3.0, loaded=1.0):
    random = np.random.default_rng([seed, k, d])
    weights = random.dirichlet(np.full(k, 5.0))
    means = spread * random.standard_normal((k, d))
    return Mixture(weights, means, factor_of(structure, k, d, q, seed, loaded))


def as_full(mixture):
    return Mixture(mixture.weights, mixture.means, Full(mixture.covariance.dense()))


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize(("k", "d", "q"), [(1, 1, 1), (2, 3, 1), (3, 5, 2), (2, 4, 4), (1, 3, 5), (2, 4, 0)])
def test_densities_and_posteriors_are_the_oracles(structure, k, d, q):
    mixture = factor_mixture(structure, k, d, q)
    rows = np.concatenate([mixture.sample(30, seed=1)[0], 20 * np.random.default_rng(2).standard_normal((7, d))])
    dense = mixture.weights, mixture.means, mixture.covariance.dense()
    np.testing.assert_allclose(mixture.log_density(rows), oracle.log_density(rows, *dense), rtol=1e-11)
    np.testing.assert_allclose(mixture.posterior(rows), oracle.responsibilities(rows, *dense), rtol=1e-9, atol=1e-11)
    assert mixture.classify(rows).tolist() == as_full(mixture).classify(rows).tolist()


def test_the_density_integrates_to_one_over_a_plane():
    mixture = factor_mixture("VVI", 2, 2, 1)
    reach = 9 * np.sqrt(mixture.covariance.variances().max(axis=0))
    axes = [
        np.linspace(mixture.means[:, i].min() - reach[i], mixture.means[:, i].max() + reach[i], 500) for i in (0, 1)
    ]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    cell = (axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])
    assert np.exp(mixture.log_density(grid)).sum() * cell == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_what_is_told_of_it_is_what_dense_matrices_tell(structure):
    covariance = factor_of(structure, 3, 5, 2)
    dense = Full(covariance.dense())
    np.testing.assert_allclose(covariance.variances(), dense.variances())
    np.testing.assert_allclose(covariance.log_determinants, dense.log_determinants, rtol=1e-12)
    factor = covariance.precision_factor()
    np.testing.assert_allclose(factor @ factor.transpose(0, 2, 1), np.linalg.inv(dense.values), rtol=1e-9, atol=1e-12)
    scatter = np.array([1.0, 2.0, 0.5, 0.0, 3.0])
    assert covariance.trace_products(scatter) == pytest.approx(dense.trace_products(np.diag(scatter)))
    assert (covariance.smallest_eigenvalues() <= dense.smallest_eigenvalues() * (1 + 1e-12)).all()
    np.testing.assert_allclose(covariance.noise_covariance().variances(), covariance.noise)
    assert pickle.loads(pickle.dumps(covariance)) == covariance
    assert covariance.violation() is None


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_canonical_factors_stand_for_the_same_covariances(structure):
    covariance = factor_of(structure, 2, 6, 3)
    canonical = covariance.canonical()
    np.testing.assert_allclose(canonical.dense(), covariance.dense(), rtol=1e-10, atol=1e-12)
    white = canonical.loadings / np.sqrt(canonical.noise)[:, :, None]
    products = white.transpose(0, 2, 1) @ white
    np.testing.assert_allclose(products, canonical.squares[:, :, None] * np.eye(3), atol=1e-10)
    assert (np.diff(canonical.squares) <= 0).all()
    largest = np.take_along_axis(white, np.abs(white).argmax(axis=1)[:, None], axis=1)
    assert (largest > 0).all()
    expected = np.linalg.solve(np.eye(3) + products, white.transpose(0, 2, 1) / np.sqrt(canonical.noise)[:, None, :])
    np.testing.assert_allclose(canonical.projections, expected, rtol=1e-8, atol=1e-12)


def test_distances_keep_their_digits_where_factors_dwarf_the_noise():
    # Variances of 1e16 along a factor: |y|² − s² t² / (1 + s²) would have none left.
    axis = np.array([3.0, 4.0, 12.0]) / 13.0
    covariance = IsotropicFactor.of((1e8 * axis)[None, :, None], np.ones((1, 3)))
    mixture = Mixture([1.0], np.zeros((1, 3)), covariance)
    across = np.array([4.0, -3.0, 0.0]) / 5.0
    rows = np.outer([0.0, 1e8], axis) + np.outer([0.0, 2.0], across)
    at_mean, out = mixture.log_density(rows)
    assert out - at_mean == pytest.approx(-0.5 * (1.0 + 4.0), rel=1e-6)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_mixtures_of_it_are_closed_under_what_mixtures_do(structure):
    mixture = factor_mixture(structure)
    full = as_full(mixture)
    marginal = mixture.marginal([3, 0])
    assert type(marginal.covariance) is FACTORS[structure]
    np.testing.assert_allclose(marginal.covariance.dense(), full.marginal([3, 0]).covariances)
    given = {1: 0.5, 4: -1.0}
    np.testing.assert_allclose(mixture.condition(given).covariances, full.condition(given).covariances, rtol=1e-9)
    np.testing.assert_allclose(mixture.condition(given).weights, full.condition(given).weights, rtol=1e-8)
    np.testing.assert_allclose(mixture.covariance_matrix(), full.covariance_matrix())
    turned = mixture.affine(np.arange(10.0).reshape(2, 5) ** 1.5)
    np.testing.assert_allclose(turned.covariances, full.affine(np.arange(10.0).reshape(2, 5) ** 1.5).covariances)
    assert mixture.take([2, 0]).covariance == mixture.covariance.take([2, 0])


def test_rows_drawn_from_it_have_its_covariance():
    mixture = factor_mixture("VVI", 1, 4, 2)
    rows, _ = mixture.sample(200_000, seed=0)
    np.testing.assert_allclose(np.cov(rows.T), mixture.covariance.dense()[0], atol=0.08)


@pytest.mark.parametrize(("structure", "noise"), [("VVI", 3 * 6), ("EEI", 6), ("VII", 3), ("EII", 1)])
def test_parameters_are_counted_less_rotations(structure, noise):
    mixture = factor_mixture(structure, 3, 6, 2)
    assert mixture.n_parameters == 2 + 3 * 6 + 3 * (6 * 2 - 1) + noise


def test_noise_that_breaks_its_structure_is_told():
    broken = FACTORS["EEI"].of(np.ones((2, 3, 1)), [[1.0, 2.0, 3.0], [1.0, 2.0, 4.0]])
    assert "not the same in all components" in broken.violation()
    broken = FACTORS["VII"].of(np.ones((2, 3, 1)), [[1.0, 1.0, 1.0], [2.0, 2.0, 3.0]])
    assert "not the same in all columns" in broken.violation()


@pytest.mark.parametrize(
    ("loadings", "noise", "said"),
    [
        (np.ones((2, 3)), np.ones((2, 3)), "loadings must have the shape"),
        (np.ones((2, 3, 1)), np.ones((2, 2)), r"but got \(2, 3, 1\) and \(2, 2\)"),
    ],
)
def test_shapes_that_do_not_agree_are_refused(loadings, noise, said):
    with pytest.raises(ParameterError, match=said):
        Factor.of(loadings, noise)


def test_noise_of_no_variance_is_refused():
    with pytest.raises(ParameterError, match="component 0: the covariance is not positive definite"):
        Mixture([1.0], [[0.0, 0.0]], Factor.of(np.ones((1, 2, 1)), [[1.0, 0.0]]))


def test_nothing_of_columns_times_columns_is_made():
    k, d, q = 2, 3000, 3
    mixture = factor_mixture("VVI", k, d, q)
    rows = mixture.means[[0, 1, 0]]
    tracemalloc.start()
    mixture.posterior(rows)
    coordinates(mixture, rows, deviations=True)
    mixture.sample(5, seed=0)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 * d * d / 2


@pytest.mark.parametrize("k", [1, 3])
def test_coordinates_are_posterior_means_and_deviations(k):
    # Drawn from the joint law of component and factors given a row, by Bayes' rule over dense matrices.
    mixture = factor_mixture("VVI", k, 4, 2, spread=1.0)
    covariance = mixture.covariance.canonical()
    mixture = mixture.changed(covariance=covariance)
    rows = mixture.sample(5, seed=3)[0]
    found, spread = coordinates(mixture, rows, deviations=True)
    posterior, dense = mixture.posterior(rows), covariance.dense()
    expected, squares = [], []
    for j in range(k):
        gain = covariance.loadings[j].T @ np.linalg.inv(dense[j])
        means = (rows - mixture.means[j]) @ gain.T
        variance = np.diag(np.eye(2) - gain @ covariance.loadings[j])
        expected.append(posterior[:, [j]] * means)
        squares.append(posterior[:, [j]] * (variance + means**2))
    means, squares = np.concatenate(expected, axis=1), np.concatenate(squares, axis=1)
    deviations = np.sqrt(squares - means**2)
    if k > 1:
        means = np.concatenate([posterior, means], axis=1)
        deviations = np.concatenate([np.sqrt(posterior * (1 - posterior)), deviations], axis=1)
    assert found.shape == (5, len(coordinate_names(k, 2)))
    np.testing.assert_allclose(found, means, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(spread, deviations, rtol=1e-6, atol=1e-7)


def test_rebuilt_rows_are_posterior_means_of_rows_without_noise():
    mixture = factor_mixture("VVI", 2, 4, 2, spread=0.5)
    rows = mixture.sample(6, seed=4)[0]
    posterior = mixture.posterior(rows)
    expected = np.zeros_like(rows)
    for j, matrix in enumerate(mixture.covariance.dense()):
        loadings = mixture.covariance.loadings[j]
        part = mixture.means[j] + (rows - mixture.means[j]) @ np.linalg.inv(matrix) @ loadings @ loadings.T
        expected += posterior[:, [j]] * part
    np.testing.assert_allclose(rebuilt(mixture, coordinates(mixture, rows)[0]), expected, rtol=1e-8, atol=1e-10)


def test_coordinates_of_far_rows_are_numbers():
    mixture = factor_mixture("VVI", 3, 4, 2)
    found, spread = coordinates(mixture, np.full((1, 4), 1e200), deviations=True)
    assert np.isfinite(found).all()
    assert found[0, :3].sum() == 1.0
    assert spread[0, :3].tolist() == [0.0, 0.0, 0.0]


def test_what_has_no_factors_has_no_coordinates():
    mixture = Mixture([1.0], [[0.0, 0.0]], Diagonal([[1.0, 1.0]]))
    with pytest.raises(ParameterError, match="fit a MixtureOfFactorAnalyzers"):
        coordinates(mixture, [[0.0, 0.0]])
    with pytest.raises(ParameterError, match="fit a MixtureOfFactorAnalyzers"):
        rebuilt(mixture, [[0.0]])
    with pytest.raises(DataError, match="has 3 columns, but the mixture is of 5"):
        coordinates(factor_mixture(), np.zeros((2, 3)))
    with pytest.raises(DataError, match=r"shape \(rows, 9\).*but got \(2, 3\)"):
        rebuilt(factor_mixture(), np.zeros((2, 3)))
