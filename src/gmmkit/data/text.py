"""CSV and other delimited text: parsed once, a chunk of lines at a time, into a temporary binary file."""

from __future__ import annotations

import gzip
import io
import math
import os
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.columns import Selection, choose_columns, how_to_choose
from gmmkit.data.labels import LabelCodes
from gmmkit.data.layout import Layout, is_missing, is_number, sniff_layout
from gmmkit.data.mistakes import Reading, explain
from gmmkit.data.spool import Spool
from gmmkit.data.table import Labels, Table
from gmmkit.errors import DataError

__all__ = ["read_text"]

# Lines are parsed this many characters at a time: enough to make the cost of each call vanish.
CHUNK_CHARACTERS = 2**21
LONGEST_FIRST_LINE = 2**24
# Later lines may be longer than the first ones: this share of the rows there seem to be is sure enough.
_LEAST_SHARE = 0.8


def read_text(
    path: str,
    origin: str,
    *,
    delimiter: str | None = None,
    by_space: bool = False,
    columns: Sequence[str | int] | None = None,
    weights: str | int | None = None,
    label: str | int | None = None,
    missing: bool = False,
    identifiers: bool = False,
) -> Table:
    """Parse a text file (``"-"``: standard input; ``.gz``: compressed) and return its rows.

    Parameters
    ----------
    path, origin : str
        The file, and what messages call it.
    delimiter, by_space
        As in :func:`gmmkit.data.layout.sniff_layout`.
    columns, weights, label, missing, identifiers
        As in :func:`gmmkit.data.open_table`.

    Raises
    ------
    DataError
        For anything in the file that is not a table of numbers; names the line, the column and the text.
    """
    with _lines(path, origin) as lines:
        first, first_line = _first_line(lines, origin)
        second = lines.readline()
        layout = sniff_layout(first, second, delimiter=delimiter, by_space=by_space, origin=origin, missing=missing)
        selection = choose_columns(
            layout.names, layout.n_columns, origin, columns=columns, weights=weights, label=label
        )
        _check_names(layout, selection, origin, first_line)
        head = [second] if second else []
        if layout.names is None:
            head.insert(0, first)
        else:
            first_line += 1
        parser = _Parser(layout, selection, origin, first_line, lines, missing, identifiers)
        n_bytes = 0 if path == "-" or path.endswith(".gz") else os.stat(path).st_size
        if head:
            parser.feed(head)
        while head := lines.readlines(CHUNK_CHARACTERS):
            if n_bytes:
                parser.expect(head, n_bytes)
                n_bytes = 0
            parser.feed(head)
    return parser.table()


class _Parser:
    """Turns lines into spooled features, weights and labels."""

    def __init__(
        self,
        layout: Layout,
        selection: Selection,
        origin: str,
        first_line: int,
        rest: Iterable[str],
        missing: bool,
        identifiers: bool,
    ) -> None:
        column = layout.names[selection.label] if layout.names and selection.label is not None else selection.label
        self._labels = LabelCodes(f"{origin}: column {column!r}", identifiers)
        self._reading = Reading(origin, layout, selection, self._labels, first_line, missing, identifiers)
        self._rest = rest
        self._next_line = first_line
        self._blank_line: int | None = None
        self._spool = Spool(len(selection.features))
        self._weights: list[NDArray[np.float64]] = []
        self._codes: list[NDArray[np.intp]] = []
        self._options: dict[str, Any] = {
            "delimiter": layout.delimiter,
            "quotechar": '"',
            "comments": None,
            "ndmin": 2,
            "encoding": "utf-8",
        }
        if selection.positions != tuple(range(layout.n_columns)):
            self._options["usecols"] = selection.positions
        if selection.label is not None:
            self._options["converters"] = {selection.label: self._labels.__getitem__}

    def expect(self, lines: list[str], n_bytes: int) -> None:
        """Refuse a file of so many bytes, of which these lines are the first, if there is no room for its rows."""
        self._spool.expect(int(_LEAST_SHARE * n_bytes * len(lines) / sum(map(len, lines))))

    def feed(self, lines: list[str]) -> None:
        """Parse the next lines of the file. Blank lines may stand at its end, not between rows."""
        first = self._next_line
        self._next_line += len(lines)
        while lines and not lines[-1].strip():
            lines.pop()
        if lines and self._blank_line is not None:
            explain([""], self._blank_line, self._reading)
        if first + len(lines) < self._next_line and self._blank_line is None:
            self._blank_line = first + len(lines)
        if not lines:
            return
        # loadtxt closes a quote left open at the end of what it is given.
        if self._reading.layout.leaves_quote_open(lines[-1]):
            explain(lines, first, self._reading)
        values = self._parse(lines, first)
        n_features = len(self._reading.selection.features)
        self._spool.append(values[:, :n_features])
        if self._reading.selection.weights is not None:
            self._weights.append(values[:, n_features].copy())
        if self._reading.selection.label is not None:
            self._codes.append(values[:, -1].astype(np.intp))

    def _parse(self, lines: list[str], first: int) -> NDArray[np.float64]:
        try:
            if "usecols" not in self._options or self._every_line_has_all_fields(lines):
                values = self._numbers(lines)
                if values.shape == (len(lines), len(self._reading.selection.positions)):
                    return values
            reason = "its lines do not all have the same fields"
        except ValueError as error:
            reason = str(error)
        explain(lines, first, self._reading, self._rest)
        raise DataError(
            f"{self._reading.origin}: lines {first} to {first + len(lines) - 1} cannot be read "
            f"as a table of numbers: {reason}"
        )

    def _numbers(self, lines: list[str]) -> NDArray[np.float64]:
        try:
            return np.loadtxt(lines, **self._options)
        except ValueError:
            if not self._reading.missing:
                raise
        # Slower: only lines among which a value is missing are read a field at a time.
        converters = dict.fromkeys(self._reading.selection.features, _number_or_missing)
        return np.loadtxt(lines, **{**self._options, "converters": self._options.get("converters", {}) | converters})

    def _every_line_has_all_fields(self, lines: list[str]) -> bool:
        # Given the columns to use, loadtxt does not count the others.
        mark, expected = self._reading.layout.delimiter, self._reading.layout.n_columns
        if mark is None:
            return all(len(line.split()) == expected for line in lines)
        return all(
            line.count(mark) + 1 == expected or ('"' in line and len(self._reading.layout.split(line)) == expected)
            for line in lines
        )

    def table(self) -> Table:
        if self._spool.n_rows == 0:
            raise DataError(
                f"{self._reading.origin}: no rows after the header; expected at least one line of numbers "
                f"(the header is: {', '.join(self._reading.layout.names or ())})"
            )
        names, selection = self._reading.layout.names, self._reading.selection
        labels: Labels | None = None
        if selection.label is not None:
            labels = self._labels.labels(np.concatenate(self._codes))
        table = Table(
            self._spool,
            None if names is None else tuple(names[column] for column in selection.features),
            labels=labels,
            origin=self._reading.origin,
            first_line=self._reading.first_line,
        )
        return table.with_weights(np.concatenate(self._weights)) if selection.weights is not None else table


def _number_or_missing(field: str) -> float:
    text = field.strip()
    if is_missing(text):
        return math.nan
    if not is_number(text):  # which float would perhaps take: 1_000
        raise ValueError(f"{text!r} is no number")
    return float(text)


@contextmanager
def _lines(path: str, origin: str) -> Iterator[io.TextIOWrapper]:
    """Open a text file; a byte that is not UTF-8 becomes a surrogate, so that its line can be named later."""
    binary: BinaryIO
    if path == "-":
        binary = sys.stdin.buffer
    elif path.endswith(".gz"):
        binary = gzip.open(path, "rb")  # type: ignore[assignment]  # noqa: SIM115
    else:
        binary = open(path, "rb")  # noqa: SIM115 - closed below
    lines = io.TextIOWrapper(binary, encoding="utf-8", errors="surrogateescape")
    try:
        yield lines
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{origin}: not a whole gzip file ({error}); expected compressed text: copy or compress it again"
        ) from error
    finally:
        if path == "-":
            lines.detach()
        else:
            lines.close()


def _first_line(lines: io.TextIOWrapper, origin: str) -> tuple[str, int]:
    number = 1
    while line := lines.readline(LONGEST_FIRST_LINE):
        line = line.removeprefix("\ufeff")
        if len(line) == LONGEST_FIRST_LINE:
            raise DataError(
                f"{origin}: the first line has more than {LONGEST_FIRST_LINE} characters; expected a table "
                "of numbers as text, one row in each line: is it another kind of file?"
            )
        if line.strip():
            return line, number
        number += 1
    raise DataError(f"{origin} is empty; expected a table of numbers as text, with or without a header line")


def _check_names(layout: Layout, selection: Selection, origin: str, line: int) -> None:
    for column in selection.features:
        if layout.names is not None and not layout.names[column]:
            _refuse_unnamed(layout, column, origin, line)


def _refuse_unnamed(layout: Layout, column: int, origin: str, line: int) -> NoReturn:
    others = [str(other) for other in range(layout.n_columns) if (layout.names or ())[other]]
    remedy = f". If it only numbers the rows, leave it out: {how_to_choose(others)}" if others else ""
    raise DataError(f"{origin}: line {line} gives no name to column {column}; expected a name for every column{remedy}")
