"""What is wrong with a fitted mixture, if anything: said once, at the end, with the rows that cause it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Block
from gmmkit.inference.prior import DELTA, Prior
from gmmkit.inference.problem import Problem
from gmmkit.inference.repairs import Repair
from gmmkit.model.covariance import Covariance, Full
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import Scorer, Workspace

__all__ = [
    "DEPENDENT",
    "ORDINARY",
    "Health",
    "diagnose",
    "far_apart",
    "health_of",
    "held_up",
]

Array = NDArray[np.float64]

_ONE_ROW = 1.5
_EMPTY = 1e-3
_ROUNDING = 1e-6
#: The smallest variance of a component, as a share of the data's, that is ordinarily admissible; one that is not may
#: be of clusters far apart, whose components hold many rows and are no narrower than such a share of their mean.
ORDINARY = 1e-4
_MANY_ROWS, _ALIKE, _WIDE = 10, 1e-2, 2.0
#: How the reason begins that such columns are.
DEPENDENT = "columns are linearly dependent"
_SOME = 0.05  # of a direction of length 1
_MOST_NAMED = 64


@dataclass(frozen=True, slots=True, eq=False)
class Health:
    """How well each component is supported.

    Attributes
    ----------
    effective_rows : ndarray of shape (k,)
        Sum of responsibilities × weights (weights count as repetitions).
    relative_eigenvalues : ndarray of shape (k,)
        Smallest eigenvalue of each covariance in the metric of the pooled covariance, where the data have spread.
    needed_rows : int
        Effective rows the family needs.
    dependent : bool
        Whether columns are linearly dependent where the family has covariances between them: nothing but what holds
        it up gives it width there.
    far_apart : bool
        Whether components are narrow only beside their distances (`far_apart`).
    """

    effective_rows: Array
    relative_eigenvalues: Array
    needed_rows: int
    dependent: bool = False
    far_apart: bool = False

    def spurious(self, smallest_eigenvalue: float = ORDINARY) -> str | None:
        """Return why the fit is not admissible, or None if it is.

        Likelihoods with free covariances are unbounded: a component that collapses onto a few rows, or onto rows
        that were rounded alike, can have any likelihood and means nothing. Where all components are as narrow as each
        other in every direction, well supported and wider than what holds them up, it is the data that are wide:
        clusters far apart, which the ordinary limit admits, and no stricter one.
        """
        if self.dependent:
            return (
                f"{DEPENDENT}, or fewer rows than columns: covariances between them are singular; "
                "leave columns out, or take a structure along the columns"
            )
        if self.effective_rows.min() < self.needed_rows:
            j = int(self.effective_rows.argmin())
            said = f"{self.effective_rows[j]:.3g}"
            if float(said) >= self.needed_rows:
                said = f"{self.effective_rows[j]:.9g}"
            return f"component {j} rests on {said} effective rows, fewer than {self.needed_rows}"
        least = self.relative_eigenvalues.min()
        if least >= max(smallest_eigenvalue, _least(self.effective_rows.min(), self.effective_rows.mean())):
            return None
        narrow = self.relative_eigenvalues < smallest_eigenvalue
        if self.far_apart and smallest_eigenvalue <= ORDINARY:
            narrow[:] = False
        if smallest_eigenvalue >= ORDINARY:
            narrow |= self.relative_eigenvalues < _least(self.effective_rows, self.effective_rows.mean())
        if narrow.any():
            j = int(np.where(narrow, self.relative_eigenvalues, np.inf).argmin())
            if self.relative_eigenvalues[j] >= smallest_eigenvalue:
                return f"component {j} has collapsed: nothing but the regularisation gives it width in some direction"
            return (
                f"component {j} has collapsed: its smallest variance is {self.relative_eigenvalues[j]:.1e} "
                f"of the data's, below {smallest_eigenvalue:g}"
            )
        return None


def held_up(rows: Array, eigenvalues: Array, offsets: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell which components (K,) of some mixtures are hardly wider than the default prior makes them.

    Parameters
    ----------
    rows, eigenvalues : ndarray of shape (K,)
        Effective rows and relative eigenvalues.
    offsets : ndarray of shape (S,)
        Where each mixture's components begin.
    """
    sizes = np.diff(np.append(offsets, len(rows)))
    least = _least(rows, np.repeat(np.add.reduceat(rows, offsets) / sizes, sizes))
    return np.asarray(eigenvalues < least)


def far_apart(
    weights: Array, covariances: Array, health: tuple[Array, Array], needed: Array | int, offsets: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Tell of which mixtures (S,) the components are narrow only beside their distances.

    All hold many rows, none is held up, and none is in any direction much narrower than their weighted mean.

    Parameters
    ----------
    weights : ndarray of shape (K,)
    covariances : ndarray of shape (K, d, d)
    health : tuple of ndarray of shape (K,)
        Effective rows and relative eigenvalues.
    needed : int or ndarray of shape (S,)
        Rows that a component needs.
    offsets : ndarray of shape (S,)
        Where each mixture's components begin.
    """
    rows, eigenvalues = health
    narrow = np.minimum.reduceat(eigenvalues, offsets) < ORDINARY
    supported = np.minimum.reduceat(rows, offsets) >= _MANY_ROWS * np.asarray(needed)
    found: NDArray[np.bool_] = (
        narrow & supported & ~np.logical_or.reduceat(held_up(rows, eigenvalues, offsets), offsets)
    )
    ends = np.append(offsets[1:], len(weights))
    for s in np.flatnonzero(found):
        own = slice(offsets[s], ends[s])
        white = np.linalg.inv(np.linalg.cholesky(np.average(covariances[own], axis=0, weights=weights[own])))
        found[s] = np.linalg.eigvalsh(white @ covariances[own] @ white.T)[:, 0].min() > _ALIKE
    return found


def _least(rows: Any, mean: Any) -> Any:
    """Return relative eigenvalues below which components are hardly wider than the default prior makes them."""
    return _WIDE * DELTA * mean / np.maximum(rows, _EMPTY)


def health_of(problem: Problem, state: Mixture) -> Health:
    """Return how well each component of a state in the problem's frame is supported."""
    counts = state.weights * problem.total_weight * problem.rows_per_weight
    eigenvalues = _relative_eigenvalues(state.covariance, problem)
    needed = state.covariance.needed_rows
    dependent = any(_mixes(problem, direction) for direction in problem.null_directions)
    health = Health(counts, eigenvalues, needed, dependent)
    # Beside loadings, noise is no wider where clusters lie far apart.
    if eigenvalues.min() >= ORDINARY or not isinstance(state.covariance, problem.family):
        return health
    one = np.zeros(1, dtype=np.intp)
    apart = far_apart(state.weights, state.covariance.dense(), (counts, eigenvalues), needed, one)
    return replace(health, far_apart=bool(apart[0]))


def _mixes(problem: Problem, direction: Array) -> bool:
    """Tell whether a direction without spread is more than a constant column."""
    return not problem.surveyed.constant[np.abs(direction) > _SOME].all()


def diagnose(problem: Problem, state: Mixture, prior: Prior, *, sparing: bool = False) -> tuple[Health, list[Repair]]:
    """Return the health of a state in the problem's frame, and what should be said of it.

    The row that a component rests on is that with the largest share of it; `sparing`, for very many components, looks
    for the row that scores best, of the first few components only, for that takes no shares of all.
    """
    health = health_of(problem, state)
    counts, eigenvalues = health.effective_rows, health.relative_eigenvalues
    repairs = _of_columns(problem) if prior.any else []
    few = np.flatnonzero(counts < max(health.needed_rows, _ONE_ROW))
    starved = [int(j) for j in few if counts[j] >= _EMPTY]
    repairs += [Repair("empty", component=int(j), effective_rows=float(counts[j])) for j in few if counts[j] < _EMPTY]
    if starved:
        named = [j for j in starved if counts[j] < _ONE_ROW]
        heaviest = _best_rows(problem, state, named[:_MOST_NAMED]) if sparing else _heaviest_rows(problem, state, named)
        rows = dict(zip(named, heaviest, strict=False))
        repairs += [
            Repair(
                "few rows",
                component=j,
                row=rows.get(j),
                effective_rows=float(counts[j]),
            )
            for j in starved
        ]
    if prior.has_scatter:
        floor = (
            DELTA * problem.total_weight / state.n_components / np.maximum(state.weights * problem.total_weight, 1e-300)
        )
        at_floor = np.flatnonzero((eigenvalues < 2.0 * floor) & (counts >= max(health.needed_rows, _ONE_ROW)))
        repairs += [Repair("collapsed", component=int(j), effective_rows=float(counts[j])) for j in at_floor]
    return health, repairs


def _relative_eigenvalues(covariance: Covariance, problem: Problem) -> Array:
    """Return smallest eigenvalues in the metric of the pooled covariance, where the data have any spread.

    A constant column is a fault of the data and said as such; it must not make every component look collapsed.
    """
    null = problem.null_directions
    if not len(null):
        return covariance.smallest_eigenvalues(problem.pooled)
    if problem.family.independent_columns:
        held = np.flatnonzero(~null.any(axis=0)).tolist()
        if not held:
            return np.ones(covariance.n_components)
        return covariance.marginal(held).smallest_eigenvalues(problem.pooled.marginal(held))
    _, sizes, axes = np.linalg.svd(null)
    spread = axes[np.count_nonzero(sizes > 0.5) :]
    if not len(spread):
        return np.ones(covariance.n_components)
    return Full(spread @ covariance.dense() @ spread.T).smallest_eigenvalues(
        Full(spread @ problem.pooled.dense() @ spread.T)
    )


def _of_columns(problem: Problem) -> list[Repair]:
    repairs = []
    constant = problem.surveyed.constant
    # Spheres have a size where any column has a spread.
    if constant.all() or (problem.family.structure[1] != "I" and constant.any()):
        repairs += [Repair("constant column", column=int(j)) for j in np.flatnonzero(constant)]
    for direction in problem.null_directions:
        # In the data's units a coefficient may be small and matter; in the frame a small one is rounding.
        in_units = np.where(np.abs(direction) > _ROUNDING, direction * problem.frame.scale, 0.0)
        in_units = in_units / np.abs(in_units).max()
        if _mixes(problem, direction):
            repairs.append(Repair("dependent columns", direction=tuple(in_units.tolist())))
    return repairs


def _heaviest_rows(problem: Problem, state: Mixture, components: list[int]) -> list[int]:
    """Return for each of some components the row with the largest share of it: one pass."""

    def shares(scorer: Scorer, block: Block, work: Workspace) -> Array:
        share = scorer.responsibilities(block.rows, work)[0][components]
        return share if block.weights is None else share * (block.weights > 0)

    return _first_rows(problem, state.scorer_in(problem.frame), len(components), shares) if components else []


def _best_rows(problem: Problem, state: Mixture, components: list[int]) -> list[int]:
    """Return for each of some components the row that scores best: one pass, that knows no other component."""

    def scores(scorer: Scorer, block: Block, work: Workspace) -> Array:
        score = scorer.score(block.rows, work)
        return score if block.weights is None else np.where(block.weights > 0, score, -np.inf)

    if not components:
        return []
    some = state.take(components)
    # Centred: scores of rows are compared, which no term of theirs may be left out of.
    scorer = Scorer(np.zeros(len(components)), some.means, some.covariance, problem.frame, centred=True)
    return _first_rows(problem, scorer, len(components), scores)


def _first_rows(
    problem: Problem, scorer: Scorer, count: int, value_of: Callable[[Scorer, Block, Workspace], Array]
) -> list[int]:
    """Return the rows with the largest of `count` values (count, B) of each block."""
    plan = scorer.plan(problem.table.n_rows)

    def task(start: int, stop: int) -> tuple[Array, NDArray[np.intp]]:
        work = scorer.workspace(plan.block_rows)
        best, rows = np.full(count, -np.inf), np.zeros(count, dtype=np.intp)
        for block in problem.table.blocks(plan.block_rows, start, stop):
            share = value_of(scorer, block, work)
            at = share.argmax(axis=1)
            value = share[np.arange(count), at]
            better = value > best
            best, rows = np.where(better, value, best), np.where(better, at + block.index, rows)
        return best, rows

    def merge(a: tuple[Array, NDArray[np.intp]], b: tuple[Array, NDArray[np.intp]]) -> tuple[Array, NDArray[np.intp]]:
        better = b[0] > a[0]
        return np.where(better, b[0], a[0]), np.where(better, b[1], a[1])

    _, rows = problem.workers.map_merge(task, plan.tasks(), merge)
    return [int(row) for row in rows]
