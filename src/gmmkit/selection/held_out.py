"""Held-out log-likelihood by k-fold cross-validation.

Smyth (2000, "Model selection for probabilistic clustering using cross-validated likelihood", Statistics and Computing
10). Each fold's rows are scored by a fit of all the others. A row's fold follows from its values and a seed, so that
it does not depend on the order of the rows, repeating a row equals doubling its weight, and a component that collapsed
onto rows of equal values gains nothing. Rows are left out by a weight of 0: nothing is copied, and tables of any
size will do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table
from gmmkit.errors import ParameterError
from gmmkit.execution import Workers, plan_pass
from gmmkit.inference.candidate_fits import Fitted
from gmmkit.inference.winners import Cell
from gmmkit.model.evaluation import Likelihood, likelihood

__all__ = ["HeldOut", "fold_of_rows", "held_out"]

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How likely rows are that the fit did not see.

    Attributes
    ----------
    log_density : float
        Weighted mean held-out log-density of a row, in nats.
    standard_error : float
        Of `log_density`, from the spread between folds.
    total_weight : float

    Examples
    --------
    >>> found = HeldOut.of([Likelihood(-10.0, 0.0, 5.0), Likelihood(-14.0, 0.0, 5.0)])
    >>> found.log_density, round(found.standard_error, 9), found.criterion
    (-2.4, 0.4, 48.0)
    """

    log_density: float
    standard_error: float
    total_weight: float

    @classmethod
    def of(cls, folds: Sequence[Likelihood]) -> HeldOut:
        """Return the estimate that the likelihoods of the held-out folds come to."""
        sums = np.array([fold.log_likelihood for fold in folds])
        sizes = np.array([fold.total_weight for fold in folds])
        total, f = sizes.sum(), len(folds)
        mean = (sums / total).sum()
        deviations = sums / total - sizes / total * mean
        error = np.sqrt(f / (f - 1) * (deviations**2).sum())
        return cls(float(mean), float(error), float(total))

    @property
    def criterion(self) -> float:
        """``−2 n`` times the mean held-out log-density: on the scale of AIC, lower is better."""
        return -2.0 * self.total_weight * self.log_density


def held_out(
    table: Table, member: NDArray[np.intp], fits: Callable[[Table], Iterable[Fitted]], workers: Workers
) -> tuple[dict[Cell, HeldOut | str], bool]:
    """Return for each cell its held-out log-likelihood, or why what a fold leaves cannot be fitted.

    Parameters
    ----------
    table : Table
    member : ndarray of shape (n,)
        The fold of each row (`fold_of_rows`), the same for all cells.
    fits : callable
        Given the rows that are seen (the others have no weight), fits cells to them from starts of their own: one
        that began at a fit of all rows would know those that it has not seen.
    workers : Workers

    Returns
    -------
    dict of cell to HeldOut or str
    bool
        Whether Ctrl-C left some folds out: what is known is of the others.

    Raises
    ------
    KeyboardInterrupt
        If there are not two folds yet.
    """
    weights = np.ones(table.n_rows) if table.weights is None else table.weights
    found: dict[Cell, list[Likelihood]] = {}
    failed: dict[Cell, str] = {}
    folds, interrupted = int(member.max()) + 1, False
    for fold in range(folds):
        seen = table.with_weights(np.where(member == fold, 0.0, weights))
        unseen = table.with_weights(np.where(member == fold, weights, 0.0))
        of_fold: dict[Cell, Likelihood] = {}
        try:
            for fitted in fits(seen):
                if fitted.result is None:
                    failed[fitted.cell] = fitted.error or "the fit failed"
                elif fitted.result.interrupted:
                    raise KeyboardInterrupt
                else:
                    of_fold[fitted.cell] = likelihood(fitted.result.mixture, unseen, n_jobs=workers.n_threads)
        except KeyboardInterrupt:
            if fold < 2:
                raise
            interrupted = True
            break
        for cell, value in of_fold.items():
            found.setdefault(cell, []).append(value)
    known: dict[Cell, HeldOut | str] = {
        cell: HeldOut.of(values) for cell, values in found.items() if cell not in failed
    }
    return {**known, **failed}, interrupted


def fold_of_rows(table: Table, folds: int, seed: int, workers: Workers) -> NDArray[np.intp]:
    """Return the fold of each row (n,), from 0; −1 for rows without weight. Equal rows share a fold."""
    if folds < 2:
        raise ParameterError(f"folds must be at least 2, but got {folds}")
    hashes = np.empty(table.n_rows, dtype=np.uint64)
    plan = plan_pass(table.n_rows, 4 * table.n_columns)

    def task(start: int, stop: int) -> None:
        for block in table.blocks(plan.block_rows, start, stop):
            hashes[block.index : block.index + len(block.rows)] = _hashed(block.rows, seed)

    workers.each(task, plan.tasks())
    held = np.ones(table.n_rows, dtype=bool) if table.weights is None else table.weights > 0
    distinct, place = np.unique(hashes[held], return_inverse=True)
    if len(distinct) < folds:
        n = len(distinct)
        there = "there is 1: give more" if n == 1 else f"there are {n}: ask for at most {n} folds"
        raise ParameterError(f"{folds} folds need as many distinct rows, but {there}")
    member = np.full(table.n_rows, -1, dtype=np.intp)
    member[held] = place * folds // len(distinct)
    return member


def _hashed(rows: NDArray[np.generic], seed: int) -> Hashes:
    state = _mixed(np.full(len(rows), seed % 2**64, dtype=np.uint64))
    for column in rows.T:
        # Adding 0 makes one of the two zeros.
        state = _mixed(state ^ (column.astype(np.float64) + 0.0).view(np.uint64))
    return state


def _mixed(state: Hashes) -> Hashes:
    """Return SplitMix64 of each number (Steele, Lea & Flood 2014)."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
