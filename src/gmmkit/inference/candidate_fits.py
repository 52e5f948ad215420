"""One candidate's fit by itself: from a tournament's winner, from named starts, or from a start of the caller's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gmmkit.data.table import Table
from gmmkit.errors import GmmkitError
from gmmkit.execution import Workers
from gmmkit.inference.acceleration import Squarem
from gmmkit.inference.diagnosis import diagnose
from gmmkit.inference.fit import FitResult, FitSettings, fit
from gmmkit.inference.moves import best_split
from gmmkit.inference.prior import Prior, make_prior
from gmmkit.inference.problem import Problem
from gmmkit.inference.repairs import OnSingular, Repair
from gmmkit.inference.sampling import sample_rows
from gmmkit.inference.starts import FromMixture, Named, Start
from gmmkit.inference.stopping import AitkenGain
from gmmkit.inference.survey import Survey
from gmmkit.inference.tournament import SAME_OPTIMUM
from gmmkit.inference.warm_up import MiniBatches
from gmmkit.inference.winners import Cell
from gmmkit.model.covariance import family
from gmmkit.model.evaluation import Likelihood, likelihood
from gmmkit.model.mixture import Mixture

__all__ = ["SHORT_GAIN", "CandidateFits", "Fitted"]

#: Gain to come at which a short run ends, whose outcomes are compared.
SHORT_GAIN = 1e-4
_SHORT_PASSES = 15


@dataclass(frozen=True, slots=True)
class Fitted:
    """One candidate's fit, or why there is none.

    Attributes
    ----------
    cell : tuple of str and int
    result : FitResult or None
    likelihood : Likelihood or None
        At the fitted parameters.
    tried, reached : int
        Starts that were run, and how many of them came out at this optimum.
    error : str or None
    """

    cell: Cell
    result: FitResult | None = None
    likelihood: Likelihood | None = None
    tried: int = 0
    reached: int = 0
    error: str | None = None


@dataclass(slots=True)
class CandidateFits:
    """Fits of one candidate at a time, and what all of them need."""

    table: Table
    surveyed: Survey
    workers: Workers
    settings: FitSettings
    smallest_eigenvalue: float
    interrupted: bool = False
    _smaller: FitResult | None = None

    @property
    def fitting(self) -> FitSettings:
        """How fits are made here."""
        return replace(self.settings, acceleration=self.settings.acceleration or Squarem())

    def problem(self, structure: str) -> Problem:
        return Problem(self.table, family(structure), self.surveyed, self.workers)

    def diagnosed(self, cell: Cell, result: FitResult) -> FitResult:
        """Return a fit with what should be said of it, if it is not admissible."""
        if result.health.spurious(self.smallest_eigenvalue) is None:
            return result
        problem = self.problem(cell[0])
        _, repairs = diagnose(problem, result.mixture.into(problem.frame), make_prior(problem, self.settings.reg_covar))
        return replace(result, repairs=tuple(repairs))

    def fitted_on(self, cell: Cell, start: Start) -> tuple[FitResult, Likelihood]:
        """Fit all rows from a start on."""
        result = fit(self.problem(cell[0]), [start], self.fitting)
        return result, likelihood(result.mixture, self.table, n_jobs=self.workers.n_threads)

    def challenged(self, fitted: Fitted, start: Start) -> Fitted:
        """Return a cell's fit, or that from one more start if it is better."""
        try:
            result, found = self.fitted_on(fitted.cell, start)
        except GmmkitError as error:
            return replace(fitted, error=str(error)) if fitted.result is None else fitted
        self.interrupted = result.interrupted
        tried = fitted.tried + 1
        if fitted.result is None:
            return Fitted(fitted.cell, result, found, tried, 1)

        def rank(of: FitResult) -> tuple[bool, float]:
            return of.health.spurious(self.smallest_eigenvalue) is None, of.objective

        gain = (result.objective - fitted.result.objective) * self.surveyed.effective_rows
        if abs(gain) < SAME_OPTIMUM:
            return replace(fitted, tried=tried, reached=fitted.reached + 1)
        if rank(result) > rank(fitted.result):
            return Fitted(fitted.cell, result, found, tried, 1)
        return replace(fitted, tried=tried)

    def from_named_starts(self, cell: Cell) -> Fitted:
        """Fit a candidate by itself: starts compete over a few passes, and the best goes on."""
        structure, k = cell
        problem = self.problem(structure)
        starts: list[Start] = [Named("kmeans", k, "pooled")] * (3 if k > 1 else 1)
        if k > 1 and problem.family.equivariance == "scalar":
            starts.append(Named("kmeans", k, "raw"))
        smaller = self._smaller
        if (
            smaller is not None
            and smaller.mixture.n_components == k - 1
            and smaller.mixture.covariance_type == problem.family.name
        ):
            starts.append(_FromSmaller(smaller.mixture))
        short = replace(
            self.fitting,
            rule=AitkenGain(SHORT_GAIN),
            max_iter=_SHORT_PASSES,
            admissible_eigenvalue=self.smallest_eigenvalue,
            warm_up=MiniBatches(),
            stop_dominated=True,
        )
        result = fit(problem, starts, short)
        if not result.interrupted:
            done = fit(problem, [FromMixture(result.mixture)], self.fitting)
            result = replace(done, warm_up=result.warm_up, starts_stopped=result.starts_stopped)
        self._smaller = result
        found = likelihood(result.mixture, self.table, n_jobs=self.workers.n_threads)
        return Fitted(cell, result, found, len(starts), 1)


@dataclass(frozen=True, slots=True)
class _FromSmaller:
    """A start: the fit of one component fewer, with the component split that the rows ask for most."""

    smaller: Mixture

    def __call__(
        self, problem: Problem, prior: Prior, policy: OnSingular, random: np.random.Generator
    ) -> tuple[Mixture, list[Repair]]:
        state = self.smaller.into(problem.frame)
        return best_split(state, problem, sample_rows(problem, random)), []
