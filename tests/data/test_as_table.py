"""as_table: arrays, lists, frames, iterators; and what it refuses."""

from __future__ import annotations

import errno
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import scipy.sparse

from gmmkit.data import as_table
from gmmkit.data.spool import Spool
from gmmkit.errors import DataError


def refused(data, *words, **options):
    with pytest.raises(DataError) as caught:
        as_table(data, **options)
    message = str(caught.value)
    for word in words:
        assert word in message, message
    assert "\n" not in message


def whole(table):
    return table.source.read(0, table.n_rows)


def test_lists_and_array_likes():
    np.testing.assert_array_equal(whole(as_table([[1, 2], [3, 4]])), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(whole(as_table(((1.5,), (2,)))), [[1.5], [2]])
    np.testing.assert_array_equal(whole(as_table([np.zeros(2), np.ones(2)])), [[0, 0], [1, 1]])

    class Wrapped:
        def __array__(self, dtype=None, copy=None):
            return np.eye(2)

    np.testing.assert_array_equal(whole(as_table(Wrapped())), np.eye(2))


def test_objects_that_are_numbers():
    X = np.array([[1, 2.5], [np.float32(3), True]], dtype=object)
    table = as_table(X)
    assert table.source.dtype == np.float64
    np.testing.assert_array_equal(whole(table), [[1, 2.5], [3, 1]])
    assert np.isnan(whole(as_table([[None, 1]]))[0, 0])


def test_long_double_becomes_double():
    assert as_table(np.ones((2, 2), np.longdouble)).source.dtype == np.float64


def test_a_table_is_returned_as_it_is():
    table = as_table(np.zeros((3, 2)), weights=[1, 2, 3])
    assert as_table(table) is table
    assert as_table(table, weights=[1, 1, 0]).total_weight == 2
    assert as_table(table, names=["a", "b"]).names == ("a", "b")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.arange(3.0), ["Expected 2D array, got 1D", "(3,)", ".reshape(-1, 1)", ".reshape(1, -1)"]),
        (np.float64(3), ["got scalar", "3.0", "Reshape your data"]),
        (np.zeros((2, 2, 3)), ["got 3D", "(2, 2, 3)", "reshape(-1, 3)"]),
        (np.zeros((0, 3)), ["0 sample(s) (shape=(0, 3)) while a minimum of 1 is required"]),
        (np.zeros((3, 0)), ["0 feature(s) (shape=(3, 0)) while a minimum of 1 is required"]),
        ([], ["got 1D"]),
        ([[1, 2], [3]], ["not rectangular"]),
        (np.ones((2, 2), complex), ["Complex data not supported", "X.real"]),
        (np.array([["a", "b"]]), ["dtype <U1", "'a'", "astype(float)"]),
        ([["1", "2"]], ["'1'", "astype(float)"]),
        (np.array([[b"a"]]), ["b'a'"]),
        (np.array([[1, {"foo": 1}]], object), ["row 0, column 1", "{'foo': 1}", "dict"]),
        (np.array([[1, "2"]], object), ["row 0, column 1", "'2'", "str"]),
        (np.array([["2020-01-01"]], "M8[D]"), ["datetime64", "2020-01-01"]),
        (np.zeros(3, [("a", float), ("b", float)]), ["structured", "a, b", "structured_to_unstructured"]),
        (np.ma.masked_equal([[1, 2], [3, 4]], 3), ["masked", "filled"]),
        (scipy.sparse.csr_array(np.eye(3)), ["sparse", "toarray"]),
        ("faithful.csv", ["'faithful.csv'", "open_table"]),
        (None, ["None"]),
        ({"a": [1, 2]}, ["dict"]),
        (7, ["7"]),
    ],
)
def test_what_is_refused(data, words):
    refused(data, *words)


def test_names_must_fit():
    assert as_table(np.zeros((2, 2)), names=["a", "b"]).names == ("a", "b")
    refused(np.zeros((2, 2)), "3 names for the 2 columns", names=list("abc"))


# Iterators ------------------------------------------------------------------------------------------------


def test_iterators_are_spooled_once():
    blocks = [np.full((n, 2), n, dtype) for n, dtype in ((3, "i4"), (1, "f4"), (0, "f8"), (2, "u1"))]
    table = as_table(block for block in blocks)
    assert (table.n_rows, table.n_columns, table.source.dtype) == (6, 2, np.float64)
    for _ in range(2):
        np.testing.assert_array_equal(whole(table), np.concatenate(blocks))
    np.testing.assert_array_equal(table.take(np.array([5, 0])), [[2, 2], [3, 3]])


def test_an_iterable_that_is_no_sequence():
    class Chunks:
        def __iter__(self):
            yield np.asfortranarray(np.arange(6).reshape(3, 2))

    np.testing.assert_array_equal(whole(as_table(Chunks(), weights=[1, 1, 2])), np.arange(6).reshape(3, 2))


def test_iterators_of_frames():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5]})
    table = as_table(iter([frame[:2], frame[2:]]))
    assert table.names == ("a", "b")
    np.testing.assert_array_equal(whole(table), frame.to_numpy())
    refused(iter([frame, frame[["b", "a"]]]), "block 1", "('b', 'a')", "same order")


def test_bad_iterators():
    refused(iter([np.zeros((2, 3)), np.zeros((2, 2))]), "block 1 has 2 columns", "have 3")
    refused(iter([np.zeros((2, 3)), np.zeros(3)]), "block 1", "1D")
    refused(iter([np.zeros((2, 1)), np.array([["x"]])]), "block 1", "'x'")
    refused(iter([]), "no rows", "make a new one")
    refused((row for row in np.zeros((3, 2))), "block 0", "1D")


def test_a_full_disk_is_an_oserror_that_names_the_directory(monkeypatch):
    class Full:
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            pass

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: Full())
    with pytest.raises(OSError, match=re.escape(tempfile.gettempdir())) as caught:
        as_table(iter([np.zeros((2, 2))]))
    assert caught.value.errno == errno.ENOSPC
    assert "TMPDIR" in str(caught.value)
    assert not isinstance(caught.value, DataError)


def test_no_room_is_known_before_the_work_starts(monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(OSError, match=r"24,000 bytes are needed, 10 are free.*TMPDIR") as caught:
        Spool(3, expected_rows=1000)
    assert caught.value.errno == errno.ENOSPC


def test_an_interrupted_iterator_leaves_no_open_file():
    def blocks():
        yield np.zeros((2, 2))
        raise KeyError("source went away")

    with pytest.raises(KeyError):
        as_table(blocks())


def test_reads_where_there_is_no_preadv(monkeypatch):
    monkeypatch.delattr("os.preadv", raising=False)
    spool = Spool(2)
    spool.append(np.arange(6).reshape(3, 2))
    np.testing.assert_array_equal(spool.read(1, 3), [[2, 3], [4, 5]])
    assert spool.read(3, 3).shape == (0, 2)


# Frames ---------------------------------------------------------------------------------------------------


def frames(columns):
    pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
    return [pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns)]


def test_frames_of_three_kinds():
    columns = {"a": [1, 2, 3], "b": [0.5, 1.5, 2.5], "c": [True, False, True]}
    for frame in frames(columns):
        table = as_table(frame)
        assert table.names == ("a", "b", "c")
        assert table.source.dtype == np.float64
        np.testing.assert_array_equal(whole(table), np.column_stack(list(columns.values())))


def test_frames_of_float32_stay_float32():
    for frame in frames({"a": np.ones(3, "f4"), "b": np.zeros(3, "f4")}):
        assert as_table(frame).source.dtype == np.float32


def test_frames_with_a_column_of_weights():
    for frame in frames({"a": [1, 2, 3], "n": [5, 0, 1]}):
        table = as_table(frame, weights="n")
        assert table.names == ("a",)
        np.testing.assert_array_equal(table.weights, [5, 0, 1])
        refused(frame, "no column 'm'", "a, n", weights="m")
        assert as_table(frame, weights=[1, 1, 1]).n_columns == 2


def test_frames_with_text_name_the_column_and_a_value():
    for frame in frames({"a": [1, 2], "Species": ["setosa", "virginica"]}):
        refused(frame, "'Species'", "setosa", "not numeric", "drop the column")


def test_frames_with_nulls_have_nan():
    for frame in frames({"a": [1.0, None], "b": [1, 2]}):
        table = as_table(frame)
        with pytest.raises(DataError, match="row 1, column 'a' is NaN"):
            table.check_finite(next(table.blocks(5)))


def test_nullable_integers_and_decimals():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    for frame in (
        pd.DataFrame({"a": pd.array([1, None], "Int64")}),
        pd.DataFrame({"a": pd.array([1, None], "Float64")}),
        pd.DataFrame({"a": pd.array([True, None], "boolean")}),
        pl.DataFrame({"a": [1, None]}),
        pl.DataFrame({"a": ["1", None]}).select(pl.col("a").cast(pl.Decimal(10, 2))),
        pl.DataFrame({"a": [True, None]}),
    ):
        np.testing.assert_array_equal(whole(as_table(frame)), [[1.0], [np.nan]])


def test_pandas_peculiarities():
    pd = pytest.importorskip("pandas")
    assert as_table(pd.DataFrame(np.eye(2))).names is None
    np.testing.assert_array_equal(whole(as_table(pd.DataFrame({"a": np.array([1, 2.5], object)}))), [[1], [2.5]])
    refused(pd.DataFrame({"a": np.array([1, {}], object)}), "'a'", "not numeric")
    refused(pd.DataFrame(np.eye(2), columns=["a", "a"]), "a")
    refused(pd.Series([1.0, 2.0]), "1D")
    refused(pd.DataFrame({"a": []}), "0 sample(s)")
    refused(pd.DataFrame(index=[1, 2]), "0 feature(s)")
    refused(pd.DataFrame({"a": pd.Categorical(["x", "y"])}), "'a'", "not numeric")
    refused(pd.DataFrame({"t": pd.to_datetime(["2020-01-01"])}), "'t'", "not numeric")


def test_half_precision_frames():
    pd = pytest.importorskip("pandas")
    np.testing.assert_array_equal(whole(as_table(pd.DataFrame({"a": np.array([1, 2.5], "f2")}))), [[1], [2.5]])


def test_lazy_frames_are_refused():
    pl = pytest.importorskip("polars")
    refused(pl.LazyFrame({"a": [1]}), "LazyFrame", ".collect()")


def test_a_float64_pandas_frame_is_not_copied():
    pd = pytest.importorskip("pandas")
    X = np.random.default_rng(0).normal(size=(10, 3))
    frame = pd.DataFrame(X, columns=list("abc"), copy=False)
    assert np.shares_memory(whole(as_table(frame)), X)


def test_import_is_light():
    code = "import sys, gmmkit.data; print({'narwhals', 'pandas', 'pyarrow', 'sklearn'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
