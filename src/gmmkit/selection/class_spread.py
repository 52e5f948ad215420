"""Columns that hold one value only in a class: its own variance there is nothing that data could tell."""

from __future__ import annotations

import numpy as np

from gmmkit.execution import plan_pass
from gmmkit.selection.class_rows import LabelledRows

__all__ = ["narrow_columns"]

# Columns and classes that a message names.
_MOST_NAMED = 3


def narrow_columns(rows: LabelledRows) -> str | None:
    """Say which columns are constant in which classes and not in all of them together, if any."""
    d, classes = rows.table.n_columns, rows.n_classes
    low, high = np.full((classes, d), np.inf), np.full((classes, d), -np.inf)
    weights = rows.weights
    plan = plan_pass(rows.table.n_rows, 4 * d)
    for block in rows.table.blocks(plan.block_rows):
        place = slice(block.index, block.index + len(block.rows))
        codes, held = rows.codes[place], weights[place] > 0
        for c in np.unique(codes[held & (codes >= 0)]):
            own = block.rows[held & (codes == c)]
            low[c] = np.minimum(low[c], own.min(axis=0))
            high[c] = np.maximum(high[c], own.max(axis=0))
    constant = (low == high) & (low.min(axis=0) < high.max(axis=0))
    found = np.argwhere(constant)
    if not len(found):
        return None
    names = rows.table.names
    told = [
        f"column {j if names is None else repr(names[j])} in class {rows.names[c]!r} (always {low[c, j]:g})"
        for c, j in found[:_MOST_NAMED]
    ]
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    verb = "is" if len(found) == 1 else "are"
    return f"{', '.join(told)}{more} {verb} constant: leave out such columns, or share variances between classes"
