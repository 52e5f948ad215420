import numpy as np
import pytest

from gmmkit.numerics.frame import Frame, power_of_two


@pytest.mark.parametrize("spread", [5e-324, 1e-300, 1e-3, 0.7, 1.0, 1.99, 2.0, 1e10, 1.7e308])
def test_power_of_two_brings_a_spread_near_one(spread):
    (scale,) = power_of_two(np.array([spread]))
    mantissa, _ = np.frexp(scale)
    assert mantissa == 0.5
    if 1e-300 <= spread <= 1e300:
        assert 1.0 <= spread * scale < 2.0
    assert 0 < 1.0 / scale < np.inf


def test_no_spread_is_not_scaled():
    np.testing.assert_array_equal(power_of_two(np.array([0.0, 4.0])), [1.0, 0.25])


def test_parameters_go_in_and_out_exactly():
    random = np.random.default_rng(0)
    points = random.integers(-(2**20), 2**20, (7, 3)) / 1024
    frame = Frame(np.array([17.25, -3.0, 1024.5]), 2.0 ** np.array([-30, 0, 41]))
    np.testing.assert_array_equal(frame.points_out(frame.points_in(points)), points)
    assert frame.n_columns == 3


def test_scales_lose_no_digit_of_any_number():
    points = np.random.default_rng(1).standard_normal((50, 2)) * np.pi
    frame = Frame(np.zeros(2), 2.0 ** np.array([-400, 311]))
    np.testing.assert_array_equal(frame.points_out(frame.points_in(points)), points)


def test_read_is_points_in_transposed():
    rows = np.random.default_rng(2).standard_normal((9, 3))
    frame = Frame(np.array([1.0, 2.0, 3.0]), np.array([0.5, 2.0, 4.0]))
    out = np.empty((3, 9))
    assert frame.read(rows, out) is out
    np.testing.assert_array_equal(out, frame.points_in(rows).T)


@pytest.mark.parametrize(
    "dtype",
    [
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "bool",
        "float16",
        "float32",
        ">f4",
        ">i8",
    ],
)
def test_every_dtype_is_subtracted_in_float64(dtype):
    values = [[0, 1], [1, 1], [1, 0]] if dtype == "bool" else [[0, 100], [127, 3], [7, 90]]
    rows = np.array(values, dtype=dtype)
    frame = Frame(np.array([100.5, 0.25]), np.array([1024.0, 2.0**70]))
    np.testing.assert_array_equal(frame.read(rows, np.empty((2, 3))), frame.points_in(np.array(values, float)).T)


def test_small_types_do_not_wrap_or_overflow():
    frame = Frame(np.array([1e5]), np.array([1.0]))
    assert frame.read(np.array([[1]], dtype=np.uint8), np.empty((1, 1)))[0, 0] == -99999
    assert frame.read(np.array([[60000]], dtype=np.float16), np.empty((1, 1)))[0, 0] == float(np.float16(60000)) - 1e5


def test_overflow_in_the_frame_is_infinite_and_silent():
    frame = Frame(np.array([0.0]), np.array([2.0**600]))
    np.testing.assert_array_equal(
        frame.read(np.array([[1e300], [-1e300], [1.0]]), np.empty((1, 3))), [[np.inf, -np.inf, 2.0**600]]
    )


def test_read_leaves_rows_alone_in_any_order():
    rows = np.asfortranarray(np.arange(12.0).reshape(6, 2))
    rows.setflags(write=False)
    out = Frame(np.ones(2), np.ones(2)).read(rows[::2], np.empty((2, 3)))
    np.testing.assert_array_equal(out, rows[::2].T - 1)


def test_log_volume_is_the_determinants():
    frame = Frame(np.zeros(3), np.array([2.0, 0.25, 8.0]))
    assert frame.log_volume == pytest.approx(np.log(4.0))
    # A sum of logarithms: the product itself would overflow.
    assert Frame(np.zeros(3), np.full(3, 2.0**900)).log_volume == pytest.approx(2700 * np.log(2))
