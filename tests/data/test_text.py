"""CSV, TSV and white-space text: round trips, layouts, and every mistake in words."""

from __future__ import annotations

import gzip
import io
import sys

import numpy as np
import pytest

from gmmkit.data import open_table
from gmmkit.errors import DataError

IRIS = "length,width,Species\n5.1,3.5,setosa\n6.3,3.3,virginica\n4.9,3.0,setosa\n"


@pytest.fixture
def written(tmp_path):
    def write(text, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def whole(table):
    return table.source.read(0, table.n_rows)


@pytest.mark.parametrize("chunk", [1, 100, 5000, 2**21])
def test_round_trip_is_exact_however_the_lines_are_cut(written, chunk, monkeypatch):
    monkeypatch.setattr("gmmkit.data.text.CHUNK_CHARACTERS", chunk)
    X = np.random.default_rng(0).normal(size=(500, 3)) * 10.0 ** np.random.default_rng(1).integers(-300, 300, (500, 3))
    kinds = np.random.default_rng(2).choice(["b", "a", "c"], 500)
    lines = [f"{a!r},{kind},{b!r},{c!r}" for (a, b, c), kind in zip(X.tolist(), kinds, strict=True)]
    path = written("x,kind,y,z\n" + "\n".join(lines) + "\n\n\n")
    table = open_table(path, label="kind")
    np.testing.assert_array_equal(whole(table), X)
    assert table.names == ("x", "y", "z")
    assert table.labels.names == ("a", "b", "c")
    np.testing.assert_array_equal(np.array(table.labels.names)[table.labels.codes], kinds)
    assert (table.origin, table.first_line) == ("data.csv", 2)
    bad = "x,kind,y,z\n" + "\n".join([*lines, "1,a,2,oops"])
    with pytest.raises(DataError, match="line 502, column 'z' is 'oops'"):
        open_table(written(bad), label="kind")


@pytest.mark.parametrize(
    ("text", "name", "names", "first_line"),
    [
        ("a,b\n1,2\n3,4\n", "d.csv", ("a", "b"), 2),
        ("1,2\n3,4", "d.csv", None, 1),
        ("\ufeffa,b\r\n1,2\r\n3,4\r\n\r\n", "d.csv", ("a", "b"), 2),
        ("\ufeff1,2\r3,4\r", "d.csv", None, 1),
        ('"a","b"\n"1",2\n3,"4"\n', "d.CSV", ("a", "b"), 2),
        ('"a,1";"b ""q"""\n1;2\n3;4\n', "d.csv", ("a,1", 'b "q"'), 2),
        ("a;b\n1;2\n3;4\n", "d.csv", ("a", "b"), 2),
        ("a\tb\n1\t2\n3\t4\n", "d.csv", ("a", "b"), 2),
        ("a\tb, c\n1\t2\n3\t4\n", "d.tsv", ("a", "b, c"), 2),
        ("a b\n1 2\n 3   4\n", "d.txt", ("a", "b"), 2),
        ("a,b\n1,2\n3,4\n", "d.txt", ("a", "b"), 2),
        ("\n\na , b\n 1 , 2\n 3,4 \n   \n", "d.csv", ("a", "b"), 4),
        ("2019,2020 \n1,2\n3,4\n", "d.csv", None, 1),
    ],
)
def test_layouts(written, text, name, names, first_line):
    table = open_table(written(text, name))
    assert (table.names, table.first_line) == (names, first_line)
    expected = [[2019, 2020], [1, 2], [3, 4]] if "2019" in text else [[1, 2], [3, 4]]
    np.testing.assert_array_equal(whole(table), expected)


def test_a_first_line_with_decimals_and_text_is_data(written):
    table = open_table(written("5.1,3.5,setosa\n4.9,3,virginica\n"), label=2)
    assert (table.names, table.n_rows, table.first_line) == (None, 2, 1)


@pytest.mark.parametrize("name", ["d.csv.gz", "d.tsv.gz", "d.txt.gz"])
def test_compressed(written, name):
    text = IRIS.replace(",", "\t") if "tsv" in name else IRIS
    assert open_table(written(gzip.compress(text.encode()), name), label="Species").n_rows == 3


def test_damaged_gzip(written):
    whole_file = gzip.compress(b"a,b\n" + b"1,2\n" * 1000)
    for content in (b"a,b\n1,2\n", whole_file[:-20], whole_file[:30] + b"?" * 10):
        with pytest.raises(DataError, match=r"d.csv.gz: not a whole gzip file"):
            open_table(written(content, "d.csv.gz"))


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(IRIS.encode())))
    table = open_table("-", label="Species")
    assert (table.origin, table.n_rows) == ("standard input", 3)
    assert not sys.stdin.buffer.closed


def test_columns_by_name_and_position(written):
    path = written("a,b,c\n1,x,3\n4,y,6\n")
    np.testing.assert_array_equal(whole(open_table(path, columns=["c", "a"])), [[3, 1], [6, 4]])
    np.testing.assert_array_equal(whole(open_table(path, columns=["2", 0])), [[3, 1], [6, 4]])
    assert open_table(path, columns=["c"]).names == ("c",)
    assert open_table(path, columns="c").names == ("c",)
    assert open_table(written('a,t\n1,"x, y"\n2,"""q"""\n'), columns=["a"]).n_rows == 2


def test_weights_and_labels(written):
    table = open_table(written("x,n,g\n1,2,10\n3,0,9\n5,1.5,10\n"), weights="n", label="g")
    assert table.names == ("x",)
    np.testing.assert_array_equal(table.weights, [2, 0, 1.5])
    assert table.labels.names == ("9", "10")
    np.testing.assert_array_equal(table.labels.codes, [1, 0, 1])


def test_labels_may_hold_anything(written):
    table = open_table(written('x,g\n1,"a, b"\n2, é \n3,é\n'), label="g")
    assert table.labels.names == ("a, b", "é")
    np.testing.assert_array_equal(table.labels.codes, [0, 1, 1])


def test_values_that_are_not_finite_are_found_by_line(written):
    table = open_table(written("eruptions,waiting\n1,2\n1,NaN\n"))
    with pytest.raises(DataError, match=r"data.csv: line 3, column 'waiting' is NaN.*remove"):
        table.check_finite(next(table.blocks(10)))
    table = open_table(written("1,2\n1e999,3\n"))
    with pytest.raises(DataError, match="line 2, column 0 is infinity"):
        table.check_finite(next(table.blocks(10)))


MISTAKES = [
    ("", {}, ["data.csv is empty", "expected"]),
    ("\n \n", {}, ["data.csv is empty"]),
    ("a,b\n", {}, ["no rows", "a, b"]),
    ("a,b\n\n\n", {}, ["no rows"]),
    ("a,b\n1,2\n1,2,3\n", {}, ["line 3", "3 fields", "expected 2", "header", "'1,2,3'"]),
    ("1,2\n1\n", {}, ["line 2", "1 field;", "expected 2", "first line"]),
    ("a,b,c\n1,2,3\n1,2\n", {"columns": ["a"]}, ["line 3", "2 fields", "expected 3"]),
    ("a,b,c\n1,2,3\n1,2,3,4\n", {"columns": ["a"]}, ["line 3", "4 fields", "expected 3"]),
    ("a,b\n1,2\n3,x\n", {}, ["line 3", "column 'b'", "'x'", "expected a number", "--columns"]),
    ("1,2\n3,x\n", {}, ["line 2", "column 1", "'x'"]),
    ("a,b\n1,2\n3,\n", {}, ["line 3", "column 'b'", "empty", "fill it in"]),
    ("a,b\n1,2\n3,NA\n", {}, ["line 3", "column 'b'", "'NA'", "fill it in"]),
    ("a,b\n1,2\n\n3,4\n", {}, ["line 3", "blank"]),
    ("a,b\n\n3,4\n", {}, ["line 2", "blank"]),
    (b"a,b\n1,2\n1,\xff\n", {}, ["line 3", "column 'b'", "UTF-8"]),
    (b"a,\xff\n1,2\n", {}, ["line 1", "UTF-8"]),
    ("a,b\n1,2\n".encode("utf-16"), {}, ["line 1", "UTF-8"]),
    ('"a\nb",c\n1,2\n', {}, ["first line", "quote"]),
    (b"PK\x03\x04\x00\x00", {}, ["line 1", "zero bytes"]),
    ("a,a,b\n1,2,3\n", {}, ["2 columns are named 'a'", "rename"]),
    (",a\n0,1\n", {}, ["line 1", "no name to column 0", "--columns 1"]),
    ("a,b\n1_000,2\n", {}, ["line 2", "'1_000'"]),
    ("a;b\n1,5;2\n", {}, ["line 2", "'1,5'", "decimal commas are not supported"]),
    ('a,b\n"3,658.78",2\n', {}, ["line 2", "'3,658.78'", "separators between thousands"]),
    ("a;b\n1;3.658,78\n", {}, ["line 2", "'3.658,78'", "separators between thousands"]),
    ("# by me\na,b\n1,2\n", {}, ["line 2", "2 fields", "Line 1 was taken for the header", "comments", "remove"]),
    ("a,b,c\nx,1,y\n", {}, ["line 2: columns 'a' ('x'), 'c' ('y') hold text", "--columns b (in Python: col"]),
    ("a,b,c\nx,,y\n", {}, ["columns 'a' ('x'), 'c' ('y') hold text", "--columns b "]),
    ("x,1.5,y\nz,2.5,w\n", {}, ["columns 0 ('x'), 2 ('y')", "--columns 1 "]),
    ("a,b\nx,y\n", {"label": "a"}, ["'b' is 'y'; expected a number, and there is no other column"]),
    (IRIS, {"label": "length", "columns": ["width", "Species"]}, ["use --columns width (in Python"]),
    ("a,b,c\n1,2,3\n1,NA,3\n1,2,\n,,\n\n", {}, ["line 3, column 'b' is 'NA' (2 more", "in columns 'a', 'b' and 'c'"]),
    ("a,b\n1,2\n1,NA\n3,4\n2,\n", {}, ["'NA' (1 more such row among the 4 read with it, in column 'b')"]),
    ("a,b\n1,2\n3,?\n", {}, ["'b' is '?'; expected a number"]),
    ("a,b\n1,5,2,5\n", {}, ["line 2", "4 fields"]),
    ('a,b\n1,"2\n3,4\n', {}, ["line 2", "quote", "close"]),
    ('a,b\n3,4\n1,"2\n', {}, ["line 3", "quote"]),
    ('a,b\n1,"2\n3",4\n', {}, ["line 2", "quote", "join"]),
    ("a b\n1 2\n", {}, ["line 2", "commas", ".txt"]),
    (IRIS, {}, ["line 2", "'Species'", "'setosa'", "--columns length,width or --label Species"]),
    (IRIS + "1,2,\n", {"label": "Species"}, ["line 5", "'Species'", "empty", "expected a label"]),
    (IRIS, {"label": "species"}, ["no column 'species'", "did you mean 'Species'", "length, width, Species"]),
    (IRIS, {"columns": ["length", "widht"]}, ["no column 'widht'; did you mean 'width'? It has"]),
    (IRIS, {"columns": ["7"]}, ["no column '7'; it has 3 columns"]),
    (IRIS, {"columns": ["width", "1"]}, ["'width'", "twice"]),
    (IRIS, {"columns": ["width"], "weights": "width"}, ["'width'", "feature", "weights"]),
    (IRIS, {"weights": "width", "label": "width"}, ["'width'", "weights and as label"]),
    (IRIS, {"columns": []}, ["no column is left"]),
    ("1,2\n", {"label": "x"}, ["no column 'x'", "2 columns without names", "0 to 1"]),
    ("x,n\n1,1\n2,-3\n", {"weights": "n"}, ["line 3", "data.csv", "-3", "not negative"]),
    ("x,n\n1,1\n2,nan\n", {"weights": "n"}, ["line 3", "NaN"]),
    ("x,n\n1,1\n2,many\n", {"weights": "n"}, ["line 3", "'n'", "'many'", "weight"]),
    ("x,n\n1,0\n2,0\n", {"weights": "n"}, ["every weight is zero"]),
]


@pytest.mark.parametrize("chunk", [1, 2**21])
@pytest.mark.parametrize(("text", "options", "words"), MISTAKES)
def test_mistakes_are_named(written, text, options, words, chunk, monkeypatch):
    monkeypatch.setattr("gmmkit.data.text.CHUNK_CHARACTERS", chunk)
    with pytest.raises(DataError) as caught:
        open_table(written(text), **options)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


def test_long_values_are_cut_in_messages(written):
    with pytest.raises(DataError) as caught:
        open_table(written("a\n" + "x" * 10_000 + "\n"))
    assert len(str(caught.value)) < 300


def test_too_many_labels(written, monkeypatch):
    monkeypatch.setattr("gmmkit.data.labels.MOST_LABELS", 3)
    with pytest.raises(DataError, match=r"'g' has more than 3 different labels.*identifier"):
        open_table(written("x,g\n" + "".join(f"1,id{i}\n" for i in range(5))), label="g")


def test_a_first_line_without_end(written, monkeypatch):
    monkeypatch.setattr("gmmkit.data.text.LONGEST_FIRST_LINE", 10)
    with pytest.raises(DataError, match="more than 10 characters"):
        open_table(written("a" * 20))


@pytest.mark.parametrize("seed", range(8))
def test_any_bytes_give_a_table_or_one_clear_line(written, seed):
    rng = np.random.default_rng(seed)
    pieces = [
        b"1",
        b"2.5",
        b"-3e4",
        b",",
        b",",
        b";",
        b"\t",
        b"\n",
        b"\n",
        b"\r\n",
        b'"',
        b"a",
        b" ",
        b"\xff",
        b"\0",
    ]
    pieces += [b"#", b"nan", b"1,2\n3,4\n", b"x,y\n", "é".encode(), b"\xe2\x80\xa8", b"\x1c", b"\x0c"]
    for _ in range(60):
        content = b"".join(pieces[i] for i in rng.integers(0, len(pieces), rng.integers(1, 25)))
        name = str(rng.choice(["d.csv", "d.tsv", "d.txt"]))
        options = {} if rng.random() < 0.7 else {"label": 0}
        options["missing"] = bool(rng.random() < 0.3)
        try:
            table = open_table(written(content, name), **options)
        except DataError as error:
            assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
        else:
            assert whole(table).shape == (table.n_rows, table.n_columns)
            text = content.decode(errors="replace").replace("\r\n", "\n")
            n_lines = sum(bool(line.strip()) for line in text.split("\n"))
            assert table.n_rows == n_lines - (table.names is not None), content


@pytest.mark.parametrize("chunk", [1, 2**21])
def test_missing_values_are_nan_where_they_are_asked_for(written, chunk, monkeypatch):
    monkeypatch.setattr("gmmkit.data.text.CHUNK_CHARACTERS", chunk)
    path = written('a,n,kind,b\n1.5,1,x,\nNA,2,,"?"\n" null ",1,x,2.5\n-,3,y,nan\n'.replace("2,,", "2,y,"))
    table = open_table(path, weights="n", label="kind", missing=True)
    nan = np.nan
    np.testing.assert_array_equal(whole(table), [[1.5, nan], [nan, nan], [nan, 2.5], [nan, nan]])
    assert (table.weights.tolist(), table.labels.codes.tolist()) == ([1, 2, 1, 3], [0, 1, 0, 1])
    with pytest.raises(DataError, match=r"line 2, column 'b' is empty \(2 more such rows among the 4"):
        open_table(written("a,b\n1,\n,2\n,\n3,4\n"))
    headless = open_table(written("1.5,,2\n,2.5,3\n"), missing=True)
    np.testing.assert_array_equal(whole(headless), [[1.5, nan, 2.0], [nan, 2.5, 3.0]])
    assert headless.names is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,n,k\n,1,x\n2,,x\n", "line 3, column 'n' is empty; expected a weight"),
        ("a,n,k\n,1,x\n2,1,\n", "line 3, column 'k' is empty; expected a label"),
        ("a,n,k\n,1,x\nred,1,x\n", "line 3, column 'a' is 'red'"),
        ("a,n,k\n,1,x\n1_0,1,x\n", "line 3, column 'a' is '1_0'"),
        ('a,n,k\n,1,x\n"1,5",1,x\n', "decimal commas are not supported"),
        ("a,n,k\n,1,x\n\n2,1,x\n", "line 3 is blank"),
    ],
)
def test_what_is_no_number_is_refused_where_values_may_be_missing(written, text, said):
    with pytest.raises(DataError, match=said):
        open_table(written(text), weights="n", label="k", missing=True)


def test_identifiers_may_be_empty_and_many(written, monkeypatch):
    monkeypatch.setattr("gmmkit.data.labels.MOST_LABELS", 2)
    table = open_table(written("x,g\n1,007\n2,\n3, \n4,b\n5,007\n"), label="g", identifiers=True)
    assert [table.labels.names[code] for code in table.labels.codes] == ["007", "", "", "b", "007"]
    # The first mistake is told, which an empty one is not.
    with pytest.raises(DataError, match="line 4, column 'x' is 'y'"):
        open_table(written("x,g\n1,\n2,a\ny,b\n"), label="g", identifiers=True)
