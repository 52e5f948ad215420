"""Turn the sums of a stack into parameters: the M-step of every structure, each for all its mixtures at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.stack import Stack, StackRows
from gmmkit.model.covariance import family
from gmmkit.numerics.triangles import unpacked

__all__ = ["Refit"]

Array = NDArray[np.float64]
Index = NDArray[np.intp]


class Refit:
    """Turns sums into parameters for a fixed list of mixtures: the M-step of every structure, all at once."""

    def __init__(self, rows: StackRows, structures: tuple[str, ...], sizes: Index) -> None:
        self.rows, self.structures, self.sizes = rows, structures, sizes
        self.offsets = np.concatenate([[0], np.cumsum(sizes)])
        self.owner = np.repeat(np.arange(len(sizes)), sizes)
        self.pseudo = rows.pseudo(structures, sizes)[self.owner]
        self.groups: list[tuple[str, Index]] = []
        widest = int(sizes.max())
        slots = np.arange(widest)
        for name in dict.fromkeys(structures):
            which = np.flatnonzero([s == name for s in structures])
            # Mixtures of fewer components are padded with one that holds nothing.
            at = np.where(slots < sizes[which, None], self.offsets[which, None] + slots, int(self.offsets[-1]))
            self.groups.append((name, at))

    def __call__(self, sums: Array, previous: Stack | None) -> Stack:
        d = len(self.rows.z)
        counts, means, scatter = self.moments(sums)
        counts = counts + 10.0 * np.finfo(np.float64).eps * min(1.0, float(self.rows.weights.mean()))
        total = np.add.reduceat(counts, self.offsets[:-1])
        weights = counts / total[self.owner]
        scatter = np.concatenate([scatter + self.pseudo, np.zeros((1, d, d))])
        counts = np.append(counts, 0.0)
        covariances = np.empty_like(scatter)
        before = None if previous is None else np.concatenate([previous.covariances, np.eye(d)[None]])
        diagonal = np.arange(d)
        for name, at in self.groups:
            structure = family(name)
            # Both scales are powers of two: going from one to the other rounds nothing.
            units = self.rows.units if structure.equivariance == "scalar" else np.ones(d)
            outer = np.outer(units, units)
            if structure.independent_columns:
                square = units**2
                then = None if before is None else before[at][..., diagonal, diagonal] * square
                variances = structure.solve(
                    counts[at], scatter[at][..., diagonal, diagonal] * square, then, overwrite=True
                )
                covariances[at] = (variances / square)[..., None] * np.eye(d)
            else:
                then = None if before is None else before[at] * outer
                covariances[at] = structure.solve(counts[at], scatter[at] * outer, then, overwrite=True) / outer
        return Stack(self.structures, self.sizes, weights, means, covariances[:-1])

    def sound(self, sums: Array) -> NDArray[np.bool_]:
        """Tell for which mixtures all counts and scatters are positive."""
        fine = sums[:, 0] > 0
        _, _, scatter = self.moments(np.where(fine[:, None], sums, 0.0))
        scatter = scatter + self.pseudo
        # Columns in very different units must not look dependent.
        size = np.diagonal(scatter, axis1=1, axis2=2)
        fine &= (size > 0).all(axis=1)
        size = np.sqrt(np.where(fine[:, None], size, 1.0))
        fine &= np.linalg.eigvalsh(scatter / (size[:, :, None] * size[:, None, :]))[:, 0] > 0
        return np.asarray(np.logical_and.reduceat(fine, self.offsets[:-1]))

    def moments(self, sums: Array) -> tuple[Array, Array, Array]:
        """Return counts, means and scatters."""
        d = len(self.rows.z)
        counts, first = sums[:, 0], sums[:, 1 : 1 + d]
        means = first / np.maximum(counts, 1e-300)[:, None]
        second = unpacked(sums[:, 1 + d :], d)
        return counts, means, second - first[:, :, None] * means[:, None, :]
