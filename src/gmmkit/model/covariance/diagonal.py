"""Every component has its own variance for each column (scikit-learn's `diag`, mclust's VVI)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError
from gmmkit.kernels import centred
from gmmkit.kernels.expanded import Features
from gmmkit.model.covariance.base import Covariance, quotient
from gmmkit.numerics.lazy import lazy
from gmmkit.statistics import Contraction, Statistics

__all__ = ["Diagonal"]

Array = NDArray[np.float64]


class Diagonal(Covariance):
    """Variances of shape (k, d).

    Examples
    --------
    >>> Diagonal([[4.0, 1.0]]).whitening
    array([[0.5, 1. ]])
    """

    name = "diag"
    structure = "VVI"
    equivariance = "column"
    features = Features.DIAGONAL
    contraction = Contraction.DIAGONAL
    independent_columns = True
    score_centred = staticmethod(centred.score_diagonal)
    gather_centred = staticmethod(centred.gather_diagonal)

    @classmethod
    def _sizes(cls, values: Array, k: int | None, d: int | None) -> tuple[int, int]:
        if values.ndim != 2 or (k or len(values)) != len(values):
            raise ParameterError(
                f"diagonal covariances must have the shape (components, columns), but got {values.shape}"
            )
        return len(values), values.shape[1]

    def dense(self) -> Array:
        return self.values[:, :, None] * np.eye(self.n_features)

    def variances(self) -> Array:
        return self.values

    def colour(self, noise: Array, component: int) -> Array:
        return np.asarray(noise * np.sqrt(self.values[component]))

    def marginal(self, columns: Sequence[int]) -> Covariance:
        return Diagonal(self.values[:, np.asarray(columns, dtype=np.intp)])

    def take(self, components: Sequence[int] | NDArray[np.intp]) -> Self:
        return type(self)(self.values[np.asarray(components, dtype=np.intp)])

    def rescaled(self, scale: Array) -> Self:
        return type(self)(self.values * scale * scale)

    def smallest_eigenvalues(self, pooled: Covariance | None = None) -> Array:
        return np.asarray((self.values if pooled is None else self.values / pooled.values).min(axis=1))

    @lazy
    def whitening(self) -> Array:
        return inverse_root(self.values)

    def precision_factor(self) -> Array:
        return self.whitening

    @lazy
    def log_determinants(self) -> Array:
        return np.asarray(np.log(self.values).sum(axis=1))

    def natural(self, means: Array, constants: Array) -> Array:
        precisions = self.whitening**2
        linear = means * precisions
        offset = constants - 0.5 * np.einsum("ki,ki->k", means, linear)
        return np.concatenate([offset[:, None], linear, -0.5 * precisions], axis=1)

    def kappa_squared(self, largest: Array) -> float:
        return float((self.whitening**2 @ largest**2).max())

    @classmethod
    def moments(cls, sums: Array, shared: Array, d: int) -> Statistics:
        zeros = np.zeros((len(sums), d))
        return Statistics(cls.contraction, sums[:, 0], sums[:, 1 : 1 + d], sums[:, 1 + d :], zeros)

    @classmethod
    def _maximise(cls, counts: Array, scatter: Array, previous: Array | None) -> Array:
        return quotient(scatter, counts)

    def as_scatter(self) -> Array:
        return np.asarray(self.values[0])

    def lifted(self, smallest: float | Array, floor: float | Array) -> tuple[Self, Array]:
        low = self.values < np.reshape(smallest, (-1, 1))
        raised = np.where(low, np.reshape(floor, (-1, 1)), self.values)
        return self._nearest(raised), along_columns(np.nonzero(low)[1], self.n_features)

    def trace_products(self, pseudo_scatter: Array) -> float:
        return float((self.whitening**2 * pseudo_scatter).sum())


def along_columns(columns: NDArray[np.intp], d: int) -> Array:
    """Return unit vectors (m, d) along some columns."""
    vectors = np.zeros((len(columns), d))
    vectors[np.arange(len(columns)), columns] = 1.0
    return vectors


def inverse_root(variances: Array) -> Array:
    """Return 1 / √variance, or raise LinAlgError where a variance is not positive."""
    if not (variances > 0).all():
        raise np.linalg.LinAlgError("variance is not positive")
    return np.asarray(1.0 / np.sqrt(variances))
