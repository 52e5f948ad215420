"""Counts, first and second moments of weighted rows about a fixed point for each component. They add.

For component k with reference point c_k and weights r_ik (row weight × responsibility):

    counts_k = Σ_i r_ik        first_k = Σ_i r_ik (z_i − c_k)        second_k = Σ_i r_ik (z_i − c_k)(z_i − c_k)ᵀ

A covariance family needs only part of the second moment: its diagonal, its trace, its sum over components.
That part is a linear *contraction* of the outer product, so merging, moving the reference point and taking
the scatter about the mean are written once for all families.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from types import EllipsisType

import numpy as np
from numpy.typing import NDArray

from gmmkit.numerics.stacks import spans
from gmmkit.numerics.triangles import packed, unpacked

__all__ = ["Compact", "Contraction", "Statistics"]

Array = NDArray[np.float64]
Components = slice | EllipsisType  # some, or all

_TEN_EPSILON = 10.0 * float(np.finfo(np.float64).eps)


class Contraction(Enum):
    """What a family keeps of ``a_k b_kᵀ`` for each component k; the value is the einsum that does it."""

    FULL = "ki,kj->kij"
    TIED = "ki,kj->ij"
    DIAGONAL = "ki,ki->ki"
    SHARED_DIAGONAL = "ki,ki->i"
    SPHERICAL = "ki,ki->k"
    SHARED = "ki,ki->"

    def __call__(self, a: Array, b: Array) -> Array:
        """Contract two arrays of shape (k, d)."""
        return np.asarray(np.einsum(self.value, a, b))

    def shape(self, k: int, d: int) -> tuple[int, ...]:
        """Return the shape of the second moment for k components in d columns."""
        kept = self.value.partition("->")[2]
        return tuple(k if axis == "k" else d for axis in kept)

    def scatter_shape(self, d: int) -> tuple[int, ...]:
        """Return the shape of one component's own part."""
        shared = self in (Contraction.TIED, Contraction.SHARED_DIAGONAL, Contraction.SHARED)
        return self.shape(1, d) if shared else self.shape(1, d)[1:]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Moments of one set of rows; ``a + b`` are the moments of both sets.

    Parameters
    ----------
    contraction : Contraction
        Which part of the second moment is kept.
    counts : ndarray of shape (k,)
    first : ndarray of shape (k, d)
    second : ndarray of shape ``contraction.shape(k, d)``
    reference : ndarray of shape (k, d)
        The points the moments are about.

    Examples
    --------
    >>> rows = np.array([[0.0], [2.0]])
    >>> first, second = rows.sum(axis=0)[None], (rows**2).sum(axis=0)[None]
    >>> s = Statistics(Contraction.DIAGONAL, np.array([2.0]), first, second, reference=np.zeros((1, 1)))
    >>> (s + s).means(), (s + s).scatter()
    (array([[1.]]), array([[4.]]))
    """

    contraction: Contraction
    counts: Array
    first: Array
    second: Array
    reference: Array

    @classmethod
    def empty(cls, contraction: Contraction, reference: Array) -> Statistics:
        """Return the statistics of no rows about the points `reference` (k, d)."""
        k, d = reference.shape
        second = np.zeros(contraction.shape(k, d))
        return cls(contraction, np.zeros(k), np.zeros((k, d)), second, reference)

    def __add__(self, other: Statistics) -> Statistics:
        """Merge the statistics of two sets of rows; the other's reference is moved to this one's."""
        other = other.about(self.reference)
        return replace(
            self,
            counts=self.counts + other.counts,
            first=self.first + other.first,
            second=self.second + other.second,
        )

    def about(self, reference: Array) -> Statistics:
        """Return the same moments about other points (k, d)."""
        if reference is self.reference or np.array_equal(reference, self.reference):
            return self
        moved = Statistics.empty(self.contraction, reference)
        moved.add(self)
        return moved

    def add(self, other: Statistics | Compact, factor: float = 1.0) -> None:
        """Add `factor` times the moments of other rows, moved to this one's points, in place."""
        for here, group in other.groups():
            moved = group._moved(self.reference[here])
            self.counts[here] += factor * moved.counts
            self.first[here] += factor * moved.first
            self.second[here] += factor * moved.second

    def groups(self) -> Iterator[tuple[Components, Statistics]]:
        """Yield the components, a few at a time where they have large matrices, and where they stand."""
        if self.contraction is not Contraction.FULL:
            yield ..., self
            return
        for here in spans(self.second):
            part = (self.counts[here], self.first[here], self.second[here], self.reference[here])
            yield here, Statistics(self.contraction, *part)

    def _moved(self, reference: Array) -> Statistics:
        step = reference - self.reference
        if not step.any():
            return self
        moved = self.counts[:, None] * step
        cross = self.contraction(self.first, step)
        if self.contraction in (Contraction.FULL, Contraction.TIED):
            cross = cross + np.swapaxes(cross, -1, -2)
        else:
            cross *= 2.0
        second = np.subtract(self.second, cross, out=cross)
        second += self.contraction(moved, step)
        return replace(self, first=self.first - moved, second=second, reference=reference)

    def positive_counts(self) -> Array:
        """Return the counts plus scikit-learn's 10 ε, so that a component without rows has one too.

        Where weights are small the ε is a share of them: a model does not depend on the unit of its weights.
        """
        return self.counts + _TEN_EPSILON * min(1.0, float(self.counts.sum()) / len(self.counts))

    def means(self) -> Array:
        """Return the mean of each component (k, d); the reference where a component holds nothing."""
        return self.reference + self._offset()

    def scatter(self) -> Array:
        """Return the second moment about the components' own means, contracted."""
        scatter = self.contraction(self._offset(), self.first)
        return np.subtract(self.second, scatter, out=scatter)

    def _offset(self) -> Array:
        held = self.counts[:, None]
        return np.divide(self.first, held, out=np.zeros_like(self.first), where=held > 0)


@dataclass(frozen=True, slots=True)
class Compact:
    """Statistics kept for later: of each symmetric matrix one triangle.

    Examples
    --------
    >>> origin, row = np.zeros((1, 2)), np.ones((1, 2))
    >>> kept = Compact.of(Statistics(Contraction.FULL, np.ones(1), row, row[:, None] * row[:, :, None], origin))
    >>> total = Statistics.empty(Contraction.FULL, origin)
    >>> total.add(kept, 2.0)
    >>> kept.second, total.second
    (array([[1., 1., 1.]]), array([[[2., 2.],
            [2., 2.]]]))
    """

    contraction: Contraction
    counts: Array
    first: Array
    second: Array
    reference: Array

    @classmethod
    def of(cls, statistics: Statistics) -> Compact:
        """Keep statistics; what is no stack of matrices is kept as it is."""
        full = statistics.contraction is Contraction.FULL
        second = packed(statistics.second) if full else statistics.second
        return cls(statistics.contraction, statistics.counts, statistics.first, second, statistics.reference)

    def groups(self) -> Iterator[tuple[Components, Statistics]]:
        """Yield the components as `Statistics.groups` does."""
        if self.contraction is not Contraction.FULL:
            yield ..., Statistics(self.contraction, self.counts, self.first, self.second, self.reference)
            return
        k, d = self.first.shape
        for here in spans(np.broadcast_to(0.0, (k, d, d))):  # as many as are no more than they may be unpacked
            second = unpacked(self.second[here], d)
            yield here, Statistics(self.contraction, self.counts[here], self.first[here], second, self.reference[here])
