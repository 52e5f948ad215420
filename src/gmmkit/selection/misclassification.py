"""Which two clusters are merged next when a given number of them is wanted.

By misclassification (Hennig 2010; `merging.py`) pairs that overlap most go first, so that a few rows far from
everything would stay a cluster to the end while halves of the others are merged. Where clusters are very unequal in
size the smallest goes next (as Gagolewski, Bartoszuk & Cena 2016, "Genie", Information Sciences 363, have it for single
linkage): unequal means that Gini's index of their weights, 1 if one cluster holds everything, exceeds one half.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.selection.merge_tree import Merge
from gmmkit.selection.merging import merge_groups, most_misclassified
from gmmkit.selection.overlap import Overlap

__all__ = ["clusters_after", "gini", "merge_components", "most_misclassified_or_smallest", "posterior_of_clusters"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

_UNEQUAL = 0.5


def merge_components(posterior: Array, weights: Array) -> tuple[tuple[Merge, ...], Array]:
    """Return the merges that lead from components to one cluster, and the entropy for 1, …, K clusters (K,).

    Parameters
    ----------
    posterior : ndarray of shape (n, K)
    weights : ndarray of shape (n,)
        Of the rows.

    Examples
    --------
    >>> posterior = np.array([[0.6, 0.4, 0.0], [0.4, 0.6, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    >>> [(m.first, m.second) for m in merge_components(posterior, np.ones(4))[0]]
    [((0,), (1,)), ((0, 1), (2,))]
    """
    merges, curve, _ = merge_groups(
        lambda: [(posterior, weights)], posterior.shape[1], most_misclassified_or_smallest, gains=False
    )
    return merges, curve


def most_misclassified_or_smallest(groups: Overlap) -> tuple[int, int, float]:
    """Return the two groups of which a row is most often taken for the other's; the smallest and its if too unequal."""
    if gini(groups.sizes) <= _UNEQUAL:
        return most_misclassified(groups)
    i = int(groups.sizes.argmin())
    chance = np.maximum(groups.misclassification[i], groups.misclassification[:, i])
    chance[i] = -1.0
    j = int(chance.argmax())
    return i, j, float(chance[j])


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
