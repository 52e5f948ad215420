"""A detector of anomalies that was kept, as plain values and in words: what it was fitted to, and what is usual."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gmmkit.cli.output import count, number, print_table, print_text
from gmmkit.errors import ModelFormatError

if TYPE_CHECKING:
    from rich.console import Console

    from gmmkit.files import ModelRecord

__all__ = ["detector_facts", "print_detector"]

_MOST_COLUMNS = 40


def detector_facts(record: ModelRecord, path: str) -> dict[str, Any]:
    """Return what can be told of a detector; its mixture is in units of its own, so of that only its size.

    Raises
    ------
    ModelFormatError
        If its record is incomplete.
    """
    from gmmkit.selection.explanation import usual_values
    from gmmkit.selection.normality_records import normality_of_record

    try:
        normality, reference, offset, clean = normality_of_record(record)
    except (LookupError, TypeError, ValueError) as error:
        raise ModelFormatError(f"{path}: its record of the fit is incomplete ({error!r})") from error
    names = record.feature_names or [f"column {j}" for j in range(normality.n_features)]
    known = math.isfinite(offset)
    return {
        "estimator": record.estimator,
        "n_features": normality.n_features,
        "n_components": normality.joint.n_components,
        "clean": clean,
        "n_reference": len(reference),
        "threshold": offset if known else None,
        "share_below": float((reference < offset).mean()) if known else None,
        "columns": [{"name": name, "usual": usual_values(normality, j)} for j, name in enumerate(names)],
        "settings": record.settings,
        "provenance": record.provenance,
        "library_version": record.library_version,
    }


def print_detector(console: Console, facts: Mapping[str, Any], path: str) -> None:
    """Print what it was fitted to, what is usual, and which rows it calls."""
    source, rows = facts["provenance"].get("source"), "clean rows" if facts["clean"] else "rows that may hold anomalies"
    print_text(
        console,
        f"A detector of anomalies, fitted to {rows}{f' of {source}' if source else ''}: "
        f"{count(facts['n_features'], 'column')}, {count(facts['n_components'], 'component')}",
        style="bold",
    )
    console.print()
    columns = facts["columns"]
    print_table(
        console, ["<column", "<usual values"], [[known["name"], known["usual"]] for known in columns[:_MOST_COLUMNS]]
    )
    note = "Usual: 95 % of what it takes for normal in a column"
    if not facts["clean"]:
        note += ", the densest part of such rows: many rows outside are normal"
    left = len(columns) - _MOST_COLUMNS
    print_text(console, f"{note}; {count(left, 'more column')} with --json." if left > 0 else f"{note}.", style="dim")
    scores = count(facts["n_reference"], "score")
    if facts["threshold"] is None:
        print_text(console, f"No threshold: {scores} of rows are too few for one.")
    else:
        print_text(
            console,
            f"Threshold {number(facts['threshold'])}: {100 * facts['share_below']:.1f} % of {scores} of rows, by fits "
            "that did not see them, lie below.",
        )
    print_text(console, f"gmmkit anomalies DATA --with {path} judges rows.", style="dim")
