"""What is added to the data's own scatter before a refit, and what it costs in the objective.

``reg_covar="auto"``: a maximum a posteriori fit with pseudo-scatter, W_k ← W_k + δ (n/k) Π(T), where T is the
pooled covariance of the data and Π its projection on the family. Its objective,

    log-likelihood − ½ δ (n/k) Σ_k tr(Π(T) Σ_k⁻¹),

never falls, and the fit is as equivariant as the family. A number is scikit-learn's absolute ridge, added to the
diagonal after each refit; its objective is the plain log-likelihood and may fall by O(ridge).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError
from gmmkit.inference.problem import Problem
from gmmkit.model.covariance import Covariance

__all__ = ["DELTA", "Prior", "RegCovar", "make_prior"]

Array = NDArray[np.float64]
RegCovar = float | Literal["auto"]

DELTA = 1e-6


@dataclass(frozen=True, slots=True)
class Prior:
    """Pseudo-scatter for each component, and a ridge, in a problem's frame.

    Attributes
    ----------
    scatter_total : ndarray
        ``δ n Π(T)``, contracted; each of k components gets a k-th of it.
    ridge : ndarray of shape (d,)
    """

    scatter_total: Array
    ridge: Array

    def scatter(self, k: int) -> Array:
        """Return the pseudo-scatter of one of k components."""
        return self.scatter_total / k

    def penalty(self, covariance: Covariance) -> float:
        """Return what the prior takes from the log-likelihood."""
        if not self.scatter_total.any():
            return 0.0
        return 0.5 * covariance.trace_products(self.scatter(covariance.n_components))


def make_prior(problem: Problem, reg_covar: RegCovar) -> Prior:
    """Return the prior that `reg_covar` asks for."""
    d = problem.n_columns
    if reg_covar == "auto":
        return Prior(DELTA * problem.total_weight * problem.pooled.as_scatter(), np.zeros(d))
    if isinstance(reg_covar, str) or not reg_covar >= 0:
        raise ParameterError(f"reg_covar must be 'auto' or a number that is not negative, but got {reg_covar!r}")
    with np.errstate(over="ignore", under="ignore"):
        ridge = float(reg_covar) * problem.frame.scale**2
    return Prior(np.zeros(problem.family.contraction.scatter_shape(d)), ridge)
