"""Values so far from all others of their column that a fit follows them: often a mistake of recording.

How far a value is, is measured in the distance from the median that values which differ from it usually have. Heavy
tails reach far as well, but without a gap: few values are taken for far, and only beyond one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table

__all__ = ["far_values"]

Array = NDArray[np.float64]

_FAR = 100.0
# How many times as far as the next the nearest of them is, and how many there may be, by number or by share.
_GAP, _MOST, _SHARE = 5.0, 5, 0.01


def far_values(table: Table, rows: Array, judged: Array | None = None, *, far: Array | float = _FAR) -> list[str]:
    """Return a sentence for each column that has values far from all others, naming the farthest.

    Parameters
    ----------
    table : Table
        For the places of rows.
    rows : ndarray of shape (n, d)
        The rows of the table.
    judged : ndarray of shape (n, d), optional
        The same on the scale that is fitted. Default: `rows`.
    far : float or ndarray of shape (d,)
        From how many times the usual distance a value is far.

    Examples
    --------
    >>> from gmmkit.data import as_table
    >>> table = as_table([[1.0], [2.0], [3.0], [2.5], [1e6]])
    >>> far_values(table, table.take(np.arange(5)))  # doctest: +ELLIPSIS
    ['row 4, column 0 is 1e+06, 1,999,995 times as far from the median as values there usually are...']
    """
    values = rows if judged is None else judged
    limits = np.broadcast_to(far, (values.shape[1],))
    held = np.ones(len(rows), dtype=bool) if table.weights is None else table.weights > 0
    found = []
    for j, (column, limit) in enumerate(zip(values.T, limits, strict=True)):
        with np.errstate(over="ignore"):
            away = np.where(held, np.abs(column - np.quantile(column[held], 0.5, method="lower")), 0.0)
        differing = np.sort(away[away > 0])
        if not len(differing):
            continue
        usual = float(differing[(len(differing) - 1) // 2])
        n_far = _beyond_a_gap(differing, limit * usual)
        if not 0 < n_far <= max(_MOST, _SHARE * held.sum()):
            continue
        row = int(away.argmax())
        others = f" ({n_far - 1} more in that column are far away)" if n_far > 1 else ""
        scale = "" if judged is None else ", on the scale that is fitted"
        found.append(
            f"{table.where(row, j)} is {rows[row, j]:g}, {away[row] / usual:,.0f} times as far from the median as "
            f"values there usually are{scale}{others}: what is fitted follows it; if it is a mistake, remove the row"
        )
    return found


def _beyond_a_gap(distances: Array, limit: float) -> int:
    """Return how many of ascending distances lie beyond a limit and beyond the widest gap there; 0 without one."""
    ratios = np.where(distances[1:] > limit, distances[1:] / distances[:-1], 0.0)
    if not len(ratios) or ratios.max() < _GAP:
        return 0
    return len(ratios) - int(ratios.argmax())
