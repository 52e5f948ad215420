"""Cholesky factors and their inverses for stacks of matrices."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

__all__ = ["cholesky", "inverse_lower", "not_positive_definite"]

Array = NDArray[np.float64]

# Below this order, substitution over a whole stack at once beats one LAPACK call a matrix, unless there are few.
_SMALL, _FEW = 16, 2


def cholesky(matrices: Array) -> Array:
    """Return the lower factors L, ``L Lᵀ = matrix``, of a stack (k, d, d).

    Raises
    ------
    numpy.linalg.LinAlgError
        If any matrix is not positive definite.
    """
    if matrices.shape[-1] == 1:
        if not (matrices > 0).all():
            raise np.linalg.LinAlgError("matrix is not positive definite")
        return np.sqrt(matrices)
    return np.asarray(np.linalg.cholesky(matrices), dtype=np.float64)


def inverse_lower(factors: Array) -> Array:
    """Return the inverses of lower triangular matrices (k, d, d), by forward substitution."""
    k, d, _ = factors.shape
    inverses = np.zeros_like(factors)
    if d <= _SMALL and k > _FEW * d:
        for i in range(d):
            row = inverses[:, i]
            if i:
                row[:, :i] = -np.matmul(factors[:, i, None, :i], inverses[:, :i, :i])[:, 0]
            row[:, i] = 1.0
            row[:, : i + 1] /= factors[:, i, i, None]
        return inverses
    for j in range(k):
        inverses[j], _ = lapack.dtrtri(factors[j], lower=1)
    # LAPACK leaves what lies above the diagonal.
    return np.where(_lower(d), inverses, 0.0)


@lru_cache
def _lower(d: int) -> NDArray[np.bool_]:
    """Return which elements (d, d) lie on or below the diagonal."""
    return np.tri(d, dtype=bool)


def not_positive_definite(matrices: Array) -> list[int]:
    """Return which matrices of a stack (k, d, d) have no Cholesky factor."""
    failed = []
    for j, matrix in enumerate(matrices):
        try:
            cholesky(matrix[None])
        except np.linalg.LinAlgError:
            failed.append(j)
    return failed
