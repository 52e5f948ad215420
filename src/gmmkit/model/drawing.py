"""Rows drawn from a mixture, component by component.

x = μ + √(ν / s) L e,   e ~ N(0, I),  s ~ χ²_ν        is Student-t with scale Σ = L Lᵀ
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gmmkit.numerics.arguments import whole

if TYPE_CHECKING:
    from gmmkit.model.mixture import Mixture

__all__ = ["draw", "stretches"]

Array = NDArray[np.float64]


def draw(mixture: Mixture, n_rows: int, random: np.random.Generator) -> tuple[Array, NDArray[np.intp]]:
    """Return rows (n, d) and the components they came from (n,), grouped by component; noise, −1, comes last."""
    n_rows = whole("n_rows", n_rows, 1)
    noise = mixture.noise
    shares = mixture.weights if noise is None else np.append(mixture.weights, noise.weight)
    counts = random.multinomial(n_rows, shares / shares.sum())
    n_noise = 0 if noise is None else int(counts[-1])
    counts = counts[: mixture.n_components]
    components = np.repeat(np.arange(mixture.n_components), counts)
    rows = random.standard_normal((len(components), mixture.n_features))
    if mixture.degrees_of_freedom is not None:
        # Standard rows are stretched before they are coloured: the same, and of all components at once.
        rows *= stretches(mixture.degrees_of_freedom[components], random)[:, None]
    scaled = mixture.into(mixture.frame)
    start = 0
    for j, count in enumerate(counts):
        rows[start : start + count] = scaled.covariance.colour(rows[start : start + count], j) + scaled.means[j]
        start += count
    rows = mixture.frame.points_out(rows)
    if noise is None or not n_noise:
        return rows, components
    rows = np.concatenate([rows, noise.sample(n_noise, random)])
    return rows, np.concatenate([components, np.full(n_noise, -1)])


def stretches(degrees_of_freedom: Array, random: np.random.Generator) -> Array:
    """Draw ``√(ν / χ²_ν)`` for each of the degrees of freedom: 1 for a ν of infinity."""
    finite = np.isfinite(degrees_of_freedom)
    nu = np.where(finite, degrees_of_freedom, 1.0)
    return np.where(finite, np.sqrt(nu / random.chisquare(nu)), 1.0)
