"""k-means as the engine's hard assignment: equal weights, one shared spherical covariance (Lloyd 1982).

Seeds by greedy k-means++ (Arthur & Vassilvitskii 2007): each next seed is the best of a few rows drawn with
probability proportional to weight × squared distance to the nearest seed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Block
from gmmkit.inference.algorithm import log_weights
from gmmkit.inference.loop import run
from gmmkit.inference.problem import Begin, Problem, Totals
from gmmkit.inference.repairs import Repair
from gmmkit.inference.sampling import Sample
from gmmkit.inference.stopping import SmallChange
from gmmkit.model.covariance import SharedSpherical
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import Scorer, Workspace

__all__ = ["KMeans", "hard", "lloyd", "plus_plus"]

Array = NDArray[np.float64]

_TOLERANCE = 1e-6  # change of the mean squared distance, as a share of the first
_MOST_PASSES = 300


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


class KMeans:
    """Lloyd's iteration as an algorithm of the loop; its objective is minus half the mean squared distance."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def scorer(self, state: Mixture) -> Scorer:
        return Scorer(log_weights(state.weights), state.means, state.covariance, self.problem.frame)

    def begin(self, state: Mixture) -> Begin:
        return lambda _: hard

    def objective(self, totals: Totals, state: Mixture) -> float:
        return totals.row_sum / self.problem.total_weight

    def refit(self, totals: Totals, state: Mixture, iteration: int) -> tuple[Mixture, list[Repair]]:
        return Mixture.trusted(state.weights, totals.statistics.means(), state.covariance), []


def lloyd(problem: Problem, seeds: Array) -> Array:
    """Return the centres (k, d) that k-means reaches from `seeds`, all in the frame of a spherical problem."""
    k, d = seeds.shape
    covariance = SharedSpherical(1.0, n_components=k, n_features=d)
    start = Mixture.trusted(np.full(k, 1.0 / k), seeds, covariance)
    rule = SmallChange(_TOLERANCE * float(problem.pooled.values))
    done = run(KMeans(problem), problem, start, rule=rule, max_iter=_MOST_PASSES)
    if done.reason == "interrupted":
        # Half a start is no model: the fit it was for must hear of it.
        raise KeyboardInterrupt
    return done.state.means
