"""The compiled refit of covariance matrices of their own: moments in, matrices and what scores are made of out.

Of a few columns, what array operations cost beside their work is a tenth of a pass over a million rows.
"""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmmkit.kernels import native
from gmmkit.kernels.native.addresses import address_of, place_of

__all__ = ["MOST_COLUMNS", "Refitted", "refit"]

Array = NDArray[np.float64]
Pointer = ctypes.c_void_p

#: From here on LAPACK is faster.
MOST_COLUMNS = 16


class _FullRefit(ctypes.Structure):
    _fields_ = [
        ("k", ctypes.c_int), ("d", ctypes.c_int), ("held", Pointer), ("counts", Pointer), ("first", Pointer),
        ("second", Pointer), ("pseudo", Pointer), ("own_pseudo", ctypes.c_bool), ("ridge", Pointer),
        ("covariances", Pointer), ("whitening", Pointer), ("log_determinants", Pointer),
    ]  # fmt: skip


class Refitted(NamedTuple):
    """Matrices (k, d, d), their inverse Cholesky factors (k, d, d) and log-determinants (k,).

    `sound` is False where a matrix has no factor: the last two then mean nothing.
    """

    covariances: Array
    whitening: Array
    log_determinants: Array
    sound: bool


def refit(held: Array, counts: Array, first: Array, second: Array, pseudo: Array, ridge: Array) -> Refitted:
    """Return ``(second − first firstᵀ / held + pseudo) / counts + ridge`` for each component.

    Parameters
    ----------
    held : ndarray of shape (k,)
        The counts that moments were gathered with; where 0, there is no first moment.
    counts : ndarray of shape (k,)
        Above 0.
    first, second : ndarray of shapes (k, d) and (k, d, d)
        Moments about any points.
    pseudo : ndarray of shape (d, d) or (k, d, d)
    ridge : ndarray of shape (d,)
        Added to diagonals.
    """
    k, d = first.shape
    covariances, whitening, log_determinants = np.empty((k, d, d)), np.empty((k, d, d)), np.empty(k)
    pseudo = np.ascontiguousarray(pseudo)
    without = ctypes.c_int64()
    asked = _FullRefit(
        k, d, address_of(held, (k,)), address_of(counts, (k,)), address_of(first, (k, d)),
        address_of(second, (k, d, d)), address_of(pseudo, (k, d, d) if pseudo.ndim == 3 else (d, d)), pseudo.ndim == 3,
        address_of(ridge, (d,)), place_of(covariances), place_of(whitening), place_of(log_determinants),
    )  # fmt: skip
    native.call("gmmkit_full_refit", asked, without)
    return Refitted(covariances, whitening, log_determinants, without.value == 0)
