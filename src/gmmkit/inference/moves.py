"""Moves between mixtures of different size: the one place where components are split.

A component is split along the direction of largest spread of the rows it holds, judged on a sample; which one is
chosen by the likelihood of the sample after the split (compare Ueda, Nakano, Ghahramani & Hinton 2000).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.algorithm import log_weights
from gmmkit.inference.problem import Problem
from gmmkit.inference.sampling import Sample
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import Scorer

__all__ = ["best_split", "split"]

Array = NDArray[np.float64]


def best_split(mixture: Mixture, problem: Problem, sample: Sample) -> Mixture:
    """Return the split of one component that leaves the sample most likely, in the problem's frame."""
    responsibilities, _ = _score(mixture, problem, sample.rows)
    candidates = [split(mixture, j, sample, responsibilities[j]) for j in range(mixture.n_components)]
    gains = [float(sample.weights @ _score(candidate, problem, sample.rows)[1]) for candidate in candidates]
    return candidates[int(np.argmax(gains))]


def split(mixture: Mixture, component: int, sample: Sample, responsibilities: Array) -> Mixture:
    """Return the mixture with one component replaced by two of half its weight.

    The two means are those of the component's rows on either side of its own, along the principal axis of those
    rows; the second component is appended.

    Parameters
    ----------
    mixture : Mixture
        In the frame of the sample.
    component : int
    sample : Sample
    responsibilities : ndarray of shape (m,)
        The component's share of each sample row.
    """
    weights = sample.weights * responsibilities
    total = weights.sum()
    centre = mixture.means[component]
    deviations = sample.rows - centre
    if total > 0:
        scatter = (weights[:, None] * deviations).T @ deviations / total
        axis = np.linalg.eigh(scatter)[1][:, -1]
    else:
        axis = np.eye(mixture.n_features)[0]
    along = deviations @ axis
    halves = []
    for side in (along >= 0, along < 0):
        held = weights * side
        halves.append(held @ sample.rows / held.sum() if held.sum() > 0 else centre)
    order = [*range(mixture.n_components), component]
    shares = mixture.weights[order]
    shares[[component, -1]] *= 0.5
    means = mixture.means[order]
    means[component], means[-1] = halves
    return Mixture.trusted(shares, means, mixture.covariance.take(order))


def _score(mixture: Mixture, problem: Problem, rows: Array) -> tuple[Array, Array]:
    identity = type(problem.frame)(np.zeros(problem.n_columns), np.ones(problem.n_columns))
    scorer = Scorer(log_weights(mixture.weights), mixture.means, mixture.covariance, identity)
    return scorer.responsibilities(rows, scorer.workspace(len(rows)))
