"""What one task of a pass gathers from its blocks: moments about the origin, moments about the means."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.kernels import expanded
from gmmkit.kernels.expanded import Features
from gmmkit.model.covariance import Covariance
from gmmkit.statistics import Statistics

__all__ = ["Sums"]

Array = NDArray[np.float64]


class Sums:
    """Moments about the origin and moments about the means, each only if needed; they add."""

    __slots__ = ("_family", "_means", "counts", "first", "origin", "second", "shared")

    def __init__(self, family: type[Covariance], means: Array) -> None:
        self._family, self._means = family, means
        k, d = means.shape
        shape = family.contraction.shape(k, d)
        self.origin: Array | None = None
        self.shared = np.zeros(shape if family.features is Features.LINEAR else ())
        self.counts: Array | None = None
        self.first = np.zeros((k, d))
        self.second = np.zeros(shape)

    def __iadd__(self, other: Sums) -> Sums:
        if other.origin is not None:
            self.origin = other.origin if self.origin is None else self.origin + other.origin
            self.shared += other.shared
        if other.counts is not None:
            self.counts = other.counts if self.counts is None else self.counts + other.counts
            self.first += other.first
            self.second += other.second
        return self

    def clear(self) -> None:
        """Let go what was gathered, to gather anew."""
        # What was never added to is 0 still, and may take no memory yet.
        if self.origin is not None:
            self.shared[...] = 0.0
        if self.counts is not None:
            self.first[...] = self.second[...] = 0.0
        self.origin = self.counts = None

    def open_centred(self) -> tuple[Array, Array, Array]:
        """Return counts, first and second moments about the means, to be added to in place."""
        if self.counts is None:
            self.counts = np.zeros(len(self._means))
        return self.counts, self.first, self.second

    def open_expanded(self, p: int) -> Array:
        """Return the moments about the origin (k, p), to be added to in place."""
        if self.origin is None:
            self.origin = np.zeros((len(self._means), p))
        return self.origin

    def gather_expanded(self, psi: Array, z: Array, responsibilities: Array) -> None:
        """Add a block's moments about the origin."""
        expanded.gather(responsibilities, psi, self.open_expanded(len(psi)))
        self._family.gather_shared(z, responsibilities, self.shared)

    def gather_centred(self, z: Array, responsibilities: Array) -> None:
        """Add a block's moments about the means."""
        counts, first, second = self.open_centred()
        counts += responsibilities.sum(axis=1)
        self._family.gather_centred(z, self._means, responsibilities, first, second)

    def statistics(self) -> Statistics:
        """Return everything gathered, about the means."""
        k, d = self._means.shape
        counts = np.zeros(k) if self.counts is None else self.counts
        total = Statistics(self._family.contraction, counts, self.first, self.second, self._means)
        if self.origin is not None:
            total = total + self._family.moments(self.origin, self.shared, d)
        return total
