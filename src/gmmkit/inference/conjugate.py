"""The conjugate prior of Gaussian mixtures: normal–inverse-Wishart for each component, Dirichlet for the weights.

    μ_k | Σ_k ~ N(μ, Σ_k / κ)        Σ_k ~ inverse Wishart(ν, Λ)        w ~ Dirichlet(α, …, α)

A prior is rows that were never seen: κ of them stand at μ in every component, the scatter grows by Λ and the count
by ν + d + 2, and then the family's own refit finds the most probable covariances:

    mean      (n_k x̄_k + κ μ) / (n_k + κ)
    scatter   W_k + κ n_k / (κ + n_k) (x̄_k − μ)(x̄_k − μ)ᵀ + Λ

What is added to the count follows from what the prior is a prior of (Fraley & Raftery 2007, "Bayesian regularization
for normal mixture estimation and model-based clustering", Journal of Classification 24, 155–181): a matrix has an
inverse Wishart with exponent ν + d + 1; where columns are independent each variance has an inverse gamma (ν/2, λ/2)
with exponent ν + 2; a sphere's only variance has one of those, shared by its d columns. Each mean adds 1 more. A
covariance that components share has one prior, not k of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import ParameterError
from gmmkit.inference.problem import Problem
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.arguments import number, numbers
from gmmkit.statistics import Statistics

__all__ = ["Conjugate", "ConjugatePrior"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ConjugatePrior:
    """Normal–inverse-Wishart prior of each component and Dirichlet prior of the weights, in the data's units.

    Defaults are those of Fraley & Raftery (2007): weak, and enough to keep components from collapsing.

    Parameters
    ----------
    mean : array-like of shape (d,), optional
        μ. Default: the mean of the data.
    shrinkage : float, default=0.01
        κ, the number of rows that μ counts for in each component. 0: no prior for the means.
    degrees_of_freedom : float, optional
        ν > d − 1. Default: d + 2.
    scale : float, array-like of shape (d,) or (d, d), optional
        Λ, or its diagonal, or one number for all of it; families with one variance use the mean of its diagonal.
        Default: the pooled covariance of the data, projected on the family, divided by k^(2/d).
    concentration : float, default=1.0
        α of the Dirichlet distribution: a component's weight is ``(n_k + α − 1) / (n + k (α − 1))``. Below 1, a
        component that holds fewer than 1 − α rows is dropped.

    Notes
    -----
    As F&R's, with two differences that keep the prior as equivariant as the family: where columns are independent
    the default scale has each column's own variance (theirs: the mean of all), and a covariance is divided by n
    (theirs: n − 1). Families between two of theirs take the prior of the larger. If the weights of the rows are
    shares that sum to less than the number of rows, the prior counts in rows still.

    Examples
    --------
    >>> ConjugatePrior(scale=[1.0, 4.0]).scale
    (1.0, 4.0)
    """

    mean: Any = None
    shrinkage: float = 0.01
    degrees_of_freedom: float | None = None
    scale: Any = None
    concentration: float = 1.0

    def __post_init__(self) -> None:
        # Plain numbers and tuples, so that priors can be compared, hashed and written to a file.
        for name, dimensions in (("mean", (1,)), ("scale", (0, 1, 2))):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _numbers(value, name, dimensions))
        object.__setattr__(self, "shrinkage", number("shrinkage", self.shrinkage, least=0))
        object.__setattr__(self, "concentration", number("concentration", self.concentration, above=0))
        if self.degrees_of_freedom is not None:
            degrees = number("degrees_of_freedom", self.degrees_of_freedom, above=0)
            object.__setattr__(self, "degrees_of_freedom", degrees)

    def framed(self, problem: Problem) -> Conjugate:
        """Return the prior in a problem's frame, for its family."""
        d, family, frame = problem.n_columns, problem.family, problem.frame
        # A matrix, a variance for each column, or one variance.
        free = len(family.contraction.scatter_shape(d))
        if self.mean is not None and len(self.mean) != d:
            raise ParameterError(f"the prior's mean has {len(self.mean)} numbers, but the data have {d} columns")
        nu = d + 2.0 if self.degrees_of_freedom is None else float(self.degrees_of_freedom)
        if not d - 1 < nu < np.inf:
            raise ParameterError(
                f"degrees_of_freedom must be above the number of columns less one, {d - 1}, but got {nu:g}"
            )
        rows = 1.0 / problem.rows_per_weight
        spread = problem.spread / d if free == 0 else problem.spread
        scatter = spread if self.scale is None else _contracted(_matrix(self.scale, d), frame.scale, free)
        return Conjugate(
            mean=frame.points_in(problem.surveyed.mean if self.mean is None else np.array(self.mean)),
            shrinkage=rows * self.shrinkage,
            mean_exponent=rows if self.shrinkage else 0.0,
            exponent=rows * {2: nu + d + 1.0, 1: nu + 2.0, 0: (nu + 2.0) / d}[free],
            scatter=rows * scatter,
            power=2.0 / d if self.scale is None else 0.0,
            shared=family.shares_covariance,
            log_volume=frame.log_volume,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Conjugate:
    """A conjugate prior of means and covariances in a problem's frame, as what is added to statistics.

    Its log-density, up to what no parameter changes, is

        −½ Σ_k [a log |Σ_k| + tr(Λ Σ_k⁻¹) + κ (μ_k − μ)ᵀ Σ_k⁻¹ (μ_k − μ)].

    Attributes
    ----------
    mean : ndarray of shape (d,)
    shrinkage : float
        κ, in units of weight.
    mean_exponent : float
        What the prior of a component's mean adds to its count.
    exponent : float
        What the prior of a covariance adds to the count; of all components together where they share theirs.
    scatter : ndarray
        Λ of one component, contracted.
    power : float
        Λ is divided by ``k**power``.
    shared : bool
    log_volume : float
        The frame's, so that the log-density is that of the data's units.
    """

    mean: Array
    shrinkage: float
    mean_exponent: float
    exponent: float
    scatter: Array
    power: float
    shared: bool
    log_volume: float

    def informed(self, statistics: Statistics) -> Statistics:
        """Return the statistics about the most probable means, with the prior's rows counted in."""
        k = len(statistics.counts)
        if self.shrinkage:
            offset = self.mean - statistics.reference
            seen = np.full(k, self.shrinkage)
            second = statistics.contraction(self.shrinkage * offset, offset)
            unseen = replace(statistics, counts=seen, first=self.shrinkage * offset, second=second)
            centred = (statistics + unseen).about((statistics + unseen).means())
        else:
            centred = statistics.about(statistics.means())
        return replace(centred, counts=statistics.counts + self.added(k), first=np.zeros_like(centred.first))

    def added(self, k: int) -> float:
        """Return what is added to the count of each of k components."""
        return self.mean_exponent + self.exponent / (k if self.shared else 1)

    def pseudo_scatter(self, k: int) -> Array:
        """Return Λ of each of k components, or its k-th part where they share their covariance."""
        return np.asarray(self.scatter / k**self.power / (k if self.shared else 1))

    def log_density(self, state: Mixture) -> float:
        """Return the log-density of a state in the frame, up to a constant of the family and the data."""
        covariance, k = state.covariance, state.n_components
        volumes = covariance.log_determinants - 2.0 * self.log_volume
        total = self.added(k) * float(volumes.sum()) + covariance.trace_products(self.pseudo_scatter(k))
        distances = np.empty((k, 1))
        covariance.score_centred(self.mean[:, None], state.means, covariance.whitening, np.zeros(k), distances)
        return -0.5 * total + self.shrinkage * float(distances.sum())


def _numbers(value: ArrayLike, name: str, dimensions: tuple[int, ...]) -> Any:
    array = numbers(f"the prior's {name}", value)
    if array.ndim not in dimensions or not np.isfinite(array).all():
        shapes = {0: "a number", 1: "an array (d,)", 2: "an array (d, d)"}
        raise ParameterError(
            f"the prior's {name} must be finite: {' or '.join(shapes[ndim] for ndim in dimensions)}, but got {value!r}"
        )
    listed = array.tolist()
    if array.ndim == 2:
        return tuple(map(tuple, listed))
    return tuple(listed) if array.ndim else listed


def _matrix(scale: Any, d: int) -> Array:
    array = np.array(scale, dtype=np.float64)
    if any(size != d for size in array.shape):
        raise ParameterError(f"the prior's scale has the shape {array.shape}, but the data have {d} columns")
    matrix = array if array.ndim == 2 else np.diag(np.broadcast_to(array, d))
    if not np.array_equal(matrix, matrix.T) or not np.linalg.eigvalsh(matrix)[0] > 0:
        raise ParameterError(f"the prior's scale must be symmetric and positive definite, but got {scale!r}")
    return matrix


def _contracted(matrix: Array, scale: Array, free: int) -> Array:
    framed = matrix * scale[:, None] * scale
    if free == 2:
        return np.asarray(framed)
    return np.diagonal(framed) if free == 1 else np.asarray(np.diagonal(framed).mean())
