"""Rows that can be read again and again, in blocks: the one value every algorithm takes its data from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.weights import as_weights, describe_number
from gmmkit.errors import DataError

__all__ = ["Block", "Labels", "SomeColumns", "Source", "Table", "other_rows"]

# Rows picked by number are read in slices of about this many values: 1 MB of float64.
TAKE_VALUES = 2**17
# Columns that a message about many names.
MOST_LISTED = 6


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Consecutive rows of a table.

    Attributes
    ----------
    rows : ndarray of shape (b, d)
        Any real dtype and memory order; for arrays a view of the caller's data.
    weights : ndarray of shape (b,), float64, or None
        Weights of the rows; None: all 1.
    index : int
        Number of the first row in the table.
    memory : ndarray of shape (b, ...), or None
        What an algorithm keeps of each row, to be written to.
    """

    rows: NDArray[Any]
    weights: NDArray[np.float64] | None
    index: int
    memory: NDArray[Any] | None = None

    def pieces(self, rows: int) -> Iterator[Block]:
        """Yield the block's rows, so many at a time; the last may be fewer."""
        for first in range(0, len(self.rows), rows):
            own = slice(first, first + rows)
            weights, memory = (None if values is None else values[own] for values in (self.weights, self.memory))
            yield Block(self.rows[own], weights, self.index + first, memory)


class Source(Protocol):
    """Where rows are read from. ``read`` is safe from several threads, in any order, any number of times."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""

    @property
    def n_columns(self) -> int:
        """Number of columns."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values that ``read`` returns."""

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows ``start`` to ``stop - 1``, shape (stop - start, n_columns)."""


class SomeColumns:
    """Some columns of a source, in the order given."""

    def __init__(self, source: Source, columns: Sequence[int]) -> None:
        self._source = source
        self._columns = list(columns)
        self.n_rows = source.n_rows
        self.n_columns = len(columns)
        self.dtype = source.dtype

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows ``start`` to ``stop - 1`` of these columns."""
        return self._source.read(start, stop)[:, self._columns]


@dataclass(frozen=True, eq=False)
class Labels:
    """A label for each row, kept aside from the columns.

    Attributes
    ----------
    codes : ndarray of shape (n,), intp
        Position in ``names`` of each row's label.
    names : tuple of str
        The distinct labels, sorted: as numbers if all of them are numbers, else as text.
    """

    codes: NDArray[np.intp]
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Table:
    """Rows, with what is known about them.

    Attributes
    ----------
    source : Source
        Where the rows are read from.
    names : tuple of str, or None
        Names of the columns, if they have any.
    weights : ndarray of shape (n,), float64, or None
        Finite, not negative, not all zero; None: all 1.
    labels : Labels or None
        Labels of the rows, if a label column was named.
    origin : str
        What messages call the data: ``"X"`` for arrays, the name of a file.
    first_line : int or None
        For text files, the line that holds row 0.

    Examples
    --------
    >>> from gmmkit.data import as_table
    >>> table = as_table([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], weights=[1, 1, 2])
    >>> [(block.index, block.rows.shape) for block in table.blocks(2)]
    [(0, (2, 2)), (2, (1, 2))]
    >>> table.total_weight
    4.0
    """

    source: Source
    names: tuple[str, ...] | None = None
    weights: NDArray[np.float64] | None = None
    labels: Labels | None = None
    origin: str = "X"
    first_line: int | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.source.n_rows

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return self.source.n_columns

    @property
    def in_any_order(self) -> bool:
        """Whether rows are in memory, where any order costs as little; those of a file are read from first to last."""
        return bool(getattr(self.source, "in_any_order", False))

    @property
    def total_weight(self) -> float:
        """Sum of the weights; without weights, the number of rows."""
        return float(self.n_rows) if self.weights is None else float(self.weights.sum())

    def with_weights(self, weights: Any) -> Table:
        """Return the same rows with other weights (None: all 1).

        Raises
        ------
        DataError
            If the weights are not n finite numbers at or above zero, with one above zero.
        """
        if weights is None:
            return replace(self, weights=None)
        return replace(
            self, weights=as_weights(weights, self.n_rows, lambda row: f"{self.where(row)} of {self.origin}")
        )

    def blocks(
        self, block_rows: int, start: int = 0, stop: int | None = None, memory: NDArray[Any] | None = None
    ) -> Iterator[Block]:
        """Yield the rows from ``start`` up to ``stop``, ``block_rows`` at a time; the last may be fewer.

        With them what an algorithm keeps of each row, where `memory` (n, ...) is given.
        """
        stop = self.n_rows if stop is None else min(stop, self.n_rows)
        for first in range(start, stop, block_rows):
            last = min(first + block_rows, stop)
            weights = None if self.weights is None else self.weights[first:last]
            kept = None if memory is None else memory[first:last]
            yield Block(self.source.read(first, last), weights, first, kept)

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the numbered rows, in the order given, as float64.

        The source is read in short slices, only where a row is asked for.

        Parameters
        ----------
        rows : ndarray of shape (m,), intp
            Numbers of rows, from 0; they may repeat.

        Returns
        -------
        ndarray of shape (m, d), float64

        Examples
        --------
        >>> import numpy as np
        >>> from gmmkit.data import as_table
        >>> as_table([[1, 2], [3, 4], [5, 6]]).take(np.array([2, 0, 2]))
        array([[5., 6.],
               [1., 2.],
               [5., 6.]])
        """
        rows = np.asarray(rows, dtype=np.intp)
        if rows.size and not (rows.min() >= 0 and rows.max() < self.n_rows):
            raise IndexError(
                f"rows to take must lie in 0 … {self.n_rows - 1}; got {int(rows.min())} … {int(rows.max())}"
            )
        taken = np.empty((len(rows), self.n_columns))
        order = np.argsort(rows, kind="stable")
        ascending = rows[order]
        slice_rows = max(1, TAKE_VALUES // max(1, self.n_columns))
        cuts = np.flatnonzero(np.diff(ascending // slice_rows)) + 1
        for places in np.split(order, cuts):
            if places.size:
                first, last = int(rows[places[0]]), int(rows[places[-1]])
                taken[places] = self.source.read(first, last + 1)[rows[places] - first]
        return taken

    def where(self, row: int, column: int | None = None) -> str:
        """Say where a row, or one value of it, stands: ``"row 16, column 'waiting'"``.

        Rows and unnamed columns are counted from 0; rows of text files are given by their line, from 1.
        """
        place = f"row {row}" if self.first_line is None else f"line {row + self.first_line}"
        if column is None:
            return place
        return f"{place}, column {column if self.names is None else repr(self.names[column])}"

    def check_finite(self, block: Block, *, missing: bool = False) -> None:
        """Raise DataError if a value of the block is NaN (but for `missing`) or infinite.

        Only where the sum of a block is not finite are its values looked at.

        Raises
        ------
        DataError
            Names the origin, the row, the column, the value and what to do.
        """
        rows = block.rows
        if rows.dtype.kind != "f":
            return
        # float16 sums overflow at 65504; the type, unlike the dtype, has the machine's byte order, which sum asks for.
        dtype = np.float32 if rows.dtype.itemsize == 2 else rows.dtype.type
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(rows.sum(dtype=dtype)):
                return
        bad = np.isinf(rows) if missing else ~np.isfinite(rows)
        if not bad.any():
            return
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"{self.origin}: {self.where(block.index + row, column)} is {describe_number(rows[row, column])}"
            f"{other_rows(bad, self.names)}; "
            + (
                "every value must be a finite number, or be missing: correct it, or leave it empty"
                if missing
                else "every value must be a finite number: remove the row, or fill it in before fitting"
            )
        )


def other_rows(bad: NDArray[np.bool_], names: Sequence[str] | None) -> str:
    """Say how many more rows are like the first bad one, and in which columns; nothing if it is the only one.

    Parameters
    ----------
    bad : ndarray of shape (b, d)
        Which values cannot be used, in rows that were read together.
    names : sequence of str, or None
        Of the columns.

    Examples
    --------
    >>> other_rows(np.array([[False, True], [False, False], [True, True]]), ["x", "y"])
    " (1 more such row among the 3 read with it, in columns 'x' and 'y')"
    """
    others = int(np.count_nonzero(bad.any(axis=1))) - 1
    if others < 1:
        return ""
    columns = np.flatnonzero(bad.any(axis=0)).tolist()
    listed = [str(column) if names is None else repr(names[column]) for column in columns[:MOST_LISTED]]
    if len(columns) > MOST_LISTED:
        where = f"in columns {', '.join(listed)}, …"
    elif len(columns) > 1:
        where = f"in columns {', '.join(listed[:-1])} and {listed[-1]}"
    else:
        where = f"in column {listed[0]}"
    return f" ({others} more such row{'s' * (others > 1)} among the {len(bad)} read with it, {where})"
