"""The order of components: the same for the same data, however they were found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.model.mixture import Mixture

__all__ = ["component_order", "ordered", "principal_order"]


def ordered(mixture: Mixture) -> Mixture:
    """Return the mixture with its components in an order that the same data always give."""
    return mixture if mixture.n_components == 1 else mixture.reordered(component_order(mixture))


def component_order(mixture: Mixture) -> NDArray[np.intp]:
    """Return the order (k,) of components along the principal axis of their means."""
    # With noise the weights sum to less than 1: exactly 1 without.
    centre = None if mixture.noise is None else mixture.frame.shift
    return principal_order(mixture.weights, mixture.means, centre)


def principal_order(
    weights: NDArray[np.float64], means: NDArray[np.float64], centre: NDArray[np.float64] | None = None
) -> NDArray[np.intp]:
    """Return the order (…, k) of means (…, k, d) along their principal axis.

    The axis is the direction of largest spread about the centre (…, d), the weighted mean of them unless told, its
    sign such that its largest loading is positive; ties are broken by the means themselves, column by column.
    """
    if means.shape[-2] == 1:
        return np.zeros(weights.shape, dtype=np.intp)
    if centre is None:
        centre = (weights[..., None, :] @ means)[..., 0, :]
    deviations = means - centre[..., None, :]
    _, _, axes = np.linalg.svd(np.sqrt(weights)[..., None] * deviations, full_matrices=False)
    axis = axes[..., 0, :].reshape(-1, means.shape[-1])
    largest = axis[np.arange(len(axis)), np.abs(axis).argmax(axis=-1)]
    axis = (axis * np.where(largest < 0, -1.0, 1.0)[:, None]).reshape(*means.shape[:-2], means.shape[-1], 1)
    along = (means @ axis)[..., 0]
    columns = (means[..., j] for j in reversed(range(means.shape[-1])))
    return np.lexsort((*columns, along.round(12)), axis=-1)
