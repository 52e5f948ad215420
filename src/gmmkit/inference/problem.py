"""A data set made ready to be fitted by one covariance family: its frame, its pooled covariance, its passes."""

from __future__ import annotations

import copy
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Block, Table
from gmmkit.execution import Workers, plan_pass
from gmmkit.inference.outliers import NULL_SHARE, without_gross_outliers
from gmmkit.inference.sampling import Sample
from gmmkit.inference.survey import Survey
from gmmkit.model.covariance import Covariance, unconstrained
from gmmkit.model.fused import Fused
from gmmkit.model.scorer import Scorer, Workspace
from gmmkit.model.sums import Sums
from gmmkit.numerics.lazy import lazy
from gmmkit.statistics import Statistics

__all__ = ["Assign", "Begin", "Problem", "Totals", "soft", "softly"]

Array = NDArray[np.float64]
# Turns a block into responsibilities (k, B), one number for each row (B,) to be summed with its weight, and what else
# adds: arrays of any shape, in which the rows' weights are counted already. It scores or reads the block into the
# workspace itself.
Assign = Callable[[Scorer, Block, Workspace], tuple[Array, ...]]
# Returns a task's assignment; given the rows of its longest block.
Begin = Callable[[int], Assign]
# What tasks gather: their sums, the log-likelihoods of their blocks, and what else the assignment adds.
Gathered = tuple[Sums, list[float], list[Array]]

_NULL_FLOOR = 1e-5  # share of the mean eigenvalue that a null direction is given
# Values in the frame that are kept: half a megabyte; and rows that are read into it at once.
_FEW_VALUES, _AT_ONCE = 1 << 16, 8192


@dataclass(slots=True)
class Totals:
    """What one pass adds up to; `leaves` are what else the assignment adds."""

    statistics: Statistics
    row_sum: float
    leaves: tuple[Array, ...] = ()


def soft(scorer: Scorer, block: Block, work: Workspace) -> tuple[Array, Array]:
    """Assign rows to components as probable as they are: EM's expectation."""
    return scorer.responsibilities(block.rows, work)


def softly(_: int) -> Assign:
    """Begin tasks of soft assignments, which a compiled kernel makes where it can (`model/fused.py`)."""
    return soft


class Problem:
    """Rows, a covariance family, and what is computed of them once.

    Parameters
    ----------
    table : Table
    family : type[Covariance]
    surveyed : Survey
    workers : Workers
    single : bool, default=False
        Whether passes may be computed in floats, where they have digits enough.

    Attributes
    ----------
    frame : Frame
    pooled : Covariance
        The family's one-component fit in the frame, null directions lifted: Π(T) of the design notes. Gross
        outliers are left out of it (`outliers.py`).
    null_directions : ndarray of shape (m, d)
        Directions of the frame in which the rows have no spread.
    refining : bool
        Set where passes are too near their optimum for floats to tell a gain.
    used_single : bool
        Whether a pass was computed in floats.
    spread : ndarray
        The contracted scatter of one row of the pooled covariance before null directions were lifted.
    distinct : Sample or None
        The distinct rows, where they are few and have been asked for (`sampling.py`).
    """

    def __init__(
        self, table: Table, family: type[Covariance], surveyed: Survey, workers: Workers, *, single: bool = False
    ) -> None:
        self.table, self.family, self.surveyed, self.workers, self.single = table, family, surveyed, workers, single
        self.refining = self.used_single = False
        self.n_columns = table.n_columns
        self.total_weight = surveyed.total_weight
        self.distinct: Sample | None = None
        self._framed: Array | None = None
        self.frame = surveyed.frame(one_scale=family.equivariance == "scalar")
        self.pooled, self.null_directions = self._pool()
        core = without_gross_outliers(self)
        if core is not None:
            self.frame, self.pooled = core
            self.distinct = self._framed = None  # of the frame before
            self.spread, self.null_directions = self.pooled.as_scatter(), np.empty((0, self.n_columns))

    @property
    def rows_per_weight(self) -> float:
        """What turns a sum of weights into rows."""
        return self.surveyed.effective_rows / self.total_weight

    def with_rows(self, table: Table) -> Problem:
        """Return this problem with some of its rows to sweep; frame, ranges and total weight stay those of all rows."""
        part = copy.copy(self)
        part.table, part.distinct, part._framed = table, None, None
        return part

    def sweep(self, scorer: Scorer, begin: Begin) -> Totals:
        """Make one pass: `begin` is called once for each task and returns that task's assignment."""
        single = self.single and not self.refining
        fused = Fused.of(scorer, reach=self.reach, single=single) if begin is softly else None
        self.used_single |= fused is not None and fused.single
        if fused is not None and (found := fused.sweep(self.table, self.workers)) is not None:
            return Totals(found[0].statistics(), found[1])
        if fused is None:
            plan = scorer.plan(self.table.n_rows)
            scorer.theta  # noqa: B018 (once, not in each thread)
        else:
            plan = fused.plan(self.table.n_rows, in_memory=self.table.in_any_order)

        spare: list[Sums] = []  # merged, to be gathered into again: of many columns they take megabytes each

        def task(start: int, stop: int) -> Gathered:
            try:
                sums = spare.pop()
            except IndexError:  # asking first would let another thread take it in between
                sums = (fused or scorer).sums()
            row_sums, leaves = list[float](), list[Array]()
            few, work = 0, None
            for block in self.table.blocks(plan.block_rows, start, stop):
                if fused is not None and (row_sum := fused.gather(block, sums)) is not None:
                    row_sums.append(row_sum)
                    continue
                if work is None:
                    few = scorer.plan(self.table.n_rows).block_rows
                    work, assign = scorer.workspace(few), begin(few)
                for piece in block.pieces(few):
                    responsibilities, row_values, *more = assign(scorer, piece, work)
                    if piece.weights is None:
                        row_sums.append(float(row_values.sum()))
                    else:
                        responsibilities *= piece.weights
                        held = piece.weights > 0
                        row_sums.append(float(piece.weights[held] @ row_values[held]))
                    scorer.gather(work, responsibilities, sums)
                    leaves = _added(leaves, more)
            return sums, row_sums, leaves

        def merge(a: Gathered, b: Gathered) -> Gathered:
            sums, row_sums, leaves = a
            sums += b[0]
            b[0].clear()
            spare.append(b[0])
            return sums, row_sums + b[1], _added(leaves, b[2])

        def add(a: Gathered, start: int, stop: int) -> Gathered:
            if fused is not None and plan.by_block:
                (block,) = self.table.blocks(plan.block_rows, start, stop)
                # The kernel adds a block's sums when it has them all: to others as to zeros.
                if (row_sum := fused.gather(block, a[0])) is not None:
                    return a[0], [*a[1], row_sum], a[2]
            return merge(a, task(start, stop))

        k, d = scorer.means.shape
        size = k * (1 + d) + math.prod(self.family.contraction.shape(k, d))
        sums, row_sums, leaves = self.workers.map_merge(task, plan.tasks(), merge, size, add)
        return Totals(sums.statistics(), math.fsum(row_sums), tuple(leaves))

    @lazy
    def reach(self) -> Array:
        """Largest |z| of each column in the frame, which passes no longer change."""
        low, high = (self.frame.points_in(ends) for ends in (self.surveyed.low, self.surveyed.high))
        return np.maximum(np.abs(low), np.abs(high))

    def framed(self) -> Array:
        """Return all rows in the frame (d, n), which nobody may change; few are kept, as they are asked for again."""
        if self._framed is not None:
            return self._framed
        z = np.empty((self.n_columns, self.table.n_rows))
        for block in self.table.blocks(_AT_ONCE):
            self.frame.read(block.rows, z[:, block.index : block.index + len(block.rows)])
        if z.size <= _FEW_VALUES:
            z.setflags(write=False)
            self._framed = z
        return z

    def gatherer(self, means: Array) -> Scorer:
        """Return what gathers first moments about `means` (k, d), of a start: it scores nothing."""
        return Scorer(np.zeros(len(means)), means, self.pooled, self.frame, centred=True)

    def _pool(self) -> tuple[Covariance, Array]:
        d = self.n_columns
        plan = plan_pass(self.table.n_rows, 2 + 3 * d)

        def task(start: int, stop: int) -> Sums:
            sums, few = Sums(self.family, np.zeros((1, d))), self.table.n_rows <= plan.block_rows
            buffer = None if few else np.empty((d, plan.block_rows))
            for block in self.table.blocks(plan.block_rows, start, stop):
                z = self.framed() if buffer is None else self.frame.read(block.rows, buffer[:, : len(block.rows)])
                weights = np.ones(len(block.rows)) if block.weights is None else block.weights
                sums.gather_centred(z, weights[None])
            return sums

        statistics = self.workers.map_merge(task, plan.tasks(), operator.iadd).statistics()
        no_prior = np.zeros(self.family.contraction.scatter_shape(d))
        # One component has any matrix that its kind allows: volumes and shapes in common would divide by a volume of 0.
        pooled = unconstrained(self.family).refit(statistics, no_prior, np.zeros(d))
        self.spread = pooled.as_scatter()
        variances = pooled.variances()
        largest, mean = float(variances.max()) or 1.0, float(variances.sum() / d) or 1.0
        lifted, directions = pooled.lifted(NULL_SHARE * largest, _NULL_FLOOR * mean)
        if len(directions) and self.surveyed.constant.any():
            lifted = self._constants_lifted(lifted)
        return lifted if type(lifted) is self.family else self.family.from_dense(lifted.dense()), directions

    def _constants_lifted(self, pooled: Covariance) -> Covariance:
        """Return a pooled covariance with the variances of constant columns that every family gives them.

        Likelihoods of two families are compared: what is assumed where nothing is known must be the same.
        """
        matrix, constant = pooled.dense()[0].copy(), np.flatnonzero(self.surveyed.constant)
        matrix[constant], matrix[:, constant] = 0.0, 0.0
        matrix[constant, constant] = _NULL_FLOOR * (self.surveyed.widest * self.frame.scale[constant]) ** 2
        return type(pooled).from_dense(matrix[None])


def _added(leaves: list[Array], more: list[Array]) -> list[Array]:
    return [a + b for a, b in zip(leaves, more, strict=True)] if leaves else more
