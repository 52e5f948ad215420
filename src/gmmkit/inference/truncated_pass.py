"""A pass in which each row knows few components: what a run keeps of its rows, how rows find their first components.

Which components are near is seen in three ways. Rows remember those that were best for them. Each component has a list
of neighbours, improved before every pass. And at first, when there is neither, rows and components look for the nearest
of some outposts, and are tried with the components around them (`outposts.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmmkit.execution import Plan
from gmmkit.inference.outposts import NO_CELLS, Cells, engine
from gmmkit.inference.problem import Problem, Totals
from gmmkit.kernels.truncated_values import LANES, Components, Search
from gmmkit.model.mixture import Mixture
from gmmkit.statistics import Contraction, Statistics

__all__ = ["TruncatedPass"]

Array = NDArray[np.float64]
Integers = NDArray[np.int32]

_NEIGHBOURS, _BACK, _HOPS, _BEAM = 16, 4, 4, 1
# Rows that enter are tried with those around the nearest outposts; those that have components, with fewer.
_NEAREST, _FIRST_HOPS, _FIRST_BEAM = 8, 16, 8
_FIRST_ROUNDS = 4
_LATER_NEAREST, _LATER_HOPS, _LATER_BEAM = 6, 4, 2
# Of how many passes each improves the neighbours of another part of the components.
_PARTS = 4
_BLOCK_ROWS = 8192
# A task has sums of its own for all components: it should have more rows than they.
_ROWS_PER_COMPONENT = 8


class _Part(NamedTuple):
    """Some of a task's rows (b): those that `order` (b,) picks of `rows`; None: all of `rows`.

    `first` is the place of the first in what is kept of rows.
    """

    rows: NDArray[Any]
    order: NDArray[np.int64] | None
    weights: Array | None
    first: int
    kept: Integers


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
        self._order: NDArray[np.int64] | None = None
        self._engine = engine()

    def totals(self, state: Mixture, constants: Array) -> Totals:
        """Make a pass with the components of a state, whose scores at their means are `constants` (k,)."""
        components = _components(state, constants).narrowed(self._reach)
        first = self._passes == 0
        self._passes += 1
        # After the first passes, in which components move most, a few rows have lost sight of their best.
        self._entering |= self._passes & (self._passes - 1) == 0
        cells = Cells.of(state, self._random) if self._entering else NO_CELLS
        hops, beam = (_LATER_HOPS, _LATER_BEAM) if self._entering else (_HOPS, _BEAM)
        if self._neighbours is None:
            hops, beam = _FIRST_HOPS, _FIRST_BEAM
        nearest = _NEAREST if self._neighbours is None else _LATER_NEAREST
        neighbours = self._connected(state, components, cells)
        search = cells.search(neighbours, hops, beam, self._draw())
        entering = self._entering
        table, frame = self.problem.table, self.problem.frame
        k, d = state.means.shape

        def task(start: int, stop: int) -> tuple[Array, Array, list[float]]:
            counts, sums, row_sums = np.zeros(k), np.zeros(components.parameters.shape), []
            buffer = np.zeros((_BLOCK_ROWS, components.parameters.shape[2]))
            for part in self._parts(start, stop):
                z = buffer[: len(part.kept)]
                self._engine.points(part.rows, part.order, frame.shift, frame.scale, z)
                entries = cells.around(z[:, :d], nearest) if entering else None
                keys = self._keys[part.first : part.first + len(z)]
                if first:
                    keys[...] = self._keys_of(part.rows)
                given = z, part.weights, keys, entries
                values = self._engine.assign(components, search, *given, part.kept, counts, sums)
                row_sums.append(float(values.sum() if part.weights is None else part.weights @ values))
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
        if entering:
            self._sort(cells)
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

    @property
    def kept(self) -> Integers:
        """The components of each row (n, C), best first, −1: none."""
        if self._order is None:
            return self._kept
        kept = np.empty_like(self._kept)
        kept[self._order] = self._kept
        return kept

    def _parts(self, start: int, stop: int) -> Iterator[_Part]:
        """Yield the rows of a task in the order in which they are kept."""
        table = self.problem.table
        if self._order is None:
            for block in table.blocks(_BLOCK_ROWS, start, stop, memory=self._kept):
                assert block.memory is not None
                yield _Part(block.rows, None, block.weights, block.index, block.memory)
            return
        rows = table.source.read(0, table.n_rows)
        for first in range(start, stop, _BLOCK_ROWS):
            place = slice(first, min(first + _BLOCK_ROWS, stop))
            own = self._order[place]
            weights = None if table.weights is None else table.weights[own]
            yield _Part(rows, own, weights, first, self._kept[place])

    def _sort(self, cells: Cells) -> None:
        """Put rows that are in memory in the order of their best components, near ones together.

        What one needs of components is then in the cache for the next.
        """
        if not self.problem.table.in_any_order:
            return
        # Components by the outposts that they lie at; rows that keep none come last.
        places = np.zeros(int(cells.members.max(initial=0)) + 2, dtype=np.int32)
        places[cells.members[::-1]] = np.arange(len(cells.members), dtype=np.int32)[::-1]
        places[-1] = len(cells.members)
        order = np.argsort(places[self._kept[:, 0]], kind="stable").astype(np.int64, copy=False)
        self._kept, self._keys = self._kept[order], self._keys[order]
        self._order = order if self._order is None else self._order[order]

    def _draw(self) -> int:
        return int(self._random.integers(2**63))

    def _keys_of(self, rows: NDArray[Any]) -> NDArray[np.uint64]:
        """Return numbers that follow from the rows' values: equal rows are tried with the same components."""
        # Zero is added so that there is one zero.
        values = np.add(rows, 0.0, dtype=np.float64, casting="unsafe", order="C")
        return np.asarray((values.view(np.uint64) * self._multipliers).sum(axis=1, dtype=np.uint64))

    def _connected(self, state: Mixture, components: Components, cells: Cells) -> Integers:
        """Return neighbours of the components, better than those of the last pass."""
        k = state.n_components
        size = min(_NEIGHBOURS, k - 1)
        known, rounds = self._neighbours, 1
        if known is None:
            known, rounds = np.full((k, size + _BACK), -1, dtype=np.int32), _FIRST_ROUNDS
        spread, precisions = _spread(state, components)
        # Lists change little from pass to pass: most passes improve some of them.
        some = (0, k)
        if self._neighbours is not None and not self._entering and k >= _PARTS:
            part = self._passes % _PARTS
            some = k * part // _PARTS, k * (part + 1) // _PARTS
        plan = Plan(some[1] - some[0], max(64, k // 64))
        entries = cells.around(state.means, _NEAREST) if self._entering else None
        for _ in range(rounds):
            search = cells.search(known, 0, 0, self._draw())
            beside = entries

            def task(
                start: int, stop: int, search: Search = search, beside: Integers | None = beside
            ) -> list[Integers]:
                own = some[0] + start, some[0] + stop
                return [self._engine.connect(components, search, spread, precisions, beside, size, *own)]

            forth = known[:, :size].copy()
            improved = self.problem.workers.map_merge(task, plan.tasks(), lambda a, b: a + b)
            forth[slice(*some)] = np.concatenate(improved)
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
