"""Many structures, many sizes, many starts: who reaches which optimum.

A *cell* is one structure with one number of components. Each cell's starts are run together for a few passes and the
best go on; then cells learn from each other: a partition found under another structure, one with a component split or
two merged. The best of each cell are run to convergence.

Everything is as invariant as the structure. One that is closed under every linear map (VVV EEE VEE EVV) learns only
from its like; one that is closed under column scalings, or under rotations and one scale, from those and its own.
"""

from __future__ import annotations

from collections import defaultdict
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
_Start = tuple[Cell, Labels]
#: Starts: partitions of the rows, by the maps of the data that leave them unchanged and the number of groups.
Partitions = dict[tuple[Equivariance, int], list[Labels]]

_KINDS: dict[Equivariance, tuple[Equivariance, ...]] = {
    "linear": ("linear",),
    "column": ("linear", "column"),
    "scalar": ("linear", "scalar"),
}
# Passes in which starts show what they are worth, and how many of a cell's go on from there.
_GLANCE_PASSES, _SHORT_PASSES, _LEADERS = 2, 10, 2
_SHORT_GAIN = 1e-4
_ROUNDS = 2
# Starts that end within this much log-likelihood (nats) of each other have reached the same optimum.
_SAME_OPTIMUM = 1e-2


def kinds_for(structure: str) -> tuple[Equivariance, ...]:
    """Return which kinds of starts are at least as invariant as a structure."""
    return _KINDS[family(structure).equivariance]


@dataclass(frozen=True, slots=True)
class Winner:
    """What a cell's competition ended with.

    Attributes
    ----------
    run : StackRun
        Of one mixture.
    tried, reached : int
        Starts that were run, and how many of those that were run to the end came out at this optimum.
    """

    run: StackRun
    tried: int
    reached: int


@dataclass
class Tournament:
    """A competition over the same rows.

    Parameters
    ----------
    rows : StackRows
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
    smallest_eigenvalue: float
    rows_per_weight: float
    max_iter: int
    tol: float
    n_threads: int = 1
    _known: set[tuple[Cell, bytes]] = field(default_factory=set)
    _tried: dict[Cell, int] = field(default_factory=lambda: defaultdict(int))

    def play(self, cells: Sequence[Cell], partitions: Partitions) -> dict[Cell, Winner]:
        """Return the winner of each cell; a cell whose every start is singular has none."""
        opening = [
            (cell, p) for cell in cells for kind in kinds_for(cell[0]) for p in partitions.get((kind, cell[1]), [])
        ]
        best = self._leaders(self._short(opening))
        for _ in range(_ROUNDS):
            labels = stack_engine.labels_of(self.rows, best.stack)
            lessons = self._short(self._lessons(best.stack, labels, cells))
            moves = self._short(self._promising(self._moves(best.stack, labels, cells)))
            if not len(lessons) and not len(moves):
                break
            best = self._leaders(StackRun.join([best, lessons, moves]))
        final = self._run_on(best.stack, self.max_iter, self.tol)
        return self._winners(final)

    def _short(self, starts: list[_Start]) -> StackRun:
        """Run those starts that are new for a few passes."""
        fresh = []
        for cell, labels in starts:
            key = (cell, labels.tobytes())
            if key not in self._known:
                self._known.add(key)
                self._tried[cell] += 1
                fresh.append((cell, labels))
        return self._run(fresh, _SHORT_PASSES)

    def _run(self, starts: list[_Start], passes: int) -> StackRun:
        if not starts:
            return StackRun.nothing(len(self.rows.z))
        structures = tuple(structure for (structure, _), _ in starts)
        sizes = np.array([k for (_, k), _ in starts], dtype=np.intp)
        stack = stack_engine.begin(self.rows, structures, sizes, np.stack([labels for _, labels in starts]))
        return self._run_on(stack, passes, _SHORT_GAIN)

    def _run_on(self, stack: Stack, passes: int, tol: float) -> StackRun:
        return stack_engine.run(self.rows, stack, max_iter=passes, tol=tol, n_threads=self.n_threads)

    def _lessons(self, stack: Stack, labels: NDArray[np.int32], cells: Sequence[Cell]) -> list[_Start]:
        """Return for each cell the partitions that others of its size have found."""
        found: dict[tuple[Equivariance, int], list[Labels]] = defaultdict(list)
        for s, (structure, k) in enumerate(stack.cells):
            found[family(structure).equivariance, k].append(labels[s])
        return [(cell, p) for cell in cells for kind in kinds_for(cell[0]) for p in found[kind, cell[1]]]

    def _moves(self, stack: Stack, labels: NDArray[np.int32], cells: Sequence[Cell]) -> list[_Start]:
        """Return for each cell the partitions one split or one merge away from its structure's of the next sizes."""
        wanted = set(cells)
        whitening = self._whitening(stack)
        owner = np.repeat(np.arange(len(stack)), stack.sizes)
        within = np.concatenate([np.arange(k) for k in stack.sizes])
        # Each component is cut at its mean, across the direction in which it is widest in the metric of the data.
        white = whitening[owner]
        axes = np.linalg.eigh(white @ stack.covariances @ white.swapaxes(1, 2))[1][:, :, -1]
        across = np.einsum("kij,ki->kj", white, axes)
        beyond = across @ self.rows.z > np.einsum("ki,ki->k", across, stack.means)[:, None]
        moved: list[_Start] = []
        for j, s in enumerate(owner):
            cell = (stack.structures[s], int(stack.sizes[s]) + 1)
            if cell not in wanted:
                continue
            cut = (labels[s] == within[j]) & (beyond[j] == beyond[j, 0])
            split = labels[s].copy()
            split[cut] = cell[1] - 1
            if cut.any() and (split == within[j]).any():
                moved.append((cell, split))
        means = np.einsum("kij,kj->ki", white, stack.means)
        offsets = stack.offsets
        for s, (structure, k) in enumerate(stack.cells):
            if k > 2 and (structure, k - 1) in wanted:
                part = slice(offsets[s], offsets[s + 1])
                pairs = _nearest_pairs(means[part], stack.weights[part])
                moved += [((structure, k - 1), _merged(labels[s], i, j, k)) for i, j in pairs]
        return moved

    def _promising(self, starts: list[_Start]) -> list[_Start]:
        """Return the best few of each cell's new starts after a glance at each."""
        fresh = [(cell, labels) for cell, labels in starts if (cell, labels.tobytes()) not in self._known]
        if not fresh:
            return []
        run = self._run(fresh, _GLANCE_PASSES)
        by_cell: dict[Cell, int] = defaultdict(int)
        chosen = []
        for s in np.lexsort((-run.objective, ~self._sound(run.stack))):
            cell = fresh[s][0]
            if run.status[s] != SINGULAR and by_cell[cell] < _LEADERS:
                by_cell[cell] += 1
                chosen.append(fresh[s])
        return chosen

    def _leaders(self, run: StackRun) -> StackRun:
        """Keep the best of each cell that differ: admissible ones first, then by objective."""
        apart = _SAME_OPTIMUM / self.rows.total_weight
        by_cell: dict[Cell, list[int]] = defaultdict(list)
        cells = run.stack.cells
        for s in np.lexsort((-run.objective, ~self._sound(run.stack))):
            if run.status[s] == SINGULAR:
                continue
            kept = by_cell[cells[s]]
            if len(kept) < _LEADERS and all(abs(run.objective[t] - run.objective[s]) > apart for t in kept):
                kept.append(int(s))
        return run.take([s for kept in by_cell.values() for s in kept])

    def _sound(self, stack: Stack) -> NDArray[np.bool_]:
        """Tell which mixtures are admissible: enough effective rows, no collapsed component."""
        d = stack.means.shape[1]
        needed = {name: family(name).minimum_rows(d) for name in set(stack.structures)}
        held = stack.weights * self.rows.total_weight * self.rows_per_weight
        fine = held >= np.repeat([needed[name] for name in stack.structures], stack.sizes)
        white = np.repeat(self._whitening(stack), stack.sizes, axis=0)
        smallest = np.linalg.eigvalsh(white @ stack.covariances @ white.swapaxes(1, 2))[:, 0]
        fine &= smallest >= self.smallest_eigenvalue
        return np.asarray(np.logical_and.reduceat(fine, stack.offsets[:-1]))

    def _whitening(self, stack: Stack) -> Array:
        """Return for each mixture W (S, d, d) with ``Wᵀ W = Π(T)⁻¹``."""
        known = {name: np.linalg.inv(np.linalg.cholesky(scatter)) for name, scatter in self.rows.pooled.items()}
        return np.stack([known[name] for name in stack.structures])

    def _winners(self, final: StackRun) -> dict[Cell, Winner]:
        top: dict[Cell, int] = {}
        reached: dict[Cell, int] = defaultdict(int)
        cells = final.stack.cells
        for s in np.lexsort((-final.objective, ~self._sound(final.stack))):
            if final.status[s] == SINGULAR:
                continue
            first = top.setdefault(cells[s], int(s))
            if abs(final.objective[first] - final.objective[s]) * self.rows.total_weight < _SAME_OPTIMUM:
                reached[cells[s]] += 1
        return {cell: Winner(final.take([s]), self._tried[cell], reached[cell]) for cell, s in top.items()}


def _nearest_pairs(means: Array, weights: Array) -> list[tuple[int, int]]:
    """Return the k pairs of k components whose union adds least to the scatter within."""
    first, second = np.triu_indices(len(means), 1)
    w = weights[first] * weights[second] / np.maximum(weights[first] + weights[second], 1e-300)
    cost = w * ((means[first] - means[second]) ** 2).sum(axis=1)
    chosen = np.argsort(cost, kind="stable")[: len(means)]
    return list(zip(first[chosen].tolist(), second[chosen].tolist(), strict=True))


def _merged(labels: Labels, i: int, j: int, k: int) -> Labels:
    """Return labels 0 … k − 2 of a partition with groups i < j of k as one."""
    names = np.arange(k, dtype=labels.dtype)
    names[j], names[j + 1 :] = i, names[j + 1 :] - 1
    return np.asarray(names[labels])
