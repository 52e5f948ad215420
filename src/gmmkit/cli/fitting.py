"""From a table and what was asked for to a model record: one fit, or the search."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from gmmkit.cli.asked import engine_seed
from gmmkit.cli.boundary import UsageError
from gmmkit.cli.checkpoint import Checkpoint
from gmmkit.cli.notes import notes_on
from gmmkit.cli.progress import Watch
from gmmkit.cli.records import record_of
from gmmkit.errors import DataError, GmmkitWarning

if TYPE_CHECKING:
    from gmmkit.cli.asked import Asked
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord
    from gmmkit.inference.algorithm import Progress
    from gmmkit.inference.fit import FitResult
    from gmmkit.inference.starts import FromPartition, Start
    from gmmkit.model.evaluation import Likelihood
    from gmmkit.selection.ranking import Candidate, SearchResult

__all__ = ["Fitted", "fit_table"]


@dataclass(frozen=True)
class Fitted:
    """The record of a fit, and whether Ctrl-C ended it."""

    record: ModelRecord
    converged: bool
    interrupted: bool


def fit_table(
    table: Table,
    asked: Asked,
    watch: Watch,
    provenance: Mapping[str, str],
    checkpoint: Checkpoint | None = None,
) -> Fitted:
    """Fit what was asked for, and return it with everything known of it.

    Raises
    ------
    DataError
        If there are fewer rows than the fit needs.
    MemoryError
        If the covariances alone would not fit into memory: before the work starts.
    """
    _check_rows(table, asked)
    structures = asked.structures or _structures(table.n_columns)
    _check_memory(table.n_columns, max(asked.components), structures)
    notes = notes_on(table, constant=False)
    found = None
    if asked.is_one_fit:
        result, likelihood = _one_fit(table, asked, watch, checkpoint)
    else:
        found, warned = _search(table, asked, structures, watch, checkpoint)
        notes = [*notes, *warned]
        assert found.best.result is not None and found.best.likelihood is not None  # noqa: PT018
        result, likelihood = found.best.result, found.best.likelihood
    interrupted = result.interrupted if found is None else found.interrupted
    record = record_of(table, asked, result, likelihood, found, notes, provenance)
    if checkpoint is not None:
        checkpoint.finish(record, asked, table, interrupted=interrupted)
    return Fitted(record, result.converged and not interrupted, interrupted)


def _one_fit(table: Table, asked: Asked, watch: Watch, checkpoint: Checkpoint | None) -> tuple[FitResult, Likelihood]:
    from gmmkit.execution import Workers
    from gmmkit.inference.fit import fit
    from gmmkit.inference.precision import why_double
    from gmmkit.inference.problem import Problem
    from gmmkit.inference.starts import FromMixture
    from gmmkit.inference.stopping import SmallChange
    from gmmkit.inference.survey import survey
    from gmmkit.inference.truncated_start import named_start
    from gmmkit.model.covariance import family
    from gmmkit.model.evaluation import likelihood

    assert asked.structures is not None
    known = None if checkpoint is None else checkpoint.known(asked, table)
    named = named_start(asked.init, asked.components[0], asked.truncation)
    n_init = asked.option("n_init")
    starts: list[Start] = [_from_labels(table, asked)] if asked.start_labels else [named] * n_init
    if known is not None:
        starts = [
            FromMixture(known[0], reached=True),
            *(_Later(named, place, engine_seed(asked.seed)) for place in range(known[1], n_init)),
        ]

    def after_pass(progress: Progress) -> None:
        watch.passed(progress)
        if checkpoint is not None:
            checkpoint.passed(progress, asked, table)

    structure, settings = family(asked.structures[0]), asked.settings(SmallChange(asked.option("tol")), after_pass)
    # As the estimator does: float32 rows in floats, where that agrees.
    single = table.source.dtype == "float32" and why_double(table, structure, settings, asked.components[0]) is None
    watch.say("looking at the columns")
    with Workers(asked.jobs) as workers:
        problem = Problem(table, structure, survey(table, workers), workers, single=single)
        watch.say("finding a start")
        result = fit(problem, starts, settings)
    watch.say("scoring")
    return result, likelihood(result.mixture, table, n_jobs=asked.jobs)


def _from_labels(table: Table, asked: Asked) -> FromPartition:
    import numpy as np

    from gmmkit.inference.starts import FromPartition

    assert table.labels is not None
    codes, k = table.labels.codes, len(table.labels.names)
    if k not in asked.components:
        raise UsageError(
            f"--start-labels: {table.origin} has {k} groups, but {_sizes(asked.components)} were asked for; "
            f"take -k {k} in"
        )
    return FromPartition(lambda block: np.eye(k)[codes[block.index : block.index + len(block.rows)]], k)


def _sizes(sizes: Sequence[int]) -> str:
    return f"{min(sizes)} to {max(sizes)} components" if len(sizes) > 1 else f"{sizes[0]} components"


@dataclass(frozen=True)
class _Later:
    """A start with the random numbers of its place among all, though those before it are not tried again."""

    start: Start
    place: int
    seed: int

    def __call__(self, problem: Any, prior: Any, policy: Any, random: Any) -> Any:
        from gmmkit.numerics.streams import streams

        return self.start(problem, prior, policy, next(islice(streams(self.seed), self.place, None)))


def _search(
    table: Table, asked: Asked, structures: Sequence[str], watch: Watch, checkpoint: Checkpoint | None
) -> tuple[SearchResult, list[str]]:
    """Return what a search found, and what it warned of, which is then told with the model wherever that is shown."""
    from gmmkit.inference.stopping import AitkenGain
    from gmmkit.selection.search import SearchSettings, search

    def after_candidate(candidate: Candidate, done: int, total: int) -> None:
        watch.tried(candidate, done, total, asked.criterion)
        if checkpoint is not None:
            checkpoint.tried(candidate, asked, table)

    settings = SearchSettings(
        n_components=asked.components,
        covariance_types=structures,
        criterion=asked.criterion,
        n_init=asked.option("n_init"),
        tol=asked.option("tol"),
        smallest_eigenvalue=asked.option("min_eigenvalue"),
        fit=asked.settings(AitkenGain(asked.option("tol"))),
        folds=asked.folds,
        start=_from_labels(table, asked) if asked.start_labels else None,
        callback=after_candidate,
    )
    # Candidates compete together: the first is done when nearly all are.
    watch.say(f"searching among {len(structures) * len(asked.components)} models")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", GmmkitWarning)
        found = search(table, settings, n_jobs=asked.jobs)
    warned = []
    for warning in caught:
        if issubclass(warning.category, GmmkitWarning):
            warned.append(str(warning.message))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return found, list(dict.fromkeys(warned))


def _structures(n_columns: int) -> Sequence[str]:
    from gmmkit.model.covariance.catalogue import structures_for

    return structures_for(n_columns)


def _check_rows(table: Table, asked: Asked) -> None:
    if table.n_rows < 2:
        raise DataError(f"{table.origin} has 1 row; expected at least 2: one row has no spread")
    k = min(asked.components)
    if table.n_rows < k:
        raise DataError(
            f"{table.origin} has {table.n_rows} rows, fewer than the {k} components asked for; "
            "expected at least one row for each: ask for fewer components"
        )


def _check_memory(d: int, k: int, structures: Sequence[str]) -> None:
    import os

    from gmmkit.model.covariance import family

    # A family with as many parameters as one matrix for any k has one; those of independent columns have none.
    families = [family(name, d) for name in structures]
    matrices = max(
        0 if cls.independent_columns else 1 if cls.n_parameters(k, d) == cls.n_parameters(1, d) else k
        for cls in families
    )
    # Covariances, factors, inverses and one task's scatter live side by side.
    needed = 4 * 8 * matrices * d * d
    try:
        available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return
    if needed > 2**30 and needed > available:
        raise MemoryError(f"{needed / 2**30:.0f} GiB for {matrices} covariance matrices of {d} columns")
