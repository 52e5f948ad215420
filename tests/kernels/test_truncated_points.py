"""Points of a truncated pass: rows of any kind, in any order, moved and scaled, by both engines alike."""

import numpy as np
import pytest

from gmmkit.kernels import native, truncated
from gmmkit.kernels.native import truncated as compiled

ENGINES = [
    pytest.param(truncated, id="numpy"),
    pytest.param(
        compiled, id="compiled", marks=pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
    ),
]
KINDS = {
    "float64": lambda x: x,
    "float32": lambda x: x.astype(np.float32),
    "by columns": np.asfortranarray,
    "every second": lambda x: np.repeat(np.repeat(x, 2, axis=0), 2, axis=1)[::2, ::2],
    "backwards": lambda x: x[::-1],
    "of the other byte order": lambda x: x.astype(">f8"),
    "float16": lambda x: x.astype(np.float16),
    "integers": lambda x: (10.0 * x).astype(np.int32),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("d", [1, 3, 16, 19, 300])
@pytest.mark.parametrize("kind", KINDS)
def test_points_are_the_rows_asked_for_moved_and_scaled(engine, d, kind):
    random = np.random.default_rng(d)
    rows, shift, scale = KINDS[kind](random.standard_normal((50, d))), random.standard_normal(d), random.random(d)
    for order in (None, random.integers(50, size=70), np.empty(0, dtype=np.int64)):
        z = np.full((50 if order is None else len(order), d + 5), 7.0)
        engine.points(rows, order, shift, scale, z)
        expected = (rows.astype(np.float64) if order is None else rows[order].astype(np.float64)) - shift
        assert (z[:, :d] == expected * scale).all()
        assert (z[:, d:] == 7.0).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_points_may_overflow(engine):
    z = np.zeros((1, 8))
    engine.points(np.full((1, 2), 1e308), None, np.array([-1e308, 0.0]), np.array([1.0, 10.0]), z)
    assert (z[:, :2] == np.inf).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("order", [[0, 5], [-6, 1]])
def test_points_are_of_rows_that_are_there(engine, order):
    with pytest.raises(IndexError):
        engine.points(np.ones((5, 2)), np.array(order), np.zeros(2), np.ones(2), np.zeros((2, 8)))


@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"z": np.zeros((5, 1))}, "z must have room for 2 columns, but has 1"),
        ({"z": np.zeros((5, 8), dtype=np.float32)}, "z must be"),
        ({"shift": np.zeros(3)}, "shift must be"),
        ({"scale": np.zeros((2, 1))}, "scale must be"),
        ({"order": np.zeros(4, dtype=np.int64)}, "order must be"),
        ({"order": np.zeros(5, dtype=np.int32)}, "order must be"),
    ],
)
def test_points_are_asked_for_as_the_library_expects(change, said):
    given = {"rows": np.ones((5, 2)), "order": None, "shift": np.zeros(2), "scale": np.ones(2), "z": np.zeros((5, 8))}
    with pytest.raises(ValueError, match=said):
        compiled.points(**{**given, **change})
