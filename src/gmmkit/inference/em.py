"""Expectation–maximisation (Dempster, Laird & Rubin 1977) for a mixture of any covariance family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Block
from gmmkit.inference.algorithm import log_weights
from gmmkit.inference.combination import Remembered, combined
from gmmkit.inference.prior import Prior
from gmmkit.inference.problem import Assign, Begin, Problem, Totals, soft, softly
from gmmkit.inference.repairs import OnSingular, Repair, repair, singular_components
from gmmkit.model.covariance import Covariance, unconstrained
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import Scorer, Workspace
from gmmkit.statistics import Statistics

__all__ = ["EM", "mixture_of"]

Array = NDArray[np.float64]

# Components whose rows are all noise still have a weight.
_MOST_NOISE = 1.0 - 1e-12


@dataclass(frozen=True)
class EM:
    """Soft assignment, penalised maximum likelihood.

    Parameters
    ----------
    problem : Problem
    prior : Prior
    on_singular : {"floor", "reseed", "drop", "raise"}
    random : numpy.random.Generator
        Chooses where "reseed" puts a component.
    """

    problem: Problem
    prior: Prior
    on_singular: OnSingular = "floor"
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def sweep(self, state: Mixture) -> Totals:
        return self.problem.sweep(self.scorer(state), self.begin(state))

    def is_plain(self, state: Mixture) -> bool:
        """Tell whether passes share rows among all components, Gaussian and alone."""
        return state.noise is None

    def scorer(self, state: Mixture) -> Scorer:
        return Scorer(
            log_weights(state.weights) - self._unseen(state),
            state.means,
            state.covariance,
            self.problem.frame,
            degrees_of_freedom=state.degrees_of_freedom,
            log_noise=state.log_noise,
        )

    def begin(self, state: Mixture) -> Begin:
        return softly if state.noise is None else _softly_beside_noise

    def started(self, state: Mixture) -> Mixture:
        """Return a first state with all the parameters that this algorithm's states have."""
        return self.prior.started(state if state.degrees_of_freedom is None else state.changed(degrees_of_freedom=None))

    def objective(self, totals: Totals, state: Mixture) -> float:
        penalised = totals.row_sum - self.prior.penalty(state.without_noise())
        if self.prior.has_null:
            penalised -= self.prior.unseen_rows(state.n_components) * float(self._unseen(state).sum())
        return penalised / self.problem.total_weight + self.problem.frame.log_volume

    def _unseen(self, state: Mixture) -> Array:
        """Return what a row costs in directions without spread, where the prior gives it a tiny one, less m / 2.

        With N the scatter that a row is given in its m directions without spread: ``½ (tr(N Σ_k⁻¹) − m)``. It is 0
        where a covariance has just that size there, as any may in a family without constraints.
        """
        k, null = state.n_components, self.prior.null
        if not self.prior.has_null:
            return np.zeros(k)
        traces = [state.covariance.take([j]).trace_products(null) for j in range(k)]
        return 0.5 * (np.array(traces) - len(self.problem.null_directions))

    def refit(self, totals: Totals, state: Mixture, iteration: int) -> tuple[Mixture, list[Repair]]:
        most_likely, counts = self.maximise(totals, state)
        leaves = totals.leaves
        # Of many columns they take as much as the factors that are asked for next.
        del totals
        refitted, repairs = repair(
            most_likely,
            counts,
            self.problem,
            on_singular=self.on_singular,
            iteration=iteration,
            random=self.random,
        )
        annihilated = np.flatnonzero(refitted.weights == 0)
        if len(annihilated):
            # Only a Dirichlet prior below 1 takes all that a component holds.
            repairs += [Repair("annihilated", component=int(j), iteration=iteration) for j in annihilated]
            refitted = refitted.take(np.flatnonzero(refitted.weights))
        return _beside_noise(refitted, leaves, counts, state), repairs

    def remembered(self, totals: Totals, state: Mixture) -> Any:
        """Return what steps that are stretched remember of a pass at a state."""
        return Remembered.of(totals)

    def stretched(self, parts: Sequence[Any], coefficients: Sequence[float], plain: Mixture) -> Mixture | None:
        """Return the state that a combination of what is remembered of passes leads to, or None if it is not sound.

        `plain` is the last one's refit.
        """
        return self.refit_unrepaired(combined(parts, coefficients), plain)

    def refit_unrepaired(self, totals: Totals, state: Mixture) -> Mixture | None:
        """Return the next state of totals that are not a pass's own, or None if they are not sound.

        They may be extrapolated, or of some rows. Sound are counts above zero and positive definite scatters, with
        nothing to be repaired.
        """
        counted = [totals.statistics.counts, *(() if state.noise is None else (totals.leaves[-1],))]
        if not all((np.asarray(counts) > 0).all() for counts in counted):
            return None
        if not self._has_scatters(totals.statistics):
            return None
        found, counts = self.maximise(totals, state)
        leaves = totals.leaves
        del totals  # as `refit` does
        if not (counts > 0).all() or not (found.weights > 0).all() or not np.isfinite(found.means).all():
            return None
        if singular_components(found, counts, self.problem, self.on_singular):
            return None
        return _beside_noise(found, leaves, counts, state)

    def _has_scatters(self, statistics: Statistics) -> bool:
        """Tell whether scatters are positive definite, where what the structure makes of them does not tell."""
        prior, family = self.prior, self.problem.family
        if unconstrained(family) is family:
            return True
        informed = prior.informed(statistics)
        return _has_factors(
            unconstrained(family).refit(informed, prior.scatter(informed.positive_counts()), prior.ridge)
        )

    def maximise(self, totals: Totals, state: Mixture) -> tuple[Mixture, Array]:
        """Return the components that a pass asks for, noise left out, and what they hold (k,)."""
        return mixture_of(totals.statistics, self.problem, self.prior, state.covariance), totals.statistics.counts


def _beside_noise(components: Mixture, leaves: Sequence[Array], counts: Array, state: Mixture) -> Mixture:
    if state.noise is None:
        return components
    held = float(leaves[-1])
    share = held / (held + float(counts.sum()))
    return components.beside(state.noise.weighing(min(share, _MOST_NOISE)))


def _softly_beside_noise(_: int) -> Assign:
    return _soft_beside_noise


def _soft_beside_noise(scorer: Scorer, block: Block, work: Workspace) -> tuple[Array, Array, Array]:
    """Add, last of what else adds, how many rows are noise."""
    responsibilities, log_density = soft(scorer, block, work)
    noise = work.scored[-1]
    return responsibilities, log_density, np.asarray(noise.sum() if block.weights is None else block.weights @ noise)


def _has_factors(covariance: Covariance) -> bool:
    try:
        covariance.whitening  # noqa: B018
        return bool(np.isfinite(covariance.values).all())
    except np.linalg.LinAlgError:
        return False


def mixture_of(statistics: Statistics, problem: Problem, prior: Prior, previous: Covariance | None = None) -> Mixture:
    """Return the mixture that maximises the penalised likelihood of the statistics, in the problem's frame.

    `previous` is the covariance the statistics were gathered with, where an iterative refit begins.
    """
    informed = prior.informed(statistics)
    counts = statistics.positive_counts()
    seen = counts if informed is statistics else informed.positive_counts()
    covariance = problem.family.refit(informed, prior.scatter(seen), prior.ridge, previous)
    return Mixture.trusted(prior.weights(counts), informed.means(), covariance)
