"""Roots of many increasing residuals at once, one bracket each.

    r_i(x_i) = 0,   low_i ≤ x_i ≤ high_i        x ← x − r / r′   or the middle of the bracket

Newton's step safeguarded by bisection (Press et al., "Numerical Recipes", 3rd edition, section 9.4, for one root);
the middle is by turns that of the values and that of the doubles' order, so that neither a wide nor a tiny bracket
takes long.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["roots"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

_EPSILON = float(np.finfo(np.float64).eps)
# Bisection of doubles ends within 64 turns; half the turns may be steps of Newton's.
_MOST_TURNS = 300


def roots(
    evaluate: Callable[[Array, Indices], tuple[Array, Array]], low: Array, high: Array, start: Array, tolerance: float
) -> Array:
    """Return where residuals that grow through 0 between `low` and `high` (n,) are 0.

    Newton's steps where they stay inside the bracket and at least halve, bisection elsewhere: by turns of the
    values and of their order among the doubles, which ends within 64 turns whatever the magnitudes are.

    Parameters
    ----------
    evaluate : callable
        Takes points (m,) and which of the n problems they belong to; returns residuals and slopes (m,). A NaN
        residual ends its problem there.
    low, high, start : ndarray of shape (n,)
    tolerance : float
        A residual this small is rounding.

    Returns
    -------
    ndarray of shape (n,)
        Where a problem's residual is within the tolerance, where Newton's step is below the rounding of x, or one of
        two neighbouring doubles between which the residual changes sign. No problem's answer depends on the others.
        A slope of 0 or NaN makes no step: the bracket is then halved. An answer still open after 300 evaluations is
        returned as it stands.

    Examples
    --------
    >>> low, high, start = np.zeros(2), np.array([2.0, 1e300]), np.ones(2)
    >>> squares = np.array([2.0, 1e-300])
    >>> roots(lambda x, which: (x - squares[which] / x, np.full(len(x), np.nan)), low, high, start, 0.0)
    array([1.41421356e+000, 1.00000000e-150])
    """
    low, high = low.copy(), high.copy()
    x = np.clip(start, low, high)
    last = np.full(len(x), np.inf)
    active = np.arange(len(x))
    for turn in range(_MOST_TURNS):
        if not len(active):
            break
        at = x[active]
        value, slope = evaluate(at, active)
        low[active] = np.where(value < 0, at, low[active])
        high[active] = np.where(value > 0, at, high[active])
        a, b = low[active], high[active]
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            step = -value / slope
            newton = at + step
            size = np.abs(step)
            trusted = (newton > a) & (newton < b) & (size <= 0.5 * last[active])
        middle = 0.5 * a + 0.5 * b if turn % 2 else _middle_double(a, b)
        following = np.where(trusted, newton, middle)
        settled = (np.abs(value) <= tolerance) | np.isnan(value)
        following[settled] = at[settled]
        last[active] = np.where(trusted, size, np.inf)
        x[active] = following
        closed = (following <= a) | (following >= b) | (trusted & (size <= _EPSILON * np.abs(at)))
        active = active[~(settled | closed)]
    return x


def _middle_double(a: Array, b: Array) -> Array:
    """Return the doubles half way between a and b in the order of all doubles."""
    first, second = _order(a.view(np.int64)), _order(b.view(np.int64))
    return _order((first >> 1) + (second >> 1) + (first & second & 1)).view(np.float64)


def _order(bits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn the bits of doubles into integers in the doubles' order, and back."""
    return np.where(bits < 0, np.iinfo(np.int64).min - bits, bits)
