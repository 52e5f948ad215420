"""Low-rank covariances, of factor analysers: a few factors that columns share, and noise that each has for itself.

    x = μ_k + Λ_k f + e,    f ~ N(0, I_q),  e ~ N(0, Ψ_k)        Σ_k = Λ_k Λ_kᵀ + Ψ_k

Nothing of columns × columns is formed but by `dense`: with ``Ψ^−½ Λ = U S``, ``log |Σ| = Σ log ψ + Σ log (1 + s²)``,
and distances by Woodbury's identity (`kernels/factor.py`). What noise may be is said by a family of independent
columns: own variances (VVI), the same in all components (EEI: Ghahramani & Hinton), one variance each (VII:
probabilistic principal components, Tipping & Bishop), one for all (EII).

Sources: Ghahramani & Hinton, "The EM algorithm for mixtures of factor analyzers" (1996); Tipping & Bishop, "Mixtures
of probabilistic principal component analysers", Neural Computation 11 (1999); McNicholas & Murphy, "Parsimonious
Gaussian mixture models", Statistics and Computing 18 (2008), table 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import ParameterError
from gmmkit.kernels import centred, factor
from gmmkit.kernels.expanded import Features
from gmmkit.model.covariance.axis_aligned import EEI
from gmmkit.model.covariance.base import Covariance, Equivariance
from gmmkit.model.covariance.diagonal import Diagonal
from gmmkit.model.covariance.spherical import SharedSpherical, Spherical
from gmmkit.numerics.arguments import numbers
from gmmkit.numerics.lazy import lazy
from gmmkit.statistics import Contraction, Statistics

__all__ = ["FACTORS", "LOW_RANK", "EqualNoiseFactor", "Factor", "IsotropicFactor", "SharedNoiseFactor"]

Array = NDArray[np.float64]


class Factor(Covariance):
    """Loadings and noise variances, side by side: values of shape (k, d, q + 1), the last column Ψ.

    Loadings say the same after any rotation of the factors; `canonical` chooses one.

    Attributes
    ----------
    loadings : ndarray of shape (k, d, q)
        Λ.
    noise : ndarray of shape (k, d)
        The diagonals of Ψ.

    Examples
    --------
    >>> c = Factor.of([[[2.0], [1.0]]], [[1.0, 0.5]])
    >>> c.dense()
    array([[[5. , 2. ],
            [2. , 1.5]]])
    >>> c.log_determinants.round(4), np.log(5 * 1.5 - 2 * 2).round(4)
    (array([1.2528]), np.float64(1.2528))
    """

    name = "factor-VVI"
    structure = "VVI"
    equivariance: ClassVar[Equivariance] = "column"
    #: What noise alone may be.
    noise_family: ClassVar[type[Covariance]] = Diagonal
    features = Features.DIAGONAL
    contraction = Contraction.DIAGONAL
    expands = False
    score_centred = staticmethod(factor.score_factors)
    gather_centred = staticmethod(centred.gather_diagonal)

    @classmethod
    def of(cls, loadings: ArrayLike, noise: ArrayLike) -> Self:
        """Return the covariances of loadings (k, d, q) and noise variances (k, d).

        Raises
        ------
        ParameterError
            If the shapes do not agree.
        """
        loaded, own = numbers("loadings", loadings), numbers("noise", noise)
        if loaded.ndim != 3 or own.shape != loaded.shape[:2]:
            raise ParameterError(
                "loadings must have the shape (components, columns, factors) and noise (components, columns), "
                f"but got {loaded.shape} and {own.shape}"
            )
        return cls.owning(np.concatenate([loaded, own[:, :, None]], axis=2))

    @classmethod
    def _sizes(cls, values: Array, k: int | None, d: int | None) -> tuple[int, int]:
        if values.ndim != 3 or not values.shape[2] or (k or len(values)) != len(values):
            raise ParameterError(
                "factor covariances must have the shape (components, columns, factors + 1), loadings and then noise "
                f"variances, but got {values.shape}"
            )
        return len(values), values.shape[1]

    @classmethod
    def expected_shape(cls, k: int, d: int, values: Array) -> tuple[int, ...]:
        # Any number of factors will do.
        return k, d, max(values.shape[2], 1) if values.ndim == 3 else 2

    @property
    def n_factors(self) -> int:
        """Number of factors, q."""
        return int(self.values.shape[2]) - 1

    @property
    def loadings(self) -> Array:
        """Λ (k, d, q)."""
        return self.values[:, :, :-1]

    @property
    def noise(self) -> Array:
        """The diagonals of Ψ (k, d)."""
        return self.values[:, :, -1]

    def noise_covariance(self) -> Covariance:
        """Return Ψ as covariances of its own family."""
        kept = self.noise_family.contraction.value.split("->")[1]
        values = self.noise if "i" in kept else self.noise[:, 0]
        return self.noise_family(values if "k" in kept else values[0], **self._like)

    def canonical(self) -> Self:
        """Return the same covariances with factors in order: ``Λᵀ Ψ⁻¹ Λ`` diagonal, the largest first.

        Of each factor the loading that is largest beside its noise is positive.
        """
        loadings = self.axes * (np.sqrt(self.noise)[:, :, None] * np.sqrt(self.squares)[:, None, :])
        largest = np.take_along_axis(self.axes, np.abs(self.axes).argmax(axis=1)[:, None, :], axis=1)
        return self.of(np.where(largest < 0, -loadings, loadings), self.noise)

    def dense(self) -> Array:
        matrices: Array = self.loadings @ self.loadings.transpose(0, 2, 1)
        columns = np.arange(self.n_features)
        matrices[:, columns, columns] += self.noise
        return matrices

    def variances(self) -> Array:
        return np.asarray(np.einsum("kiq,kiq->ki", self.loadings, self.loadings) + self.noise)

    def communalities(self) -> Array:
        """Return the share of each column's variance that factors explain (k, d)."""
        return np.asarray(1.0 - self.noise / self.variances())

    def colour(self, noise: Array, component: int) -> Array:
        # A square root of Σ, symmetric in the metric of Ψ: Ψ^½ (1 + U (√(1 + S²) − 1) Uᵀ).
        axes = self.axes[component]
        grown = np.sqrt(1.0 + self.squares[component]) - 1.0
        return np.asarray((noise + (noise @ axes * grown) @ axes.T) * np.sqrt(self.noise[component]))

    def marginal(self, columns: Sequence[int]) -> Covariance:
        return type(self)(self.values[:, np.asarray(columns, dtype=np.intp)])

    def take(self, components: Sequence[int] | NDArray[np.intp]) -> Self:
        return self.owning(self.values[np.asarray(components, dtype=np.intp)])

    def rescaled(self, scale: Array) -> Self:
        values = self.values * scale[:, None]
        values[:, :, -1] *= scale
        return self.owning(values)

    @classmethod
    def n_parameters(cls, k: int, d: int, n_factors: int = 0) -> int:
        own = d * n_factors - n_factors * (n_factors - 1) // 2  # less what rotations of factors leave unchanged
        return cls.noise_family.n_parameters(k, d) + k * own

    @property
    def free_parameters(self) -> int:
        return self.n_parameters(self.n_components, self.n_features, self.n_factors)

    @property
    def needed_rows(self) -> int:
        # As many directions besides the mean as there are factors.
        return self.n_factors + self.noise_family.minimum_rows(self.n_features)

    def smallest_eigenvalues(self, pooled: Covariance | None = None) -> Array:
        """Return each component's smallest noise variance (k,): no eigenvalue of the covariance is smaller."""
        noise = self.noise if pooled is None else self.noise / pooled.variances()
        return np.asarray(noise.min(axis=1))

    def violation(self) -> str | None:
        own = self.noise
        shared = (own[:1] if self.structure[0] == "E" else own, own[:, :1] if self.structure[1] == "I" else own)
        for expected, what in zip(shared, ("in all components", "in all columns"), strict=True):
            if not np.allclose(own, expected, rtol=1e-6, atol=0.0):
                return f"noise variances are not the same {what}"
        return None

    # --- as one side of a score -----------------------------------------------------------------------

    @lazy
    def _decomposed(self) -> tuple[Array, Array]:
        if not (self.noise > 0).all():
            raise np.linalg.LinAlgError("noise variance is not positive")
        axes, roots, _ = np.linalg.svd(self.loadings / np.sqrt(self.noise)[:, :, None], full_matrices=False)
        q = self.n_factors
        if axes.shape[2] < q:  # more factors than columns
            axes = np.concatenate([axes, np.zeros((*axes.shape[:2], q - axes.shape[2]))], axis=2)
            roots = np.pad(roots, ((0, 0), (0, q - roots.shape[1])))
        return axes, roots * roots

    @property
    def axes(self) -> Array:
        """U (k, d, q): directions of the factors in the metric of the noise."""
        return self._decomposed[0]

    @property
    def squares(self) -> Array:
        """s² (k, q): variances along `axes` beyond the noise's 1, in decreasing order."""
        return self._decomposed[1]

    @lazy
    def projections(self) -> Array:
        """β (k, q, d): factor means are ``β (x − μ)``, of the canonical factors."""
        weights = np.sqrt(self.squares) / (1.0 + self.squares)
        largest = np.take_along_axis(self.axes, np.abs(self.axes).argmax(axis=1)[:, None, :], axis=1)
        signed = np.where(largest < 0, -self.axes, self.axes) * weights[:, None, :]
        return np.asarray((signed / np.sqrt(self.noise)[:, :, None]).transpose(0, 2, 1))

    @lazy
    def whitening(self) -> Array:
        """What distances are made of, (k, 1 + q, d + 1): see `kernels.factor.packed_whitening`."""
        return factor.packed_whitening(self.noise, self.axes, self.squares)

    def precision_factor(self) -> Array:
        """Return U with ``U Uᵀ = Σ⁻¹``, (k, d, d)."""
        shrunk = 1.0 - 1.0 / np.sqrt(1.0 + self.squares)
        white = np.eye(self.n_features) - (self.axes * shrunk[:, None, :]) @ self.axes.transpose(0, 2, 1)
        return np.asarray(white / np.sqrt(self.noise)[:, :, None])

    @lazy
    def log_determinants(self) -> Array:
        self._decomposed  # noqa: B018 (raises where noise is not positive)
        return np.asarray(np.log(self.noise).sum(axis=1) + np.log1p(self.squares).sum(axis=1))

    def natural(self, means: Array, constants: Array) -> Array:
        raise TypeError("factor covariances have no expanded form (expands is False)")

    def kappa_squared(self, largest: Array) -> float:
        # Σ⁻¹ is nowhere larger than Ψ⁻¹.
        return float((largest**2 / self.noise).sum(axis=1).max())

    # --- as the other side ----------------------------------------------------------------------------

    @classmethod
    def moments(cls, sums: Array, shared: Array, d: int) -> Statistics:
        return Diagonal.moments(sums, shared, d)

    @classmethod
    def _maximise(cls, counts: Array, scatter: Array, previous: Array | None) -> Array:
        return cls.noise_family.solve(counts, scatter, overwrite=True)

    @classmethod
    def refit(
        cls, statistics: Statistics, pseudo_scatter: Array, ridge: Array, previous: Covariance | None = None
    ) -> Self:
        """Return the most likely covariances given variances alone: they have no factors.

        What fits factors gathers more (`inference/factor_analysis.py`).
        """
        values = Diagonal.refit(statistics, pseudo_scatter, ridge).values
        return cls.owning(cls._maximise(np.ones(len(values)), values, None)[:, :, None])

    def as_scatter(self) -> Array:
        return np.asarray(self.variances()[0])

    def lifted(self, smallest: float | Array, floor: float | Array) -> tuple[Self, Array]:
        noise, directions = self.noise_covariance().lifted(smallest, floor)
        return self.of(self.loadings, noise.variances()), directions

    def trace_products(self, pseudo_scatter: Array) -> float:
        shrunk = self.squares / (1.0 + self.squares)
        diagonal = (1.0 - np.einsum("kiq,kq,kiq->ki", self.axes, shrunk, self.axes)) / self.noise
        return float((diagonal * pseudo_scatter).sum())


class SharedNoiseFactor(Factor):
    """Factors of each component's own, and one noise variance for each column (Ghahramani & Hinton 1996)."""

    name = "factor-EEI"
    structure = "EEI"
    noise_family = EEI


class IsotropicFactor(Factor):
    """Factors, and one noise variance for each component: probabilistic principal components."""

    name = "factor-VII"
    structure = "VII"
    equivariance: ClassVar[Equivariance] = "scalar"
    noise_family = Spherical


class EqualNoiseFactor(Factor):
    """Factors of each component's own, and one noise variance for all."""

    name = "factor-EII"
    structure = "EII"
    equivariance: ClassVar[Equivariance] = "scalar"
    noise_family = SharedSpherical


#: Low-rank families by the structure of their noise.
FACTORS: dict[str, type[Any]] = {
    cls.structure: cls for cls in (Factor, SharedNoiseFactor, IsotropicFactor, EqualNoiseFactor)
}
#: The same by the names that callers give, which stand for no family until a number of factors is known.
LOW_RANK: dict[str, type[Any]] = {"factor": Factor, **{cls.name: cls for cls in FACTORS.values()}}
