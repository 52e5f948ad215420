"""Table: blocks, rows by number, weights, messages; whatever the source."""

from __future__ import annotations

import dataclasses
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gmmkit.data import Block, Labels, Table, as_table, open_table
from gmmkit.data.arrays import ArrayRows
from gmmkit.errors import DataError

DTYPES = [np.bool_, "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", ">f4", ">i2"]


def rows_of(table, block_rows=7):
    return np.concatenate([block.rows for block in table.blocks(block_rows)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ["C", "F", "strided", "reversed"])
def test_every_dtype_and_order_is_read_in_place(dtype, order):
    base = np.random.default_rng(0).integers(0, 2 if dtype is np.bool_ else 100, size=(20, 6)).astype(dtype)
    X = {"C": base, "F": np.asfortranarray(base), "strided": base[::2, ::3], "reversed": base[::-1]}[order]
    X.flags.writeable = False
    table = as_table(X)
    for block in table.blocks(7):
        assert block.rows.dtype == X.dtype
        assert np.shares_memory(block.rows, X)
        np.testing.assert_array_equal(block.rows, X[block.index : block.index + len(block.rows)])
    np.testing.assert_array_equal(rows_of(table), X)
    taken = table.take(np.array([3, 0, 3]))
    assert taken.dtype == np.float64
    np.testing.assert_array_equal(taken, X[[3, 0, 3]].astype(float))


def test_blocks_cover_a_range_and_carry_weights():
    X = np.arange(20.0).reshape(10, 2)
    table = as_table(X, weights=np.arange(10))
    blocks = list(table.blocks(4, start=1, stop=8))
    assert [(block.index, len(block.rows)) for block in blocks] == [(1, 4), (5, 3)]
    np.testing.assert_array_equal(np.concatenate([block.weights for block in blocks]), np.arange(1, 8))
    assert [len(block.rows) for block in table.blocks(100, stop=99)] == [10]
    assert list(table.blocks(4, start=10)) == []
    assert next(as_table(X).blocks(10)).weights is None


def test_blocks_may_be_iterated_twice_and_values_are_frozen():
    table = as_table(np.zeros((3, 1)))
    assert [b.index for b in table.blocks(2)] == [b.index for b in table.blocks(2)] == [0, 2]
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.origin = "Y"
    with pytest.raises(dataclasses.FrozenInstanceError):
        next(iter(table.blocks(2))).index = 3


def test_memmap_is_not_copied(tmp_path):
    X = np.memmap(tmp_path / "rows", dtype="f4", mode="w+", shape=(50, 3))
    X[:] = np.arange(150).reshape(50, 3)
    table = as_table(X)
    assert np.shares_memory(next(iter(table.blocks(9))).rows, X)
    np.testing.assert_array_equal(rows_of(table), np.asarray(X))


def test_take_reads_only_slices_with_wanted_rows(monkeypatch):
    monkeypatch.setattr(sys.modules["gmmkit.data.table"], "TAKE_VALUES", 20)

    class Counting(ArrayRows):
        read_rows = 0

        def read(self, start, stop):
            self.read_rows += stop - start
            return super().read(start, stop)

    X = np.random.default_rng(1).normal(size=(1000, 2))
    source = Counting(X)
    rows = np.array([999, 5, 5, 500, 501, 7])
    np.testing.assert_array_equal(Table(source).take(rows), X[rows])
    assert source.read_rows <= 6
    assert Table(source).take(np.array([], dtype=int)).shape == (0, 2)
    everything = np.random.default_rng(2).permutation(1000)
    np.testing.assert_array_equal(Table(source).take(everything), X[everything])


@pytest.mark.parametrize("row", [-1, 3])
def test_take_refuses_rows_that_are_not_there(row):
    with pytest.raises(IndexError, match=f"0 … 2.*{row}"):
        as_table(np.zeros((3, 2))).take(np.array([0, row]))


def test_total_weight():
    X = np.zeros((4, 1))
    assert as_table(X).total_weight == 4.0
    assert as_table(X, weights=[0, 1, 2, 0.5]).total_weight == 3.5
    assert as_table(X, weights=[0, 1, 2, 0.5]).with_weights(None).weights is None


@pytest.mark.parametrize(
    "weights",
    [
        [1, 2, 3],
        (1, 2, 3),
        np.array([1, 2, 3], "u1"),
        np.array([1, 2, 3], object),
        range(1, 4),
        np.r_[1.0:4.0],
    ],
)
def test_weights_of_many_kinds(weights):
    found = as_table(np.zeros((3, 1)), weights=weights).weights
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [1, 2, 3])


def test_weights_from_series():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    for series in (pd.Series([1, 2, 3]), pl.Series([1, 2, 3])):
        assert as_table(np.zeros((3, 1)), weights=series).total_weight == 6.0


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([1, -2.5, 1], ["row 1", "-2.5", "not negative"]),
        ([1, 1, np.nan], ["row 2", "NaN", "finite"]),
        ([np.inf, 1, 1], ["row 0", "infinity", "finite"]),
        ([0, 0, 0], ["every weight is zero"]),
        ([1, 1], ["2 weights for 3 rows"]),
        ([[1], [1], [1]], ["shape (3, 1)", "(3,)", "ravel"]),
        (5.0, ["shape ()", "(3,)"]),
        (["a", "b", "c"], ["must be numbers", "'a'"]),
        (np.array(["1", 2, 3], object), ["must be numbers", "'1'"]),
        ([1j, 1, 1], ["must be numbers", "complex"]),
        ([1e308, 1e308, 1e308], ["1e+308", "divide"]),
        ("w", ["'w'", "no data frame"]),
    ],
)
def test_bad_weights(weights, words):
    with pytest.raises(DataError) as caught:
        as_table(np.zeros((3, 2)), weights=weights)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "-infinity")])
def test_check_finite_names_the_value(dtype, value, word):
    X = np.ones((30, 3), dtype)
    X[17, 1] = value
    X[19, 0] = value
    table = as_table(X, names=["a", "waiting", "c"], origin="faithful")
    table.check_finite(next(table.blocks(15)))
    with pytest.raises(DataError, match=f"faithful: row 17, column 'waiting' is {word} .1 more such row .*remove"):
        table.check_finite(list(table.blocks(15))[1])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i8", "u1", "?"])
def test_check_finite_accepts_the_largest_numbers(dtype):
    top = 1 if dtype == "?" else (np.finfo(dtype).max if dtype[0] == "f" else np.iinfo(dtype).max)
    table = as_table(np.full((100, 3), top, dtype))
    table.check_finite(next(table.blocks(100)))


def test_check_finite_sees_infinities_that_cancel():
    table = as_table(np.array([[np.inf], [-np.inf]]))
    with pytest.raises(DataError, match="row 0, column 0 is infinity"):
        table.check_finite(next(table.blocks(2)))


def test_where():
    X = np.zeros((20, 2))
    assert as_table(X).where(16) == "row 16"
    assert as_table(X).where(16, 1) == "row 16, column 1"
    assert as_table(X, names=["eruptions", "waiting"]).where(16, 1) == "row 16, column 'waiting'"
    assert dataclasses.replace(as_table(X), first_line=2).where(16, 1) == "line 18, column 1"


def test_reads_are_safe_from_many_threads(tmp_path):
    X = np.random.default_rng(3).normal(size=(20_000, 5))
    np.save(tmp_path / "x.npy", X)
    np.savetxt(tmp_path / "x.csv", X[:4000], delimiter=",", fmt="%.17g")
    sources = [
        as_table(X),
        as_table(iter(np.array_split(X, 7))),
        open_table(tmp_path / "x.npy"),
        open_table(tmp_path / "x.csv"),
    ]
    starts = np.random.default_rng(4).integers(0, 3900, size=300)
    for table in sources:
        with ThreadPoolExecutor(8) as pool:
            for start, rows in zip(starts, pool.map(lambda s, t=table: t.source.read(s, s + 100), starts), strict=True):
                np.testing.assert_array_equal(rows, X[start : start + 100])


def test_what_is_read_is_the_readers_own(tmp_path):
    table = as_table(iter([np.zeros((3, 2))]))
    table.source.read(0, 3)[:] = 9
    assert not table.source.read(0, 3).any()
    assert isinstance(next(table.blocks(2)), Block)
    assert Labels(np.array([0]), ("a",)).names == ("a",)
