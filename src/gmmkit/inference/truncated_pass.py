"""A pass in which each row knows few components: what a run keeps of its rows, how rows find their first components.

Which components are near is seen in three ways. Rows remember those that were best for them. Each component has a list
of neighbours, improved before every pass. And at first, when there is neither, rows and components look for the nearest
of some *outposts*, components drawn at random, and are tried with those around them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Block
from gmmkit.execution import Plan
from gmmkit.inference.problem import Problem, Totals
from gmmkit.kernels import native, truncated
from gmmkit.kernels.native import truncated as compiled
from gmmkit.kernels.truncated import LANES, Components, Search
from gmmkit.model.mixture import Mixture
from gmmkit.statistics import Contraction, Statistics

__all__ = ["TruncatedPass"]

Array = NDArray[np.float64]
Integers = NDArray[np.int32]

_NEIGHBOURS, _BACK, _HOPS, _BEAM, _RANDOM = 16, 4, 4, 1, 1
# Rows that enter are tried with those around the nearest outposts.
_OUTPOSTS, _NEAREST, _CELLS = 8.0, 8, 2
_ALL = 256  # as few components are all tried
_FIRST_HOPS, _FIRST_BEAM = 16, 8
_FIRST_ROUNDS = 4
_BLOCK_ROWS = 8192
# A task has sums of its own for all components: it should have more rows than they.
_ROWS_PER_COMPONENT = 4


class TruncatedPass:
    """Passes over a problem's rows that keep, from pass to pass, the best components of each.

    Parameters
    ----------
    problem : Problem
    truncation : int
        Components kept of each row, C.
    key : int
        Of random components.
    """

    def __init__(self, problem: Problem, truncation: int, key: int) -> None:
        self.problem, self.truncation = problem, truncation
        self._kept = np.full((problem.table.n_rows, truncation), -1, dtype=np.int32)
        self._neighbours: Integers | None = None
        self._random = np.random.default_rng(key)
        self._multipliers = self._random.integers(2**64, size=problem.n_columns, dtype=np.uint64) | np.uint64(1)
        self._keys = np.zeros(problem.table.n_rows, dtype=np.uint64)
        surveyed, frame = problem.surveyed, problem.frame
        with np.errstate(over="ignore"):
            ends = frame.points_in(np.stack([surveyed.low, surveyed.high]))
        self._reach = np.abs(ends).max(axis=0)
        self._entering, self._passes = True, 0
        self._engine = truncated if native.why_not() is not None else compiled

    def totals(self, state: Mixture, constants: Array) -> Totals:
        """Make a pass with the components of a state, whose scores at their means are `constants` (k,)."""
        components = _components(state, constants).narrowed(self._reach)
        first = self._passes == 0
        self._passes += 1
        # After the first passes, in which components move most, a few rows have lost sight of their best.
        self._entering |= self._passes & (self._passes - 1) == 0
        cells = _Cells.of(state, self._random) if self._entering else _NO_CELLS
        neighbours = self._connected(state, components, cells)
        hops, beam = (_FIRST_HOPS, _FIRST_BEAM) if self._entering else (_HOPS, _BEAM)
        search = cells.search(neighbours, hops, beam, self._draw())
        entering = self._entering
        table, frame = self.problem.table, self.problem.frame
        k, d = state.means.shape

        def task(start: int, stop: int) -> tuple[Array, Array, list[float]]:
            counts, sums, row_sums = np.zeros(k), np.zeros(components.parameters.shape), []
            buffer = np.zeros((_BLOCK_ROWS, components.parameters.shape[2]))
            for block in table.blocks(_BLOCK_ROWS, start, stop, memory=self._kept):
                assert block.memory is not None
                z = buffer[: len(block.rows)]
                with np.errstate(over="ignore"):
                    np.subtract(block.rows, frame.shift, out=z[:, :d], dtype=np.float64, casting="unsafe")
                    z[:, :d] *= frame.scale
                entries = cells.around(z[:, :d]) if entering else None
                keys = self._keys[block.index : block.index + len(z)]
                if first:
                    keys[...] = self._keys_of(block)
                given = z, block.weights, keys, entries
                values = self._engine.assign(components, search, *given, block.memory, counts, sums)
                row_sums.append(float(values.sum() if block.weights is None else block.weights @ values))
            return counts, sums, row_sums

        def merge(
            a: tuple[Array, Array, list[float]], b: tuple[Array, Array, list[float]]
        ) -> tuple[Array, Array, list[float]]:
            a[0][...] += b[0]
            a[1][...] += b[1]
            return a[0], a[1], a[2] + b[2]

        plan = Plan(table.n_rows, max(1, _ROWS_PER_COMPONENT * k // _BLOCK_ROWS) * _BLOCK_ROWS)
        counts, sums, row_sums = self.problem.workers.map_merge(task, plan.tasks(), merge)
        self._neighbours, self._entering = neighbours, False
        return Totals(self._statistics(state, counts, sums), math.fsum(row_sums))

    def without(self, dropped: NDArray[np.intp], k: int) -> None:
        """Forget components that are no more; those after them move up."""
        places = np.full(k, -1, dtype=np.int32)
        left = np.setdiff1d(np.arange(k), dropped)
        places[left] = np.arange(len(left))
        self._kept[...] = np.where(self._kept < 0, np.int32(-1), places[self._kept])
        self.search_again()

    def search_again(self) -> None:
        """Let rows enter anew in the next pass, beside what they keep: components are where none was."""
        self._neighbours, self._entering = None, True

    def _draw(self) -> int:
        return int(self._random.integers(2**63))

    def _keys_of(self, block: Block) -> NDArray[np.uint64]:
        """Return numbers that follow from the rows' values: equal rows are tried with the same components."""
        # Zero is added so that there is one zero.
        values = np.add(block.rows, 0.0, dtype=np.float64, casting="unsafe", order="C")
        return np.asarray((values.view(np.uint64) * self._multipliers).sum(axis=1, dtype=np.uint64))

    def _connected(self, state: Mixture, components: Components, cells: _Cells) -> Integers:
        """Return neighbours of the components, better than those of the last pass."""
        k = state.n_components
        size = min(_NEIGHBOURS, k - 1)
        known, rounds = self._neighbours, 1
        if known is None:
            known, rounds = np.full((k, size + _BACK), -1, dtype=np.int32), _FIRST_ROUNDS
        spread, precisions = _spread(state, components)
        plan = Plan(k, max(64, k // 64))
        entries = cells.around(state.means) if self._entering else None
        for _ in range(rounds):
            search = cells.search(known, 0, 0, self._draw())
            beside = entries

            def task(
                start: int, stop: int, search: Search = search, beside: Integers | None = beside
            ) -> list[Integers]:
                return [self._engine.connect(components, search, spread, precisions, beside, size, start, stop)]

            forth = np.concatenate(self.problem.workers.map_merge(task, plan.tasks(), lambda a, b: a + b))
            known = np.concatenate([forth, _back(forth, _BACK)], axis=1)
            entries = None
        return known

    def _statistics(self, state: Mixture, counts: Array, sums: Array) -> Statistics:
        contraction, d = self.problem.family.contraction, state.n_features
        second = sums[:, 1:, :d]
        if contraction is Contraction.FULL:
            second = np.tril(second) + np.swapaxes(np.tril(second, -1), 1, 2)
        else:
            second = second[:, 0]
        if contraction is Contraction.SPHERICAL:
            second = second.sum(axis=1)
        return Statistics(contraction, counts, sums[:, 0, :d].copy(), np.ascontiguousarray(second), state.means)


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
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
    def of(cls, state: Mixture, random: np.random.Generator) -> _Cells:
        k = state.n_components
        white = 1.0 / np.sqrt(state.weights @ state.covariance.variances() / state.weights.sum())
        points = state.means * white
        if k <= _ALL:
            return cls(white, points[:1], np.array([0, k], dtype=np.int32), np.arange(k, dtype=np.int32))
        outposts = points[random.choice(k, int(_OUTPOSTS * math.sqrt(k)), replace=False)]
        cells = _nearest(points, outposts, _CELLS).ravel()
        starts = np.searchsorted(np.sort(cells), np.arange(len(outposts) + 1)).astype(np.int32)
        return cls(white, outposts, starts, (np.argsort(cells, kind="stable") // _CELLS).astype(np.int32))

    def around(self, points: Array) -> Integers:
        """Return the cells (n, m) that points (n, d) of the frame enter."""
        return _nearest(points * self.white, self.outposts, min(_NEAREST, len(self.outposts)))

    def search(self, neighbours: Integers, hops: int, beam: int, key: int) -> Search:
        return Search(neighbours, self.starts, self.members, hops, beam, _RANDOM, key)


def _back(forth: Integers, most: int) -> Integers:
    """Return components (k, most) that list a component whose own list lacks them.

    In many columns some components are in nobody's list (Radovanović, Nanopoulos & Ivanović 2010, "Hubs in space"), and
    none of their rows would find them: those that are in fewest come first. Each asks its neighbours in turn, from the
    nearest on, until one has room.
    """
    k = len(forth)
    found = np.full((k, most), -1, dtype=np.int32)
    held = forth[forth >= 0]
    popularity = np.bincount(held, minlength=k)
    room = np.zeros(k, dtype=np.intp)
    asking = np.argsort(popularity, kind="stable")
    for near in forth.T:
        host = near[asking]
        known = (host < 0) | (forth[host] == asking[:, None]).any(axis=1)
        # Who is in the list of a neighbour needs no other.
        some = np.flatnonzero(~known)
        order = some[np.argsort(host[some], kind="stable")]
        hosts = host[order]
        place = room[hosts] + np.arange(len(hosts)) - np.searchsorted(hosts, hosts)
        taken = place < most
        found[hosts[taken], place[taken]] = asking[order[taken]]
        room += np.bincount(hosts[taken], minlength=k)
        asking = asking[np.sort(order[~taken])]
        if not len(asking):
            break
    return found


def _nearest(points: Array, among: Array, size: int) -> Integers:
    """Return which `size` of some points are nearest to each point (n, d), in no order."""
    found = np.empty((len(points), size), dtype=np.int32)
    # Single precision tells near from far.
    narrow, narrow_among = points.astype(np.float32), among.astype(np.float32)
    halves = 0.5 * (narrow_among**2).sum(axis=1)
    step = max(1, (1 << 18) // len(among))
    for start in range(0, len(points), step):
        distances = narrow[start : start + step] @ narrow_among.T
        np.subtract(halves, distances, out=distances)
        part = np.arange(len(among)) if size == len(among) else np.argpartition(distances, size - 1, axis=1)[:, :size]
        found[start : start + step] = part
    return found


def _components(state: Mixture, constants: Array) -> Components:
    k, d = state.means.shape
    width = -(-d // LANES) * LANES
    white = state.covariance.whitening
    forms = white[:, None] if white.ndim == 2 else np.swapaxes(white, 1, 2)
    parameters = np.zeros((k, 1 + forms.shape[1], width))
    parameters[:, 0, :d], parameters[:, 1:, :d] = state.means, forms
    return Components(np.ascontiguousarray(constants), parameters, d)


def _spread(state: Mixture, components: Components) -> tuple[Array, Array | None]:
    """Return variances (k, width), or covariances and precisions (k, d, width)."""
    k, d = state.means.shape
    width = components.parameters.shape[2]
    if not components.full:
        spread = np.zeros((k, width))
        spread[:, :d] = state.covariance.variances()
        return spread, None
    covariances, precisions = np.zeros((k, d, width)), np.zeros((k, d, width))
    covariances[:, :, :d] = state.covariance.dense()
    factors = components.parameters[:, 1:, :d]
    np.matmul(factors, np.swapaxes(factors, 1, 2), out=precisions[:, :, :d])
    return covariances, precisions


_NO_CELLS = _Cells(np.ones(0), np.ones((0, 0)), np.zeros(1, dtype=np.int32), np.zeros(0, dtype=np.int32))
