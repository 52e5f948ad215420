"""The step that values were recorded to, and rows put anywhere in the cells that they were rounded to."""

from __future__ import annotations

import numpy as np
import pytest

from gmmkit import GaussianMixture, GaussianMixtureGenerator
from gmmkit.selection.resolution import recorded_step, spread_over_cells


@pytest.mark.parametrize("step", [0.1, 1.0, 0.25, 3e-4, 1e6])
def test_the_step_of_rounded_values_is_found(step):
    values = np.round(np.random.default_rng(0).normal(0, 9 * step, 200) / step) * step + 7 * step
    assert recorded_step(values) == pytest.approx(step, rel=1e-6)


@pytest.mark.parametrize(
    "values",
    [np.random.default_rng(0).normal(size=300), np.zeros(5), np.array([0.0, 1.0] * 9), np.array([3.0])],
    ids=["measured finely", "constant", "two categories", "one row"],
)
def test_a_column_without_a_step_has_none(values):
    assert recorded_step(values) == 0.0


@pytest.mark.parametrize("n", [7, 20])
def test_the_step_of_few_values_is_found_to_the_last_digit(n):
    random = np.random.default_rng(0)
    for _ in range(100):
        # A coarser one than 0.001 where the values happen to allow it, but a whole number of those.
        thousandths = recorded_step(np.round(random.normal(size=n), 3)) * 1e3
        assert thousandths == pytest.approx(round(thousandths), rel=1e-13)
        assert thousandths >= 0.5


def test_rows_stay_in_the_cells_they_were_rounded_to():
    rows = np.array([[1.0, 0.37], [2.0, 0.11], [4.0, 0.92]])
    weights = np.array([1.0, 3.0, 2.5])
    spread, shares = spread_over_cells(rows, weights, np.array([1.0, 0.0]), 100, np.random.default_rng(0))
    assert len(spread) == 1 + 3 + 3
    np.testing.assert_array_equal(np.round(spread[:, 0]), [1, 2, 2, 2, 4, 4, 4])
    np.testing.assert_array_equal(spread[:, 1], rows[[0, 1, 1, 1, 2, 2, 2], 1])
    assert shares.sum() == pytest.approx(weights.sum())


def test_heavy_rows_do_not_make_more_rows_than_asked_for():
    rows, weights = np.arange(6.0).reshape(-1, 1), np.full(6, 1e7)
    spread, shares = spread_over_cells(rows, weights, np.ones(1), 60, np.random.default_rng(0))
    assert len(spread) == 60
    assert shares.sum() == pytest.approx(6e7)


@pytest.mark.parametrize("digits", range(9))
@pytest.mark.parametrize("m", [3, 4, 8])
def test_few_values_that_repeat_tell_their_decimals(digits, m):
    random = np.random.default_rng([digits, m])
    for _ in range(20):
        values = np.unique(np.round(random.normal(size=m) * 3, digits))
        column = random.choice(values, 100)
        if len(np.unique(column)) < 3:
            continue
        steps = recorded_step(column) * 10.0**digits
        assert steps == pytest.approx(round(steps), rel=1e-12)
        assert steps > 0.5
        # In other units, too, and far from 0.
        assert recorded_step(column * 1e-3) == pytest.approx(recorded_step(column) * 1e-3)
        if digits < 8:
            assert recorded_step(column + 1000.0) == pytest.approx(recorded_step(column))


def test_a_fine_step_counts_where_values_repeat():
    random = np.random.default_rng(0)
    values = np.round(random.normal(size=50), 8)
    assert recorded_step(values) == 0.0
    assert recorded_step(np.repeat(values, 2)) == 1e-8
    assert recorded_step(values, np.full(50, 2.0)) == 1e-8
    assert recorded_step(values, np.full(50, 0.1)) == 0.0
    # A coarser one is one by itself.
    assert recorded_step(np.round(values, 6)) == 1e-6


@pytest.mark.parametrize(
    "make",
    [
        lambda random: random.normal(size=100),
        lambda random: np.exp(3.0 * random.normal(size=100)),
        lambda random: random.normal(1e6, 1.0, size=100),
        lambda random: random.normal(size=100).astype(np.float32).astype(np.float64),
        lambda random: random.choice(random.normal(size=4), 100),
        lambda random: random.choice(random.normal(size=40), 100),
        lambda random: np.append(np.round(random.normal(size=99), 2), np.pi),
    ],
    ids=["normal", "lognormal", "far from 0", "single", "four that are no decimals", "resampled", "one in between"],
)
def test_what_was_measured_finely_has_no_step(make):
    for seed in range(20):
        assert recorded_step(make(np.random.default_rng(seed))) == 0.0


@pytest.mark.parametrize("size", [1e-310, 1e-150, 1e150])
def test_values_of_any_size_are_no_error(size):
    random = np.random.default_rng(0)
    assert recorded_step(random.normal(size=50) * size) == 0.0
    assert recorded_step(random.integers(0, 9, 50) * size) >= 0.0


def test_the_step_of_a_sum_is_that_of_its_decimals():
    # 0.1 + 0.2 is 0.30000000000000004.
    assert recorded_step(np.cumsum(np.full(30, 0.1))) == 0.1
    assert recorded_step(np.random.default_rng(0).poisson(3.0, 100).astype(float)) == 1.0
    assert recorded_step(np.arange(0.0, 5e9, 1e8)) == 1e8


def test_rows_drawn_like_few_values_have_their_decimals():
    random = np.random.default_rng(0)
    X = np.c_[random.choice([0.1257, 0.6404, 1.3041, 2.3656], 100), random.normal(size=100)]
    drawn, _ = GaussianMixtureGenerator(GaussianMixture(2, random_state=0)).fit(X).sample(200, random_state=0)
    np.testing.assert_array_equal(drawn[:, 0], np.round(drawn[:, 0], 4))
    assert (drawn[:, 1] != np.round(drawn[:, 1], 4)).all()
