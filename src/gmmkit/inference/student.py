"""EM for Student-t components: Gaussian components whose precision differs from row to row.

    u_ik = (ν_k + d) / (ν_k + δ_ik)                     what row i counts for component k
    μ_k  = Σ r u x / Σ r u                              Σ_k from the scatter Σ r u (x − μ)(x − μ)ᵀ over Σ r
    log(ν/2) − ψ(ν/2) + 1 + E[log τ − τ] = 0            E[log τ] = log u + ψ((ν′ + d)/2) − log((ν′ + d)/2)

ν′ is the last pass's. The scale is then divided by one α for all components, that by which the rows' precisions are
off from the mean 1 which their law has: `parameter expansion`, which saves most of the passes that heavy tails take.
α is 1 where the fit has converged; each step maximises the expected likelihood of the expanded model in turn, so that
the objective never falls.

Sources: Peel & McLachlan, "Robust mixture modelling using the t distribution", Statistics and Computing 10 (2000); Liu
& Rubin, "ML estimation of the t distribution using EM and its extensions, ECM and ECME", Statistica Sinica 5 (1995);
Kent, Tyler & Vardi, "A curious likelihood identity for the multivariate t-distribution", Communications in Statistics
B 23 (1994); Liu, Rubin & Wu, "Parameter expansion to accelerate EM: the PX-EM algorithm", Biometrika 85 (1998).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, polygamma

from gmmkit.data.table import Block
from gmmkit.inference.em import EM
from gmmkit.inference.problem import Begin, Totals
from gmmkit.kernels.student import row_weights
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import Scorer, Workspace
from gmmkit.model.validity import checked_degrees
from gmmkit.numerics.roots import roots

__all__ = ["Degrees", "StudentEM", "n_estimated"]

Array = NDArray[np.float64]
#: Degrees of freedom: estimated, one for all components or one for each, or known.
Degrees = Literal["common", "free"] | float | Sequence[float]

# Below 1 the likelihood has no bound where few rows coincide (Fernández & Steel 1999): it takes a share of ν / (ν + d)
# of a component's rows. From a thousand on no data tell a t from a Gaussian.
_LOWEST, _HIGHEST = 1.0, 1e3
_START = 10.0
_SMALLEST_WEIGHT = 1e-300


def n_estimated(degrees: Degrees | None, k: int) -> int:
    """Return how many degrees of freedom are parameters of a fit."""
    return {"common": 1, "free": k}[degrees] if isinstance(degrees, str) else 0


@dataclass(frozen=True)
class StudentEM(EM):
    """EM for Student-t components.

    Parameters
    ----------
    degrees : "common", "free", float or sequence of float
    """

    degrees: Degrees = "common"

    def started(self, state: Mixture) -> Mixture:
        k = state.n_components
        if not isinstance(self.degrees, str):
            known = checked_degrees(self.degrees, k)
        elif state.degrees_of_freedom is None:
            known = np.full(k, _START)
        else:
            known = np.clip(state.degrees_of_freedom, _LOWEST, _HIGHEST)
            known = np.full(k, state.weights @ known / state.weights.sum()) if self.degrees == "common" else known
        return super().started(state).changed(degrees_of_freedom=known)

    def is_plain(self, state: Mixture) -> bool:
        return False

    def begin(self, state: Mixture) -> Begin:
        softly, d = super().begin(state), state.n_features
        nu = state.degrees_of_freedom
        assert nu is not None
        half = 0.5 * (np.where(np.isfinite(nu), nu, 1.0) + d)
        # With it a leaf says all there is to say of τ: of passes with other degrees of freedom it can be averaged.
        beyond = np.where(np.isfinite(nu), digamma(half) - np.log(half), 0.0)

        def weigh(scorer: Scorer, block: Block, work: Workspace) -> tuple[Array, ...]:
            """Add counts and ``Σ r E[log τ]`` (2, k) to what else adds, and let each row count u times."""
            responsibilities, log_density, *beside = softly(len(block.rows))(scorer, block, work)
            u = row_weights(work.distances, nu, d)
            held = np.ones(len(block.rows)) if block.weights is None else block.weights
            logs = np.einsum("kb,kb,b->k", responsibilities, np.log(np.maximum(u, _SMALLEST_WEIGHT)), held)
            counts = responsibilities @ held
            responsibilities *= u
            return responsibilities, log_density, np.stack([counts, logs + counts * beyond]), *beside

        return lambda _: weigh

    def maximise(self, totals: Totals, state: Mixture) -> tuple[Mixture, Array]:
        weighed, prior, family = totals.statistics, self.prior, self.problem.family
        counts, logs = totals.leaves[0]
        positive = replace(weighed, counts=counts).positive_counts()
        informed = prior.informed(weighed)
        centred = informed.about(informed.means())
        # Rows count u times for means and scatters, and once for what scatters are divided by.
        held = replace(centred, counts=centred.counts - weighed.counts + counts, first=np.zeros_like(centred.first))
        covariance = family.refit(held, prior.scatter(held.positive_counts()), prior.ridge, state.covariance)
        mixture = Mixture.trusted(prior.weights(positive), held.reference, covariance, state.degrees_of_freedom)
        alpha = self._expansion(mixture, positive, weighed.counts)
        if alpha != 1.0:
            mixture = mixture.changed(covariance=covariance.rescaled(np.full(mixture.n_features, alpha**-0.5)))
        degrees = self._degrees(state, positive, logs, weighed.counts, alpha)
        return mixture.changed(degrees_of_freedom=degrees), np.asarray(counts)

    def _expansion(self, mixture: Mixture, counts: Array, weighed: Array) -> float:
        """Return α, the root of ``p α² + Σ ν n α − Σ ν n ū``, with p twice what the pseudo-scatter costs at 1."""
        nu, prior = mixture.degrees_of_freedom, self.prior
        assert nu is not None
        if prior.conjugate is not None or prior.has_null or np.isinf(nu).any():
            return 1.0
        n, u = float(nu @ counts), float(nu @ weighed)
        p = 0.0
        if prior.has_scatter:
            try:
                p = mixture.covariance.trace_products(prior.scatter_total / mixture.n_components)
            except np.linalg.LinAlgError:
                return 1.0  # to be repaired first
        # Divided by n, whose square may be too large a number.
        return float(2.0 * (u / n) / (1.0 + np.sqrt(1.0 + 4.0 * (p / n) * (u / n))))

    def _degrees(self, state: Mixture, counts: Array, logs: Array, weighed: Array, alpha: float) -> Array:
        """Return the degrees of freedom (k,) that maximise the expected likelihood."""
        old = state.degrees_of_freedom
        assert old is not None
        if not isinstance(self.degrees, str):
            return old
        known = 1.0 + logs / counts - np.log(alpha) - weighed / counts / alpha
        if self.degrees == "common":
            known = np.array([known @ counts / counts.sum()])

        def residual(nu: Array, which: NDArray[np.intp]) -> tuple[Array, Array]:
            half = 0.5 * nu
            return digamma(half) - np.log(half) - known[which], 0.5 * polygamma(1, half) - 1.0 / nu

        m = len(known)
        found = roots(residual, np.full(m, _LOWEST), np.full(m, _HIGHEST), old[:m], 1e-14)
        return np.broadcast_to(found, old.shape).copy() if self.degrees == "common" else found
