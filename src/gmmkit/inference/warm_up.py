"""Before the first exact pass: stepwise EM over batches of rows, for tables in which one pass holds many batches.

A batch's statistics, scaled to the weight of all rows, are an estimate Ŝ_t of what a pass would give. What is kept of
earlier ones, gathered with worse parameters, is forgotten little by little, and each step refits from it:

    S_t = (1 − γ_t) S_{t−1} + γ_t Ŝ_t,   γ_t = (t + 1)^−α,   t = 0, 1, …

so that one reading of the rows makes as many steps as there are batches. Where it ends exact passes begin, which alone
decide convergence and bounds. A batch is many short runs of rows from all over the table (`data/pieces.py`).

Sources: Cappé & Moulines, "On-line expectation–maximization algorithm for latent data models", Journal of the Royal
Statistical Society B 71 (2009); Liang & Klein, "Online EM for unsupervised models", NAACL (2009).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gmmkit.data.pieces import shuffled
from gmmkit.data.table import Table
from gmmkit.inference.combination import combined
from gmmkit.inference.em import EM
from gmmkit.inference.problem import Problem, Totals
from gmmkit.model.mixture import Mixture

__all__ = ["MiniBatches", "WarmedUp"]

# Fewer steps come nowhere; more cost more in refits than they gain.
_FEWEST_BATCHES, _ENOUGH_BATCHES, _MOST_BATCHES = 16, 64, 128
_FEWEST_ROWS = 1024


@dataclass(frozen=True, slots=True)
class WarmedUp:
    """What a warm-up did.

    Attributes
    ----------
    n_batches : int
        Steps that were made.
    n_rows : int
        Rows that were read, in all.
    """

    n_batches: int
    n_rows: int


@dataclass(frozen=True, slots=True)
class MiniBatches:
    """Stepwise EM before the first exact pass.

    Attributes
    ----------
    forgetting : float
        α, above ½ and at most 1: the smaller, the sooner early batches are forgotten.

    Examples
    --------
    A batch has as many rows as the mixture has parameters, and no fewer than 1024; so many rows make 128 of them.

    >>> MiniBatches().batch_rows(1_000_000, n_parameters=2447), MiniBatches().batch_rows(100_000, n_parameters=2447)
    (7813, 2447)

    Where there would be fewer than 16, there is no warm-up.

    >>> MiniBatches().batch_rows(10_000, n_parameters=2447)
    0
    """

    forgetting: float = 0.6

    def batch_rows(self, n_rows: int, n_parameters: int) -> int:
        """Return the rows of a batch; 0 where there are too few rows for a warm-up."""
        rows = max(_FEWEST_ROWS, n_parameters, -(-n_rows // _MOST_BATCHES))
        return rows if n_rows >= _FEWEST_BATCHES * rows else 0

    def steps(self, algorithm: EM, state: Mixture, random: np.random.Generator) -> Iterator[tuple[Mixture, WarmedUp]]:
        """Yield the state after each step, and what was done until then; nothing where there are too few rows.

        Every row is read once, or twice where once makes few steps. Statistics that are not sound (a component that a
        batch leaves without rows) change no parameters: what is to be repaired, exact passes will tell.
        """
        problem, kept, n_read = algorithm.problem, None, 0
        n_rows = problem.table.n_rows
        batch_rows = self.batch_rows(n_rows, state.n_parameters)
        if not batch_rows:
            return
        sweeps = 1 if n_rows >= _ENOUGH_BATCHES * batch_rows else 2
        batches = (batch for _ in range(sweeps) for batch in shuffled(problem.table, batch_rows, random))
        for t, batch in enumerate(batch for batch in batches if batch.total_weight > 0):
            rate = (t + 1.0) ** -self.forgetting
            totals = _estimate(algorithm, problem, batch, state)
            kept = totals if kept is None else combined([kept, totals], [1.0 - rate, rate])
            n_read += batch.n_rows
            state = algorithm.refit_unrepaired(kept, state) or state
            yield state, WarmedUp(t + 1, n_read)


def _estimate(algorithm: EM, problem: Problem, batch: Table, state: Mixture) -> Totals:
    """Return what all rows would add up to if they were like a batch."""
    part = problem.with_rows(batch)
    totals = part.sweep(algorithm.scorer(state), algorithm.begin(state))
    return combined([totals], [problem.total_weight / batch.total_weight])
