"""A generator of rows that was kept, as plain values and in words: what its columns can be, and its classes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gmmkit.cli.models import generator_of
from gmmkit.cli.output import count, print_table, print_text

if TYPE_CHECKING:
    from rich.console import Console

    from gmmkit.files import ModelRecord
    from gmmkit.selection.column_shapes import ColumnShape

__all__ = ["generator_facts", "print_generator"]


def generator_facts(record: ModelRecord, path: str) -> dict[str, Any]:
    """Return what can be told of a generator; its mixtures are on scales of their own, so of them only sizes."""
    found, labels = generator_of(record, path)
    names = record.feature_names or [f"x{j}" for j in range(len(found.shapes))]
    return {
        "estimator": record.estimator,
        "n_features": len(found.shapes),
        "n_rows": record.fit.get("n_rows"),
        "columns": [
            {"name": name, "least": shape.low, "largest": shape.high, "step": shape.step, "values": _values(shape)}
            for name, shape in zip(names, found.shapes, strict=True)
        ],
        "label": record.fit.get("label"),
        "classes": [
            {"label": label, "share": float(share), "n_components": mixture.n_components}
            for label, share, mixture in zip(labels or [None], found.shares, found.mixtures, strict=True)
        ],
        "settings": record.settings,
        "provenance": record.provenance,
        "library_version": record.library_version,
    }


def print_generator(console: Console, facts: Mapping[str, Any], path: str) -> None:
    """Print what rows it draws."""
    source, rows = facts["provenance"].get("source"), facts["n_rows"]
    k = sum(known["n_components"] for known in facts["classes"])
    like = f" like those of {source}" if source else ""
    learnt = f", learnt from {count(rows, 'row')}" if rows else ""
    print_text(
        console,
        f"A generator of rows{like}: {count(facts['n_features'], 'column')}, {count(k, 'component')}{learnt}",
        style="bold",
    )
    console.print()
    print_table(
        console,
        ["<column", "<values", "least", "largest"],
        [[known["name"], known["values"], _end(known["least"]), _end(known["largest"])] for known in facts["columns"]],
    )
    if facts["classes"][0]["label"] is not None:
        console.print()
        print_table(
            console,
            [f"<{facts['label'] or 'class'}", "share", "components"],
            [
                [str(known["label"]), f"{100 * known['share']:.1f} %", str(known["n_components"])]
                for known in facts["classes"]
            ],
        )
    print_text(console, f"gmmkit sample {path} draws rows; --given and --balance say which.", style="dim")


def _values(shape: ColumnShape) -> str:
    if shape.constant:
        return "one"
    if not shape.step:
        return "any"
    return "whole numbers" if shape.whole and shape.step == 1.0 else f"steps of {shape.step:.6g}"


def _end(value: float) -> str:
    return "-" if math.isinf(value) else f"{value:.6g}"
