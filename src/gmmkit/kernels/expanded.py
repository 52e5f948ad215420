"""The expanded form: a Gaussian is an exponential family, so a block is two matrix products.

With features ψ(z) (p, B) and natural parameters Θ (k, p),

    scores = Θ ψ        sums = R ψᵀ

The features are `[1, z]` where the quadratic term is shared by all components, `[1, z, |z|²]`, `[1, z, z²]`,
or `[1, z, z_i z_j (i ≤ j)]`. Rounding error in a score is about ε·κ², κ the largest distance of a row from
the origin in units of a component's smallest standard deviation along it; callers bound it for each block.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from gmmkit.numerics.triangles import packed, upper

__all__ = ["Features", "gather", "pack", "score"]

Array = NDArray[np.float64]

_FEW_FEATURES = 32  # for each component


class Features(Enum):
    """Which monomials of a row the scores are linear in."""

    LINEAR = "1, z"
    RADIAL = "1, z, |z|²"
    DIAGONAL = "1, z, z²"
    FULL = "1, z, z_i z_j"

    def size(self, d: int) -> int:
        """Return the number of features, p, of a row with d columns."""
        quadratic = {"LINEAR": 0, "RADIAL": 1, "DIAGONAL": d, "FULL": d * (d + 1) // 2}
        return 1 + d + quadratic[self.name]

    def build(self, z: Array, out: Array) -> Array:
        """Write ψ(z) for z (d, B) into `out` (p, B)."""
        out[0] = 1.0
        out[1 : 1 + len(z)] = z
        return self.add_squares(z, out)

    def add_squares(self, z: Array, out: Array) -> Array:
        """Write the quadratic part of ψ(z) into `out`, whose first rows hold ``[1, z]`` already."""
        d = len(z)
        if self is Features.DIAGONAL:
            np.multiply(z, z, out=out[1 + d :])
        elif self is Features.RADIAL:
            np.einsum("ib,ib->b", z, z, out=out[1 + d])
        elif self is Features.FULL:
            row = 1 + d
            for i in range(d):
                np.multiply(z[i:], z[i], out=out[row : row + d - i])
                row += d - i
        return out


def score(theta: Array, psi: Array, out: Array) -> Array:
    """Write the scores ``Θ ψ`` (k, B) into `out`."""
    return np.matmul(theta, psi, out=out)


def gather(responsibilities: Array, psi: Array, sums: Array) -> None:
    """Add ``R ψᵀ`` (k, p) to `sums`."""
    if len(psi) <= _FEW_FEATURES * len(responsibilities):
        # The same product the other way round: a quarter faster in BLAS while there are not far more features.
        sums += (psi @ responsibilities.T).T
    else:
        sums += responsibilities @ psi.T


def pack(matrices: Array) -> Array:
    """Return the natural parameters (k, d(d+1)/2) of ``−½ zᵀ P z`` for symmetric P (k, d, d)."""
    rows, columns = upper(matrices.shape[-1])
    return -packed(matrices) * np.where(rows == columns, 0.5, 1.0)
