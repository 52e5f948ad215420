"""Highest-density regions: the smallest that hold a given probability.

    R(p) = {x : f(x) ≥ c},   ∫_R f = p

Source: Hyndman, "Computing and Graphing Highest Density Regions" (1996), section 2. Of one column, the region's ends
lie one between each two neighbours among the density's modes and antimodes. Of more, c is a quantile of the density
at drawn rows.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import fdtri, gammaincinv

from gmmkit.kernels import student
from gmmkit.model.compare import Estimate, check_samples, held
from gmmkit.model.mixture import Mixture
from gmmkit.model.quantiles import chunks, log_sum, one_column
from gmmkit.model.tails import Tails
from gmmkit.model.validity import refuse_noise
from gmmkit.numerics.arguments import share
from gmmkit.numerics.roots import roots
from gmmkit.numerics.streams import Seed

__all__ = ["highest_density_level", "highest_density_region", "joined", "region_on_grid"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
_EPSILON = float(np.finfo(np.float64).eps)
# Where a component can give the density a mode or antimode of its own, in standard deviations.
_SHAPE = np.unique(np.concatenate([np.arange(-96, 97) / 16, np.arange(-20, 21) / 2]))
# Points at which a region is told of roughly: a hundredth of a deviation apart at the middle, and out to 12.
_GRID = np.sinh(np.linspace(-5.48, 5.48, 161)) / 10.0


def highest_density_level(
    mixture: Mixture, probability: float, *, n_samples: int = 100_000, seed: Seed = 0
) -> Estimate:
    """Return the log-density c with ``P(log p(x) ≥ c) = probability``: the edge of the highest-density region.

    Exact, with standard error 0, for one column or where only one component has weight
    (``−½ (d log 2π + log det Σ + χ²_d(probability))``; of a Student-t, ``δ / d`` has an F distribution). Otherwise a
    quantile of the log-densities of drawn rows, with its standard error from the order statistics one binomial
    standard deviation away (Woodruff 1952).

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
        If `probability` is not between 0 and 1, or `n_samples` is below 2; if there is noise.

    Examples
    --------
    >>> from gmmkit.model.covariance import Full
    >>> m = Mixture([1.0], [[0.0, 0.0]], Full([np.eye(2)]))
    >>> print(highest_density_level(m, 0.95))
    -4.83361
    """
    probability = share("probability", probability)
    check_samples(n_samples)
    refuse_noise(mixture, "a highest-density level")
    volume = mixture.frame.log_volume
    inside = held(mixture.into(mixture.frame))
    d = inside.n_features
    if inside.n_components == 1:
        peak = volume - d * _HALF_LOG_2PI - 0.5 * float(inside.covariance.log_determinants[0])
        nu = inside.degrees_of_freedom
        if nu is None or np.isinf(nu[0]):
            return Estimate(peak - float(gammaincinv(0.5 * d, probability)), 0.0)
        distance = np.array([[d * float(fdtri(d, nu[0], probability))]])
        peaks = peak + student.peak_offsets(nu, d)
        return Estimate(float(student.student_scores(distance, peaks, nu, d, np.empty((1, 1)))[0, 0]), 0.0)
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
    probability = share("probability", probability)
    one_column(mixture)
    frame = mixture.frame
    curve = _Curve.of(held(mixture.into(frame)))
    starts, ends = (frame.points_out(x) for x in curve.intervals(curve.level(probability)))
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def region_on_grid(mixture: Mixture, probability: float) -> list[tuple[float, float]]:
    """Return `highest_density_region` from a grid: ends within a few hundredths of a deviation, in a fiftieth the time.

    Examples
    --------
    >>> from gmmkit.model.covariance import Spherical
    >>> m = Mixture([0.5, 0.5], [[0.0], [10.0]], Spherical([1.0, 1.0], n_features=1))
    >>> [(round(a, 1), round(b, 1)) for a, b in region_on_grid(m, 0.95)]
    [(-2.0, 2.0), (8.1, 12.0)]
    """
    probability = share("probability", probability)
    means, deviations, tails = one_column(mixture)
    x = np.unique(means[:, None] + deviations[:, None] * _GRID)
    terms = np.log(mixture.weights) - np.log(deviations) + tails.log_density((means - x[:, None]) / deviations)
    heights = log_sum(terms, np.full(len(x), -np.inf))
    # A cell between two points is as high as the lower of them, so that regions have no gaps where points are near.
    cells = np.exp(0.5 * (heights[1:] + heights[:-1])) * np.diff(x)
    lower = np.minimum(heights[1:], heights[:-1])
    order = np.argsort(-lower, kind="stable")
    held_by = np.cumsum(cells[order])
    inside = np.zeros(len(cells) + 2, dtype=bool)
    inside[1 + order[: int(np.searchsorted(held_by, probability * held_by[-1])) + 1]] = True
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    return [(float(x[a]), float(x[b])) for a, b in edges.reshape(-1, 2)]


def joined(intervals: Sequence[Sequence[float]], gap: float = 0.02) -> list[tuple[float, float]]:
    """Return ascending intervals for words: those that a hair's gap parts, a fiftieth of all their width, as one.

    Examples
    --------
    >>> joined([(0.0, 4.0), (4.05, 6.0), (9.0, 10.0)])
    [(0.0, 6.0), (9.0, 10.0)]
    """
    found: list[tuple[float, float]] = []
    for low, high in intervals:
        if found and low - found[-1][1] <= gap * (intervals[-1][1] - intervals[0][0]):
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    return found


@dataclass(frozen=True, slots=True)
class _Curve:
    """The density of one column: rises to its first mode, falls to an antimode, and so on, down from its last mode.

    Attributes
    ----------
    log_weights, means, deviations : ndarray of shape (k,)
        Deviations are scales where components are Student-t.
    tails : Tails
        Of the components.
    turns, heights : ndarray of shape (2 m − 1,)
        Modes and antimodes from left to right, and the log-density there.
    """

    log_weights: Array
    means: Array
    deviations: Array
    tails: Tails
    turns: Array
    heights: Array

    @classmethod
    def of(cls, mixture: Mixture) -> _Curve:
        means, deviations, tails = one_column(mixture)
        nothing = np.empty(0)
        flat = cls(np.log(mixture.weights), means, deviations, tails, nothing, nothing)
        turns = flat._turning_points()
        return cls(flat.log_weights, means, deviations, tails, turns, flat.log_density(turns)[0])

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
        reach = self.deviations * self.tails.reach(level + np.log(self.deviations))
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
        for part in chunks(len(x), len(self.means)):
            z = (self.means - x[part, None]) / self.deviations
            with np.errstate(over="ignore"):
                terms = self.log_weights - np.log(self.deviations) + self.tails.log_density(z)
            value[part] = log_sum(terms, np.full(len(z), -np.inf))
            slope[part] = (np.exp(terms - value[part, None]) * self.tails.descent(z) / self.deviations).sum(axis=1)
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
        for part in chunks(len(x), len(self.means)):
            z = (self.means - x[part, None]) / self.deviations
            with np.errstate(over="ignore", divide="ignore"):
                own = self.tails.log_density(z) + np.log(np.abs(self.tails.descent(z)))
                sizes = self.log_weights - 2 * np.log(self.deviations) + own
            largest = sizes.max(axis=1, keepdims=True)
            shares = np.exp(sizes - np.where(np.isfinite(largest), largest, 0.0))
            answer[part] = (np.sign(z) * shares).sum(axis=1)
        return answer

    def _mass(self, starts: Array, ends: Array) -> Array:
        """Return the probability of each interval, accurate relative to itself far out as well."""
        a, b = ((x[:, None] - self.means) / self.deviations for x in (starts, ends))
        flip = a > -b
        a, b = np.where(flip, -b, a), np.where(flip, -a, b)
        return np.asarray((self.tails.cdf(b) - self.tails.cdf(a)) @ np.exp(self.log_weights))
