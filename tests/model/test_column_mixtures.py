"""Mixtures of single columns, their EM, and the conditionals of single columns of a joint one: beside the engine's."""

import numpy as np
import pytest

from gmmkit.inference.column_em import column_start, fit_columns
from gmmkit.model.column_mixtures import ColumnMixtures, largest
from gmmkit.model.column_surprise import ColumnConditionals
from gmmkit.model.covariance import Diagonal, Full
from gmmkit.model.mixture import Mixture


def columns_of(random, d=3, k=4, nu=float("inf")):
    weights = random.dirichlet(np.ones(k), d)
    return ColumnMixtures(weights, random.normal(0, 3, (d, k)), random.gamma(2.0, size=(d, k)), nu)


def joint(random, k=3, d=4, nu=30.0):
    factors = random.normal(size=(k, d, d))
    covariances = factors @ factors.transpose(0, 2, 1) + 0.2 * np.eye(d)
    return Mixture(random.dirichlet(np.ones(k)), random.normal(0, 2, (k, d)), Full(covariances), np.full(k, nu))


@pytest.mark.parametrize("nu", [float("inf"), 30.0, 2.5])
def test_each_columns_density_is_the_mixtures(nu):
    random = np.random.default_rng(0)
    columns, rows = columns_of(random, nu=nu), random.normal(0, 4, (50, 3))
    found = columns.log_density(rows)
    for j in range(3):
        own = Mixture(
            columns.weights[j], columns.means[j][:, None], Diagonal(columns.variances[j][:, None]), np.full(4, nu)
        )
        np.testing.assert_allclose(found[:, j], own.log_density(rows[:, [j]]), rtol=1e-11, atol=1e-11)


def test_the_largest_components_hold_the_share():
    assert largest(np.array([0.2, 0.3, 0.5]), 0.8).tolist() == [1, 2]
    assert largest(np.array([0.2, 0.3, 0.5]), 0.81).tolist() == [0, 1, 2]
    assert largest(np.array([0.25] * 4), 1.0).tolist() == [0, 1, 2, 3]
    columns = columns_of(np.random.default_rng(1)).principal(0.7)
    np.testing.assert_allclose(columns.weights.sum(axis=1), 1.0)
    assert (columns.weights == 0).any()


def em_by_loops(values, start, kept, passes):
    """One column, plainly."""
    weights, means, variances = (array.copy() for array in start)
    k = len(weights)
    for _ in range(passes):
        counts, sums, squares = np.zeros(k), np.zeros(k), np.zeros(k)
        shares = []
        for x in values:
            density = weights * np.exp(-0.5 * (x - means) ** 2 / variances) / np.sqrt(2 * np.pi * variances)
            shares.append(density / density.sum())
        for x, share, counted in zip(values, shares, kept, strict=True):
            counts += counted * share
            sums += counted * share * x
        means = sums / counts
        for x, share, counted in zip(values, shares, kept, strict=True):
            squares += counted * share * (x - means) ** 2
        weights = counts / counts.sum()
        variances = (squares + k**-2.0) / (counts + 5.0)
    return weights, means, variances


def test_em_of_many_columns_is_that_of_each():
    random = np.random.default_rng(2)
    z = np.concatenate([random.normal(-1, 0.3, (60, 3)), random.normal(1.5, 0.6, (40, 3))])
    kept = (random.random(z.shape) < 0.8).astype(float)
    start = column_start(z, 3)
    found = fit_columns(z, start, kept, passes=7, tol=-np.inf)
    for j in range(3):
        own = start.weights[j], start.means[j], start.variances[j]
        expected = em_by_loops(z[:, j], own, kept[:, j], 7)
        for array, values in zip((found.weights, found.means, found.variances), expected, strict=True):
            np.testing.assert_allclose(array[j], values, rtol=1e-9)


def test_columns_are_fitted_alike_however_many_there_are():
    random = np.random.default_rng(3)
    z = random.gamma(1.0, size=(3000, 23))
    start, kept = column_start(z, 5), np.ones(z.shape)
    together = fit_columns(z, start, kept, passes=10)
    alone = [
        fit_columns(
            z[:, [j]],
            ColumnMixtures(start.weights[[j]], start.means[[j]], start.variances[[j]]),
            kept[:, [j]],
            passes=10,
        )
        for j in range(23)
    ]
    # A column of a chunk makes passes until all of the chunk's are done.
    np.testing.assert_allclose(together.means[:, 0], [own.means[0, 0] for own in alone], atol=0.05)


# --- one column given the others --------------------------------------------------------------------------


@pytest.mark.parametrize("nu", [30.0, 4.0])
def test_conditionals_of_single_columns_are_the_engines(nu):
    random = np.random.default_rng(4)
    mixture, rows = joint(random, nu=nu), random.normal(0, 3, (5, 4))
    conditionals = ColumnConditionals(mixture)
    for j in range(4):
        others = [i for i in range(4) if i != j]
        expected = mixture.conditional(others).at(rows[:, others])
        for i, row in enumerate(rows):
            own = conditionals.at(row, j)
            grid = np.linspace(-6, 6, 9)[:, None]
            np.testing.assert_allclose(
                np.exp(own.log_density(grid)), np.exp(expected[i].log_density(grid)), rtol=0.02, atol=2e-3
            )


def test_surprise_is_less_the_log_density_beside_its_highest():
    random = np.random.default_rng(5)
    mixture, rows = joint(random), random.normal(0, 3, (40, 4))
    found = ColumnConditionals(mixture).surprise(rows)
    assert (found >= 0).all()
    for j in range(4):
        others = [i for i in range(4) if i != j]
        at = mixture.conditional(others).at(rows[:, others])
        own = at.log_density(rows[:, [j]])
        grid = np.linspace(-25, 25, 4001)
        highest = np.max([at.log_density(np.full((40, 1), x)) for x in grid[::8]], axis=0)
        np.testing.assert_allclose(found[:, j], np.maximum(highest - own, 0.0), atol=0.15)


@pytest.mark.parametrize("columns", [(2,), (3, 0), (1, 3, 0)])
def test_columns_left_out_leave_the_marginals(columns):
    random = np.random.default_rng(7)
    mixture, left = joint(random, nu=5.0), [j for j in range(4) if j not in columns]
    rows = random.normal(0, 3, (20, len(left)))
    found, expected = ColumnConditionals(mixture).without(columns), ColumnConditionals(mixture.marginal(left))
    np.testing.assert_allclose(found.surprise(rows), expected.surprise(rows), rtol=1e-9, atol=1e-12)
    for j in range(len(left)):
        own, other = found.at(rows[0], j), expected.at(rows[0], j)
        grid = np.linspace(-6, 6, 9)[:, None]
        np.testing.assert_allclose(own.log_density(grid), other.log_density(grid), rtol=1e-9)


def test_one_column_has_nothing_to_be_given():
    mixture = Mixture([1.0], [[1.0]], Full([[[4.0]]]), [30.0])
    found = ColumnConditionals(mixture).surprise(np.array([[1.0], [9.0]]))
    np.testing.assert_allclose(found[:, 0], mixture.log_density([[1.0]]) - mixture.log_density([[1.0], [9.0]]))


def test_rows_far_beyond_all_have_finite_surprise():
    mixture = joint(np.random.default_rng(6))
    assert np.isfinite(ColumnConditionals(mixture).surprise(np.array([[7e4, -7e4, 0.0, 7e4]]))).all()
