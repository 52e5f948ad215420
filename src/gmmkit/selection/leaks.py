"""How far drawn rows are from the nearest real one, and which stand nearest: there rows learnt by heart show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Nearest", "nearest_rows"]

Array = NDArray[np.float64]

# Rows of each kind whose distances are measured, and drawn ones that are looked up among all real ones.
_MOST_ROWS, _MOST_LOOKED_UP = 5000, 2000
# Distances that are held at a time. Trees are no faster: in many columns they look at nearly all rows.
_MOST_VALUES = 2**22
# The share of real rows that are nearer to another: where a drawn row is as near, it is listed.
_CLOSE = 0.05
# In standard deviations: nearer is a copy.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """Distances from the nearest real row, in standard deviations of the columns.

    Attributes
    ----------
    own : ndarray of shape (r,)
        Of up to 5,000 real rows from another.
    away : ndarray of shape (s,)
        Of up to 5,000 drawn rows from as many.
    pairs : tuple of (int, int, float)
        Drawn row, real row and distance of the drawn rows that are nearer to a real one than all but 5 % of real ones
        are to theirs, the nearest first.
    """

    own: Array
    away: Array
    pairs: tuple[tuple[int, int, float], ...]


def nearest_rows(real: Array, drawn: Array, *, most: int = 10) -> Nearest:
    """Find how near drawn rows (m, d) stand to real ones (n, d), and the `most` that stand nearest.

    Of many drawn rows the first are looked at, 5,000 for distances and 2,000 for pairs; they come in random order.

    Parameters
    ----------
    real, drawn : ndarray of shape (n, d) and (m, d)
        At least two real rows.
    most : int, default=10

    Returns
    -------
    Nearest

    Examples
    --------
    >>> real = np.arange(10.0)[:, None]
    >>> nearest_rows(real, np.array([[3.0], [4.5]]), most=1).pairs
    ((0, 3, 0.0),)
    """
    spread = real.std(axis=0)
    units = np.where(spread > 0, spread, 1.0)
    steps = np.linspace(0, len(real) - 1, min(len(real), _MOST_ROWS)).astype(np.intp)
    some, others = real[steps] / units, drawn[:_MOST_ROWS] / units
    own = _nearest(some, some, apart=True)[1]
    away = _nearest(others, some[1:])[1]
    places, distances = _nearest(others[:_MOST_LOOKED_UP], real / units)
    order = np.argsort(distances, kind="stable")[:most]
    limit = max(float(np.quantile(own, _CLOSE)), _ROUNDING)
    pairs = tuple((int(i), int(places[i]), float(distances[i])) for i in order if distances[i] < limit)
    return Nearest(own, away, pairs)


def _nearest(rows: Array, points: Array, *, apart: bool = False) -> tuple[NDArray[np.intp], Array]:
    """Return which of the points is nearest to each of the rows, and how far; `apart`: other than its own."""
    middle = points.mean(axis=0)
    x, y = rows - middle, np.ascontiguousarray((points - middle).T)
    lengths = (y**2).sum(axis=0)
    places = np.empty(len(rows), dtype=np.intp)
    size = max(1, _MOST_VALUES // len(points))
    for start in range(0, len(rows), size):
        # |x − y|² less |x|², which does not change who is nearest.
        squares = lengths - 2.0 * (x[start : start + size] @ y)
        if apart:
            own = np.arange(len(squares))
            squares[own, start + own] = np.inf
        places[start : start + size] = squares.argmin(axis=1)
    # Of the nearest alone the distance is computed as it is: squares that cancel have lost its digits.
    return places, np.sqrt(((rows - points[places]) ** 2).sum(axis=1))
