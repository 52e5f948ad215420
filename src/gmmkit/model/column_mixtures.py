"""One mixture for each column by itself: marginals that were fitted as such, of one column each.

    log p_j(x_j) = log Σ_k w_jk t_ν(x_j; μ_jk, σ²_jk)        j = 1 … d

Where there are too few rows for a joint density in many columns, marginals still tell what is unusual.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gmmkit.kernels.student import peak_offsets
from gmmkit.numerics.logsumexp import log_normalise

__all__ = ["ColumnMixtures", "largest"]

Array = NDArray[np.float64]

_LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True, slots=True, eq=False)
class ColumnMixtures:
    """Mixtures of k components for each of d columns.

    Attributes
    ----------
    weights : ndarray of shape (d, k)
        Each row sums to 1.
    means : ndarray of shape (d, k)
    variances : ndarray of shape (d, k)
        Of t components their squared scales.
    degrees_of_freedom : float, default=inf
        ν of all components; infinity is the Gaussian.

    Examples
    --------
    >>> columns = ColumnMixtures(np.ones((2, 1)), np.array([[0.0], [1.0]]), np.ones((2, 1)))
    >>> columns.log_density(np.array([[0.0, 1.0]])).round(3)
    array([[-0.919, -0.919]])
    """

    weights: Array
    means: Array
    variances: Array
    degrees_of_freedom: float = float("inf")

    def log_density(self, rows: Array) -> Array:
        """Return the log-density of each value of rows (n, d) under its column's own mixture (n, d)."""
        n, d = rows.shape
        nu = self.degrees_of_freedom
        with np.errstate(divide="ignore"):
            peaks = np.log(self.weights) - 0.5 * (_LOG_2PI + np.log(self.variances))
        if np.isfinite(nu):
            peaks = peaks + peak_offsets(np.array([nu]), 1)[0]
        scores = np.empty((self.weights.shape[1], n, d))
        for j in range(len(scores)):
            score = scores[j]
            np.subtract(rows, self.means[:, j], out=score)
            np.square(score, out=score)
            if np.isfinite(nu):
                score /= nu * self.variances[:, j]
                np.log1p(score, out=score)
                score *= -0.5 * (nu + 1.0)
            else:
                score /= -2.0 * self.variances[:, j]
            score += peaks[:, j]
        return log_normalise(scores.reshape(len(scores), -1))[0].reshape(n, d)

    def principal(self, share: float) -> ColumnMixtures:
        """Return the largest components alone, of each column as many as hold this share; the others weigh nothing."""
        chosen = np.zeros(self.weights.shape, dtype=bool)
        for own, taken in zip(self.weights, chosen, strict=True):
            taken[largest(own, share)] = True
        return self.holding(chosen)

    def holding(self, chosen: NDArray[np.bool_]) -> ColumnMixtures:
        """Return the chosen components (d, k) alone; the others weigh nothing."""
        weights = np.where(chosen, self.weights, 0.0)
        return replace(self, weights=weights / weights.sum(axis=1, keepdims=True))


def largest(weights: Array, share: float) -> NDArray[np.intp]:
    """Return which are the largest of weights (k,), as few as hold this share of their sum.

    Examples
    --------
    >>> largest(np.array([0.1, 0.5, 0.4]), 0.8)
    array([1, 2])
    """
    order = np.argsort(-weights, kind="stable")
    held = np.cumsum(weights[order])
    # Rounding must not ask for one more.
    needed = int(np.searchsorted(held, share * held[-1] * (1.0 - 1e-12))) + 1
    return np.sort(order[:needed])
