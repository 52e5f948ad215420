"""How well the clusters are told apart: the share of rows expected in the wrong one, and the pair confused most.

If the mixture is right, a row put in its most probable component is wrong with the probability 1 − max_k p(k | x);
rows of j are taken for l with the expected share Σ_i p(j | x_i) 1[i put in l] / Σ_i p(j | x_i).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmmkit.numerics.streams import generator
from gmmkit.report.subject import Subject

__all__ = ["Overlap", "overlap"]

_MOST_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far clusters run into each other.

    Attributes
    ----------
    uncertainty : float
        Mean of 1 − max_k p(k | x).
    pair : tuple of int
        Two components confused most: of the first, `confused` is taken for the second.
    confused : float
    simulated : bool
        Whether rows were drawn from the mixture, for want of the data.
    """

    uncertainty: float
    pair: tuple[int, int]
    confused: float
    simulated: bool


def overlap(subject: Subject) -> Overlap | None:
    """Return how far clusters run into each other; None for one cluster."""
    mixture, table = subject.mixture, subject.table
    k = mixture.n_components
    if k < 2:
        return None
    weights = None
    # Responsibilities of the sample are held at once: fewer rows for many components.
    most = max(1000, min(_MOST_ROWS, 4_000_000 // k))
    if table is None:
        rows, _ = mixture.sample(most, seed=0)
    else:
        index = np.sort(generator(0).choice(table.n_rows, size=min(most, table.n_rows), replace=False))
        rows = table.take(index)
        weights = None if table.weights is None else table.weights[index]
    weights = np.ones(len(rows)) if weights is None or not weights.sum() > 0 else weights
    posterior = mixture.posterior(rows)
    labels = posterior.argmax(axis=1)
    uncertainty = float(np.average(1.0 - posterior.max(axis=1), weights=weights))
    taken = np.zeros((k, k))
    for j in range(k):
        mine = labels == j
        taken[:, j] = weights[mine] @ posterior[mine]
    held = taken.sum(axis=1, keepdims=True)
    shares = np.divide(taken, held, out=np.zeros_like(taken), where=held > 0)
    np.fill_diagonal(shares, 0.0)
    first, second = (int(i) for i in np.unravel_index(shares.argmax(), shares.shape))
    return Overlap(uncertainty, (first, second), float(shares[first, second]), table is None)
