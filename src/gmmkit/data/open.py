"""The two doors: ``as_table`` for what is in memory or arrives in blocks, ``open_table`` for files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import numpy as np

from gmmkit.data.arrays import ArrayRows, as_rows
from gmmkit.data.frames import frame_rows, is_frame
from gmmkit.data.npy import read_npy
from gmmkit.data.parquet import read_parquet
from gmmkit.data.streams import spool_blocks
from gmmkit.data.table import Source, Table
from gmmkit.data.text import read_text
from gmmkit.errors import DataError

__all__ = ["as_table", "open_table"]

# Extension → reader and what it needs to know. A new format is a new file and one line here.
READERS: dict[str, tuple[Any, dict[str, Any]]] = {
    ".csv": (read_text, {}),
    ".tsv": (read_text, {"delimiter": "\t"}),
    ".txt": (read_text, {"by_space": True}),
    ".csv.gz": (read_text, {}),
    ".tsv.gz": (read_text, {"delimiter": "\t"}),
    ".txt.gz": (read_text, {"by_space": True}),
    ".parquet": (read_parquet, {}),
    ".pq": (read_parquet, {}),
    ".npy": (read_npy, {}),
}


def as_table(data: Any, *, weights: Any = None, names: Sequence[str] | None = None, origin: str = "X") -> Table:
    """Return anything with rows as a table.

    Parameters
    ----------
    data : array-like of shape (n, d), data frame, iterable of blocks, or Table
        Arrays are used where they lie, whatever their dtype and order. Data frames (pandas, polars, Arrow)
        are converted once. An iterator or other iterable of two-dimensional arrays or frames is read once,
        into a temporary file. A table is returned as it is, with other weights if any are given.
    weights : array-like of shape (n,), or str, optional
        Weight of each row; for a data frame also the name of a column, which is then no feature.
    names : sequence of str, optional
        Names of the columns; data frames have their own.
    origin : str
        What messages call the data.

    Raises
    ------
    DataError
        If the data are not a table of real numbers, or the weights do not fit it.

    Examples
    --------
    >>> table = as_table([[79, 3.6], [54, 1.8]], names=["waiting", "eruptions"])
    >>> table.n_rows, table.n_columns, table.where(1, 0)
    (2, 2, "row 1, column 'waiting'")
    """
    source: Source
    found: tuple[str, ...] | None = None
    if isinstance(data, Table):
        table = data if names is None else replace(data, names=_checked(names, data.n_columns, origin))
        return table if weights is None else table.with_weights(weights)
    if isinstance(data, (str, bytes, PurePath)):
        raise DataError(f"{origin} is {data!r}; expected rows of numbers: to read a file use open_table(path)")
    if is_frame(data):
        rows, found, taken = frame_rows(data, origin, weights if isinstance(weights, str) else None)
        source, weights = ArrayRows(rows), weights if taken is None else taken
    elif isinstance(data, (np.ndarray, Sequence)) or hasattr(data, "__array__") or not _yields(data, origin):
        source = ArrayRows(as_rows(data, origin))
    else:
        source, found = spool_blocks(data, origin)
    if isinstance(weights, str):
        raise DataError(
            f"weights={weights!r} names a column, but {origin} is no data frame; pass one number for each row"
        )
    table = Table(source, _checked(names, source.n_columns, origin) if names is not None else found, origin=origin)
    return table if weights is None else table.with_weights(weights)


def open_table(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str | int] | None = None,
    weights: str | int | None = None,
    label: str | int | None = None,
    missing: bool = False,
    identifiers: bool = False,
) -> Table:
    r"""Open a file of rows, which may be larger than memory.

    Text and Parquet files are parsed once, into a temporary binary file (in ``TMPDIR``, eight bytes for each
    value) that later passes read; NPY files are read where they lie.

    Parameters
    ----------
    path : str or path-like
        ``.csv``, ``.tsv``, ``.txt`` (also with ``.gz``), ``.parquet``, ``.pq`` or ``.npy``;
        ``"-"``: CSV from standard input.
    columns : sequence of str or int, optional
        Columns to use, by name or by position from 0; default: all but those of weights and label.
    weights : str or int, optional
        Column that holds the weight of each row.
    label : str or int, optional
        Column kept aside as labels; it may hold text.
    missing : bool, default=False
        Read values that are missing (empty fields, NA and the like, nulls) as NaN instead of refusing them; those of
        weights and labels are refused in any case, and so is what is no number.
    identifiers : bool, default=False
        Whether labels only tell which row is which: there may be any number of them, and they may be empty.

    Raises
    ------
    DataError
        If the file cannot be read as a table of numbers; names the file, the row or line, and the column.
    OSError
        If the temporary directory is full.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "iris.csv")
    >>> _ = path.write_text("length,width,Species\n5.1,3.5,setosa\n6.3,3.3,virginica\n")
    >>> table = open_table(path, label="Species")
    >>> table.names, table.labels.names, table.where(1, 0)
    (('length', 'width'), ('setosa', 'virginica'), "line 3, column 'length'")
    >>> folder.cleanup()
    """
    path = os.fspath(path)
    asked: dict[str, Any] = {"weights": weights, "label": label, "missing": missing, "identifiers": identifiers}
    if path == "-":
        return read_text(path, "standard input", columns=columns, **asked)
    _check_path(path)
    lower = path.lower()
    reader, options = next((READERS[end] for end in READERS if lower.endswith(end)), (None, {}))
    if reader is None:
        raise DataError(
            f"{path}: unknown kind of file; expected a name that ends in {', '.join(READERS)}: "
            "convert the file, or rename it if it is one of these"
        )
    if isinstance(columns, (str, int)):
        columns = [columns]
    table: Table = reader(path, os.path.basename(path), columns=columns, **asked, **options)
    return table


def _check_path(path: str) -> None:
    if os.path.isdir(path):
        raise DataError(f"{path} is a directory; expected a file of rows: name one of the files in it")
    if not os.path.exists(path):
        raise DataError(f"{path}: no such file (looked for from {os.getcwd()}); check the name and the directory")
    if not os.access(path, os.R_OK):
        raise DataError(f"{path}: cannot be read (permission denied); allow it with chmod u+r")


def _yields(data: Any, origin: str) -> bool:
    """Whether the data are an iterable of blocks; sparse matrices and the rest of the world are not."""
    if hasattr(data, "tocsr"):
        raise DataError(
            f"{origin} is a sparse {type(data).__name__}; sparse input is not supported: "
            f"pass {origin}.toarray() if it fits into memory, or an iterator of dense blocks"
        )
    return isinstance(data, Iterable) and not isinstance(data, (dict, set, frozenset))


def _checked(names: Sequence[str], n_columns: int, origin: str) -> tuple[str, ...]:
    if len(names) != n_columns:
        raise DataError(
            f"{len(names)} names for the {n_columns} columns of {origin}; expected one name for each column"
        )
    return tuple(str(name) for name in names)
