"""Options that several verbs share, and what their texts mean."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Callable, Collection
from typing import Annotated, Any

import typer

from gmmkit.cli.boundary import UsageError, hush

__all__ = [
    "ColumnsOption",
    "CovarianceOption",
    "DataArgument",
    "JobsOption",
    "JsonOption",
    "LabelOption",
    "ModelArgument",
    "NamesOption",
    "QuietOption",
    "WeightsOption",
    "at_least",
    "below_one",
    "chosen",
    "complete_structures",
    "not_negative",
    "one_of",
    "parse_columns",
    "parse_components",
    "parse_covariance",
    "parse_degrees",
    "parse_reg_covar",
    "parse_volume",
]

MOST_SIZES = 10_000


def at_least(least: int) -> Callable[[Any], int]:
    """Return a parser of whole numbers that are not less than `least`."""

    def whole_number(text: Any) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise typer.BadParameter(f"it is {text!r}; expected a whole number, at least {least}")
        return value

    return whole_number


def not_negative(text: Any) -> float:
    """Parse a finite number at or above zero."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < float("inf"):
        raise typer.BadParameter(f"it is {text!r}; expected a number at or above 0")
    return value


def below_one(text: Any) -> float:
    """Parse a share: a number at or above zero, and below one."""
    try:
        value = not_negative(text)
    except typer.BadParameter:
        value = 1.0
    if not value < 1.0:
        raise typer.BadParameter(f"it is {text!r}; expected a number at or above 0 and below 1")
    return value


def one_of(*names: str) -> dict[str, Any]:
    """Return what an option needs whose value is one of some names."""

    def name(text: Any) -> str:
        if text not in names:
            raise typer.BadParameter(chosen(text, names))
        return str(text)

    # A list that is longer would take the room of the explanations beside it.
    listed = "|".join(names)
    return {
        "parser": name,
        "metavar": listed if len(listed) < 16 else "NAME",
        "autocompletion": lambda incomplete: [name for name in names if name.startswith(incomplete)],
    }


def complete_structures(incomplete: str) -> list[str]:
    """Offer the names of structures, also after a comma."""
    from gmmkit.model.covariance.catalogue import NAMES

    before, comma, last = incomplete.rpartition(",")
    return [before + comma + name for name in ("all", *NAMES) if name.casefold().startswith(last.casefold())]


def chosen(wrong: str, right: Collection[str]) -> str:
    """Say what is wrong with a name that is none of those expected."""
    by_case = {name.casefold(): name for name in right}
    close = difflib.get_close_matches(wrong.casefold(), by_case, n=1)
    hint = f"did you mean {by_case[close[0]]}? Expected" if close else "expected"
    return f"it is {wrong!r}; {hint} {'one of ' if len(right) > 1 else ''}{', '.join(right)}"


def _threads(text: Any) -> int:
    try:
        value = int(str(text))
    except ValueError:
        value = 0
    if value == 0:
        raise typer.BadParameter(f"it is {text!r}; expected a number of threads, or -1 for all cores")
    return value


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
# Of verbs that do nothing with labels: opened with ``identifiers=True``.
NamesOption = Annotated[
    str | None,
    typer.Option("--label", metavar="COLUMN", help="Column that names rows or classes, any text or none: kept aside."),
]
CovarianceOption = Annotated[
    str,
    typer.Option(
        "--covariance",
        metavar="NAME,…",
        autocompletion=complete_structures,
        rich_help_panel="The model",
        help="Structures to try: mclust's EII … VVV (E, V in one column), full, tied, diag, spherical, or all.",
    ),
]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", "-j", parser=_threads, metavar="N", help="Threads; -1: all cores.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", callback=hush, help="Say nothing but errors: no progress, no warnings.")
]


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


def parse_covariance(text: str) -> list[str] | None:
    """Return the structures that ``full``, ``VVE,EEE`` or ``all`` ask for; None for all.

    Examples
    --------
    >>> parse_covariance("VVE, tied"), parse_covariance("all, full")
    (['VVE', 'tied'], None)
    """
    from gmmkit.model.covariance import LOW_RANK
    from gmmkit.model.covariance.catalogue import NAMES, STRUCTURES

    wanted = [name.strip() for name in text.split(",")]
    for name in wanted:
        if name in LOW_RANK:
            raise UsageError(
                f"--covariance: {name} needs a number of factors: gmmkit reduce DATA -k 1:3 --factors 1:5 "
                "--model FILE.gmm compares such models and keeps the best; give another structure here"
            )
        if name not in ("all", *NAMES):
            # scikit-learn's names, mclust's in its order, those for one column.
            listed = sorted(
                NAMES, key=lambda known: (len(known) == 1, STRUCTURES.index(known) if known in STRUCTURES else -1)
            )
            raise UsageError(f"--covariance: {chosen(name, ['all', *listed])}, or several between commas")
    return None if "all" in wanted else list(dict.fromkeys(wanted))


def parse_degrees(text: Any) -> str:
    """Check that it is ``common``, ``free`` or a number above zero."""
    if text not in ("common", "free"):
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0.0 < value < float("inf"):
            raise typer.BadParameter(f"it is {text!r}; expected common, free, or a number above 0")
    return str(text)


def parse_columns(text: str | None) -> list[str] | None:
    """Return the columns that ``a,b,"c, with comma"`` names."""
    if text is None:
        return None
    names = [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]
    if not names or not all(names):
        raise UsageError(f"--columns is {text!r}; expected names or positions between commas: a,b,c")
    return names


def parse_reg_covar(text: Any) -> str:
    """Check that it is ``"auto"`` or a number at or above zero."""
    if text != "auto":
        try:
            not_negative(text)
        except typer.BadParameter:
            raise typer.BadParameter(f"it is {text!r}; expected auto, or a number at or above 0") from None
    return str(text)


def parse_volume(text: Any) -> str:
    """Check that it is ``auto``, ``hull``, ``box`` or a number above zero."""
    if text not in ("auto", "hull", "box"):
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0.0 < value < float("inf"):
            raise typer.BadParameter(f"it is {text!r}; expected auto, hull, box, or a number above 0")
    return str(text)
