"""A small weighted sample of the rows, for starts: a function of what the rows say, not of how they are stored.

Up to 10,000 distinct rows: all of them, merged by value and put in lexicographic order, so that repeating a row
equals doubling its weight and permuting rows changes nothing. Beyond, 10,000 draws by the inverse of the weighted
distribution function, in the order of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gmmkit.inference.problem import Problem

__all__ = ["Sample", "draw_rows", "sample_rows"]

Array = NDArray[np.float64]

_MOST = 10_000
_MOST_TO_MERGE = 50_000


@dataclass(frozen=True, slots=True)
class Sample:
    """Distinct rows of a problem's frame (m, d) and their weights (m,)."""

    rows: Array
    weights: Array


def sample_rows(problem: Problem, random: np.random.Generator) -> Sample:
    """Return the sample that starts are made from."""
    table = problem.table
    if table.n_rows <= _MOST_TO_MERGE:
        index = np.arange(table.n_rows)
        weights = np.ones(table.n_rows) if table.weights is None else table.weights
        index, weights = index[weights > 0], weights[weights > 0]
        merged = _merge(problem.frame.points_in(table.take(index)), weights)
        if len(merged.weights) <= _MOST:
            return merged
        chosen = _inverse_cdf(merged.weights, random)
        return _merge(merged.rows[chosen], np.ones(len(chosen)))
    if table.weights is None:
        # What weights of 1 would choose, without making them.
        chosen = np.asarray(np.sort(random.random(_MOST)) * table.n_rows, dtype=np.intp)
    else:
        chosen = _inverse_cdf(table.weights, random)
    return _merge(problem.frame.points_in(table.take(chosen)), np.ones(len(chosen)))


def draw_rows(sample: Sample, size: int, random: np.random.Generator) -> Array:
    """Return `size` distinct rows drawn by weight; with repeats only where the sample has fewer."""
    m = len(sample.weights)
    # Gumbel's trick: the largest of log weight + Gumbel noise are draws by weight without replacement.
    keys = np.log(sample.weights) + random.gumbel(size=m)
    order = np.argsort(-keys)[:size]
    return sample.rows[np.resize(order, size)]


def _inverse_cdf(weights: Array, random: np.random.Generator) -> NDArray[np.intp]:
    cumulative = np.cumsum(weights)
    draws = np.sort(random.random(_MOST)) * cumulative[-1]
    return np.asarray(np.minimum(np.searchsorted(cumulative, draws, side="right"), len(weights) - 1))


def _merge(rows: Array, weights: Array) -> Sample:
    order = np.lexsort(rows.T[::-1])
    rows, weights = rows[order], weights[order]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    if first.all():
        return Sample(rows, weights)
    return Sample(rows[first], np.add.reduceat(weights, np.flatnonzero(first)))
