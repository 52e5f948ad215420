"""A mixture as a value: of Gaussians, or of Student-t components; with a uniform background, or without.

    p(x) = Σ_k w_k N(x; μ_k, Σ_k)        p(x) = Σ_k w_k t_ν_k(x; μ_k, Σ_k)        … + w₀ / V

Frozen, closed under its operations (marginals, conditionals, affine maps and merges are mixtures), built from
known parameters without any fit. What its parameters may be, and its sizes and frames, are in `parameters.py`; here is
what it answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.data import Table
from gmmkit.errors import ParameterError
from gmmkit.model.noise import Noise
from gmmkit.model.parameters import Parameters
from gmmkit.model.tails import check_moments, excess_spread
from gmmkit.model.validity import refuse_noise
from gmmkit.numerics.arguments import indices, shown
from gmmkit.numerics.streams import Seed, generator

if TYPE_CHECKING:
    from gmmkit.model.compare import Estimate
    from gmmkit.model.conditioning import Conditional

__all__ = ["Mixture"]

Array = NDArray[np.float64]
Rows = ArrayLike | Table


@dataclass(frozen=True, eq=False, repr=False)
class Mixture(Parameters):
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
        chosen = np.array(indices("components", components, self.n_components), dtype=np.intp)
        if not len(chosen):
            raise ParameterError("components is empty: name at least one")
        weights = self.weights[chosen] / self.weights[chosen].sum()
        if self.noise is not None:
            weights = weights * (1.0 - self.noise.weight)
        return self.reordered(chosen).changed(weights=weights)

    def reordered(self, order: NDArray[np.intp]) -> Mixture:
        """Return the mixture with its components in another order (k,); none is checked to be there."""
        degrees = None if self.degrees_of_freedom is None else self.degrees_of_freedom[order]
        covariance = self.covariance.take(order)
        return Mixture.trusted(self.weights[order], self.means[order], covariance, degrees, self.noise)

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

        if not isinstance(given, Mapping):
            raise ParameterError(f"given must map columns to values, such as {{0: 1.5}}, but got {shown(given)}")
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
        from gmmkit.model.moment_merging import merge_components

        return merge_components(self, groups)

    # --- numbers about it -----------------------------------------------------------------------------

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

    def box_probability(
        self, box: Mapping[int, tuple[float, float]], *, n_samples: int = 10_000, seed: Seed = 0
    ) -> Estimate:
        """Return the probability that columns lie between bounds, such as ``{0: (0.0, 1.5), 2: (-inf, 3.0)}``."""
        from gmmkit.model.boxes import box_probability

        return box_probability(self, box, n_samples=n_samples, seed=seed)

    def highest_density_level(self, probability: float, *, n_samples: int = 100_000, seed: Seed = 0) -> Estimate:
        """Return the log-density above which lies the given share of the probability (Hyndman 1996)."""
        from gmmkit.model.regions import highest_density_level

        return highest_density_level(self, probability, n_samples=n_samples, seed=seed)

    def highest_density_region(self, probability: float) -> list[tuple[float, float]]:
        """Return the smallest set of intervals that holds the given probability, for a mixture of one column."""
        from gmmkit.model.regions import highest_density_region

        return highest_density_region(self, probability)
