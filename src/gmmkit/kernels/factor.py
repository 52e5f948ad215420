"""Low-rank covariances: scores, factor means and their sums without any matrix of columns × columns.

With ``Σ = Ψ + Λ Λᵀ``, Ψ diagonal and Λ of q columns, and ``Ψ^−½ Λ = U S`` (U of orthonormal columns):

    δ = |y − U t|² + Σ_j t_j² / (1 + s_j²),    y = Ψ^−½ (z − μ),  t = Uᵀ y        (Woodbury's identity)
    E[f | z] = β (z − μ),    β = S (1 + S²)⁻¹ Uᵀ Ψ^−½                              factor means (q,)

The squared distance comes out as a sum of squares; ``|y|² − Σ s² t² / (1 + s²)`` is the same with digits lost where
factors are much larger than the noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["gather_factors", "packed_whitening", "score_factors"]

Array = NDArray[np.float64]


def packed_whitening(noise: Array, axes: Array, squares: Array) -> Array:
    """Return what `score_factors` scores by, (k, 1 + q, d + 1).

    Parameters
    ----------
    noise : ndarray of shape (k, d)
        The diagonals of Ψ.
    axes : ndarray of shape (k, d, q)
        U.
    squares : ndarray of shape (k, q)
        s².
    """
    k, d, q = axes.shape
    packed = np.zeros((k, 1 + q, d + 1))
    packed[:, 0, :d] = 1.0 / np.sqrt(noise)
    packed[:, 1:, :d] = axes.transpose(0, 2, 1)
    packed[:, 1:, d] = 1.0 / (1.0 + squares)
    return packed


def score_factors(z: Array, means: Array, whitening: Array, constants: Array, out: Array) -> Array:
    """Write scores (k, B) of z (d, B) for packed whitenings (k, 1 + q, d + 1) into `out`."""
    d = len(z)
    white = np.empty_like(z)
    for j, (mean, packed) in enumerate(zip(means, whitening, strict=True)):
        np.subtract(z, mean[:, None], out=white)
        white *= packed[0, :d, None]
        axes = packed[1:, :d]
        along = axes @ white
        white -= axes.T @ along
        np.einsum("ib,ib->b", white, white, out=out[j])
        along *= along
        out[j] += packed[1:, d] @ along
    out *= -0.5
    out += constants[:, None]
    return out


def gather_factors(
    z: Array, means: Array, projections: Array, responsibilities: Array, sums: tuple[Array, Array, Array, Array]
) -> None:
    """Add first moments, squares and products with factor means, all about the means.

    Parameters
    ----------
    z : ndarray of shape (d, B)
    means : ndarray of shape (k, d)
    projections : ndarray of shape (k, q, d)
        β.
    responsibilities : ndarray of shape (k, B)
    sums : tuple of ndarray
        ``Σ r (z − μ)`` (k, d), ``Σ r (z − μ)²`` (k, d), ``Σ r E[f] (z − μ)ᵀ`` (k, q, d), ``Σ r E[f]`` (k, q).
    """
    first, second, cross, factors = sums
    for j, row in enumerate(responsibilities):
        held = np.flatnonzero(row)
        if not len(held):
            continue
        # Of far apart components most rows have a share of one only.
        shares, deviation = row[held], z[:, held] - means[j][:, None]
        found = projections[j] @ deviation
        found *= shares
        factors[j] += found.sum(axis=1)
        cross[j] += found @ deviation.T
        first[j] += deviation @ shares
        deviation *= deviation
        second[j] += deviation @ shares
