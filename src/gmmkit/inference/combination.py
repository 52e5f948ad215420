"""Linear combinations of what passes add up to: extrapolations, and means that forget.

Statistics form a linear space, which parameters do not: whatever the covariance family, one refit makes parameters of
them. Combinations with coefficients below 0 may be of no rows at all (`EM.sound` tells).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gmmkit.inference.problem import Totals

__all__ = ["combined"]


def combined(parts: Sequence[Totals], coefficients: Sequence[float]) -> Totals:
    """Return ``Σ_i c_i T_i``, about the points that the last part is about.

    Row sums are of different mixtures: that of a combination is NaN.

    Parameters
    ----------
    parts : sequence of Totals
    coefficients : sequence of float
    """
    reference = parts[-1].statistics.reference
    # Each about the same points, near its means: differences about a far origin would have no digits.
    moved = [part.statistics.about(reference).scaled(c) for part, c in zip(parts, coefficients, strict=True)]
    total = moved[0]
    for statistics in moved[1:]:
        total = total + statistics
    leaves = tuple(
        np.asarray(sum(c * leaf for c, leaf in zip(coefficients, same, strict=True)))
        for same in zip(*(part.leaves for part in parts), strict=True)
    )
    return Totals(replace(total, reference=reference), float("nan"), leaves)
