"""Iterators of blocks: read once, kept in a temporary binary file for the passes to come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gmmkit.data.arrays import as_rows
from gmmkit.data.frames import frame_rows, is_frame
from gmmkit.data.spool import Spool
from gmmkit.errors import DataError

__all__ = ["spool_blocks"]


def spool_blocks(blocks: Iterable[Any], origin: str) -> tuple[Spool, tuple[str, ...] | None]:
    """Write every block to a temporary file as float64; return it and the columns' names, if any.

    Parameters
    ----------
    blocks : iterable
        Two-dimensional arrays or data frames with the same columns; blocks of no rows are passed over.

    Raises
    ------
    DataError
        If a block is not a table of numbers or has other columns than the first; names the block, from 0.

    Examples
    --------
    >>> spool, names = spool_blocks(([[i, i + 0.5]] for i in range(3)), "X")
    >>> spool.read(1, 3)
    array([[1. , 1.5],
           [2. , 2.5]])
    """
    spool: Spool | None = None
    names: tuple[str, ...] | None = None
    for number, block in enumerate(blocks):
        place = f"{origin}, block {number}"
        if getattr(block, "ndim", 2) == 2 and len(block) == 0:
            continue
        rows, found, _ = frame_rows(block, place) if is_frame(block) else (as_rows(block, place), None, None)
        if spool is None:
            spool, names = Spool(rows.shape[1]), found
        if rows.shape[1] != spool.n_columns:
            raise DataError(
                f"{place} has {rows.shape[1]} columns; the blocks before it have {spool.n_columns}: "
                "every block must have the same columns"
            )
        if found != names:
            raise DataError(
                f"{place} has the columns {found}; the blocks before it have {names}: "
                "every block must have the same columns in the same order"
            )
        spool.append(rows)
    if spool is None:
        raise DataError(
            f"{origin} yielded no rows; expected two-dimensional arrays. An iterator can be read only once: "
            "if it was used before, make a new one"
        )
    return spool, names
