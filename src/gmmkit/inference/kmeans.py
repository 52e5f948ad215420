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
from gmmkit.inference.outliers import DOMINATED, all_but_farthest, surely_spread
from gmmkit.inference.sampling import Sample
from gmmkit.kernels import centred, native
from gmmkit.kernels.native import kmeans as compiled
from gmmkit.model.scorer import Scorer, Workspace

__all__ = ["assign_nearest", "hard", "lloyd", "nearest", "plus_plus", "with_nearest"]

Array = NDArray[np.float64]

_TOLERANCE = 1e-6  # change of half the mean squared distance, as a share of the mean variance of the columns
_MOST_PASSES = 300
# Rows × columns × centres whose products take less time than what lies between array operations.
_FEW = 1 << 18
# Squared distances are sums of products with the centres only up to this many variances from the origin: beyond, they
# would lose more than nine digits.
_FARTHEST = 1e-9 / float(np.finfo(np.float64).eps)


def plus_plus(sample: Sample, k: int, random: np.random.Generator) -> Array:
    """Return k seeds (k, d) from a sample's rows; repeats only where it has fewer than k distinct rows."""
    rows, weights = sample.rows, sample.weights
    trials = 2 + int(math.log(k))
    uniforms = random.random(1 + (k - 1) * trials)
    if native.why_not() is None:
        return np.asarray(rows[compiled.plus_plus(np.ascontiguousarray(rows.T), weights, k, trials, uniforms)])
    first = _drawn(weights, uniforms[:1])[0]
    seeds = [first]
    least = ((rows - rows[first]) ** 2).sum(axis=1)
    for tried in uniforms[1:].reshape(k - 1, trials):
        mass = weights * least
        if not mass.sum() > 0:
            seeds.append(seeds[len(seeds) % min(len(seeds), len(rows))])
            continue
        candidates = _drawn(mass, tried)
        distances = np.minimum(least, ((rows[candidates, None] - rows) ** 2).sum(axis=2))
        best = int((distances @ weights).argmin())
        seeds.append(candidates[best])
        least = distances[best]
    return np.asarray(rows[seeds])


def _drawn(mass: Array, uniforms: Array) -> NDArray[np.intp]:
    cumulative = np.cumsum(mass)
    return np.asarray(np.minimum(np.searchsorted(cumulative, uniforms * cumulative[-1], side="right"), len(mass) - 1))


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
    (k, d), weights = seeds.shape, sample.weights
    with np.errstate(over="ignore", invalid="ignore"):
        spread = _spread(sample)
        enough = _TOLERANCE * spread * float(weights.sum())
        if k * d * len(weights) <= _FEW and native.why_not() is None:
            z = np.ascontiguousarray(sample.rows.T)
            return compiled.lloyd(z, weights, seeds, enough=enough, most=_MOST_PASSES)
        psi = np.ones((d + 1, len(weights)))
        psi[:d] = sample.rows.T
        plan = plan_pass(len(weights), 2 * (k + d), k)
        centres, before = seeds, np.inf
        near = bool(np.square(sample.rows).sum(axis=1).max() <= _FARTHEST * spread)
        for _ in range(_MOST_PASSES):

            def task(start: int, stop: int, centres: Array = centres) -> tuple[Array, float]:
                sums, value = np.zeros((k, d + 1)), 0.0
                for begin in range(start, stop, plan.block_rows):
                    part = slice(begin, min(begin + plan.block_rows, stop))
                    shares, best = assign_nearest(psi[:d, part], weights[part], centres, near=near)
                    sums += shares @ psi[:, part].T
                    value += best
                return sums, value

            sums, value = workers.map_merge(task, plan.tasks(), _merged)
            counts = sums[:, d:]
            centres = np.divide(sums[:, :d], counts, out=centres.copy(), where=counts > 0)
            if abs(value - before) <= enough:
                break
            before = value
    return centres


def nearest(rows: Array, centres: Array) -> NDArray[np.intp]:
    """Return which of the centres (k, d), finite, is nearest to each row (m, d); of those equally near, the first."""
    z, centres = np.ascontiguousarray(rows.T), np.ascontiguousarray(centres)
    if native.why_not() is None:
        return compiled.assign_nearest(z, centres).astype(np.intp)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(_scores(z, centres, near=False).argmax(axis=0))


def with_nearest(sample: Sample, centres: Array) -> Array:
    """Return the weights (k, m) of a sample's rows, each with its nearest of the centres (k, d)."""
    return _dealt(nearest(sample.rows, centres), sample.weights, len(centres))


def assign_nearest(z: Array, weights: Array, centres: Array, *, near: bool) -> tuple[Array, float]:
    """Return the weights (k, b) of columns z (d, b), each with its nearest centre, and the weighted sum of scores.

    A score is minus half the squared distance; of rows that lie `near` the origin, less what centres have no part in.
    """
    scores = _scores(z, centres, near=near)
    shares = _dealt(scores.argmax(axis=0), weights, len(centres))
    return shares, float(np.vdot(shares, scores))


def _scores(z: Array, centres: Array, *, near: bool) -> Array:
    if near:
        scores = np.asarray(centres @ z)
        scores -= 0.5 * np.einsum("ki,ki->k", centres, centres)[:, None]
    else:
        scores = np.empty((len(centres), z.shape[1]))
        centred.score_diagonal(z, centres, np.ones_like(centres), np.zeros(len(centres)), scores)
    return scores


def _dealt(labels: NDArray[np.intp], weights: Array, k: int) -> Array:
    return np.where(labels == np.arange(k)[:, None], weights, 0.0)


def _merged(a: tuple[Array, float], b: tuple[Array, float]) -> tuple[Array, float]:
    return a[0] + b[0], a[1] + b[1]


def _spread(sample: Sample) -> float:
    """Return the mean variance of the columns, without gross outliers."""
    variance, squares = _variance(sample.rows, sample.weights)
    if variance > 0.0 and surely_spread(squares / (variance * sample.rows.shape[1]), sample.weights):
        return variance
    kept = all_but_farthest(squares, sample.weights)
    if kept is None:
        return variance
    core, _ = _variance(sample.rows[kept], sample.weights[kept])
    return core if 0.0 < core < DOMINATED * variance else variance


def _variance(rows: Array, weights: Array) -> tuple[float, Array]:
    total = weights.sum()
    squares = np.square(rows - weights @ rows / total).sum(axis=1)
    return float(weights @ squares / (total * rows.shape[1])), squares
