"""All components share one covariance matrix (scikit-learn's `tied`, mclust's EEE)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError
from gmmkit.kernels import centred
from gmmkit.kernels.expanded import Features
from gmmkit.model.covariance.base import Covariance, quotient
from gmmkit.model.covariance.full import lift, smallest_eigenvalues, surely_above, symmetric
from gmmkit.numerics.cholesky import cholesky, whitening_of
from gmmkit.numerics.lazy import lazy
from gmmkit.statistics import Contraction, Statistics

__all__ = ["Tied"]

Array = NDArray[np.float64]


class Tied(Covariance):
    """One covariance matrix of shape (d, d) for `n_components` components.

    Examples
    --------
    >>> Tied([[2.0, 0.5], [0.5, 1.0]], n_components=3).dense().shape
    (3, 2, 2)
    """

    name = "tied"
    structure = "EEE"
    equivariance = "linear"
    features = Features.LINEAR
    contraction = Contraction.TIED
    shares_covariance = True
    score_centred = staticmethod(centred.score_matrix)
    gather_centred = staticmethod(centred.gather_matrix)

    @classmethod
    def _sizes(cls, values: Array, k: int | None, d: int | None) -> tuple[int, int]:
        if values.ndim != 2 or values.shape[0] != values.shape[1]:
            raise ParameterError(f"a tied covariance must have the shape (columns, columns), but got {values.shape}")
        if k is None:
            raise ParameterError("a tied covariance does not tell how many components share it: give n_components")
        return k, len(values)

    def dense(self) -> Array:
        return np.broadcast_to(self.values, (self.n_components, *self.values.shape))

    def asymmetry(self) -> float:
        return float(np.abs(self.values - self.values.T).max())

    def colour(self, noise: Array, component: int) -> Array:
        return np.asarray(noise @ self._factor.T)

    def marginal(self, columns: Sequence[int]) -> Tied:
        return Tied(self.values[np.ix_(columns, columns)], n_components=self.n_components)

    def take(self, components: Sequence[int] | NDArray[np.intp]) -> Self:
        return type(self)(self.values, n_components=len(components))

    def rescaled(self, scale: Array) -> Self:
        return type(self)(self.values * scale[:, None] * scale, n_components=self.n_components)

    def smallest_eigenvalues(self, pooled: Covariance | None = None) -> Array:
        return np.broadcast_to(smallest_eigenvalues(self.values[None], pooled), (self.n_components,))

    @lazy
    def _factor(self) -> Array:
        return np.asarray(cholesky(self.values[None])[0])  # for drawing only

    @lazy
    def whitening(self) -> Array:
        return np.broadcast_to(whitening_of(self.values[None])[0], (self.n_components, *self.values.shape))

    def precision_factor(self) -> Array:
        return np.asarray(self.whitening[0].T)

    @lazy
    def log_determinants(self) -> Array:
        return np.full(self.n_components, -2.0 * np.log(np.diagonal(self.whitening[0])).sum())

    @lazy
    def _precision(self) -> Array:
        return np.asarray(self.whitening[0].T @ self.whitening[0])

    def natural(self, means: Array, constants: Array) -> Array:
        linear = means @ self._precision
        offset = constants - 0.5 * np.einsum("ki,ki->k", means, linear)
        return np.concatenate([offset[:, None], linear], axis=1)

    def row_term(self, z: Array) -> Array:
        white = centred.triangular_product(self.whitening[0], z, np.empty_like(z))
        return np.asarray(-0.5 * np.einsum("ib,ib->b", white, white))

    def kappa_squared(self, largest: Array) -> float:
        return float(largest @ np.abs(self._precision) @ largest)

    @classmethod
    def gather_shared(cls, z: Array, responsibilities: Array, shared: Array) -> None:
        weighted = z * np.sqrt(responsibilities.sum(axis=0))
        shared += weighted @ weighted.T

    @classmethod
    def moments(cls, sums: Array, shared: Array, d: int) -> Statistics:
        return Statistics(cls.contraction, sums[:, 0], sums[:, 1:], shared, np.zeros((len(sums), d)))

    @classmethod
    def _maximise(cls, counts: Array, scatter: Array, previous: Array | None) -> Array:
        shared = symmetric(quotient(scatter.sum(axis=-3), counts.sum(axis=-1)))
        return np.broadcast_to(shared[..., None, :, :], scatter.shape)

    @classmethod
    def refit(
        cls, statistics: Statistics, pseudo_scatter: Array, ridge: Array, previous: Covariance | None = None
    ) -> Self:
        k = len(statistics.counts)
        covariance = (statistics.scatter() + k * pseudo_scatter) / statistics.counts.sum()
        covariance[np.diag_indices_from(covariance)] += ridge
        return cls.owning(symmetric(covariance), n_components=k)

    def as_scatter(self) -> Array:
        return self.values

    def lifted(self, smallest: float | Array, floor: float | Array) -> tuple[Self, Array]:
        if surely_above(self, smallest):
            return self, np.empty((0, self.n_features))
        matrices, directions = lift(self.values[None], np.max(smallest), np.max(floor))
        return type(self)(matrices[0], n_components=self.n_components), directions

    def trace_products(self, pseudo_scatter: Array) -> float:
        return self.n_components * float(np.einsum("ij,ij->", self._precision, pseudo_scatter))
