"""The pooled covariance without gross outliers.

The prior is a millionth of the data's own covariance. One row at 99999 among clusters of unit width makes that
covariance, and with it the prior, a thousand times too wide, and the clusters would be smeared into one. So where the
farthest hundredth of the rows supplies nearly all the spread in some direction, the frame and the prior are taken from
the others. Rows are ranked by their distance in the pooled covariance's own metric, which keeps the family's
equivariance; every row still takes part in the fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.sampling import sample_rows, whitened
from gmmkit.model.covariance import Covariance
from gmmkit.model.sums import Sums
from gmmkit.numerics.frame import Frame, power_of_two

if TYPE_CHECKING:
    from gmmkit.inference.problem import Problem

__all__ = ["DOMINATED", "NULL_SHARE", "all_but_farthest", "surely_spread", "without_gross_outliers"]

Array = NDArray[np.float64]

_SHARE = 0.01
#: Share of a variance that the others supply where a few rows supply nearly all of it.
DOMINATED = 0.01
_FEWEST = 20
#: Share of the largest eigenvalue under which a direction of the data is rounding, not spread.
NULL_SHARE = 1e-13


def without_gross_outliers(problem: Problem) -> tuple[Frame, Covariance] | None:
    """Return the frame and the family's one-component fit of all but the farthest rows, if those dominate.

    None where they do not, where too few rows are left to tell, or where the others have no spread of their own.
    """
    sample = sample_rows(problem, 0)
    squares = np.square(whitened(problem.pooled, sample.rows)).sum(axis=1)
    if sample.complete and surely_spread(squares, sample.weights):
        return None
    kept = all_but_farthest(squares, sample.weights)
    if kept is None:
        return None
    rows, weights = sample.rows[kept], sample.weights[kept]
    mean = weights @ rows / weights.sum()
    sums = Sums(problem.family, mean[None])
    sums.gather_centred(np.ascontiguousarray(rows.T), weights[None].copy())
    nothing = np.zeros(problem.family.contraction.scatter_shape(problem.n_columns))
    core = problem.family.refit(sums.statistics(), nothing, np.zeros(problem.n_columns))
    if not (core.smallest_eigenvalues(problem.pooled) < DOMINATED).any():
        return None
    variances = core.variances()[0]
    if not (variances > 0).all():  # or below, by rounding
        return None
    spread = np.sqrt(variances) / problem.frame.scale
    if problem.family.equivariance == "scalar":
        spread = np.full_like(spread, spread.max())
    frame = Frame(problem.frame.points_out(mean), power_of_two(spread))
    core = core.rescaled(frame.scale / problem.frame.scale)
    _, null = core.lifted(NULL_SHARE * float(core.variances().max()), 1.0)
    return None if len(null) else (frame, core)


def all_but_farthest(squares: Array, weights: Array) -> NDArray[np.intp] | None:
    """Return all rows but the hundredth, by weight, with the largest squared distances; None if too few are left."""
    if len(weights) < _FEWEST:
        return None
    order = np.argsort(squares, kind="stable")
    cumulative = np.cumsum(weights[order])
    count = int(np.searchsorted(cumulative, (1.0 - _SHARE) * cumulative[-1], side="right"))
    return order[: min(max(count, 1), len(order) - 1)]


def surely_spread(squares: Array, weights: Array) -> bool:
    """Tell whether all but the farthest hundredth surely supply their share of the spread, before they are looked for.

    Squared distances are about the mean, in a metric in which the variance is 1 in every direction. Rows that supply at
    most 0.4 of it and are at most a fifth of the weight leave the others at least 1 − 0.4 less the square of their own
    mean, which is at most 0.4 · 0.2 / 0.8² by Cauchy & Schwarz.
    """
    # The farthest hundredth ends within a row, or is one row.
    most = _SHARE + float(weights.max() / weights.sum())
    return most <= 0.2 and most * float(squares.max()) <= 0.4
