"""A Gaussian mixture as a value.

    p(x) = Σ_k w_k N(x; μ_k, Σ_k)

Frozen, closed under its operations (marginals, conditionals, affine maps and merges are mixtures), built from
known parameters without any fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.data import Table
from gmmkit.errors import ParameterError
from gmmkit.model.covariance import Covariance, family
from gmmkit.model.scorer import Scorer
from gmmkit.model.validity import check_parameters
from gmmkit.numerics.frame import Frame, power_of_two
from gmmkit.numerics.streams import Seed, generator

if TYPE_CHECKING:
    from gmmkit.model.compare import Estimate
    from gmmkit.model.conditioning import Conditional

__all__ = ["Mixture"]

Array = NDArray[np.float64]
Rows = ArrayLike | Table


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of k Gaussians in d columns.

    Parameters
    ----------
    weights : array_like of shape (k,)
        Non-negative, summing to 1.
    means : array_like of shape (k, d)
    covariance : Covariance
        ``Full(…)``, ``Tied(…)``, ``Diagonal(…)`` or ``Spherical(…)``: a family says what the array means.

    Raises
    ------
    ParameterError
        If weights are negative or do not sum to 1, shapes disagree, a value is not finite, or a covariance is
        not positive definite (the message names the component and its smallest eigenvalue).

    Examples
    --------
    >>> from gmmkit.model.covariance import Full
    >>> m = Mixture([0.5, 0.5], [[0.0], [4.0]], Full([[[1.0]], [[1.0]]]))
    >>> m.posterior([[0.0], [2.0]]).round(3)
    array([[1. , 0. ],
           [0.5, 0.5]])
    """

    weights: Array
    means: Array
    covariance: Covariance

    def __post_init__(self) -> None:
        weights, means = (np.array(a, dtype=np.float64) for a in (self.weights, self.means))
        check_parameters(weights, means, self.covariance)
        for name, array in (("weights", weights), ("means", means)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def trusted(cls, weights: Array, means: Array, covariance: Covariance) -> Self:
        """Return a mixture without checking anything: for parameters that a fit has just produced."""
        mixture = object.__new__(cls)
        for name, value in (("weights", weights), ("means", means), ("covariance", covariance)):
            object.__setattr__(mixture, name, value)
        return mixture

    @classmethod
    def from_arrays(
        cls, weights: ArrayLike, means: ArrayLike, covariances: ArrayLike, *, covariance_type: str = "full"
    ) -> Self:
        """Build a mixture from scikit-learn's arrays.

        Parameters
        ----------
        weights : array_like of shape (k,)
        means : array_like of shape (k, d)
        covariances : array_like
            (k, d, d) for "full", (d, d) for "tied", (k, d) for "diag", (k,) for "spherical".
        covariance_type : str, default="full"

        Examples
        --------
        >>> Mixture.from_arrays([1.0], [[0.0, 0.0]], [[1.0, 4.0]], covariance_type="diag").covariance_matrix()
        array([[1., 0.],
               [0., 4.]])
        """
        means = np.array(means, dtype=np.float64)
        if means.ndim != 2:
            raise ParameterError(f"means must have the shape (components, columns), but got {means.shape}")
        k, d = means.shape
        expected = family(covariance_type).contraction.shape(k, d)
        if np.shape(covariances) != expected:
            raise ParameterError(
                f"{covariance_type} covariances for means of shape {means.shape} must have the shape {expected}, "
                f"but got {np.shape(covariances)}"
            )
        covariance = family(covariance_type)(covariances, n_components=k, n_features=d)
        return cls(np.asarray(weights, dtype=np.float64), means, covariance)

    def __getstate__(self) -> dict[str, Any]:
        # The parameters only: what was computed from them is computed again.
        return {name: self.__dict__[name] for name in ("weights", "means", "covariance")}

    # --- what it is -----------------------------------------------------------------------------------

    @property
    def n_components(self) -> int:
        """Number of components, k."""
        return len(self.weights)

    @property
    def n_features(self) -> int:
        """Number of columns, d."""
        return int(self.means.shape[1])

    @property
    def covariance_type(self) -> str:
        """The name of the covariance family."""
        return self.covariance.name

    @property
    def covariances(self) -> Array:
        """The covariances in the family's own shape (scikit-learn's ``covariances_``)."""
        return self.covariance.values

    @property
    def n_parameters(self) -> int:
        """Number of free parameters: weights, means and covariances."""
        k, d = self.means.shape
        return int(k - 1 + k * d + self.covariance.n_parameters(k, d))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mixture):
            return NotImplemented
        same = np.array_equal(self.weights, other.weights) and np.array_equal(self.means, other.means)
        return same and self.covariance == other.covariance

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Mixture({self.n_components} components, {self.n_features} columns, {self.covariance_type})"

    def mean(self) -> Array:
        """Return the mean of the mixture (d,): ``Σ w_k μ_k``."""
        return self.weights @ self.means

    def covariance_matrix(self) -> Array:
        """Return the covariance of the mixture (d, d): within plus between components."""
        deviations = self.means - self.mean()
        within = np.einsum("k,kij->ij", self.weights, self.covariance.dense())
        return np.asarray(within + (self.weights[:, None] * deviations).T @ deviations)

    # --- frames ---------------------------------------------------------------------------------------

    @cached_property
    def frame(self) -> Frame:
        """The frame in which the mixture is near the origin and near unit size."""
        shift = self.mean()
        spread = np.abs(self.means - shift).max(axis=0)
        spread = np.maximum(spread, np.sqrt(self.covariance.variances().max(axis=0)))
        if self.covariance.equivariance == "scalar":
            spread = np.full_like(spread, spread.max())
        return Frame(shift, power_of_two(spread))

    @cached_property
    def scorer(self) -> Scorer:
        """The mixture made ready to score rows, in its own frame."""
        framed = self.into(self.frame)
        with np.errstate(divide="ignore"):
            log_weights = np.log(framed.weights)
        unshifted = Frame(np.zeros(self.n_features), self.frame.scale)
        exact = Scorer(log_weights, self.means * self.frame.scale, framed.covariance, unshifted, centred=True)
        return Scorer(log_weights, framed.means, framed.covariance, self.frame, exact=exact)

    def into(self, frame: Frame) -> Mixture:
        """Return this mixture in the coordinates of a frame."""
        covariance = self.covariance.rescaled(frame.scale)
        return Mixture.trusted(self.weights, frame.points_in(self.means), covariance)

    def out_of(self, frame: Frame) -> Mixture:
        """Return this mixture, given in a frame's coordinates, in the data's."""
        covariance = self.covariance.rescaled(1.0 / frame.scale)
        return Mixture.trusted(self.weights, frame.points_out(self.means), covariance)

    # --- rows -----------------------------------------------------------------------------------------

    def log_density(self, rows: Rows, *, n_jobs: int | None = None) -> Array:
        """Return ``log p(x)`` for each row (n, d): an array (n,), in nats.

        −inf only where the log-density itself leaves float64 (rows some 1e154 standard deviations away).
        """
        from gmmkit.model.evaluation import evaluate

        return evaluate(self, rows, "log_density", n_jobs=n_jobs)

    def component_log_density(self, rows: Rows, *, n_jobs: int | None = None) -> Array:
        """Return ``log N(x; μ_k, Σ_k)`` (n, k) for each row and component, weights left out."""
        from gmmkit.model.evaluation import evaluate

        return evaluate(self, rows, "component_log_density", n_jobs=n_jobs)

    def posterior(self, rows: Rows, *, n_jobs: int | None = None) -> Array:
        """Return the probability of each component given each row (n, k); rows sum to 1, however far they are."""
        from gmmkit.model.evaluation import evaluate

        return evaluate(self, rows, "posterior", n_jobs=n_jobs)

    def classify(self, rows: Rows, *, n_jobs: int | None = None) -> NDArray[np.intp]:
        """Return the most probable component of each row (n,)."""
        from gmmkit.model.evaluation import classify

        return classify(self, rows, n_jobs=n_jobs)

    def sample(self, n_rows: int = 1, *, seed: Seed = None) -> tuple[Array, NDArray[np.intp]]:
        """Draw rows.

        Parameters
        ----------
        n_rows : int, default=1
        seed : int, SeedSequence, Generator or None
            The same seed gives the same rows.

        Returns
        -------
        rows : ndarray of shape (n_rows, d)
        components : ndarray of shape (n_rows,)
            Which component each row came from; rows come grouped by component, as in scikit-learn.
        """
        if not isinstance(n_rows, Integral) or n_rows < 1:
            raise ParameterError(f"n_rows must be a whole number of at least 1, but got {n_rows!r}")
        random = generator(seed)
        counts = random.multinomial(n_rows, self.weights / self.weights.sum())
        components = np.repeat(np.arange(self.n_components), counts)
        rows = random.standard_normal((n_rows, self.n_features))
        scaled = self.into(self.frame)
        start = 0
        for j, count in enumerate(counts):
            rows[start : start + count] = scaled.covariance.colour(rows[start : start + count], j) + scaled.means[j]
            start += count
        return self.frame.points_out(rows), components

    # --- other mixtures -------------------------------------------------------------------------------

    def take(self, components: Sequence[int] | NDArray[np.intp]) -> Mixture:
        """Return the mixture of some of the components, weights renormalised."""
        chosen = np.asarray(components, dtype=np.intp)
        weights = self.weights[chosen]
        return Mixture.trusted(weights / weights.sum(), self.means[chosen], self.covariance.take(chosen))

    def marginal(self, columns: Sequence[int]) -> Mixture:
        """Return the distribution of some columns, in the given order."""
        from gmmkit.model.conditioning import marginal

        return marginal(self, columns)

    def condition(self, given: Mapping[int, float]) -> Mixture:
        """Return the distribution of the other columns when these take the given values."""
        from gmmkit.model.conditioning import Conditional

        return Conditional(self, list(given)).mixture(list(given.values()))

    def conditional(self, given: Sequence[int]) -> Conditional:
        """Prepare the distribution of the other columns given these, to be asked at many rows."""
        from gmmkit.model.conditioning import Conditional

        return Conditional(self, given)

    def affine(self, matrix: ArrayLike, offset: ArrayLike | None = None) -> Mixture:
        """Return the distribution of ``A x + b`` for A (q, d) of full row rank and b (q,)."""
        from gmmkit.model.affine import affine

        return affine(self, matrix, offset)

    def merge_components(self, groups: Sequence[Sequence[int]]) -> Mixture:
        """Return the mixture with each group of components replaced by one of the same weight, mean and covariance."""
        from gmmkit.model.compare import merge_components

        return merge_components(self, groups)

    # --- numbers about it -----------------------------------------------------------------------------

    def entropy(self, *, n_samples: int = 10_000, seed: Seed = 0) -> Estimate:
        """Estimate the differential entropy ``−E log p(x)``, in nats, with its standard error."""
        from gmmkit.model.compare import entropy

        return entropy(self, n_samples=n_samples, seed=seed)

    def kl(self, other: Mixture, *, n_samples: int = 10_000, seed: Seed = 0) -> Estimate:
        """Estimate the Kullback–Leibler divergence from this mixture to another, in nats, with its standard error."""
        from gmmkit.model.compare import kl

        return kl(self, other, n_samples=n_samples, seed=seed)

    def cdf(self, values: ArrayLike) -> Array:
        """Return the distribution function at `values`, for a mixture of one column."""
        from gmmkit.model.quantiles import cdf

        return cdf(self, values)

    def quantile(self, probabilities: ArrayLike) -> Array:
        """Return the values below which the given probabilities lie, for a mixture of one column."""
        from gmmkit.model.quantiles import quantile

        return quantile(self, probabilities)

    def highest_density_level(self, probability: float, *, n_samples: int = 100_000, seed: Seed = 0) -> Estimate:
        """Return the log-density above which lies the given share of the probability (Hyndman 1996)."""
        from gmmkit.model.regions import highest_density_level

        return highest_density_level(self, probability, n_samples=n_samples, seed=seed)

    def highest_density_region(self, probability: float) -> list[tuple[float, float]]:
        """Return the smallest set of intervals that holds the given probability, for a mixture of one column."""
        from gmmkit.model.regions import highest_density_region

        return highest_density_region(self, probability)
