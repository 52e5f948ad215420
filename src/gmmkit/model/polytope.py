"""Convex hulls of points: corners, volume, and rows drawn inside.

All in the points' own metric, where they reach about as far in every direction, so that narrow hulls are as good as
any. Source: Barber, Dobkin & Huhdanpaa, "The Quickhull algorithm for convex hulls", ACM Transactions on Mathematical
Software 22 (1996), through SciPy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

__all__ = ["corners", "draw_inside", "log_volume"]

Array = NDArray[np.float64]


def corners(points: Array) -> Array:
    """Return the points (m, d) that the convex hull of `points` (n, d) rests on.

    Raises
    ------
    scipy.spatial.QhullError
        If the points have no volume.
    """
    if points.shape[1] == 1:
        return np.array([points.min(axis=0), points.max(axis=0)])
    return np.asarray(points[np.sort(ConvexHull(_unit(points)[0]).vertices)])


def log_volume(points: Array) -> float:
    """Return the logarithm of the volume of the convex hull of points (n, d).

    Examples
    --------
    >>> round(log_volume(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])), 6)  # a triangle of area 1
    0.0
    """
    if points.shape[1] == 1:
        return float(np.log(np.ptp(points)))
    unit, stretch, _ = _unit(points)
    return float(np.log(ConvexHull(unit).volume) + np.log(np.abs(np.diagonal(np.linalg.qr(stretch)[1]))).sum())


def draw_inside(points: Array, n_rows: int, random: np.random.Generator) -> Array:
    """Draw rows (n_rows, d) that are uniform in the convex hull of points (m, d), by rejection from a box."""
    d = points.shape[1]
    if d == 1:
        return np.asarray(points.min() + np.ptp(points) * random.random((n_rows, 1)))
    unit, stretch, centre = _unit(points)
    sides = ConvexHull(unit).equations
    low, high = unit.min(axis=0), unit.max(axis=0)
    drawn = np.empty((0, d))
    while len(drawn) < n_rows:
        trial = low + (high - low) * random.random((max(64, n_rows), d))
        inside = (trial @ sides[:, :-1].T + sides[:, -1] <= 0).all(axis=1)
        drawn = np.concatenate([drawn, trial[inside]])
    return drawn[:n_rows] @ stretch + centre


def _unit(points: Array) -> tuple[Array, Array, Array]:
    """Return points of unit covariance, and the matrix and the centre that turn them back."""
    centre = points.mean(axis=0)
    scale = np.abs(points - centre).max(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    left, sizes, axes = np.linalg.svd((points - centre) / scale, full_matrices=False)
    sizes = np.where(sizes > 1e-12 * sizes.max(), sizes, 0.0)
    root = np.sqrt(len(points))
    # A direction without spread keeps none: qhull then says that there is no volume.
    return left * root * (sizes > 0), (sizes / root)[:, None] * axes * scale, centre
