"""Diagonal covariances constrained together: one for all (EEI), equal shapes (VEI), equal volumes (EVI).

Celeux & Govaert (1995), models [λB], [λ_k B] and [λB_k].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError
from gmmkit.kernels import centred
from gmmkit.kernels.expanded import Features
from gmmkit.model.covariance.base import Covariance, quotient
from gmmkit.model.covariance.diagonal import Diagonal, along_columns, inverse_root
from gmmkit.model.covariance.structured import Structured, geometric_mean, proportional
from gmmkit.numerics.lazy import lazy
from gmmkit.statistics import Contraction, Statistics

__all__ = ["EEI", "EVI", "VEI", "equal_volumes"]

Array = NDArray[np.float64]


def _gather_shared(z: Array, means: Array, responsibilities: Array, first: Array, second: Array) -> None:
    squares = np.zeros_like(first)
    centred.gather_diagonal(z, means, responsibilities, first, squares)
    second += squares.sum(axis=0)


class EEI(Covariance):
    """Variances of shape (d,) for all `n_components` components.

    Examples
    --------
    >>> EEI([4.0, 1.0], n_components=3).variances().shape
    (3, 2)
    """

    name = structure = "EEI"
    equivariance = "column"
    features = Features.LINEAR
    contraction = Contraction.SHARED_DIAGONAL
    shares_covariance = True
    independent_columns = True
    score_centred = staticmethod(centred.score_diagonal)
    gather_centred = staticmethod(_gather_shared)

    @classmethod
    def _sizes(cls, values: Array, k: int | None, d: int | None) -> tuple[int, int]:
        if values.ndim != 1 or k is None:
            raise ParameterError(
                f"shared variances must have the shape (columns,) and go with n_components, but got {values.shape}"
            )
        return k, len(values)

    def dense(self) -> Array:
        return np.broadcast_to(np.diag(self.values), (self.n_components, *(self.n_features,) * 2))

    def variances(self) -> Array:
        return np.broadcast_to(self.values, (self.n_components, self.n_features))

    def colour(self, noise: Array, component: int) -> Array:
        return np.asarray(noise * np.sqrt(self.values))

    def marginal(self, columns: Sequence[int]) -> EEI:
        return EEI(self.values[np.asarray(columns, dtype=np.intp)], n_components=self.n_components)

    def take(self, components: Sequence[int] | NDArray[np.intp]) -> Self:
        return type(self)(self.values, n_components=len(components))

    def rescaled(self, scale: Array) -> Self:
        return type(self)(self.values * scale * scale, n_components=self.n_components)

    def smallest_eigenvalues(self, pooled: Covariance | None = None) -> Array:
        ratio = self.values if pooled is None else self.values / pooled.values
        return np.full(self.n_components, float(ratio.min()))

    @lazy
    def whitening(self) -> Array:
        return np.broadcast_to(inverse_root(self.values), (self.n_components, self.n_features))

    def precision_factor(self) -> Array:
        return np.asarray(self.whitening[0])

    @lazy
    def log_determinants(self) -> Array:
        return np.full(self.n_components, np.log(self.values).sum())

    def natural(self, means: Array, constants: Array) -> Array:
        linear = means * self.whitening**2
        offset = constants - 0.5 * np.einsum("ki,ki->k", means, linear)
        return np.concatenate([offset[:, None], linear], axis=1)

    def row_term(self, z: Array) -> Array:
        white = z * self.whitening[0][:, None]
        return np.asarray(-0.5 * np.einsum("ib,ib->b", white, white))

    def kappa_squared(self, largest: Array) -> float:
        return float(self.whitening[0] ** 2 @ largest**2)

    @classmethod
    def gather_shared(cls, z: Array, responsibilities: Array, shared: Array) -> None:
        shared += (z * z) @ responsibilities.sum(axis=0)

    @classmethod
    def moments(cls, sums: Array, shared: Array, d: int) -> Statistics:
        return Statistics(cls.contraction, sums[:, 0], sums[:, 1:], shared, np.zeros((len(sums), d)))

    @classmethod
    def _maximise(cls, counts: Array, scatter: Array, previous: Array | None) -> Array:
        shared = quotient(scatter.sum(axis=-2), counts.sum(axis=-1))
        return np.broadcast_to(shared[..., None, :], scatter.shape)

    @classmethod
    def refit(
        cls, statistics: Statistics, pseudo_scatter: Array, ridge: Array, previous: Covariance | None = None
    ) -> Self:
        k = len(statistics.counts)
        variances = (statistics.scatter() + k * pseudo_scatter) / statistics.counts.sum()
        return cls(variances + ridge, n_components=k)

    def as_scatter(self) -> Array:
        return self.values

    def lifted(self, smallest: float | Array, floor: float | Array) -> tuple[Self, Array]:
        low = self.values < np.max(smallest)
        lifted = type(self)(np.where(low, np.max(floor), self.values), n_components=self.n_components)
        return lifted, along_columns(np.flatnonzero(low), self.n_features)

    def trace_products(self, pseudo_scatter: Array) -> float:
        return self.n_components * float(self.whitening[0] ** 2 @ pseudo_scatter)


class VEI(Structured, Diagonal):
    """Variances ``λ_k a_j`` of shape (k, d): ellipsoids of equal shape, each of its own size.

    Examples
    --------
    >>> VEI.solve(np.array([2.0, 2.0]), np.array([[2.0, 8.0], [8.0, 32.0]])).round(6)
    array([[ 1.,  4.],
           [ 4., 16.]])
    """

    name = structure = "VEI"

    def marginal(self, columns: Sequence[int]) -> VEI:
        return VEI(self.values[:, np.asarray(columns, dtype=np.intp)])

    @classmethod
    def _maximise(cls, counts: Array, scatter: Array, previous: Array | None) -> Array:
        volumes = None if previous is None else geometric_mean(np.maximum(previous, 0.0))
        return proportional(counts, np.maximum(scatter, 0.0), volumes)


class EVI(Structured, Diagonal):
    """Variances of shape (k, d) with the same product in every component: ellipsoids of equal volume.

    Examples
    --------
    >>> EVI.solve(np.array([1.0, 1.0]), np.array([[1.0, 4.0], [16.0, 4.0]])).round(6)
    array([[ 2.5, 10. ],
           [10. ,  2.5]])
    """

    name = structure = "EVI"

    @classmethod
    def _maximise(cls, counts: Array, scatter: Array, previous: Array | None) -> Array:
        return equal_volumes(counts, np.maximum(scatter, 0.0))


def equal_volumes(counts: Array, spread: Array) -> Array:
    """Return the most likely variances (..., k, d) along axes with scatters w_kj: ``λ w_kj / v_k``.

    ``v_k = (Π_j w_kj)^(1/d)`` and ``λ = Σ_k v_k / n``.
    """
    volumes = geometric_mean(spread)
    return np.asarray(quotient(spread, volumes) * (volumes.sum(axis=-1) / counts.sum(axis=-1))[..., None, None])
