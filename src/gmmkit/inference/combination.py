"""Linear combinations of what passes add up to: extrapolations, and means that forget.

Statistics form a linear space, which parameters do not: whatever the covariance family, one refit makes parameters of
them. Combinations with coefficients below 0 may be of no rows at all (`EM.sound` tells).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.problem import Totals
from gmmkit.statistics import Compact, Statistics

__all__ = ["Remembered", "combined"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is kept of a pass while others are made: of many columns, half of what it added up to."""

    statistics: Compact
    leaves: tuple[Array, ...]

    @classmethod
    def of(cls, totals: Totals) -> Self:
        return cls(Compact.of(totals.statistics), totals.leaves)


def combined(parts: Sequence[Totals | Remembered], coefficients: Sequence[float]) -> Totals:
    """Return ``Σ_i c_i T_i``, about the points that the last part is about.

    Row sums are of different mixtures: that of a combination is NaN.

    Parameters
    ----------
    parts : sequence of Totals or Remembered
    coefficients : sequence of float
    """
    last = parts[-1].statistics
    total = Statistics.empty(last.contraction, last.reference)
    for part, coefficient in zip(parts, coefficients, strict=True):
        # Each about the same points, near its means: differences about a far origin would have no digits.
        total.add(part.statistics, coefficient)
    leaves = tuple(
        np.asarray(sum(c * leaf for c, leaf in zip(coefficients, same, strict=True)))
        for same in zip(*(part.leaves for part in parts), strict=True)
    )
    return Totals(total, float("nan"), leaves)
