"""How many components, how many factors, and which noise: mixtures of factor analysers compared by a criterion."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gmmkit.data.table import Table
from gmmkit.errors import GmmkitError, ParameterError
from gmmkit.execution import Workers
from gmmkit.inference.diagnosis import ORDINARY
from gmmkit.inference.factor_fit import NOISES, check_sizes, noise_problem
from gmmkit.inference.factor_start import factor_starts
from gmmkit.inference.fit import FitSettings, fit
from gmmkit.inference.problem import Problem
from gmmkit.inference.starts import StartName
from gmmkit.inference.survey import survey
from gmmkit.model.covariance import FACTORS
from gmmkit.model.evaluation import likelihood
from gmmkit.numerics.arguments import sizes
from gmmkit.selection.ranking import Candidate, SearchResult, gathered, ranked

__all__ = ["FactorCandidate", "FactorSearchSettings", "identified_factors", "search_factors"]

_MOST_FACTORS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorCandidate(Candidate):
    """One row of the search's table; `covariance_type` is "factor-" and the structure of the noise.

    Attributes
    ----------
    n_factors : int
    noise : str
        "diagonal", "isotropic", "shared-diagonal" or "shared-isotropic".
    """

    n_factors: int
    noise: str

    def as_row(self) -> dict[str, Any]:
        """Return plain values, for a table."""
        # Without super() of no arguments, which classes with slots are made anew too late for.
        return {"n_factors": self.n_factors, "noise": self.noise, **Candidate.as_row(self)}


@dataclass(frozen=True, slots=True)
class FactorSearchSettings:
    """What to compare, and how to fit.

    Attributes
    ----------
    n_components : sequence of int
    n_factors : sequence of int or None
        None: from 1 to as many as `identified_factors` says, of each kind of noise.
    noises : sequence of str
    criterion : {"bic", "aic", "icl", "sabic", "mml"}
    fit : FitSettings
        Its `n_factors` is not looked at.
    n_init : int
    init : str
    callback : callable, optional
        Called with each candidate, how many are done, and of how many.
    """

    n_components: Sequence[int]
    n_factors: Sequence[int] | None = None
    noises: Sequence[str] = ("diagonal", "isotropic")
    criterion: str = "bic"
    fit: FitSettings = field(default_factory=FitSettings)
    n_init: int = 1
    init: StartName = "kmeans"
    callback: Callable[[Candidate, int, int], object] | None = None


def identified_factors(d: int, *, isotropic: bool = False) -> int:
    """Return how many factors of d columns a covariance determines, at least 1, and no more than 10.

    With noise of each column's own, ``(d − q)² ≥ d + q`` (Ledermann 1937); with isotropic noise ``q ≤ d − 1``.

    Examples
    --------
    >>> identified_factors(6), identified_factors(6, isotropic=True), identified_factors(100)
    (3, 5, 10)
    """
    most = d - 1 if isotropic else math.floor((2 * d + 1 - math.sqrt(8 * d + 1)) / 2)
    return min(max(most, 1), _MOST_FACTORS)


def search_factors(table: Table, settings: FactorSearchSettings, *, n_jobs: int | None = None) -> SearchResult:
    """Fit every combination, and rank them by a criterion.

    Fits that rest on too few rows, or whose noise has shrunk to what the regularisation leaves, are ranked apart.

    Parameters
    ----------
    table : Table
    settings : FactorSearchSettings
    n_jobs : int or None

    Raises
    ------
    ParameterError
        If not one combination can be fitted.
    KeyboardInterrupt
        If Ctrl-C comes before the first is done; after it, the result says so.
    """
    unknown = [name for name in settings.noises if name not in NOISES]
    if unknown or not settings.noises:
        raise ParameterError(f"noise must be some of {', '.join(NOISES)}, but got {list(settings.noises)}")
    d, given = table.n_columns, None if settings.n_factors is None else sizes("n_factors", settings.n_factors)
    wanted = [
        (noise, k, q)
        for noise in settings.noises
        for k in sizes("n_components", settings.n_components)
        for q in given or range(1, identified_factors(d, isotropic="isotropic" in noise) + 1)
    ]
    with Workers(n_jobs) as workers:
        done, interrupted = gathered(_fits(table, settings, wanted, workers), len(wanted), settings.callback)
    return ranked(done, (), settings.criterion, interrupted=interrupted)


def _fits(
    table: Table, settings: FactorSearchSettings, wanted: Sequence[tuple[str, int, int]], workers: Workers
) -> Iterator[FactorCandidate]:
    surveyed, problems = survey(table, workers), dict[str, Problem]()
    for noise, k, q in wanted:
        if noise not in problems and q < table.n_columns:
            problems[noise] = noise_problem(table, NOISES[noise], surveyed, workers)
        yield _tried(problems.get(noise), table, settings, noise, k, q)


def _tried(
    problem: Problem | None, table: Table, settings: FactorSearchSettings, noise: str, k: int, q: int
) -> FactorCandidate:
    family, d = FACTORS[NOISES[noise]], table.n_columns
    known: dict[str, Any] = {
        "n_components": k,
        "covariance_type": family.name,
        "n_parameters": k - 1 + k * d + family.n_parameters(k, d, q),
        "n_factors": q,
        "noise": noise,
    }
    try:
        check_sizes(table, k, q)
        assert problem is not None
        starts = factor_starts(settings.init, k, settings.n_init, q)
        result = fit(problem, starts, replace(settings.fit, n_factors=q))
    except GmmkitError as error:
        return FactorCandidate(**known, error=str(error))
    found = likelihood(result.mixture, table, n_jobs=problem.workers.n_threads)
    return FactorCandidate(**known, likelihood=found, result=result, spurious=result.health.spurious(ORDINARY))
