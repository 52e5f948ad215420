"""What is added to the data's own scatter before a refit, and what it costs in the objective.

``reg_covar="auto"``: a maximum a posteriori fit with pseudo-scatter, W_k ← W_k + δ (n/k) Π(T), where T is the
pooled covariance of the data and Π its projection on the family. Its objective,

    log-likelihood − ½ δ (n/k) Σ_k tr(Π(T) Σ_k⁻¹),

never falls, and the fit is as equivariant as the family. Directions in which the data have no spread take no part
in it: all components have the same tiny variance there, or the component with most rows, whose pseudo-scatter is
shared by most, would look ever better and swallow the others. A number is scikit-learn's absolute ridge, added to the
diagonal after each refit; its objective is the plain log-likelihood and may fall by O(ridge).

A conjugate prior (`conjugate.py`) takes the place of "auto", which then only gives directions without spread their
tiny variance; a ridge is added all the same. Its objective is the log posterior, up to a constant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError
from gmmkit.inference.conjugate import Conjugate, ConjugatePrior
from gmmkit.inference.problem import Problem
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.lazy import lazy
from gmmkit.statistics import Statistics

__all__ = ["DELTA", "Prior", "RegCovar", "make_prior"]

Array = NDArray[np.float64]
RegCovar = float | Literal["auto"]

DELTA = 1e-6


@dataclass(frozen=True)
class Prior:
    """What is known before the data, in a problem's frame: pseudo-statistics, and a ridge.

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
    conjugate : Conjugate or None
    pseudo_counts : float
        Added to each component's count before weights are taken: α − 1 of a Dirichlet prior. Infinity holds all
        weights equal.
    """

    scatter_total: Array
    null: Array
    pseudo_rows: float
    shared: bool
    ridge: Array
    conjugate: Conjugate | None = None
    pseudo_counts: float = 0.0

    @lazy
    def has_scatter(self) -> bool:
        """Whether there is pseudo-scatter."""
        return bool(self.scatter_total.any())

    @lazy
    def has_null(self) -> bool:
        """Whether there are directions without spread."""
        return bool(self.null.any())

    @property
    def any(self) -> bool:
        """Whether anything but a ridge is added to scatters."""
        return self.has_scatter or self.has_null or self.conjugate is not None

    def informed(self, statistics: Statistics) -> Statistics:
        """Return the statistics that means and covariances are taken from: those of a conjugate prior added."""
        return statistics if self.conjugate is None else self.conjugate.informed(statistics)

    def scatter(self, counts: Array) -> Array:
        """Return the pseudo-scatter of components that hold `counts` (k,): one for all of them, or one for each."""
        share = self.scatter_total / len(counts)
        if self.conjugate is not None:
            share = share + self.conjugate.pseudo_scatter(len(counts))
        if not self.has_null:
            return share
        held = counts + self.pseudo_rows / len(counts)
        if self.shared:
            return np.asarray(share + held.mean() * self.null)
        return np.asarray(share + np.multiply.outer(held, self.null))

    def unseen_rows(self, k: int) -> float:
        """Return how many rows each of k components counts that were never seen."""
        return self.pseudo_rows / k + (0.0 if self.conjugate is None else self.conjugate.added(k))

    def weights(self, counts: Array) -> Array:
        """Return the most probable weights (k,) of components that hold `counts`; 0 where the prior takes it all."""
        if np.isinf(self.pseudo_counts):
            return np.full(len(counts), 1.0 / len(counts))
        held = np.maximum(counts + self.pseudo_counts, 0.0) if self.pseudo_counts else counts
        return np.asarray(held / held.sum())

    def started(self, state: Mixture) -> Mixture:
        """Return a first state with its weights as this prior holds them."""
        if not np.isinf(self.pseudo_counts):
            return state
        return replace(state, weights=self.weights(state.weights) * state.weights.sum())

    def penalty(self, state: Mixture) -> float:
        """Return what the prior takes from the log-likelihood."""
        taken = 0.0
        if self.has_scatter:
            taken += 0.5 * state.covariance.trace_products(self.scatter_total / state.n_components)
        if self.conjugate is not None:
            taken -= self.conjugate.log_density(state)
        if self.pseudo_counts and np.isfinite(self.pseudo_counts):
            taken -= self.pseudo_counts * float(np.log(state.weights[state.weights > 0]).sum())
        return taken


def make_prior(
    problem: Problem,
    reg_covar: RegCovar,
    conjugate: ConjugatePrior | None = None,
    *,
    equal_weights: bool = False,
) -> Prior:
    """Return the prior that `reg_covar`, a conjugate prior and equal weights come to."""
    d = problem.n_columns
    shared = problem.family.shares_covariance
    nothing = np.zeros(problem.family.contraction.scatter_shape(d))
    framed = None if conjugate is None else conjugate.framed(problem)
    pseudo_counts = 0.0 if conjugate is None else (conjugate.concentration - 1.0) / problem.rows_per_weight
    if equal_weights:
        if pseudo_counts:
            raise ParameterError(
                "equal_weights=True leaves no weights to estimate, but the prior asks for a concentration of "
                f"{conjugate.concentration:g}: give one of them"  # type: ignore[union-attr]
            )
        pseudo_counts = np.inf
    if reg_covar == "auto":
        null = problem.pooled.as_scatter() - problem.spread if len(problem.null_directions) else nothing
        if framed is not None:
            return Prior(nothing, null, 0.0, shared, np.zeros(d), framed, pseudo_counts)
        pseudo_rows = DELTA * problem.total_weight
        return Prior(pseudo_rows * problem.spread, null, pseudo_rows, shared, np.zeros(d), None, pseudo_counts)
    if isinstance(reg_covar, str) or not reg_covar >= 0:
        raise ParameterError(f"reg_covar must be 'auto' or a number that is not negative, but got {reg_covar!r}")
    with np.errstate(over="ignore", under="ignore"):
        ridge = float(reg_covar) * problem.frame.scale**2
    return Prior(nothing, nothing, 0.0, shared, ridge, framed, pseudo_counts)
