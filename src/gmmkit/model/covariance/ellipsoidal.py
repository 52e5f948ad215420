"""Covariance matrices constrained together: proportional (VEE), turned (EEV), of equal shape (VEV) or volume (EVV).

Celeux & Govaert (1995), models [λ_k C], [λD_k A D_kᵀ], [λ_k D_k A D_kᵀ] and [λC_k].
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gmmkit.model.covariance.base import Equivariance, quotient
from gmmkit.model.covariance.full import Full, symmetric
from gmmkit.model.covariance.structured import Structured, begun, proportional, settle

__all__ = ["EEV", "EVV", "VEE", "VEV"]

Array = NDArray[np.float64]

# An eigenvalue below this share of the largest is rounding.
_NOTHING = 1e-15


class VEE(Structured, Full):
    """Matrices ``λ_k C`` of shape (k, d, d): ellipsoids of equal shape and orientation, each of its own size.

    Either is known given the other, ``C = Σ_k W_k / (n λ_k)`` and ``λ_k = tr(W_k C⁻¹) / (n_k d)``, so that no cycle
    lowers the likelihood, which has one maximum.

    Examples
    --------
    >>> VEE.solve(np.array([1.0, 1.0]), np.array([2.0 * np.eye(2), 8.0 * np.eye(2)])).round(6)[1]
    array([[8., 0.],
           [0., 8.]])
    """

    name = structure = "VEE"

    def marginal(self, columns: Sequence[int]) -> VEE:
        return VEE(super().marginal(columns).values)

    @classmethod
    def _maximise(cls, counts: Array, scatter: Array, previous: Array | None) -> Array:
        total, sizes = counts.sum(axis=-1), scatter.shape[-1] * counts

        def common(volumes: Array) -> Array:
            return quotient(quotient(scatter, volumes).sum(axis=-3), total)

        def cycle(volumes: Array) -> Array:
            inverse = _pseudo_inverse(common(volumes))
            return quotient(np.einsum("...kij,...ij->...k", scatter, inverse), sizes)

        volumes = settle(cycle, begun(None if previous is None else _volumes(previous), counts))
        return symmetric(volumes[..., None, None] * common(volumes)[..., None, :, :])


class EVV(Structured, Full):
    """Matrices of shape (k, d, d) with one determinant: ellipsoids of equal volume.

    ``Σ_k = λ W_k / v_k`` with ``v_k = |W_k|^(1/d)`` and ``λ = Σ_k v_k / n``.

    Examples
    --------
    >>> EVV.solve(np.array([1.0, 1.0]), np.array([np.diag([1.0, 4.0]), np.diag([16.0, 4.0])]))[0]
    array([[ 2.5,  0. ],
           [ 0. , 10. ]])
    """

    name = structure = "EVV"

    @classmethod
    def _maximise(cls, counts: Array, scatter: Array, previous: Array | None) -> Array:
        volumes = _volumes(scatter)
        common = volumes.sum(axis=-1) / counts.sum(axis=-1)
        return symmetric(quotient(scatter, volumes) * common[..., None, None, None])


class _Rotated(Structured, Full):
    """The axes of a component are the eigenvectors of its scatter; a subclass says how long they are."""

    equivariance: ClassVar[Equivariance] = "scalar"

    @classmethod
    def _maximise(cls, counts: Array, scatter: Array, previous: Array | None) -> Array:
        spread, axes = np.linalg.eigh(scatter)
        variances = cls._along_axes(counts, np.maximum(spread, 0.0), previous)
        return symmetric((axes * variances[..., None, :]) @ np.swapaxes(axes, -1, -2))

    @classmethod
    @abstractmethod
    def _along_axes(cls, counts: Array, spread: Array, previous: Array | None) -> Array:
        """Return the variances (..., k, d) along axes that scatters have this spread (..., k, d) along."""


class EEV(_Rotated):
    """Matrices of shape (k, d, d) with the same eigenvalues: one ellipsoid, turned.

    ``λA = Σ_k Ω_k / n``, Ω_k the eigenvalues of W_k in order of size.

    Examples
    --------
    >>> EEV.solve(np.array([1.0, 1.0]), np.array([np.diag([1.0, 4.0]), np.diag([16.0, 4.0])]))[0]
    array([[ 2.5,  0. ],
           [ 0. , 10. ]])
    """

    name = structure = "EEV"

    @classmethod
    def _along_axes(cls, counts: Array, spread: Array, previous: Array | None) -> Array:
        shared = quotient(spread.sum(axis=-2), counts.sum(axis=-1))
        return np.broadcast_to(shared[..., None, :], spread.shape)


class VEV(_Rotated):
    """Matrices of shape (k, d, d) with proportional eigenvalues: ellipsoids of one shape, turned, each of its own size.

    Examples
    --------
    >>> VEV.solve(np.array([1.0, 1.0]), np.array([np.diag([1.0, 4.0]), np.diag([16.0, 4.0])])).round(6)[1]
    array([[16.,  0.],
           [ 0.,  4.]])
    """

    name = structure = "VEV"

    @classmethod
    def _along_axes(cls, counts: Array, spread: Array, previous: Array | None) -> Array:
        return proportional(counts, spread, None if previous is None else _volumes(previous))


def _volumes(matrices: Array) -> Array:
    """Return ``|matrix|^(1/d)``, 0 where the determinant is not positive."""
    sign, logs = np.linalg.slogdet(matrices)
    return np.where(sign > 0, np.exp(logs / matrices.shape[-1]), 0.0)


def _pseudo_inverse(matrices: Array) -> Array:
    """Return inverses of positive semidefinite matrices (..., d, d), 0 in directions without extent."""
    sizes, axes = np.linalg.eigh(matrices)
    held = sizes > _NOTHING * sizes[..., -1:]
    inverse = np.divide(1.0, sizes, out=np.zeros_like(sizes), where=held)
    return np.asarray((axes * inverse[..., None, :]) @ np.swapaxes(axes, -1, -2))
