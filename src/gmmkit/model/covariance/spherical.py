"""One variance for all columns: for each component (`spherical`, mclust's VII) or for all of them (EII)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError
from gmmkit.kernels import centred
from gmmkit.kernels.expanded import Features
from gmmkit.model.covariance.base import Covariance, quotient
from gmmkit.model.covariance.diagonal import along_columns, inverse_root
from gmmkit.numerics.lazy import lazy
from gmmkit.statistics import Contraction, Statistics

__all__ = ["SharedSpherical", "Spherical"]

Array = NDArray[np.float64]


def _gather_radial(z: Array, means: Array, responsibilities: Array, first: Array, second: Array) -> None:
    squares = np.zeros_like(first)
    centred.gather_diagonal(z, means, responsibilities, first, squares)
    second += squares.sum() if second.ndim == 0 else squares.sum(axis=1)


class Spherical(Covariance):
    """Variances of shape (k,), each for all `n_features` columns.

    Examples
    --------
    >>> Spherical([4.0], n_features=2).log_determinants.round(4)
    array([2.7726])
    """

    name = "spherical"
    structure = "VII"
    equivariance = "scalar"
    features = Features.RADIAL
    contraction = Contraction.SPHERICAL
    independent_columns = True
    score_centred = staticmethod(centred.score_diagonal)
    gather_centred = staticmethod(_gather_radial)

    @classmethod
    def _sizes(cls, values: Array, k: int | None, d: int | None) -> tuple[int, int]:
        if values.ndim != 1 or (k or len(values)) != len(values):
            raise ParameterError(f"spherical variances must have the shape (components,), but got {values.shape}")
        if d is None:
            raise ParameterError("spherical variances do not tell how many columns there are: give n_features")
        return len(values), d

    def dense(self) -> Array:
        return self.values[:, None, None] * np.eye(self.n_features)

    def variances(self) -> Array:
        return np.broadcast_to(self.values[:, None], (self.n_components, self.n_features))

    def colour(self, noise: Array, component: int) -> Array:
        return np.asarray(noise * np.sqrt(self.values[component]))

    def marginal(self, columns: Sequence[int]) -> Spherical:
        return Spherical(self.values, n_features=len(columns))

    def take(self, components: Sequence[int] | NDArray[np.intp]) -> Self:
        return type(self)(self.values[np.asarray(components, dtype=np.intp)], n_features=self.n_features)

    def rescaled(self, scale: Array) -> Self:
        return type(self)(self.values * scale[0] ** 2, n_features=self.n_features)

    def smallest_eigenvalues(self, pooled: Covariance | None = None) -> Array:
        return self.values if pooled is None else self.values / pooled.values

    @lazy
    def whitening(self) -> Array:
        roots = inverse_root(self.values)
        return np.broadcast_to(roots[:, None], (self.n_components, self.n_features))

    def precision_factor(self) -> Array:
        return self.whitening[:, 0]

    @lazy
    def log_determinants(self) -> Array:
        return np.asarray(self.n_features * np.log(self.values))

    def natural(self, means: Array, constants: Array) -> Array:
        precisions = self.whitening[:, :1] ** 2
        linear = means * precisions
        offset = constants - 0.5 * np.einsum("ki,ki->k", means, linear)
        return np.concatenate([offset[:, None], linear, -0.5 * precisions], axis=1)

    def kappa_squared(self, largest: Array) -> float:
        return float(largest @ largest * (self.whitening[:, 0] ** 2).max())

    @classmethod
    def moments(cls, sums: Array, shared: Array, d: int) -> Statistics:
        zeros = np.zeros((len(sums), d))
        return Statistics(cls.contraction, sums[:, 0], sums[:, 1 : 1 + d], sums[:, 1 + d], zeros)

    @classmethod
    def _maximise(cls, counts: Array, scatter: Array, previous: Array | None) -> Array:
        variances = quotient(scatter.mean(axis=-1), counts)
        return np.broadcast_to(variances[..., None], scatter.shape)

    @classmethod
    def refit(
        cls, statistics: Statistics, pseudo_scatter: Array, ridge: Array, previous: Covariance | None = None
    ) -> Self:
        d = statistics.first.shape[1]
        scatter = statistics.scatter() + pseudo_scatter
        return cls(scatter / (d * statistics.positive_counts()) + ridge[0], n_features=d)

    def as_scatter(self) -> Array:
        return np.asarray(self.values[0] * self.n_features)

    def lifted(self, smallest: float | Array, floor: float | Array) -> tuple[Self, Array]:
        low = self.values < smallest
        directions = along_columns(np.tile(np.arange(self.n_features), int(low.sum())), self.n_features)
        return type(self)(np.where(low, floor, self.values), n_features=self.n_features), directions

    def trace_products(self, pseudo_scatter: Array) -> float:
        return float((self.whitening[:, 0] ** 2).sum() * pseudo_scatter)


class SharedSpherical(Covariance):
    """One variance, shape (), for all components and columns: the structure of k-means.

    Examples
    --------
    >>> SharedSpherical(4.0, n_components=2, n_features=3).dense().shape
    (2, 3, 3)
    """

    name = "EII"
    structure = "EII"
    equivariance = "scalar"
    features = Features.LINEAR
    contraction = Contraction.SHARED
    shares_covariance = True
    independent_columns = True
    score_centred = staticmethod(centred.score_diagonal)
    gather_centred = staticmethod(_gather_radial)

    @classmethod
    def _sizes(cls, values: Array, k: int | None, d: int | None) -> tuple[int, int]:
        if values.ndim != 0 or k is None or d is None:
            raise ParameterError(
                f"a shared variance is one number with n_components and n_features, but got shape {values.shape}"
            )
        return k, d

    def dense(self) -> Array:
        return np.broadcast_to(self.values * np.eye(self.n_features), (self.n_components, *(self.n_features,) * 2))

    def variances(self) -> Array:
        return np.broadcast_to(self.values, (self.n_components, self.n_features))

    def colour(self, noise: Array, component: int) -> Array:
        return np.asarray(noise * np.sqrt(self.values))

    def marginal(self, columns: Sequence[int]) -> SharedSpherical:
        return SharedSpherical(self.values, n_components=self.n_components, n_features=len(columns))

    def take(self, components: Sequence[int] | NDArray[np.intp]) -> Self:
        return type(self)(self.values, n_components=len(components), n_features=self.n_features)

    def rescaled(self, scale: Array) -> Self:
        return type(self)(self.values * scale[0] ** 2, **self._like)

    def smallest_eigenvalues(self, pooled: Covariance | None = None) -> Array:
        ratio = self.values if pooled is None else self.values / pooled.values
        return np.full(self.n_components, float(ratio))

    @lazy
    def whitening(self) -> Array:
        return np.broadcast_to(inverse_root(self.values), (self.n_components, self.n_features))

    def precision_factor(self) -> Array:
        return np.asarray(self.whitening[0, 0])

    @lazy
    def log_determinants(self) -> Array:
        return np.full(self.n_components, self.n_features * np.log(float(self.values)))

    def natural(self, means: Array, constants: Array) -> Array:
        linear = means * self.whitening**2
        offset = constants - 0.5 * np.einsum("ki,ki->k", means, linear)
        return np.concatenate([offset[:, None], linear], axis=1)

    def row_term(self, z: Array) -> Array:
        return np.asarray(-0.5 * self.whitening[0, 0] ** 2 * np.einsum("ib,ib->b", z, z))

    def kappa_squared(self, largest: Array) -> float:
        return float(largest @ largest * self.whitening[0, 0] ** 2)

    @classmethod
    def gather_shared(cls, z: Array, responsibilities: Array, shared: Array) -> None:
        shared += np.einsum("ib,ib->b", z, z) @ responsibilities.sum(axis=0)

    @classmethod
    def moments(cls, sums: Array, shared: Array, d: int) -> Statistics:
        return Statistics(cls.contraction, sums[:, 0], sums[:, 1:], shared, np.zeros((len(sums), d)))

    @classmethod
    def _maximise(cls, counts: Array, scatter: Array, previous: Array | None) -> Array:
        variance = quotient(scatter.sum(axis=-2).mean(axis=-1), counts.sum(axis=-1))
        return np.broadcast_to(variance[..., None, None], scatter.shape)

    @classmethod
    def refit(
        cls, statistics: Statistics, pseudo_scatter: Array, ridge: Array, previous: Covariance | None = None
    ) -> Self:
        k, d = statistics.first.shape
        variance = (statistics.scatter() + k * pseudo_scatter) / (statistics.counts.sum() * d)
        return cls(variance + ridge[0], n_components=k, n_features=d)

    def as_scatter(self) -> Array:
        return np.asarray(self.values * self.n_features)

    def lifted(self, smallest: float | Array, floor: float | Array) -> tuple[Self, Array]:
        if self.values >= np.max(smallest):
            return self, np.empty((0, self.n_features))
        return type(self)(np.max(floor), **self._like), np.eye(self.n_features)

    def trace_products(self, pseudo_scatter: Array) -> float:
        return float(self.n_components * self.whitening[0, 0] ** 2 * pseudo_scatter)
