"""Moves between mixtures, for starts and searches alike: split a component, merge two, put one elsewhere.

A move changes the responsibilities of a sample, and the family is refitted from them, so that moves are the same for
every family. What is split and merged is chosen by the criteria of Ueda, Nakano, Ghahramani & Hinton (2000, "SMEM
algorithm for mixture models", Neural Computation 12): components that share rows are merged, one whose density is
unlike that of its rows is split. Directions and distances are those of the family's pooled covariance, so that moves
are as invariant as the family.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.algorithm import log_weights
from gmmkit.inference.problem import Problem
from gmmkit.inference.sampling import Sample, whitened
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import Scorer
from gmmkit.numerics.frame import Frame

__all__ = ["best_split", "divided", "joined", "score_sample", "split", "split_and_merge", "swapped"]

Array = NDArray[np.float64]

# Variances, as a share of the data's and of a component's own, that hold up a covariance of few rows.
_TINY, _NARROW = 1e-9, 1e-3


def best_split(mixture: Mixture, problem: Problem, sample: Sample) -> Mixture:
    """Return the split of one component that leaves the sample most likely, in the problem's frame."""
    responsibilities, _ = score_sample(mixture, sample)
    candidates = [split(mixture, j, problem, sample, responsibilities) for j in range(mixture.n_components)]
    gains = [float(sample.weights @ score_sample(candidate, sample)[1]) for candidate in candidates]
    return candidates[int(np.argmax(gains))]


def split(mixture: Mixture, component: int, problem: Problem, sample: Sample, responsibilities: Array) -> Mixture:
    """Return the mixture with one component replaced by two of half its weight and the same covariance.

    The two means are those of the component's rows in each part (see `divided`); the second component is appended.

    Parameters
    ----------
    mixture : Mixture
        In the frame of the sample.
    component : int
    problem : Problem
    sample : Sample
    responsibilities : ndarray of shape (k, m)
    """
    order = [*range(mixture.n_components), component]
    shares, means = mixture.weights[order], mixture.means[order]
    shares[[component, -1]] *= 0.5
    both = divided(problem, sample, responsibilities, component)
    for j in (component, -1):
        held = sample.weights * both[j]
        if held.sum() > 0:
            means[j] = held @ sample.rows / held.sum()
    return Mixture.trusted(shares, means, mixture.covariance.take(order))


def divided(problem: Problem, sample: Sample, responsibilities: Array, component: int) -> Array:
    """Return responsibilities (k + 1, m) with one component's rows divided at their mean; the second part is appended.

    Of the longest axis in the pooled metric and the axes of the fourth moments ``E |y|² y yᵀ``, where y are the rows in
    the component's own metric (two clusters lie along the flattest axis, or one far smaller along the heaviest: Tyler,
    Critchley, Dümbgen & Oja 2009), the one that leaves the two parts the most likely: −Σ n log |S|.
    """
    held = sample.weights * responsibilities[component]
    total = held.sum() or 1.0
    rows = whitened(problem.pooled, sample.rows)
    d = rows.shape[1]
    deviations = rows - held @ rows / total
    scatter = (held[:, None] * deviations).T @ deviations / total
    own = np.linalg.solve(np.linalg.cholesky(scatter + _TINY * np.eye(d)), deviations.T).T
    fourth = (held * (own**2).sum(axis=1) / total)[:, None] * own
    longest = deviations @ np.linalg.eigh(scatter)[1][:, -1]
    along = np.column_stack([own @ np.linalg.eigh(fourth.T @ own)[1], longest]).T
    # An axis has no sign; the first row of the sample gives it one.
    sides = (along > 0) != (along[:, :1] > 0)
    beyond = sides[int(np.argmin([_spread(own, held * side) + _spread(own, held * ~side) for side in sides]))]
    answer = np.vstack([responsibilities, responsibilities[component] * beyond])
    answer[component] *= ~beyond
    return answer


def _spread(rows: Array, held: Array) -> float:
    """Return n log |S| of rows with weights `held`, S held up where they are too few for it."""
    total = held.sum()
    if not total > 0:
        return 0.0
    deviations = rows - held @ rows / total
    scatter = (held[:, None] * deviations).T @ deviations / total
    return float(total * np.linalg.slogdet(scatter + _NARROW * np.eye(rows.shape[1]))[1])


def joined(responsibilities: Array, first: int, second: int) -> Array:
    """Return responsibilities (k − 1, m) with two components' added, in the place of the first."""
    answer = np.delete(responsibilities, second, axis=0)
    answer[first - (second < first)] += responsibilities[second]
    return answer


def swapped(problem: Problem, sample: Sample, mixture: Mixture, random: np.random.Generator) -> Array:
    """Return responsibilities (k, m) with a random component put where rows are badly explained.

    Its rows go to the others. The place is a row drawn by weight × density^(−1/d), the local distance between rows;
    the nearest rows, a k-th of the sample's weight, become the component's.
    """
    k, d = mixture.means.shape
    removed = int(random.integers(k))
    others = [j for j in range(k) if j != removed]
    rest = Mixture.trusted(mixture.weights[others], mixture.means[others], mixture.covariance.take(others))
    responsibilities, _ = score_sample(rest, sample)
    log_density = score_sample(mixture, sample)[1]
    mass = np.cumsum(sample.weights * np.exp((log_density.min() - log_density) / d))
    place = min(int(np.searchsorted(mass, random.random() * mass[-1], side="right")), len(mass) - 1)
    rows = whitened(problem.pooled, sample.rows)
    order = np.argsort(((rows - rows[place]) ** 2).sum(axis=1), kind="stable")
    reach = int(np.searchsorted(np.cumsum(sample.weights[order]), sample.weights.sum() / k)) + 1
    answer = np.zeros((k, len(rows)))
    answer[others] = responsibilities
    answer[:, order[:reach]] = 0.0
    answer[removed, order[:reach]] = 1.0
    return answer


def split_and_merge(problem: Problem, sample: Sample, mixture: Mixture) -> Iterator[Array]:
    """Yield responsibilities (k, m) with two components merged and a third split, the most promising first.

    Pairs come in the order of the rows they share, ``Σ w r_i r_j``; for each pair the third in the order of the
    divergence between its rows and its density, ``Σ f log(f / p)`` with f = w r / Σ w r (Ueda et al. 2000, §3.2).
    """
    k = mixture.n_components
    responsibilities, _ = score_sample(mixture, sample)
    held = responsibilities * sample.weights
    shared = held @ responsibilities.T
    length = np.sqrt(np.diagonal(shared))
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = np.nan_to_num(shared / np.outer(length, length))
        share = responsibilities / held.sum(axis=1, keepdims=True)
        terms = held * (np.log(share) - _component_log_density(mixture, sample))
    divergence = np.where(responsibilities > 0, terms, 0.0).sum(axis=1) / np.maximum(held.sum(axis=1), 1e-300)
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    for i, j in sorted(pairs, key=lambda pair: -cosine[pair]):
        for third in np.argsort(-divergence, kind="stable"):
            if third not in (i, j):
                yield joined(divided(problem, sample, responsibilities, int(third)), i, j)


def score_sample(mixture: Mixture, sample: Sample) -> tuple[Array, Array]:
    """Return responsibilities (k, m) and log-densities (m,) of a sample, under a mixture in its frame."""
    scorer = _scorer(mixture)
    return scorer.responsibilities(sample.rows, scorer.workspace(len(sample.rows)))


def _component_log_density(mixture: Mixture, sample: Sample) -> Array:
    responsibilities, log_density = score_sample(mixture, sample)
    with np.errstate(divide="ignore"):
        return np.log(responsibilities) + log_density - np.log(mixture.weights)[:, None]


def _scorer(mixture: Mixture) -> Scorer:
    d = mixture.n_features
    return Scorer(log_weights(mixture.weights), mixture.means, mixture.covariance, Frame(np.zeros(d), np.ones(d)))
