"""EM with rows of known classes: against brute force, the law of the objective, shares of a pool."""

import numpy as np
import pytest

from gmmkit import Full, Mixture
from gmmkit.data import as_table
from gmmkit.data.table import Block
from gmmkit.execution import Workers
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.labelled import (
    LabelledEM,
    Shares,
    fit_labelled,
    fit_supervised,
    from_labels,
    moments_of_classes,
)
from gmmkit.inference.pooled import PooledPrior
from gmmkit.inference.prior import make_prior
from gmmkit.inference.problem import Problem
from gmmkit.inference.starts import Named
from gmmkit.inference.stopping import AitkenGain
from gmmkit.inference.survey import survey
from gmmkit.model.covariance import family
from gmmkit.model.covariance.catalogue import STRUCTURES

SETTINGS = FitSettings(rule=AitkenGain(1e-9), max_iter=500, reg_covar=0.0, seed=0)


def problem_of(rows, structure, weights=None):
    table = as_table(rows)
    table = table if weights is None else table.with_weights(weights)
    workers = Workers(1)
    return Problem(table, family(structure), survey(table, workers), workers)


@pytest.fixture(scope="module")
def classes():
    rng = np.random.default_rng(3)
    rows = np.concatenate([rng.normal(0, 1, (60, 3)), rng.normal(2, 1.5, (90, 3))])
    return rows, np.repeat([0, 1], [60, 90])


def fitted(rows, codes, structure, **more):
    problem = problem_of(rows, structure)
    return fit_labelled(problem, from_labels(codes, 2), codes, Shares(np.eye(2)), SETTINGS, **more)


def test_labelled_rows_give_the_moments_of_their_classes(classes):
    rows, codes = classes
    mixture = fitted(rows, codes, "VVV").mixture
    for c in (0, 1):
        np.testing.assert_allclose(mixture.means[c], rows[codes == c].mean(axis=0), rtol=1e-10)
        np.testing.assert_allclose(mixture.covariances[c], np.cov(rows[codes == c].T, bias=True), rtol=1e-9)
    np.testing.assert_allclose(mixture.weights, [0.4, 0.6])


@pytest.mark.parametrize("drawn", [False, True], ids=["free", "drawn to the pooled one"])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_moments_of_classes_lead_where_passes_over_the_rows_do(classes, structure, drawn):
    rows, codes = classes
    weights = np.random.default_rng(1).integers(0, 3, len(rows)) * 1.0
    prior = PooledPrior(pooled=np.cov(rows.T), pseudo_rows=20.0) if drawn else None
    settings = FitSettings(rule=AitkenGain(1e-9), max_iter=500, seed=0, prior=prior)
    # A constant column has no spread but what the prior gives it.
    rows = np.column_stack([rows, np.full(len(rows), 7.0)]) if not drawn else rows
    problem = problem_of(rows, structure, weights)
    expected = fit_labelled(problem, from_labels(codes, 2), codes, Shares(np.eye(2)), settings)
    found = fit_supervised(problem, moments_of_classes(problem, codes, 2), settings)
    np.testing.assert_allclose(found.objectives[-1], expected.objectives[-1], rtol=1e-9)
    np.testing.assert_allclose(found.mixture.weights, expected.mixture.weights, rtol=1e-12)
    np.testing.assert_allclose(found.mixture.means, expected.mixture.means, rtol=1e-12)
    size = np.abs(expected.mixture.covariance.dense()).max()
    difference = found.mixture.covariance.dense() - expected.mixture.covariance.dense()
    assert np.abs(difference).max() < 1e-9 * size
    assert found.reason == expected.reason
    assert found.repairs == expected.repairs


def test_unlabelled_rows_take_part_with_their_posteriors(classes):
    rows, codes = classes
    known = codes.copy()
    known[::2] = -1
    mixture = fitted(rows, known, "VVV").mixture
    # At the optimum a step of EM by hand changes nothing.
    responsibilities = mixture.posterior(rows)
    responsibilities[known >= 0] = np.eye(2)[known[known >= 0]]
    counts = responsibilities.sum(axis=0)
    means = responsibilities.T @ rows / counts[:, None]
    np.testing.assert_allclose(mixture.means, means, atol=1e-3)
    np.testing.assert_allclose(mixture.weights, counts / len(rows), atol=1e-4)


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("structure", ["EEE", "VVV", "VEV", "VVI", "EII"])
def test_the_objective_never_falls(classes, structure, free):
    rows, codes = classes
    known = np.where(np.arange(len(codes)) % 3, codes, -1)
    problem = problem_of(rows, structure)
    k = 4 if free else 2
    shares = Shares(np.full((k, 2), 0.5) if free else np.eye(2), free=free)
    start = Named("random_from_data", k) if free else from_labels(known, 2)
    result = fit_labelled(problem, start, known, shares, SETTINGS)
    assert len(result.objectives) > 2
    assert np.diff(result.objectives).min() > -1e-10
    np.testing.assert_allclose(shares.values.sum(axis=1), 1.0)


def test_the_objective_is_the_likelihood_of_rows_and_labels(classes):
    rows, codes = classes
    known = np.where(np.arange(len(codes)) % 3, codes, -1)
    problem = problem_of(rows, "VVV")
    shares = Shares(np.array([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]]), free=True)
    algorithm = LabelledEM(problem, make_prior(problem, 0.0), codes=known, shares=shares)
    state, _ = Named("random_from_data", 3)(problem, algorithm.prior, "floor", np.random.default_rng(0))
    mixture = state.out_of(problem.frame)
    densities = mixture.weights * np.exp(mixture.component_log_density(rows))
    expected = [
        np.log(row.sum() if c < 0 else row @ shares.values[:, c]) for row, c in zip(densities, known, strict=True)
    ]
    assert algorithm.objective(algorithm.sweep(state), state) == pytest.approx(np.mean(expected), abs=1e-10)


def test_weights_are_repetitions(classes):
    rows, codes = classes
    known = np.where(np.arange(len(codes)) % 4, codes, -1)
    weights = np.arange(len(rows)) % 3
    repeated = np.repeat(np.arange(len(rows)), weights)
    one = fit_labelled(
        problem_of(rows, "VVV", weights), from_labels(known, 2), known, Shares(np.eye(2)), SETTINGS
    ).mixture
    other = fitted(rows[repeated], known[repeated], "VVV").mixture
    np.testing.assert_allclose(one.means, other.means, rtol=1e-6)
    np.testing.assert_allclose(one.covariances, other.covariances, rtol=1e-5)


def test_held_class_weights_are_held(classes):
    rows, codes = classes
    known = np.where(np.arange(len(codes)) % 3, codes, -1)
    mixture = fitted(rows, known, "VVV", class_weights=np.array([0.9, 0.1])).mixture
    np.testing.assert_allclose(mixture.weights, [0.9, 0.1])


def test_a_labelled_row_far_from_everything_stays_its_class_s():
    problem = problem_of([[0.0], [1.0], [10.0], [11.0]], "VVV")
    codes = np.array([0, 1, -1])
    algorithm = LabelledEM(problem, make_prior(problem, 0.0), codes=codes, shares=Shares(np.eye(2)))
    state = Mixture([0.5, 0.5], [[0.5], [10.5]], Full([[[1.0]], [[2.0]]])).into(problem.frame)
    scorer = algorithm.scorer(state)
    work = scorer.workspace(3)
    far = Block(np.array([[1e200], [1e200], [1e200]]), None, 0)
    responsibilities, log_density = algorithm.begin(state)(3)(scorer, far, work)
    np.testing.assert_array_equal(responsibilities, [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    assert not np.isfinite(log_density).any()


@pytest.mark.parametrize("structure", ["VVV", "VVI", "VII", "EEE"])
def test_pseudo_rows_shrink_toward_the_pooled_covariance(classes, structure):
    rows, codes = classes
    pooled = np.array([[2.0, 0.3, 0.0], [0.3, 1.0, 0.2], [0.0, 0.2, 3.0]])
    settings = FitSettings(rule=AitkenGain(1e-9), max_iter=50, prior=PooledPrior(pooled=pooled, pseudo_rows=30.0))
    problem = problem_of(rows, structure)
    found = fit_labelled(problem, from_labels(codes, 2), codes, Shares(np.eye(2)), settings).mixture.covariance.dense()
    scatters = [len(own) * np.cov(own.T, bias=True) for own in (rows[codes == c] for c in (0, 1))]
    if structure == "EEE":
        expected = np.array([(sum(scatters) + 30 * pooled) / 180] * 2)
    else:
        expected = np.array([(w + 30 * pooled) / (n + 30) for w, n in zip(scatters, (60, 90), strict=True)])
    if structure == "VVI":
        expected *= np.eye(3)
    if structure == "VII":
        expected = np.array([np.trace(matrix) / 3 * np.eye(3) for matrix in expected])
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)
