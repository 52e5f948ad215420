"""The compiled kernel: expectation–maximisation for stacks of small mixtures, one after the other, on threads.

Passes over many rows are in `dense.py`, runs of them in `dense_run.py`.

It is an optional part of the build: without it the NumPy engine does the same, more slowly. `why_not` says why it is
not used; the environment variable ``GMMKIT_NATIVE=0`` switches it off, and ``GMMKIT_INSTRUCTION_SET`` asks for one of
its forms that is not the processor's best: "baseline", "avx2" or "avx512". Arrays are as in `inference/stack.py`:
components of all mixtures lie one after the other, z is (d, n) with contiguous columns.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.kernels.native.loading import INSTRUCTION_SETS, load

__all__ = [
    "INSTRUCTION_SETS",
    "MOST_COLUMNS",
    "STRUCTURES",
    "begin",
    "call",
    "classify",
    "instruction_set",
    "partition_keys",
    "run",
    "smallest_eigenvalues",
    "why_not",
]

Array = NDArray[np.float64]

#: Codes of the structures are places in this list.
STRUCTURES = ("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV")
MOST_COLUMNS = 64

# Rows × components × passes that take some tens of milliseconds: what may take longer can be interrupted.
_LONG = 10_000_000
_doubles = np.ctypeslib.ndpointer(np.float64, flags="C_CONTIGUOUS")
_int32s = np.ctypeslib.ndpointer(np.int32, flags="C_CONTIGUOUS")
_uint64s = np.ctypeslib.ndpointer(np.uint64, flags="C_CONTIGUOUS")
_int64s = np.ctypeslib.ndpointer(np.int64, flags="C_CONTIGUOUS")
_COMMON: list[Any] = [
    _doubles, _doubles, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int, _int32s, _int32s, _int64s,
    _doubles, _doubles, _doubles, _doubles, _doubles, ctypes.c_int, _int32s, _int32s,
]  # fmt: skip


_FUNCTIONS = (
    "dense_pass", "dense_answer", "dense_run", "full_refit", "stack_run", "stack_begin", "stack_classify",
    "smallest_eigenvalues", "partition_keys",
)  # fmt: skip

# The place of the flag among them.
_INTERRUPTED = len(_COMMON) - 1


def _load() -> tuple[ctypes.CDLL | None, str | None]:
    return load(_declare)


def _declare(library: ctypes.CDLL) -> None:
    library.gmmkit_stack_run.argtypes = [
        *_COMMON, ctypes.c_int, ctypes.c_double, _doubles, _doubles, _doubles, _int32s, _doubles,
    ]  # fmt: skip
    library.gmmkit_stack_begin.argtypes = [*_COMMON, _int32s, _doubles]
    library.gmmkit_stack_classify.argtypes = [*_COMMON, _int32s]
    library.gmmkit_smallest_eigenvalues.argtypes = [
        _doubles, _doubles, _int32s, ctypes.c_int, ctypes.c_int, _doubles,
    ]  # fmt: skip
    library.gmmkit_partition_keys.argtypes = [_int32s, _uint64s, ctypes.c_int, ctypes.c_int, ctypes.c_int, _uint64s]
    library.gmmkit_dense_pass.argtypes = [ctypes.c_void_p] * 5
    library.gmmkit_dense_answer.argtypes = [ctypes.c_void_p] * 4
    library.gmmkit_dense_run.argtypes = [ctypes.c_void_p] * 2
    library.gmmkit_full_refit.argtypes = [ctypes.c_void_p] * 2
    for name in _FUNCTIONS:
        getattr(library, f"gmmkit_{name}").restype = ctypes.c_int


def why_not() -> str | None:
    """Return why the compiled kernel is not used, or None if it is."""
    if (asked := os.environ.get("GMMKIT_NATIVE", "")).lower() in ("0", "no", "off", "false"):
        return f"GMMKIT_NATIVE={asked} switches it off"
    return _load()[1]


def instruction_set() -> str:
    """Return which of its forms this processor runs."""
    library, reason = _load()
    if library is None:
        raise RuntimeError(reason)
    return INSTRUCTION_SETS[library.gmmkit_instruction_set()]


def run(
    z: Array,
    weights: Array,
    structures: NDArray[np.int32],
    sizes: NDArray[np.int32],
    pseudo: Array,
    units: Array,
    parameters: tuple[Array, Array, Array],
    *,
    max_iter: int,
    tol: float,
    n_threads: int = 1,
) -> tuple[Array, Array, Array, NDArray[np.int32], NDArray[np.int32], Array]:
    """Run S mixtures of the same rows until Aitken's estimate of the gain still to come is below `tol`.

    The estimate is of plain passes. Next to a stretched step it tells too little, as what is slow has just been taken;
    two more plain passes must agree.

    Parameters
    ----------
    z : ndarray of shape (d, n)
    weights : ndarray of shape (n,) or (S, n)
        Of the rows, for all mixtures or for each.
    structures, sizes : ndarray of int32, shape (S,)
        Codes of structures, numbers of components.
    pseudo : ndarray of shape (S, d, d)
        Added to the scatter of each of a mixture's components.
    units : ndarray of shape (d,)
        What each column is multiplied by to have one scale for all, in which EII VII EVE VVE EEV VEV are defined.
    parameters : tuple of ndarray, shapes (K,), (K, d) and (K, d, d)
        Weights, means and covariances; overwritten with those at which the answers were found.
    max_iter : int
    tol : float
    n_threads : int, default=1
        The answers have the same bits for any number.

    Returns
    -------
    objective, log_likelihood, log_certainty : ndarray of shape (S,)
    passes, status : ndarray of int32, shape (S,)
        0 converged, 1 unfinished, 2 singular: of these the last sound parameters, and objective −∞.
    traces : ndarray of shape (S, max_iter)
    """
    count = len(sizes)
    answers = np.empty((3, count))
    passes, status = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32)
    traces = np.zeros((count, max_iter))
    given = _given(z, weights, structures, sizes, pseudo, units, parameters, n_threads, status)
    work = z.shape[1] * int(sizes.sum()) * max_iter
    _call(_library().gmmkit_stack_run, (*given, max_iter, tol, *answers, passes, traces), work)
    return answers[0], answers[1], answers[2], passes, status, traces


def begin(
    z: Array,
    weights: Array,
    structures: NDArray[np.int32],
    sizes: NDArray[np.int32],
    pseudo: Array,
    units: Array,
    labels: NDArray[np.int32],
    *,
    n_threads: int = 1,
) -> tuple[tuple[Array, Array, Array], Array]:
    """Return the mixtures whose components are the groups of equal labels (S, n), from 0.

    With them their classification log-likelihoods (S,), per unit of weight and penalised; −∞ where singular.
    """
    d, k = len(z), int(sizes.sum())
    _check("labels", labels, np.int32, (len(sizes), z.shape[1]))
    if labels.size and (labels.min() < 0 or (labels.max(axis=1) >= sizes).any()):
        raise ValueError("labels must be from 0 to the mixture's number of components less one")
    parameters = (np.empty(k), np.empty((k, d)), np.empty((k, d, d)))
    status, objectives = np.empty(len(sizes), dtype=np.int32), np.empty(len(sizes))
    given = _given(z, weights, structures, sizes, pseudo, units, parameters, n_threads, status)
    _call(_library().gmmkit_stack_begin, (*given, labels, objectives), z.shape[1] * k)
    return parameters, objectives


def classify(
    z: Array,
    weights: Array,
    structures: NDArray[np.int32],
    sizes: NDArray[np.int32],
    pseudo: Array,
    units: Array,
    parameters: tuple[Array, Array, Array],
    *,
    n_threads: int = 1,
) -> NDArray[np.int32]:
    """Return the most probable component of each row (S, n)."""
    labels = np.empty((len(sizes), z.shape[1]), dtype=np.int32)
    status = np.empty(len(sizes), dtype=np.int32)
    given = _given(z, weights, structures, sizes, pseudo, units, parameters, n_threads, status)
    _call(_library().gmmkit_stack_classify, (*given, labels), labels.size)
    return labels


def smallest_eigenvalues(matrices: Array, white: Array, which: NDArray[np.int32]) -> Array:
    """Return the smallest eigenvalues (K,) of ``W A Wᵀ``, A (K, d, d), W each one of white (M, d, d)."""
    count, d = matrices.shape[:2]
    for name, values, shape in (("matrices", matrices, (count, d, d)), ("white", white, (len(white), d, d))):
        _check(name, values, np.float64, shape)
    _check("which", which, np.int32, (count,))
    if count and (which.min() < 0 or which.max() >= len(white)):
        raise ValueError(f"which must be from 0 to {len(white) - 1}")
    found = np.empty(count)
    _checked(_library().gmmkit_smallest_eigenvalues(matrices, white, which, count, d, found))
    return found


def partition_keys(labels: NDArray[np.int32], marks: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a number for each partition (S, n), labels from 0, that does not depend on how its groups are numbered."""
    count, n = labels.shape
    _check("labels", labels, np.int32, (count, n))
    _check("marks", marks, np.uint64, (n,))
    if labels.size and labels.min() < 0:
        raise ValueError("labels must not be negative")
    keys = np.empty(count, dtype=np.uint64)
    _checked(_library().gmmkit_partition_keys(labels, marks, count, n, int(labels.max(initial=0)) + 1, keys))
    return keys


def call(name: str, *structures: ctypes._SimpleCData[Any] | ctypes.Structure) -> None:
    """Call one of the library's functions that take addresses of structures and return whether memory sufficed."""
    _checked(getattr(_library(), name)(*map(ctypes.addressof, structures)))


def _library() -> ctypes.CDLL:
    library, reason = _load()
    if library is None:
        raise RuntimeError(reason)
    return library


def _given(
    z: Array,
    weights: Array,
    structures: NDArray[np.int32],
    sizes: NDArray[np.int32],
    pseudo: Array,
    units: Array,
    parameters: tuple[Array, Array, Array],
    n_threads: int,
    status: NDArray[np.int32],
) -> tuple[Any, ...]:
    """Return the arguments that all functions begin with, the last of which is the flag of an interruption.

    The library trusts what it is given: a wrong shape would be read beyond its end.
    """
    d, n = z.shape
    if not 1 <= d <= MOST_COLUMNS:
        raise ValueError(f"the compiled kernel is for 1 to {MOST_COLUMNS} columns, but got {d}")
    count, k = len(sizes), int(sizes.sum())
    _check("z", z, np.float64, (d, n))
    _check("weights", weights, np.float64, (n,) if weights.ndim == 1 else (count, n))
    _check("structures", structures, np.int32, (count,))
    _check("sizes", sizes, np.int32, (count,))
    _check("pseudo", pseudo, np.float64, (count, d, d))
    _check("units", units, np.float64, (d,))
    for name, values, shape in zip(
        ("mixture weights", "means", "covariances"), parameters, ((k,), (k, d), (k, d, d)), strict=True
    ):
        _check(name, values, np.float64, shape)
    if count and (sizes.min() < 1 or structures.min() < 0 or structures.max() >= len(STRUCTURES)):
        raise ValueError(f"sizes must be at least 1 and structures codes from 0 to {len(STRUCTURES) - 1}")
    offsets = (np.cumsum(sizes) - sizes).astype(np.int64)
    rows = (z, weights, int(weights.ndim == 2), n, d)
    interrupted = np.zeros(1, dtype=np.int32)
    return (*rows, count, structures, sizes, offsets, pseudo, units, *parameters, n_threads, status, interrupted)


def _check(name: str, values: NDArray[Any], dtype: type, shape: tuple[int, ...]) -> None:
    if values.dtype != dtype or values.shape != shape or not values.flags.c_contiguous:
        order = "" if values.flags.c_contiguous else ", not contiguous"
        raise ValueError(
            f"{name} must be a C-contiguous array of {np.dtype(dtype)} of shape {shape}, "
            f"but got {values.dtype} of shape {values.shape}{order}"
        )


def _checked(code: int) -> None:
    if code:
        raise MemoryError("there is not enough memory for the compiled kernel: give fewer rows or candidates at a time")


def _call(function: Callable[..., int], arguments: tuple[Any, ...], work: int) -> None:
    """Call the library; beside the caller's thread where that may take long, so that Ctrl-C is heard."""
    if work < _LONG:
        _checked(function(*arguments))
        return
    interrupted = arguments[_INTERRUPTED]
    with ThreadPoolExecutor(1) as beside:
        answer = beside.submit(function, *arguments)
        try:
            _checked(answer.result())
        except BaseException:
            interrupted[0] = 1
            raise
