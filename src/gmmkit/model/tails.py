"""What distinguishes the tails of components: moments that exist, and the standard laws of one column.

A standard Student-t of ν degrees of freedom has a mean where ν > 1 and the variance ν / (ν − 2) where ν > 2; a ν of
infinity is the Gaussian. The laws of one column are methods of one value, `Tails`, so that distribution functions,
quantiles and regions are written once.

Source: Johnson, Kotz & Balakrishnan, "Continuous Univariate Distributions", volume 2 (1995), chapter 28.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, log_ndtr, ndtr, ndtri, stdtr, stdtrit

from gmmkit.errors import ParameterError
from gmmkit.kernels.student import peak_offsets

__all__ = ["Tails", "check_moments", "excess_spread"]

Array = NDArray[np.float64]

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
_ROOT_HALF = math.sqrt(0.5)
_ROOT_2_OVER_PI = math.sqrt(2 / math.pi)


def check_moments(degrees_of_freedom: Array | None, weights: Array, order: int) -> None:
    """Raise a ParameterError unless every component with weight has the first or second moment."""
    if degrees_of_freedom is None:
        return
    lacking = np.flatnonzero((degrees_of_freedom <= order) & (weights > 0))
    if len(lacking):
        j = int(lacking[0])
        raise ParameterError(
            f"component {j} has {degrees_of_freedom[j]:g} degrees of freedom and so no "
            f"{'mean' if order == 1 else 'covariance'}, which takes more than {order}: its centre is in means, "
            "its scale in covariances"
        )


def excess_spread(degrees_of_freedom: Array) -> Array:
    """Return ``ν / (ν − 2)``, a t's covariance over its scale; infinity where it has none.

    Examples
    --------
    >>> excess_spread(np.array([1.0, 4.0, np.inf]))
    array([inf,  2.,  1.])
    """
    beyond = np.maximum(degrees_of_freedom - 2.0, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 + 2.0 / beyond)


@dataclass(frozen=True, slots=True)
class Tails:
    """Standard laws of one column: Gaussian, or Student-t of `degrees_of_freedom`, which z broadcasts against.

    Examples
    --------
    >>> Tails().cdf(np.array([0.0, 1.96])).round(3), Tails(np.array([1.0, np.inf])).cdf(np.ones(2)).round(3)
    (array([0.5  , 0.975]), array([0.75 , 0.841]))
    """

    degrees_of_freedom: Array | None = None

    def taken(self, index: NDArray[np.intp]) -> Tails:
        """Return the laws that `index` chooses of the first axis: components, or rows."""
        return self if self.degrees_of_freedom is None else Tails(self.degrees_of_freedom[index])

    def along(self, index: NDArray[np.intp]) -> Tails:
        """Return the law (n, 1) that `index` (n, 1) chooses in each row of laws (n, k)."""
        nu = self.degrees_of_freedom
        return self if nu is None else Tails(np.take_along_axis(nu, index, axis=1))

    def log_density(self, z: Array) -> Array:
        """Return the logarithm of the density."""
        nu = self.degrees_of_freedom
        if nu is None:
            return np.asarray(-_HALF_LOG_2PI - 0.5 * z * z)
        finite = np.isfinite(nu)
        some = np.where(finite, nu, 1.0)
        with np.errstate(over="ignore"):
            heavy = np.log1p(z / some * z) * (0.5 * (some + 1.0))
            light = 0.5 * z * z
        return np.asarray(peak_offsets(nu, 1) - _HALF_LOG_2PI - np.where(finite, heavy, light))

    def descent(self, z: Array) -> Array:
        """Return ``−d log f / dz``: z for a Gaussian."""
        nu = self.degrees_of_freedom
        if nu is None:
            return z
        return np.asarray(z * ((1.0 + 1.0 / nu) / (1.0 + z / nu * z)))

    def reach(self, level: Array) -> Array:
        """Return the |z| beyond which the log-density is below `level`: 0 where it is nowhere above."""
        nu = self.degrees_of_freedom
        if nu is None:
            return np.asarray(np.sqrt(2 * np.maximum(-level - _HALF_LOG_2PI, 0.0)))
        depth = np.maximum(peak_offsets(nu, 1) - _HALF_LOG_2PI - level, 0.0)
        finite = np.isfinite(nu)
        some = np.where(finite, nu, 1.0)
        return np.asarray(np.where(finite, np.sqrt(some * np.expm1(2.0 * depth / (some + 1.0))), np.sqrt(2.0 * depth)))

    def cdf(self, z: Array) -> Array:
        """Return the distribution function."""
        nu = self.degrees_of_freedom
        if nu is None:
            return np.asarray(ndtr(z))
        return np.asarray(np.where(np.isfinite(nu), stdtr(np.where(np.isfinite(nu), nu, 1.0), z), ndtr(z)))

    def log_tail(self, z: Array) -> Array:
        """Return ``log F(z)``, for z that are not positive."""
        nu = self.degrees_of_freedom
        if nu is None:
            return np.asarray(log_ndtr(z))
        finite = np.isfinite(nu)
        with np.errstate(divide="ignore"):
            return np.asarray(np.where(finite, np.log(stdtr(np.where(finite, nu, 1.0), z)), log_ndtr(z)))

    def tail_slope(self, z: Array) -> Array:
        """Return the slope of `log_tail`, ``f / F``, at −|z|; never as a difference of two logarithms of a Gaussian."""
        gaussian = _ROOT_2_OVER_PI / erfcx(np.abs(z) * _ROOT_HALF)
        if self.degrees_of_freedom is None:
            return np.asarray(gaussian)
        with np.errstate(over="ignore", invalid="ignore"):
            heavy = np.exp(self.log_density(z) - self.log_tail(-np.abs(z)))
        return np.asarray(np.where(np.isfinite(self.degrees_of_freedom), heavy, gaussian))

    def quantile(self, p: Array) -> Array:
        """Return where the distribution function is p."""
        nu = self.degrees_of_freedom
        if nu is None:
            return np.asarray(ndtri(p))
        finite = np.isfinite(nu)
        return np.asarray(np.where(finite, stdtrit(np.where(finite, nu, 1.0), p), ndtri(p)))
