"""How a text file is laid out, read off its first two lines: delimiter, header, number of columns."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from gmmkit.errors import DataError

__all__ = ["Layout", "is_missing", "is_number", "is_utf8", "sniff_layout"]

_MISSING = {"", "na", "n/a", "null", "none", "?", "-", "."}


@dataclass(frozen=True)
class Layout:
    """How to read a text file.

    Attributes
    ----------
    delimiter : str or None
        Between fields; None: any white space.
    names : tuple of str, or None
        The fields of the header, if there is one.
    n_columns : int
        Number of fields in each line.
    """

    delimiter: str | None
    names: tuple[str, ...] | None
    n_columns: int

    def split(self, line: str) -> list[str]:
        """Return the fields of a line, without quotes and surrounding white space."""
        return _split(line, self.delimiter)

    def leaves_quote_open(self, line: str) -> bool:
        """Whether a quoted field begins in a line and does not end in it."""
        if self.delimiter is None or '"' not in line:
            return False
        try:
            next(csv.reader([line], delimiter=self.delimiter, strict=True), None)
        except csv.Error as error:
            return "end of data" in str(error)
        return False


def sniff_layout(
    first: str, second: str, *, delimiter: str | None, by_space: bool, origin: str, missing: bool = False
) -> Layout:
    r"""Read the layout off the first two lines.

    The first line is a header unless all its fields are numbers, or some are decimal numbers (``5.1``)
    and the next line has numbers in the same places.

    Parameters
    ----------
    first, second : str
        The first two lines that are not blank; second is empty if there is only one.
    delimiter : str or None
        The delimiter if it is known; None: whichever of tab, semicolon and comma fits.
    by_space : bool
        Whether white space delimits where none of the others does.
    origin : str
        What messages call the file.
    missing : bool, default=False
        Whether a first line of decimal numbers and of values that are missing is a row, whatever the next has.

    Examples
    --------
    >>> sniff_layout("x;y\n", "1.5;2\n", delimiter=None, by_space=False, origin="data.csv")
    Layout(delimiter=';', names=('x', 'y'), n_columns=2)
    """
    if delimiter is None:
        delimiter = _sniff_delimiter(first, second)
    if delimiter is None and not by_space:
        delimiter = ","
    fields = _split(first, delimiter)
    if not all(map(is_utf8, fields)):
        raise DataError(
            f"{origin}: line 1 is not UTF-8 text; expected a table of numbers as text: "
            "save it again as UTF-8, and check that it is not another kind of file"
        )
    if any("\0" in field for field in fields):
        raise DataError(
            f"{origin}: line 1 holds zero bytes, so this is no text file; expected a table of numbers as text"
        )
    if Layout(delimiter, None, len(fields)).leaves_quote_open(first):
        raise DataError(f"{origin}: the first line opens a quote that does not end in that line: close the quote")
    has_header = not _is_data(fields, _split(second, delimiter), missing)
    return Layout(delimiter, tuple(fields) if has_header else None, len(fields))


def is_number(field: str) -> bool:
    """Whether a field is a number as ``numpy.loadtxt`` reads it: no digit groups, no decimal comma.

    Examples
    --------
    >>> [is_number(field) for field in ("1.5", "-2e3", "nan", "1_000", "1,5", "")]
    [True, True, True, False, False, False]
    """
    if "_" in field or not field.isascii():
        return False
    try:
        float(field)
    except ValueError:
        return False
    return True


def is_missing(field: str) -> bool:
    """Whether a field says that there is no value.

    Examples
    --------
    >>> [is_missing(field) for field in ("", "NA", "?", "0", "unknown")]
    [True, True, True, False, False]
    """
    return field.casefold() in _MISSING


def is_utf8(text: str) -> bool:
    """Whether text holds none of the surrogates that stand for bytes that are not UTF-8."""
    return text.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in text)


def _sniff_delimiter(first: str, second: str) -> str | None:
    """Return the delimiter found in the first line, preferring one found as often in the second."""
    found = [(len(_split(first, mark)), mark) for mark in ("\t", ";", ",")]
    found = [(count, mark) for count, mark in found if count > 1]
    for count, mark in found:
        if not second or len(_split(second, mark)) == count:
            return mark
    return max(found)[1] if found else None


def _is_data(first: list[str], second: list[str], missing: bool) -> bool:
    numbers = [is_number(field) for field in first]
    if all(numbers):
        return True
    decimal = any(number and not field.isdecimal() for number, field in zip(numbers, first, strict=True))
    if decimal and missing and all(number or is_missing(field) for number, field in zip(numbers, first, strict=True)):
        return True
    return decimal and numbers == [is_number(field) for field in second]


def _split(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=delimiter), [""])]
    except csv.Error:
        # A field longer than csv's limit.
        return [field.strip() for field in line.split(delimiter)]
