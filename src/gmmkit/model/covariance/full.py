"""Every component has its own covariance matrix (scikit-learn's `full`, mclust's VVV)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError
from gmmkit.kernels import centred, expanded, native
from gmmkit.kernels.expanded import Features
from gmmkit.kernels.native import full_refit
from gmmkit.model.covariance.base import Covariance, Equivariance
from gmmkit.numerics.cholesky import cholesky, inverse_lower, whitening_of
from gmmkit.numerics.lazy import lazy
from gmmkit.numerics.stacks import parts
from gmmkit.numerics.triangles import unpacked
from gmmkit.statistics import Contraction, Statistics

__all__ = ["Full"]

# Times as large as what they are compared with are eigenvalues that rounding cannot bring below it.
_FAR_ABOVE = 1e3
_LARGE = 1 << 17  # a megabyte

Array = NDArray[np.float64]


class Full(Covariance):
    """Covariance matrices of shape (k, d, d).

    Examples
    --------
    >>> Full([[[2.0, 0.5], [0.5, 1.0]]]).log_determinants.round(4)
    array([0.5596])
    """

    name = "full"
    structure = "VVV"
    equivariance: ClassVar[Equivariance] = "linear"
    features = Features.FULL
    contraction = Contraction.FULL
    score_centred = staticmethod(centred.score_matrix)
    gather_centred = staticmethod(centred.gather_matrix)

    @classmethod
    def _sizes(cls, values: Array, k: int | None, d: int | None) -> tuple[int, int]:
        if values.ndim != 3 or values.shape[1] != values.shape[2] or (k or len(values)) != len(values):
            raise ParameterError(
                f"full covariances must have the shape (components, columns, columns), but got {values.shape}"
            )
        return len(values), values.shape[1]

    @lazy
    def values(self) -> Array:
        """The matrices; made of their factors again after `rest`."""
        values = inverse_lower(self.whitening)
        for part in parts(values):
            np.matmul(part, part.transpose(0, 2, 1), out=part)
        values.setflags(write=False)
        return values

    @property
    def large(self) -> bool:
        return self.n_components * self.n_features**2 >= _LARGE

    def rest(self) -> None:
        # Structured ones stay: the next refit begins from them, and ends elsewhere from others if ill-conditioned.
        if self.large and type(self) is Full:
            self.whitening  # noqa: B018
            self.__dict__.pop("values", None)

    def dense(self) -> Array:
        return self.values

    def asymmetry(self) -> float:
        return float(np.abs(self.values - self.values.transpose(0, 2, 1)).max())

    def colour(self, noise: Array, component: int) -> Array:
        return np.asarray(noise @ self._factors[component].T)

    def marginal(self, columns: Sequence[int]) -> Covariance:
        chosen = np.asarray(columns, dtype=np.intp)
        return Full(self.values[:, chosen[:, None], chosen])

    def take(self, components: Sequence[int] | NDArray[np.intp]) -> Self:
        return self.owning(self.values[np.asarray(components, dtype=np.intp)])

    def rescaled(self, scale: Array) -> Self:
        values = self.values * scale[:, None]
        values *= scale
        return self.owning(values)

    def smallest_eigenvalues(self, pooled: Covariance | None = None) -> Array:
        return smallest_eigenvalues(self.values, pooled)

    @lazy
    def _factors(self) -> Array:
        return cholesky(self.values)  # for drawing only: a fit has no use for them beside their inverses

    @lazy
    def whitening(self) -> Array:
        return whitening_of(self.values)

    def precision_factor(self) -> Array:
        return self.whitening.transpose(0, 2, 1)

    @lazy
    def log_determinants(self) -> Array:
        return np.asarray(-2.0 * np.log(np.diagonal(self.whitening, axis1=1, axis2=2)).sum(axis=1))

    @property
    def _precisions(self) -> Array:
        return np.asarray(np.matmul(self.whitening.transpose(0, 2, 1), self.whitening))

    def natural(self, means: Array, constants: Array) -> Array:
        precisions = self._precisions
        linear = np.matmul(precisions, means[:, :, None])[:, :, 0]
        offset = constants - 0.5 * np.einsum("ki,ki->k", means, linear)
        return np.concatenate([offset[:, None], linear, expanded.pack(precisions)], axis=1)

    def kappa_squared(self, largest: Array) -> float:
        return float(np.matmul(np.matmul(self._absolute, largest), largest).max())

    @lazy
    def _absolute(self) -> Array:
        precisions = self._precisions
        return np.abs(precisions, out=precisions)

    @classmethod
    def moments(cls, sums: Array, shared: Array, d: int) -> Statistics:
        second = unpacked(sums[:, 1 + d :], d)
        return Statistics(cls.contraction, sums[:, 0], sums[:, 1 : 1 + d], second, np.zeros((len(sums), d)))

    @classmethod
    def refit(
        cls, statistics: Statistics, pseudo_scatter: Array, ridge: Array, previous: Covariance | None = None
    ) -> Self:
        # Structures that are written out as such matrices have answers of their own.
        many = statistics.first.shape[1] > full_refit.MOST_COLUMNS
        if cls is not Full or many or native.why_not() is not None:
            # Matrices that nothing constrains begin nowhere: the last pass's may rest.
            return super().refit(statistics, pseudo_scatter, ridge, None if cls is Full else previous)
        found = full_refit.refit(
            statistics.counts, statistics.positive_counts(), statistics.first, statistics.second, pseudo_scatter, ridge
        )
        covariance = cls.owning(found.covariances)
        if found.sound:
            vars(covariance).update(whitening=found.whitening, log_determinants=found.log_determinants)
        return covariance

    @classmethod
    def _maximise(cls, counts: Array, scatter: Array, previous: Array | None) -> Array:
        sizes = counts[..., None, None]
        return symmetric(np.divide(scatter, sizes, out=scatter, where=sizes > 0), overwrite=True)

    @staticmethod
    def _ridge_scatter(ridge: Array) -> Array:
        return np.diag(ridge)

    def as_scatter(self) -> Array:
        return np.asarray(self.values[0])

    def lifted(self, smallest: float | Array, floor: float | Array) -> tuple[Self, Array]:
        if surely_above(self, smallest):
            return self, np.empty((0, self.n_features))
        matrices, directions = lift(self.values, smallest, floor)
        return (self._nearest(matrices) if len(directions) else self), directions

    def trace_products(self, pseudo_scatter: Array) -> float:
        return sum(float(np.vdot(white @ pseudo_scatter, white)) for white in parts(self.whitening))


def symmetric(matrices: Array, *, overwrite: bool = False) -> Array:
    """Return matrices (…, d, d) with mirrored entries equal to the last bit; those of a stack may be written over."""
    if overwrite:
        for part in parts(matrices):
            part[...] = symmetric(part)
        return matrices
    sums = np.asarray(matrices + np.swapaxes(matrices, -1, -2))
    sums *= 0.5
    return sums


def smallest_eigenvalues(matrices: Array, pooled: Covariance | None) -> Array:
    """Return the smallest eigenvalues of matrices (k, d, d), in the metric of a one-component `pooled`."""
    white = None if pooled is None else pooled.whitening[0]
    found = [np.linalg.eigvalsh(part if white is None else white @ part @ white.T)[:, 0] for part in parts(matrices)]
    return np.concatenate(found, dtype=np.float64)


def surely_above(covariance: Covariance, smallest: float | Array) -> bool:
    """Tell whether all eigenvalues are far above `smallest`, from the factors that scores are made of in any case.

    For W Σ Wᵀ = 1, the smallest eigenvalue of Σ is at least 1 / ‖W‖².
    """
    try:
        whitening = covariance.whitening
    except np.linalg.LinAlgError:
        return False
    squares = np.einsum("kij,kij->k", whitening, whitening)
    return bool((_FAR_ABOVE * np.max(smallest) * squares < 1.0).all())


def lift(matrices: Array, smallest: float | Array, floor: float | Array) -> tuple[Array, Array]:
    """Raise eigenvalues of matrices (k, d, d) below `smallest` to `floor`; return the directions raised too."""
    eigenvalues, vectors = np.linalg.eigh(matrices)
    low = eigenvalues < np.reshape(smallest, (-1, 1))
    if not low.any():
        return matrices, np.empty((0, matrices.shape[-1]))
    added = np.where(low, np.reshape(floor, (-1, 1)) - eigenvalues, 0.0)
    lifted = matrices + np.einsum("kij,kj,klj->kil", vectors, added, vectors)
    return lifted, vectors.transpose(0, 2, 1)[low]
