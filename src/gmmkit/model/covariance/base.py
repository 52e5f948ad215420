"""What every covariance family answers: how it scores, what it gathers, how it is refitted.

A family is a frozen value that holds all components' covariances. Nothing outside this folder asks which
family it is: a new one is a new file and one line in `catalogue.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.kernels.expanded import Features
from gmmkit.numerics.arguments import numbers
from gmmkit.numerics.lazy import lazy
from gmmkit.statistics import Contraction, Statistics

__all__ = ["Covariance", "Equivariance", "quotient"]

Array = NDArray[np.float64]
# Which maps of the data leave the family unchanged: any linear map, a scale for each column, one scale for all.
Equivariance = Literal["linear", "column", "scalar"]


class Covariance(ABC):
    """The covariances of k components in d columns, all of one family.

    Parameters
    ----------
    values : array_like
        The family's own array; its shape is the family's documented one.
    n_components, n_features : int, optional
        k and d, where the array's shape does not tell them.

    Attributes
    ----------
    name : str
        The catalogue's name, scikit-learn's ``covariance_type`` where it has one.
    structure : str
        mclust's name: for volume, shape and orientation, E if they are equal in all components, V if each has its
        own, I for spheres (shape) and axes along the columns (orientation).
    equivariance : {"linear", "column", "scalar"}
        What maps of the data leave the family unchanged.
    """

    name: ClassVar[str]
    structure: ClassVar[str]
    equivariance: ClassVar[Equivariance]
    features: ClassVar[Features]
    contraction: ClassVar[Contraction]
    #: Components share their covariance, so one well-filled component suffices for all.
    shares_covariance: ClassVar[bool] = False
    #: Columns are independent within a component, so `variances` says all: no matrix need ever be built.
    independent_columns: ClassVar[bool] = False
    #: Scores are ``Θ ψ(z)`` with `features` ψ where that is accurate.
    expands: ClassVar[bool] = True

    values: Array
    n_components: int
    n_features: int

    def __init__(self, values: ArrayLike, *, n_components: int | None = None, n_features: int | None = None) -> None:
        self._take_over(numbers("covariances", values), n_components, n_features)

    @classmethod
    def owning(cls, values: Array, *, n_components: int | None = None, n_features: int | None = None) -> Self:
        """Return covariances that take over an array of the engine's own making, without copying it."""
        covariance = cls.__new__(cls)
        covariance._take_over(values, n_components, n_features)
        return covariance

    def _take_over(self, values: Array, n_components: int | None, n_features: int | None) -> None:
        values.setflags(write=False)
        k, d = self._sizes(values, n_components, n_features)
        for attribute, value in (("values", values), ("n_components", k), ("n_features", d)):
            object.__setattr__(self, attribute, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: build a new one instead of setting {name!r}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_components} components, {self.n_features} columns)"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self) or not isinstance(other, Covariance):
            return NotImplemented
        return self._like == other._like and np.array_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        # The parameters only: factors and precisions are computed again.
        return {name: getattr(self, name) for name in ("values", "n_components", "n_features")}

    def forget(self) -> None:
        """Give back the memory of all that is computed again where it is asked for: what they rest on stays."""
        kept = {"values" if "values" in self.__dict__ else "whitening", "n_components", "n_features"}
        for name in self.__dict__.keys() - kept:
            del self.__dict__[name]

    @property
    def large(self) -> bool:
        """Whether there are matrices of a megabyte or more, of which nobody should hold more than needed."""
        return False

    def rest(self) -> None:
        """Give back the memory of large matrices that their factors tell too, while no other thread asks for them.

        It is what a state does while rows are read, as scores are made of factors. Asked for again, matrices have other
        last bits.
        """

    @property
    def _like(self) -> dict[str, int]:
        return {"n_components": self.n_components, "n_features": self.n_features}

    # --- as a value -----------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def _sizes(cls, values: Array, k: int | None, d: int | None) -> tuple[int, int]:
        """Return (k, d), or raise ParameterError when the array's shape cannot be the family's."""

    @classmethod
    def expected_shape(cls, k: int, d: int, values: Array) -> tuple[int, ...]:
        """Return the shape that values of k components in d columns must have."""
        return cls.contraction.shape(k, d)

    @classmethod
    def identity(cls, k: int, d: int) -> Self:
        """Return unit covariances for k components in d columns."""
        nothing = Statistics.empty(cls.contraction, np.zeros((k, d)))
        one_row = Statistics(cls.contraction, np.ones(k), nothing.first, nothing.second, nothing.reference)
        return cls.refit(one_row, np.zeros(cls.contraction.scatter_shape(d)), np.ones(d))

    @classmethod
    def from_dense(cls, matrices: Array) -> Self:
        """Return the covariances that these matrices (k, d, d), which the family must allow, are written out from."""
        k, d, _ = matrices.shape
        kept = cls.contraction.value.split("->")[1]
        values = matrices if "j" in kept else np.diagonal(matrices, axis1=1, axis2=2)
        if "i" not in kept:
            values = values[:, 0]
        return cls(values if "k" in kept else values[0], n_components=k, n_features=d)

    @abstractmethod
    def dense(self) -> Array:
        """Return the covariance matrices (k, d, d)."""

    def variances(self) -> Array:
        """Return the variance of each column in each component (k, d)."""
        return np.diagonal(self.dense(), axis1=1, axis2=2)

    def asymmetry(self) -> float:
        """Return the largest difference of mirrored entries: 0 for families without off-diagonal entries."""
        return 0.0

    @abstractmethod
    def colour(self, noise: Array, component: int) -> Array:
        """Turn standard normal rows (m, d) into rows of a component, mean left out."""

    @abstractmethod
    def marginal(self, columns: Sequence[int]) -> Covariance:
        """Return the covariances of some columns, in the given order."""

    @abstractmethod
    def take(self, components: Sequence[int] | NDArray[np.intp]) -> Self:
        """Return some of the components, in the given order (repeats allowed)."""

    @abstractmethod
    def rescaled(self, scale: Array) -> Self:
        """Return the covariances of the columns multiplied by `scale` (d,), which the family must allow."""

    @classmethod
    def n_parameters(cls, k: int, d: int) -> int:
        """Return the number of free covariance parameters of k components in d columns."""
        volume, shape, orientation = ({"I": 0, "E": 1, "V": k}[letter] for letter in cls.structure)
        return volume + shape * (d - 1) + orientation * d * (d - 1) // 2

    @classmethod
    def minimum_rows(cls, d: int) -> int:
        """Return how many effective rows a component needs for a covariance of its own."""
        if cls.shares_covariance:
            return 1
        return d + 1 if cls.structure[1:] == "VV" else 2

    @property
    def free_parameters(self) -> int:
        """Number of free parameters of these covariances."""
        return self.n_parameters(self.n_components, self.n_features)

    @property
    def needed_rows(self) -> int:
        """How many effective rows a component needs."""
        return self.minimum_rows(self.n_features)

    @abstractmethod
    def smallest_eigenvalues(self, pooled: Covariance | None = None) -> Array:
        """Return each component's smallest eigenvalue (k,), relative to a one-component `pooled` if given."""

    # --- as one side of a score -----------------------------------------------------------------------

    @lazy
    @abstractmethod
    def whitening(self) -> Array:
        """W with ``Wᵀ W = Σ⁻¹``: lower triangular (k, d, d), or inverse standard deviations (k, d).

        Raises
        ------
        numpy.linalg.LinAlgError
            If a covariance is not positive definite.
        """

    @abstractmethod
    def precision_factor(self) -> Array:
        """Return U with ``U Uᵀ = Σ⁻¹`` in the family's own shape (scikit-learn's ``precisions_cholesky_``)."""

    @lazy
    @abstractmethod
    def log_determinants(self) -> Array:
        """Logarithms of the determinants (k,)."""

    @abstractmethod
    def natural(self, means: Array, constants: Array) -> Array:
        """Return Θ (k, p) so that scores are Θ ψ(z) (plus `row_term`); constants are the scores at the means."""

    def row_term(self, z: Array) -> Array | None:
        """Return the part of the scores (B,) that is the same for all components and not in Θ, if any."""
        return None

    @abstractmethod
    def kappa_squared(self, largest: Array) -> float:
        """Bound the squared whitened distance from the origin for rows with ``|z| ≤ largest`` (d,)."""

    @staticmethod
    @abstractmethod
    def score_centred(z: Array, means: Array, whitening: Array, constants: Array, out: Array) -> Array:
        """Write the scores (k, B) of z (d, B) into `out`, by each component's own deviations."""

    # --- as the other side: moments and refit ---------------------------------------------------------

    @staticmethod
    @abstractmethod
    def gather_centred(z: Array, means: Array, responsibilities: Array, first: Array, second: Array) -> None:
        """Add the first and second moments about the means."""

    @classmethod
    def gather_shared(cls, z: Array, responsibilities: Array, shared: Array) -> None:
        """Add the moments that are not ``R ψᵀ`` (the scatter about the origin of shared families)."""

    @classmethod
    @abstractmethod
    def moments(cls, sums: Array, shared: Array, d: int) -> Statistics:
        """Turn ``R ψᵀ`` (k, p) and the shared second moment into statistics about the origin."""

    @classmethod
    def solve(cls, counts: Array, scatter: Array, previous: Array | None = None, *, overwrite: bool = False) -> Array:
        """Return the covariances of the family that are most likely given counts n_k and scatters W_k.

        They maximise ``−½ Σ_k [n_k log |Σ_k| + tr(W_k Σ_k⁻¹)]``; leading axes are independent problems.

        Parameters
        ----------
        counts : ndarray of shape (..., k)
        scatter : ndarray of shape (..., k, d, d), or (..., k, d) where columns are independent
        previous : ndarray of the scatter's shape, optional
            Where a family without a closed form begins: the answer of the last pass, which it never falls behind.
        overwrite : bool, default=False
            The answer may be written over the scatter: large ones take megabytes.

        Returns
        -------
        ndarray of the scatter's shape
            Never NaN. Where a scatter does not determine a covariance it is not positive definite. A component
            without rows (count and scatter 0) touches no other and gets a finite positive definite one.
        """
        empty = ~(counts > 0)
        values = cls._maximise(counts, scatter if overwrite else scatter.copy(), previous)
        if empty.any():
            values = values.copy()
            values[empty] = 1.0 if cls.independent_columns else np.eye(scatter.shape[-1])
        return values

    @classmethod
    @abstractmethod
    def _maximise(cls, counts: Array, scatter: Array, previous: Array | None) -> Array:
        """Do what `solve` says, overwriting, with anything finite for components without rows."""

    @classmethod
    def refit(
        cls, statistics: Statistics, pseudo_scatter: Array, ridge: Array, previous: Covariance | None = None
    ) -> Self:
        """Return the covariances that maximise the penalised likelihood of the statistics.

        Parameters
        ----------
        statistics : Statistics
        pseudo_scatter : ndarray
            Added to each component's scatter: contracted like one component's second moment.
        ridge : ndarray of shape (d,)
            Added to each row's scatter, so to each covariance's diagonal as scikit-learn does where the family
            allows any diagonal.
        previous : Covariance, optional
            The family's covariances of the last pass, where an iteration begins.
        """
        counts = statistics.positive_counts()
        scatter = statistics.scatter()
        scatter += pseudo_scatter
        if ridge.any():
            scatter += counts.reshape((-1,) + (1,) * (scatter.ndim - 1)) * cls._ridge_scatter(ridge)
        before = None if previous is None else previous.values
        return cls.owning(cls.solve(counts, scatter, before, overwrite=True))

    @staticmethod
    def _ridge_scatter(ridge: Array) -> Array:
        return ridge

    def violation(self) -> str | None:
        """Say which constraint of the family the values break (relative 1e-6), or None: for values of a user."""
        return None

    @abstractmethod
    def as_scatter(self) -> Array:
        """Return the contracted scatter of one row of weight 1 with the first component's covariance."""

    @abstractmethod
    def lifted(self, smallest: float | Array, floor: float | Array) -> tuple[Self, Array]:
        """Raise eigenvalues below `smallest` to `floor`.

        Parameters
        ----------
        smallest, floor : float or ndarray of shape (k,)
            For all components or for each; the largest counts where they share what is raised.

        Returns
        -------
        covariance : Covariance
        directions : ndarray of shape (m, d)
            Unit vectors of the eigenvalues that were raised, of all components.
        """

    def with_components(self, components: Sequence[int], other: Covariance) -> Self:
        """Return these covariances with some components' replaced by the first of `other`; shared ones stay."""
        if self.shares_covariance:
            return self
        values = self.values.copy()
        values[list(components)] = other.values[0]
        return self._nearest(values)

    def _nearest(self, values: Array) -> Self:
        """Return the family's covariances nearest to values that may leave it."""
        return type(self)(values, **self._like)

    @abstractmethod
    def trace_products(self, pseudo_scatter: Array) -> float:
        """Return ``Σ_k tr(S Σ_k⁻¹)`` for one component's contracted scatter S."""


def quotient(scatter: Array, sizes: Array) -> Array:
    """Return scatter / sizes, 0 where a size is not positive; sizes lack the scatter's last axes."""
    sizes = sizes.reshape(sizes.shape + (1,) * (scatter.ndim - sizes.ndim))
    return np.divide(scatter, sizes, out=np.zeros_like(scatter), where=sizes > 0)
