"""What a search found, in its order.

Admissible fits are ranked by the criterion; fits that collapsed onto a few rows are listed apart as spurious, those
that could not be made with the reason, and candidates that are another's model under a second name with that name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from gmmkit.errors import ParameterError
from gmmkit.inference.fit import FitResult
from gmmkit.model.evaluation import Likelihood
from gmmkit.selection.criteria import CRITERIA, Fitted
from gmmkit.selection.held_out import HeldOut

__all__ = ["CRITERION_NAMES", "Candidate", "SearchResult", "gathered", "ranked", "ranked_by"]

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


AnyCandidate = TypeVar("AnyCandidate", bound=Candidate)


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


def gathered(
    fits: Iterator[AnyCandidate], total: int, callback: Callable[[Candidate, int, int], object] | None
) -> tuple[list[AnyCandidate], bool]:
    """Return candidates as they are fitted one after the other, and whether Ctrl-C ended that.

    Parameters
    ----------
    fits : iterator of Candidate
    total : int
        How many there are to be.
    callback : callable, optional
        Called with each candidate, how many are done, and of how many.

    Raises
    ------
    KeyboardInterrupt
        If it comes before any is fitted.
    """
    done: list[AnyCandidate] = []
    try:
        for candidate in fits:
            done.append(candidate)
            if callback is not None:
                callback(candidate, len(done), total)
            if candidate.result is not None and candidate.result.interrupted:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        if not any(candidate.result for candidate in done):
            raise
        return done, True
    return done, False


def ranked(
    done: Sequence[Candidate], copies: Sequence[Candidate], criterion: str, *, interrupted: bool
) -> SearchResult:
    """Return what was tried in its order, with ranks and margins.

    Raises
    ------
    ParameterError
        If not one candidate could be fitted: the first one's reason.
    """

    def value(candidate: Candidate) -> tuple[float, int]:
        return candidate.criterion(criterion), candidate.n_parameters

    failed = tuple(c for c in done if c.result is None)
    if len(failed) == len(done):
        raise ParameterError(f"no candidate could be fitted: {failed[0].error}")
    admissible = sorted((c for c in done if c.admissible), key=value)
    spurious = sorted((c for c in done if c.result is not None and not c.admissible), key=value)
    best_first: list[Candidate] = []
    for i, candidate in enumerate(admissible, start=1):
        margin = candidate.criterion(criterion) - admissible[0].criterion(criterion)
        tied = bool(best_first) and margin - (best_first[-1].margin or 0.0) <= _TIED
        best_first.append(replace(candidate, rank=best_first[-1].rank if tied else i, margin=margin))
    return SearchResult(criterion, tuple(best_first), tuple(spurious), failed, tuple(copies), interrupted)


def ranked_by(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the criterion by which rows of a search are ranked, from the rows alone; None if none agrees.

    Parameters
    ----------
    rows : sequence of mappings
        As `Candidate.as_row` makes them.

    Examples
    --------
    >>> ranked_by([{"rank": 1, "bic": 5.0, "icl": 8.0}, {"rank": 2, "bic": 4.0, "icl": 9.0}])
    'icl'
    """
    best_first = sorted((row for row in rows if row.get("rank") is not None), key=lambda row: row["rank"])
    agree, exact = [], []
    for name in CRITERION_NAMES:
        values = [row.get(name) for row in best_first]
        numbers = [float(value) for value in values if isinstance(value, (int, float)) and math.isfinite(value)]
        if not numbers or len(numbers) < len(values):
            continue
        # Ties are in the order of their parameters.
        if all(later >= earlier - _TIED for earlier, later in pairwise(numbers)):
            agree.append(name)
            margins = (row.get("margin") for row in best_first)
            worse = zip(margins, (value - numbers[0] for value in numbers), strict=True)
            if all(isinstance(margin, (int, float)) and abs(margin - by) <= _TIED for margin, by in worse):
                exact.append(name)
    # Of a single fit any criterion would do, and it has what is held out only where that was asked for.
    if len(best_first) == 1 and "held_out" in agree:
        return "held_out"
    return next(iter((*exact, *agree)), None)
