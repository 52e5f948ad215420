"""Fit many candidates, each a structure with a number of components, to the same table.

All are started and compared together on rows in memory (`tournament.py`). If those are all of the table's and nothing
but the defaults is asked of a fit, the tournament's winners are the answers. Otherwise each winner is where its own
fit to all rows begins. Data with dependent columns, and very wide data, are fitted one candidate at a time from named
starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from gmmkit.data.table import Table
from gmmkit.errors import GmmkitError
from gmmkit.execution import Workers
from gmmkit.inference import stack_engine
from gmmkit.inference.diagnosis import Health, diagnose
from gmmkit.inference.fit import FitResult, FitSettings, component_order, fit
from gmmkit.inference.moves import best_split
from gmmkit.inference.noise import open_background
from gmmkit.inference.opening import Opening, open_tournament
from gmmkit.inference.prior import Prior, make_prior
from gmmkit.inference.problem import Problem, Survey, survey
from gmmkit.inference.repairs import OnSingular, Repair
from gmmkit.inference.sampling import sample_rows
from gmmkit.inference.stack import CONVERGED, SINGULAR, Stack, StackRun
from gmmkit.inference.starts import FromMixture, Named, Start
from gmmkit.inference.stopping import AitkenGain
from gmmkit.inference.tournament import Cell, Tournament, Winner
from gmmkit.model.covariance import Full, family
from gmmkit.model.evaluation import Likelihood, likelihood
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.frame import Frame
from gmmkit.numerics.streams import generator

__all__ = ["Fitted", "fit_candidates"]

_SHORT_GAIN = 1e-4
_SHORT_PASSES = 15
# Of many rows only candidates within so much of the best, by some criterion, are run further than this gain to come.
_COARSE_GAIN, _NEAR = 5e-6, 30.0


@dataclass(frozen=True, slots=True)
class Fitted:
    """One candidate's fit, or why there is none.

    Attributes
    ----------
    cell : tuple of str and int
    result : FitResult or None
    likelihood : Likelihood or None
        At the fitted parameters.
    tried, reached : int
        Starts that were run, and how many of them came out at this optimum.
    error : str or None
    """

    cell: Cell
    result: FitResult | None = None
    likelihood: Likelihood | None = None
    tried: int = 0
    reached: int = 0
    error: str | None = None


def fit_candidates(
    table: Table,
    cells: Sequence[Cell],
    settings: FitSettings,
    *,
    tol: float,
    smallest_eigenvalue: float,
    n_random: int,
    workers: Workers,
) -> Iterator[Fitted]:
    """Yield each cell's fit, in the order of the cells.

    Parameters
    ----------
    table : Table
    cells : sequence of (str, int)
    settings : FitSettings
    tol : float
        Objective per unit of weight that may be left to gain.
    smallest_eigenvalue : float
        Smallest variance of a component, as a share of the data's, that is admissible.
    n_random : int
        Random starts beside the others.
    workers : Workers
    """
    surveyed = survey(table, workers)
    possible = [cell for cell in cells if cell[1] <= table.n_rows]
    context = _Context(table, surveyed, workers, settings, smallest_eigenvalue)
    winners, opening = _tournament(context, possible, tol, n_random)
    as_won = opening is not None and opening.complete and _plain(settings)
    for structure, k in cells:
        if k > table.n_rows:
            reason = f"{k} components need at least as many rows, but there are {table.n_rows}"
            yield Fitted((structure, k), error=reason)
            continue
        winner = winners.get((structure, k))
        try:
            if winner is None or opening is None:
                yield context.from_named_starts((structure, k))
            elif as_won:
                yield context.as_won((structure, k), winner, opening)
            else:
                yield context.fitted_on((structure, k), winner, opening)
        except GmmkitError as error:
            yield Fitted((structure, k), error=str(error))


def _tournament(
    context: _Context, cells: Sequence[Cell], tol: float, n_random: int
) -> tuple[dict[Cell, Winner], Opening | None]:
    structures = list(dict.fromkeys(structure for structure, _ in cells))
    sizes = sorted({k for _, k in cells})
    if not cells:
        return {}, None
    base = Problem(context.table, Full, context.surveyed, context.workers)
    if context.settings.noise is not None:
        # Components are sought among the rows that are not noise at first sight.
        base, _ = open_background(base, context.settings.noise)
    random = generator(context.settings.seed)
    opening = open_tournament(base, structures, sizes, random, n_random=n_random)
    if opening is None:
        return {}, None
    played = Tournament(
        opening.few,
        cells,
        context.smallest_eigenvalue,
        base.rows_per_weight,
        context.settings.max_iter,
        tol if opening.few is opening.rows else max(tol, _SHORT_GAIN),
        n_threads=context.workers.n_threads,
    )
    winners = played.play(opening.partitions)
    if opening.few is not opening.rows and winners:
        stack = StackRun.join([winner.run for winner in winners.values()]).stack
        again = played.winners(_on_all_rows(stack, opening, context, tol))
        winners = {
            cell: replace(again[cell], reached=winner.reached) for cell, winner in winners.items() if cell in again
        }
    return winners, opening


def _on_all_rows(stack: Stack, opening: Opening, context: _Context, tol: float) -> StackRun:
    """Run winners of a sample on all rows: coarsely, then those to the end that may yet come first."""
    rows, max_iter, n_threads = opening.rows, context.settings.max_iter, context.workers.n_threads
    run = stack_engine.run(rows, stack, max_iter=max_iter, tol=max(tol, _COARSE_GAIN), n_threads=n_threads)
    n = rows.total_weight
    k, d = run.stack.sizes, context.table.n_columns
    covariances = [family(name).n_parameters(size, d) for name, size in run.stack.cells]
    free = k - 1 + k * d + np.array(covariances)
    open_to = np.zeros(len(run), dtype=bool)
    for price in (2.0, np.log(n), np.log((n + 2.0) / 24.0)):
        for certainty in (0.0, run.log_certainty):
            value = -2.0 * (run.log_likelihood + certainty) + price * free
            open_to |= value < value[run.status != SINGULAR].min(initial=np.inf) + 2.0 * n * _COARSE_GAIN + _NEAR
    chosen = np.flatnonzero(open_to & (run.status == CONVERGED))
    if tol >= _COARSE_GAIN or not len(chosen):
        return run
    rest = np.setdiff1d(np.arange(len(run)), chosen)
    finer = stack_engine.run(rows, run.stack.take(chosen), max_iter=max_iter, tol=tol, n_threads=n_threads)
    return StackRun.join([finer, run.take(rest)])


@dataclass(slots=True)
class _Context:
    """What every candidate's fit needs."""

    table: Table
    surveyed: Survey
    workers: Workers
    settings: FitSettings
    smallest_eigenvalue: float
    _smaller: FitResult | None = None

    def problem(self, structure: str) -> Problem:
        return Problem(self.table, family(structure), self.surveyed, self.workers)

    def as_won(self, cell: Cell, winner: Winner, opening: Opening) -> Fitted:
        """Return a winner that has seen all the rows."""
        run = winner.run
        frame, state = _state(winner, opening)
        order = component_order(state)
        total = opening.rows.total_weight
        per_weight = max(1.0, self.surveyed.n_rows / total)
        health = Health(
            state.weights[order] * total * per_weight,
            winner.relative_eigenvalues[order],
            family(cell[0]).minimum_rows(self.table.n_columns),
        )
        state = state.take(order)
        repairs: list[Repair] = []
        if health.spurious(self.smallest_eigenvalue) is not None:
            problem = self.problem(cell[0])
            own = state.out_of(frame).into(problem.frame)
            _, repairs = diagnose(problem, own, make_prior(problem, self.settings.reg_covar))
        result = FitResult(
            mixture=state.out_of(frame),
            objectives=tuple((run.traces[0, : run.passes[0]] + opening.frame.log_volume).tolist()),
            reason="converged" if run.status[0] == CONVERGED else "max_iter",
            repairs=tuple(repairs),
            health=health,
            starts_tried=winner.tried,
            total_weight=total,
            n_parameters=self.settings.n_parameters(state),
        )
        found = Likelihood(
            float(run.log_likelihood[0]) + total * opening.frame.log_volume, float(run.log_certainty[0]), total
        )
        return Fitted(cell, result, found, winner.tried, winner.reached)

    def fitted_on(self, cell: Cell, winner: Winner, opening: Opening) -> Fitted:
        """Fit all rows from where a winner ended."""
        problem = self.problem(cell[0])
        frame, state = _state(winner, opening)
        start = FromMixture(state.out_of(frame))
        result = fit(problem, [start], self.settings)
        found = likelihood(result.mixture, self.table, n_jobs=self.workers.n_threads)
        return Fitted(cell, result, found, winner.tried, winner.reached)

    def from_named_starts(self, cell: Cell) -> Fitted:
        """Fit a candidate by itself: starts compete over a few passes, and the best goes on."""
        structure, k = cell
        problem = self.problem(structure)
        starts: list[Start] = [Named("kmeans", k, "pooled")] * (3 if k > 1 else 1)
        if k > 1 and problem.family.equivariance == "scalar":
            starts.append(Named("kmeans", k, "raw"))
        smaller = self._smaller
        if (
            smaller is not None
            and smaller.mixture.n_components == k - 1
            and smaller.mixture.covariance_type == problem.family.name
        ):
            starts.append(_FromSmaller(smaller.mixture))
        short = replace(
            self.settings,
            rule=AitkenGain(_SHORT_GAIN),
            max_iter=_SHORT_PASSES,
            admissible_eigenvalue=self.smallest_eigenvalue,
        )
        result = fit(problem, starts, short)
        if not result.interrupted:
            result = fit(problem, [FromMixture(result.mixture)], self.settings)
        self._smaller = result
        found = likelihood(result.mixture, self.table, n_jobs=self.workers.n_threads)
        return Fitted(cell, result, found, len(starts), 1)


def _plain(settings: FitSettings) -> bool:
    """Tell whether nothing is asked for that the tournament's engine does not do."""
    default = FitSettings()
    free = {"rule", "max_iter", "seed", "before", "callback", "admissible_eigenvalue"}
    return all(getattr(settings, f.name) is getattr(default, f.name) for f in fields(FitSettings) if f.name not in free)


def _state(winner: Winner, opening: Opening) -> tuple[Frame, Mixture]:
    """Return a winner as a mixture in a frame that its structure allows."""
    stack, frame = winner.run.stack, opening.frame
    structure = family(stack.structures[0])
    means, covariances = stack.means, stack.covariances
    if structure.equivariance == "scalar":
        units = opening.rows.units
        frame = Frame(frame.shift, frame.scale * units)
        means, covariances = means * units, covariances * np.outer(units, units)
    return frame, Mixture.trusted(stack.weights, means, structure.from_dense(covariances))


@dataclass(frozen=True, slots=True)
class _FromSmaller:
    """A start: the fit of one component fewer, with the component split that the rows ask for most."""

    smaller: Mixture

    def __call__(
        self, problem: Problem, prior: Prior, policy: OnSingular, random: np.random.Generator
    ) -> tuple[Mixture, list[Repair]]:
        state = self.smaller.into(problem.frame)
        return best_split(state, problem, sample_rows(problem, random)), []
