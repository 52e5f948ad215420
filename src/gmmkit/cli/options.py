"""Options that several verbs share, and what their texts mean."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated

import typer

from gmmkit.cli.boundary import UsageError

__all__ = [
    "ColumnsOption",
    "Criterion",
    "DataArgument",
    "JobsOption",
    "JsonOption",
    "LabelOption",
    "ModelArgument",
    "QuietOption",
    "WeightsOption",
    "parse_columns",
    "parse_components",
    "parse_covariance",
    "parse_reg_covar",
]

MOST_SIZES = 10_000
EVERY_STRUCTURE = ("full", "tied", "diag", "spherical")

DataArgument = Annotated[
    str, typer.Argument(metavar="DATA", help="CSV, TSV, TXT (also .gz), Parquet or NPY file; - for CSV on stdin.")
]
ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="Model file (.gmm) written by gmmkit fit.")]
ColumnsOption = Annotated[
    str | None, typer.Option("--columns", metavar="A,B,…", help="Columns to use, by name or position from 0.")
]
WeightsOption = Annotated[
    str | None, typer.Option("--weights", metavar="COLUMN", help="Column that holds the weight of each row.")
]
LabelOption = Annotated[
    str | None,
    typer.Option("--label", metavar="COLUMN", help="Column of known labels: kept aside and compared with clusters."),
]
JobsOption = Annotated[int | None, typer.Option("--jobs", "-j", metavar="N", help="Threads; -1: all cores.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no messages but errors.")]


class Criterion(StrEnum):
    """Information criteria; lower is better."""

    BIC = "bic"
    AIC = "aic"
    ICL = "icl"


def parse_components(text: str) -> list[int]:
    """Return the numbers of components that ``3``, ``1:9`` or ``2,4,6`` ask for, in order.

    Examples
    --------
    >>> parse_components("1:3,8")
    [1, 2, 3, 8]
    """
    sizes: set[int] = set()
    for part in text.split(","):
        ends = [end.strip() for end in part.split(":")]
        if len(ends) > 2 or not all(end.isascii() and end.isdecimal() for end in ends):
            raise UsageError(
                f"--components is {text!r}; expected a number (3), a range (1:9, both ends included) or several (2,4,6)"
            )
        first, last = int(ends[0]), int(ends[-1])
        if first < 1:
            raise UsageError(f"--components is {text!r}; a mixture has at least 1 component")
        if last < first:
            raise UsageError(f"--components is {text!r}, an empty range; did you mean {last}:{first}?")
        if last - first >= MOST_SIZES:
            raise UsageError(f"--components {text!r} asks for {last - first + 1} sizes; at most {MOST_SIZES} are tried")
        sizes.update(range(first, last + 1))
    return sorted(sizes)


def parse_covariance(text: str, known: Sequence[str]) -> list[str] | None:
    """Return the structures that ``full``, ``full,tied`` or ``all`` ask for; None for all.

    Parameters
    ----------
    text : str
        What was given.
    known : sequence of str
        The names of all structures.
    """
    wanted = [name.strip() for name in text.split(",")]
    if wanted == ["all"]:
        return None
    for name in wanted:
        if name not in known:
            raise UsageError(f"--covariance is {text!r}; {_choices(name, ['all', *known])}")
    return list(dict.fromkeys(wanted))


def parse_columns(text: str | None) -> list[str] | None:
    """Return the columns that ``a,b,"c, with comma"`` names."""
    if text is None:
        return None
    names = [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]
    if not names or not all(names):
        raise UsageError(f"--columns is {text!r}; expected names or positions between commas: a,b,c")
    return names


def parse_reg_covar(text: str) -> str | float:
    """Return ``"auto"`` or a number at or above zero."""
    if text == "auto":
        return text
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < float("inf"):
        raise UsageError(f"--reg-covar is {text!r}; expected auto, or a number at or above 0")
    return value


def _choices(wrong: str, right: Iterable[str]) -> str:
    by_case = {name.casefold(): name for name in right}
    close = difflib.get_close_matches(wrong.casefold(), by_case, n=1)
    hint = f"did you mean {by_case[close[0]]}? " if close else ""
    return f"{hint}Expected one or some of {', '.join(right)}"
