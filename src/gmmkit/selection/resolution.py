"""Rows as fine as they were recorded, and no finer.

A column recorded to a step δ says of each value only that it lies within δ/2. A component that is narrower describes
the rounding: its likelihood grows without bound and means nothing. So each row stands anywhere in the cell that it was
rounded to, and is put at random places there, as many as it has weight.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["copies_of", "recorded_step", "spread_over_cells"]

Array = NDArray[np.float64]

# Shares of a step and of a column's span that are rounding of the machine, not of the record.
_OFF_GRID, _SAME_VALUE = 1e-3, 1e-9
# Decimal digits up to which a number that was not rounded to them looks as if it was less than once in a thousand, and
# roundings of the machine that arithmetic may have left on one that was.
_DIGITS, _ROUNDINGS = 12, 4
# Decimals whose unit float64 holds.
_MOST_DECIMALS = 300
# Share of the span from which a step is one by itself, and share of distinct values up to which they repeat.
_COARSE, _REPEATED = 1e-7, 0.5


def recorded_step(column: Array, weights: Array | None = None) -> float:
    """Return the step of which all differences of a column's values are multiples; 0 if there is none.

    A column of two values is a category, not a rounded measurement: its step is 0. So is that of three values or more
    which are no decimals and have no step in common, as √2, √3 and π, however often they are there. Of decimals a step
    that is fine beside their span, as of measurements written to nine places, counts only where values repeat: at most
    half as many are distinct as there are.

    Parameters
    ----------
    column : ndarray of shape (n,)
    weights : ndarray of shape (n,), optional
        How often each value is there; shares, which sum to less than n, count as rows.

    Examples
    --------
    >>> recorded_step(np.array([5.1, 4.9, 5.2, 4.9]))
    0.1
    >>> recorded_step(np.array([5.1, 4.93, 5.2, 4.871]))
    0.001
    >>> recorded_step(np.array([0.0, 1.0, np.sqrt(2.0)]))
    0.0
    """
    values = np.unique(column)
    span = float(values[-1] - values[0])
    gaps = np.diff(values)
    gaps = gaps[gaps > _SAME_VALUE * span]
    if len(gaps) < 2:
        return 0.0
    decimal = _decimal_step(values)
    if decimal:
        there = len(column) if weights is None else max(len(column), float(weights.sum()))
        return decimal if decimal >= _COARSE * span or len(values) <= _REPEATED * there else 0.0
    # The greatest common divisor of the gaps, by Euclid's steps; what is left of rounding ends them.
    step, floor = float(gaps.min()), _SAME_VALUE * span
    while step > floor:
        parts = gaps / step
        left = np.abs(parts - np.round(parts)) * step
        beyond = left[left > _OFF_GRID * step]
        if not len(beyond):
            # Each division adds to the rounding of the last: of few values 0.001 is found as 0.00099999999978. All
            # gaps together tell it to the last digit.
            whole = np.round(parts)
            return step if not left.any() else float(gaps @ whole / (whole @ whole))
        step = float(beyond.min())
    return 0.0


def _decimal_step(values: Array) -> float:
    """Return the step of decimals, told in whole numbers of their last digit; 0 if they are none.

    Euclid's steps over the differences themselves lose a digit of it with each: of four values with four decimals they
    found none in half of the cases.
    """
    size = float(np.abs(values).max())
    most = min(_DIGITS - math.ceil(math.log10(size)), _MOST_DECIMALS)
    off = _ROUNDINGS * np.finfo(np.float64).eps * size
    for digits in range(max(0, most - _DIGITS), most + 1):
        unit = 10.0**digits
        whole = np.rint(values * unit)
        if (np.abs(values - whole / unit) <= off).all():
            return float(np.gcd.reduce(np.diff(whole).astype(np.int64))) / unit
    return 0.0


def copies_of(weights: Array, most: int) -> NDArray[np.intp]:
    """Return of how many rows one of weight w stands for: ⌈w⌉, fewer where that would be more than `most` in all.

    Examples
    --------
    >>> copies_of(np.array([0.5, 1.0, 3.0]), 100).tolist()
    [1, 1, 3]
    """
    return np.asarray(np.ceil(weights * min(1.0, most / weights.sum())), dtype=np.intp)


def spread_over_cells(
    rows: Array, weights: Array, steps: Array, most: int, random: np.random.Generator
) -> tuple[Array, Array]:
    """Return rows put at random places in their cells, and their weights.

    A row of weight w becomes ⌈w⌉ rows that share it (fewer where that would be more than `most` in all): what was
    recorded many times was not at one place.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
    weights : ndarray of shape (n,)
    steps : ndarray of shape (d,)
        0 for a column that is not spread.
    most : int
    random : numpy.random.Generator

    Returns
    -------
    rows : ndarray of shape (m, d)
    weights : ndarray of shape (m,)
    """
    if not steps.any():
        return rows, weights
    copies = copies_of(weights, most)
    spread = np.repeat(rows, copies, axis=0)
    return spread + (random.random(spread.shape) - 0.5) * steps, np.repeat(weights / copies, copies)
