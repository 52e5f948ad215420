"""What is added to the data's own scatter before a refit, and what it costs in the objective.

``reg_covar="auto"``: a maximum a posteriori fit with pseudo-scatter, W_k ← W_k + δ (n/k) Π(T), where T is the
pooled covariance of the data and Π its projection on the family. Its objective,

    log-likelihood − ½ δ (n/k) Σ_k tr(Π(T) Σ_k⁻¹),

never falls, and the fit is as equivariant as the family. Directions in which the data have no spread take no part
in it: all components have the same tiny variance there, or the component with most rows, whose pseudo-scatter is
shared by most, would look ever better and swallow the others. A number is scikit-learn's absolute ridge, added to the
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
    null : ndarray
        The contracted covariance of every component where the data have no spread.
    pseudo_rows : float
        ``δ n``, which keeps a component without rows as wide in null directions, in proportion, as in others.
    shared : bool
        Whether components share their covariance.
    ridge : ndarray of shape (d,)
    """

    scatter_total: Array
    null: Array
    pseudo_rows: float
    shared: bool
    ridge: Array

    @property
    def any(self) -> bool:
        """Whether anything but a ridge is added."""
        return bool(self.scatter_total.any() or self.null.any())

    def scatter(self, counts: Array) -> Array:
        """Return the pseudo-scatter of components that hold `counts` (k,): one for all of them, or one for each."""
        share = self.scatter_total / len(counts)
        if not self.null.any():
            return share
        held = counts + self.pseudo_rows / len(counts)
        if self.shared:
            return np.asarray(share + held.mean() * self.null)
        return np.asarray(share + np.multiply.outer(held, self.null))

    def penalty(self, covariance: Covariance) -> float:
        """Return what the prior takes from the log-likelihood."""
        if not self.scatter_total.any():
            return 0.0
        return 0.5 * covariance.trace_products(self.scatter_total / covariance.n_components)


def make_prior(problem: Problem, reg_covar: RegCovar) -> Prior:
    """Return the prior that `reg_covar` asks for."""
    d = problem.n_columns
    shared = problem.family.shares_covariance
    if reg_covar == "auto":
        null = problem.pooled.as_scatter() - problem.spread
        pseudo_rows = DELTA * problem.total_weight
        return Prior(pseudo_rows * problem.spread, null, pseudo_rows, shared, np.zeros(d))
    if isinstance(reg_covar, str) or not reg_covar >= 0:
        raise ParameterError(f"reg_covar must be 'auto' or a number that is not negative, but got {reg_covar!r}")
    with np.errstate(over="ignore", under="ignore"):
        ridge = float(reg_covar) * problem.frame.scale**2
    nothing = np.zeros(problem.family.contraction.scatter_shape(d))
    return Prior(nothing, nothing, 0.0, shared, ridge)
