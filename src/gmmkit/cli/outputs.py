"""What a verb that makes a model leaves: the model's file, its report, and words about it or JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gmmkit.cli.output import console_on, print_json, print_text

if TYPE_CHECKING:
    from rich.console import Console

    from gmmkit.cli.progress import Watch
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord

__all__ = ["draw_report", "keep_model", "print_places", "tell"]


def keep_model(record: ModelRecord, path: str | None) -> None:
    """Write the model file, if one was asked for."""
    if path is not None:
        from gmmkit.files import write_model

        write_model(record, path)


def draw_report(record: ModelRecord, path: str | None, table: Table, command: str, watch: Watch) -> None:
    """Write the report of a model and its rows, if one was asked for."""
    if path is not None:
        from gmmkit.report import write_report

        watch.say("drawing the report")
        write_report(record, path, table=table, command=command)


def tell(
    facts: Mapping[str, Any],
    show: Callable[[Console, Mapping[str, Any]], None],
    *,
    model: str | None,
    report: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Print what is known of the model and where it is: JSON on stdout, or words on stderr as `show` prints them."""
    if as_json:
        print_json({"model": model, "report": report, **facts})
    elif not quiet:
        console = console_on(sys.stderr)
        show(console, facts)
        print_places(console, model, report)


def print_places(console: Console, model: str | None, report: str | None = None) -> None:
    """Print where the model and the report are, each in a line of its own."""
    for name, path in (("Model", model), ("Report", report)):
        if path is not None:
            print_text(console, f"{name} in {path}", wrap=False)
