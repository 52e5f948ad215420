"""A dense pass over rows in memory whose blocks the threads take one by one, within the library.

Where a pass takes a few milliseconds, what Python does between its blocks would be a tenth of it: what the rows that
went by have driven out of the caches is slow. So each thread makes one call, which lets go of the interpreter lock
until no block is left. Every block has sums of its own, merged in their order: who took which changes no bit.
"""

from __future__ import annotations

import ctypes
import math
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.kernels import native
from gmmkit.kernels.native.addresses import place_of
from gmmkit.kernels.native.dense import Components, mixture_of, rows_of
from gmmkit.kernels.native.dense_api import Blocks, Sums

__all__ = ["BlockPass"]

Array = NDArray[np.float64]

_WAITS, _HELPS = ctypes.c_bool(True), ctypes.c_bool(False)
_SIZE = 8


class BlockPass:
    """One pass over rows, softly assigned.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        As `dense.takes` says.
    weights : ndarray of shape (n,), or None
    components : Components
    block_rows : int
    scatter : tuple of int, default=()
        Shape of ``Σ w z zᵀ``, (d, d), or ``Σ w z²``, (d,), where that is asked for, of expanded components.
    """

    def __init__(
        self,
        rows: NDArray[Any],
        weights: Array | None,
        components: Components,
        block_rows: int,
        *,
        scatter: tuple[int, ...] = (),
    ) -> None:
        k, d, n = components.k, components.d, len(rows)
        count = -(-n // block_rows)
        self._parts: list[tuple[int, ...]]
        if components.is_centred:
            self._parts = [(k,), (k, d), components.own_moments]
        else:
            self._parts = [(k, components.p), *([scatter] if scatter else [])]
        self._ends = [0, *accumulate(map(math.prod, self._parts))]
        self._kept = (rows, weights, components)  # the library is told where they lie
        self._slots, self._totals = np.zeros((count, self._ends[-1])), np.empty(count)
        first = place_of(self._slots)
        at: list[int | None] = [first + _SIZE * end for end in self._ends[:-1]]
        if not components.is_centred:
            at = [None, None, None, *at]
        self._sums = Sums(*at, *([None] * (5 - len(at))), len(scatter) == 2, place_of(self._totals))
        self._rows, self._mixture = rows_of(rows, weights, components), mixture_of(components)
        self._blocks = Blocks(block_rows, count, self._ends[-1])

    @property
    def n_blocks(self) -> int:
        """How many blocks there are."""
        return len(self._totals)

    def help(self) -> None:
        """Take blocks until none is left: what other threads do."""
        self._take_part(_HELPS)

    def lead(self) -> None:
        """Take blocks until none is left, and wait for those that others have taken.

        Raises
        ------
        MemoryError
            If there was too little for one of the threads.
        """
        self._take_part(_WAITS)

    def merged(self) -> tuple[list[Array], float]:
        """Return what was asked for, and ``Σ w log Σ exp(scores)``; see `dense.gather`.

        That is not a number where one of the blocks has none; nothing of that block was added.
        """
        total = self._slots.sum(axis=0)
        ends = zip(self._ends, self._ends[1:], self._parts, strict=False)
        totals = self._totals.tolist()
        sound = all(map(math.isfinite, totals))
        return [total[a:b].reshape(shape) for a, b, shape in ends], math.fsum(totals) if sound else math.nan

    def _take_part(self, waits: ctypes.c_bool) -> None:
        native.call("gmmkit_dense_pass", self._rows, self._mixture, self._sums, self._blocks, waits)
