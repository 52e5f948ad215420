"""Characters made upright: ink bright, its centre of mass in the middle, its slant taken out, all of one size.

The slant is the regression of columns on rows over the ink: with moments μ about the centre of mass, a row r is moved
by −(μ_rc / μ_rr) (r − r̄) (moment normalisation of Casey 1970, "Moment normalization of handprinted characters", IBM
Journal of Research and Development 14). Resampling and shear are one map, read off by linear interpolation between
rows, and then along them. Images of one size are resampled together.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["INKS", "Ink", "ink_of", "upright"]

Array = NDArray[np.float64]
Ink = Literal["auto", "light", "dark"]
INKS: tuple[Ink, ...] = get_args(Ink)

# An image without a border around its ink is given one: a tenth of its size on each side.
_MARGIN = 0.1
_FLAT = 1e-12


def ink_of(images: NDArray[Any], ink: Ink = "auto") -> Array:
    """Return the ink of images (..., h, w), of each from 0, none, to 1, the most there is.

    Parameters
    ----------
    images : ndarray of shape (..., h, w)
        Any real dtype.
    ink : {"auto", "light", "dark"}
        Whether ink is brighter than paper; "auto": paper is what the border shows most of.

    Examples
    --------
    >>> ink_of(np.array([[255, 255, 255], [255, 0, 255], [255, 255, 255]], dtype=np.uint8)).tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    values = images.astype(np.float64)
    low, high = (extreme(axis=(-2, -1), keepdims=True) for extreme in (values.min, values.max))
    varied = high > low
    values -= low
    values /= np.where(varied, high - low, 1.0)
    if ink == "auto":
        edges = (values[..., 0, :], values[..., -1, :], values[..., :, 0], values[..., :, -1])
        dark = (np.median(np.concatenate(edges, axis=-1), axis=-1) > 0.5)[..., None, None]
    else:
        dark = np.asarray(ink == "dark")
    np.subtract(1.0, values, out=values, where=dark)
    return np.where(varied, values, 0.0)


def upright(ink: Array, size: int, *, deskew: bool = True) -> Array:
    """Return ink (..., h, w) centred, without slant, as images of size × size.

    An image without ink stays empty.

    Examples
    --------
    >>> slanted = np.eye(9)
    >>> int(upright(slanted, 9).sum(axis=0).argmax())
    4
    """
    h, w = ink.shape[-2:]
    stack = ink.reshape(-1, h, w)
    of_rows = stack.sum(axis=2)
    total = of_rows.sum(axis=1)
    held = total > _FLAT
    total = np.where(held, total, 1.0)
    r = (of_rows * np.arange(h)).sum(axis=1) / total
    c = (stack.sum(axis=1) * np.arange(w)).sum(axis=1) / total
    down, across = np.arange(h) - r[:, None], np.arange(w) - c[:, None]
    rr = (of_rows * down**2).sum(axis=1)
    rc = ((stack @ across[:, :, None])[:, :, 0] * down).sum(axis=1)
    slant = np.divide(rc, rr, out=np.zeros_like(rr), where=deskew & held & (rr > _FLAT * total))
    step = max(h, w) * (1.0 + 2.0 * _MARGIN) / size
    if step > 1.0:
        # Detail that the smaller image cannot show would be read as noise.
        blur = 0.5 * (step - 1.0)
        stack = ndimage.gaussian_filter(stack, (0.0, blur, blur))
    middle = (size - 1) / 2
    # A row of the answer lies in one row of the image, and along it columns are a step apart.
    steps = step * np.arange(size)
    row_places = (r - step * middle)[:, None] + steps
    first = c - (step * slant * middle + step * middle)
    column_places = (first[:, None] + slant[:, None] * steps)[:, :, None] + steps
    made = _between(_between(stack, row_places[:, :, None], 1), column_places, 2)
    made[~held] = 0.0
    return made.reshape(*ink.shape[:-2], size, size)


def _between(values: Array, places: Array, axis: int) -> Array:
    """Return values at places along an axis, linear between two, 0 beyond the ends."""
    last = values.shape[axis] - 1
    inside = (places >= 0.0) & (places <= last)
    before = np.clip(np.floor(places), 0, max(last - 1, 0)).astype(np.intp)
    found = np.take_along_axis(values, before, axis)
    after = np.take_along_axis(values, np.minimum(before + 1, last), axis)
    after -= found
    after *= places - before
    found += after
    return np.where(inside, found, 0.0)
