"""Some rows of a table, in pieces: what is read together need not stand together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Source, Table

__all__ = ["Pieces", "shuffled"]

# A piece is worth a reading of its own, and yet there are many in a batch: where rows are sorted, each is of one kind.
_PIECE_BYTES, _MANY_PIECES = 4096, 128


class Pieces:
    """Runs of consecutive rows of a source, one after the other, as a source.

    Parameters
    ----------
    source : Source
    starts, stops : ndarray of shape (m,), intp
        Rows ``starts[i]`` to ``stops[i] - 1`` are the i-th piece.

    Examples
    --------
    >>> from gmmkit.data.arrays import ArrayRows
    >>> rows = ArrayRows(np.arange(10).reshape(10, 1))
    >>> Pieces(rows, np.array([6, 0]), np.array([9, 2])).read(1, 4).ravel()
    array([7, 8, 0])
    """

    def __init__(self, source: Source, starts: NDArray[np.intp], stops: NDArray[np.intp]) -> None:
        self._source = source
        self._ends = np.cumsum(stops - starts)
        # What is added to a place here to give the number of the row there.
        self._shifts = stops - self._ends

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self._ends[-1])

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return self._source.n_columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self._source.dtype

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows ``start`` to ``stop - 1``: a copy."""
        parts = []
        piece = int(np.searchsorted(self._ends, start, side="right"))
        while start < stop:
            last, shift = min(int(self._ends[piece]), stop), int(self._shifts[piece])
            parts.append(self._source.read(start + shift, last + shift))
            start, piece = last, piece + 1
        return np.concatenate(parts)


def shuffled(table: Table, batch_rows: int, random: np.random.Generator) -> Iterator[Table]:
    """Yield all rows of a table once, in batches of pieces in random order.

    Parameters
    ----------
    table : Table
    batch_rows : int
        Rows of a batch, about: all batches have as many pieces, or one fewer.
    random : numpy.random.Generator

    Examples
    --------
    >>> from gmmkit.data import as_table
    >>> table = as_table(np.arange(1000.0).reshape(500, 2))
    >>> [batch.n_rows for batch in shuffled(table, 128, np.random.default_rng(0))]
    [125, 125, 125, 125]
    """
    row_bytes = max(1, table.n_columns * table.source.dtype.itemsize)
    piece_rows = max(1, min(-(-_PIECE_BYTES // row_bytes), batch_rows // _MANY_PIECES))
    edges = np.append(np.arange(0, table.n_rows, piece_rows), table.n_rows)
    order = random.permutation(len(edges) - 1)
    n_batches = max(1, round(table.n_rows / batch_rows))
    for chosen in np.array_split(order, n_batches):
        starts, stops = edges[chosen], edges[chosen + 1]
        weights = None
        if table.weights is not None:
            weights = np.concatenate([table.weights[a:b] for a, b in zip(starts, stops, strict=True)])
        yield Table(Pieces(table.source, starts, stops), weights=weights, origin=table.origin)
