"""Components merged into clusters by how often rows of one would be taken for the other's.

    p(j | i) = Σ_x w(x) r_i(x) [cluster of x is j] / Σ_x w(x) r_i(x)

is the estimated probability that a row of cluster i is assigned to cluster j, r the posterior probabilities. The pair
with the largest p, either way, is merged; the posterior of a merged cluster is the sum (Hennig 2010, "Methods for
merging Gaussian mixture components", Advances in Data Analysis and Classification 4: method DEMP).

Pairs that overlap most go first, so that a few rows far from everything stay a cluster to the end while halves of the
others are merged. Where clusters are very unequal in size the smallest is merged next (as Gagolewski, Bartoszuk & Cena
2016, "Genie", Information Sciences 363, do for single linkage): unequal means that Gini's index of their weights, 1
if one cluster holds everything, exceeds one half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Merge", "clusters_after", "gini", "merge_components", "posterior_of_clusters"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

_UNEQUAL = 0.5


@dataclass(frozen=True, slots=True)
class Merge:
    """One step: cluster `second` joined cluster `first`.

    Attributes
    ----------
    first, second : tuple of int
        The components of each.
    misclassification : float
        Their p, the larger of the two ways.
    smallest_first : bool
        Whether the pair was chosen because clusters were too unequal.
    """

    first: tuple[int, ...]
    second: tuple[int, ...]
    misclassification: float
    smallest_first: bool


def merge_components(posterior: Array, weights: Array) -> tuple[Merge, ...]:
    """Return the merges that lead from components to one cluster, in order.

    Parameters
    ----------
    posterior : ndarray of shape (n, K)
    weights : ndarray of shape (n,)
        Of the rows.

    Examples
    --------
    >>> posterior = np.array([[0.6, 0.4, 0.0], [0.4, 0.6, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    >>> [(m.first, m.second) for m in merge_components(posterior, np.ones(4))]
    [((0,), (1,)), ((0, 1), (2,))]
    """
    shared = np.ascontiguousarray(posterior.T)
    groups: list[tuple[int, ...]] = [(j,) for j in range(len(shared))]
    merges: list[Merge] = []
    while len(groups) > 1:
        chance = _misclassification(shared, weights)
        sizes = shared @ weights
        too_unequal = gini(sizes) > _UNEQUAL
        if too_unequal:
            i = int(sizes.argmin())
            j = int(chance[i].argmax())
        else:
            i, j = (int(c) for c in np.unravel_index(chance.argmax(), chance.shape))
        i, j = min(i, j), max(i, j)
        merges.append(Merge(groups[i], groups[j], float(chance[i, j]), too_unequal))
        shared[i] += shared[j]
        shared = np.delete(shared, j, axis=0)
        groups[i] = tuple(sorted(groups[i] + groups.pop(j)))
    return tuple(merges)


def clusters_after(merges: tuple[Merge, ...], n_components: int, n_clusters: int) -> Indices:
    """Return the cluster of each component (K,) when `n_clusters` are left, numbered by their first components."""
    cluster = np.arange(n_components)
    for merge in merges[: n_components - n_clusters]:
        cluster[list(merge.second)] = cluster[merge.first[0]]
    return np.unique(cluster, return_inverse=True)[1]


def posterior_of_clusters(posterior: Array, clusters: Indices) -> Array:
    """Return the posterior of clusters (n, k): that of components (n, K), summed."""
    return np.asarray(posterior @ np.eye(clusters.max() + 1, dtype=posterior.dtype)[clusters])


def gini(sizes: Array) -> float:
    """Return Gini's index of sizes (k,): 0 if they are equal, 1 if one holds everything.

    Examples
    --------
    >>> gini(np.array([1.0, 1.0])), gini(np.array([0.0, 3.0]))
    (0.0, 1.0)
    """
    k = len(sizes)
    if k == 1:
        return 0.0
    ranked = np.sort(sizes)
    return float((2.0 * np.arange(1, k + 1) - k - 1.0) @ ranked / ((k - 1) * ranked.sum()))


def _misclassification(shared: Array, weights: Array) -> Array:
    """Return the larger of p(j | i) and p(i | j) for each pair of clusters; −1 on the diagonal."""
    k, n = shared.shape
    taken = np.zeros((k, n))
    taken[shared.argmax(axis=0), np.arange(n)] = weights
    sizes = shared @ weights
    chance = (shared @ taken.T) / np.where(sizes > 0, sizes, 1.0)[:, None]
    chance = np.maximum(chance, chance.T)
    np.fill_diagonal(chance, -1.0)
    return np.asarray(chance)
