"""Columns and what they are given as, in one text: values (``a=1,b=2``) and ends (``a=0:9,b=0:``)."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gmmkit.cli.boundary import UsageError

__all__ = ["Ends", "by_position", "parse_ends", "parse_given", "place_of"]

#: The least and the largest value of a column; ±inf for none.
Ends = tuple[float, float]


def parse_given(text: str | None) -> dict[str, float]:
    """Return the value of each column that ``a=1,b=2`` names; none of None.

    Examples
    --------
    >>> parse_given("length=1.5, width=2")
    {'length': 1.5, 'width': 2.0}
    """
    found = {}
    for name, value in () if text is None else _pairs("--given", text, "a=1.5"):
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = math.nan
        if not math.isfinite(found[name]):
            raise UsageError(
                f"--given has {name}={value}; expected a number: columns of text and classes cannot be given"
            )
    return found


def parse_ends(option: str, text: str | None) -> dict[str, Ends]:
    """Return the ends of each column that ``a=0:9,b=0:`` names; none of None.

    Examples
    --------
    >>> parse_ends("--bounds", "age=0:120,score=:10")
    {'age': (0.0, 120.0), 'score': (-inf, 10.0)}
    """
    if text is None:
        return {}
    return {name: _ends(option, name, ends) for name, ends in _pairs(option, text, "a=0:9")}


def by_position(
    option: str, given: Mapping[str, Any], names: Sequence[str], label: str | None = None
) -> dict[int, Any]:
    """Return what columns are given as by their positions among the names.

    Raises
    ------
    UsageError
        If a column is not there, or is the one of the classes, or values are given of all.
    """
    found: dict[int, Any] = {}
    for name, value in given.items():
        if name == label:
            raise UsageError(
                f"{option} names {name!r}, which holds the classes; only columns that are drawn can be given: "
                f"{', '.join(names)}"
            )
        place = place_of(option, name, names)
        if place in found:
            raise UsageError(f"{option} names {names[place]!r} twice; give each column once")
        found[place] = value
    if option == "--given" and len(found) == len(names):
        raise UsageError("--given has all columns; leave some to draw")
    return found


def place_of(option: str, column: str, names: Sequence[str]) -> int:
    """Return the position of a column that is named, or given by its position from 0 as for ``--columns``.

    Raises
    ------
    UsageError
        If there is no such column.

    Examples
    --------
    >>> place_of("--given", "width", ["length", "width"]), place_of("--given", "0", ["length", "width"])
    (1, 0)
    """
    if column in names:
        return names.index(column)
    if column.isdecimal() and int(column) < len(names):
        return int(column)
    raise UsageError(f"{option} names {column!r}, but the columns are {', '.join(names)} (from 0 to {len(names) - 1})")


def _pairs(option: str, text: str, example: str) -> Iterator[tuple[str, str]]:
    seen = set()
    for part in next(csv.reader([text], skipinitialspace=True), []):
        name, sign, value = part.rpartition("=")
        if not sign or not name.strip():
            raise UsageError(f"{option} has {part!r}; expected a column and what it is, such as {example}")
        if name.strip() in seen:
            raise UsageError(f"{option} names {name.strip()!r} twice; give each column once")
        seen.add(name.strip())
        yield name.strip(), value
    if not seen:
        raise UsageError(f"{option} is {text!r}; expected columns, such as {example}")


def _ends(option: str, name: str, text: str) -> Ends:
    low, colon, high = text.partition(":")
    try:
        least, most = float(low or "-inf"), float(high or "inf")
    except ValueError:
        least = most = math.nan
    if not colon or math.isnan(least) or math.isnan(most):
        raise UsageError(
            f"{option} has {name}={text}; expected the least and the largest value, such as {name}=0:9, {name}=0: or "
            f"{name}=:9"
        )
    if most < least:
        raise UsageError(
            f"{option} has {name}={text}, whose least value is above its largest; did you mean {name}={high}:{low}?"
        )
    if least == most:
        raise UsageError(f"{option} has {name}={text}, between which nothing lies; give two different values")
    return least, most
