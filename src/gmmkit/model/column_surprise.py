"""How surprising each value of a row is, given the others: less the conditional log-density, beside the highest.

    surprise_j(x) = max log p(· | x₋ⱼ) − log p(x_j | x₋ⱼ)

Every column's conditional comes from one product with each component's precision P = Σ⁻¹: with g = P (x − μ),
δ the squared distance of x and ν degrees of freedom,

    δ₋ⱼ = δ − g_j² / P_jj        log |Σ₋ⱼ| = log |Σ| + log P_jj
    x_j | x₋ⱼ  ~  t_{ν+d−1}(x_j − g_j / P_jj,  s / P_jj),        s = (ν + δ₋ⱼ) / (ν + d − 1)

(of the Gaussian: Lauritzen, Graphical Models, 1996, appendix C; of the t: Ding 2016, see `conditioning.py`). Beside
its own peak, the conditional of a column that is innocent stays unsurprised where another has put it far from all.

Where columns S are left out, what P = Wᵀ W becomes of the columns L that stay is Wᴸᵀ (1 − Q Qᵀ) Wᴸ, with Q R = Wˢ, and
log |Σᴸ| = log |Σ| + 2 log |R|: no matrix is factored again, whichever columns they are.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from gmmkit.model.covariance import Diagonal
from gmmkit.model.mixture import Mixture

__all__ = ["ColumnConditionals"]

Array = NDArray[np.float64]

# Values that are held at once: 8 MB.
_AT_ONCE = 1 << 20
_NOTHING, _NEGLIGIBLE = 1e-300, 1e-3


class ColumnConditionals:
    """The distribution of each single column given all others, prepared to be asked at many rows.

    Parameters
    ----------
    mixture : Mixture
        Of t components, in d columns whose values have squares.

    Examples
    --------
    >>> from gmmkit.model.covariance import Full
    >>> together = Full([[[1.0, 0.9], [0.9, 1.0]]])
    >>> m = Mixture([1.0], [[0.0, 0.0]], together, degrees_of_freedom=[30.0])
    >>> ColumnConditionals(m).surprise(np.array([[2.0, 2.0], [2.0, -2.0]])).round(1)
    array([[ 0.1,  0.1],
           [18.8, 18.8]])
    """

    def __init__(self, mixture: Mixture) -> None:
        assert mixture.degrees_of_freedom is not None
        k, d = mixture.n_components, mixture.n_features
        self._weights, self._degrees = mixture.weights, mixture.degrees_of_freedom
        # Inverses of Cholesky factors: Σ⁻¹ = Wᵀ W.
        whitening = mixture.covariance.whitening.reshape(k, d, d)
        self._settle(mixture.means, whitening, mixture.covariance.log_determinants)

    def without(self, columns: Sequence[int]) -> ColumnConditionals:
        """Return the same of the mixture's marginal in all but some columns, whose rows lack them."""
        left = np.delete(np.arange(self._means.shape[1]), columns)
        basis, triangle = np.linalg.qr(self._whitening[:, :, list(columns)])
        whitening = self._whitening[:, :, left]
        whitening -= basis @ (basis.transpose(0, 2, 1) @ whitening)
        lost = 2.0 * np.log(np.abs(np.diagonal(triangle, axis1=1, axis2=2))).sum(axis=1)
        part = copy.copy(self)
        part._settle(self._means[:, left], whitening, self._log_determinants + lost)
        return part

    def _settle(self, means: Array, whitening: Array, log_determinants: Array) -> None:
        """Set d columns: means (k, d), W (k, m, d) with Wᵀ W = Σ⁻¹, and log |Σ| (k,)."""
        d, nu = means.shape[1], self._degrees
        self._means, self._whitening, self._log_determinants = means, whitening, log_determinants
        self._own = (whitening**2).sum(axis=1)  # P_jj (k, d)
        rest = nu + d - 1.0
        self._nu, self._rest = nu[:, None, None], rest[:, None, None]
        volumes = log_determinants[:, None] + np.log(self._own)
        peaks = gammaln(0.5 * rest) - gammaln(0.5 * nu) - 0.5 * (d - 1) * np.log(np.pi * nu)
        self._log_peaks = np.log(np.maximum(self._weights, _NOTHING))[:, None] + peaks[:, None] - 0.5 * volumes
        self._offset = (gammaln(0.5 * (rest + 1.0)) - gammaln(0.5 * rest) - 0.5 * np.log(np.pi * rest))[:, None, None]

    def surprise(self, rows: Array) -> Array:
        """Return the surprise (n, d), at least 0, in nats, of each value of rows (n, d)."""
        surprise = np.empty(rows.shape)
        few = max(1, _AT_ONCE // self._means.size)
        for start in range(0, len(rows), few):
            surprise[start : start + few] = self._surprise(rows[start : start + few])
        return surprise

    def at(self, row: Array, column: int) -> Mixture:
        """Return the distribution of one column given the other values of a row (d,): a mixture of one column."""
        log_weights, centres, squares = (values[:, 0, column] for values in self._conditionals(row[None]))
        weights = np.exp(log_weights - log_weights.max())
        # What holds less than a thousandth changes no region that is told of.
        held = weights > _NEGLIGIBLE * weights.sum()
        weights = weights[held] / weights[held].sum()
        return Mixture.trusted(
            weights, centres[held, None], Diagonal(squares[held, None]), np.ascontiguousarray(self._rest[held, 0, 0])
        )

    def _conditionals(self, rows: Array) -> tuple[Array, Array, Array]:
        """Return log weights, up to a constant for each row and column, centres and squared scales, (k, n, d)."""
        white = (rows - self._means[:, None]) @ self._whitening.transpose(0, 2, 1)
        gradient = white @ self._whitening
        distances = (white**2).sum(axis=2)[:, :, None] - gradient**2 / self._own[:, None]
        distances = np.maximum(distances, 0.0) / self._nu  # δ₋ⱼ / ν
        log_weights = self._log_peaks[:, None] - 0.5 * self._rest * np.log1p(distances)
        centres = rows - gradient / self._own[:, None]
        return log_weights, centres, self._nu * (1.0 + distances) / self._rest / self._own[:, None]

    def _surprise(self, rows: Array) -> Array:
        log_weights, centres, squares = self._conditionals(rows)
        peaks = log_weights - log_weights.max(axis=0) + self._offset - 0.5 * np.log(squares)

        def log_density(values: Array) -> Array:
            scores = np.square(values - centres)
            scores /= self._rest * squares
            np.log1p(scores, out=scores)
            scores *= -0.5 * (self._rest + 1.0)
            scores += peaks
            highest = scores.max(axis=0)
            return np.asarray(highest + np.log(np.exp(scores - highest).sum(axis=0)))

        # The highest point lies at, or next to, where one of the components has its own.
        highest = np.max([log_density(centre) for centre in centres], axis=0)
        return np.asarray(np.maximum(highest - log_density(rows), 0.0))
