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
from gmmkit.inference.diagnosis import ORDINARY, far_apart, held_up
from gmmkit.inference.neighbours import merged, split
from gmmkit.inference.stack import SINGULAR, Index, Stack, StackRows, StackRun
from gmmkit.inference.winners import Cell, Winners
from gmmkit.model.covariance import family
from gmmkit.model.covariance.base import Equivariance

__all__ = ["SAME_OPTIMUM", "Partitions", "Tournament", "kinds_for"]

Array = NDArray[np.float64]
Labels = NDArray[np.int32]
#: Starts: partitions of the rows, by the maps of the data that leave them unchanged and the number of groups.
Partitions = dict[tuple[Equivariance, int], list[Labels]]

_KINDS: dict[Equivariance, tuple[Equivariance, ...]] = {
    "linear": ("linear",),
    "column": ("linear", "column"),
    "scalar": ("linear", "scalar"),
}
# Passes in which a start shows what it is worth: until little is left to gain, per unit of weight or in all (nats).
_SHORT_PASSES = 15
_SHORT_GAIN, _SHORT_GAIN_IN_ALL = 1e-4, 0.05
# Leaders that are so far (nats) behind their cell's first after that are not run to the end.
_OUT_OF_REACH = 5.0
# How many of a cell's starts are run in the beginning, and after each round of what cells learn from each other; how
# many rounds there are, and how many merges of each are looked at.
_OPENERS, _LEADERS, _ROUNDS, _PAIRS_EACH = 3, 3, 3, 3
#: Starts that end within this much log-likelihood (nats) of each other have reached the same optimum.
SAME_OPTIMUM = 1e-2


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


@dataclass
class Tournament:
    """A competition over the same rows.

    Parameters
    ----------
    rows : StackRows
        Weights count rows.
    cells : sequence of (str, int)
    scouts : sequence of (str, int)
        Cells that others learn from, and that have no winner.
    smallest_eigenvalue : float
        Smallest variance of a component, as a share of the data's, that is admissible.
    max_iter : int
    tol : float
        Objective per unit of weight that may be left to gain.
    n_threads : int, default=1
    """

    rows: StackRows
    cells: Sequence[Cell]
    scouts: Sequence[Cell]
    smallest_eigenvalue: float
    max_iter: int
    tol: float
    n_threads: int = 1
    _known: NDArray[np.uint64] = field(init=False)
    _tried: Index = field(init=False)

    def __post_init__(self) -> None:
        self._asked = len(self.cells)
        self.cells = [*self.cells, *self.scouts]
        self._place = {cell: c for c, cell in enumerate(self.cells)}
        self._sizes = np.array([k for _, k in self.cells], dtype=np.intp)
        self._known, self._tried = np.empty(0, dtype=np.uint64), np.zeros(len(self.cells), dtype=np.intp)
        random = np.random.default_rng(0)
        self._marks = np.asarray(random.integers(0, 1 << 64, self.rows.z.shape[1], dtype=np.uint64))
        structures = list(dict.fromkeys(structure for structure, _ in self.cells))
        self._structures = np.array([structures.index(structure) for structure, _ in self.cells], dtype=np.int32)
        self._kinds = {name: kinds_for(name) for name in structures}
        self._needed = np.array([family(name).minimum_rows(len(self.rows.z)) for name in structures])
        pooled = np.stack([self.rows.pooled[name] for name in structures])
        self._whitening = np.linalg.inv(np.linalg.cholesky(pooled))

    def play(self, partitions: Partitions) -> Winners | None:
        """Return the winner of each cell; a cell whose every start is singular has none."""
        opening = [
            (c, labels)
            for c, (structure, k) in enumerate(self.cells)
            for kind in self._kinds[structure]
            for labels in partitions.get((kind, k), [])
        ]
        if not opening:
            return None
        first = _Starts(np.array([c for c, _ in opening]), np.stack([labels for _, labels in opening]))
        best = self._leaders(self._show(self._promising(self._fresh(first), _OPENERS)))
        if not len(best):
            return None
        for _ in range(_ROUNDS):
            teachers = best.take(self._first_of_each(best))
            labels = stack_engine.labels_of(self.rows, teachers.stack)
            starts = self._fresh(_Starts.join([self._lessons(teachers, labels), *self._moves(teachers, labels)]))
            if not len(starts):
                break
            best = self._leaders(StackRun.join([best, self._show(self._promising(starts, _LEADERS))]))
        best = best.take(np.flatnonzero(self._cells_of(best.stack) < self._asked))
        if not len(best):
            return None
        return self.winners(self._run_on(best.take(self._in_reach(best)).stack, self.max_iter, self.tol))

    def winners(self, final: StackRun) -> Winners:
        """Return the best mixture of each cell, admissible ones first."""
        order, cells = self._ranking(final)
        _, first = np.unique(cells[order], return_index=True)
        top = order[np.sort(first)]
        best = np.full(len(self.cells), -np.inf)
        best[cells[top]] = final.objective[top]
        with np.errstate(invalid="ignore"):
            near = np.abs(best[cells] - final.objective) * self.rows.total_weight < SAME_OPTIMUM
        reached = np.bincount(cells[near], minlength=len(self.cells))
        chosen = final.take(top)
        return Winners(chosen, self._tried[cells[top]], reached[cells[top]], self._relative_eigenvalues(chosen.stack))

    def _cells_of(self, stack: Stack) -> Index:
        return np.array([self._place[cell] for cell in stack.cells], dtype=np.intp)

    def _ranking(self, run: StackRun) -> tuple[Index, Index]:
        """Return the order of what is not singular, cell by cell, best first; and the cell of each mixture.

        The best are admissible ones before others, by objective.
        """
        cells = self._cells_of(run.stack)
        order = np.lexsort((-run.objective, ~self._sound(run.stack), cells))
        return order[run.status[order] != SINGULAR], cells

    def _first_of_each(self, best: StackRun) -> Index:
        return np.sort(np.unique(self._cells_of(best.stack), return_index=True)[1])

    def _in_reach(self, best: StackRun) -> Index:
        """Return the leaders that may yet come first."""
        cells, first = self._cells_of(best.stack), self._first_of_each(best)
        top = np.empty(len(self.cells))
        top[cells[first]] = best.objective[first]
        near = (top[cells] - best.objective) * self.rows.total_weight <= _OUT_OF_REACH
        # One that is not admissible may be likelier than the first.
        near[first] = True
        return np.flatnonzero(near)

    def _leaders(self, run: StackRun) -> StackRun:
        """Keep the best of each cell that differ."""
        apart = SAME_OPTIMUM / self.rows.total_weight
        left, cells = self._ranking(run)
        kept = []
        for _ in range(_LEADERS):
            _, first, cell = np.unique(cells[left], return_index=True, return_inverse=True)
            kept.append(left[first])
            left = left[np.abs(run.objective[left] - run.objective[left[first[cell]]]) > apart]
        return run.take(np.concatenate(kept))

    def _fresh(self, starts: _Starts) -> _Starts:
        """Leave out what a cell has begun with before."""
        keys = stack_engine.partition_keys(starts.labels, self._marks)
        keys, first = np.unique(
            keys * np.uint64(2 * len(self.cells) + 1) + starts.cells.astype(np.uint64), return_index=True
        )
        unknown = ~np.isin(keys, self._known)
        first = np.sort(first[unknown])
        self._known = np.concatenate([self._known, keys[unknown]])
        self._tried += np.bincount(starts.cells[first], minlength=len(self.cells))
        return starts.take(first)

    def _begin(self, starts: _Starts) -> tuple[Stack, Array]:
        structures = tuple(self.cells[c][0] for c in starts.cells.tolist())
        return stack_engine.begin(self.rows, structures, self._sizes[starts.cells], starts.labels)

    def _show(self, stack: Stack) -> StackRun:
        """Run starts until they have shown what they are worth."""
        gain = max(_SHORT_GAIN, _SHORT_GAIN_IN_ALL / self.rows.total_weight)
        return self._run_on(stack, _SHORT_PASSES, gain)

    def _run_on(self, stack: Stack, passes: int, tol: float) -> StackRun:
        return stack_engine.run(self.rows, stack, max_iter=passes, tol=tol, n_threads=self.n_threads)

    def _promising(self, starts: _Starts, most: int) -> Stack:
        """Return the few of each cell's starts that make the rows likeliest as they are: none is run for that."""
        stack, objective = self._begin(starts)
        # What begins with too few rows in a group would be likely for the wrong reason.
        order = np.lexsort((-objective, ~self._populated(stack, starts.cells), starts.cells))
        _, first = np.unique(starts.cells[order], return_index=True)
        place = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
        return stack.take(order[(place < most) & np.isfinite(objective[order])])

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
        white = self._whitening[self._structures[self._cells_of(best.stack)]]
        moves = []
        for step in (+1, -1):
            # The cell of each mixture's structure with one component more or fewer, where there is one.
            onto = np.array([self._place.get((name, k + step), -1) for name, k in best.stack.cells], dtype=np.intp)
            some = np.flatnonzero(onto >= 0)
            stack = best.stack.take(some)
            if step > 0:
                owner, partitions = split(stack, self.rows.z, labels[some], white[some])
            else:
                owner, partitions = merged(stack, labels[some], white[some], _PAIRS_EACH)
            moves.append(_Starts(onto[some][owner], partitions))
        return moves

    def _populated(self, stack: Stack, cells: Index) -> NDArray[np.bool_]:
        """Tell in which mixtures every component holds enough effective rows."""
        fewest = np.minimum.reduceat(stack.weights, stack.offsets[:-1])
        return fewest * self.rows.total_weight >= self._needed[self._structures[cells]]

    def _sound(self, stack: Stack) -> NDArray[np.bool_]:
        """Tell which mixtures are admissible: enough effective rows, no collapsed component."""
        cells, eigenvalues = self._cells_of(stack), self._relative_eigenvalues(stack)
        wide = np.minimum.reduceat(eigenvalues, stack.offsets[:-1]) >= self.smallest_eigenvalue
        rows, needed = stack.weights * self.rows.total_weight, self._needed[self._structures[cells]]
        firsts = stack.offsets[:-1]
        if self.smallest_eigenvalue <= ORDINARY:
            wide |= far_apart(stack.weights, stack.covariances, (rows, eigenvalues), needed, firsts)
        if self.smallest_eigenvalue >= ORDINARY:
            wide &= ~np.logical_or.reduceat(held_up(rows, eigenvalues, firsts), firsts)
        return np.asarray(wide & self._populated(stack, cells))

    def _relative_eigenvalues(self, stack: Stack) -> Array:
        # W of each structure with WᵀW = Π(T)⁻¹.
        which = np.repeat(self._structures[self._cells_of(stack)], stack.sizes)
        return stack_engine.smallest_eigenvalues(stack.covariances, self._whitening, which)
