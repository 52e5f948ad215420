"""Distribution function, quantiles and highest-density regions.

    F(x) = Σ_k w_k Φ((x − μ_k) / σ_k)        F(Q(p)) = p        R(p) = {x : f(x) ≥ c},  ∫_R f = p

Quantiles solve, with L the components whose mean is below x and U the others,

    log(A + max(c, 0)) = log(B + max(−c, 0)),   A = Σ_U w Φ,   B = Σ_L w (1 − Φ),   c = Σ_L w − p

which is ``F(x) = p`` written without any difference of near-equal numbers: right in both tails, and in the gap
between narrow components, where F is flat to every digit. R is the smallest region that holds the probability p
(Hyndman, "Computing and Graphing Highest Density Regions", 1996, section 2); its ends lie one between each two
neighbours among the density's modes and antimodes.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import erfcx, gammaincinv, log_ndtr, ndtr, ndtri

from gmmkit.errors import ParameterError
from gmmkit.model.compare import Estimate, check_samples, held
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.roots import roots
from gmmkit.numerics.streams import Seed

__all__ = ["cdf", "cdf_of", "highest_density_level", "highest_density_region", "quantile", "quantile_of"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
_ROOT_HALF = math.sqrt(0.5)
_ROOT_2_OVER_PI = math.sqrt(2 / math.pi)
_EPSILON = float(np.finfo(np.float64).eps)
# Temporaries of rows × components are made for so many values at a time.
_CHUNK = 2**18
# Where a component can give the density a mode or antimode of its own, in standard deviations.
_SHAPE = np.unique(np.concatenate([np.arange(-96, 97) / 16, np.arange(-20, 21) / 2]))


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
    means, deviations = _one_column(mixture)
    x = np.asarray(values, dtype=np.float64)
    flat, answer = x.ravel(), np.empty(x.size)
    for part in _chunks(x.size, len(means)):
        answer[part] = cdf_of(mixture.weights[None], means[None], deviations, flat[part])
    return answer.reshape(x.shape)


def cdf_of(weights: Array, means: Array, deviations: Array, values: Array) -> Array:
    """Return F(x) for `values` (n,), weights and means (n, k) or (1, k), and standard deviations (k,)."""
    with np.errstate(over="ignore"):
        below = ndtr((values[:, None] - means) / deviations)
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
    means, deviations = _one_column(mixture)
    p = np.asarray(probabilities, dtype=np.float64)
    with np.errstate(divide="ignore"):
        log_weights = np.log(mixture.weights)
    row = np.zeros(p.size, dtype=np.intp)
    return quantile_of(log_weights[None], means[None], deviations, p.ravel(), row).reshape(p.shape)


def quantile_of(log_weights: Array, means: Array, deviations: Array, probabilities: Array, row: Indices) -> Array:
    """Return the quantile of mixture ``row[i]`` at ``probabilities[i]``.

    Parameters
    ----------
    log_weights, means : ndarray of shape (n, k)
    deviations : ndarray of shape (k,)
        Standard deviations, the same for all n mixtures.
    probabilities, row : ndarray of shape (m,)

    Raises
    ------
    ParameterError
        If a probability is outside [0, 1].
    """
    outside = ~((probabilities >= 0) & (probabilities <= 1))
    if outside.any():
        raise ParameterError(f"probabilities must be between 0 and 1, but got {probabilities[outside][0]:g}")
    order = np.argsort(means, axis=1)
    log_weights, means = (np.take_along_axis(array, order, axis=1) for array in (log_weights, means))
    with np.errstate(under="ignore"):
        shares = np.exp(log_weights)
    cumulative = np.cumsum(shares, axis=1)
    cumulative /= cumulative[:, -1:]
    ordered = _Ordered(log_weights, means, deviations[order], shares, cumulative)
    answer = np.where(probabilities > 0, np.inf, -np.inf)
    inner = np.flatnonzero((probabilities > 0) & (probabilities < 1))
    for part in _chunks(len(inner), means.shape[1]):
        some = inner[part]
        answer[some] = ordered.taken(row[some]).quantiles(probabilities[some])
    return answer


def highest_density_level(
    mixture: Mixture, probability: float, *, n_samples: int = 100_000, seed: Seed = 0
) -> Estimate:
    """Return the log-density c with ``P(log p(x) ≥ c) = probability``: the edge of the highest-density region.

    Exact, with standard error 0, for one column or where only one component has weight
    (``−½ (d log 2π + log det Σ + χ²_d(probability))``). Otherwise a quantile of the log-densities of drawn rows, with
    its standard error from the order statistics one binomial standard deviation away (Woodruff 1952).

    Parameters
    ----------
    mixture : Mixture
    probability : float
        Between 0 and 1, both excluded.
    n_samples : int, default=100_000
    seed : int, SeedSequence, Generator or None

    Returns
    -------
    Estimate
        In nats, in the data's units, as `Mixture.log_density` is.

    Raises
    ------
    ParameterError
        If `probability` is not between 0 and 1, or `n_samples` is below 2.

    Examples
    --------
    >>> from gmmkit.model.covariance import Full
    >>> m = Mixture([1.0], [[0.0, 0.0]], Full([np.eye(2)]))
    >>> print(highest_density_level(m, 0.95))
    -4.83361
    """
    _check_probability(probability)
    check_samples(n_samples)
    volume = mixture.frame.log_volume
    inside = held(mixture.into(mixture.frame))
    d = inside.n_features
    if inside.n_components == 1:
        radius = float(gammaincinv(0.5 * d, probability))
        return Estimate(volume - d * _HALF_LOG_2PI - 0.5 * float(inside.covariance.log_determinants[0]) - radius, 0.0)
    if d == 1:
        return Estimate(_Curve.of(inside).level(probability) + volume, 0.0)
    rows, _ = inside.sample(n_samples, seed=seed)
    values = np.sort(inside.log_density(rows)) + volume
    spread = math.sqrt(n_samples * probability * (1 - probability))
    first = max(0, min(n_samples - 2, math.floor(n_samples * (1 - probability) - spread)))
    last = min(n_samples - 1, max(first + 1, math.ceil(n_samples * (1 - probability) + spread)))
    error = float(values[last] - values[first]) * spread / (last - first)
    return Estimate(float(np.quantile(values, 1 - probability)), error)


def highest_density_region(mixture: Mixture, probability: float) -> list[tuple[float, float]]:
    """Return the smallest set of intervals that holds the given probability.

    Parameters
    ----------
    mixture : Mixture
        Of one column.
    probability : float
        Between 0 and 1, both excluded.

    Returns
    -------
    list of (float, float)
        Disjoint intervals from left to right, in the column's unit; the density is the same at all their ends.

    Raises
    ------
    ParameterError
        If the mixture is of more than one column, or `probability` is not between 0 and 1.

    Examples
    --------
    >>> from gmmkit.model.covariance import Spherical
    >>> m = Mixture([0.5, 0.5], [[0.0], [10.0]], Spherical([1.0, 1.0], n_features=1))
    >>> [(round(a, 3), round(b, 3)) for a, b in highest_density_region(m, 0.95)]
    [(-1.96, 1.96), (8.04, 11.96)]
    """
    _check_probability(probability)
    _one_column(mixture)
    frame = mixture.frame
    curve = _Curve.of(held(mixture.into(frame)))
    starts, ends = (frame.points_out(x) for x in curve.intervals(curve.level(probability)))
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _check_probability(probability: float) -> None:
    if not 0 < probability < 1:
        raise ParameterError(f"probability must be between 0 and 1, both excluded, but got {probability!r}")


def _one_column(mixture: Mixture) -> tuple[Array, Array]:
    """Return the means and the standard deviations (k,) of a mixture that must be of one column."""
    if mixture.n_features != 1:
        raise ParameterError(
            f"this is defined for one column, but the mixture is of {mixture.n_features}: "
            "take one with .marginal([j]) first"
        )
    return mixture.means[:, 0], np.sqrt(mixture.covariance.variances()[:, 0])


def _chunks(n: int, k: int) -> list[slice]:
    size = max(1, _CHUNK // k)
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


# --- quantiles ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ordered:
    """Mixtures of one column, components in the order of their means: arrays (n, k)."""

    log_weights: Array
    means: Array
    deviations: Array
    weights: Array
    cumulative: Array

    def taken(self, row: Indices) -> _Ordered:
        return _Ordered(
            self.log_weights[row], self.means[row], self.deviations[row], self.weights[row], self.cumulative[row]
        )

    def quantiles(self, p: Array) -> Array:
        """Return one quantile for each mixture."""
        # Between the components' own quantiles lies the mixture's.
        offsets = self.deviations * ndtri(p)[:, None]
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
        return np.asarray(mean + deviation * ndtri(np.clip(share, 1e-300, 1 - _EPSILON)))

    def _residual(self, x: Array, p: Array) -> tuple[Array, Array]:
        """Return ``log(A + c⁺) − log(B + c⁻)``, whose sign is F(x) − p's, and its slope."""
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            z = (x[:, None] - self.means) / self.deviations
            left = self.means < x[:, None]
            tails = self.log_weights + log_ndtr(np.where(left, -z, z))
            # Slope of a tail's logarithm, φ(z) / Φ(−|z|) / σ, never as a difference of the two logarithms.
            slopes = _ROOT_2_OVER_PI / erfcx(np.abs(z) * _ROOT_HALF) / self.deviations
            below = left.sum(axis=1)
            before = np.take_along_axis(self.cumulative, np.maximum(below - 1, 0)[:, None], axis=1)[:, 0]
            c = np.where(below > 0, before, 0.0) - p
            up = _log_sum(np.where(left, -np.inf, tails), np.log(np.maximum(c, 0.0)))
            down = _log_sum(np.where(left, tails, -np.inf), np.log(np.maximum(-c, 0.0)))
            shares = np.exp(tails - np.where(left, down[:, None], up[:, None]))
            return up - down, (shares * slopes).sum(axis=1)


def _log_sum(values: Array, extra: Array) -> Array:
    """Return ``log(Σ_k exp values + exp extra)`` of values (n, k) and extra (n,)."""
    largest = np.maximum(values.max(axis=1), extra)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    total = np.exp(values - shift[:, None]).sum(axis=1) + np.exp(extra - shift)
    return np.asarray(shift + np.log(total))


# --- highest-density regions --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Curve:
    """The density of one column: rises to its first mode, falls to an antimode, and so on, down from its last mode.

    Attributes
    ----------
    log_weights, means, deviations : ndarray of shape (k,)
    turns, heights : ndarray of shape (2 m − 1,)
        Modes and antimodes from left to right, and the log-density there.
    """

    log_weights: Array
    means: Array
    deviations: Array
    turns: Array
    heights: Array

    @classmethod
    def of(cls, mixture: Mixture) -> _Curve:
        means, deviations = _one_column(mixture)
        nothing = np.empty(0)
        flat = cls(np.log(mixture.weights), means, deviations, nothing, nothing)
        turns = flat._turning_points()
        return cls(flat.log_weights, means, deviations, turns, flat.log_density(turns)[0])

    def level(self, probability: float) -> float:
        """Return the log-density above which the probability lies."""

        def excess(level: float) -> float:
            starts, ends = self.intervals(level)
            if probability <= 0.5:
                return float(self._mass(starts, ends).sum()) - probability
            gaps = self._mass(np.append(-np.inf, ends), np.append(starts, np.inf))
            return (1.0 - probability) - float(gaps.sum())

        heights = np.unique(self.heights)[::-1]
        at = bisect_left(range(len(heights)), True, key=lambda i: excess(float(heights[i])) >= 0)
        upper = float(heights[max(at - 1, 0)])
        if at < len(heights):
            lower = float(heights[at])
        else:
            step = 1.0
            while excess(lower := upper - step) < 0:
                step *= 2.0
        return float(brentq(excess, lower, upper, xtol=1e-15, rtol=4 * _EPSILON, maxiter=500))

    def intervals(self, level: float) -> tuple[Array, Array]:
        """Return where the log-density rises through a level and where it falls through it again."""
        reach = self.deviations * np.sqrt(2 * np.maximum(-level - np.log(self.deviations) - _HALF_LOG_2PI, 0.0))
        # Beyond the reach of all components the density is below the level.
        edges = np.concatenate(
            [
                [min((self.means - reach - self.deviations).min(), self.turns[0])],
                self.turns,
                [max((self.means + reach + self.deviations).max(), self.turns[-1])],
            ]
        )
        heights = np.concatenate([[-np.inf], self.heights, [-np.inf]])
        rising = np.arange(len(heights) - 1) % 2 == 0
        lower, higher = np.where(rising, (heights[:-1], heights[1:]), (heights[1:], heights[:-1]))
        crossed = np.flatnonzero((lower < level) & (level <= higher))
        sign = np.where(rising, 1.0, -1.0)[crossed]

        def above(x: Array, which: Indices) -> tuple[Array, Array]:
            value, slope = self.log_density(x)
            return sign[which] * (value - level), sign[which] * slope

        low, high = edges[crossed], edges[crossed + 1]
        found = roots(above, low, high, 0.5 * low + 0.5 * high, 0.0)
        return found[sign > 0], found[sign < 0]

    def log_density(self, x: Array) -> tuple[Array, Array]:
        """Return the log-density of points (n,) and its slope."""
        value, slope = np.empty(len(x)), np.empty(len(x))
        for part in _chunks(len(x), len(self.means)):
            z = (self.means - x[part, None]) / self.deviations
            with np.errstate(over="ignore"):
                terms = self.log_weights - np.log(self.deviations) - _HALF_LOG_2PI - 0.5 * z * z
            value[part] = _log_sum(terms, np.full(len(z), -np.inf))
            slope[part] = (np.exp(terms - value[part, None]) * z / self.deviations).sum(axis=1)
        return value, slope

    def _turning_points(self) -> Array:
        points = np.unique(self.means[:, None] + self.deviations[:, None] * _SHAPE)
        rises = self._slope_sign(points) >= 0
        found = np.flatnonzero(rises[1:] != rises[:-1])
        low, high = points[found], points[found + 1]
        # Left of a mode the slope is positive: turned round, for a residual that grows.
        turned = np.where(rises[found], -1.0, 1.0)
        unknown = np.full(len(found), np.nan)
        return roots(
            lambda x, which: (turned[which] * self._slope_sign(x), unknown[which]), low, high, 0.5 * (low + high), 0.0
        )

    def _slope_sign(self, x: Array) -> Array:
        """Return the slope of the density at points (n,), each over the size of its largest part."""
        answer = np.empty(len(x))
        for part in _chunks(len(x), len(self.means)):
            z = (self.means - x[part, None]) / self.deviations
            with np.errstate(over="ignore", divide="ignore"):
                sizes = self.log_weights - 2 * np.log(self.deviations) - 0.5 * z * z + np.log(np.abs(z))
            largest = sizes.max(axis=1, keepdims=True)
            shares = np.exp(sizes - np.where(np.isfinite(largest), largest, 0.0))
            answer[part] = (np.sign(z) * shares).sum(axis=1)
        return answer

    def _mass(self, starts: Array, ends: Array) -> Array:
        """Return the probability of each interval, accurate relative to itself far out as well."""
        a, b = ((x[:, None] - self.means) / self.deviations for x in (starts, ends))
        flip = a > -b
        a, b = np.where(flip, -b, a), np.where(flip, -a, b)
        return np.asarray((ndtr(b) - ndtr(a)) @ np.exp(self.log_weights))
