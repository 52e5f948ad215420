"""Mixtures by the row: weights and means of each row's own, covariances in common.

    y_i  ~  Σ_k w_ik N(μ_ik, Σ_k)        or  Σ_k w_ik t_ν_k(μ_ik, s_ik Σ_k)        i = 1 … n

What a conditional is at n rows of given values (`gmmkit.model.conditioning`): scored, drawn from and summed up
without n mixtures being built. Weights are kept as logarithms.
"""

from __future__ import annotations

import operator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import DataError, ParameterError
from gmmkit.kernels import student
from gmmkit.model.covariance import Covariance, Diagonal, Full
from gmmkit.model.drawing import stretches
from gmmkit.model.mixture import Mixture
from gmmkit.model.quantiles import cdf_of, quantile_of
from gmmkit.model.tails import Tails, check_moments, excess_spread
from gmmkit.numerics.arguments import numbers
from gmmkit.numerics.streams import Seed, generator

__all__ = ["RowMixtures", "log_of"]

Array = NDArray[np.float64]

_LOG_2PI = float(np.log(2 * np.pi))


class RowMixtures:
    """One mixture of q columns for each of n rows: weights and means of their own, covariances in common.

    Parameters
    ----------
    log_weights : ndarray of shape (n, k)
        Logarithms, since a weight that leaves float64 may still carry the density far out.
    means : ndarray of shape (n, k, q)
    covariance : Covariance
        Of k components in q columns.
    degrees_of_freedom : ndarray of shape (k,), optional
        Of Student-t components.
    scales : ndarray of shape (n, k), optional
        s: what the covariances are multiplied by in each row.

    Examples
    --------
    >>> from gmmkit.model.covariance import Diagonal
    >>> m = Mixture([0.5, 0.5], [[0.0, 0.0], [4.0, 5.0]], Diagonal([[1.0, 1.0], [1.0, 4.0]]))
    >>> rows = m.conditional([0]).at([[0.0], [2.0]])
    >>> len(rows), rows[1]
    (2, Mixture(2 components, 1 columns, diag))
    >>> rows.mean().round(1)
    array([[0. ],
           [2.5]])
    """

    def __init__(
        self,
        log_weights: Array,
        means: Array,
        covariance: Covariance,
        degrees_of_freedom: Array | None = None,
        scales: Array | None = None,
    ) -> None:
        self.log_weights, self.means, self.covariance = log_weights, means, covariance
        self.degrees_of_freedom, self.scales = degrees_of_freedom, scales

    @property
    def weights(self) -> Array:
        """Weights (n, k); rows sum to 1."""
        return np.asarray(np.exp(self.log_weights))

    def __len__(self) -> int:
        return len(self.means)

    def __getitem__(self, row: int) -> Mixture:
        i = operator.index(row)
        weights = np.exp(self.log_weights[i])
        covariance = self.covariance
        if self.scales is not None:
            stretched = covariance.dense() * self.scales[i][:, None, None]
            independent = covariance.independent_columns
            covariance = Diagonal(np.diagonal(stretched, axis1=1, axis2=2)) if independent else Full(stretched)
        return Mixture.trusted(weights / weights.sum(), self.means[i].copy(), covariance, self.degrees_of_freedom)

    def __repr__(self) -> str:
        n, k, q = self.means.shape
        return f"RowMixtures({n} rows, {k} components, {q} columns, {self.covariance.name})"

    def mean(self) -> Array:
        """Return the mean of each row's mixture (n, q): the regression of the columns on those given.

        Raises
        ------
        ParameterError
            If a component has at most 1 degree of freedom.
        """
        check_moments(self.degrees_of_freedom, self.weights.max(axis=0), 1)
        centre = self.means[:, :1]
        return np.asarray((centre + self.weights[:, None] @ (self.means - centre))[:, 0])

    def covariance_matrices(self) -> Array:
        """Return the covariance of each row's mixture (n, q, q): within plus between components.

        Raises
        ------
        ParameterError
            If a component has at most 2 degrees of freedom.
        """
        n, k, q = self.means.shape
        weights = self.weights
        check_moments(self.degrees_of_freedom, weights.max(axis=0), 2)
        shares = weights
        if self.scales is not None:
            shares = shares * self.scales
        if self.degrees_of_freedom is not None:
            shares = shares * excess_spread(self.degrees_of_freedom)
        within = shares @ self.covariance.dense().reshape(k, q * q)
        deviations = np.sqrt(weights)[:, :, None] * (self.means - self.mean()[:, None])
        return np.asarray(within.reshape(n, q, q) + deviations.transpose(0, 2, 1) @ deviations)

    def log_density(self, values: ArrayLike) -> Array:
        """Return the log-density (n,), in nats, of each row of `values` (n, q) under its own mixture.

        Raises
        ------
        DataError
            If `values` is not of shape (n, q).

        Examples
        --------
        >>> from gmmkit.model.covariance import Full
        >>> m = Mixture([1.0], [[0.0, 0.0]], Full([[[2.0, 1.0], [1.0, 2.0]]]))
        >>> m.conditional([0]).at([[0.0], [1.0]]).log_density([[0.0], [0.5]]).round(4)
        array([-1.1217, -1.1217])
        """
        n, k, q = self.means.shape
        y = self._checked(values)
        constants = -0.5 * (q * _LOG_2PI + self.covariance.log_determinants)
        whitening, origin = self.covariance.whitening, np.zeros((1, q))
        scores = np.empty((k, n))
        with np.errstate(over="ignore"):
            for j in range(k):
                z = np.ascontiguousarray((y - self.means[:, j]).T)
                own = slice(j, j + 1)
                self.covariance.score_centred(z, origin, whitening[own], constants[own], scores[own])
        if self.degrees_of_freedom is not None:
            distances = 2.0 * (constants[:, None] - scores)
            peaks = constants + student.peak_offsets(self.degrees_of_freedom, q)
            if self.scales is not None:
                distances /= self.scales.T
            student.student_scores(distances, peaks, self.degrees_of_freedom, q, scores)
            if self.scales is not None:
                scores -= 0.5 * q * np.log(self.scales.T)
        scores += self.log_weights.T
        largest = scores.max(axis=0)
        shift = np.where(np.isfinite(largest), largest, 0.0)
        return np.asarray(log_of(np.exp(scores - shift).sum(axis=0)) + shift)

    def sample(self, seed: Seed = None) -> Array:
        """Draw one value (n, q) from each row's mixture.

        Parameters
        ----------
        seed : int, SeedSequence, Generator or None
            The same seed gives the same values.
        """
        random = generator(seed)
        n, k, q = self.means.shape
        cumulative = np.cumsum(self.weights, axis=1)
        level = random.random((n, 1)) * cumulative[:, -1:]
        component = np.minimum((level >= cumulative).sum(axis=1), k - 1)
        values = random.standard_normal((n, q))
        if self.degrees_of_freedom is not None:
            values *= stretches(self.degrees_of_freedom[component], random)[:, None]
        if self.scales is not None:
            values *= np.sqrt(np.take_along_axis(self.scales, component[:, None], axis=1))
        for j in np.unique(component):
            drawn = component == j
            values[drawn] = self.covariance.colour(values[drawn], int(j)) + self.means[drawn, j]
        return values

    def cdf(self, values: ArrayLike) -> Array:
        """Return the probability (n,) of lying below each row's own value, `values` (n, 1): one column only.

        Raises
        ------
        ParameterError
            If the mixtures are of more than one column.
        DataError
            If `values` is not of shape (n, 1).
        """
        deviations = self._deviations()
        tails = Tails(self.degrees_of_freedom)
        return cdf_of(self.weights, self.means[:, :, 0], deviations, self._checked(values)[:, 0], tails)

    def quantile(self, probabilities: ArrayLike) -> Array:
        """Return the values below which the given probabilities lie in each row's mixture: one column only.

        Parameters
        ----------
        probabilities : array_like
            One number or (m,), the same for all rows.

        Returns
        -------
        ndarray of shape (n,) or (n, m)

        Raises
        ------
        ParameterError
            If the mixtures are of more than one column, or a probability is outside [0, 1].

        Examples
        --------
        >>> from gmmkit.model.covariance import Full
        >>> m = Mixture([1.0], [[0.0, 0.0]], Full([[[2.0, 1.0], [1.0, 2.0]]]))
        >>> m.conditional([0]).at([[0.0], [1.0]]).quantile([0.5, 0.975]).round(3)
        array([[0. , 2.4],
               [0.5, 2.9]])
        """
        deviations = self._deviations()
        p = numbers("probabilities", probabilities)
        n, m = len(self), p.size
        row = np.repeat(np.arange(n), m)
        tails = Tails(self.degrees_of_freedom)
        values = quantile_of(self.log_weights, self.means[:, :, 0], deviations, np.tile(p.ravel(), n), row, tails)
        return values.reshape(n, *p.shape)

    def _deviations(self) -> Array:
        q = self.means.shape[2]
        if q != 1:
            raise ParameterError(
                f"probabilities below a value are of one column, but these mixtures are of {q}: take one column "
                "with .marginal([…]) before .conditional(…)"
            )
        variances = self.covariance.variances()[:, 0]
        return np.asarray(np.sqrt(variances if self.scales is None else variances * self.scales))

    def _checked(self, values: ArrayLike) -> Array:
        n, _, q = self.means.shape
        y = numbers("values", values)
        if y.shape != (n, q):
            raise DataError(f"values must have the shape ({n}, {q}), one row for each mixture, but got {y.shape}")
        return y


def log_of(values: Array) -> Array:
    """Return the logarithms of values (n,) or (n, k): −inf of 0, in silence."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values))
