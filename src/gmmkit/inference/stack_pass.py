"""One pass of a stack by array operations: scores of all components, softmax mixture by mixture, sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.stack import Stack, StackRows
from gmmkit.kernels.expanded import Features, pack

__all__ = ["Evaluation", "by_size", "evaluate", "features", "natural", "parts"]

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_LOG_2PI = float(np.log(2.0 * np.pi))
_BLOCK_VALUES = 1 << 18  # scores of one block: two megabytes
_NOTHING = -690.0
_EPSILON = float(np.finfo(np.float64).eps)
_ROUNDED = 1e-6


@dataclass(slots=True)
class Evaluation:
    """One pass at a stack: sums and objectives there."""

    stack: Stack
    sums: Array
    objective: Array
    log_likelihood: Array
    log_certainty: Array
    singular: NDArray[np.bool_]


def features(rows: StackRows) -> Array:
    """Return the features ψ (p, n) that scores of any structure are linear in."""
    d, n = rows.z.shape
    return Features.FULL.build(rows.z, np.empty((Features.FULL.size(d), n)))


def natural(rows: StackRows, stack: Stack) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Return Θ (K, p), the precisions, and which mixtures cannot be scored.

    Neither can those whose scores would be differences of numbers so large that they round to more than `_ROUNDED`.
    """
    d = stack.means.shape[1]
    factors, singular = _factored(stack.covariances)
    log_determinants = 2.0 * np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
    # By the factors, which have pivots wherever the columns' units are far apart.
    white = np.asarray(np.linalg.inv(factors), dtype=np.float64)
    precisions = white.swapaxes(1, 2) @ white
    linear = np.einsum("kij,kj->ki", precisions, stack.means)
    with np.errstate(divide="ignore"):
        constants = np.maximum(np.log(stack.weights), -1e300)
    constants = constants - 0.5 * (d * _LOG_2PI + log_determinants + np.einsum("ki,ki->k", stack.means, linear))
    theta = np.concatenate([constants[:, None], linear, pack(precisions)], axis=1)
    farthest = (rows.z**2).max(axis=1)
    singular |= _EPSILON * (np.diagonal(precisions, axis1=1, axis2=2) @ farthest) > _ROUNDED
    return theta, precisions, np.logical_or.reduceat(singular, stack.offsets[:-1])


def _factored(covariances: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return the Cholesky factors of covariances (K, d, d), unit matrices for those without, and which those are."""
    unit = np.eye(covariances.shape[1])
    singular: NDArray[np.bool_] = np.asarray(~np.isfinite(covariances).all(axis=(1, 2)))
    covariances = np.where(singular[:, None, None], unit, covariances)
    try:
        return np.asarray(np.linalg.cholesky(covariances), dtype=np.float64), singular
    except np.linalg.LinAlgError:
        factors = np.empty_like(covariances)
    for j, covariance in enumerate(covariances):
        try:
            factors[j] = np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError:
            factors[j], singular[j] = unit, True
    return factors, singular


def evaluate(rows: StackRows, psi: Array, stack: Stack) -> Evaluation:
    """Make one pass: score, assign and gather for all mixtures."""
    theta, precisions, singular = natural(rows, stack)
    sums = np.empty((len(theta), len(psi)))
    log_likelihood, log_certainty = np.empty(len(stack)), np.empty(len(stack))
    for chosen, flat in by_size(stack):
        k = int(stack.sizes[chosen[0]])
        for part, at in parts(flat, k, psi.shape[1]):
            scores = (theta[at] @ psi).reshape(len(part), k, -1)
            top = scores.max(axis=1)
            scores -= top[:, None]
            # Shares under 1e-300 are nothing, and subnormal numbers are many times slower.
            np.copyto(scores, -np.inf, where=scores < _NOTHING)
            np.exp(scores, out=scores)
            total = scores.sum(axis=1)
            weights = rows.weights if rows.weights.ndim == 1 else rows.weights[chosen[part]]
            scores *= (weights / total)[:, None]
            log_total = np.log(total)
            log_likelihood[chosen[part]] = ((top + log_total) * weights).sum(axis=1)
            # The largest share of each row is 1 / Σ exp(score − top).
            log_certainty[chosen[part]] = -(log_total * weights).sum(axis=1)
            sums[at] = (psi @ scores.reshape(len(at), -1).T).T
    owner = np.repeat(np.arange(len(stack)), stack.sizes)
    pseudo = rows.pseudo(stack.structures, stack.sizes)
    penalty = 0.5 * np.einsum("kij,kij->k", pseudo[owner], precisions)
    objective = (log_likelihood - np.add.reduceat(penalty, stack.offsets[:-1])) / rows.total_weight
    objective[singular] = -np.inf
    return Evaluation(stack, sums, objective, log_likelihood, log_certainty, singular)


def by_size(stack: Stack) -> list[tuple[Index, Index]]:
    """Return the mixtures of each size, and where their components lie (S_k, k)."""
    offsets = stack.offsets
    groups = []
    for k in np.unique(stack.sizes):
        chosen = np.flatnonzero(stack.sizes == k)
        groups.append((chosen, offsets[chosen, None] + np.arange(k)))
    return groups


def parts(flat: Index, k: int, n: int) -> list[tuple[Index, Index]]:
    """Cut the mixtures of one size into parts whose scores stay in cache."""
    most = max(1, _BLOCK_VALUES // (k * n))
    parts = []
    for start in range(0, len(flat), most):
        part = np.arange(start, min(start + most, len(flat)))
        parts.append((part, flat[part].ravel()))
    return parts
