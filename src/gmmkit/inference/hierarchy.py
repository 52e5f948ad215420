"""Model-based agglomerative hierarchy: one chain of partitions of the rows, into any number of groups.

Beginning with each row as a group, the two groups are merged again and again whose union raises

    VVV:  Σ_k n_k log( |W_k / n_k| + (tr W_k + T) / n_k )          EII:  Σ_k tr W_k        (Ward 1963)

least, where n_k is the weight and W_k the scatter of a group and T = tr W / (n d) the mean variance of all rows. The
first is the classification likelihood of Gaussians with covariances of their own; the trace terms keep groups that
are too small for a determinant comparable (Banfield & Raftery 1993; Fraley 1998, "Algorithms for model-based Gaussian
hierarchical clustering", SIAM Journal on Scientific Computing 20). Neither is blind to the units of the rows, so rows
are transformed before: see `transformed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.agglomeration import FreeMatrices, OneVariance, merge_all

__all__ = [
    "WITHIN_GROUPS",
    "Hierarchy",
    "HierarchyCriterion",
    "Transform",
    "agglomerate",
    "sphered_within",
    "transformed",
]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
HierarchyCriterion = Literal["VVV", "EII"]
Transform = Literal["raw", "standardised", "svd", "sphered", "within"]

#: Groups whose covariance within is that of "within": more than there are clusters, few enough to be wide.
WITHIN_GROUPS = 20
# Squares of so many times the median are those of gross outliers, which have no say in a scale.
_FAR = 100.0
# Share of the largest singular value below which a direction holds rounding only.
_NULL = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Hierarchy:
    """What was merged, in order.

    Attributes
    ----------
    merges : ndarray of shape (g − 1, 2)
        Groups are named by their first rows; the second of a pair joined the first, which comes before it.
    initial : ndarray of shape (m,)
        The name of the group each row was in at the beginning.

    Examples
    --------
    >>> rows = np.array([[0.0, 0.0], [9.0, 9.0], [0.1, 0.0], [9.0, 8.0]])
    >>> agglomerate(rows).labels([1, 2, 3])
    array([[0, 0, 0, 0],
           [0, 1, 0, 1],
           [0, 1, 0, 2]])
    """

    merges: Indices
    initial: Indices

    @property
    def n_groups(self) -> int:
        """Number of groups in the beginning, g."""
        return len(self.merges) + 1

    def labels(self, sizes: Sequence[int]) -> Indices:
        """Return a partition of the rows into each number of groups, shape (len(sizes), m).

        Groups are numbered from 0 in the order of their first rows. Of more groups than there were in the beginning,
        the beginning is returned.
        """
        answers = np.empty((len(sizes), len(self.initial)), dtype=np.intp)
        for answer, size in zip(answers, sizes, strict=True):
            joined = self.merges[: max(self.n_groups - size, 0)]
            # A group joins another once and an earlier one, so that following the chain ends at its first row.
            parents = np.arange(len(self.initial))
            parents[joined[:, 1]] = joined[:, 0]
            while (parents != (parents := parents[parents])).any():
                pass
            answer[:] = np.unique(parents[self.initial], return_inverse=True)[1]
        return answers


def agglomerate(
    rows: Array,
    weights: Array | None = None,
    *,
    criterion: HierarchyCriterion = "VVV",
    groups: Indices | None = None,
    variance: float | None = None,
) -> Hierarchy:
    """Merge rows into one group.

    Time grows with the square of the number of groups in the beginning, times up to d³ for VVV; memory with the square.
    Beyond some thousand rows, begin VVV with the groups of another partition, say some hundred of an EII hierarchy.

    Parameters
    ----------
    rows : ndarray of shape (m, d)
        Distinct, and transformed to units that can be compared.
    weights : ndarray of shape (m,), optional
        How often each row counts, above 0.
    criterion : {"VVV", "EII"}
    groups : ndarray of shape (m,), optional
        Labels of a partition to begin with, instead of each row by itself.
    variance : float, optional
        T; by default that of the rows. Given where gross outliers among them would make it meaningless.

    Returns
    -------
    Hierarchy
    """
    rows = np.asarray(rows, dtype=np.float64)
    counts = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    labels = np.arange(len(rows)) if groups is None else groups
    _, first, member = np.unique(labels, return_index=True, return_inverse=True)
    # Groups in the order of their first rows, whatever their labels are.
    rank = np.argsort(np.argsort(first))
    first, member = np.sort(first), rank[member]
    if criterion == "EII":
        merged = merge_all(OneVariance(rows, counts, member))
    else:
        if variance is None and rows.shape[1]:
            centred = rows - np.average(rows, axis=0, weights=weights)
            variance = float(np.average((centred**2).mean(axis=1), weights=weights))
        merged = merge_all(FreeMatrices(rows, counts, member, variance or 1.0))
    return Hierarchy(first[merged].reshape(-1, 2), first[member])


def transformed(rows: Array, weights: Array | None = None, transform: Transform = "sphered") -> Array:
    """Return rows (m, d) centred and in units that a hierarchy can compare.

    Parameters
    ----------
    rows : ndarray of shape (m, d)
    weights : ndarray of shape (m,), optional
    transform : {"raw", "standardised", "svd", "sphered", "within"}
        ``"raw"``: one scale for all columns, so that the mean variance is 1. ``"standardised"``: each column has
        variance 1. ``"svd"``: principal components of the standardised columns, each with variance √λ for its
        eigenvalue λ of the correlation matrix (Scrucca & Raftery 2015). ``"sphered"``: the same with variance 1, which
        no linear map of the rows changes but for a rotation. ``"within"``: sphered by the covariance within
        `WITHIN_GROUPS` groups of an EII hierarchy of the sphered rows, which is as invariant and, unlike the covariance
        of all rows, does not shrink the directions that clusters lie apart in (compare Art, Gnanadesikan & Kettenring
        1982): see `sphered_within`. Directions without spread are left out of the last three.

    Examples
    --------
    >>> rows = np.array([[0.0, 1.0], [2.0, 5.0], [4.0, 3.0]])
    >>> sphered = transformed(rows)
    >>> np.allclose(sphered.T @ sphered / 3, np.eye(2))
    True
    """
    weights = np.ones(len(rows)) if weights is None else weights
    centred = rows - np.average(rows, axis=0, weights=weights)
    deviations = np.sqrt(np.average(centred**2, axis=0, weights=weights))
    if transform == "raw":
        deviations = np.full_like(deviations, np.sqrt((deviations**2).mean()))
    standard = centred / np.where(deviations > 0, deviations, 1.0)
    if transform in ("raw", "standardised"):
        return np.asarray(standard)
    shares = np.sqrt(weights / weights.sum())
    _, values, axes = np.linalg.svd(shares[:, None] * standard, full_matrices=False)
    kept = values > _NULL * max(values.max(initial=0.0), np.finfo(float).tiny)
    values, axes = values[kept], axes[kept]
    components = standard @ axes.T / (np.sqrt(values) if transform == "svd" else values)
    return sphered_within(components, weights) if transform == "within" else np.asarray(components)


def sphered_within(rows: Array, weights: Array) -> Array:
    """Return rows (m, d) of variance about 1, sphered by the covariance within `WITHIN_GROUPS` Ward groups.

    One scale for all makes the mean square 1, of rows ten times as far out as half of the others no more.
    """
    labels = agglomerate(rows, weights, criterion="EII").labels([WITHIN_GROUPS])[0]
    deviations = (rows - OneVariance(rows, weights, labels).means[labels]) * np.sqrt(weights)[:, None]
    # Where groups have no width of their own, a share of everything's, which is 1, stands in.
    factor = np.linalg.cholesky(deviations.T @ deviations / weights.sum() + _NULL * np.eye(rows.shape[1]))
    components = np.linalg.solve(factor, rows.T).T
    squares = (components**2).mean(axis=1)
    order = np.argsort(squares)
    median = squares[order[np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)]]
    mean = np.average(np.minimum(squares, _FAR * median), weights=weights)
    return np.asarray(components / np.sqrt(mean or 1.0))
