"""Many structures, many sizes, many starts: who reaches which optimum.

A *cell* is one structure with one number of components. Each cell's starts are run together for a few passes and the
best go on; then cells learn from each other: a partition found under another structure, one with a component split or
two merged. The best of each cell are run to convergence.

Everything is as invariant as the structure. One that is closed under every linear map (VVV EEE VEE EVV) learns only
from its like; one that is closed under column scalings, or under rotations and one scale, from those and its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference import stack_engine
from gmmkit.inference.stack import SINGULAR, Stack, StackRows, StackRun
from gmmkit.model.covariance import family
from gmmkit.model.covariance.base import Equivariance

__all__ = ["Cell", "Partitions", "Tournament", "Winner", "kinds_for"]

Array = NDArray[np.float64]
Labels = NDArray[np.int32]
#: A structure and a number of components.
Cell = tuple[str, int]
#: Starts: partitions of the rows, by the maps of the data that leave them unchanged and the number of groups.
Partitions = dict[tuple[Equivariance, int], list[Labels]]

_KINDS: dict[Equivariance, tuple[Equivariance, ...]] = {
    "linear": ("linear",),
    "column": ("linear", "column"),
    "scalar": ("linear", "scalar"),
}
# Passes in which a start shows what it is worth.
_SHORT_PASSES = 15
_SHORT_GAIN = 1e-4
# How many of a cell's starts go on; how often cells learn from each other; how many merges of each are looked at.
_LEADERS, _ROUNDS, _PAIRS_EACH = 3, 3, 3
# Starts that end within this much log-likelihood (nats) of each other have reached the same optimum.
_SAME_OPTIMUM = 1e-2


def kinds_for(structure: str) -> tuple[Equivariance, ...]:
    """Return which kinds of starts are at least as invariant as a structure."""
    return _KINDS[family(structure).equivariance]


@dataclass(frozen=True, slots=True)
class _Starts:
    """Partitions that cells may begin with.

    Attributes
    ----------
    cells : ndarray of shape (N,)
        Places in the tournament's list of cells.
    labels : ndarray of shape (N, n)
    """

    cells: NDArray[np.intp]
    labels: Labels

    def __len__(self) -> int:
        return len(self.cells)

    def take(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> _Starts:
        return _Starts(self.cells[chosen], self.labels[chosen])

    @classmethod
    def join(cls, starts: Sequence[_Starts]) -> _Starts:
        return cls(np.concatenate([s.cells for s in starts]), np.concatenate([s.labels for s in starts]))


@dataclass(frozen=True, slots=True)
class Winner:
    """What a cell's competition ended with.

    Attributes
    ----------
    run : StackRun
        Of one mixture.
    tried, reached : int
        Starts that were run, and how many of those that were run to the end came out at this optimum.
    relative_eigenvalues : ndarray of shape (k,)
        Smallest eigenvalue of each covariance in the metric of the data's.
    """

    run: StackRun
    tried: int
    reached: int
    relative_eigenvalues: Array


@dataclass
class Tournament:
    """A competition over the same rows.

    Parameters
    ----------
    rows : StackRows
    cells : sequence of (str, int)
    smallest_eigenvalue : float
        Smallest variance of a component, as a share of the data's, that is admissible.
    rows_per_weight : float
        What turns a sum of weights into effective rows.
    max_iter : int
    tol : float
        Objective per unit of weight that may be left to gain.
    n_threads : int, default=1
    """

    rows: StackRows
    cells: Sequence[Cell]
    smallest_eigenvalue: float
    rows_per_weight: float
    max_iter: int
    tol: float
    n_threads: int = 1
    _known: Array = field(init=False)
    _tried: NDArray[np.intp] = field(init=False)

    def __post_init__(self) -> None:
        n = self.rows.z.shape[1]
        self._place = {cell: c for c, cell in enumerate(self.cells)}
        self._names = np.array([structure for structure, _ in self.cells])
        self._sizes = np.array([k for _, k in self.cells], dtype=np.intp)
        self._known, self._tried = np.empty(0), np.zeros(len(self.cells), dtype=np.intp)
        self._marks: Array = np.random.default_rng(0).random((n,))
        structures = set(self._names.tolist())
        self._kinds = {name: kinds_for(name) for name in structures}
        self._needed = {name: family(name).minimum_rows(len(self.rows.z)) for name in structures}
        self._whitening = {name: np.linalg.inv(np.linalg.cholesky(self.rows.pooled[name])) for name in structures}

    def play(self, partitions: Partitions) -> dict[Cell, Winner]:
        """Return the winner of each cell; a cell whose every start is singular has none."""
        opening = [
            (c, labels)
            for c, (structure, k) in enumerate(self.cells)
            for kind in self._kinds[structure]
            for labels in partitions.get((kind, k), [])
        ]
        if not opening:
            return {}
        first = _Starts(np.array([c for c, _ in opening]), np.stack([labels for _, labels in opening]))
        best = self._leaders(self._run(self._fresh(first), _SHORT_PASSES))
        for _ in range(_ROUNDS):
            teachers = self._first_of_each(best)
            labels = stack_engine.labels_of(self.rows, teachers.stack)
            starts = self._fresh(_Starts.join([self._lessons(teachers, labels), *self._moves(teachers, labels)]))
            if not len(starts):
                break
            best = self._leaders(StackRun.join([best, self._run(self._promising(starts), _SHORT_PASSES)]))
        return self.winners(self._run_on(best.stack, self.max_iter, self.tol))

    def _first_of_each(self, best: StackRun) -> StackRun:
        seen: dict[Cell, int] = {}
        for s, cell in enumerate(best.stack.cells):
            seen.setdefault(cell, s)
        return best.take(list(seen.values()))

    def _fresh(self, starts: _Starts) -> _Starts:
        """Leave out what a cell has begun with before."""
        keys: Array = _keys(starts.labels, self._marks) + starts.cells
        keys, first = np.unique(keys, return_index=True)
        unknown = ~np.isin(keys, self._known)
        first = np.sort(first[unknown])
        self._known = np.concatenate([self._known, keys[unknown]])
        self._tried += np.bincount(starts.cells[first], minlength=len(self.cells))
        return starts.take(first)

    def _run(self, starts: _Starts, passes: int) -> StackRun:
        if not len(starts):
            return StackRun.nothing(len(self.rows.z))
        return self._run_on(self._begin(starts)[0], passes, _SHORT_GAIN)

    def _begin(self, starts: _Starts) -> tuple[Stack, Array]:
        structures = tuple(self._names[starts.cells].tolist())
        return stack_engine.begin(self.rows, structures, self._sizes[starts.cells], starts.labels)

    def _run_on(self, stack: Stack, passes: int, tol: float) -> StackRun:
        return stack_engine.run(self.rows, stack, max_iter=passes, tol=tol, n_threads=self.n_threads)

    def _lessons(self, best: StackRun, labels: Labels) -> _Starts:
        """Return for each cell the partitions that the leaders of its size have found under other structures."""
        found: dict[tuple[Equivariance, int], list[int]] = {}
        for s, (structure, k) in enumerate(best.stack.cells):
            found.setdefault((family(structure).equivariance, k), []).append(s)
        cells: list[int] = []
        taken: list[int] = []
        for c, (structure, k) in enumerate(self.cells):
            others = [s for kind in self._kinds[structure] for s in found.get((kind, k), [])]
            cells += [c] * len(others)
            taken += others
        return _Starts(np.array(cells, dtype=np.intp), labels[taken])

    def _moves(self, best: StackRun, labels: Labels) -> list[_Starts]:
        """Return the partitions one split or one merge away from the leaders', for the next sizes' cells."""
        stack = best.stack
        owner = np.repeat(np.arange(len(stack)), stack.sizes)
        white = np.repeat(self._white(stack), stack.sizes, axis=0)
        means = np.einsum("kij,kj->ki", white, stack.means)
        return [self._splits(stack, owner, white, labels), self._merges(stack, means, labels)]

    def _splits(self, stack: Stack, owner: NDArray[np.intp], white: Array, labels: Labels) -> _Starts:
        cells = self._next(stack, +1)[owner]
        wanted = np.flatnonzero(cells >= 0)
        owner, cells, white = owner[wanted], cells[wanted], white[wanted]
        # A group is cut at its component's mean, across the direction in which that is widest in the data's metric.
        axes = np.linalg.eigh(white @ stack.covariances[wanted] @ white.swapaxes(1, 2))[1][:, :, -1]
        across = np.einsum("kij,ki->kj", white, axes)
        beyond = across @ self.rows.z > np.einsum("ki,ki->k", across, stack.means[wanted])[:, None]
        within = np.concatenate([np.arange(k, dtype=np.int32) for k in stack.sizes])[wanted]
        own = labels[owner] == within[:, None]
        cut = own & beyond
        found = cut.any(axis=1) & (own & ~beyond).any(axis=1)
        split = np.where(cut, stack.sizes[owner, None].astype(np.int32), labels[owner])
        return _Starts(cells[found], split[found])

    def _merges(self, stack: Stack, means: Array, labels: Labels) -> _Starts:
        cells = self._next(stack, -1)
        widest = int(stack.sizes.max())
        found = [_Starts(np.empty(0, dtype=np.intp), labels[:0])]
        for k in range(3, widest + 1):
            chosen = np.flatnonzero((cells >= 0) & (stack.sizes == k))
            if not len(chosen):
                continue
            part = stack.offsets[chosen, None] + np.arange(k)
            first, second = np.triu_indices(k, 1)
            # The pairs whose union adds least to the scatter within.
            held, places = stack.weights[part], means[part]
            pooled = held[:, first] * held[:, second] / np.maximum(held[:, first] + held[:, second], 1e-300)
            cost = pooled * ((places[:, first] - places[:, second]) ** 2).sum(axis=2)
            for pair in np.argsort(cost, axis=1, kind="stable")[:, :_PAIRS_EACH].T:
                i, j = first[pair][:, None], second[pair][:, None]
                names = np.arange(k)
                renamed = np.where(names == j, i, names - (names > j)).astype(np.int32)
                found.append(_Starts(cells[chosen], np.take_along_axis(renamed, labels[chosen], axis=1)))
        return _Starts.join(found)

    def _next(self, stack: Stack, step: int) -> NDArray[np.intp]:
        """Return the cell of each mixture's structure with `step` components more, −1 where there is none."""
        return np.array([self._place.get((structure, k + step), -1) for structure, k in stack.cells], dtype=np.intp)

    def _promising(self, starts: _Starts) -> _Starts:
        """Return the few of each cell's starts that are likeliest after a glance at each."""
        stack, _ = self._begin(starts)
        objective = self._run_on(stack, 1, _SHORT_GAIN).objective
        # What begins with too few rows in a group would be likely for the wrong reason.
        order = np.lexsort((-objective, ~self._populated(stack), starts.cells))
        _, first = np.unique(starts.cells[order], return_index=True)
        place = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
        return starts.take(order[(place < _LEADERS) & np.isfinite(objective[order])])

    def _leaders(self, run: StackRun) -> StackRun:
        """Keep the best of each cell that differ: admissible ones first, then by objective."""
        apart = _SAME_OPTIMUM / self.rows.total_weight
        by_cell: dict[Cell, list[int]] = {}
        cells, objective = run.stack.cells, run.objective.tolist()
        for s in np.lexsort((-run.objective, ~self._sound(run.stack))).tolist():
            if run.status[s] == SINGULAR:
                continue
            kept = by_cell.setdefault(cells[s], [])
            if len(kept) < _LEADERS and all(abs(objective[t] - objective[s]) > apart for t in kept):
                kept.append(s)
        return run.take([s for kept in by_cell.values() for s in kept])

    def _populated(self, stack: Stack) -> NDArray[np.bool_]:
        """Tell in which mixtures every component holds enough effective rows."""
        held = stack.weights * self.rows.total_weight * self.rows_per_weight
        needed = np.repeat([self._needed[name] for name in stack.structures], stack.sizes)
        return np.asarray(np.logical_and.reduceat(held >= needed, stack.offsets[:-1]))

    def _sound(self, stack: Stack) -> NDArray[np.bool_]:
        """Tell which mixtures are admissible: enough effective rows, no collapsed component."""
        wide = np.minimum.reduceat(self._relative_eigenvalues(stack), stack.offsets[:-1]) >= self.smallest_eigenvalue
        return np.asarray(wide & self._populated(stack))

    def _relative_eigenvalues(self, stack: Stack) -> Array:
        white = np.repeat(self._white(stack), stack.sizes, axis=0)
        return np.asarray(np.linalg.eigvalsh(white @ stack.covariances @ white.swapaxes(1, 2))[:, 0])

    def _white(self, stack: Stack) -> Array:
        """Return for each mixture W (S, d, d) with ``Wᵀ W = Π(T)⁻¹``."""
        return np.stack([self._whitening[name] for name in stack.structures])

    def winners(self, final: StackRun) -> dict[Cell, Winner]:
        """Return the best mixture of each cell, admissible ones first."""
        eigenvalues, offsets = self._relative_eigenvalues(final.stack), final.stack.offsets
        top: dict[Cell, int] = {}
        reached: dict[Cell, int] = {}
        cells, objective = final.stack.cells, final.objective.tolist()
        for s in np.lexsort((-final.objective, ~self._sound(final.stack))).tolist():
            if final.status[s] == SINGULAR:
                continue
            cell = cells[s]
            first = top.setdefault(cell, s)
            if abs(objective[first] - objective[s]) * self.rows.total_weight < _SAME_OPTIMUM:
                reached[cell] = reached.get(cell, 0) + 1
        return {
            cell: Winner(
                final.take([s]),
                int(self._tried[self._place[cell]]),
                reached[cell],
                eigenvalues[slice(*offsets[s : s + 2])],
            )
            for cell, s in top.items()
        }


def _keys(labels: Labels, marks: Array) -> Array:
    """Return a number for each partition (N,) in [0, 1) that does not depend on how its groups are numbered.

    Each group is marked by the sum of its rows' marks; sums are put in order before they are mixed, so that equal
    partitions have the same bits.
    """
    count = len(labels)
    k = int(labels.max()) + 1
    place = labels + k * np.arange(count)[:, None]
    sums = np.bincount(place.ravel(), weights=np.tile(marks, count), minlength=count * k).reshape(count, k)
    mixed = np.sort(sums, axis=1) @ np.sqrt(np.arange(2.0, k + 2.0))
    return np.asarray(mixed - np.floor(mixed))
