"""Search over numbers of components × covariance families, by an information criterion.

Every candidate is fitted from several starts: k-means in the metric of the pooled covariance, k-means in the data's
own units, and the best fit of one component fewer with a component split. Admissible fits are ranked; fits that
collapsed onto a few rows are listed apart as spurious, fits that failed with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gmmkit.data.table import Table
from gmmkit.errors import GmmkitError, ParameterError
from gmmkit.execution import Workers
from gmmkit.inference.fit import FitResult, FitSettings, fit
from gmmkit.inference.moves import best_split
from gmmkit.inference.prior import Prior
from gmmkit.inference.problem import Problem, survey
from gmmkit.inference.repairs import OnSingular, Repair
from gmmkit.inference.sampling import sample_rows
from gmmkit.inference.starts import FromMixture, Named, Start
from gmmkit.inference.stopping import AitkenGain
from gmmkit.model.covariance import family
from gmmkit.model.evaluation import Likelihood, likelihood
from gmmkit.model.mixture import Mixture
from gmmkit.selection.criteria import CRITERIA

__all__ = ["DEFAULTS", "SIZES", "STRUCTURES", "Candidate", "SearchResult", "SearchSettings", "search"]

#: What a search does unless told otherwise, whoever asks for it.
SIZES = tuple(range(1, 10))
STRUCTURES = ("full", "tied", "diag", "spherical")
DEFAULTS: dict[str, Any] = {"tol": 1e-7, "max_iter": 1000, "n_init": 3, "min_eigenvalue": 1e-4}

_SHORT_GAIN = 1e-4
_SHORT_PASSES = 15


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row of the search's table.

    Attributes
    ----------
    n_components : int
    covariance_type : str
    n_parameters : int
    likelihood : Likelihood or None
        At the fitted parameters; None if the fit failed.
    result : FitResult or None
    spurious : str or None
        Why the fit is not admissible.
    error : str or None
        Why there is no fit.
    rank : int or None
        1 for the best admissible fit by the search's criterion.
    """

    n_components: int
    covariance_type: str
    n_parameters: int
    likelihood: Likelihood | None = None
    result: FitResult | None = None
    spurious: str | None = None
    error: str | None = None
    rank: int | None = None

    def criterion(self, name: str) -> float:
        """Return a criterion, lower is better; infinity if there is no fit."""
        return np.inf if self.likelihood is None else CRITERIA[name](self.likelihood, self.n_parameters)

    @property
    def admissible(self) -> bool:
        """Whether the fit takes part in the ranking."""
        return self.result is not None and self.spurious is None

    def as_row(self) -> dict[str, Any]:
        """Return the row as plain values, for tables, files and JSON; criteria are None where there is no fit."""
        fitted = self.likelihood is not None and self.result is not None
        return {
            "rank": self.rank,
            "n_components": self.n_components,
            "covariance_type": self.covariance_type,
            "n_parameters": self.n_parameters,
            "log_likelihood": self.likelihood.log_likelihood if self.likelihood else None,
            **{name: self.criterion(name) if fitted else None for name in CRITERIA},
            "n_iter": len(self.result.objectives) if self.result else None,
            "converged": self.result.converged if self.result else None,
            "spurious": self.spurious,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The whole search.

    Attributes
    ----------
    criterion : str
    ranked : tuple of Candidate
        Admissible fits, best first.
    spurious, failed : tuple of Candidate
    interrupted : bool
    """

    criterion: str
    ranked: tuple[Candidate, ...]
    spurious: tuple[Candidate, ...]
    failed: tuple[Candidate, ...]
    interrupted: bool

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All rows: ranked, then spurious, then failed."""
        return (*self.ranked, *self.spurious, *self.failed)

    @property
    def best(self) -> Candidate:
        """The winner; a spurious fit only where nothing is admissible."""
        return (*self.ranked, *self.spurious)[0]

    @property
    def margin(self) -> float:
        """How much worse the runner-up's criterion is; infinity if there is none."""
        if len(self.ranked) < 2:
            return np.inf
        return self.ranked[1].criterion(self.criterion) - self.ranked[0].criterion(self.criterion)


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """What to search, and how each candidate is fitted.

    Attributes
    ----------
    n_components : sequence of int
    covariance_types : sequence of str
    criterion : {"bic", "aic", "icl"}
    n_init : int
        k-means starts in the pooled metric for each candidate, beside the two others.
    smallest_eigenvalue : float
        Smallest variance of a component, as a share of the data's, that is admissible.
    fit : FitSettings
    callback : callable, optional
        Called with each finished `Candidate`, the number done and the number of all.
    """

    n_components: Sequence[int]
    covariance_types: Sequence[str]
    criterion: str
    n_init: int
    smallest_eigenvalue: float
    fit: FitSettings
    callback: Callable[[Candidate, int, int], object] | None = None


@dataclass(frozen=True, slots=True)
class _FromSmaller:
    """A start: the best fit of one component fewer, with the component split that the rows ask for most."""

    smaller: Mixture

    def __call__(
        self, problem: Problem, prior: Prior, policy: OnSingular, random: np.random.Generator
    ) -> tuple[Mixture, list[Repair]]:
        state = self.smaller.into(problem.frame)
        return best_split(state, problem, sample_rows(problem, random)), []


def search(table: Table, settings: SearchSettings, *, n_jobs: int | None = None) -> SearchResult:
    """Fit every candidate and rank them.

    Raises
    ------
    GmmkitError
        If not one candidate could be fitted: the first one's reason.
    """
    sizes = _sizes(settings.n_components)
    done: list[Candidate] = []
    interrupted = False
    total = sum(not _is_twin(name, k, settings.covariance_types) for name in settings.covariance_types for k in sizes)
    with Workers(n_jobs) as workers:
        surveyed = survey(table, workers)
        try:
            for name in settings.covariance_types:
                problem = Problem(table, family(name), surveyed, workers)
                previous: Candidate | None = None
                for k in sizes:
                    if _is_twin(name, k, settings.covariance_types):
                        continue
                    candidate = _candidate(problem, k, settings, previous)
                    done.append(candidate)
                    previous = candidate
                    if settings.callback is not None:
                        settings.callback(candidate, len(done), total)
                    if candidate.result is not None and candidate.result.interrupted:
                        raise KeyboardInterrupt
        except KeyboardInterrupt:
            if not any(candidate.result for candidate in done):
                raise
            interrupted = True
    return _ranked(done, settings, interrupted)


def _is_twin(name: str, k: int, names: Sequence[str]) -> bool:
    # One component shares its covariance with nobody: two names for one model would be each other's runner-up.
    return k == 1 and name == "tied" and "full" in names


def _candidate(problem: Problem, k: int, settings: SearchSettings, previous: Candidate | None) -> Candidate:
    structure = problem.family
    n_parameters = k - 1 + k * problem.n_columns + structure.n_parameters(k, problem.n_columns)
    blank = Candidate(k, structure.name, n_parameters)
    if k > problem.table.n_rows:
        return replace(blank, error=f"{k} components need at least as many rows, but there are {problem.table.n_rows}")
    starts: list[Start] = [Named("kmeans", k, "pooled")] * (settings.n_init if k > 1 else 1)
    if k > 1 and problem.n_columns > 1:
        starts.append(Named("kmeans", k, "raw"))
    if previous is not None and previous.result is not None and previous.n_components == k - 1:
        starts.append(_FromSmaller(previous.result.mixture))
    try:
        # Starts compete over a few passes; only the winner, an admissible one if there is any, is worth the many
        # that convergence takes.
        result = fit(
            problem,
            starts,
            replace(
                settings.fit,
                rule=AitkenGain(_SHORT_GAIN),
                max_iter=_SHORT_PASSES,
                admissible_eigenvalue=settings.smallest_eigenvalue,
            ),
        )
        if not result.interrupted:
            result = fit(problem, [FromMixture(result.mixture)], settings.fit)
    except GmmkitError as error:
        return replace(blank, error=str(error))
    found = likelihood(result.mixture, problem.table, n_jobs=problem.workers.n_threads)
    spurious = result.health.spurious(settings.smallest_eigenvalue)
    return replace(blank, likelihood=found, result=result, spurious=spurious)


def _ranked(done: Sequence[Candidate], settings: SearchSettings, interrupted: bool) -> SearchResult:
    def value(candidate: Candidate) -> tuple[float, int]:
        return candidate.criterion(settings.criterion), candidate.n_parameters

    failed = tuple(c for c in done if c.result is None)
    if len(failed) == len(done):
        raise ParameterError(f"no candidate could be fitted: {failed[0].error}")
    admissible = sorted((c for c in done if c.admissible), key=value)
    spurious = sorted((c for c in done if c.result is not None and not c.admissible), key=value)
    ranked = tuple(replace(c, rank=i) for i, c in enumerate(admissible, start=1))
    return SearchResult(settings.criterion, ranked, tuple(spurious), failed, interrupted)


def _sizes(n_components: Iterable[int]) -> list[int]:
    sizes = sorted(set(n_components))
    if not sizes or sizes[0] < 1:
        raise ParameterError(f"n_components must hold positive numbers, but got {list(n_components)}")
    return sizes
