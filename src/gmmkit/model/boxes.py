"""The probability of a box: of every column lying between two values.

    P(a ≤ x ≤ b) = Σ_k w_k ∫_a^b N(x; μ_k, Σ_k) dx

Columns without bounds are left out first. One column, or columns that are independent within components: a sum of
products of distribution functions. Otherwise each component's integral is turned, column by column along its Cholesky
factor, into a mean over the unit cube (Genz, "Numerical computation of multivariate normal probabilities", Journal of
Computational and Graphical Statistics 1 (1992)), taken over a randomly shifted lattice, narrow columns first (Genz &
Bretz, "Computation of Multivariate Normal and t Probabilities" (2009), section 4.1.3). Intervals above a mean are
mirrored, so that nothing is lost in either tail.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from gmmkit.errors import ParameterError
from gmmkit.model.compare import Estimate, held
from gmmkit.model.mixture import Mixture
from gmmkit.model.quantiles import one_column
from gmmkit.model.tails import Tails
from gmmkit.model.validity import gaussian_only, refuse_noise
from gmmkit.numerics.arguments import shown, whole
from gmmkit.numerics.cholesky import cholesky
from gmmkit.numerics.streams import Seed, generator

__all__ = ["box_probability"]

Array = NDArray[np.float64]

# Shifts of the lattice, whose spread tells the error.
_SHIFTS = 10


def box_probability(
    mixture: Mixture, box: Mapping[int, tuple[float, float]], *, n_samples: int = 10_000, seed: Seed = 0
) -> Estimate:
    """Return the probability that columns lie between bounds.

    Parameters
    ----------
    mixture : Mixture
    box : mapping of int to (float, float)
        The least and the largest value of each bounded column, in the data's units; ±inf for no bound. Columns that are
        not named may take any value.
    n_samples : int, default=10_000
        Points of the lattice, for each component, where the value is not exact.
    seed : int, SeedSequence, Generator or None

    Returns
    -------
    Estimate
        Exact, with standard error 0, for one column or where columns are independent within components.

    Raises
    ------
    ParameterError
        If a column does not exist, bounds are no numbers or in the wrong order, or there is noise; if components are
        Student-t and more than one column is bounded.

    Examples
    --------
    >>> from gmmkit.model.covariance import Full
    >>> m = Mixture([1.0], [[0.0, 0.0]], Full([[[1.0, 0.5], [0.5, 1.0]]]))
    >>> print(box_probability(m, {0: (-1.96, 1.96)}))
    0.950004
    >>> quadrant = box_probability(m, {0: (0.0, np.inf), 1: (0.0, np.inf)})  # 1/4 + asin(0.5) / 2π
    >>> round(quadrant.value, 4), quadrant.standard_error < 1e-3
    (0.3333, True)
    """
    refuse_noise(mixture, "the probability of a box")
    bounds = _checked(box, mixture.n_features)
    whole("n_samples", n_samples, 2 * _SHIFTS)
    columns = [j for j, (low, high) in bounds.items() if low > -np.inf or high < np.inf]
    if not columns:
        return Estimate(1.0, 0.0)
    inside = held(mixture.marginal(columns))
    low, high = (np.array([bounds[j][side] for j in columns]) for side in (0, 1))
    if len(columns) == 1:
        means, deviations, tails = one_column(inside)
        masses = _mass(tails, (low[0] - means) / deviations, (high[0] - means) / deviations)
        return Estimate(min(float(inside.weights @ masses), 1.0), 0.0)
    gaussian_only(inside, "the probability of a box in several columns")
    if inside.covariance.independent_columns:
        deviations = np.sqrt(inside.covariance.variances())
        masses = _mass(Tails(), (low - inside.means) / deviations, (high - inside.means) / deviations).prod(axis=1)
        return Estimate(min(float(inside.weights @ masses), 1.0), 0.0)
    return _integrated(inside, low, high, max(n_samples // _SHIFTS, 2), generator(seed))


def _integrated(mixture: Mixture, low: Array, high: Array, n_points: int, random: np.random.Generator) -> Estimate:
    lattice = np.arange(1, n_points + 1)[:, None] * np.sqrt(_primes(len(low) - 1))
    totals = np.zeros(_SHIFTS)
    shifts = random.random((_SHIFTS, 1, len(low) - 1))
    # Folded, so that the integrand has no jump at the edge of the cube.
    points = np.abs(2.0 * ((lattice + shifts) % 1.0) - 1.0).reshape(_SHIFTS * n_points, -1)
    deviations = np.sqrt(mixture.covariance.variances())
    dense = mixture.covariance.dense()
    for weight, mean, deviation, matrix in zip(mixture.weights, mixture.means, deviations, dense, strict=True):
        a, b = (low - mean) / deviation, (high - mean) / deviation
        own = _mass(Tails(), a, b)
        if not own.all():
            continue
        order = np.argsort(own)
        correlation = matrix / np.multiply.outer(deviation, deviation)
        factor = cholesky(correlation[order[:, None], order][None])[0]
        values = _over_the_cube(factor, a[order], b[order], points)
        totals += weight * values.reshape(_SHIFTS, n_points).mean(axis=1)
    return Estimate(min(float(totals.mean()), 1.0), float(totals.std(ddof=1) / math.sqrt(_SHIFTS)))


def _over_the_cube(factor: Array, low: Array, high: Array, points: Array) -> Array:
    """Return the product of the columns' probabilities, each given those before, at points (m, d − 1) of the cube."""
    drawn = np.empty((len(points), len(low)))
    product = np.ones(len(points))
    for j in range(len(low)):
        before = drawn[:, :j] @ factor[j, :j]
        a, b = ((bound - before) / factor[j, j] for bound in (low[j], high[j]))
        turned = a > -b
        a, b = np.where(turned, -b, a), np.where(turned, -a, b)
        least, span = ndtr(a), ndtr(b)
        span -= least
        product *= span
        if j < len(low) - 1:
            # Rounding must not lead out of the interval: far out it may be narrower than what float64 tells apart.
            value = np.clip(ndtri(least + points[:, j] * span), np.maximum(a, -1e3), np.minimum(b, 1e3))
            drawn[:, j] = np.where(turned, -value, value)
    return product


def _mass(tails: Tails, a: Array, b: Array) -> Array:
    """Return the probability between standard values, accurate relative to itself in both tails."""
    turned = a > -b
    a, b = np.where(turned, -b, a), np.where(turned, -a, b)
    return np.asarray(tails.cdf(b) - tails.cdf(a))


def _checked(box: Any, d: int) -> dict[int, tuple[float, float]]:
    if not isinstance(box, Mapping) or not box:
        raise ParameterError(f"box must map columns to bounds, such as {{0: (0.0, 1.5)}}, but got {shown(box)}")
    found = {}
    for column, bounds in box.items():
        j = whole("a column of the box", column, 0, d - 1)
        try:
            low, high = map(float, bounds)
        except (TypeError, ValueError):
            low = high = math.nan
        if not low < high:
            raise ParameterError(
                f"the bounds of column {j} must be two numbers, the least first, but got {shown(bounds)}: "
                "give -inf or inf for none"
            )
        found[j] = (low, high)
    return found


def _primes(count: int) -> Array:
    found: list[int] = []
    number = 2
    while len(found) < count:
        if all(number % prime for prime in found):
            found.append(number)
        number += 1
    return np.array(found, dtype=np.float64)
