"""What is wrong with lines that could not be parsed: the first mistake, in words a person can act on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gmmkit.data.columns import Selection
from gmmkit.data.labels import LabelCodes
from gmmkit.data.layout import Layout, is_number, is_utf8
from gmmkit.errors import DataError

__all__ = ["Reading", "explain"]

MISSING = {"", "na", "n/a", "null", "none", "?", "-", "."}
LONGEST_SHOWN = 40


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
    """

    origin: str
    layout: Layout
    selection: Selection
    labels: LabelCodes
    first_line: int

    def name(self, column: int) -> str:
        """Return the name of a column; its position if it has none."""
        return str(column) if self.layout.names is None else self.layout.names[column]


def explain(lines: Sequence[str], first: int, reading: Reading) -> None:
    """Raise DataError for the first mistake in lines that could not be parsed; return if none is found.

    Parameters
    ----------
    lines : sequence of str
        The lines.
    first : int
        Number in the file of the first of them.
    reading : Reading
        What was to be read.
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
                f"as in {model}. The line is {_shown(line)}{_advice(line, reading.layout)}"
            )
        for column in reading.selection.positions:
            _explain_field(fields, column, number, reading)


def _explain_field(fields: Sequence[str], column: int, number: int, reading: Reading) -> None:
    field = fields[column]
    called = str(column) if reading.layout.names is None else repr(reading.name(column))
    place = f"{reading.origin}: line {number}, column {called}"
    if not is_utf8(field):
        raise DataError(f"{place} is not UTF-8 text; expected a number as text: save the file again as UTF-8")
    if column == reading.selection.label:
        if not field:
            raise DataError(f"{place} is empty; expected a label: fill it in or remove the row")
        # Raises by itself when there are too many.
        reading.labels[field]
    elif not is_number(field):
        received = _shown(field) if field else "empty"
        raise DataError(f"{place} is {received}; {_remedy(fields, column, number, reading)}")


def _remedy(fields: Sequence[str], column: int, number: int, reading: Reading) -> str:
    field = fields[column]
    if column == reading.selection.weights:
        return "expected a weight: a finite number, not negative"
    if field.casefold() in MISSING:
        return "expected a number: fill it in or remove the row"
    if field.count(",") == 1 and is_number(field.replace(",", ".")):
        return "expected a number with a decimal point; decimal commas are not supported: write the file with points"
    if len(fields) == 1 and len(field.split()) > 1 and all(map(is_number, field.split())):
        return "expected fields between commas; for fields between spaces name the file .txt"
    if number > reading.first_line:
        return "expected a number: correct it, remove the row, or leave the column out with --columns"
    # Text in row 0: the whole column is text.
    others = [reading.name(other) for other in reading.selection.features if is_number(fields[other])]
    choice = f"--columns {','.join(others)} or " if others else ""
    return f"expected a number. To leave the column out use {choice}--label {reading.name(column)}"


def _advice(line: str, layout: Layout) -> str:
    if layout.delimiter == "," and ";" in line:
        return "; decimal commas are not supported"
    return "; quote fields that hold the delimiter, or correct the line"


def _shown(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…")
