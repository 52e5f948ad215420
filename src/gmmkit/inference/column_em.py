"""EM for one mixture of each column, all columns in the same array operations.

    scores = Θ [1, z, z²]      softmax column by column      sums = R [1, z, z²]ᵀ      refit

with the conjugate prior of a variance (Fraley & Raftery 2007): ``σ² = (W + λ) / (n_k + ν + 2)`` with ν = 3 and
λ = k⁻², in units where a column's spread is 1. Values lie within some hundreds of that, so that no digits are lost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.model.column_mixtures import ColumnMixtures

__all__ = ["column_start", "fit_columns"]

Array = NDArray[np.float64]

_LOG_2PI = float(np.log(2.0 * np.pi))
_EXPONENT = 5.0
_NOTHING = 1e-300  # of a component that holds no value
# Columns whose scores are worked on together: they stay in a core's second cache.
_TOGETHER = 1 << 17


def column_start(z: Array, k: int) -> ColumnMixtures:
    """Return k components of each column of z (n, d), at its quantiles: no value far away has one of its own."""
    means = np.quantile(z, (np.arange(k) + 0.5) / k, axis=0).T
    same = np.full(means.shape, 1.0 / k)
    return ColumnMixtures(same, np.ascontiguousarray(means), same / k)


def fit_columns(z: Array, start: ColumnMixtures, kept: Array, *, passes: int, tol: float = 1e-5) -> ColumnMixtures:
    """Make passes of EM from a start.

    Parameters
    ----------
    z : ndarray of shape (n, d)
    start : ColumnMixtures
        Of d columns; Gaussian.
    kept : ndarray of shape (n, d)
        What each value counts: 0 or 1.
    passes : int
        At most.
    tol : float
        Gain of the mean log-likelihood below which a column is done.

    Returns
    -------
    ColumnMixtures
    """
    n, d = z.shape
    k = start.weights.shape[1]
    weights, means, variances = start.weights.copy(), start.means.copy(), start.variances.copy()
    few = max(1, _TOGETHER // (n * k))
    for first in range(0, d, few):
        own = slice(first, first + few)
        values = np.ascontiguousarray(z[:, own].T)
        psi = np.stack([np.ones_like(values), values, values * values], axis=1)
        _run(psi, np.ascontiguousarray(kept[:, own].T), weights[own], means[own], variances[own], passes, tol)
    return ColumnMixtures(weights, means, variances)


def _run(psi: Array, kept: Array, weights: Array, means: Array, variances: Array, passes: int, tol: float) -> None:
    """Make passes over some columns (c, 3, n), writing their parameters (c, k) in place."""
    k = weights.shape[1]
    total = np.maximum(kept.sum(axis=1), 1.0)
    before = np.full(len(kept), -np.inf)
    for _ in range(passes):
        constants = np.log(np.maximum(weights, _NOTHING))
        constants -= 0.5 * (_LOG_2PI + np.log(variances) + means * means / variances)
        scores = np.stack([constants, means / variances, -0.5 / variances], axis=2) @ psi
        highest = scores.max(axis=1)
        scores -= highest[:, None]
        np.exp(scores, out=scores)
        sums = scores.sum(axis=1)
        scores *= (kept / sums)[:, None]
        moments = scores @ psi.transpose(0, 2, 1)
        counts = moments[:, :, 0]
        held = counts > 0
        weights[:] = counts / total[:, None]
        means[held] = moments[:, :, 1][held] / counts[held]
        scatter = np.maximum(moments[:, :, 2] - counts * means * means, 0.0)
        variances[:] = (scatter + k**-2.0) / (counts + _EXPONENT)
        objective = ((np.log(sums) + highest) * kept).sum(axis=1) / total
        if (objective - before < tol).all():
            return
        before = objective
