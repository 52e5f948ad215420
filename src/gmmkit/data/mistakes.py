"""What is wrong with lines that could not be parsed: the first mistake, in words a person can act on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from gmmkit.data.columns import Selection, how_to_choose
from gmmkit.data.labels import LabelCodes
from gmmkit.data.layout import Layout, is_missing, is_number, is_utf8
from gmmkit.data.table import other_rows
from gmmkit.errors import DataError

__all__ = ["Reading", "explain"]

LONGEST_SHOWN = 40
MOST_SHOWN = 5
# Values among which missing ones are counted: to look at all of a large file is not worth a count.
MOST_COUNTED = 2**20
# 3,658.78 or 3.658,78 or 3'658
_GROUPED = re.compile(r"[+-]?\d{1,3}([,.' \u00a0\u202f]\d{3})+([.,]\d*)?")


@dataclass(frozen=True)
class Reading:
    """What is read from a text file.

    Attributes
    ----------
    origin : str
        What messages call the file.
    layout : Layout
        How the file is laid out.
    selection : Selection
        The columns that are read.
    labels : LabelCodes
        The labels seen so far.
    first_line : int
        The line that holds row 0.
    missing : bool
        Whether features may be missing.
    identifiers : bool
        Whether labels may.
    """

    origin: str
    layout: Layout
    selection: Selection
    labels: LabelCodes
    first_line: int
    missing: bool = False
    identifiers: bool = False

    def name(self, column: int) -> str:
        """Return the name of a column; its position if it has none."""
        return str(column) if self.layout.names is None else self.layout.names[column]


def explain(lines: Sequence[str], first: int, reading: Reading, rest: Iterable[str] = ()) -> None:
    """Raise DataError for the first mistake in lines that could not be parsed; return if none is found.

    Parameters
    ----------
    lines : sequence of str
        The lines.
    first : int
        Number in the file of the first of them.
    reading : Reading
        What was to be read.
    rest : iterable of str
        The lines after them, among which values are counted that are missing too.
    """
    for number, line in enumerate(lines, first):
        place = f"{reading.origin}: line {number}"
        if not line.strip():
            raise DataError(f"{place} is blank, with rows after it; expected numbers in every line: remove it")
        if reading.layout.leaves_quote_open(line):
            raise DataError(
                f"{place} opens a quote that does not end in that line: {_shown(line)}; expected every row "
                "in a line of its own: close the quote, or join the lines"
            )
        fields = reading.layout.split(line)
        expected = reading.layout.n_columns
        if len(fields) != expected:
            model = "the first line" if reading.layout.names is None else "the header"
            raise DataError(
                f"{place} has {len(fields)} field{'s' * (len(fields) != 1)}; expected {expected}, "
                f"as in {model}. {_advice(line, reading)}"
            )
        if number == reading.first_line:
            _explain_text(fields, place, reading)
        for column in reading.selection.positions:
            _explain_field(fields, column, number, reading, chain(lines[number - first :], rest))


def _explain_text(fields: Sequence[str], place: str, reading: Reading) -> None:
    """Raise if several columns hold text in row 0: their other rows will too."""
    features = reading.selection.features
    text = [column for column in features if _is_text(fields[column])]
    if len(text) < 2:
        return
    listed = [f"{_called(column, reading)} ({_shown(fields[column])})" for column in text[:MOST_SHOWN]]
    more = f" and {len(text) - MOST_SHOWN} more" if len(text) > MOST_SHOWN else ""
    others = [reading.name(column) for column in features if column not in text]
    remedy = f": to leave them out use {how_to_choose(others)}" if others else ""
    raise DataError(f"{place}: columns {', '.join(listed)}{more} hold text; expected numbers{remedy}")


def _explain_field(fields: Sequence[str], column: int, number: int, reading: Reading, from_here: Iterable[str]) -> None:
    field = fields[column]
    place = f"{reading.origin}: line {number}, column {_called(column, reading)}"
    if not is_utf8(field):
        raise DataError(f"{place} is not UTF-8 text; expected a number as text: save the file again as UTF-8")
    if column == reading.selection.label:
        if not (field or reading.identifiers):
            raise DataError(f"{place} is empty; expected a label: fill it in or remove the row")
        # Raises by itself when there are too many.
        reading.labels[field]
    elif not (is_number(field) or (reading.missing and is_missing(field) and column != reading.selection.weights)):
        received = _shown(field) if field else "empty"
        if is_missing(field) and column != reading.selection.weights:
            received += _others_missing(from_here, number - reading.first_line, reading)
        raise DataError(f"{place} is {received}; {_remedy(fields, column, number, reading)}")


def _others_missing(from_here: Iterable[str], n_before: int, reading: Reading) -> str:
    """Say how many more rows lack a value; none does of those before."""
    columns, layout = reading.selection.features, reading.layout
    lines = islice((line for line in from_here if line.strip()), MOST_COUNTED // layout.n_columns + 1)
    rows = [layout.split(line) for line in lines]
    missing = [[is_missing(row[column]) for column in columns] for row in rows if len(row) == layout.n_columns]
    bad = np.concatenate([np.zeros((n_before, len(columns)), dtype=bool), np.array(missing, dtype=bool)])
    return other_rows(bad, [reading.name(column) for column in columns] if layout.names else None)


def _remedy(fields: Sequence[str], column: int, number: int, reading: Reading) -> str:
    field = fields[column]
    if column == reading.selection.weights:
        return "expected a weight: a finite number, not negative"
    if is_missing(field):
        return "expected a number: fill it in or remove the row"
    if _is_number_of_other_form(field):
        return (
            "expected a number with a decimal point; decimal commas are not supported, nor are separators between "
            "thousands: write the file without them"
        )
    if len(fields) == 1 and len(field.split()) > 1 and all(map(is_number, field.split())):
        return "expected fields between commas; for fields between spaces name the file .txt"
    others = [reading.name(other) for other in reading.selection.features if other != column]
    if number > reading.first_line:
        leave = f", or leave the column out with {how_to_choose(others)}" if others else ""
        return f"expected a number: correct it, remove the row{leave}"
    # Text in row 0: the whole column is text.
    if not others:
        return "expected a number, and there is no other column"
    aside = reading.name(column) if reading.selection.label is None else None
    return f"expected a number. To leave the column out use {how_to_choose(others, aside)}"


def _is_number_of_other_form(field: str) -> bool:
    """Whether a field is a number with a decimal comma, or with separators between thousands."""
    return (field.count(",") == 1 and is_number(field.replace(",", "."))) or _GROUPED.fullmatch(field) is not None


def _is_text(field: str) -> bool:
    return is_utf8(field) and not (is_number(field) or is_missing(field) or _is_number_of_other_form(field))


def _called(column: int, reading: Reading) -> str:
    return str(column) if reading.layout.names is None else repr(reading.name(column))


def _advice(line: str, reading: Reading) -> str:
    layout = reading.layout
    if layout.names is not None and layout.names[0].startswith("#"):
        return f"Line {reading.first_line - 1} was taken for the header: there are no comments (#) here, remove it"
    shown = f"The line is {_shown(line)}"
    if layout.delimiter == "," and ";" in line:
        return f"{shown}; decimal commas are not supported"
    return f"{shown}; quote fields that hold the delimiter, or correct the line"


def _shown(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…")
