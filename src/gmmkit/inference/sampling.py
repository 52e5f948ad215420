"""A small weighted sample of the rows, for starts: a function of what the rows say, not of how they are stored.

Up to 10,000 distinct rows of few columns: all of them, merged by value and put in an order that no map of the data
changes which the family's pooled covariance follows, so that repeating a row equals doubling its weight, and permuting
rows or changing units changes nothing. Beyond, 10,000 draws by the inverse of the weighted distribution function; fewer
where there are many columns, so that a sample and what is made of it take some megabytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gmmkit.model.covariance import Covariance
from gmmkit.model.sums import Sums
from gmmkit.statistics import Statistics

if TYPE_CHECKING:
    from gmmkit.inference.problem import Problem

__all__ = ["Sample", "draw_rows", "gather_sample", "in_rows", "inverse_cdf", "sample_rows", "thinned", "whitened"]

Array = NDArray[np.float64]

_MOST, _MOST_VALUES, _FEWEST_FOR_A_COLUMN = 10_000, 3 << 17, 4
_MOST_TO_MERGE, _MOST_VALUES_TO_MERGE = 50_000, 1 << 20
_FEW_VALUES = 1 << 16  # half a megabyte
# So few values are sorted at once in less time than it takes to see which need it.
_FEW_TO_SORT = 1 << 12
# Whitened coordinates that differ by less, relative to their size, differ by what a change of units rounds.
_ROUNDING = 1e-10


@dataclass(frozen=True, slots=True)
class Sample:
    """Distinct rows of a problem's frame (m, d) and their weights (m,); `complete`: all there are, none drawn."""

    rows: Array
    weights: Array
    complete: bool = True


def sample_rows(problem: Problem, random: np.random.Generator | int, most: int | None = None) -> Sample:
    """Return the sample that starts are made from, of at most `most` rows (10,000); `random` or a seed draws them."""
    table, d = problem.table, problem.n_columns
    most = min(_MOST, max(_MOST_VALUES // d, _FEWEST_FOR_A_COLUMN * d)) if most is None else most
    if table.n_rows <= _MOST_TO_MERGE and table.n_rows * d <= _MOST_VALUES_TO_MERGE:
        return thinned(_distinct(problem), most, random)
    random = np.random.default_rng(random)
    if table.weights is None:
        # What weights of 1 would choose, without making them.
        chosen = np.asarray(np.sort(random.random(most)) * table.n_rows, dtype=np.intp)
    else:
        chosen = inverse_cdf(table.weights, most, random)
    drawn = _canonical(problem, *_merged(problem.frame.points_in(table.take(chosen)).T, np.ones(len(chosen))))
    return replace(drawn, complete=False)


def _distinct(problem: Problem) -> Sample:
    """Return the distinct rows with weight; few are kept, as they are asked for more than once."""
    if problem.distinct is not None:
        return problem.distinct
    table = problem.table
    if table.weights is None:
        merged = _merged(problem.framed(), np.ones(table.n_rows))
    else:
        held = table.weights > 0
        merged = _merged(problem.framed()[:, held], table.weights[held])
    found = _canonical(problem, *merged)
    if found.rows.size <= _FEW_VALUES:
        for kept in (found.rows, found.weights):
            kept.setflags(write=False)
        problem.distinct = found
    return found


def thinned(sample: Sample, most: int, random: np.random.Generator | int) -> Sample:
    """Return a sample of at most `most` distinct rows: the same if it has no more, else as many draws by weight."""
    if len(sample.weights) <= most:
        return sample
    drawn = inverse_cdf(sample.weights, most, np.random.default_rng(random))
    chosen, times = np.unique(drawn, return_counts=True)
    return Sample(sample.rows[chosen], times.astype(np.float64), complete=False)


def in_rows(problem: Problem, sample: Sample) -> Array:
    """Return a sample's weights (m,) counted in rows: rows that were drawn count as often as they were."""
    return sample.weights * (problem.rows_per_weight if sample.complete else 1.0)


def draw_rows(sample: Sample, size: int, random: np.random.Generator) -> Array:
    """Return `size` distinct rows drawn by weight; with repeats only where the sample has fewer."""
    left = np.array(sample.weights)
    chosen: list[int] = []
    for uniform in random.random(min(size, len(left))):
        cumulative = np.cumsum(left)
        row = int(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"))
        # Rounding may carry a draw past the last row that is left.
        chosen.append(row if row < len(left) and left[row] > 0 else int(np.flatnonzero(left)[-1]))
        left[chosen[-1]] = 0.0
    return np.asarray(sample.rows[np.resize(chosen, size)])


def whitened(covariance: Covariance, rows: Array) -> Array:
    """Return rows (m, d) of the frame in the metric of a covariance of one component, about the frame's origin."""
    whitening = covariance.whitening[0]
    return np.asarray(rows @ whitening.T if whitening.ndim > 1 else rows * whitening)


def gather_sample(problem: Problem, sample: Sample, responsibilities: Array | NDArray[np.bool_]) -> Statistics:
    """Gather a sample with responsibilities or memberships (k, m).

    They are what all rows would give if it holds them all, else an estimate.
    """
    shares = responsibilities * (sample.weights * (problem.total_weight / sample.weights.sum()))
    counts = shares.sum(axis=1, keepdims=True)
    means = shares @ sample.rows / np.where(counts > 0, counts, 1.0)
    sums = Sums(problem.family, means)
    sums.gather_centred(np.ascontiguousarray(sample.rows.T), shares)
    return sums.statistics()


def inverse_cdf(weights: Array, size: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Return where `size` draws by weight fall, sorted; with repeats."""
    cumulative = np.cumsum(weights)
    draws = np.sort(random.random(size)) * cumulative[-1]
    return np.asarray(np.minimum(np.searchsorted(cumulative, draws, side="right"), len(weights) - 1))


def _merged(z: Array, weights: Array) -> tuple[Array, Array]:
    """Return the distinct columns of z (d, m), in the order of their values, and their weights."""
    if z.size <= _FEW_TO_SORT:
        order = np.lexsort(z[::-1])
    else:
        order = np.argsort(z[0], kind="stable")
        # Only those whose first values are the same are sorted by the others.
        same = z[0, order[1:]] == z[0, order[:-1]]
        tied = np.append(same, False) | np.append(False, same)
        order[tied] = order[tied][np.lexsort(z[::-1, order[tied]])]
    z, weights = z[:, order], weights[order]
    return _joined(z, weights, (z[:, 1:] == z[:, :-1]).all(axis=0))


def _canonical(problem: Problem, z: Array, weights: Array) -> Sample:
    """Return columns z (d, m) as rows in the order of their distance from the origin in the pooled metric.

    Distances that differ by rounding are equal, and keep the order of the values. Rows that were the same before a
    change of units rounded them, each in its own way, are the same again.
    """
    white = whitened(problem.pooled, z.T)
    size = np.hypot.reduce(white, axis=1)  # no square of a far row may overflow
    with np.errstate(divide="ignore"):
        order = np.argsort(np.round(np.log(size) / _ROUNDING), kind="stable")
    apart = np.zeros(max(len(order) - 1, 0))
    for column in white.T:  # one by one: of all of them together there would be three more copies
        in_order = column[order]
        np.maximum(apart, np.abs(in_order[1:] - in_order[:-1]), out=apart)
    del white
    z, weights = _joined(z[:, order], weights[order], apart <= _ROUNDING * size[order[1:]])
    return Sample(np.ascontiguousarray(z.T), weights)


def _joined(z: Array, weights: Array, as_before: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Merge each column that is as the one before with it."""
    if not as_before.any():
        return z, weights
    first = np.flatnonzero(np.append(True, ~as_before))
    return z[:, first], np.add.reduceat(weights, first)
