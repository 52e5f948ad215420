"""Parquet and NPY files, and paths that lead nowhere."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from gmmkit.data import open_table
from gmmkit.errors import DataError, MissingDependencyError


def whole(table):
    return table.source.read(0, table.n_rows)


def refused(path, *words, **options):
    with pytest.raises(DataError) as caught:
        open_table(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


@pytest.fixture
def parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")

    def write(columns, name="data.parquet", **options):
        path = tmp_path / name
        pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path, **options)
        return path

    return write


def test_parquet_round_trip(parquet, monkeypatch):
    monkeypatch.setattr("gmmkit.data.parquet.BATCH_VALUES", 700)
    rng = np.random.default_rng(0)
    columns = {"a": rng.normal(size=1000), "b": rng.integers(-9, 9, 1000), "c": rng.random(1000).astype("f4")}
    columns["d.e"] = rng.random(1000) > 0.5
    table = open_table(parquet(columns, row_group_size=300))
    assert table.names == ("a", "b", "c", "d.e")
    assert (table.origin, table.first_line) == ("data.parquet", None)
    np.testing.assert_array_equal(whole(table), np.column_stack(list(columns.values())))


def test_parquet_columns_weights_labels(parquet):
    pa = pytest.importorskip("pyarrow")
    path = parquet(
        {
            "a": [1, 2, 3],
            "n": [1.0, 0.0, 2.0],
            "g": pa.array(["y", "x", "y"]).dictionary_encode(),
            "b": [4, 5, 6],
            "text": ["p", "q", "r"],
        },
        name="data.pq",
    )
    table = open_table(path, columns=["b", "a"], weights="n", label="g")
    assert table.names == ("b", "a")
    np.testing.assert_array_equal(whole(table), [[4, 1], [5, 2], [6, 3]])
    np.testing.assert_array_equal(table.weights, [1, 0, 2])
    assert table.labels.names == ("x", "y")
    np.testing.assert_array_equal(table.labels.codes, [1, 0, 1])


def test_parquet_decimals_and_numeric_labels(parquet):
    pa = pytest.importorskip("pyarrow")
    path = parquet({"a": pa.array([1, 2]).cast(pa.decimal128(25, 2)), "g": [10, 9]})
    table = open_table(path, label="g")
    np.testing.assert_array_equal(whole(table), [[1], [2]])
    assert table.labels.names == ("9", "10")


def test_parquet_mistakes(parquet, monkeypatch):
    refused(parquet({"a": [1.0, None], "b": [None, 2.0]}), "row 0, column 'b' is null (1 more such row", "'a' and 'b'")
    monkeypatch.setattr("gmmkit.data.parquet.BATCH_VALUES", 2)
    refused(parquet({"a": [1.0, 2, 3, None]}), "data.parquet", "row 3", "column 'a'", "null", "remove the row")
    refused(parquet({"a": [1, 2], "g": ["x", None]}), "row 1", "column 'g'", "null", label="g")
    species = {"a": [1, 2], "b": [1, 2], "Species": ["setosa", "virginica"]}
    refused(parquet(species), "'Species'", "string", "'setosa'", "--columns a,b or --label Species")
    refused(parquet({**species, "c": ["x", "y"]}), "'Species' (string), 'c' (string) hold no", "use --columns a,b (in")
    refused(parquet({"a": [1], "v": [[1.0, 2.0]]}), "'v'", "list")
    refused(parquet({"a": [1], "v": [{"w": 1}]}), "'v'", "struct")
    refused(parquet(species), "no column 'specie'", "did you mean 'Species'", label="specie")
    refused(parquet({"a": np.zeros(0)}), "no rows")
    refused(parquet({"a": [1, 2], "n": [1, -1]}), "row 1 of data.parquet", "-1", weights="n")


def test_nulls_of_parquet_are_nan_where_they_are_asked_for(parquet):
    columns = {
        "a": [1, None, 3],
        "b": [None, None, None],
        "c": [True, None, False],
        "n": [1, 2, 1],
        "k": ["x", "y", "x"],
    }
    table = open_table(parquet(columns), weights="n", label="k", missing=True)
    nan = np.nan
    np.testing.assert_array_equal(table.take(np.arange(3)), [[1, nan, 1], [nan, nan, nan], [3, nan, 0]])
    for aside in ("n", "k"):
        path = parquet({**columns, aside: [columns[aside][0], None, columns[aside][2]]})
        refused(path, f"row 1, column '{aside}' is null", weights="n", label="k", missing=True)


def test_damaged_parquet(parquet):
    path = parquet({"a": np.random.default_rng(0).normal(size=5000)}, write_page_checksum=True)
    content = path.read_bytes()
    for damaged in (content[:-100], b"", b"a,b\n1,2\n", content[:1000] + bytes(5000) + content[6000:]):
        path.write_bytes(damaged)
        refused(path, "data.parquet is not a whole Parquet file", "PAR1", str(len(damaged)))


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    path = tmp_path / "data.parquet"
    path.touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"pip install pyarrow"):
        open_table(path)


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", ">f8", "i4", "u1", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_round_trip(tmp_path, dtype, order):
    X = np.asarray(np.random.default_rng(0).integers(0, 2, (40, 3)), dtype=dtype, order=order)
    np.save(tmp_path / "x.npy", X)
    table = open_table(tmp_path / "x.npy")
    assert (table.source.dtype, table.names, table.origin) == (X.dtype, None, "x.npy")
    np.testing.assert_array_equal(np.concatenate([block.rows for block in table.blocks(7)]), X)
    np.testing.assert_array_equal(table.take(np.array([39, 0])), X[[39, 0]].astype(float))


def test_npy_of_one_dimension_is_one_column(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(5.0))
    np.testing.assert_array_equal(whole(open_table(tmp_path / "x.npy")), np.arange(5.0)[:, None])


def test_npy_columns_weights_labels(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[1.0, 2, 3, 7], [4, 5, 0, 6]]))
    table = open_table(tmp_path / "x.npy", columns=["1", 0], weights=2, label="3")
    np.testing.assert_array_equal(whole(table), [[2, 1], [5, 4]])
    np.testing.assert_array_equal(table.weights, [3, 0])
    assert table.labels.names == ("6", "7")
    refused(tmp_path / "x.npy", "no column '9'", "4 columns without names", columns=["9"])


def test_npy_mistakes(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((100, 3)))
    content = path.read_bytes()
    for damaged in (content[:-8], content[:50], b"", b"a,b\n1,2\n"):
        path.write_bytes(damaged)
        refused(path, "x.npy is not a whole NPY file", str(len(damaged)), "numpy.save")
    for other in (b"hello, this is text", b"\x80\x04K\x01."):
        path.write_bytes(other)
        with pytest.raises(DataError, match="is not a whole NPY file") as caught:
            open_table(path)
        assert "pickle" not in str(caught.value)
    for X, word in (
        (np.zeros(3, [("a", float)]), "structured"),
        (np.array([[{}]], object), "not a whole NPY file of numbers"),
        (np.array([["a"]]), "'a'"),
        (np.zeros((2, 2), complex), "Complex"),
        (np.zeros((2, 2, 2)), "3D"),
        (np.zeros((0, 2)), "0 sample(s)"),
    ):
        np.save(path, X, allow_pickle=True)
        refused(path, "x.npy", word)
    np.savez(tmp_path / "two.npz", a=np.zeros(3))
    os.replace(tmp_path / "two.npz", path)
    refused(path, "archive", "numpy.save")


def test_a_file_shortened_while_it_is_read(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((100, 3)))
    table = open_table(tmp_path / "x.npy")
    os.truncate(tmp_path / "x.npy", 1000)
    with pytest.raises(OSError, match="shortened"):
        table.source.read(0, 100)


def test_paths_that_lead_nowhere(tmp_path):
    refused(tmp_path / "missing.csv", "missing.csv", "no such file")
    refused(tmp_path, "is a directory")
    (tmp_path / "data.xlsx").touch()
    refused(tmp_path / "data.xlsx", "data.xlsx", "unknown kind of file", ".csv", ".parquet")


def test_an_unreadable_file(tmp_path, monkeypatch):
    (tmp_path / "x.csv").touch()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    refused(tmp_path / "x.csv", "cannot be read", "permission")


def test_labels_that_are_numbers(parquet, tmp_path):
    assert open_table(parquet({"a": [1, 2], "g": [2.0, 0.5]}), label="g").labels.names == ("0.5", "2")
    refused(parquet({"a": [1, 2], "g": [2.0, np.nan]}), "'g'", "empty", "expected a label", label="g")


def test_identifiers_may_be_missing(parquet, tmp_path):
    path = parquet({"g": ["x", None, "y"], "a": [1.0, 2.0, 3.0]})
    for missing in (False, True):
        table = open_table(path, label="g", identifiers=True, missing=missing)
        assert [table.labels.names[code] for code in table.labels.codes] == ["x", "", "y"]
    refused(parquet({"g": ["x", None], "a": [1.0, None]}), "row 1, column 'a' is null", label="g", identifiers=True)
    np.save(tmp_path / "a.npy", [[1.0, 2.0], [np.nan, 3.0]])
    table = open_table(tmp_path / "a.npy", label=0, identifiers=True)
    assert [table.labels.names[code] for code in table.labels.codes] == ["1", ""]
