"""What is wrong with lines that could not be parsed: the first mistake, in words a person can act on."""

from __future__ import annotations

from collections.abc import Sequence

from gmmkit.data.columns import Selection
from gmmkit.data.labels import LabelCodes
from gmmkit.data.layout import Layout, is_number
from gmmkit.errors import DataError

__all__ = ["explain"]

MISSING = {"", "na", "n/a", "null", "none", "?", "-", "."}
LONGEST_SHOWN = 40


def explain(
    lines: Sequence[str],
    first: int,
    row_0: int,
    layout: Layout,
    selection: Selection,
    origin: str,
    labels: LabelCodes,
) -> None:
    """Raise DataError for the first mistake in the lines; return if none is found.

    Parameters
    ----------
    lines : sequence of str
        Lines that could not be parsed.
    first : int
        Number of the first of them in the file.
    row_0 : int
        Number of the first line of data in the file.
    layout, selection : Layout, Selection
        How the file is laid out and which columns are read.
    origin : str
        What messages call the file.
    labels : LabelCodes
        Labels seen so far.
    """
    for number, line in enumerate(lines, first):
        place = f"{origin}: line {number}"
        if not line.strip():
            raise DataError(
                f"{place} is blank, with rows after it; expected numbers in every line: remove it"
            )
        fields = layout.split(line)
        if len(fields) != layout.n_columns:
            raise DataError(
                f"{place} has {len(fields)} field{'s' * (len(fields) != 1)}; expected {layout.n_columns}, as in "
                f"{'the header' if layout.names else 'the first line'}: {_shown(line)}{_advice(line, layout)}"
            )
        for column in selection.positions:
            where = f"{place}, column {_called(column, layout)}"
            field = fields[column]
            if any("\udc80" <= letter <= "\udcff" for letter in field):
                raise DataError(
                    f"{where} is not UTF-8 text; expected a number as text: save the file again as UTF-8"
                )
            if column == selection.label:
                if not field:
                    raise DataError(f"{where} is empty; expected a label: fill it in or remove the row")
                labels[field]
            elif not is_number(field):
                remedy = _remedy(field, fields, column, number == row_0, layout, selection)
                raise DataError(f"{where} is {_shown(field) if field else 'empty'}; {remedy}")


def _remedy(
    field: str, fields: Sequence[str], column: int, in_first_row: bool, layout: Layout, selection: Selection
) -> str:
    if column == selection.weights:
        return "expected a weight: a finite number, not negative"
    if field.casefold() in MISSING:
        return "expected a number: fill it in or remove the row"
    if field.count(",") == 1 and is_number(field.replace(",", ".")):
        return "expected a number with a decimal point; decimal commas are not supported: write the file with points"
    if in_first_row:
        others = [_plain(other, layout) for other in selection.features if is_number(fields[other])]
        choice = f"--columns {','.join(others)} or " if others else ""
        return (
            f"expected a number. To leave the column out use {choice}--label {_plain(column, layout)} "
            "(in Python: columns=[...], label=...)"
        )
    return "expected a number: correct it, remove the row, or leave the column out with --columns (columns=[...])"


def _advice(line: str, layout: Layout) -> str:
    if line.count('"') % 2:
        return "; a quoted field does not end in this line"
    if layout.delimiter == "," and ";" in line:
        return "; decimal commas are not supported"
    return "; quote fields that hold the delimiter, or correct the line"


def _called(column: int, layout: Layout) -> str:
    return str(column) if layout.names is None else repr(layout.names[column])


def _plain(column: int, layout: Layout) -> str:
    return str(column) if layout.names is None else layout.names[column]


def _shown(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…")
