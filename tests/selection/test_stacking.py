"""Stacked densities: the weights, what they promise of new rows, and rows that little can be said of."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gmmkit.data import as_table
from gmmkit.errors import DataError, ParameterError
from gmmkit.model.covariance import Diagonal
from gmmkit.model.mixture import Mixture
from gmmkit.selection.stacking import StackSettings, stack_densities, stacking_weights


def settings(**changed):
    asked = {
        "n_components": (1, 2, 4),
        "covariance_types": ("full", "diag"),
        "ridges": (1e-3, 1e-1),
        "folds": 4,
        "tol": 1e-3,
        "max_iter": 200,
        "seed": 0,
    }
    return StackSettings(**{**asked, **changed})


def ring(n, seed):
    random = np.random.default_rng(seed)
    angle = random.uniform(0, 2 * np.pi, n)
    return np.c_[np.cos(angle), np.sin(angle)] + random.normal(0, 0.1, (n, 2))


# --- weights ----------------------------------------------------------------------------------------------------


def test_weights_are_the_best_to_the_gap_that_is_promised():
    random = np.random.default_rng(0)
    log_densities, weights = random.normal(size=(200, 5)), random.uniform(0.5, 2.0, 200)
    found = stacking_weights(log_densities, weights)
    assert found.sum() == pytest.approx(1.0)

    def objective(a):
        return weights @ np.log(np.exp(log_densities) @ a) / weights.sum()

    best = max(objective(a) for a in random.dirichlet(np.full(5, 0.7), 20_000))
    assert objective(found) > best - 1e-4


def test_a_member_that_says_nothing_new_has_no_say():
    truth = np.random.default_rng(0).normal(size=100)
    found = stacking_weights(np.c_[truth, truth - 3.0, np.full(100, -np.inf)], np.ones(100))
    np.testing.assert_allclose(found, [1.0, 0.0, 0.0], atol=1e-3)


def test_an_integer_weight_is_a_repetition():
    random = np.random.default_rng(1)
    log_densities, weights = random.normal(size=(50, 3)), random.integers(1, 4, 50)
    np.testing.assert_allclose(
        stacking_weights(log_densities, weights.astype(float)),
        stacking_weights(np.repeat(log_densities, weights, axis=0), np.ones(weights.sum())),
        atol=1e-9,
    )


# --- densities --------------------------------------------------------------------------------------------------


def test_it_beats_each_of_its_members_on_rows_it_has_not_seen():
    found = stack_densities(as_table(ring(600, 0)), settings(n_components=(1, 4, 12)))
    new = ring(4000, 1)
    alone = max(member.held_out for member in found.members)
    assert found.held_out.log_density > alone
    score = found.mixture.log_density(new).mean()
    assert score == pytest.approx(found.held_out.log_density, abs=4 * found.held_out.standard_error + 0.05)
    assert score > stack_densities(as_table(ring(600, 0)), settings(n_components=(4,))).mixture.log_density(new).mean()


def test_members_with_weight_come_first_and_make_up_the_mixture():
    found = stack_densities(as_table(ring(400, 0)), settings())
    shares = [member.weight for member in found.members]
    assert sum(shares) == pytest.approx(1.0)
    assert shares == sorted(shares, reverse=True)
    assert all(share == 0 or share >= 0.01 for share in shares)
    assert found.mixture.n_components == sum(member.n_components for member in found.members if member.weight)
    assert len(found.members) == 2 * 3 * 2
    assert found.mixture.weights.sum() == pytest.approx(1.0)


def test_units_and_origins_of_columns_change_nothing_but_the_folds():
    rows, units, offset = ring(300, 0), np.array([2.0**-20, 2.0**30]), np.array([2.0**-18, 0.0])
    here, there = (stack_densities(as_table(x), settings(n_components=(1, 4))) for x in (rows, rows * units + offset))
    log_volume = math.log(units.prod())
    # Folds differ, and with them the weights.
    assert there.held_out.log_density == pytest.approx(here.held_out.log_density - log_volume, abs=0.15)
    new = ring(2000, 1)
    apart = there.mixture.log_density(new * units + offset) + log_volume - here.mixture.log_density(new)
    assert abs(apart.mean()) < 0.1


def test_repeated_values_are_no_denser_than_the_least_ridge_allows():
    rows = np.random.default_rng(0).integers(0, 4, size=(400, 2)).astype(float)
    found = stack_densities(as_table(rows), settings(n_components=(1, 16, 32)))
    spread = rows.std(axis=0)
    smallest = (found.mixture.covariance.variances() / spread**2).min()
    assert smallest >= 1e-3 * (1 - 1e-6)
    assert found.mixture.log_density(rows).max() <= -np.log(2 * np.pi * 1e-3) - np.log(spread).sum()


def test_row_weights_count():
    rows = np.concatenate([ring(200, 0), ring(200, 1) + 10.0])
    weights = np.r_[np.ones(200), np.zeros(200)]
    found = stack_densities(as_table(rows, weights=weights), settings())
    alone = stack_densities(as_table(rows[:200]), settings())
    assert found.mixture == alone.mixture
    assert found.held_out == alone.held_out


def test_more_rows_than_are_looked_at_are_all_fitted(monkeypatch):
    monkeypatch.setattr("gmmkit.selection.stacking._MOST_ROWS", 200)
    rows = ring(1000, 0)
    found = stack_densities(as_table(rows), settings(n_components=(1, 8)))
    assert found.mixture.log_density(ring(2000, 1)).mean() > -1.2
    # The mean of a fit is that of its rows, which only all of them have.
    np.testing.assert_allclose(found.mixture.mean(), rows.mean(axis=0), atol=1e-9)


def test_every_fit_is_told_of():
    calls = []
    stack_densities(as_table(ring(100, 0)), settings(callback=lambda done, total: calls.append((done, total))))
    assert calls == [(i + 1, 48) for i in range(48)]


def test_the_answer_does_not_depend_on_threads():
    rows = ring(300, 0)
    one, two = (stack_densities(as_table(rows), settings(), n_jobs=n).mixture for n in (1, 2))
    assert one == two


# --- few rows, and settings that mean nothing -------------------------------------------------------------------


def test_few_rows_and_constant_columns():
    random = np.random.default_rng(0)
    assert stack_densities(as_table(random.normal(size=(3, 2))), settings()).mixture.n_components == 1
    found = stack_densities(as_table(np.c_[np.ones(60), random.normal(size=60)]), settings())
    assert np.isfinite(found.mixture.log_density([[1.0, 0.0]])).all()
    wide = stack_densities(as_table(random.normal(size=(40, 60))), settings())
    assert np.isfinite(wide.held_out.log_density)


def test_one_column_has_no_structure_twice():
    rows = np.random.default_rng(0).normal(size=(100, 1))
    names = {m.covariance_type for m in stack_densities(as_table(rows), settings()).members}
    assert names == {"full"}
    assert isinstance(stack_densities(as_table(rows), settings(covariance_types=("diag",))).mixture, Mixture)


def test_independent_columns_stay_so():
    found = stack_densities(as_table(ring(200, 0)), settings(covariance_types=("diag",)))
    assert isinstance(found.mixture.covariance, Diagonal)


def test_rows_that_do_not_differ_are_refused():
    with pytest.raises(DataError, match="no two rows that differ"):
        stack_densities(as_table(np.ones((20, 2))), settings())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"n_components": ()}, "n_components is empty"),
        ({"n_components": (0,)}, "n_components must be a whole number of at least 1"),
        ({"n_components": (100,)}, "support at most 25: give smaller ones"),
        ({"ridges": ()}, "reg_covar is empty"),
        ({"ridges": (0.0,)}, "reg_covar must be a finite number above 0"),
        ({"covariance_types": ()}, "covariance_type is empty"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changed, said):
    with pytest.raises(ParameterError) as raised:
        stack_densities(as_table(ring(100, 0)), settings(**changed))
    assert said in str(raised.value)
