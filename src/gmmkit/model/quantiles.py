"""Distribution function and quantiles.

    F(x) = Σ_k w_k Φ((x − μ_k) / σ_k)        F(Q(p)) = p        (of Student-t components, their own law for Φ)

Quantiles solve, with L the components whose mean is below x and U the others,

    log(A + max(c, 0)) = log(B + max(−c, 0)),   A = Σ_U w Φ,   B = Σ_L w (1 − Φ),   c = Σ_L w − p

which is ``F(x) = p`` written without any difference of near-equal numbers: right in both tails, and in the gap
between narrow components, where F is flat to every digit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import ParameterError
from gmmkit.model.mixture import Mixture
from gmmkit.model.tails import Tails
from gmmkit.model.validity import refuse_noise
from gmmkit.numerics.arguments import numbers
from gmmkit.numerics.roots import roots

__all__ = ["cdf", "cdf_of", "chunks", "log_sum", "one_column", "quantile", "quantile_of"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

_EPSILON = float(np.finfo(np.float64).eps)
# Temporaries of rows × components are made for so many values at a time.
_CHUNK = 2**18


def cdf(mixture: Mixture, values: ArrayLike) -> Array:
    """Return the distribution function ``F(x) = Σ w_k Φ((x − μ_k) / σ_k)``.

    Parameters
    ----------
    mixture : Mixture
        Of one column.
    values : array_like of any shape
        In the column's unit; ±inf allowed.

    Returns
    -------
    ndarray of the shape of `values`
        Accurate relative to itself in the lower tail, to 1 in the upper.

    Raises
    ------
    ParameterError
        If the mixture is of more than one column.

    Examples
    --------
    >>> from gmmkit.model.covariance import Spherical
    >>> m = Mixture([0.5, 0.5], [[0.0], [10.0]], Spherical([1.0, 1.0], n_features=1))
    >>> cdf(m, [-np.inf, 0.0, 5.0, 10.0]).round(6)
    array([0.  , 0.25, 0.5 , 0.75])
    """
    means, deviations, tails = one_column(mixture)
    x = numbers("values", values)
    flat, answer = x.ravel(), np.empty(x.size)
    for part in chunks(x.size, len(means)):
        answer[part] = cdf_of(mixture.weights[None], means[None], deviations, flat[part], tails)
    return answer.reshape(x.shape)


def cdf_of(weights: Array, means: Array, deviations: Array, values: Array, tails: Tails) -> Array:
    """Return F(x) for `values` (n,), weights and means (n, k) or (1, k), and scales (k,) or (n, k)."""
    with np.errstate(over="ignore"):
        below = tails.cdf((values[:, None] - means) / deviations)
    return np.asarray(np.minimum((weights * below).sum(axis=1) / weights.sum(axis=1), 1.0))


def quantile(mixture: Mixture, probabilities: ArrayLike) -> Array:
    """Return the values below which the given probabilities lie.

    Parameters
    ----------
    mixture : Mixture
        Of one column.
    probabilities : array_like of any shape
        Between 0, which gives −inf, and 1, which gives inf.

    Returns
    -------
    ndarray of the shape of `probabilities`
        In the column's unit, as exact as float64 can say which probability was meant; where components are so
        narrow and far apart that the distribution function is flat to every digit, the point of the gap where
        the two tails balance.

    Raises
    ------
    ParameterError
        If the mixture is of more than one column, or a probability is outside [0, 1].

    Examples
    --------
    >>> from gmmkit.model.covariance import Spherical
    >>> m = Mixture([0.5, 0.5], [[0.0], [10.0]], Spherical([1.0, 1.0], n_features=1))
    >>> quantile(m, [0.0, 1e-300, 0.25, 0.5, 0.75]).round(4)
    array([    -inf, -37.0284,   0.    ,   5.    ,  10.    ])
    """
    means, deviations, tails = one_column(mixture)
    p = numbers("probabilities", probabilities)
    with np.errstate(divide="ignore"):
        log_weights = np.log(mixture.weights)
    row = np.zeros(p.size, dtype=np.intp)
    return quantile_of(log_weights[None], means[None], deviations, p.ravel(), row, tails).reshape(p.shape)


def quantile_of(
    log_weights: Array, means: Array, deviations: Array, probabilities: Array, row: Indices, tails: Tails
) -> Array:
    """Return the quantile of mixture ``row[i]`` at ``probabilities[i]``.

    Parameters
    ----------
    log_weights, means : ndarray of shape (n, k)
    deviations : ndarray of shape (k,) or (n, k)
        Scales: standard deviations where components are Gaussian.
    probabilities, row : ndarray of shape (m,)
    tails : Tails
        Of k components.

    Raises
    ------
    ParameterError
        If a probability is outside [0, 1].
    """
    outside = ~((probabilities >= 0) & (probabilities <= 1))
    if outside.any():
        raise ParameterError(f"probabilities must be between 0 and 1, but got {probabilities[outside][0]:g}")
    order = np.argsort(means, axis=1)
    deviations = np.broadcast_to(deviations, means.shape)
    log_weights, means, deviations = (
        np.take_along_axis(array, order, axis=1) for array in (log_weights, means, deviations)
    )
    with np.errstate(under="ignore"):
        shares = np.exp(log_weights)
    cumulative = np.cumsum(shares, axis=1)
    cumulative /= cumulative[:, -1:]
    ordered = _Ordered(log_weights, means, deviations, shares, cumulative, tails.taken(order))
    answer = np.where(probabilities > 0, np.inf, -np.inf)
    inner = np.flatnonzero((probabilities > 0) & (probabilities < 1))
    for part in chunks(len(inner), means.shape[1]):
        some = inner[part]
        answer[some] = ordered.taken(row[some]).quantiles(probabilities[some])
    return answer


def one_column(mixture: Mixture) -> tuple[Array, Array, Tails]:
    """Return the means, the scales (k,) and the standard laws of a mixture that must be of one column, without noise.

    Scales are standard deviations where components are Gaussian.
    """
    refuse_noise(mixture, "this")
    if mixture.n_features != 1:
        raise ParameterError(
            f"this is defined for one column, but the mixture is of {mixture.n_features}: "
            "take one with .marginal([j]) first"
        )
    return mixture.means[:, 0], np.sqrt(mixture.covariance.variances()[:, 0]), Tails(mixture.degrees_of_freedom)


def chunks(n: int, k: int) -> list[slice]:
    """Return the slices that n values are taken by, few enough for temporaries of values × k components."""
    size = max(1, _CHUNK // k)
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


# --- quantiles ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ordered:
    """Mixtures of one column, components in the order of their means: arrays and laws (n, k)."""

    log_weights: Array
    means: Array
    deviations: Array
    weights: Array
    cumulative: Array
    tails: Tails

    def taken(self, row: Indices) -> _Ordered:
        return _Ordered(
            self.log_weights[row],
            self.means[row],
            self.deviations[row],
            self.weights[row],
            self.cumulative[row],
            self.tails.taken(row),
        )

    def quantiles(self, p: Array) -> Array:
        """Return one quantile for each mixture."""
        # Between the components' own quantiles lies the mixture's.
        offsets = self.deviations * self.tails.quantile(p[:, None])
        own = self.means + offsets
        slack = 1e-13 * (np.abs(self.means) + np.abs(offsets))
        low = np.where(self.weights > 0, own - slack, np.inf).min(axis=1)
        high = np.where(self.weights > 0, own + slack, -np.inf).max(axis=1)
        return roots(lambda x, which: self.taken(which)._residual(x, p[which]), low, high, self._guess(p), 4 * _EPSILON)

    def _guess(self, p: Array) -> Array:
        """Return the quantiles as they are if components do not overlap."""
        last = np.minimum((self.cumulative <= p[:, None]).sum(axis=1), self.means.shape[1] - 1)[:, None]
        cumulative, weight, mean, deviation = (
            np.take_along_axis(array, last, axis=1)[:, 0]
            for array in (self.cumulative, self.weights, self.means, self.deviations)
        )
        share = 1 - (cumulative - p) / np.where(weight > 0, weight, 1.0)
        standard = self.tails.along(last).quantile(np.clip(share, 1e-300, 1 - _EPSILON)[:, None])[:, 0]
        return np.asarray(mean + deviation * standard)

    def _residual(self, x: Array, p: Array) -> tuple[Array, Array]:
        """Return ``log(A + c⁺) − log(B + c⁻)``, whose sign is F(x) − p's, and its slope."""
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            z = (x[:, None] - self.means) / self.deviations
            left = self.means < x[:, None]
            tails = self.log_weights + self.tails.log_tail(np.where(left, -z, z))
            slopes = self.tails.tail_slope(z) / self.deviations
            below = left.sum(axis=1)
            before = np.take_along_axis(self.cumulative, np.maximum(below - 1, 0)[:, None], axis=1)[:, 0]
            c = np.where(below > 0, before, 0.0) - p
            up = log_sum(np.where(left, -np.inf, tails), np.log(np.maximum(c, 0.0)))
            down = log_sum(np.where(left, tails, -np.inf), np.log(np.maximum(-c, 0.0)))
            shares = np.exp(tails - np.where(left, down[:, None], up[:, None]))
            return up - down, (shares * slopes).sum(axis=1)


def log_sum(values: Array, extra: Array) -> Array:
    """Return ``log(Σ_k exp values + exp extra)`` of values (n, k) and extra (n,)."""
    largest = np.maximum(values.max(axis=1), extra)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    total = np.exp(values - shift[:, None]).sum(axis=1) + np.exp(extra - shift)
    return np.asarray(shift + np.log(total))
