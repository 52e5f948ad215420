"""What a character is described by: its ink, blurred, and where its strokes run in which direction.

The gradient of the ink is split into eight directions, each a map that is blurred and read off on a coarse grid; the
square root brings strong and faint strokes nearer to each other, and nearer to a Gaussian (Liu, Nakashima, Sako &
Fujisawa 2003, "Handwritten digit recognition: benchmarking of state-of-the-art techniques", Pattern Recognition 36).
Both parts have the same spread over the training images, so that principal axes heed both; of the ink's part
an image can be drawn again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["CELLS", "DIRECTIONS", "directions", "smoothed"]

Array = NDArray[np.float64]

#: Directions of gradients, and cells a side of the grid on which each is read off.
DIRECTIONS, CELLS = 8, 5
# Of the ink's part, in pixels; of the directions' maps, in pixels of an image that is ten wide.
_BLUR, _REACH = 0.7, 1.0


def smoothed(images: Array) -> Array:
    """Return blurred ink (n, size²) of upright images (n, size, size)."""
    return np.asarray(ndimage.gaussian_filter(images, (0.0, _BLUR, _BLUR)).reshape(len(images), -1))


def directions(images: Array) -> Array:
    """Return how much stroke runs in each direction in each cell (n, 8 · 5²), square roots.

    Examples
    --------
    >>> image = np.zeros((1, 20, 20))
    >>> image[0, :, 10:] = 1.0
    >>> found = directions(image).reshape(8, -1)
    >>> int(found.sum(axis=1).argmax())
    0
    """
    size = images.shape[1]
    across, down = _slope(images, 2, 1), _slope(images, 1, 2)
    strength = np.hypot(across, down)
    angle = (np.arctan2(down, across) / (2.0 * np.pi) * DIRECTIONS) % DIRECTIONS
    centres = (np.arange(CELLS) + 0.5) * size / CELLS - 0.5
    window = np.exp(-0.5 * ((np.arange(size) - centres[:, None]) / (_REACH * size / 10.0)) ** 2)
    window /= window.sum(axis=1, keepdims=True)
    found = np.empty((len(images), DIRECTIONS, CELLS, CELLS))
    for k in range(DIRECTIONS):
        away = np.abs(angle - k)
        np.minimum(away, DIRECTIONS - away, out=away)
        shared = np.maximum(0.0, np.subtract(1.0, away, out=away), out=away)
        shared *= strength
        found[:, k] = window @ shared @ window.T
    return np.asarray(np.sqrt(found).reshape(len(images), -1))


def _slope(images: Array, along: int, beside: int) -> Array:
    """Return Sobel's derivative along an axis; images are not smoothed into each other."""
    smooth = ndimage.correlate1d(images, [1.0, 2.0, 1.0], axis=beside, mode="constant")
    return np.asarray(ndimage.correlate1d(smooth, [-1.0, 0.0, 1.0], axis=along, mode="constant"))
