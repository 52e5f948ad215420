"""Covariance matrices with common axes: each its own lengths along them (VVE), or those of equal volume (EVE).

With D given, the variances along its columns are those of a diagonal family for the scatters ``g_k = diag(Dᵀ W_k D)``,
and what is left to maximise is minus half

    f(D) = Σ_k n_k Σ_j log g_kj                  VVE: common principal components (Flury 1984)
    f(D) = n d log Σ_k (Π_j g_kj)^(1/d)          EVE

Browne & McNicholas (2014) descend f by bounding it; here all planes of two axes are turned at once, each by the Newton
step of its angle, shorter where f would rise. Near the optimum the planes hardly interact, so few turns are needed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gmmkit.model.covariance.axis_aligned import equal_volumes
from gmmkit.model.covariance.base import Equivariance, quotient
from gmmkit.model.covariance.full import Full, symmetric
from gmmkit.model.covariance.structured import ALLOWED, Structured, geometric_mean
from gmmkit.numerics.frame import power_of_two

__all__ = ["EVE", "VVE"]

Array = NDArray[np.float64]
# (counts, spread) → f (...,) and its derivatives ω_k = g_kj ∂f/∂g_kj (..., k).
Criterion = Callable[[Array, Array], tuple[Array, Array]]

#: Turning ends when the next turn promises less than this, per unit of weight, or after so many turns. Six turns where
#: the last pass's axes are known take 20 to 40 % off a fit of 300 rows of 45 columns with three clusters, but of three
#: such sets one was left with a far worse optimum (VVE 3, BIC 49,096 instead of 44,835).
TOLERANCE = 1e-12
MOST_TURNS = 30

_NOTHING = 1e-18  # a scatter along an axis below this share of a component's whole is rounding
_WIDEST = np.pi / 4  # turning two axes further exchanges them
_LEAST_CONVEX = 0.1  # share of the curvature without its negative part
_SHORTEST = 1e-6
_TINY = np.finfo(np.float64).tiny


class _CommonAxes(Structured, Full):
    equivariance: ClassVar[Equivariance] = "scalar"

    @classmethod
    def _maximise(cls, counts: Array, scatter: Array, previous: Array | None) -> Array:
        # Sums in counts near 1, or products of huge weights are no numbers; powers of two round nothing.
        unit = power_of_two(counts.sum(axis=-1))
        counts, scatter = counts * unit[..., None], scatter * unit[..., None, None, None]
        axes = _begun(counts, scatter, cls._criterion, None if previous is None else _axes_of(previous))
        axes = _turned(counts, scatter, axes, cls._criterion)
        variances = cls._along_axes(counts, np.maximum(_spread(scatter, axes), 0.0))
        axes = axes[..., None, :, :]
        return symmetric((axes * variances[..., None, :]) @ np.swapaxes(axes, -1, -2))

    def violation(self) -> str | None:
        unit = quotient(self.values, np.trace(self.values, axis1=1, axis2=2))
        turned = _seen_along(unit, _axes_of(unit))
        off = np.abs(turned * (1.0 - np.eye(self.n_features))).max(axis=(1, 2))
        if off.max() > ALLOWED:
            return f"the orientations of components differ: component {off.argmax()} has other axes than the rest"
        return super().violation()

    @staticmethod
    @abstractmethod
    def _criterion(counts: Array, spread: Array) -> tuple[Array, Array]:
        """Return f (...,) of spreads (..., k, d) along axes, and its derivatives (..., k), as `Criterion` says."""

    @staticmethod
    @abstractmethod
    def _along_axes(counts: Array, spread: Array) -> Array:
        """Return the variances (..., k, d) along axes that scatters have this spread (..., k, d) along."""


class VVE(_CommonAxes):
    """Matrices ``D V_k Dᵀ`` of shape (k, d, d), V_k diagonal: common axes.

    Examples
    --------
    >>> VVE.solve(np.array([1.0, 1.0]), np.array([np.diag([1.0, 4.0]), np.diag([16.0, 4.0])]))[0]
    array([[1., 0.],
           [0., 4.]])
    """

    name = structure = "VVE"

    @staticmethod
    def _criterion(counts: Array, spread: Array) -> tuple[Array, Array]:
        return (counts * np.log(spread).sum(axis=-1)).sum(axis=-1), counts

    @staticmethod
    def _along_axes(counts: Array, spread: Array) -> Array:
        return quotient(spread, counts)


class EVE(_CommonAxes):
    """Matrices ``D V_k Dᵀ`` of shape (k, d, d), V_k diagonal with one determinant: common axes and equal volume.

    Examples
    --------
    >>> EVE.solve(np.array([1.0, 1.0]), np.array([np.diag([1.0, 4.0]), np.diag([16.0, 4.0])]))[0]
    array([[ 2.5,  0. ],
           [ 0. , 10. ]])
    """

    name = structure = "EVE"

    @staticmethod
    def _criterion(counts: Array, spread: Array) -> tuple[Array, Array]:
        volumes = np.where(counts > 0, geometric_mean(spread), 0.0)
        together, total = np.maximum(volumes.sum(axis=-1), _TINY), counts.sum(axis=-1)
        return spread.shape[-1] * total * np.log(together), volumes * (total / together)[..., None]

    @staticmethod
    def _along_axes(counts: Array, spread: Array) -> Array:
        return equal_volumes(counts, spread)


def _axes_of(covariances: Array) -> Array:
    """Return the axes (..., d, d) that covariances (..., k, d, d) have in common.

    They are the eigenvectors of any sum of the covariances in which no two axes happen to be equally long; shares
    that are irrational to each other keep that from happening where the covariances themselves differ.
    """
    k = covariances.shape[-3]
    shares = 1.0 + np.modf(np.arange(1, k + 1) * (np.sqrt(5.0) - 1.0) / 2.0)[0]
    together = quotient(covariances, np.trace(covariances, axis1=-2, axis2=-1))
    return np.asarray(np.linalg.eigh(np.einsum("k,...kij->...ij", shares, together))[1])


def _begun(counts: Array, scatter: Array, criterion: Criterion, known: Array | None) -> Array:
    """Return the axes with least f among those known, those of each scatter and those of their sum.

    f may have several minima; on random problems the best of these led to the lowest that any start did.
    """
    axes = np.linalg.eigh(np.concatenate([scatter, scatter.sum(axis=-3, keepdims=True)], axis=-3))[1]
    if known is not None:
        axes = np.concatenate([known[..., None, :, :], axes], axis=-3)
    spread = _spread(scatter[..., None, :, :, :], axes)
    spread = np.maximum(spread, _least(scatter)[..., None, :, None])
    values, _ = criterion(counts[..., None, :], spread)
    best = values.argmin(axis=-1)[..., None, None, None]
    return np.take_along_axis(axes, best, axis=-3)[..., 0, :, :]


def _turned(counts: Array, scatter: Array, axes: Array, criterion: Criterion) -> Array:
    """Turn axes (..., d, d) downhill until f is flat; f never rises."""
    least = _least(scatter)[..., None]
    total = counts.sum(axis=-1)
    diagonal = np.arange(scatter.shape[-1])
    stride = np.ones(total.shape)
    moving = np.ones(total.shape, dtype=bool)

    def seen(axes: Array) -> tuple[Array, Array, Array, Array]:
        turned = _seen_along(scatter, axes)
        spread = np.maximum(turned[..., diagonal, diagonal], least)
        return turned, spread, *criterion(counts, spread)

    turned, spread, value, weights = seen(axes)
    for _ in range(MOST_TURNS):
        angles, promise = _newton(turned, spread, weights)
        moving &= (promise > TOLERANCE * total) & (stride > _SHORTEST)
        if not moving.any():
            break
        tried = axes @ _rotation(stride[..., None, None] * angles)
        new = seen(tried)
        fell = moving & (new[2] < value)
        axes = np.where(fell[..., None, None], tried, axes)
        turned, spread, weights = (
            np.where(fell.reshape(fell.shape + (1,) * (a.ndim - fell.ndim)), b, a)
            for a, b in ((turned, new[0]), (spread, new[1]), (weights, new[3]))
        )
        value = np.where(fell, new[2], value)
        stride = np.where(fell, np.minimum(1.0, 2.0 * stride), 0.5 * stride)
    return axes


def _newton(turned: Array, spread: Array, weights: Array) -> tuple[Array, Array]:
    """Return the angle (..., d, d) by which to turn each axis towards each other one, and how much f should fall.

    For the plane of the axes p and q, with G_k = Dᵀ W_k D and the ω_k held,

        ∂f/∂θ = Σ_k 2 ω_k G_kpq (1/g_kp − 1/g_kq)
        ∂²f/∂θ² = Σ_k 2 ω_k [(g_kp − g_kq)² / (g_kp g_kq) − 2 G_kpq² (1/g_kp² + 1/g_kq²)]

    whose first term alone, never negative, bounds the curvature where the second is as large.
    """
    inverse = 1.0 / spread
    share = turned * inverse[..., None]
    weights = weights[..., None]
    slope = 2.0 * (weights[..., None] * share).sum(axis=-3)
    ratio = np.swapaxes(weights * spread, -1, -2) @ inverse - weights.sum(axis=-2)[..., None]
    bend = (weights[..., None] * share * share).sum(axis=-3)
    slope = slope - np.swapaxes(slope, -1, -2)
    convex = 2.0 * (ratio + np.swapaxes(ratio, -1, -2))
    curvature = np.maximum(convex - 4.0 * (bend + np.swapaxes(bend, -1, -2)), _LEAST_CONVEX * convex)
    angles = -quotient(slope, np.maximum(curvature, np.abs(slope) / _WIDEST))
    return angles, 0.25 * np.abs(angles * slope).sum(axis=(-1, -2))


def _rotation(angles: Array) -> Array:
    """Return orthogonal matrices (..., d, d) near ``I + anglesᵀ``, by Cayley's transform."""
    half = 0.5 * np.swapaxes(angles, -1, -2)
    unit = np.eye(half.shape[-1])
    return np.asarray(np.linalg.solve(unit - half, unit + half))


def _seen_along(scatter: Array, axes: Array) -> Array:
    """Return ``Dᵀ W_k D`` (..., k, d, d) for axes (..., d, d): two products a problem, not two a component."""
    flat = (*scatter.shape[:-3], -1, scatter.shape[-1])
    half = (scatter.reshape(flat) @ axes).reshape(scatter.shape)
    return np.asarray((np.swapaxes(half, -1, -2).reshape(flat) @ axes).reshape(scatter.shape))


def _spread(scatter: Array, axes: Array) -> Array:
    """Return ``diag(Dᵀ W_k D)`` (..., k, d) for axes (..., d, d)."""
    axes = axes[..., None, :, :]
    return np.asarray(((scatter @ axes) * axes).sum(axis=-2))


def _least(scatter: Array) -> Array:
    whole = np.trace(scatter, axis1=-2, axis2=-1)
    return np.where(whole > 0, _NOTHING * whole, 1.0)
