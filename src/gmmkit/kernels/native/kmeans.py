"""k-means of rows in memory in the compiled kernel."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.kernels.native import _checked, _library
from gmmkit.kernels.native.addresses import address_of

__all__ = ["assign_nearest", "lloyd", "plus_plus"]

Array = NDArray[np.float64]

_int, _double, _address = ctypes.c_int, ctypes.c_double, ctypes.c_void_p
_ARGUMENTS: dict[str, list[Any]] = {
    "gmmkit_lloyd": [_address, _address, _int, _int, _int, _double, _int, _address],
    "gmmkit_assign_nearest": [_address, _int, _int, _int, _address, _address],
    "gmmkit_plus_plus": [_address, _address, _int, _int, _int, _int, _int, _address, _address, _address],
}
# Products in one call, a tenth of a second's: Ctrl-C is heard between calls.
_ONE_CALL = 1 << 27


def plus_plus(z: Array, weights: Array, k: int, trials: int, uniforms: Array) -> NDArray[np.int32]:
    """Return which rows (k,) greedy k-means++ takes: each the best of some, drawn by weight × squared distance.

    Parameters
    ----------
    z : ndarray of shape (d, n)
    weights : ndarray of shape (n,)
    k : int
    trials : int
        Rows that are tried for each seed but the first.
    uniforms : ndarray of shape (1 + (k − 1) · trials,)
        Numbers in [0, 1), that the rows are drawn with.
    """
    d, n = z.shape
    distances, seeds = np.empty(n), np.empty(k, dtype=np.int32)
    rows = address_of(z, (d, n)), address_of(weights, (n,))
    drawn = address_of(uniforms, (1 + (k - 1) * trials,))
    at_once = max(_ONE_CALL // max(n * d * trials, 1), 1)
    for begin in range(0, k, at_once):
        part = begin, min(begin + at_once, k)
        _call("gmmkit_plus_plus", *rows, n, d, *part, trials, drawn, distances.ctypes.data, seeds.ctypes.data)
    return seeds


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
    rows = address_of(z, (d, n)), address_of(weights, (n,))
    _call("gmmkit_lloyd", *rows, n, d, k, enough, most, address_of(centres, (k, d)))
    return centres


def assign_nearest(z: Array, centres: Array) -> NDArray[np.int32]:
    """Return the nearest (n,) of centres (k, d) for columns z (d, n); of those equally near, the first."""
    (d, n), k = z.shape, len(centres)
    nearest = np.empty(n, dtype=np.int32)
    _call("gmmkit_assign_nearest", address_of(z, (d, n)), n, d, k, address_of(centres, (k, d)), nearest.ctypes.data)
    return nearest


def _call(name: str, *arguments: Any) -> None:
    function = getattr(_library(), name)
    if function.argtypes is None:
        function.restype, function.argtypes = ctypes.c_int, _ARGUMENTS[name]
    _checked(function(*arguments))
