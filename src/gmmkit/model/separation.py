"""How far apart the components of a mixture are, in standard deviations.

    s_jk² = (μ_j − μ_k)ᵀ ((Σ_j + Σ_k) / 2)⁻¹ (μ_j − μ_k)

Two components of equal weight and covariance have two modes only where s > 2 along the line between them (Ray &
Lindsay 2005), and overlap in less than 5 % of their rows where s > 3.3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.model.mixture import Mixture

__all__ = ["separation"]


def separation(mixture: Mixture) -> NDArray[np.float64]:
    """Return the distance of each two components (k, k), in standard deviations of their average covariance.

    Examples
    --------
    >>> from gmmkit.model.covariance import Spherical
    >>> separation(Mixture([0.5, 0.5], [[0.0], [4.0]], Spherical([1.0, 1.0], n_features=1)))
    array([[0., 4.],
           [4., 0.]])
    """
    framed = mixture.into(mixture.frame)
    covariances = framed.covariance.dense()
    k = mixture.n_components
    distances = np.zeros((k, k))
    for j in range(k):
        # One row at a time: k² matrices at once would be too many.
        difference = framed.means[j + 1 :] - framed.means[j]
        average = (covariances[j + 1 :] + covariances[j]) / 2.0
        solved = np.linalg.solve(average, difference[:, :, None])[:, :, 0]
        distances[j, j + 1 :] = np.sqrt((difference * solved).sum(axis=1))
    return distances + distances.T
