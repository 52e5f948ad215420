"""k-means of few rows in the compiled kernel."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.kernels.native import _checked, _library
from gmmkit.kernels.native.plain import address_of

__all__ = ["lloyd"]

Array = NDArray[np.float64]

_address = ctypes.c_void_p
_ARGUMENTS: list[Any] = [
    _address, _address, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_double, ctypes.c_int, _address,
]  # fmt: skip


def lloyd(z: Array, weights: Array, seeds: Array, *, enough: float, most: int) -> Array:
    """Return the centres (k, d) that Lloyd's iteration reaches from `seeds`.

    Parameters
    ----------
    z : ndarray of shape (d, n)
    weights : ndarray of shape (n,)
    seeds : ndarray of shape (k, d)
    enough : float
        The change of half the weighted sum of squared distances in a pass, with which it ends.
    most : int
        Passes.
    """
    (d, n), k = z.shape, len(seeds)
    centres = np.array(seeds, order="C")
    function = _library().gmmkit_lloyd
    if function.argtypes is None:
        function.restype, function.argtypes = ctypes.c_int, _ARGUMENTS
    rows = address_of(z, (d, n)), address_of(weights, (n,))
    _checked(function(*rows, n, d, k, enough, most, address_of(centres, (k, d))))
    return centres
