"""Fit many candidates, each a structure with a number of components, to the same table.

All are started and compared together on rows in memory (`tournament.py`). If those are all of the table's and nothing
but the defaults is asked of a fit, the tournament's winners are the answers. Otherwise each winner is where its own
fit to all rows begins. Data with dependent columns, and very wide data, are fitted one candidate at a time from named
starts. All fits made here stretch their steps; named starts begin with batches of rows where there are many (from a
winner these might lead away) and are stopped where they are dominated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

import numpy as np

from gmmkit.data.table import Table
from gmmkit.errors import GmmkitError
from gmmkit.execution import Workers
from gmmkit.inference import stack_engine
from gmmkit.inference.candidate_fits import SHORT_GAIN, CandidateFits, Fitted
from gmmkit.inference.fit import FitResult, FitSettings
from gmmkit.inference.noise import open_background
from gmmkit.inference.opening import Opening, asks_for_one_at_a_time, open_tournament
from gmmkit.inference.problem import Problem
from gmmkit.inference.stack import CONVERGED, SINGULAR, Stack, StackRun
from gmmkit.inference.starts import FromMixture, FromPartition
from gmmkit.inference.survey import survey
from gmmkit.inference.tournament import Tournament
from gmmkit.inference.winners import Cell, Winners
from gmmkit.inference.won_fits import fits_of, mixtures_of
from gmmkit.model.covariance import Full, family
from gmmkit.model.evaluation import Likelihood
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.streams import generator

__all__ = ["fit_candidates", "one_at_a_time"]

# Of many rows only candidates within so much of the best, by some criterion, are run further than this gain to come.
_COARSE_GAIN, _NEAR = 5e-6, 30.0
# Where fewer sizes are asked for, their neighbours are played as well: of mclust's tables (1,085 cells of twelve sets),
# cells that are sought one at a time miss 29 optima with them, 123 without.
_ENOUGH_SIZES = 4


def fit_candidates(
    table: Table,
    cells: Sequence[Cell],
    settings: FitSettings,
    *,
    tol: float,
    smallest_eigenvalue: float,
    n_random: int,
    workers: Workers,
    own: FromPartition | None = None,
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
    own : FromPartition, optional
        A start of the caller's, for cells of as many components: what it leads to counts where it is better.
    """
    surveyed = survey(table, workers)
    possible = [cell for cell in cells if cell[1] <= table.n_rows]
    context = CandidateFits(table, surveyed, workers, settings, smallest_eigenvalue)
    opening, winners = _tournament(context, possible, tol, n_random)
    places: dict[Cell, int] = {}
    fits: list[tuple[FitResult, Likelihood]] = []
    if opening is not None and winners is not None:
        places = winners.places
        if opening.complete and _plain(settings):
            fits = fits_of(winners, opening, settings, surveyed)
            mixtures = [result.mixture for result, _ in fits]
        else:
            mixtures = mixtures_of(winners, opening)
        if opening.rows.sphering is not None:
            # What was found where columns are not dependent may be singular to float64 where they nearly are.
            places = {cell: s for cell, s in places.items() if _can_be_scored(mixtures[s])}
    for structure, k in cells:
        cell = (structure, k)
        if k > table.n_rows:
            yield Fitted(cell, error=f"{k} components need at least as many rows, but there are {table.n_rows}")
            continue
        s = places.get(cell)
        try:
            if s is None or winners is None:
                fitted = context.from_named_starts(cell)
            else:
                result, found = fits[s] if fits else context.fitted_on(cell, FromMixture(mixtures[s]))
                result = context.diagnosed(cell, result) if fits else result
                fitted = Fitted(cell, result, found, int(winners.tried[s]), int(winners.reached[s]))
        except GmmkitError as error:
            fitted = Fitted(cell, error=str(error))
        if own is None or own.k != k:
            yield fitted
            continue
        yield context.challenged(fitted, own)
        if context.interrupted:
            raise KeyboardInterrupt


def one_at_a_time(table: Table, workers: Workers) -> bool:
    """Tell whether each candidate is fitted by itself, and learns from none but the next smaller of its structure."""
    return asks_for_one_at_a_time(Problem(table, Full, survey(table, workers), workers))


def _can_be_scored(mixture: Mixture) -> bool:
    try:
        return bool(np.isfinite(mixture.covariance.log_determinants).all())
    except np.linalg.LinAlgError:
        return False


def _tournament(
    context: CandidateFits, cells: Sequence[Cell], tol: float, n_random: int
) -> tuple[Opening | None, Winners | None]:
    structures = list(dict.fromkeys(structure for structure, _ in cells))
    sizes = sorted({k for _, k in cells})
    if not cells:
        return None, None
    base = Problem(context.table, Full, context.surveyed, context.workers)
    if context.settings.noise is not None:
        # Components are sought among the rows that are not noise at first sight.
        base, _ = open_background(base, context.settings.noise)
    random = generator(context.settings.seed)
    scouts = [(name, k) for name in structures for k in _neighbours(sizes) if k <= context.table.n_rows]
    played = sorted({*sizes, *(k for _, k in scouts)})
    opening = open_tournament(base, structures, played, random, n_random=n_random)
    if opening is None:
        return None, None
    tournament = Tournament(
        opening.few,
        cells,
        scouts,
        context.smallest_eigenvalue,
        context.settings.max_iter,
        tol if opening.few is opening.rows else max(tol, SHORT_GAIN),
        n_threads=context.workers.n_threads,
    )
    winners = tournament.play(opening.partitions)
    if opening.few is opening.rows or winners is None:
        return opening, winners
    again = tournament.winners(_on_all_rows(winners.run.stack, opening, context, tol))
    # Who reached an optimum was seen among the few.
    before = [winners.places[cell] for cell in again.places]
    return opening, replace(again, reached=winners.reached[before])


def _neighbours(sizes: Sequence[int]) -> list[int]:
    """Return the sizes one below and one above what is asked for, where that is too little to learn from."""
    if len(sizes) >= _ENOUGH_SIZES:
        return []
    return sorted({k + step for k in sizes for step in (-1, 1)} - {0, *sizes})


def _on_all_rows(stack: Stack, opening: Opening, context: CandidateFits, tol: float) -> StackRun:
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


def _plain(settings: FitSettings) -> bool:
    """Tell whether nothing is asked for that the tournament's engine does not do."""
    default = FitSettings()
    free = {"rule", "max_iter", "seed", "before", "callback", "admissible_eigenvalue"}
    return all(getattr(settings, f.name) is getattr(default, f.name) for f in fields(FitSettings) if f.name not in free)
