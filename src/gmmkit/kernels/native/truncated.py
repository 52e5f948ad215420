"""Compiled truncated passes: the same functions as `gmmkit.kernels.truncated`, which says what they do."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.kernels import native, truncated
from gmmkit.kernels.native.dense import takes
from gmmkit.kernels.native.dense_api import Rows
from gmmkit.kernels.truncated_values import LANES, Components, Search

__all__ = ["assign", "connect", "largest", "points"]

Array = NDArray[np.float64]
Integers = NDArray[np.int32]

_COMMON: list[Any] = [
    *[ctypes.c_int] * 4, *[ctypes.c_void_p] * 4, ctypes.c_double,
    ctypes.c_void_p, *[ctypes.c_int] * 4, ctypes.c_void_p, *[ctypes.c_int] * 2, *[ctypes.c_void_p] * 2, ctypes.c_uint64,
]  # fmt: skip
_MOST, _MOST_LARGEST = 2**31 - 1, 16


@lru_cache(maxsize=1)
def _functions() -> tuple[Any, Any, Any, Any]:
    library = native._library()
    assigning, connecting = library.gmmkit_truncated_assign, library.gmmkit_truncated_connect
    assigning.argtypes = [*_COMMON, *[ctypes.c_void_p] * 3, *[ctypes.c_int] * 2, *[ctypes.c_void_p] * 4]
    connecting.argtypes = [*_COMMON, *[ctypes.c_void_p] * 2, *[ctypes.c_int] * 3, ctypes.c_void_p]
    choosing = library.gmmkit_truncated_largest
    choosing.argtypes = [ctypes.c_void_p, *[ctypes.c_int] * 3, ctypes.c_void_p]
    moving = library.gmmkit_truncated_points
    moving.argtypes = [ctypes.POINTER(Rows), ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
    assigning.restype = connecting.restype = choosing.restype = moving.restype = ctypes.c_int
    return assigning, connecting, choosing, moving


def assign(
    components: Components,
    search: Search,
    z: Array,
    weights: Array | None,
    keys: NDArray[np.uint64],
    entries: Integers | None,
    kept: Integers,
    counts: Array,
    sums: Array,
) -> Array:
    """See `gmmkit.kernels.truncated.assign`."""
    n, k, width = len(z), len(components.constants), components.parameters.shape[2]
    common = _given(components, search, entries, n)
    native._check("z", z, np.float64, (n, width))
    if weights is not None:
        native._check("weights", weights, np.float64, (n,))
    native._check("keys", keys, np.uint64, (n,))
    native._check("kept", kept, np.int32, (n, kept.shape[1]))
    native._check("counts", counts, np.float64, (k,))
    native._check("sums", sums, np.float64, components.parameters.shape)
    if not kept.shape[1]:
        raise ValueError("kept must have room for at least 1 component a row")
    values = np.empty(n)
    places = [_at(array) for array in (z, weights, keys)]
    answers = [_at(array) for array in (kept, values, counts, sums)]
    native._checked(_functions()[0](*common, *places, n, kept.shape[1], *answers))
    return values


def connect(
    components: Components,
    search: Search,
    spread: Array,
    precisions: Array | None,
    entries: Integers | None,
    size: int,
    start: int,
    stop: int,
) -> Integers:
    """See `gmmkit.kernels.truncated.connect`."""
    k, width = len(components.constants), components.parameters.shape[2]
    common = _given(components, search, entries, k)
    own = (k, components.d, width) if components.full else (k, width)
    native._check("spread", spread, np.float64, own)
    if components.full:
        if precisions is None:
            raise ValueError("components with matrices need precisions")
        native._check("precisions", precisions, np.float64, own)
    if not 0 <= start <= stop <= k:
        raise ValueError(f"start and stop must lie in 0 … {k}, but got {start} and {stop}")
    if size < 1:
        raise ValueError(f"size must be at least 1, but got {size}")
    found = np.empty((stop - start, size), dtype=np.int32)
    native._checked(_functions()[1](*common, _at(spread), _at(precisions), size, start, stop, _at(found)))
    return found


def largest(values: NDArray[np.float32], size: int) -> Integers:
    """See `gmmkit.kernels.truncated.largest`."""
    n, m = values.shape
    native._check("values", values, np.float32, (n, m))
    if not 1 <= size <= min(m, _MOST_LARGEST):
        raise ValueError(f"size must be from 1 to {min(m, _MOST_LARGEST)}, but got {size}")
    found = np.empty((n, size), dtype=np.int32)
    native._checked(_functions()[2](_at(values), n, m, size, _at(found)))
    return found


def points(rows: NDArray[Any], order: NDArray[np.int64] | None, shift: Array, scale: Array, z: Array) -> None:
    """See `gmmkit.kernels.truncated.points`."""
    if not takes(rows):
        truncated.points(rows, order, shift, scale, z)
        return
    n, width = z.shape
    native._check("z", z, np.float64, (n, width))
    if order is not None:
        native._check("order", order, np.int64, (n,))
    least, most = (0, n - 1) if order is None else (order.min(initial=0), order.max(initial=-1))
    if least < 0 or most >= len(rows):
        raise IndexError(f"rows must lie in 0 … {len(rows) - 1}, but {least} … {most} are asked for")
    size, d = rows.dtype.itemsize, rows.shape[1]
    if width < d:
        raise ValueError(f"z must have room for {d} columns, but has {width}")
    native._check("shift", shift, np.float64, (d,))
    native._check("scale", scale, np.float64, (d,))
    strides = rows.strides[0] // size, rows.strides[1] // size
    given = Rows(_at(rows), size == 4, len(rows), d, *strides, None, _at(shift), _at(scale))
    native._checked(_functions()[3](given, _at(order), n, width, _at(z)))


def _given(components: Components, search: Search, entries: Integers | None, n: int) -> tuple[Any, ...]:
    """Return the arguments that both functions begin with; the library trusts what it is given."""
    k, d = len(components.constants), components.d
    width = -(-d // LANES) * LANES
    native._check("constants", components.constants, np.float64, (k,))
    forms = 1 + d if components.full else 2
    native._check("parameters", components.parameters, np.float64, (k, forms, width))
    if components.narrow is not None:
        if components.full:
            raise ValueError("narrow is of components without matrices")
        native._check("narrow", components.narrow, np.float32, (k, 2, -(-d // 16) * 16))
        if components.errors is None:
            raise ValueError("components with narrow need errors")
        native._check("errors", components.errors, np.float32, (k,))
    native._check("neighbours", search.neighbours, np.int32, (k, search.neighbours.shape[1]))
    if min(search.n_hops, search.beam, search.n_random) < 0 or not 0 <= search.key < 2**64 or not 0 < k <= _MOST:
        raise ValueError("hops, beam and random components must not be negative, the key from 0 to 2**64 - 1")
    n_entries = 0
    if entries is not None:
        native._check("entries", entries, np.int32, (n, entries.shape[1]))
        n_entries = entries.shape[1]
    starts, members = search.starts, search.members
    native._check("starts", starts, np.int32, (len(starts),))
    native._check("members", members, np.int32, (len(members),))
    if len(starts) < 1 or starts[0] < 0 or starts[-1] > len(members) or (np.diff(starts) < 0).any():
        raise ValueError(f"starts of cells must not fall, from 0 to {len(members)} at most")
    return (
        *(k, d, width, int(components.full), _at(components.constants), _at(components.parameters)),
        *(_at(components.narrow), _at(components.errors), components.slack),
        *(_at(search.neighbours), search.neighbours.shape[1], search.n_hops, search.beam, search.n_random),
        *(_at(entries), n_entries, len(starts) - 1, _at(starts), _at(members), search.key),
    )


def _at(array: NDArray[Any] | None) -> int | None:
    return None if array is None else array.ctypes.data
