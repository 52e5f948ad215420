"""What is learnt of a table in one pass before it is fitted: that its rows are finite, their means and ranges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table
from gmmkit.errors import DataError
from gmmkit.execution import Workers, plan_pass
from gmmkit.numerics.frame import Frame, power_of_two

__all__ = ["Survey", "survey"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Survey:
    """Column means and ranges of the rows with weight, found in one pass that also checks them finite."""

    mean: Array
    low: Array
    high: Array
    total_weight: float
    n_rows: int

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which columns hold one value only."""
        return np.asarray(self.low == self.high)

    @property
    def effective_rows(self) -> float:
        """How many rows the weights stand for: weights of 1 or more are repetitions, smaller ones only shares."""
        return max(self.total_weight, float(self.n_rows))

    def frame(self, *, one_scale: bool) -> Frame:
        """Return the frame of these rows, with one scale for all columns or one for each."""
        # A constant column has no spread to measure by: that of the widest serves.
        spread = np.where(self.constant, self.widest, self._reach)
        if one_scale:
            spread = np.full_like(spread, self.widest)
        return Frame(self.mean, power_of_two(spread))

    @property
    def widest(self) -> float:
        """The largest distance of a value from its column's mean; where all are constant, the largest value, or 1."""
        # A size whose square is a number.
        return float(self._reach.max() or np.minimum(np.abs(self.mean), 1e150).max() or 1.0)

    @property
    def _reach(self) -> Array:
        return np.maximum(self.high - self.mean, self.mean - self.low)


def survey(table: Table, workers: Workers) -> Survey:
    """Read every row once: check that it is finite, and take means and ranges."""
    plan = plan_pass(table.n_rows, 4 * table.n_columns)

    def task(start: int, stop: int) -> tuple[Array, Array, Array, float]:
        with np.errstate(over="ignore", invalid="ignore"):
            return summarise(start, stop)

    def summarise(start: int, stop: int) -> tuple[Array, Array, Array, float]:
        d = table.n_columns
        total, low, high, weight = np.zeros(d), np.full(d, np.inf), np.full(d, -np.inf), 0.0
        for block in table.blocks(plan.block_rows, start, stop):
            table.check_finite(block)
            # Row by row in memory, or the rounding of the sums would depend on how the caller's array lies.
            rows = np.ascontiguousarray(block.rows, dtype=np.float64)
            if block.weights is None:
                weight += len(rows)
                total += rows.sum(axis=0)
            else:
                held = block.weights > 0
                rows, weights = rows[held], block.weights[held]
                weight += float(weights.sum())
                total += weights @ rows
            if len(rows):
                low, high = np.minimum(low, rows.min(axis=0)), np.maximum(high, rows.max(axis=0))
        return total, low, high, weight

    def merge(
        a: tuple[Array, Array, Array, float], b: tuple[Array, Array, Array, float]
    ) -> tuple[Array, Array, Array, float]:
        return a[0] + b[0], np.minimum(a[1], b[1]), np.maximum(a[2], b[2]), a[3] + b[3]

    with np.errstate(over="ignore", invalid="ignore"):
        total, low, high, weight = workers.map_merge(task, plan.tasks(), merge)
        # Rounding must not put the origin of a narrow column outside it.
        mean = np.minimum(np.maximum(total / weight, low), high)
        reach = high - low
    if not (reach < 1e153).all():
        column = int(np.argmax(~(reach < 1e153)))
        raise DataError(
            f"{table.origin}: {table.where(0, column).split(', ')[-1]} spans {low[column]:g} to {high[column]:g}, "
            "whose variance float64 cannot hold (spans up to 1e153 can be fitted); remove the row of a value that "
            "is a mistake, or divide the column by a constant"
        )
    narrow = (reach > 0) & (reach < 1e-153)
    if narrow.any():
        column = int(np.argmax(narrow))
        raise DataError(
            f"{table.origin}: {table.where(0, column).split(', ')[-1]} spans only {reach[column]:g}, whose variance "
            "float64 cannot hold (spans from 1e-153 on can be fitted); multiply it by a constant"
        )
    n_rows = table.n_rows if table.weights is None else int(np.count_nonzero(table.weights))
    return Survey(mean, low, high, weight, n_rows)
