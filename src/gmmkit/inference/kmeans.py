"""k-means of a sample in memory (Lloyd 1982), and the engine's hard assignment.

Seeds by greedy k-means++ (Arthur & Vassilvitskii 2007): each next seed is the best of a few rows drawn with
probability proportional to weight × squared distance to the nearest seed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Block
from gmmkit.execution import Workers, plan_pass
from gmmkit.inference.outliers import DOMINATED, all_but_farthest
from gmmkit.inference.sampling import Sample
from gmmkit.kernels import centred
from gmmkit.model.scorer import Scorer, Workspace

__all__ = ["assign_nearest", "hard", "lloyd", "plus_plus"]

Array = NDArray[np.float64]

_TOLERANCE = 1e-6  # change of half the mean squared distance, as a share of the mean variance of the columns
_MOST_PASSES = 300
# Squared distances are sums of products with the centres only up to this many variances from the origin: beyond, they
# would lose more than nine digits.
_FARTHEST = 1e-9 / float(np.finfo(np.float64).eps)


def plus_plus(sample: Sample, k: int, random: np.random.Generator) -> Array:
    """Return k seeds (k, d) from a sample's rows; repeats only where it has fewer than k distinct rows."""
    rows, weights = sample.rows, sample.weights
    trials = 2 + int(math.log(k))
    first = _draw(weights, random, 1)[0]
    seeds = [first]
    nearest = ((rows - rows[first]) ** 2).sum(axis=1)
    for _ in range(1, k):
        mass = weights * nearest
        if not mass.sum() > 0:
            seeds.append(seeds[len(seeds) % len(rows)] if len(rows) > 1 else first)
            continue
        candidates = _draw(mass, random, trials)
        distances = np.minimum(nearest, ((rows[candidates, None] - rows) ** 2).sum(axis=2))
        best = int((distances @ weights).argmin())
        seeds.append(candidates[best])
        nearest = distances[best]
    return rows[seeds]


def _draw(mass: Array, random: np.random.Generator, size: int) -> NDArray[np.intp]:
    cumulative = np.cumsum(mass)
    return np.asarray(
        np.minimum(np.searchsorted(cumulative, random.random(size) * cumulative[-1], side="right"), len(mass) - 1)
    )


def hard(scorer: Scorer, block: Block, work: Workspace) -> tuple[Array, Array]:
    """Assign each row wholly to its best component; the row value is its score there."""
    scores = scorer.score(block.rows, work)
    best = scores.argmax(axis=0)
    columns = np.arange(len(best))
    value = scores[best, columns]
    term = scorer.covariance.row_term(work.z) if work.expanded else None
    scores[...] = 0.0
    scores[best, columns] = 1.0
    return scores, value if term is None else value + term


def lloyd(sample: Sample, seeds: Array, workers: Workers) -> Array:
    """Return the centres (k, d) that k-means reaches from `seeds`, in the coordinates of the sample.

    A centre that no row is nearest to stays where it is.
    """
    (k, d), total = seeds.shape, float(sample.weights.sum())
    z = np.ascontiguousarray(sample.rows.T)
    plan = plan_pass(len(sample.rows), 2 * (k + d), k)
    centres, before = seeds, np.inf
    with np.errstate(over="ignore", invalid="ignore"):
        spread = _spread(sample)
        near = bool(np.square(z).sum(axis=0).max() <= _FARTHEST * spread)
        for _ in range(_MOST_PASSES):

            def task(start: int, stop: int, centres: Array = centres) -> tuple[Array, Array, float]:
                counts, first, value = np.zeros(k), np.zeros((k, d)), 0.0
                for begin in range(start, stop, plan.block_rows):
                    part = slice(begin, min(begin + plan.block_rows, stop))
                    shares, best = assign_nearest(z[:, part], sample.weights[part], centres, near=near)
                    counts += shares.sum(axis=1)
                    first += shares @ sample.rows[part]
                    value += float(best @ sample.weights[part])
                return counts, first, value

            counts, first, value = workers.map_merge(task, plan.tasks(), _merged)
            held = counts > 0
            centres = np.where(held[:, None], first / np.where(held, counts, 1.0)[:, None], centres)
            if abs(value - before) <= _TOLERANCE * spread * total:
                break
            before = value
    return centres


def assign_nearest(z: Array, weights: Array, centres: Array, *, near: bool) -> tuple[Array, Array]:
    """Return the weights (k, b) of columns z (d, b), each with its nearest centre, and the scores there (b,).

    A score is minus half the squared distance; of rows that lie `near` the origin, less what centres have no part in.
    """
    scores = np.empty((len(centres), z.shape[1]))
    if near:
        np.matmul(centres, z, out=scores)
        scores -= 0.5 * np.square(centres).sum(axis=1)[:, None]
    else:
        centred.score_diagonal(z, centres, np.ones_like(centres), np.zeros(len(centres)), scores)
    best, columns = scores.argmax(axis=0), np.arange(z.shape[1])
    value = scores[best, columns]
    scores[...] = 0.0
    scores[best, columns] = weights
    return scores, value


def _merged(a: tuple[Array, Array, float], b: tuple[Array, Array, float]) -> tuple[Array, Array, float]:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def _spread(sample: Sample) -> float:
    """Return the mean variance of the columns, without gross outliers."""
    variance, squares = _variance(sample.rows, sample.weights)
    kept = all_but_farthest(squares, sample.weights)
    if kept is None:
        return variance
    core, _ = _variance(sample.rows[kept], sample.weights[kept])
    return core if 0.0 < core < DOMINATED * variance else variance


def _variance(rows: Array, weights: Array) -> tuple[float, Array]:
    total = weights.sum()
    squares = np.square(rows - weights @ rows / total).sum(axis=1)
    return float(weights @ squares / (total * rows.shape[1])), squares
