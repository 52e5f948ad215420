"""Search over numbers of components × covariance structures, by a criterion.

How candidates are started and fitted is told in `inference/candidates.py`, what is kept of them and in which order in
`ranking.py`. Candidates that are another's model under a second name are not fitted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gmmkit.data.table import Table
from gmmkit.execution import Workers
from gmmkit.inference.candidate_fits import Fitted
from gmmkit.inference.candidates import fit_candidates
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.starts import FromPartition
from gmmkit.inference.winners import Cell
from gmmkit.model.covariance import family
from gmmkit.numerics.arguments import sizes
from gmmkit.selection.cautions import warn_of_dependent_columns, warn_of_shares
from gmmkit.selection.held_out import fold_of_rows, held_out
from gmmkit.selection.ranking import Candidate, SearchResult, gathered, ranked

__all__ = ["DEFAULTS", "SIZES", "SearchSettings", "search"]

#: What a search does unless told otherwise, whoever asks for it.
SIZES = tuple(range(1, 10))
DEFAULTS: dict[str, Any] = {"tol": 1e-7, "max_iter": 1000, "n_init": 0, "min_eigenvalue": 1e-4}


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
    start : FromPartition, optional
        The caller's own, beside those of the search.
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
    start: FromPartition | None = None
    callback: Callable[[Candidate, int, int], object] | None = None


def search(table: Table, settings: SearchSettings, *, n_jobs: int | None = None, warn: bool = True) -> SearchResult:
    """Fit every candidate and rank them.

    Parameters
    ----------
    table : Table
    settings : SearchSettings
    n_jobs : int, optional
        Threads.
    warn : bool
        Whether to warn: not of a part of rows that were searched, and warned of, as a whole.

    Raises
    ------
    GmmkitError
        If not one candidate could be fitted: the first one's reason.

    Warns
    -----
    GmmkitWarning
        Of what the table does not say (`cautions.py`).
    """
    if warn:
        warn_of_shares(table)
    numbers = sizes("n_components", settings.n_components)
    names = list(dict.fromkeys(settings.covariance_types))
    twins = {(name, k): _twin(name, k, names, table.n_columns) for name in names for k in numbers}
    cells = [cell for cell, twin in twins.items() if twin is None]
    with Workers(n_jobs) as workers:
        if settings.criterion == "held_out":
            done, interrupted = _validated(table, cells, settings, workers)
        else:
            done, interrupted = _fitted(table, cells, settings, workers, settings.callback)
    known = {(c.covariance_type, c.n_components): c for c in done}
    copies = [
        replace(known[twin, k], covariance_type=name, same_as=twin)
        for (name, k), twin in twins.items()
        if twin is not None and (twin, k) in known
    ]
    found = ranked(done, copies, settings.criterion, interrupted=interrupted)
    if warn:
        warn_of_dependent_columns(found, table)
    return found


def _fits(
    table: Table, cells: Sequence[Cell], settings: SearchSettings, workers: Workers, own: FromPartition | None
) -> Iterator[Fitted]:
    return fit_candidates(
        table,
        cells,
        settings.fit,
        tol=settings.tol,
        smallest_eigenvalue=settings.smallest_eigenvalue,
        n_random=settings.n_init,
        workers=workers,
        own=own,
    )


def _fitted(
    table: Table,
    cells: Sequence[Cell],
    settings: SearchSettings,
    workers: Workers,
    callback: Callable[[Candidate, int, int], object] | None,
) -> tuple[list[Candidate], bool]:
    """Return the candidates, and whether Ctrl-C ended their fits."""
    made = (_candidate(fitted, table, settings) for fitted in _fits(table, cells, settings, workers, settings.start))
    return gathered(made, len(cells), callback)


def _candidate(fitted: Fitted, table: Table, settings: SearchSettings) -> Candidate:
    (name, k), result = fitted.cell, fitted.result
    return Candidate(
        k,
        name,
        _n_parameters(name, k, table.n_columns, settings.fit) if result is None else result.n_parameters,
        likelihood=fitted.likelihood,
        result=result,
        spurious=None if result is None else result.health.spurious(settings.smallest_eigenvalue),
        error=fitted.error,
        starts=fitted.tried,
        reached=fitted.reached,
    )


def _validated(
    table: Table, cells: Sequence[Cell], settings: SearchSettings, workers: Workers
) -> tuple[list[Candidate], bool]:
    """Return the candidates with their held-out likelihoods, and whether Ctrl-C left some folds out."""
    member = fold_of_rows(table, settings.folds, 0, workers)
    done, interrupted = _fitted(table, cells, settings, workers, None)
    if interrupted:
        raise KeyboardInterrupt  # no fold was seen, by which to choose
    possible = [(c.covariance_type, c.n_components) for c in done if c.admissible]
    # The caller's start may know the rows that a fold does not see.
    found, interrupted = held_out(table, member, lambda seen: _fits(seen, possible, settings, workers, None), workers)
    for i, candidate in enumerate(done):
        known = found.get((candidate.covariance_type, candidate.n_components))
        if isinstance(known, str):
            done[i] = replace(candidate, spurious=f"what one fold leaves cannot be fitted: {known}")
        elif known is not None:
            done[i] = replace(candidate, held_out=known)
    try:
        for i, candidate in enumerate(done):
            if settings.callback is not None:
                settings.callback(candidate, i + 1, len(done))
    except KeyboardInterrupt:
        interrupted = True
    return done, interrupted


def _n_parameters(name: str, k: int, d: int, settings: FitSettings) -> int:
    weights = 0 if settings.equal_weights else k - 1
    return weights + k * d + family(name).n_parameters(k, d) + (0 if settings.noise is None else 2)


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
