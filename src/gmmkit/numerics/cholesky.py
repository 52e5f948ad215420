"""Cholesky factors and their inverses for stacks of matrices."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

__all__ = ["cholesky", "inverse_lower", "not_positive_definite", "whitening_of"]

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


def whitening_of(matrices: Array) -> Array:
    """Return the lower triangular W, ``W matrix Wᵀ = 1``, of a stack (k, d, d).

    Raises
    ------
    numpy.linalg.LinAlgError
        If any matrix is not positive definite.
    """
    return inverse_lower(cholesky(matrices), overwrite=True)


def inverse_lower(factors: Array, *, overwrite: bool = False) -> Array:
    """Return the inverses of lower triangular matrices (k, d, d), by forward substitution.

    Parameters
    ----------
    factors : ndarray of shape (k, d, d)
        What stands above the diagonal is not read.
    overwrite : bool, default=False
        The inverses may be written over the factors: matrices of many columns take up much memory.
    """
    k, d, _ = factors.shape
    if d <= _SMALL and k > _FEW * d:
        inverses = np.zeros((k, d, d))
        for i in range(d):
            row = inverses[:, i]
            if i:
                row[:, :i] = -np.matmul(factors[:, i, None, :i], inverses[:, :i, :i])[:, 0]
            row[:, i] = 1.0
            row[:, : i + 1] /= factors[:, i, i, None]
        return inverses
    inverses = factors if overwrite and factors.flags.c_contiguous else np.array(factors, order="C")
    for inverse in inverses:
        # LAPACK takes the transpose, an upper triangular matrix by columns, as it lies in memory.
        lapack.dtrtri(inverse.T, overwrite_c=1)
        np.copyto(inverse, 0.0, where=_above(d))  # which it leaves
    return inverses


@lru_cache
def _above(d: int) -> NDArray[np.bool_]:
    """Return which elements (d, d) lie above the diagonal."""
    return ~np.tri(d, dtype=bool)


def not_positive_definite(matrices: Array) -> list[int]:
    """Return which matrices of a stack (k, d, d) have no Cholesky factor."""
    failed = []
    for j, matrix in enumerate(matrices):
        try:
            cholesky(matrix[None])
        except np.linalg.LinAlgError:
            failed.append(j)
    return failed
