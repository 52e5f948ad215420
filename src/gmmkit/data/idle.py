"""Columns that tell nothing about clusters: those of one value only, and those that number the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import TAKE_VALUES, Table

__all__ = ["idle_columns"]

# Of fewer rows, whole numbers may well follow each other.
_FEWEST = 5


def idle_columns(table: Table) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the columns of one value only, and those of consecutive whole numbers, each once, in any order.

    The rows are read no further than any column may be one of these; rows of weight 0 are left out. Where the rows are
    many, a number that comes twice is seen if it does so within a block.

    Examples
    --------
    >>> from gmmkit.data import as_table
    >>> idle_columns(as_table([[3, 7, 1], [1, 7, 1.5], [2, 7, 4], [5, 7, 2], [4, 7, 3]]))
    ((1,), (0,))
    """
    d = table.n_columns
    constant, counting = np.ones(d, dtype=bool), np.ones(d, dtype=bool)
    first: NDArray[Any] | None = None
    low, high, n = np.full(d, np.inf), np.full(d, -np.inf), 0
    for block in table.blocks(max(1, TAKE_VALUES // d)):
        rows = block.rows if block.weights is None else block.rows[block.weights > 0]
        if not len(rows):
            continue
        first = rows[0].copy() if first is None else first
        n += len(rows)
        constant &= (rows == first).all(axis=0)
        for column in np.flatnonzero(counting):
            values = np.sort(rows[:, column].astype(np.float64))
            counting[column] = bool((values == np.floor(values)).all() and (values[1:] > values[:-1]).all())
            low[column], high[column] = min(low[column], values[0]), max(high[column], values[-1])
        if not (constant | counting).any():
            return (), ()
    with np.errstate(invalid="ignore"):
        counting &= (n >= _FEWEST) & (high - low == n - 1)
    return tuple(np.flatnonzero(constant & (n > 1)).tolist()), tuple(np.flatnonzero(counting).tolist())
