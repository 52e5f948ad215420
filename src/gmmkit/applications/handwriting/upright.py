"""Characters made upright: ink bright, its centre of mass in the middle, its slant taken out, all of one size.

The slant is the regression of columns on rows over the ink: with moments μ about the centre of mass, a row r is moved
by −(μ_rc / μ_rr) (r − r̄) (moment normalisation of Casey 1970, "Moment normalization of handprinted characters", IBM
Journal of Research and Development 14). Resampling and shear are one map, read off by bilinear interpolation.
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


def ink_of(image: NDArray[Any], ink: Ink = "auto") -> Array:
    """Return the ink of an image (h, w) from 0, none, to 1, the most there is.

    Parameters
    ----------
    image : ndarray of shape (h, w)
        Any real dtype.
    ink : {"auto", "light", "dark"}
        Whether ink is brighter than paper; "auto": paper is what the border shows most of.

    Examples
    --------
    >>> ink_of(np.array([[255, 255, 255], [255, 0, 255], [255, 255, 255]], dtype=np.uint8)).tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    values = image.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if not high > low:
        return np.zeros_like(values)
    values = (values - low) / (high - low)
    if ink == "auto":
        border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
        ink = "dark" if np.median(border) > 0.5 else "light"
    return 1.0 - values if ink == "dark" else values


def upright(ink: Array, size: int, *, deskew: bool = True) -> Array:
    """Return ink (h, w) centred, without slant, as an image of size × size.

    An image without ink stays empty.

    Examples
    --------
    >>> slanted = np.eye(9)
    >>> int(upright(slanted, 9).sum(axis=0).argmax())
    4
    """
    h, w = ink.shape
    total = ink.sum()
    if total <= _FLAT:
        return np.zeros((size, size))
    rows, columns = np.arange(h)[:, None], np.arange(w)[None]
    r, c = float((rows * ink).sum() / total), float((columns * ink).sum() / total)
    rr, rc = float(((rows - r) ** 2 * ink).sum()), float(((rows - r) * (columns - c) * ink).sum())
    slant = rc / rr if deskew and rr > _FLAT * total else 0.0
    step = max(h, w) * (1.0 + 2.0 * _MARGIN) / size
    if step > 1.0:
        # Detail that the smaller image cannot show would be read as noise.
        ink = ndimage.gaussian_filter(ink, 0.5 * (step - 1.0))
    matrix = step * np.array([[1.0, 0.0], [slant, 1.0]])
    middle = np.full(2, (size - 1) / 2)
    return np.asarray(ndimage.affine_transform(ink, matrix, np.array([r, c]) - matrix @ middle, (size, size), order=1))
