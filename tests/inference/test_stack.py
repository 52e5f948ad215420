"""Stacks: the array engine against ordinary fits, and a search with either engine."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris

from gmmkit import GaussianMixture, GaussianMixtureSearch
from gmmkit.inference import stack_engine, stack_numpy
from gmmkit.inference.stack import CONVERGED, SINGULAR, Stack, StackRows, StackRun
from gmmkit.kernels import native
from gmmkit.model.covariance.catalogue import STRUCTURES

IRIS = load_iris().data


def rows_of(X):
    X = X - X.mean(axis=0)
    spread = np.cov(X.T, bias=True)
    return StackRows(
        np.ascontiguousarray(X.T), np.ones(len(X)), dict.fromkeys(STRUCTURES, spread), 0.0, np.ones(X.shape[1])
    )


def started(structures, k=3):
    rows = rows_of(IRIS)
    labels = np.repeat(np.arange(3, dtype=np.int32), 50) % k
    sizes = np.full(len(structures), k, dtype=np.intp)
    return rows, stack_numpy.begin(rows, structures, sizes, np.tile(labels, (len(structures), 1)))[0]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_it_ends_where_an_ordinary_fit_from_the_same_labels_does(structure):
    rows, stack = started((structure,))
    found = stack_numpy.run(rows, stack, max_iter=500, tol=1e-10)
    fit = GaussianMixture(3, covariance_type=structure, tol=1e-11, max_iter=2000, reg_covar=0)
    fit.fit(IRIS, start=np.repeat(np.arange(3), 50))
    assert found.status[0] == CONVERGED
    assert found.log_likelihood[0] / 150 == pytest.approx(fit.score(IRIS), abs=1e-6)


@pytest.mark.parametrize("max_iter", [1, 2, 3, 4, 9, 10])
def test_any_number_of_passes_leaves_parameters_where_they_were_scored(max_iter):
    rows, stack = started(STRUCTURES)
    found = stack_numpy.run(rows, stack, max_iter=max_iter, tol=1e-3)
    assert (found.passes <= max_iter).all()
    again = stack_numpy.run(rows, found.stack, max_iter=1, tol=0.0)
    np.testing.assert_allclose(again.objective, found.objective, rtol=1e-10)
    last = found.traces[np.arange(len(found)), found.passes - 1]
    np.testing.assert_array_equal(last, found.objective)


def test_the_objective_never_falls():
    rows, stack = started(STRUCTURES)
    found = stack_numpy.run(rows, stack, max_iter=200, tol=0.0)
    for trace, made in zip(found.traces, found.passes, strict=True):
        assert np.diff(trace[:made]).min(initial=0.0) > -1e-9


def test_a_mixture_without_spread_ends_as_singular_and_the_others_go_on():
    X = np.random.default_rng(0).normal(size=(60, 2))
    X[30:] += 8.0
    rows = rows_of(X)
    labels = np.stack([np.arange(60) // 59, np.arange(60) // 30]).astype(np.int32)
    stack, objective = stack_numpy.begin(rows, ("VVV", "VVV"), np.array([2, 2]), labels)
    assert objective[0] == -np.inf
    assert np.isfinite(objective[1])
    found = stack_numpy.run(rows, stack, max_iter=50, tol=1e-6)
    assert found.status[0] == SINGULAR
    assert np.isfinite(found.objective[1])


def test_stacks_can_be_taken_apart_and_joined():
    rows, stack = started(("EII", "VVV", "EEE"))
    run = stack_numpy.run(rows, stack, max_iter=5, tol=0.0)
    assert run.stack.cells == [("EII", 3), ("VVV", 3), ("EEE", 3)]
    back = StackRun.join([run.take([2]), run.take([0, 1]), StackRun.nothing(4)]).take([1, 2, 0])
    np.testing.assert_array_equal(back.objective, run.objective)
    np.testing.assert_array_equal(back.stack.covariances, run.stack.covariances)
    one = Stack.join([stack.take([1])])
    np.testing.assert_array_equal(one.mixture(0)[1], stack.mixture(1)[1])


def test_nearly_dependent_columns_are_run_in_sphered_coordinates_and_come_back():
    rng = np.random.default_rng(0)
    X = IRIS @ np.diag([1.0, 1.0, 1.0, 1e-3]) @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
    plain = rows_of(X)
    sphering = np.linalg.inv(np.linalg.cholesky(np.cov(X.T, bias=True)))
    sphered = StackRows(plain.z, plain.weights, plain.pooled, 0.0, plain.units, sphering)
    labels = np.tile(np.repeat(np.arange(3, dtype=np.int32), 50), (3, 1))
    names, sizes = ("VVV", "EII", "EEE"), np.full(3, 3, dtype=np.intp)
    a, b = (stack_engine.begin(rows, names, sizes, labels) for rows in (plain, sphered))
    np.testing.assert_allclose(a[1], b[1], atol=1e-7)
    np.testing.assert_allclose(a[0].means, b[0].means, atol=1e-9)
    runs = [stack_engine.run(rows, a[0], max_iter=4, tol=0.0) for rows in (plain, sphered)]
    np.testing.assert_allclose(runs[0].objective, runs[1].objective, atol=1e-6)
    np.testing.assert_allclose(runs[0].log_likelihood, runs[1].log_likelihood, atol=1e-4)


@pytest.mark.skipif(native.why_not() is not None, reason="there is no compiled kernel to compare with")
def test_a_search_finds_the_same_with_either_engine(monkeypatch):
    settings = dict(n_components=range(1, 5))
    compiled = GaussianMixtureSearch(**settings).fit(IRIS)
    monkeypatch.setenv("GMMKIT_NATIVE", "0")
    arrays = GaussianMixtureSearch(**settings).fit(IRIS)
    assert compiled.best_score_ == pytest.approx(arrays.best_score_, abs=1e-4)
    np.testing.assert_array_equal(compiled.predict(IRIS), arrays.predict(IRIS))
    best = {(row["covariance_type"], row["n_components"]): row["bic"] for row in arrays.results_}
    near = [abs(row["bic"] - best[row["covariance_type"], row["n_components"]]) < 0.01 for row in compiled.results_]
    assert np.mean(near) > 0.85


@pytest.mark.parametrize("variance", [1e-17, -1.0, np.nan, 1e-14])
def test_what_cannot_be_scored_is_singular_and_spoils_no_other(variance):
    rows, stack = started(("VVV", "VVI"), k=1)
    covariances = stack.covariances.copy()
    # Nearly flat along a diagonal, which rounding may or may not leave a Cholesky factor.
    covariances[0, :2, :2] = [[1.0, 1.0 - variance], [1.0 - variance, 1.0]]
    broken = Stack(stack.structures, stack.sizes, stack.weights, stack.means, covariances)
    found = stack_numpy.run(rows, broken, max_iter=3, tol=0.0)
    assert found.status[0] == SINGULAR
    assert found.objective[0] == -np.inf
    alone = stack_numpy.run(rows, stack.take([1]), max_iter=3, tol=0.0)
    assert found.objective[1] == alone.objective[0]
