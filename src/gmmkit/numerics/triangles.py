"""Symmetric matrices by their upper triangles, row by row: half the memory."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["packed", "unpacked", "upper"]

Array = NDArray[np.float64]


def packed(matrices: Array) -> Array:
    """Return the upper triangles (k, d(d+1)/2) of matrices (k, d, d).

    Examples
    --------
    >>> packed(np.array([[[1.0, 2.0], [2.0, 3.0]]]))
    array([[1., 2., 3.]])
    """
    rows, columns = upper(matrices.shape[-1])
    return np.asarray(matrices[:, rows, columns])


def unpacked(triangles: Array, d: int) -> Array:
    """Return the symmetric matrices (k, d, d) with these upper triangles (k, d(d+1)/2)."""
    rows, columns = upper(d)
    matrices = np.empty((len(triangles), d, d))
    matrices[:, rows, columns] = triangles
    matrices[:, columns, rows] = triangles
    return matrices


@lru_cache(maxsize=16)
def upper(d: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows and columns of the entries; asked for so often that making them anew would take longer."""
    return np.triu_indices(d)
