"""Search over numbers of components × covariance structures, by a criterion.

How candidates are started and fitted is told in `inference/candidates.py`. Admissible fits are ranked; fits that
collapsed onto a few rows are listed apart as spurious, those that could not be made with the reason, and candidates
that are another's model under a second name with that name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gmmkit.data.table import Table
from gmmkit.errors import ParameterError, SingularComponentError
from gmmkit.execution import Workers
from gmmkit.inference.candidates import fit_candidates
from gmmkit.inference.fit import FitResult, FitSettings
from gmmkit.model.covariance import family
from gmmkit.model.covariance.catalogue import STRUCTURES
from gmmkit.model.evaluation import Likelihood
from gmmkit.selection.criteria import CRITERIA, Fitted
from gmmkit.selection.held_out import HeldOut, held_out

__all__ = [
    "CRITERION_NAMES",
    "DEFAULTS",
    "SIZES",
    "STRUCTURES",
    "Candidate",
    "SearchResult",
    "SearchSettings",
    "search",
]

#: What a search does unless told otherwise, whoever asks for it.
SIZES = tuple(range(1, 10))
DEFAULTS: dict[str, Any] = {"tol": 1e-7, "max_iter": 1000, "n_init": 0, "min_eigenvalue": 1e-4}
#: What candidates can be ranked by: functions of a fit, and the likelihood of rows it did not see.
CRITERION_NAMES = (*CRITERIA, "held_out")
#: Criteria closer than this are tied: less than any fit is converged to.
_TIED = 1e-6


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
    same_as : str or None
        The structure under which this very model is ranked: with one component sharing means nothing.
    held_out : HeldOut or None
        Where that is the search's criterion.
    starts, reached : int
        Starts that were run, and how many of them, run to the end, came out at this optimum.
    rank : int or None
        1 for the best admissible fit by the search's criterion; ties share it.
    margin : float or None
        How much worse the criterion is than the best one.
    """

    n_components: int
    covariance_type: str
    n_parameters: int
    likelihood: Likelihood | None = None
    result: FitResult | None = None
    spurious: str | None = None
    error: str | None = None
    same_as: str | None = None
    held_out: HeldOut | None = None
    starts: int = 0
    reached: int = 0
    rank: int | None = None
    margin: float | None = None

    def criterion(self, name: str) -> float:
        """Return a criterion, lower is better; infinity if there is no fit."""
        if name == "held_out":
            return np.inf if self.held_out is None else self.held_out.criterion
        if self.likelihood is None or self.result is None:
            return np.inf
        return CRITERIA[name](Fitted(self.likelihood, self.result.mixture, self.n_parameters))

    @property
    def admissible(self) -> bool:
        """Whether the fit takes part in the ranking."""
        return self.result is not None and self.spurious is None and self.same_as is None

    def as_row(self) -> dict[str, Any]:
        """Return the row as plain values, for tables, files and JSON; criteria are None where there is no fit."""
        fitted = self.likelihood is not None and self.result is not None
        return {
            "rank": self.rank,
            "margin": self.margin,
            "n_components": self.n_components,
            "covariance_type": self.covariance_type,
            "n_parameters": self.n_parameters,
            "log_likelihood": self.likelihood.log_likelihood if self.likelihood else None,
            **{name: self.criterion(name) if fitted else None for name in CRITERIA},
            "held_out": self.held_out.criterion if self.held_out else None,
            "n_iter": len(self.result.objectives) if self.result else None,
            "converged": self.result.converged if self.result else None,
            "starts": self.starts,
            "reached": self.reached,
            "same_as": self.same_as,
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
    copies : tuple of Candidate
        Models that are ranked under another name.
    interrupted : bool
    """

    criterion: str
    ranked: tuple[Candidate, ...]
    spurious: tuple[Candidate, ...]
    failed: tuple[Candidate, ...]
    copies: tuple[Candidate, ...]
    interrupted: bool

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All rows: ranked, then spurious, then failed, then copies."""
        return (*self.ranked, *self.spurious, *self.failed, *self.copies)

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
    criterion : str
        One of `CRITERION_NAMES`.
    n_init : int
        Random starts for each candidate, beside the hierarchies' and what candidates learn from each other.
    tol : float
        Log-likelihood per unit of weight that may be left to gain.
    smallest_eigenvalue : float
        Smallest variance of a component, as a share of the data's, that is admissible.
    fit : FitSettings
    folds : int
        Of the held-out likelihood, where that is the criterion.
    callback : callable, optional
        Called with each finished `Candidate`, the number done and the number of all.
    """

    n_components: Sequence[int]
    covariance_types: Sequence[str]
    criterion: str
    n_init: int
    tol: float
    smallest_eigenvalue: float
    fit: FitSettings
    folds: int = 10
    callback: Callable[[Candidate, int, int], object] | None = None


def search(table: Table, settings: SearchSettings, *, n_jobs: int | None = None) -> SearchResult:
    """Fit every candidate and rank them.

    Raises
    ------
    GmmkitError
        If not one candidate could be fitted: the first one's reason.
    """
    sizes = _sizes(settings.n_components)
    names = list(dict.fromkeys(settings.covariance_types))
    twins = {(name, k): _twin(name, k, names, table.n_columns) for name in names for k in sizes}
    cells = [cell for cell, twin in twins.items() if twin is None]
    done: list[Candidate] = []
    interrupted = False
    with Workers(n_jobs) as workers:
        try:
            for fitted in fit_candidates(
                table,
                cells,
                settings.fit,
                tol=settings.tol,
                smallest_eigenvalue=settings.smallest_eigenvalue,
                n_random=settings.n_init,
                workers=workers,
            ):
                name, k = fitted.cell
                result = fitted.result
                candidate = Candidate(
                    k,
                    name,
                    _n_parameters(name, k, table.n_columns) if result is None else result.n_parameters,
                    likelihood=fitted.likelihood,
                    result=result,
                    spurious=None if result is None else result.health.spurious(settings.smallest_eigenvalue),
                    error=fitted.error,
                    starts=fitted.tried,
                    reached=fitted.reached,
                )
                if settings.criterion == "held_out" and candidate.admissible:
                    candidate = _on_held_out(candidate, table, settings, workers)
                done.append(candidate)
                if settings.callback is not None:
                    settings.callback(candidate, len(done), len(cells))
                if result is not None and result.interrupted:
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            if not any(candidate.result for candidate in done):
                raise
            interrupted = True
    known = {(c.covariance_type, c.n_components): c for c in done}
    copies = [
        replace(known[twin, k], covariance_type=name, same_as=twin)
        for (name, k), twin in twins.items()
        if twin is not None and (twin, k) in known
    ]
    return _ranked(done, copies, settings, interrupted)


def _on_held_out(candidate: Candidate, table: Table, settings: SearchSettings, workers: Workers) -> Candidate:
    assert candidate.result is not None
    try:
        found = held_out(table, candidate.result.mixture, settings.fit, workers=workers, folds=settings.folds)
    except SingularComponentError as error:
        return replace(candidate, spurious=f"what one fold leaves cannot be fitted: {error}")
    return replace(candidate, held_out=found)


def _n_parameters(name: str, k: int, d: int) -> int:
    return k - 1 + k * d + family(name).n_parameters(k, d)


def _twin(name: str, k: int, names: Sequence[str], d: int) -> str | None:
    """Return the first of the names before this one that is the same model, if any.

    One component shares its covariance with nobody, and in one column every matrix is a number: two names for one
    model would be each other's runner-up.
    """

    def alike(other: str) -> bool:
        a, b = family(name), family(other)
        if a is b:
            return True
        if k > 1 and d > 1:
            return False
        if d == 1:
            return k == 1 or a.structure[0] == b.structure[0]
        return a.n_parameters(1, d) == b.n_parameters(1, d)

    for other in names[: names.index(name)]:
        if alike(other):
            return other
    return None


def _ranked(
    done: Sequence[Candidate], copies: Sequence[Candidate], settings: SearchSettings, interrupted: bool
) -> SearchResult:
    def value(candidate: Candidate) -> tuple[float, int]:
        return candidate.criterion(settings.criterion), candidate.n_parameters

    failed = tuple(c for c in done if c.result is None)
    if len(failed) == len(done):
        raise ParameterError(f"no candidate could be fitted: {failed[0].error}")
    admissible = sorted((c for c in done if c.admissible), key=value)
    spurious = sorted((c for c in done if c.result is not None and not c.admissible), key=value)
    ranked: list[Candidate] = []
    for i, candidate in enumerate(admissible, start=1):
        margin = candidate.criterion(settings.criterion) - admissible[0].criterion(settings.criterion)
        tied = bool(ranked) and margin - (ranked[-1].margin or 0.0) <= _TIED
        ranked.append(replace(candidate, rank=ranked[-1].rank if tied else i, margin=margin))
    return SearchResult(settings.criterion, tuple(ranked), tuple(spurious), failed, tuple(copies), interrupted)


def _sizes(n_components: Iterable[int]) -> list[int]:
    sizes = sorted(set(n_components))
    if not sizes or sizes[0] < 1:
        raise ParameterError(f"n_components must hold positive numbers, but got {list(n_components)}")
    return sizes
