"""What families with constraints between components share: volumes, equal shapes, and what breaks a constraint.

A covariance is written ``Σ_k = λ_k D_k A_k D_kᵀ`` (Banfield & Raftery 1993; Celeux & Govaert 1995): volume
``λ_k = |Σ_k|^(1/d)``, shape A_k diagonal with determinant 1, orientation D_k orthogonal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gmmkit.model.covariance.base import Covariance, quotient

__all__ = ["Structured", "geometric_mean", "proportional", "settle"]

Array = NDArray[np.float64]

#: An iteration ends when no volume changes by more than this share of it in a cycle, or after so many cycles.
TOLERANCE = 1e-9
MOST_CYCLES = 200
#: Volumes without bound, as where most rows have no extent in some direction, end here, and those that vanish at its
#: inverse: nothing overflows in a cycle. Variances end here too; where one does, shapes are not quite equal.
LARGEST = 1e150

#: What the arrays of a user may be off, relative to the sizes compared.
ALLOWED = 1e-6


class Structured(Covariance):
    """A family whose covariances, one for each component, are constrained together."""

    def _nearest(self, values: Array) -> Self:
        # In the Kullback–Leibler divergence from the values, each component counting alike.
        return type(self)(self.solve(np.ones(self.n_components), values, self.values))

    def marginal(self, columns: Sequence[int]) -> Covariance:
        # What is equal of ellipsoids need not be of their shadows, unless a family says so.
        part = super().marginal(columns)  # type: ignore[safe-super]
        return type(self)(part.values) if len(columns) == self.n_features else part

    def violation(self) -> str | None:
        volume, shape, orientation = tuple(self.structure)
        volumes = np.exp(self.log_determinants / self.n_features)
        found = _unequal("volumes |Σ|^(1/d)", np.log(volumes)[:, None]) if volume == "E" else None
        if found or shape != "E":
            return found
        unit = quotient(self.values, volumes)
        if self.independent_columns:
            return _unequal("shapes (variances over their volume)", np.log(unit))
        if orientation == "V":
            return _unequal("shapes (eigenvalues over their volume)", np.log(np.linalg.eigvalsh(unit)))
        return _unequal("shapes or orientations (covariances over their volume)", unit)


def _unequal(what: str, values: Array) -> str | None:
    """Say which two components differ most in values (k, ...) that should be equal, logarithms or of unit size."""
    flat = values.reshape(len(values), -1)
    off = np.abs(flat - flat[0]).max(axis=1) / max(1.0, float(np.abs(flat[0]).max()))
    j = int(off.argmax())
    return f"the {what} of components 0 and {j} differ" if off[j] > ALLOWED else None


def geometric_mean(spread: Array) -> Array:
    """Return the geometric means of the last axis of values that are not negative."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(np.log(spread).mean(axis=-1)))


def settle(cycle: Callable[[Array], Array], volumes: Array) -> Array:
    """Repeat a cycle on volumes (..., k) until each problem's have settled; one that has is left alone."""
    moving = np.ones(volumes.shape[:-1], dtype=bool)
    for _ in range(MOST_CYCLES):
        new = cycle(volumes)
        moving &= ((new < LARGEST) & ((new > 1.0 / LARGEST) | (new <= 0))).all(axis=-1)
        change = np.abs(new - volumes) > TOLERANCE * new
        volumes = np.where(moving[..., None], new, volumes)
        moving &= change.any(axis=-1)
        if not moving.any():
            break
    return volumes


def proportional(counts: Array, spread: Array, volumes: Array | None) -> Array:
    """Return the most likely variances ``λ_k a_j`` (..., k, d), an equal shape with own volumes.

    Either is known given the other (Celeux & Govaert 1995, models [λ_k B] and [λ_k D_k A D_kᵀ]):

        a_j = Σ_k w_kj / (n λ_k)        λ_k = Σ_j w_kj / (n_k d a_j)

    so that no cycle lowers the likelihood, which has one maximum.

    Parameters
    ----------
    counts : ndarray of shape (..., k)
    spread : ndarray of shape (..., k, d)
        Scatter along each axis.
    volumes : ndarray of shape (..., k), optional
        Where to begin.
    """
    total, sizes = counts.sum(axis=-1), spread.shape[-1] * counts

    def shape(volumes: Array) -> Array:
        return quotient(quotient(spread, volumes).sum(axis=-2), total)

    def cycle(volumes: Array) -> Array:
        shapes = np.broadcast_to(shape(volumes)[..., None, :], spread.shape)
        return quotient(quotient(spread, shapes).sum(axis=-1), sizes)

    volumes = settle(cycle, begun(volumes, counts))
    with np.errstate(over="ignore"):  # of volumes that ran away
        return np.minimum(volumes[..., None] * shape(volumes)[..., None, :], LARGEST)


def begun(volumes: Array | None, counts: Array) -> Array:
    """Return volumes (..., k) to begin with: those known that are positive, 1 elsewhere."""
    if volumes is None:
        return np.ones(counts.shape)
    return np.where(volumes > 0, volumes, 1.0)
