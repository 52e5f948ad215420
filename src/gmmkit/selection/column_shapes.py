"""What values a column can take: how finely it was recorded, and where it ends; and a scale on which it does not end.

    y = x        y = log(x − a + c)        y = −log(b − x + c)        y = log(x − a + c) − log(b − x + c)

for columns without ends, with a least value a, a largest b, or both. c keeps what lies at an end finite. Values
recorded to a step are put at random places of their cells before, and rounded to the step after. Where many values lie
at an end, they are put at random places beyond it, as if they had been cut off there (Tobin, "Estimation of
relationships for limited dependent variables", Econometrica 26 (1958)), and what is drawn beyond is put back: a column
with many zeros has them again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import DataError, ParameterError
from gmmkit.numerics.arguments import shown
from gmmkit.selection.resolution import recorded_step

__all__ = ["ColumnShape", "shape_of"]

Array = NDArray[np.float64]

# Share of the median distance from an end that c is.
_OFFSET = 0.1
# Share of the values, and number, from which they are an end, and are spread beyond it.
_MANY, _FEWEST = 0.05, 5
# Bounds of how far beyond, in standard deviations of the others.
_LEAST_WIDTH, _MOST_WIDTH = 0.5, 4.0
# Digits of a step that a rounded value is written to, and share of a step that is rounding of the machine.
_DIGITS, _OFF_GRID = 6, 1e-3


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """The values of a column.

    Attributes
    ----------
    low, high : float
        The least and the largest value it may have, of its steps where it has any; ±inf for none. Equal: it has no
        other.
    step : float
        Of which differences of values are multiples; 0: none.
    anchor : float
        A value of the column, from which steps are counted.
    offset : float
        c, in the column's unit.
    beyond : (float, float)
        How far beyond each end, on the scale without ends, the values at it are spread; 0 where they are few.

    Examples
    --------
    >>> counts = shape_of(np.array([0.0, 3.0, 1.0, 0.0, 7.0]))
    >>> counts.low, counts.step
    (0.0, 1.0)
    >>> counts.back(counts.forward(np.array([0.0, 2.0, 100.0])) - 0.2)
    array([ 0.,  1., 82.])
    """

    low: float
    high: float
    step: float
    anchor: float
    offset: float
    beyond: tuple[float, float] = (0.0, 0.0)

    @property
    def constant(self) -> bool:
        """Whether it has one value only."""
        return self.low == self.high

    @property
    def whole(self) -> bool:
        """Whether all its values are whole numbers."""
        return self.anchor.is_integer() and (self.step.is_integer() if self.step else self.constant)

    @property
    def range(self) -> str:
        """What values it takes, in words."""
        if self.constant:
            return f"of {self.low:g} only"
        low, high = f"from {self.low:g}", f"to {self.high:g}"
        if math.isfinite(self.low):
            return f"{low} {high}" if math.isfinite(self.high) else f"{low} up"
        return f"up {high}" if math.isfinite(self.high) else "of any size"

    def forward(self, values: Array) -> Array:
        """Return values (n,) on the scale that does not end: the middle of where each may be."""
        return self._placed(values, np.full(len(values), 0.5))

    def scattered(self, values: Array, random: np.random.Generator) -> Array:
        """Return values at random places of where each may be, on the scale that does not end."""
        return self._placed(values, random.random(len(values)))

    def _placed(self, values: Array, places: Array) -> Array:
        if self.constant:
            return np.zeros_like(values)
        answer = self._unending(values + (places - 0.5) * self.step)
        for end, beyond, sign in zip((self.low, self.high), self.beyond, (-1.0, 1.0), strict=True):
            if beyond:
                at = values == end
                answer[at] = self._unending(np.array([end]))[0] + sign * beyond * places[at]
        return answer

    def _unending(self, values: Array) -> Array:
        answer = np.zeros_like(values)
        if math.isfinite(self.low):
            answer += np.log(values - self.low + self.offset)
        if math.isfinite(self.high):
            answer -= np.log(self.high - values + self.offset)
        return answer if math.isfinite(self.low) or math.isfinite(self.high) else values

    def back(self, values: Array) -> Array:
        """Return values of the column: within its ends, and of its steps."""
        if self.constant:
            return np.full_like(values, self.low)
        low, high, c = self.low, self.high, self.offset
        with np.errstate(over="ignore"):
            if math.isfinite(low) and math.isfinite(high):
                # From whichever end is nearer: neither exponential overflows.
                near = np.exp(-np.abs(values))
                span = high - low + 2.0 * c
                answer = np.where(values < 0, low - c + span * near / (1 + near), high + c - span * near / (1 + near))
            elif math.isfinite(low):
                answer = low - c + np.exp(values)
            elif math.isfinite(high):
                answer = high + c - np.exp(-values)
            else:
                answer = values
        if self.step:
            answer = _stepped(np.round((answer - self.anchor) / self.step), self.anchor, self.step)
        return np.asarray(np.clip(answer, low, high))

    def neighbours(self, value: float) -> tuple[float, float]:
        """Return the values of its steps below and above one: both the value itself where it is one of them.

        Examples
        --------
        >>> counts = shape_of(np.array([0.0, 3.0, 1.0, 0.0, 7.0]))
        >>> counts.neighbours(2.5), counts.neighbours(2.0)
        ((2.0, 3.0), (2.0, 2.0))
        """
        if not self.step:
            return value, value
        steps = (value - self.anchor) / self.step
        if abs(steps - round(steps)) <= _OFF_GRID:
            return value, value
        below, above = _stepped(np.array([math.floor(steps), math.ceil(steps)]), self.anchor, self.step).tolist()
        return below, above


def _stepped(steps: Array, anchor: float, step: float) -> Array:
    # 0.3, not 0.30000000000000004.
    return np.asarray(np.round(anchor + steps * step, max(0, _DIGITS - math.floor(math.log10(step)))))


def shape_of(
    column: Array, bounds: Any = None, *, weights: Array | None = None, name: str = "the column"
) -> ColumnShape:
    """Return the shape of a column of values (n,).

    Parameters
    ----------
    column : ndarray of shape (n,)
    bounds : (float, float), optional
        The least and the largest value; None or ±inf for no end. Default: the least or the largest that is there, where
        more than 5 % of the values, and at least 5, are it; else at least 0, where none is below. Of a column
        recorded to a step, an end between two steps is moved inward to the next.
    weights : ndarray of shape (n,), optional
        Above 0; a value of weight 3 is as three of them.
    name : str
        For messages.

    Raises
    ------
    ParameterError
        If the bounds mean nothing.
    DataError
        If a value lies outside them.
    """
    least, most = float(column.min()), float(column.max())
    if least == most:
        return ColumnShape(least, most, 0.0, least, 1.0)
    counts = np.ones(len(column)) if weights is None else weights
    distinct = np.unique(column)
    two = len(distinct) == 2
    step = float(most - least) if two else recorded_step(column, weights)
    if bounds is None:
        low = least if two or _many(column, least, counts) else 0.0 if least >= 0 else -math.inf
        high = most if two or _many(column, most, counts) else math.inf
    else:
        low, high = _checked(bounds, name)
        if least < low or most > high:
            outside = least if least < low else most
            raise DataError(f"{name} has the value {outside:g}, outside the bounds {low:g} to {high:g}: widen them")
    grid = ColumnShape(low, high, step, least, 1.0)
    # No value in between is one of the column's: they end where the steps within the bounds do.
    low = grid.neighbours(low)[1] if math.isfinite(low) else low
    high = grid.neighbours(high)[0] if math.isfinite(high) else high
    ends = [np.abs(column - end) for end in (low, high) if math.isfinite(end)]
    offset = max([step, *(_OFFSET * _median(away[away > 0], counts[away > 0]) for away in ends)])
    plain = ColumnShape(low, high, step, least, offset)
    if two:
        return plain
    inside = (column != low) & (column != high)
    spread = _deviation(plain.forward(column[inside]), counts[inside]) if inside.any() else 0.0
    return replace(plain, beyond=(_beyond(column, low, spread, counts), _beyond(column, high, spread, counts)))


def _many(column: Array, end: float, counts: Array) -> bool:
    """Tell whether so many values are at an end that it is one."""
    at = column == end
    # Weights may be shares: rows count for what they are, too.
    return max(at.sum(), counts[at].sum()) >= _FEWEST and bool(counts[at].sum() > _MANY * counts.sum())


def _median(values: Array, counts: Array) -> float:
    """Return the median of values of which there are so many: between the two in the middle, half way."""
    order = np.argsort(values)
    reached = np.cumsum(counts[order])
    middle = 0.5 * reached[-1]
    places = [np.searchsorted(reached, middle, side=side) for side in ("left", "right")]
    return float(values[order][np.minimum(places, len(values) - 1)].mean())


def _deviation(values: Array, counts: Array) -> float:
    """Return the standard deviation of values of which there are so many."""
    return math.sqrt(float(np.average((values - np.average(values, weights=counts)) ** 2, weights=counts)))


def _beyond(column: Array, end: float, spread: float, counts: Array) -> float:
    """Return how far values at an end are spread: by their odds, so that the density does not jump there."""
    if not _many(column, end, counts):
        return 0.0
    share = float(counts[column == end].sum() / counts.sum())
    return spread * min(max(2.0 * share / (1.0 - share), _LEAST_WIDTH), _MOST_WIDTH)


def _checked(bounds: Any, name: str) -> tuple[float, float]:
    try:
        low, high = bounds
        found = (-math.inf if low is None else float(low), math.inf if high is None else float(high))
    except (TypeError, ValueError):
        found = (math.nan, math.nan)
    if not found[0] < found[1]:
        raise ParameterError(
            f"the bounds of {name} must be two numbers, the least first, or None for no end, but got {shown(bounds)}"
        )
    return found
