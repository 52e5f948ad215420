"""What is printed: JSON on stdout, words and tables on stderr (or stdout, where they are the answer)."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["console_on", "count", "json_value", "number", "number_beside", "print_json", "print_table", "print_text"]

# Files and pipes have no width of their own.
WIDTH_OF_FILES = 100
# Spreads of which six decimals show a hundredth.
_FINEST = 1e-5


def print_json(value: Any) -> None:
    """Write a value to stdout as one JSON document; numbers that JSON does not know become null."""
    sys.stdout.write(json.dumps(json_value(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def json_value(value: Any) -> Any:
    """Return a value with NaN and infinities replaced by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: json_value(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(inner) for inner in value]
    return value


def console_on(stream: TextIO) -> Console:
    """Return a console that writes words and tables to a stream, in colour only on a terminal."""
    from rich.console import Console

    class PipedConsole(Console):
        def on_broken_pipe(self) -> None:
            # rich would end the program with code 1; a reader that has seen enough is no error.
            raise BrokenPipeError

    terminal = stream.isatty()
    return PipedConsole(file=stream, width=None if terminal else WIDTH_OF_FILES, highlight=False, soft_wrap=False)


def print_table(
    console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]], *, best: int | None = None
) -> None:
    """Print a table of texts, numbers to the right; on a narrow terminal the last columns are left out, and named.

    Parameters
    ----------
    console : Console
    columns : sequence of str
        Headings, most important first; one that begins with ``<`` is set to the left.
    rows : sequence of sequences of str
    best : int, optional
        The row to emphasise.
    """
    from rich.table import Table
    from rich.text import Text

    widths = [
        max(len(heading.lstrip("<")), *(len(row[place]) for row in rows), 1) for place, heading in enumerate(columns)
    ]
    shown = len(columns)
    while shown > 2 and sum(widths[:shown]) + 2 * shown > console.width:
        shown -= 1
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in columns[:shown]:
        left = heading.startswith("<")
        table.add_column(heading.lstrip("<"), justify="left" if left else "right", overflow="fold")
    for place, row in enumerate(rows):
        table.add_row(*map(Text, row[:shown]), style="bold green" if place == best else None)
    console.print(table)
    if shown < len(columns):
        left_out = ", ".join(heading.lstrip("<") for heading in columns[shown:])
        console.print(Text(f"Too narrow to show {left_out}.", style="dim"))


def number(value: float | None, digits: int = 2) -> str:
    """Write a number for a table: fixed where that is readable, else with an exponent; - if there is none.

    Examples
    --------
    >>> number(2314.2957), number(1e-9), number(None)
    ('2314.30', '1e-09', '-')
    """
    if value is None or math.isnan(value):
        return "-"
    if value and not 10.0**-digits <= abs(value) < 1e9:
        return f"{value:.{digits + 1}g}"
    return f"{value:.{digits}f}"


def number_beside(value: float, spread: float) -> str:
    """Write a number to a hundredth of its spread, so that those of one spread have the same decimals.

    Examples
    --------
    >>> number_beside(-0.00656, 0.91), number_beside(80.1, 5.9), number_beside(1e-8, 1e-8)
    ('-0.01', '80.1', '1e-08')
    """
    digits = min(6, max(0, 1 - math.floor(math.log10(spread)))) if spread > 0 else 2
    if spread < _FINEST or not abs(value) < 1e9:
        return number(value, digits)
    text = f"{value:.{digits}f}"
    return text if text.strip("-0.") else text.lstrip("-")


def count(n: int, one: str, many: str | None = None) -> str:
    """Return ``"1 pass"``, ``"2 passes"``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def print_text(console: Console, text: str, style: str | None = None, *, wrap: bool = True) -> None:
    """Print a text as it is: names of columns are no markup; paths to be copied are not wrapped."""
    from rich.text import Text

    console.print(Text(text, style=style or ""), soft_wrap=not wrap)
