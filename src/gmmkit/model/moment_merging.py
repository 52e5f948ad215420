"""Several components in place of which one stands, of the same weight, mean and covariance.

    w = Σ w_j,   μ = Σ w_j μ_j / w,   Σ = Σ w_j (Σ_j + (μ_j − μ)(μ_j − μ)ᵀ) / w

Of all Gaussians the one nearest to them in Kullback–Leibler divergence (Runnalls, "Kullback-Leibler approach to
Gaussian mixture reduction", 2007, equations 2–4).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gmmkit.model.covariance import Full
from gmmkit.model.mixture import Mixture
from gmmkit.model.validity import gaussian_only
from gmmkit.numerics.arguments import partition

__all__ = ["merge_components"]


def merge_components(mixture: Mixture, groups: Sequence[Sequence[int]]) -> Mixture:
    """Return the mixture with each group of components replaced by one of the same weight, mean and covariance.

    The mean and covariance of the whole stay as they are. Components come in the order of the groups. The result is
    `Full`, since no other family holds every merged covariance, unless no group has more than one component.

    Parameters
    ----------
    mixture : Mixture
    groups : sequence of sequences of int
        Component numbers, each exactly once.

    Raises
    ------
    ParameterError
        If a group is empty, or a component does not exist, is in no group, or comes twice; if components are
        Student-t, of which none has the moments of several.

    Examples
    --------
    >>> m = Mixture([0.5, 0.25, 0.25], [[9.0], [-1.0], [1.0]], Full([[[1.0]], [[1.0]], [[1.0]]]))
    >>> merged = merge_components(m, [[1, 2], [0]])
    >>> merged.means.ravel(), merged.covariances.ravel()
    (array([0., 9.]), array([2., 1.]))
    """
    parts = partition(groups, mixture.n_components)
    if all(len(part) == 1 for part in parts):
        return mixture.take([part[0] for part in parts])
    noise = mixture.noise
    mixture = mixture.without_noise()
    gaussian_only(mixture, "a component in place of several")
    inside = mixture.into(mixture.frame)
    matrices = inside.covariance.dense()
    weights, means, merged = [], [], []
    for part in parts:
        total = float(inside.weights[part].sum())
        shares = inside.weights[part] / total if total > 0 else np.full(len(part), 1.0 / len(part))
        mean = shares @ inside.means[part]
        deviations = np.sqrt(shares)[:, None] * (inside.means[part] - mean)
        merged.append(np.tensordot(shares, matrices[part], axes=1) + deviations.T @ deviations)
        weights.append(total)
        means.append(mean)
    together = Mixture.trusted(np.array(weights), np.array(means), Full(np.array(merged)))
    merged_mixture = together.out_of(mixture.frame)
    return merged_mixture if noise is None else merged_mixture.beside(noise)
