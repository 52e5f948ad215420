"""A mixture as a value: of Gaussians, or of Student-t components; with a uniform background, or without.

    p(x) = Σ_k w_k N(x; μ_k, Σ_k)        p(x) = Σ_k w_k t_ν_k(x; μ_k, Σ_k)        … + w₀ / V

Frozen, closed under its operations (marginals, conditionals, affine maps and merges are mixtures), built from
known parameters without any fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.data import Table
from gmmkit.errors import ParameterError
from gmmkit.model.covariance import Covariance, family
from gmmkit.model.noise import Noise
from gmmkit.model.scorer import Scorer
from gmmkit.model.tails import check_moments, excess_spread
from gmmkit.model.validity import check_parameters, checked_degrees, refuse_noise
from gmmkit.numerics.frame import Frame, power_of_two
from gmmkit.numerics.streams import Seed, generator

if TYPE_CHECKING:
    from gmmkit.model.compare import Estimate
    from gmmkit.model.conditioning import Conditional

__all__ = ["Mixture"]

Array = NDArray[np.float64]
Rows = ArrayLike | Table

_PARAMETERS = ("weights", "means", "covariance", "degrees_of_freedom", "noise")


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of k Gaussians, or Student-t components, in d columns.

    Parameters
    ----------
    weights : array_like of shape (k,)
        Non-negative, summing to 1; with noise, to 1 less the noise's weight.
    means : array_like of shape (k, d)
    covariance : Covariance
        ``Full(…)``, ``Tied(…)``, ``Diagonal(…)`` or ``Spherical(…)``: a family says what the array means.
    degrees_of_freedom : array_like of shape (k,) or float, optional
        ν_k, positive, of Student-t components; `covariance` then holds their scales Σ_k, and a component's own
        covariance is ``ν / (ν − 2)`` times its scale. Infinity is the Gaussian. None: all are Gaussian.
    noise : Noise, optional
        A uniform background.

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
    degrees_of_freedom: Array | None = None
    noise: Noise | None = None

    def __post_init__(self) -> None:
        arrays = {name: np.array(getattr(self, name), dtype=np.float64) for name in ("weights", "means")}
        check_parameters(arrays["weights"], arrays["means"], self.covariance, self.noise)
        if self.degrees_of_freedom is not None:
            arrays["degrees_of_freedom"] = checked_degrees(self.degrees_of_freedom, len(arrays["weights"]))
        for name, array in arrays.items():
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def trusted(
        cls,
        weights: Array,
        means: Array,
        covariance: Covariance,
        degrees_of_freedom: Array | None = None,
        noise: Noise | None = None,
    ) -> Self:
        """Return a mixture without checking anything: for parameters that a fit has just produced."""
        mixture = object.__new__(cls)
        for name, value in zip(_PARAMETERS, (weights, means, covariance, degrees_of_freedom, noise), strict=True):
            object.__setattr__(mixture, name, value)
        return mixture

    def changed(self, **parameters: Any) -> Mixture:
        """Return the mixture with some of its parameters replaced, without checking anything."""
        return Mixture.trusted(**{**self.__getstate__(), **parameters})

    @classmethod
    def from_arrays(
        cls,
        weights: ArrayLike,
        means: ArrayLike,
        covariances: ArrayLike,
        *,
        covariance_type: str = "full",
        degrees_of_freedom: ArrayLike | None = None,
        noise: Noise | None = None,
    ) -> Self:
        """Build a mixture from scikit-learn's arrays.

        Parameters
        ----------
        weights : array_like of shape (k,)
        means : array_like of shape (k, d)
        covariances : array_like
            (k, d, d) for "full", (d, d) for "tied", (k, d) for "diag", (k,) for "spherical". For mclust's other
            structures as they hold them: () for "EII", (d,) for "EEI", (k, d) for "VEI" and "EVI", (k, d, d) for
            the rest.
        covariance_type : str, default="full"
            scikit-learn's name or mclust's.
        degrees_of_freedom : array_like of shape (k,), optional
        noise : Noise, optional

        Raises
        ------
        ParameterError
            If the arrays are no mixture, or break the structure (relative 1e-6).

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
        structure = family(covariance_type, d)
        expected = structure.contraction.shape(k, d)
        if np.shape(covariances) != expected:
            raise ParameterError(
                f"{covariance_type} covariances for means of shape {means.shape} must have the shape {expected}, "
                f"but got {np.shape(covariances)}"
            )
        covariance = structure(covariances, n_components=k, n_features=d)
        degrees = None if degrees_of_freedom is None else np.asarray(degrees_of_freedom, dtype=np.float64)
        mixture = cls(np.asarray(weights, dtype=np.float64), means, covariance, degrees, noise)
        violation = covariance.violation()
        if violation is not None:
            raise ParameterError(f"{covariance_type} covariances: {violation}; give what they share, or use 'full'")
        return mixture

    def __getstate__(self) -> dict[str, Any]:
        # The parameters only: what was computed from them is computed again.
        return {name: self.__dict__[name] for name in _PARAMETERS}

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
        """Number of free parameters: weights, means, covariances; weight and volume of noise.

        A value does not know how its degrees of freedom were found: a fit that estimated them counts them too
        (`FitResult.n_parameters`).
        """
        k, d = self.means.shape
        return int(k - 1 + k * d + self.covariance.n_parameters(k, d)) + (0 if self.noise is None else 2)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mixture):
            return NotImplemented
        if (self.degrees_of_freedom is None) != (other.degrees_of_freedom is None):
            return False
        arrays = ("weights", "means") + (() if self.degrees_of_freedom is None else ("degrees_of_freedom",))
        same = all(np.array_equal(getattr(self, name), getattr(other, name)) for name in arrays)
        return same and self.covariance == other.covariance and self.noise == other.noise

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        kind = "" if self.degrees_of_freedom is None else ", Student-t"
        beside = "" if self.noise is None else f", noise {self.noise.weight:.3g}"
        sizes = f"{self.n_components} components, {self.n_features} columns"
        return f"Mixture({sizes}, {self.covariance_type}{kind}{beside})"

    def mean(self) -> Array:
        """Return the mean of the mixture (d,): ``Σ w_k μ_k``.

        Raises
        ------
        ParameterError
            If a component has at most 1 degree of freedom and so no mean, or there is noise.
        """
        refuse_noise(self, "a mean")
        check_moments(self.degrees_of_freedom, self.weights, 1)
        return self.weights @ self.means

    def covariance_matrix(self) -> Array:
        """Return the covariance of the mixture (d, d): within plus between components.

        Raises
        ------
        ParameterError
            If a component has at most 2 degrees of freedom and so no covariance, or there is noise.
        """
        check_moments(self.degrees_of_freedom, self.weights, 2)
        deviations = self.means - self.mean()
        shares = (
            self.weights if self.degrees_of_freedom is None else self.weights * excess_spread(self.degrees_of_freedom)
        )
        within = np.einsum("k,kij->ij", shares, self.covariance.dense())
        return np.asarray(within + (self.weights[:, None] * deviations).T @ deviations)

    # --- frames ---------------------------------------------------------------------------------------

    @cached_property
    def frame(self) -> Frame:
        """The frame in which the mixture is near the origin and near unit size."""
        shift = self.weights @ self.means
        if self.noise is not None:
            shift = shift / self.weights.sum()
        spread = np.abs(self.means - shift).max(axis=0)
        spread = np.maximum(spread, np.sqrt(self.covariance.variances().max(axis=0)))
        if self.covariance.equivariance == "scalar":
            spread = np.full_like(spread, spread.max())
        return Frame(shift, power_of_two(spread))

    @cached_property
    def scorer(self) -> Scorer:
        """The mixture made ready to score rows, in its own frame."""
        framed = self.into(self.frame)
        unshifted = Frame(np.zeros(self.n_features), self.frame.scale)
        exact = framed.changed(means=self.means * self.frame.scale).scorer_in(unshifted, centred=True)
        return framed.scorer_in(self.frame, exact=exact)

    @property
    def log_noise(self) -> float | None:
        """Log weight plus log-density of the noise, if there is any."""
        if self.noise is None:
            return None
        with np.errstate(divide="ignore"):
            return float(np.log(self.noise.weight)) + self.noise.log_density

    def scorer_in(self, frame: Frame, *, exact: Scorer | None = None, centred: bool = False) -> Scorer:
        """Return what scores rows read into a frame, in whose coordinates this mixture is."""
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights)
        return Scorer(
            log_weights,
            self.means,
            self.covariance,
            frame,
            exact=exact,
            centred=centred,
            degrees_of_freedom=self.degrees_of_freedom,
            log_noise=self.log_noise,
        )

    def into(self, frame: Frame) -> Mixture:
        """Return this mixture in the coordinates of a frame."""
        covariance = self.covariance.rescaled(frame.scale)
        noise = None if self.noise is None else self.noise.into(frame)
        return self.changed(means=frame.points_in(self.means), covariance=covariance, noise=noise)

    def out_of(self, frame: Frame) -> Mixture:
        """Return this mixture, given in a frame's coordinates, in the data's."""
        covariance = self.covariance.rescaled(1.0 / frame.scale)
        noise = None if self.noise is None else self.noise.out_of(frame)
        return self.changed(means=frame.points_out(self.means), covariance=covariance, noise=noise)

    # --- rows -----------------------------------------------------------------------------------------

    def log_density(self, rows: Rows, *, n_jobs: int | None = None) -> Array:
        """Return ``log p(x)`` for each row (n, d): an array (n,), in nats.

        −inf only where the log-density itself leaves float64 (rows some 1e154 standard deviations away).
        """
        from gmmkit.model.evaluation import evaluate

        return evaluate(self, rows, "log_density", n_jobs=n_jobs)

    def component_log_density(self, rows: Rows, *, n_jobs: int | None = None) -> Array:
        """Return ``log N(x; μ_k, Σ_k)``, or of the t, (n, k) for each row and component, weights left out."""
        from gmmkit.model.evaluation import evaluate

        return evaluate(self, rows, "component_log_density", n_jobs=n_jobs)

    def posterior(self, rows: Rows, *, n_jobs: int | None = None) -> Array:
        """Return the probability of each component given each row (n, k).

        Rows sum to 1, however far they are; with noise, to 1 less its probability.
        """
        from gmmkit.model.evaluation import evaluate

        return evaluate(self, rows, "posterior", n_jobs=n_jobs)

    def noise_probability(self, rows: Rows, *, n_jobs: int | None = None) -> Array:
        """Return the probability that each row is noise (n,): 0 where the mixture has none."""
        from gmmkit.model.evaluation import evaluate

        return evaluate(self, rows, "noise", n_jobs=n_jobs)

    def classify(self, rows: Rows, *, n_jobs: int | None = None) -> NDArray[np.intp]:
        """Return the most probable component of each row (n,); −1 where noise is the most probable."""
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
            Which component each row came from, −1 for noise; rows come grouped by component, as in scikit-learn.
        """
        from gmmkit.model.drawing import draw

        return draw(self, n_rows, generator(seed))

    # --- other mixtures -------------------------------------------------------------------------------

    def take(self, components: Sequence[int] | NDArray[np.intp]) -> Mixture:
        """Return the mixture of some of the components, weights renormalised; noise stays as it is."""
        chosen = np.asarray(components, dtype=np.intp)
        weights = self.weights[chosen] / self.weights[chosen].sum()
        if self.noise is not None:
            weights = weights * (1.0 - self.noise.weight)
        degrees = None if self.degrees_of_freedom is None else self.degrees_of_freedom[chosen]
        covariance = self.covariance.take(chosen)
        return Mixture.trusted(weights, self.means[chosen], covariance, degrees, self.noise)

    def without_noise(self) -> Mixture:
        """Return the mixture of the components alone."""
        if self.noise is None:
            return self
        return self.changed(weights=self.weights / self.weights.sum(), noise=None)

    def beside(self, noise: Noise) -> Mixture:
        """Return the mixture of the components with a background in place of the one they had, if any."""
        return self.changed(weights=self.without_noise().weights * (1.0 - noise.weight), noise=noise)

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
