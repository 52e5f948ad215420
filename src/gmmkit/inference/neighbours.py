"""Partitions one split or one merge away from those that fitted mixtures make."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.stack import Index, Stack

__all__ = ["merged", "split"]

Array = NDArray[np.float64]
Labels = NDArray[np.int32]


def split(stack: Stack, z: Array, labels: Labels, white: Array) -> tuple[Index, Labels]:
    """Cut each group in two: at its component's mean, across the direction in which its rows are widest.

    With y a row less the mean in the metric, that is the first axis of ``Σ |y|² y yᵀ``, which for normal rows is the
    covariance's. The covariance itself may be round in the metric of all rows, as it is of one component, and as that
    which components share is in all directions but between them: rounding would choose, and a map of the data change.

    Parameters
    ----------
    stack : Stack
        S mixtures.
    z : ndarray of shape (d, n)
    labels : ndarray of shape (S, n)
        The rows' most probable components.
    white : ndarray of shape (S, d, d)
        W with ``Wᵀ W`` the metric that widths are measured in.

    Returns
    -------
    owner : ndarray of shape (P,)
        The mixture each partition comes from.
    partitions : ndarray of shape (P, n)
    """
    owner = np.repeat(np.arange(len(stack)), stack.sizes)
    within = np.arange(len(owner)) - stack.offsets[owner]
    own_white = white[owner]
    axes = np.linalg.eigh(_fourth_moments(stack, z, labels, white))[1][:, :, -1]
    across = np.einsum("kij,ki->kj", own_white, axes)
    beyond = across @ z > np.einsum("ki,ki->k", across, stack.means)[:, None]
    own = labels[owner] == within[:, None]
    cut = own & beyond
    found = np.flatnonzero(cut.any(axis=1) & (own & ~beyond).any(axis=1))
    owner, cut = owner[found], cut[found]
    return owner, np.where(cut, stack.sizes[owner, None].astype(np.int32), labels[owner])


def _fourth_moments(stack: Stack, z: Array, labels: Labels, white: Array) -> Array:
    """Return Σ |y|² y yᵀ (K, d, d) over each component's rows."""
    component = stack.offsets[:-1, None] + labels
    y = (z.T - stack.means[component]) @ white.swapaxes(1, 2)
    heavy = y * (y**2).sum(axis=2, keepdims=True)
    flat, d = component.ravel(), len(z)
    moments = np.empty((len(stack.weights), d, d))
    for i in range(d):
        for j in range(i + 1):
            products = (heavy[:, :, i] * y[:, :, j]).ravel()
            moments[:, i, j] = moments[:, j, i] = np.bincount(flat, products, len(moments))
    return moments


def merged(stack: Stack, labels: Labels, white: Array, n_pairs: int) -> tuple[Index, Labels]:
    """Join two groups: for each mixture the pairs whose union adds least to the scatter within.

    Parameters
    ----------
    stack : Stack
        S mixtures.
    labels : ndarray of shape (S, n)
    white : ndarray of shape (S, d, d)
    n_pairs : int

    Returns
    -------
    owner : ndarray of shape (P,)
    partitions : ndarray of shape (P, n)
    """
    widest = int(stack.sizes.max(initial=1))
    names = np.arange(widest, dtype=np.int32)
    at = stack.offsets[:-1, None] + np.minimum(names, stack.sizes[:, None] - 1)
    held, means = stack.weights[at], stack.means[at] @ white.swapaxes(1, 2)
    first, second = np.triu_indices(widest, 1)
    pooled = held[:, first] * held[:, second] / np.maximum(held[:, first] + held[:, second], 1e-300)
    cost = pooled * ((means[:, first] - means[:, second]) ** 2).sum(axis=2)
    cost[second >= stack.sizes[:, None]] = np.inf
    pairs = np.argsort(cost, axis=1, kind="stable")[:, :n_pairs]
    owner, place = np.nonzero(np.isfinite(np.take_along_axis(cost, pairs, axis=1)))
    i, j = first[pairs[owner, place], None], second[pairs[owner, place], None]
    renamed = np.where(names == j, i, names - (names > j)).astype(np.int32)
    return owner, renamed[np.arange(len(owner))[:, None], labels[owner]]
