"""Softmax of a block of scores, in place: scores (k, B) become responsibilities.

A row so far from everything that every score is −inf has no finite maximum; those rows are returned to the
caller, who knows the components' own metrics.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["log_normalise"]

Array = NDArray[np.float64]

# exp(−690) is 1e-300. Below exp(−708) lie the subnormal numbers, which make every later product some hundred times
# slower, and below exp(−745) nothing.
_NEGLIGIBLE = -690.0


def log_normalise(scores: Array) -> tuple[Array, NDArray[np.intp]]:
    """Turn scores into responsibilities in place and return their log normalisers.

    Parameters
    ----------
    scores : ndarray of shape (k, B)
        Log weight plus log-density. Overwritten by ``exp(score − log normaliser)``; scores more than 690
        below a row's maximum give exactly 0.

    Returns
    -------
    log_normaliser : ndarray of shape (B,)
        ``log Σ_k exp(score_k)``, −inf where no score is finite.
    lost : ndarray of int
        Rows without a finite score; their columns of `scores` hold zeros.
    """
    largest = scores.max(axis=0)
    lost = np.empty(0, dtype=np.intp)
    # The smallest of the maxima is −inf or NaN if any is; +inf cannot be.
    if not np.isfinite(largest.min()):
        lost = np.flatnonzero(~np.isfinite(largest))
        largest[lost] = 0.0
        scores[:, lost] = -np.inf
    np.subtract(scores, largest, out=scores)
    if scores.min() < _NEGLIGIBLE:
        np.copyto(scores, -np.inf, where=scores < _NEGLIGIBLE)
    np.exp(scores, out=scores)
    total = scores.sum(axis=0)
    if len(lost):
        total[lost] = 1.0
    # One division a row; multiplying k × B numbers takes half the time of dividing them.
    scores *= 1.0 / total
    np.log(total, out=total)
    total += largest
    if len(lost):
        total[lost] = -np.inf
    return total, lost
