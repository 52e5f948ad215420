"""Student-t scores from Gaussian ones: a t is a Gaussian whose precision is drawn for each row.

    x | τ ~ N(μ, Σ / τ),  τ ~ Gamma(ν/2, ν/2)      so      x ~ t_ν(μ, Σ)
    log t_ν(x) = log N(μ; μ, Σ) + a_ν − ½ (ν + d) log(1 + δ/ν),      E[τ | x] = u = (ν + d) / (ν + δ)

with δ the squared distance of x from μ in the metric of Σ, which a Gaussian score tells, and
``a_ν = log Γ((ν + d)/2) − log Γ(ν/2) − ½ d log(ν/2)``. A ν of infinity is the Gaussian.

Source: Peel & McLachlan, "Robust mixture modelling using the t distribution", Statistics and Computing 10 (2000),
equations 4 and 20.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

__all__ = ["peak_offsets", "row_weights", "student_scores"]

Array = NDArray[np.float64]

# From here on the difference of two log Γ has lost more digits than the expansion leaves out.
_NEAR_GAUSSIAN = 1e5


def peak_offsets(degrees_of_freedom: Array, d: int) -> Array:
    """Return a_ν (k,): the log-density of a t in d columns at its centre, less a Gaussian's of the same scale."""
    nu = np.minimum(degrees_of_freedom, _NEAR_GAUSSIAN)
    exact = gammaln(0.5 * (nu + d)) - gammaln(0.5 * nu) - 0.5 * d * np.log(0.5 * nu)
    expansion = d * (d - 2.0) / (4.0 * degrees_of_freedom)
    return np.where(degrees_of_freedom < _NEAR_GAUSSIAN, exact, expansion)


def student_scores(distances: Array, peaks: Array, degrees_of_freedom: Array, d: int, out: Array) -> Array:
    """Write the scores (k, B) of rows at squared distances (k, B) from components with scores `peaks` (k,) there."""
    for j, nu in enumerate(degrees_of_freedom):
        if np.isinf(nu):
            np.multiply(distances[j], -0.5, out=out[j])
        else:
            np.divide(distances[j], nu, out=out[j])
            np.log1p(out[j], out=out[j])
            out[j] *= -0.5 * (nu + d)
        out[j] += peaks[j]
    return out


def row_weights(distances: Array, degrees_of_freedom: Array, d: int) -> Array:
    """Return u (k, B), how much each row counts for each component; written over `distances`."""
    for j, nu in enumerate(degrees_of_freedom):
        if np.isinf(nu):
            distances[j] = 1.0
        else:
            distances[j] += nu
            np.divide(nu + d, distances[j], out=distances[j])
    return distances
