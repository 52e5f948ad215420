"""Rows going out, a block at a time: CSV, TSV, NPY, Parquet or JSON lines, to stdout or whole into a file."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from gmmkit.cli.boundary import UsageError
from gmmkit.cli.places import check_output, check_room

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["check_rows_output", "write_rows"]

#: One array for each column of a block: whole numbers, floats or texts (not in NPY files).
Columns: TypeAlias = "Sequence[NDArray[np.generic]]"
Blocks: TypeAlias = "Iterator[Columns]"


def check_rows_output(path: str | None, *, inputs: tuple[str, ...]) -> None:
    """Raise if rows cannot be written to `path`: before the work starts."""
    if path is None or path == "-":
        return
    _format_of(path)
    check_output("--output", path, inputs=inputs)


def write_rows(
    path: str | None,
    names: Sequence[str],
    blocks: Blocks,
    n_rows: int,
    *,
    as_json: bool = False,
    quiet: bool = True,
) -> None:
    """Write blocks of columns to a file, by its extension, or to stdout as CSV or JSON lines.

    Parameters
    ----------
    path : str or None
        The file, which appears whole or not at all; None or ``"-"``: stdout.
    names : sequence of str
    blocks : iterator of sequences of arrays
        Each with one array for each name: numbers, or texts where the file can hold them.
    n_rows : int
        The rows that all blocks hold together.
    as_json : bool
        JSON lines instead of CSV on stdout.
    quiet : bool
        Say nothing of a file on stderr.
    """
    if path is None or path == "-":
        for text in (_json_lines if as_json else _csv)(names, blocks, n_rows):
            sys.stdout.write(text)
        return
    from gmmkit.files import write_atomically

    # A value takes eight bytes in binary, and at least a digit and a comma in text.
    least = {".npy": 8, ".csv": 2, ".tsv": 2, ".jsonl": 2}.get(_format_of(path), 0)
    check_room(path, least * n_rows * len(names))
    write_atomically(path, _FORMATS[_format_of(path)](names, blocks, n_rows))
    if not quiet:
        from gmmkit.cli.output import count

        sys.stderr.write(f"{count(n_rows, 'row')} of {count(len(names), 'column')} in {path}\n")


def _format_of(path: str) -> str:
    end = os.path.splitext(path)[1].lower()
    if end not in _FORMATS:
        raise UsageError(f"--output {path}: unknown kind of file; expected a name that ends in {', '.join(_FORMATS)}")
    if end in (".parquet", ".pq"):
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise UsageError(
                f"--output {path}: writing Parquet needs pyarrow, which is not installed: "
                'pip install pyarrow (or "gmmkit[tables]")'
            ) from None
    return end


def _csv(names: Sequence[str], blocks: Blocks, _n_rows: int, delimiter: str = ",") -> Iterator[str]:
    import csv

    header = io.StringIO()
    csv.writer(header, delimiter=delimiter, lineterminator="\n").writerow(names)
    yield header.getvalue()
    for columns in blocks:
        rows = zip(*(_texts(column, delimiter) for column in columns), strict=True)
        yield "".join([delimiter.join(row) + "\n" for row in rows])


def _texts(column: NDArray[np.generic], delimiter: str) -> Iterator[str]:
    if column.dtype.kind not in "UO":
        # repr is the shortest text that reads back as the same number.
        return map(repr, column.tolist())
    return (_quoted(str(value), delimiter) for value in column.tolist())


def _quoted(text: str, delimiter: str) -> str:
    plain = not any(mark in text for mark in (delimiter, '"', "\n", "\r"))
    return text if plain else '"' + text.replace('"', '""') + '"'


def _json_lines(names: Sequence[str], blocks: Blocks, _n_rows: int) -> Iterator[str]:
    from gmmkit.cli.output import json_value

    for columns in blocks:
        rows = zip(*(json_value(column.tolist()) for column in columns), strict=True)
        yield "".join([json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows])


def _npy(names: Sequence[str], blocks: Blocks, n_rows: int) -> Iterator[bytes]:
    import numpy as np

    header = io.BytesIO()
    shape = (n_rows, len(names))
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
    yield header.getvalue()
    for columns in blocks:
        yield np.column_stack(list(columns)).astype("<f8").tobytes()


def _parquet(names: Sequence[str], blocks: Blocks, _n_rows: int) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = _Drained()
    writer: Any = None
    for columns in blocks:
        batch = pa.table(dict(zip(names, (pa.array(column) for column in columns), strict=True)))
        writer = writer or pq.ParquetWriter(pa.PythonFile(sink, mode="w"), batch.schema)
        writer.write_table(batch)
        yield sink.drain()
    writer.close()
    yield sink.drain()


class _Drained(io.RawIOBase):
    """A file for a writer that wants one, emptied as it fills."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def drain(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _encoded(texts: Callable[..., Iterator[str]], **options: str) -> Callable[..., Iterator[bytes]]:
    return lambda *given: (text.encode() for text in texts(*given, **options))


_FORMATS: dict[str, Callable[..., Iterator[bytes]]] = {
    ".csv": _encoded(_csv),
    ".tsv": _encoded(_csv, delimiter="\t"),
    ".jsonl": _encoded(_json_lines),
    ".npy": _npy,
    ".parquet": _parquet,
    ".pq": _parquet,
}
