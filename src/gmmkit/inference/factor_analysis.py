"""EM for mixtures of factor analysers: low-rank covariances Σ_k = Λ_k Λ_kᵀ + Ψ_k.

Each row's component and factors are unknown. Given responsibilities, weights and means x̄_k are those of any mixture;
with S_k the scatter about x̄_k over its count n_k, and β = E[f | x, k]'s matrix at the last parameters,

    E_k = (1 + S²)⁻¹ + β S_k βᵀ          mean of E[f fᵀ] over the rows
    Λ_k = S_k βᵀ E_k⁻¹ · L,  L Lᵀ = E_k
    Ψ_k = diag(S_k − S_k βᵀ E_k⁻¹ β S_k), projected on what noise may be

Of S_k only the diagonal and S_k βᵀ are needed, which a pass at these parameters gathers (`factor_pass.py`). Factors
with a covariance of their own are the expanded model (parameter expansion): L takes it into the loadings, with which
EM comes nearer to its optimum in each pass. Each step is exact for some part of the parameters given the others, so
the objective never falls. It is the penalised log-likelihood

    log-likelihood − ½ δ (n/k) Σ_k tr(Π(T) Ψ_k⁻¹),

where the prior holds up the noise alone: loadings need no help.

Sources: Ghahramani & Hinton, "The EM algorithm for mixtures of factor analyzers" (1996), equations 5 to 10; McLachlan &
Peel, "Finite Mixture Models" (2000), section 8.4 (conditional maximisation, means first); Liu, Rubin & Wu, "Parameter
expansion to accelerate EM: the PX-EM algorithm", Biometrika 85 (1998), section 4.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from gmmkit.inference.algorithm import log_weights
from gmmkit.inference.em import EM
from gmmkit.inference.factor_pass import factor_pass
from gmmkit.inference.factor_start import local_components
from gmmkit.inference.problem import Totals
from gmmkit.inference.repairs import Repair, repair
from gmmkit.model.covariance import FACTORS, Factor
from gmmkit.model.mixture import Mixture
from gmmkit.statistics import Statistics

__all__ = ["FactorAnalysis"]

Array = NDArray[np.float64]

# What leaves loadings without a component, or a component without loadings.
_MOVED = ("drop", "reseed")


@dataclass(frozen=True)
class FactorAnalysis(EM):
    """EM for factor analysers; the problem's family, of independent columns, is that of the noise.

    Parameters
    ----------
    n_factors : int
        q.
    """

    n_factors: int = 1

    def is_plain(self, state: Mixture) -> bool:
        return False

    def sweep(self, state: Mixture) -> Totals:
        return factor_pass(self.problem, state, log_weights(state.weights) - self._unseen(_of_noise(state)))

    def objective(self, totals: Totals, state: Mixture) -> float:
        return super().objective(totals, _of_noise(state))

    def started(self, state: Mixture) -> Mixture:
        """Return a first state with loadings: those it has, or each component's own principal axes."""
        if isinstance(state.covariance, Factor):
            return state
        loadings, residuals = local_components(self.problem, state, self.n_factors, self.random)
        counts = state.weights * self.problem.total_weight
        noise = self._noise(residuals * counts[:, None], counts, state.means)
        return state.changed(covariance=_factors(loadings, noise.covariance.variances(), self._structure))

    def refit(self, totals: Totals, state: Mixture, iteration: int) -> tuple[Mixture, list[Repair]]:
        loadings, residuals = _loadings(totals, state)
        own = totals.statistics
        counts = own.positive_counts()
        noise = self._noise(residuals, counts, own.means()).changed(weights=self.prior.weights(counts))
        options = {"on_singular": self.on_singular, "iteration": iteration, "random": self.random}
        repaired, repairs = repair(noise, own.counts, self.problem, **options)  # type: ignore[arg-type]
        gone, moved = ([r.component for r in repairs if r.kind == kind and r.component is not None] for kind in _MOVED)
        if gone:
            loadings = np.delete(loadings, gone, axis=0)
        if moved:
            # Loadings of 0 would stay so: they begin as those of the component with most rows.
            loadings[moved] = loadings[int(np.delete(counts, gone).argmax())]
        return repaired.changed(
            covariance=_factors(loadings, repaired.covariance.variances(), self._structure)
        ), repairs

    def refit_unrepaired(self, totals: Totals, state: Mixture) -> Mixture | None:
        """Return None: products with factor means are of one state, and cannot be combined with another's."""
        return None

    def remembered(self, totals: Totals, state: Mixture) -> Any:
        return state

    def stretched(self, parts: Sequence[Any], coefficients: Sequence[float], plain: Mixture) -> Mixture | None:
        """Return the state that a combination of states is, or None if it is none.

        Weights and noise variances are combined as logarithms. Loadings stand in their canonical order, which changes
        little from state to state; where it does, the objective falls, and the step is taken back.
        """
        parts = [*parts[1:], plain]
        if len({len(part.weights) for part in parts}) > 1 or not all((part.weights > 0).all() for part in parts):
            return None

        def combined(values: Callable[[Mixture], Array]) -> Array:
            return np.asarray(sum(c * values(part) for c, part in zip(coefficients, parts, strict=True)))

        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            weights = np.exp(combined(lambda part: np.log(part.weights)))
            noise = np.exp(combined(lambda part: np.log(_covariance(part).noise)))
            loadings, means = combined(lambda part: _covariance(part).loadings), combined(lambda part: part.means)
        found = Mixture.trusted(weights / weights.sum(), means, _factors(loadings, noise, self._structure))
        sound = all(np.isfinite(values).all() for values in (found.weights, means, found.covariance.values))
        return found if sound and (noise > 0).all() else None

    def _noise(self, residuals: Array, counts: Array, means: Array) -> Mixture:
        """Return a mixture of noise alone, of residual scatters (k, d) and counts; its weights are equal."""
        family, k = self.problem.family, len(counts)
        second = family.contraction(residuals, np.ones_like(residuals))
        statistics = Statistics(family.contraction, counts, np.zeros_like(means), second, means)
        covariance = family.refit(statistics, self.prior.scatter(counts), self.prior.ridge)
        return Mixture.trusted(np.full(k, 1.0 / k), means, covariance)

    @property
    def _structure(self) -> str:
        return self.problem.family.structure


def _covariance(state: Mixture) -> Factor:
    assert isinstance(state.covariance, Factor)
    return state.covariance


def _of_noise(state: Mixture) -> Mixture:
    """Return a state with its noise for covariances: all that a prior has to do with."""
    return state.changed(covariance=_covariance(state).noise_covariance())


def _factors(loadings: Array, noise: Array, structure: str) -> Factor:
    found: Factor = FACTORS[structure].of(loadings, noise)
    try:
        return found.canonical()
    except np.linalg.LinAlgError:
        return found  # what cannot be scored is said where it is


def _loadings(totals: Totals, state: Mixture) -> tuple[Array, Array]:
    """Return the loadings (k, d, q) that a pass asks for, and scatters of what they leave (k, d)."""
    covariance, own = _covariance(state), totals.statistics
    cross, factors = totals.leaves
    counts, means = own.positive_counts(), own.means()
    # About the new means: n S βᵀ.
    products = (cross - factors[:, :, None] * (means - own.reference)[:, None, :]).transpose(0, 2, 1)
    spread = counts[:, None] / (1.0 + covariance.squares)
    known = covariance.projections @ products
    known = 0.5 * (known + known.transpose(0, 2, 1))
    known[:, np.arange(spread.shape[1]), np.arange(spread.shape[1])] += spread
    roots = np.linalg.cholesky(known)
    found = np.stack([solve_triangular(root, p.T, lower=True).T for root, p in zip(roots, products, strict=True)])
    scatter = replace(own, counts=counts).scatter()
    residuals = np.maximum(scatter - np.einsum("kiq,kiq->ki", found, found), 0.0)
    return found / np.sqrt(counts)[:, None, None], residuals
