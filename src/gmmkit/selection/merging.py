"""Components merged into clusters: the greedy tree, and two rules that say which pair is next.

A cluster that is not Gaussian takes several components. Starting from the k components, two groups are joined at a
time, and the posterior of a group is the sum of its components', until one is left. The next pair is

- by entropy, the one that takes most off the entropy of the classification (Baudry, Raftery, Celeux, Lo & Gottardo
  2010, "Combining mixture components for clustering", Journal of Computational and Graphical Statistics 19). The
  entropy falls fast while halves of a cluster are joined and slowly after that: the number of clusters proposed is
  where two straight lines, fitted to the entropy left of it and right of it, leave the least squares. An elbow lies
  between two points: it never is at one cluster.
- by misclassification (DEMP; Hennig 2010, Advances in Data Analysis and Classification 4), the one with the largest
  estimated probability that a row of one is taken for the other's, either way. Clusters are what is left when no pair
  is mistaken more often than a threshold.

Each step is one pass over the rows, in which only tables of groups × groups are summed (`overlap.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.model.holder import MixtureHolder, mixture_of, table_for
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.arguments import share
from gmmkit.selection.merge_tree import Merge, MergeTree
from gmmkit.selection.overlap import Overlap, Posteriors, measure_overlap, posteriors_of

__all__ = [
    "PairRule",
    "elbow",
    "merge_by_entropy",
    "merge_by_misclassification",
    "merge_groups",
    "most_misclassified",
]

Array = NDArray[np.float64]

#: Says which two groups are next, and the score of the pair.
PairRule: TypeAlias = Callable[[Overlap], tuple[int, int, float]]

# Where one row in forty of a group is taken for another's, they are one cluster.
_THRESHOLD = 0.025
# Share of the largest possible entropy, log k a row, below which components are clusters already.
_CERTAIN = 0.01


def merge_by_entropy(model: Mixture | MixtureHolder, rows: Any, *, weights: ArrayLike | None = None) -> MergeTree:
    """Merge the pair that takes most off the entropy of the classification (Baudry et al. 2010).

    Parameters
    ----------
    model : Mixture or fitted estimator
    rows : array-like of shape (n, d), data frame or Table
        Those it was fitted to.
    weights : array-like of shape (n,), optional

    Returns
    -------
    MergeTree

    Raises
    ------
    DataError
        If the rows have other columns than those the model was fitted on, or have them in another order.

    Examples
    --------
    >>> halves = [[0.0, 0.0], [1.0, 0.0], [9.0, 9.0]]
    >>> mixture = Mixture.from_arrays([0.3, 0.3, 0.4], halves, [1.0, 1.0, 1.0], covariance_type="spherical")
    >>> tree = merge_by_entropy(mixture, mixture.sample(300, seed=0)[0])
    >>> tree.proposed, tree.groups()
    (2, ((0, 1), (2,)))
    """
    mixture, table = mixture_of(model), table_for(model, rows, weights=weights)
    merges, curve, total = merge_groups(posteriors_of(mixture, table), mixture.n_components, _most_gained, gains=True)
    proposed, reason = _by_elbow(curve, total)
    return MergeTree(mixture, "entropy", merges, curve, proposed, reason, table.names)


def merge_by_misclassification(
    model: Mixture | MixtureHolder, rows: Any, *, weights: ArrayLike | None = None, threshold: float = _THRESHOLD
) -> MergeTree:
    """Merge the pair whose rows are most often taken for each other's (Hennig 2010, DEMP).

    Parameters
    ----------
    model : Mixture or fitted estimator
    rows : array-like of shape (n, d), data frame or Table
        Those it was fitted to.
    weights : array-like of shape (n,), optional
    threshold : float, default=0.025
        Clusters are proposed that no two of are mistaken for each other more often than this.

    Returns
    -------
    MergeTree

    Raises
    ------
    ParameterError
        If the threshold is not between 0 and 1.
    DataError
        As of `merge_by_entropy`.

    Examples
    --------
    >>> halves = [[0.0, 0.0], [1.0, 0.0], [9.0, 9.0]]
    >>> mixture = Mixture.from_arrays([0.3, 0.3, 0.4], halves, [1.0, 1.0, 1.0], covariance_type="spherical")
    >>> merge_by_misclassification(mixture, mixture.sample(300, seed=0)[0]).groups()
    ((0, 1), (2,))
    """
    threshold = share("threshold", threshold)
    mixture, table = mixture_of(model), table_for(model, rows, weights=weights)
    k = mixture.n_components
    merges, curve, _ = merge_groups(posteriors_of(mixture, table), k, most_misclassified, gains=False)
    mistaken = [merge.score >= threshold for merge in merges]
    proposed = k - (mistaken.index(False) if False in mistaken else len(merges))
    reason = f"No two clusters are mistaken for each other in {100 * threshold:g} % of their rows or more."
    if proposed == 1:
        reason = f"Until one cluster is left, two are mistaken for each other in {100 * threshold:g} % of their rows."
    return MergeTree(mixture, "misclassification", merges, curve, proposed, reason, table.names)


def merge_groups(
    posteriors: Posteriors, n_components: int, rule: PairRule, *, gains: bool
) -> tuple[tuple[Merge, ...], Array, float]:
    """Join two groups at a time, from components to one: the tree of any rule.

    Parameters
    ----------
    posteriors : callable
        See `overlap.Posteriors`: asked k times.
    n_components : int
    rule : callable
        Given the `Overlap` of the groups, returns two of them and the score of the pair.
    gains : bool
        Whether the rule reads `Overlap.gains`.

    Returns
    -------
    merges : tuple of Merge
    curve : ndarray of shape (k,)
        Entropy for 1, …, k groups.
    total_weight : float
    """
    groups: list[tuple[int, ...]] = [(j,) for j in range(n_components)]
    curve = np.zeros(n_components)
    pairs: list[tuple[tuple[int, ...], tuple[int, ...], float, float]] = []
    found = measure_overlap(posteriors, groups, gains_of=range(n_components) if gains else ())
    curve[-1] = found.entropy
    while len(groups) > 1:
        i, j, score = rule(found)
        i, j = min(i, j), max(i, j)
        pairs.append((groups[i], groups[j], score, float(found.assigned[i] + found.assigned[j])))
        known = found.gains
        groups[i] = tuple(sorted(groups[i] + groups.pop(j)))
        found = measure_overlap(posteriors, groups, gains_of=(i,) if gains else ())
        if known is not None and found.gains is not None:
            # Of pairs without the new group nothing has changed.
            kept = np.delete(np.delete(known, j, axis=0), j, axis=1)
            kept[i], kept[:, i] = found.gains[i], found.gains[i]
            found.gains[...] = kept
        curve[len(groups) - 1] = found.entropy
    falls = [after - before for before, after in pairwise(curve)][::-1]
    merges = tuple(
        Merge(first, second, score, float(fall), rows)
        for (first, second, score, rows), fall in zip(pairs, falls, strict=True)
    )
    return merges, curve, found.total_weight


def most_misclassified(groups: Overlap) -> tuple[int, int, float]:
    """Return the two groups of which a row is most often taken for the other's, and how often."""
    chance = np.maximum(groups.misclassification, groups.misclassification.T)
    np.fill_diagonal(chance, -1.0)
    i, j = (int(a) for a in np.unravel_index(chance.argmax(), chance.shape))
    return i, j, float(chance[i, j])


def elbow(curve: Sequence[float] | Array) -> int | None:
    """Return the number of clusters where a curve over 1, …, k bends from flat to steep.

    Two lines share the point where they meet and are fitted by least squares, each to the points on its side; the
    number is that of the smallest sum of squares among those where the curve grows faster after it than before.

    Returns
    -------
    int or None
        None where the curve bends nowhere: of fewer than three points, or one straight line.

    Examples
    --------
    >>> elbow([0.0, 1.0, 2.0, 3.0, 30.0, 60.0])
    4
    """
    values = np.asarray(curve, dtype=np.float64)
    sizes = np.arange(1.0, len(values) + 1.0)
    best: tuple[float, int] | None = None
    for c in range(1, len(values) - 1):
        (before, left), (after, right) = _line(sizes[: c + 1], values[: c + 1]), _line(sizes[c:], values[c:])
        if after > before and (best is None or left + right < best[0]):
            best = left + right, c + 1
    return None if best is None else best[1]


def _line(x: Array, y: Array) -> tuple[float, float]:
    """Return the slope of the line through points by least squares, and the sum of squares it leaves."""
    dx, dy = x - x.mean(), y - y.mean()
    slope = float(dx @ dy / (dx @ dx))
    return slope, float(((dy - slope * dx) ** 2).sum())


def _most_gained(groups: Overlap) -> tuple[int, int, float]:
    assert groups.gains is not None
    gains = groups.gains.copy()
    np.fill_diagonal(gains, -np.inf)
    i, j = (int(a) for a in np.unravel_index(gains.argmax(), gains.shape))
    return i, j, float(gains[i, j])


def _by_elbow(curve: Array, total: float) -> tuple[int, str]:
    k = len(curve)
    if k == 1:
        return 1, "There is one component."
    if curve[-1] <= _CERTAIN * total * np.log(k):
        return k, "The components are told apart as they are: next to no row lies between two."
    if k == 2:
        return 2, "A curve of two points has no elbow."
    bend = elbow(curve)
    if bend is None:
        return k, "The entropy falls evenly with each merge: it has no elbow."
    return bend, f"The entropy falls fast down to {bend} clusters and slowly after that: its curve has its elbow there."
