"""Robust units: what a few values can change, and what no value is too large for."""

import numpy as np
import pytest

from gmmkit.model.units import RobustUnits, robust_units


def test_the_spread_of_gaussians_is_their_deviation():
    rows = np.random.default_rng(0).normal([3.0, -5.0], [2.0, 1e-3], (20_000, 2))
    units = robust_units(rows)
    np.testing.assert_allclose(units.centre, [3.0, -5.0], rtol=0.02)
    np.testing.assert_allclose(units.spread, [2.0, 1e-3], rtol=0.02)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_units_follow_the_scale(scale):
    rows = np.random.default_rng(1).gamma(1.0, size=(200, 3))
    np.testing.assert_allclose(robust_units(rows * scale).spread / scale, robust_units(rows).spread, rtol=1e-12)


@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.79, 0.81, 0.95, 0.99])
def test_one_value_far_away_changes_no_spread_however_sparse_the_column(zeros):
    n = 1000
    column = np.zeros(n)
    column[int(zeros * n) :] = np.random.default_rng(2).uniform(1, 2, n - int(zeros * n))
    spoilt = column.copy()
    spoilt[-1] = 1e9
    before, after = robust_units(column[:, None]).spread[0], robust_units(spoilt[:, None]).spread[0]
    assert 0.03 < before < 3.0
    assert after == pytest.approx(before, rel=0.5 if zeros > 0.98 else 0.1)


def test_the_spread_does_not_jump_with_the_share_of_zeros():
    spreads = []
    for positive in range(10, 990, 2):
        column = np.zeros(1000)
        column[:positive] = np.linspace(1.0, 2.0, positive)
        if positive < 500:
            spreads.append(robust_units(column[:, None]).spread[0])
    assert np.abs(np.diff(np.log(spreads))).max() < 0.1


def test_a_constant_column_is_finite_and_any_other_value_far_away():
    units = robust_units(np.array([[0.0, 5.0, 1e300]] * 4))
    assert (units.spread > 0).all()
    assert (units.into(np.array([[0.0, 5.0, 1e300]])) == 0).all()
    assert (np.abs(units.into(np.array([[1e-9, 5.001, 0.9e300]]))) > 100).all()
    # The last bit of a number is no difference.
    assert np.abs(units.into(np.array([[0.0, np.nextafter(5.0, 6.0), 1e300]]))).max() < 1e-2


def test_values_of_any_size_have_a_place_in_order_and_come_back():
    units = RobustUnits(np.array([1.0]), np.array([0.1]))
    values = np.array([-1.7e308, -1e200, -1e9, -20.0, 1.0, 5.0, 11.5, 1e9, 1e200, 1.7e308])[:, None]
    z = units.into(values)
    assert np.isfinite(z).all()
    assert (np.diff(z[:, 0]) > 0).all()
    assert np.abs(z).max() < 1e5
    np.testing.assert_allclose(units.out_of(z)[1:-1], values[1:-1], rtol=1e-10)


@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_may_lie_in_any_order(order):
    rows = np.random.default_rng(3).normal(size=(50, 4))
    rows[3, 2], rows[7, 0] = 1e200, -1e9
    z = RobustUnits(np.zeros(4), np.ones(4)).into(np.array(rows, order=order))
    assert z.flags.c_contiguous
    assert np.abs(z).max() < 1e5
    np.testing.assert_array_equal(z[np.abs(rows) < 100], rows[np.abs(rows) < 100])
    np.testing.assert_allclose([z[3, 2], z[7, 0]], [100 * (1 + np.log(1e198)), -100 * (1 + np.log(1e7))])


def test_rows_of_bytes_are_read_as_numbers_and_left_alone():
    rows = np.array([[1, 250], [3, 4]], dtype=np.uint8)
    units = RobustUnits(np.array([2.0, 200.0]), np.ones(2))
    np.testing.assert_array_equal(units.into(rows), [[-1.0, 50.0], [1.0, -100.0 * (1 + np.log(1.96))]])
    np.testing.assert_array_equal(rows, [[1, 250], [3, 4]])
