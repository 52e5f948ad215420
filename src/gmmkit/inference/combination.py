"""Linear combinations of what passes add up to: extrapolations, and means that forget.

Statistics form a linear space, which parameters do not: whatever the covariance family, one refit makes parameters of
them. Combinations with coefficients below 0 may be of no rows at all (`EM.sound` tells).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.problem import Totals
from gmmkit.numerics.stacks import spans
from gmmkit.statistics import Statistics

__all__ = ["combined"]

Array = NDArray[np.float64]


def combined(parts: Sequence[Totals], coefficients: Sequence[float]) -> Totals:
    """Return ``Σ_i c_i T_i``, about the points that the last part is about.

    Row sums are of different mixtures: that of a combination is NaN.

    Parameters
    ----------
    parts : sequence of Totals
    coefficients : sequence of float
    """
    reference = parts[-1].statistics.reference
    total = Statistics.empty(parts[-1].statistics.contraction, reference)
    for part, coefficient in zip(parts, coefficients, strict=True):
        # Each about the same points, near its means: differences about a far origin would have no digits.
        moved = part.statistics.about(reference)
        for sums, more in ((total.counts, moved.counts), (total.first, moved.first), (total.second, moved.second)):
            _add(sums, more, coefficient)
    leaves = tuple(
        np.asarray(sum(c * leaf for c, leaf in zip(coefficients, same, strict=True)))
        for same in zip(*(part.leaves for part in parts), strict=True)
    )
    return Totals(total, float("nan"), leaves)


def _add(sums: Array, more: Array, factor: float) -> None:
    """Add ``factor · more`` to contiguous sums of the same shape, in place: of many columns copies take megabytes."""
    flat, others = sums.reshape(-1), more.reshape(-1)
    for here in spans(flat):
        flat[here] += factor * others[here]
