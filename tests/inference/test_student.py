"""EM for Student-t components: a pass by plain loops, laws over every family, and what it is for."""

import numpy as np
import pytest

from cases import FAMILY_NAMES, fitted, opened, random_mixture
from gmmkit.errors import ParameterError
from gmmkit.inference.conjugate import ConjugatePrior
from gmmkit.inference.fit import FitSettings
from gmmkit.model.mixture import Mixture
from inference.oracle_student import e_step, log_likelihood, next_degrees, student_m_step

DEGREES = np.array([2.5, 6.0])


def student(name="full", k=2, d=2, degrees=DEGREES, seed=3, spread=5.0):
    gaussian = random_mixture(name, k, d, seed, spread)
    return Mixture(gaussian.weights, gaussian.means, gaussian.covariance, degrees)


def one_pass(rows, state, name, degrees, weights=None):
    """Return a pass without prior in the data's units."""
    with opened(rows, name, weights=weights) as problem:
        settings = FitSettings(reg_covar=0.0, degrees_of_freedom=degrees)
        algorithm = settings.algorithm(problem, np.random.default_rng(0))
        framed = algorithm.started(state.into(problem.frame))
        totals = algorithm.sweep(framed)
        objective = algorithm.objective(totals, framed)
        return algorithm.refit(totals, framed, 1)[0].out_of(problem.frame), objective


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical", "EII", "VEI", "EEV"])
@pytest.mark.parametrize("degrees", ["free", "common", 4.0])
def test_a_pass_is_that_of_plain_loops(name, degrees):
    state = student(name)
    if degrees != "free":
        state = state.changed(degrees_of_freedom=np.full(2, 4.0))
    random = np.random.default_rng(1)
    rows, row_weights = state.sample(60, seed=1)[0], random.integers(1, 4, 60).astype(float)
    found, objective = one_pass(rows, state, name, degrees, row_weights)
    nu = state.degrees_of_freedom
    shares, u, logs = e_step(rows, state.weights, state.means, state.covariance.dense(), nu)
    counts, means, scales = student_m_step(name, rows, shares, u, row_weights)
    # One α for all components: the mean of the rows' expected precisions, by degrees of freedom.
    held = (shares * row_weights[:, None] * u).sum(axis=0)
    alpha = (nu @ held) / (nu @ counts)
    assert objective == pytest.approx(logs @ row_weights / row_weights.sum())
    np.testing.assert_allclose(found.weights, counts / counts.sum(), rtol=1e-9)
    np.testing.assert_allclose(found.means, means, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found.covariance.dense(), scales / alpha, rtol=1e-6, atol=1e-8)
    expected = next_degrees(shares, u, row_weights, nu, 2, alpha, common=degrees == "common")
    expected = nu if degrees == 4.0 else np.clip(expected, 1.0, 1e3)
    np.testing.assert_allclose(found.degrees_of_freedom, expected, rtol=1e-7)


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("degrees", ["free", "common", 3.0])
@pytest.mark.parametrize("reg_covar", ["auto", 0.0])
def test_the_objective_never_falls(name, degrees, reg_covar):
    rows = student(name, 3, 3, [1.5, 5.0, 40.0]).sample(300, seed=2)[0]
    result = fitted(rows, name, k=3, degrees_of_freedom=degrees, reg_covar=reg_covar, tol=0.0, max_iter=40)
    assert np.diff(result.objectives).min() > -1e-11
    found = result.mixture
    last = log_likelihood(rows, found.weights, found.means, found.covariance.dense(), found.degrees_of_freedom)
    assert last / len(rows) >= result.objectives[-1] - 1e-4


@pytest.mark.parametrize("settings", [{"prior": ConjugatePrior()}, {"equal_weights": True}])
def test_priors_keep_it_monotone(settings):
    rows = student("full", 3, 2, [1.5, 5.0, 40.0]).sample(300, seed=2)[0]
    result = fitted(rows, "full", k=3, degrees_of_freedom="free", tol=0.0, max_iter=60, **settings)
    assert np.diff(result.objectives).min() > -1e-11


def test_degrees_of_freedom_are_recovered():
    truth = student("full", 2, 2, [3.0, 8.0], spread=8.0)
    rows = truth.sample(4000, seed=1)[0]
    result = fitted(rows, "full", k=2, degrees_of_freedom="free", tol=1e-9, max_iter=1000)
    order = result.mixture.means[:, 0].argsort() if truth.means[0, 0] < truth.means[1, 0] else slice(None, None, -1)
    found = result.mixture.take(np.arange(2)[order])
    if np.abs(found.means - truth.means).max() > 1:
        found = found.take([1, 0])
    np.testing.assert_allclose(found.degrees_of_freedom, [3.0, 8.0], rtol=0.25)
    np.testing.assert_allclose(found.means, truth.means, atol=0.2)
    assert result.n_parameters == result.mixture.n_parameters + 2


def test_gaussian_rows_give_the_gaussian_fit():
    rows = random_mixture("full", 2, 2, 3, spread=8.0).sample(500, seed=0)[0]
    gaussian = fitted(rows, "full", k=2, tol=1e-10, max_iter=500).mixture
    known = fitted(rows, "full", k=2, tol=1e-10, max_iter=500, degrees_of_freedom=np.inf).mixture
    np.testing.assert_allclose(known.means, gaussian.means, rtol=1e-9)
    np.testing.assert_allclose(known.covariances, gaussian.covariances, rtol=1e-8)
    near = fitted(rows, "full", k=2, tol=1e-10, max_iter=500, degrees_of_freedom=1e6).mixture
    np.testing.assert_allclose(near.covariances, gaussian.covariances, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(near.log_density(rows), gaussian.log_density(rows), rtol=1e-3, atol=1e-3)


def test_outliers_do_not_drag_the_means():
    random = np.random.default_rng(4)
    rows = np.vstack([random.normal([0, 0], 1.0, (150, 2)), random.normal([8, 8], 1.0, (150, 2))])
    rows = np.vstack([rows, random.uniform(40, 60, (15, 2)) * [1, -1]])
    start = random_mixture("full", 2, 2).changed(means=np.array([[0.0, 0.0], [8.0, 8.0]]))
    truth = np.array([[0.0, 0.0], [8.0, 8.0]])
    robust = fitted(rows, "full", start, degrees_of_freedom="common", max_iter=500, tol=1e-8).mixture
    dragged = fitted(rows, "full", start, max_iter=500, tol=1e-8).mixture
    assert np.abs(robust.means - truth).max() < 0.5
    assert np.abs(dragged.means - truth).max() > 2.0


@pytest.mark.parametrize("start", ["kmeans", "hierarchical", "short-runs", "random_from_data"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_start_takes_outliers_for_a_cluster(start, seed):
    random = np.random.default_rng(seed)
    rows = np.vstack([random.normal([0, 0], 1.0, (150, 2)), random.normal([8, 8], 1.0, (150, 2))])
    rows = np.vstack([rows, random.uniform(40, 60, (15, 2)) * [1, -1]])
    found = fitted(rows, "full", start, degrees_of_freedom="common", tol=1e-6, max_iter=500, seed=seed).mixture
    np.testing.assert_allclose(found.means, [[0.0, 0.0], [8.0, 8.0]], atol=0.5)


def test_an_integer_weight_is_a_repetition():
    rows = student().sample(200, seed=7)[0]
    times = np.random.default_rng(0).integers(1, 4, 200)
    start = random_mixture("full", 2, 2, 3, 5.0)
    settings = {"degrees_of_freedom": "free", "max_iter": 15, "tol": 0.0}
    weighted = fitted(rows, "full", start, weights=times.astype(float), **settings)
    repeated = fitted(np.repeat(rows, times, axis=0), "full", start, **settings)
    np.testing.assert_allclose(weighted.mixture.degrees_of_freedom, repeated.mixture.degrees_of_freedom, rtol=1e-7)
    np.testing.assert_allclose(weighted.mixture.means, repeated.mixture.means, rtol=1e-8)


def test_threads_change_no_bit():
    rows = student().sample(30_000, seed=7)[0]
    start = random_mixture("full", 2, 2, 3, 5.0)
    one, two = (
        fitted(rows, "full", start, degrees_of_freedom="free", max_iter=5, tol=0.0, n_jobs=n_jobs) for n_jobs in (1, 2)
    )
    assert one.mixture == two.mixture
    assert one.objectives == two.objectives


def test_lower_bound():
    # Half the rows of a component coincide: a t of few degrees of freedom would fall for them.
    random = np.random.default_rng(0)
    rows = np.concatenate([np.zeros(30), random.standard_cauchy(60) ** 3])[:, None]
    result = fitted(rows, "full", k=1, degrees_of_freedom="common", max_iter=300, tol=1e-9)
    assert result.mixture.degrees_of_freedom.tolist() == [1.0]


def test_parameters_are_counted():
    rows = student().sample(100, seed=0)[0]
    asked = ("common", "free", 5.0)
    counted = [fitted(rows, "full", k=2, degrees_of_freedom=degrees).n_parameters for degrees in asked]
    assert counted == [12, 13, 11]


def test_a_start_keeps_its_degrees_of_freedom_or_loses_them():
    state = student()
    rows = state.sample(100, seed=0)[0]
    kept = fitted(rows, "full", state, max_iter=0, degrees_of_freedom="free").mixture
    np.testing.assert_array_equal(kept.degrees_of_freedom, DEGREES)
    assert fitted(rows, "full", state, max_iter=3).mixture.degrees_of_freedom is None


def test_degrees_of_freedom_that_mean_nothing():
    rows = student().sample(50, seed=0)[0]
    with pytest.raises(ParameterError, match="degrees_of_freedom must be one number or 2"):
        fitted(rows, "full", k=2, degrees_of_freedom=[1.0, 2.0, 3.0])


def test_a_collapsed_component_is_repaired():
    rows = np.vstack([np.random.default_rng(0).standard_normal((50, 2)), np.full((30, 2), 9.0)])
    result = fitted(rows, "full", k=2, degrees_of_freedom="free", max_iter=50)
    assert any(repair.kind == "collapsed" for repair in result.repairs)
    assert np.isfinite(result.objectives).all()
