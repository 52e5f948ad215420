"""The centred form: each component's own deviations, formed before anything is squared. Slower, safe.

    y = W_k (z − μ_k),  W_kᵀ W_k = Σ_k⁻¹        score_k = c_k − ½ |y|²
    second_k = Σ_i r_ik (z_i − μ_k)(z_i − μ_k)ᵀ

`W` is the inverse Cholesky factor (lower triangular), or the inverse standard deviations of a diagonal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["gather_diagonal", "gather_matrix", "score_diagonal", "score_matrix", "triangular_product"]

Array = NDArray[np.float64]

# Rows of a panel in a triangular product by ordinary matrix products: (m + 1) / 2m of the full product's work
# for m panels. SciPy's dtrmm does half but holds the interpreter lock, so threads could not share the work.
_PANEL = 64


def triangular_product(lower: Array, z: Array, out: Array) -> Array:
    """Write ``lower @ z`` into `out`, skipping the panels above the diagonal."""
    d = len(lower)
    for top in range(0, d, _PANEL):
        bottom = min(top + _PANEL, d)
        np.matmul(lower[top:bottom, :bottom], z[:bottom], out=out[top:bottom])
    return out


def score_matrix(z: Array, means: Array, whitening: Array, constants: Array, out: Array) -> Array:
    """Write scores (k, B) for whitening matrices (k, d, d) into `out`."""
    deviation = np.empty_like(z)
    white = np.empty_like(z)
    for k in range(len(means)):
        np.subtract(z, means[k][:, None], out=deviation)
        triangular_product(whitening[k], deviation, white)
        np.einsum("ib,ib->b", white, white, out=out[k])
    return _finish(out, constants)


def score_diagonal(z: Array, means: Array, whitening: Array, constants: Array, out: Array) -> Array:
    """Write scores (k, B) for inverse standard deviations (k, d) into `out`."""
    white = np.empty_like(z)
    for k in range(len(means)):
        np.subtract(z, means[k][:, None], out=white)
        white *= whitening[k][:, None]
        np.einsum("ib,ib->b", white, white, out=out[k])
    return _finish(out, constants)


def gather_matrix(z: Array, means: Array, responsibilities: Array, first: Array, second: Array) -> None:
    """Add first moments (k, d) and second moments about the means, (k, d, d) or shared (d, d)."""
    deviation = np.empty_like(z)
    root = np.empty(z.shape[1])
    for k in range(len(means)):
        np.subtract(z, means[k][:, None], out=deviation)
        np.sqrt(responsibilities[k], out=root)
        deviation *= root
        first[k] += deviation @ root
        # The same buffer on both sides: NumPy calls the symmetric rank-k update, half the work of a product.
        target = second if second.ndim == 2 else second[k]
        target += deviation @ deviation.T


def gather_diagonal(z: Array, means: Array, responsibilities: Array, first: Array, second: Array) -> None:
    """Add first moments (k, d) and squared deviations about the means (k, d)."""
    deviation = np.empty_like(z)
    for k in range(len(means)):
        np.subtract(z, means[k][:, None], out=deviation)
        first[k] += deviation @ responsibilities[k]
        deviation *= deviation
        second[k] += deviation @ responsibilities[k]


def _finish(out: Array, constants: Array) -> Array:
    out *= -0.5
    out += constants[:, None]
    return out
