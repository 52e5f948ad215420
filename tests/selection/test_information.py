"""The observed information: scores against numerical derivatives, errors against closed forms and the bootstrap."""

import numpy as np
import pytest

from cases import FAMILY_NAMES, random_mixture
from gmmkit import GaussianMixture, Mixture, bootstrap, observed_information
from gmmkit.data import as_table
from gmmkit.errors import DataError, ParameterError
from gmmkit.model.covariance import Full, family
from gmmkit.selection.information import _Scores
from gmmkit.selection.tangents import covariance_tangents


def separated(n=4000, seed=0):
    mixture = Mixture.from_arrays(
        [0.3, 0.7], [[0.0, 0.0], [8.0, 1.0]], [[[1.0, 0.3], [0.3, 0.5]], [[2.0, -0.6], [-0.6, 1.0]]]
    )
    return mixture.sample(n, seed=seed)[0]


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize(("k", "d"), [(1, 3), (2, 1), (3, 3), (2, 4)])
def test_tangents_span_the_family(name, k, d):
    covariance = random_mixture(name, k, d).covariance
    tangents = covariance_tangents(covariance)
    size = family(name).n_parameters(k, d)
    assert tangents.shape == (size, k, d, d)
    assert np.linalg.matrix_rank(tangents.reshape(size, -1)) == size
    # A small step stays in the family up to its square: the family's covariances nearest to it are itself.
    step, dense, diagonal = 1e-5, covariance.dense(), np.arange(d)
    for tangent in tangents:
        moved, previous = dense + step * tangent, dense
        if covariance.independent_columns:
            assert not (moved * (1.0 - np.eye(d))).any()
            moved, previous = moved[:, diagonal, diagonal], previous[:, diagonal, diagonal]
        nearest = family(name).solve(np.ones(k), moved, previous)
        assert np.abs(nearest - moved).max() < 0.01 * step * np.abs(tangent).max()


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_scores_are_derivatives(name):
    k, d, step = 3, 2, 1e-5
    mixture = random_mixture(name, k, d)
    rows = mixture.sample(20, seed=1)[0]
    scores = _Scores(mixture, equal_weights=False)
    found = scores.of(rows, mixture.posterior(rows).T)

    def log_density(eta, means, dense):
        weights = np.exp(eta) / np.exp(eta).sum()
        return Mixture.trusted(weights, means, Full(dense)).log_density(rows)

    eta, means, dense = np.log(mixture.weights), mixture.means, mixture.covariance.dense()
    moves = [(np.eye(k)[j], 0 * means, 0 * dense) for j in range(k - 1)]
    moves += [(0 * eta, np.eye(k * d)[j].reshape(k, d), 0 * dense) for j in range(k * d)]
    moves += [(0 * eta, 0 * means, tangent) for tangent in scores.tangents]
    assert len(found) == len(moves) == mixture.n_parameters
    for score, (a, b, c) in zip(found, moves, strict=True):
        ahead = log_density(eta + step * a, means + step * b, dense + step * c)
        behind = log_density(eta - step * a, means - step * b, dense - step * c)
        np.testing.assert_allclose(score, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-7)


def test_the_matrix_sums_over_rows_weights_and_threads():
    rows = separated(300)
    mixture = GaussianMixture(2, random_state=0).fit(rows).mixture_
    weights = np.random.default_rng(0).integers(0, 3, len(rows))
    scores = _Scores(mixture, equal_weights=False).of(rows, mixture.posterior(rows).T)
    found = observed_information(mixture, rows, sample_weight=weights)
    np.testing.assert_allclose(found.matrix, (scores * weights) @ scores.T, rtol=1e-9, atol=1e-9)
    repeated = observed_information(mixture, np.repeat(rows, weights, axis=0), n_jobs=2)
    np.testing.assert_allclose(repeated.matrix, found.matrix, rtol=1e-9, atol=1e-9)
    shares = observed_information(mixture, rows, sample_weight=np.full(len(rows), 1e-3))
    np.testing.assert_allclose(shares.matrix, scores @ scores.T, rtol=1e-9, atol=1e-9)


def test_one_normal_has_the_errors_of_the_textbook():
    rows = np.random.default_rng(0).normal(3.0, 2.0, size=(5000, 1))
    found = observed_information(GaussianMixture().fit(rows), rows).standard_errors
    assert found.means[0, 0] == pytest.approx(rows.std() / np.sqrt(5000), rel=0.03)
    assert found.covariances[0, 0, 0] == pytest.approx(np.sqrt(2 / 5000) * rows.var(), rel=0.03)
    assert found.weights[0] == 0.0


@pytest.mark.parametrize("name", ["full", "tied", "diag", "VEV"])
def test_errors_agree_with_the_bootstrap_where_clusters_are_apart(name):
    # Shapes far from a sphere: the axes of a sphere are free, and normal theory does not hold.
    truth = random_mixture(name, 2, 2, seed=3, spread=60.0, condition=3000.0)
    rows = truth.sample(6000, seed=0)[0]
    model = GaussianMixture(2, covariance_type=name, tol=1e-10, max_iter=500, random_state=0).fit(rows)
    ours = observed_information(model, rows).standard_errors
    theirs = bootstrap(model, rows, n_replicates=1000, kind="parametric").standard_errors
    np.testing.assert_allclose(ours.weights, theirs.weights, rtol=0.1)
    np.testing.assert_allclose(ours.means, theirs.means, rtol=0.1)
    # With axes along the columns, covariances are 0 and known to be.
    np.testing.assert_allclose(ours.covariances, theirs.covariances, rtol=0.12, atol=1e-12)


def test_the_matrix_is_near_the_second_derivatives():
    rows = separated()
    model = GaussianMixture(2, tol=1e-11, max_iter=500, random_state=0).fit(rows)
    mixture, step = model.mixture_, 1e-4

    def gradient(means):
        moved = Mixture.trusted(mixture.weights, means, mixture.covariance)
        return _Scores(moved, equal_weights=True).of(rows, moved.posterior(rows).T)[:4].sum(axis=1)

    second = np.empty((4, 4))
    for j in range(4):
        move = step * np.eye(4)[j].reshape(2, 2)
        second[j] = (gradient(mixture.means + move) - gradient(mixture.means - move)) / (2 * step)
    found = observed_information(model, rows).matrix[1:5, 1:5]
    size = np.sqrt(np.diagonal(second * -1.0))
    np.testing.assert_allclose(found / np.outer(size, size), -second / np.outer(size, size), atol=0.08)


def test_weights_held_equal_have_no_error():
    rows = separated(400)
    model = GaussianMixture(2, equal_weights=True, random_state=0).fit(rows)
    found = observed_information(model, rows)
    assert len(found.matrix) == 4 + 6
    assert not found.standard_errors.weights.any()


def test_summary_and_intervals():
    rows = separated(400)
    found = observed_information(GaussianMixture(2, random_state=0).fit(rows), as_table(rows, names=["a", "b"]))
    table = found.summary()
    assert len(table) == 2 + 4 + 6
    assert table[2]["parameter"] == "mean"
    assert table[2]["column"] == "a"
    assert table[2]["high"] - table[2]["estimate"] == pytest.approx(1.959964 * table[2]["standard_error"], rel=1e-6)
    assert repr(found) == "ObservedInformation(2 components, 2 columns, 11 parameters)"
    with pytest.raises(ParameterError, match="confidence must be a number between 0 and 1"):
        found.intervals(95)


def test_what_cannot_be_told_apart_is_said():
    rows = np.random.default_rng(0).normal(size=(50, 2))
    twins = Mixture.from_arrays([0.5, 0.5], np.zeros((2, 2)), [1.0, 1.0], covariance_type="spherical")
    with pytest.raises(ParameterError, match="the observed information is singular"):
        _ = observed_information(twins, rows).standard_errors
    with pytest.raises(DataError, match="X has 1 columns, but the model was fitted on 2"):
        observed_information(twins, rows[:, :1])
    wide = Mixture.trusted(np.ones(1), np.zeros((1, 100)), Full(np.eye(100)[None]))
    with pytest.raises(ParameterError, match="5150 free parameters, too many"):
        observed_information(wide, np.zeros((3, 100)))


@pytest.mark.parametrize("name", ["full", "VEE", "EVV", "VVE", "EEI", "spherical"])
@pytest.mark.parametrize("unit", [2.0**-266, 2.0**266, 2.0**465])
def test_errors_are_in_the_units_of_the_data(name, unit):
    rows = random_mixture(name, 2, 2, seed=3, spread=40.0).sample(400, seed=0)[0]
    plain, scaled = (
        observed_information(GaussianMixture(2, covariance_type=name, random_state=0).fit(X), X).standard_errors
        for X in (rows, rows * unit)
    )
    np.testing.assert_allclose(scaled.weights, plain.weights, rtol=1e-6)
    np.testing.assert_allclose(scaled.means / unit, plain.means, rtol=1e-6)
    np.testing.assert_allclose(scaled.covariances / unit / unit, plain.covariances, rtol=1e-6, atol=1e-12)
