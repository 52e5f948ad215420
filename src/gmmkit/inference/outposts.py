"""Where rows that know no component begin: *outposts*, components drawn at random, and the components around each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from gmmkit.kernels import native, truncated
from gmmkit.kernels.native import truncated as compiled
from gmmkit.kernels.truncated_values import Search
from gmmkit.model.mixture import Mixture

__all__ = ["NO_CELLS", "Cells", "engine"]

Array = NDArray[np.float64]
Integers = NDArray[np.int32]

_OUTPOSTS, _CELLS, _RANDOM = 8.0, 2, 1
_ALL = 256  # as few components are all tried


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Components by the outposts that are nearest to them, in a metric that is the same for all.

    Attributes
    ----------
    white : ndarray of shape (d,)
        What columns are multiplied by.
    outposts : ndarray of shape (m, d)
        Multiplied by that.
    starts, members : ndarray of int32
        See `Search`.
    """

    white: Array
    outposts: Array
    starts: Integers
    members: Integers

    @classmethod
    def of(cls, state: Mixture, random: np.random.Generator) -> Cells:
        k = state.n_components
        white = 1.0 / np.sqrt(state.weights @ state.covariance.variances() / state.weights.sum())
        points = state.means * white
        if k <= _ALL:
            return cls(white, points[:1], np.array([0, k], dtype=np.int32), np.arange(k, dtype=np.int32))
        outposts = points[random.choice(k, int(_OUTPOSTS * math.sqrt(k)), replace=False)]
        cells = _nearest(points, outposts, _CELLS).ravel()
        starts = np.searchsorted(np.sort(cells), np.arange(len(outposts) + 1)).astype(np.int32)
        return cls(white, outposts, starts, (np.argsort(cells, kind="stable") // _CELLS).astype(np.int32))

    def around(self, points: Array, size: int) -> Integers:
        """Return the cells (n, m) that points (n, d) of the frame enter, `size` where there are as many."""
        return _nearest(points * self.white, self.outposts, min(size, len(self.outposts)))

    def search(self, neighbours: Integers, hops: int, beam: int, key: int) -> Search:
        return Search(neighbours, self.starts, self.members, hops, beam, _RANDOM, key)


def _nearest(points: Array, among: Array, size: int) -> Integers:
    """Return which `size` of some points are nearest to each point (n, d), in any order."""
    found = np.empty((len(points), size), dtype=np.int32)
    # Single precision tells near from far: a·p − ½ |a|² is the larger, the nearer p is to a.
    narrow = np.ones((len(points), points.shape[1] + 1), dtype=np.float32)
    narrow[:, :-1] = points
    narrow_among = among.astype(np.float32)
    narrow_among = np.concatenate([narrow_among, -0.5 * (narrow_among**2).sum(axis=1, keepdims=True)], axis=1)
    step = max(1, (1 << 18) // len(among))
    for start in range(0, len(points), step):
        nearness = narrow[start : start + step] @ narrow_among.T
        found[start : start + step] = engine().largest(nearness, size)
    return found


def engine() -> ModuleType:
    """Return the compiled kernels, or, where there are none, the array forms."""
    return truncated if native.why_not() is not None else compiled


NO_CELLS = Cells(np.ones(0), np.ones((0, 0)), np.zeros(1, dtype=np.int32), np.zeros(0, dtype=np.int32))
