"""What is normal: a joint mixture and one of each column, and how far from it a row lies.

    score(x) = log p(z) + Σ_j log p_j(z_j)         z: x in robust units

p averages mixtures of several sizes, the p_j are of single columns; all components are t, so that rows far away do not
all look alike. The joint density sees correlations that are broken, the marginals what a joint density in many columns
cannot be fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table
from gmmkit.execution import Workers, plan_pass
from gmmkit.model.column_mixtures import ColumnMixtures
from gmmkit.model.mixture import Mixture
from gmmkit.model.units import RobustUnits

__all__ = ["Normality"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Normality:
    """A density of normal rows, to score others by.

    Attributes
    ----------
    units : RobustUnits
        Of the d columns.
    joint : Mixture
        Of d columns, in these units.
    columns : ColumnMixtures
        Of each of the d columns, in these units.
    """

    units: RobustUnits
    joint: Mixture
    columns: ColumnMixtures

    @property
    def n_features(self) -> int:
        """Number of columns, d."""
        return self.joint.n_features

    def score(self, table: Table, *, n_jobs: int | None = None) -> Array:
        """Return how normal each row is (n,): the sum of its joint and its marginal log-densities; lower is less so.

        The same bits for any number of threads.

        Raises
        ------
        DataError
            If a value is not finite; the message names row and column.
        """
        answer = np.empty(table.n_rows)
        plan = plan_pass(table.n_rows, self.n_features * (self.columns.weights.shape[1] + 2))

        def task(start: int, stop: int) -> None:
            for block in table.blocks(plan.block_rows, start, stop):
                table.check_finite(block)
                answer[block.index : block.index + len(block.rows)] = self.score_rows(block.rows)

        with Workers(n_jobs) as workers:
            workers.each(task, plan.tasks())
        return answer

    def score_rows(self, rows: NDArray[np.generic]) -> Array:
        """Return the score of each of rows (n, d) that are finite and few enough to be scored at once (n,)."""
        z = self.units.into(rows)
        return np.asarray(self.joint.log_density(z, n_jobs=1) + self.columns.log_density(z).sum(axis=1))
