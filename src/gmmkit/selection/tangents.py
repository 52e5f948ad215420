"""How covariances can change within their family: directions that span its tangent space.

With Σ_k = λ_k D_k A_k D_kᵀ (Celeux & Govaert 1995), volumes, shapes and orientations vary along

    Σ_k      D_k λ_k A_k (e_i e_iᵀ − I / d) D_kᵀ      u_i u_jᵀ − u_j u_iᵀ = G:  G Σ_k − Σ_k G

for all components at once where a structure's letter is E, for each by itself where it is V, not at all where it is I.
Orientations turn in the planes of the axes u of each component, or of one set of axes for all.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gmmkit.model.covariance import Covariance

__all__ = ["covariance_tangents"]

Array = NDArray[np.float64]


def covariance_tangents(covariance: Covariance) -> Array:
    """Return directions (p, k, d, d) of the covariances within their family; p is its number of parameters.

    Examples
    --------
    >>> from gmmkit.model.covariance import family
    >>> covariance_tangents(family("EEE").identity(2, 3)).shape
    (6, 2, 3, 3)
    """
    dense = covariance.dense()
    k, d, _ = dense.shape
    volume, shape, orientation = tuple(covariance.structure)
    if shape != "I" and orientation != "I" and (shape, orientation) in (("V", "V"), ("E", "E")):
        # No relation between axes and shape: any symmetric matrix, for all or for each, in units of the volume.
        return np.array(list(_symmetric(dense, volume, shape)))
    directions = list(_for(volume, dense))
    if shape != "I":
        axes = np.broadcast_to(np.eye(d), dense.shape) if orientation == "I" else _axes(dense, orientation)
        for i in range(d - 1):
            along = axes[:, :, i, None] * axes[:, None, :, i]
            variance = np.einsum("kij,kij->k", along, dense)[:, None, None]
            directions += _for(shape, along * variance - dense / d)
        if orientation != "I":
            for i in range(d):
                for j in range(i):
                    turn = axes[:, :, i, None] * axes[:, None, :, j]
                    turn = turn - turn.transpose(0, 2, 1)
                    directions += _for(orientation, turn @ dense - dense @ turn)
    return np.array(directions).reshape(-1, k, d, d)


def _for(letter: str, direction: Array) -> Iterator[Array]:
    """Yield a direction (k, d, d) for all components, or one for each."""
    if letter == "E":
        yield direction
        return
    for component in range(len(direction)):
        alone = np.zeros_like(direction)
        alone[component] = direction[component]
        yield alone


def _symmetric(dense: Array, volume: str, shape: str) -> Iterator[Array]:
    """Yield directions of free volume-normalised matrices, and of the volumes: EEE, VEE, EVV and VVV."""
    d = dense.shape[1]
    factors = np.linalg.cholesky(dense)
    if shape == "E":
        # One matrix for all, up to volumes: the same change in the metric of that matrix.
        scale = np.exp(np.linalg.slogdet(dense)[1] / d)
        factors = factors[:1] * np.sqrt(scale / scale[0])[:, None, None]
    yield from _for(volume, dense)
    for i in range(d):
        for j in range(i + 1):
            change = np.zeros((d, d))
            change[i, j] = change[j, i] = 1.0
            if i == j:
                if i == d - 1:
                    continue  # the trace is the volume's
                change -= np.eye(d) / d
            yield from _for(shape, factors @ change @ factors.transpose(0, 2, 1))


def _axes(dense: Array, orientation: str) -> Array:
    """Return the axes (k, d, d), columns: each component's by size, or those that all have in common."""
    if orientation == "V":
        return np.asarray(np.linalg.eigh(dense)[1])
    k = len(dense)
    # A sum with weights that no two axes are likely to tie in.
    mixed = np.einsum("k,kij->ij", np.sqrt(np.arange(2.0, k + 2.0)) / np.trace(dense, axis1=1, axis2=2), dense)
    return np.broadcast_to(np.linalg.eigh(mixed)[1], dense.shape)
