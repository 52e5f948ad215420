"""Plain expectation–maximisation of one mixture in the compiled kernel: what the array engine does, pass by pass."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.kernels.native import MOST_COLUMNS, STRUCTURES, _checked, _library
from gmmkit.kernels.native.addresses import address_of

__all__ = ["CONVERGED", "SINGULAR", "UNFINISHED", "run_plain"]

Array = NDArray[np.float64]

#: How a run ended.
CONVERGED, UNFINISHED, SINGULAR = 0, 1, 2

_int32, _int64, _address = ctypes.POINTER(ctypes.c_int32), ctypes.POINTER(ctypes.c_int64), ctypes.c_void_p
_ARGUMENTS: list[Any] = [
    _address, _address, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int, _int32, _int32, _int64,
    _address, _address, _address, _address, _address, ctypes.c_int, _int32, _int32,
    ctypes.c_int, ctypes.c_double, ctypes.c_double, _address, _int32, _address,
]  # fmt: skip


def run_plain(
    z: Array,
    weights: Array,
    structure: str,
    pseudo: Array,
    units: Array,
    parameters: tuple[Array, Array, Array],
    *,
    max_iter: int,
    tol: float,
    before: float,
    needed: float,
) -> tuple[Array, int]:
    """Make passes of one mixture until one changes the objective by less than `tol`; refit after each.

    Parameters
    ----------
    z : ndarray of shape (d, n)
    weights : ndarray of shape (n,)
        Of the rows.
    structure : str
        One of `STRUCTURES`.
    pseudo : ndarray of shape (d, d)
        Added to the scatter of each component.
    units : ndarray of shape (d,)
        What each column is multiplied by to have one scale for all, in which EII VII EVE VVE EEV VEV are defined.
    parameters : tuple of ndarray, shapes (k,), (k, d) and (k, d, d)
        Weights, means and covariances; overwritten with those of the last refit.
    max_iter : int
    tol : float
    before : float
        The objective known before the first pass; −inf if none.
    needed : float
        Weight that each component must hold after each pass.

    Returns
    -------
    trace : ndarray of shape (passes,)
        The penalised log-likelihood per unit of weight before each pass's refit.
    status : int
        `CONVERGED`, `UNFINISHED`, or `SINGULAR`: then a state could not be scored, or a component held less than it
        needs, and the rest means nothing.
    """
    (d, n), k = z.shape, len(parameters[0])
    if not (1 <= d <= MOST_COLUMNS and k >= 1 and max_iter >= 1):
        raise ValueError(f"expected 1 to {MOST_COLUMNS} columns, components and passes; got {d}, {k} and {max_iter}")
    trace, objective = np.empty(max_iter), np.array([before])
    arrays = (z, weights, pseudo, units, *parameters, objective, trace)
    shapes = ((d, n), (n,), (d, d), (d,), (k,), (k, d), (k, d, d), (1,), (max_iter,))
    at = [address_of(array, shape) for array, shape in zip(arrays, shapes, strict=True)]
    status, passes = ctypes.c_int32(), ctypes.c_int32()
    code, size, zero = ctypes.c_int32(STRUCTURES.index(structure)), ctypes.c_int32(k), ctypes.c_int64()
    _checked(
        _function()(
            at[0], at[1], 0, n, d, 1, ctypes.byref(code), ctypes.byref(size), ctypes.byref(zero),
            at[2], at[3], at[4], at[5], at[6], 1, ctypes.byref(status), ctypes.byref(ctypes.c_int32()),
            max_iter, tol, needed, at[7], ctypes.byref(passes), at[8],
        )
    )  # fmt: skip
    return trace[: passes.value], status.value


def _function() -> Any:
    function = _library().gmmkit_stack_run_plain
    if function.argtypes is None:
        function.restype, function.argtypes = ctypes.c_int, _ARGUMENTS
    return function
