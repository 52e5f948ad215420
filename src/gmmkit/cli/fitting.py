"""From a table and what was asked for to a model record: one fit, or the search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from gmmkit.cli.boundary import UsageError
from gmmkit.cli.checkpoint import Checkpoint
from gmmkit.cli.notes import notes_on
from gmmkit.cli.progress import Watch
from gmmkit.cli.records import record_of
from gmmkit.errors import DataError

if TYPE_CHECKING:
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord
    from gmmkit.inference.algorithm import Progress
    from gmmkit.inference.fit import FitResult, FitSettings
    from gmmkit.inference.hull import Volume
    from gmmkit.inference.starts import FromPartition, Start
    from gmmkit.inference.stopping import StoppingRule
    from gmmkit.inference.student import Degrees
    from gmmkit.model.evaluation import Likelihood
    from gmmkit.selection.ranking import Candidate, SearchResult

__all__ = ["Asked", "Fitted", "engine_seed", "fit_table"]

# Not GaussianMixture's, which are scikit-learn's: one start that stops at a gain of 1e-3 ends 14 nats short of the best
# fit of Old Faithful by three components with one covariance, and nobody would see it. The report's Python names them.
ONE_FIT: dict[str, Any] = {"tol": 1e-5, "max_iter": 1000, "n_init": 3}
# scikit-learn's starts, of which each is another try.
CHEAP = ("kmeans", "k-means++", "random", "random_from_data")


@dataclass(frozen=True)
class Asked:
    """What was asked for; None: the default of one fit or of the search.

    Attributes
    ----------
    components : sequence of int
    structures : sequence of str, or None
        None: every one that differs for the table's columns.
    criterion : str
    reg_covar : "auto" or float
    init : str
    seed : int
    tol, max_iter, n_init
    jobs : int or None
    prior : "conjugate" or None
    equal_weights : bool
    noise : bool
        A uniform background beside the components.
    noise_volume : "auto", "hull", "box" or float
    folds : int
        Of the held-out likelihood, where a search is by it.
    min_eigenvalue : float, optional
        Of what a search takes for sound.
    start_labels : bool
        Start from the groups of the table's labels.
    degrees_of_freedom : "common", "free", float or None
        Of the Student-t components of one fit; None: they are Gaussian.
    """

    components: Sequence[int]
    structures: Sequence[str] | None = None
    criterion: str = "bic"
    reg_covar: str | float = "auto"
    init: str = "kmeans"
    seed: int = 0
    tol: float | None = None
    max_iter: int | None = None
    n_init: int | None = None
    jobs: int | None = None
    prior: str | None = None
    equal_weights: bool = False
    noise: bool = False
    noise_volume: Volume = "auto"
    folds: int = 10
    min_eigenvalue: float | None = None
    start_labels: bool = False
    degrees_of_freedom: Degrees | None = None

    @property
    def is_one_fit(self) -> bool:
        """Whether nothing is left to choose."""
        return len(self.components) == 1 and self.structures is not None and len(self.structures) == 1

    def option(self, name: str) -> Any:
        """Return tol, max_iter, n_init or min_eigenvalue as given, or its default."""
        from gmmkit.selection.search import DEFAULTS

        given = getattr(self, name)
        if given is not None:
            return given
        if name == "n_init" and self.is_one_fit and (self.init not in CHEAP or self.start_labels):
            # These are the best of many starts, or have no chance in them.
            return 1
        return (ONE_FIT if self.is_one_fit else DEFAULTS)[name]

    @property
    def kind(self) -> str:
        """The estimator that does the same from Python."""
        return "GaussianMixture" if self.degrees_of_freedom is None else "StudentMixture"

    def settings(self, rule: StoppingRule, callback: Callable[[Progress], object] | None = None) -> FitSettings:
        """Return how each fit is made."""
        from gmmkit.inference.conjugate import ConjugatePrior
        from gmmkit.inference.fit import FitSettings
        from gmmkit.inference.noise import Background

        return FitSettings(
            rule=rule,
            max_iter=self.option("max_iter"),
            reg_covar=self.reg_covar,  # type: ignore[arg-type]
            seed=engine_seed(self.seed),
            callback=callback,
            prior=ConjugatePrior() if self.prior == "conjugate" else None,
            equal_weights=self.equal_weights,
            noise=Background(True, self.noise_volume) if self.noise else None,
            degrees_of_freedom=self.degrees_of_freedom,
        )


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
        found = _search(table, asked, structures, watch, checkpoint)
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
    from gmmkit.inference.problem import Problem, survey
    from gmmkit.inference.starts import FromMixture, Named
    from gmmkit.inference.stopping import SmallChange
    from gmmkit.model.covariance import family
    from gmmkit.model.evaluation import likelihood

    assert asked.structures is not None
    known = None if checkpoint is None else checkpoint.known(asked, table)
    named = Named(asked.init, asked.components[0])  # type: ignore[arg-type]
    n_init = asked.option("n_init")
    starts: list[Start] = [_from_labels(table, asked)] if asked.start_labels else [named] * n_init
    if known is not None:
        starts = [
            FromMixture(known[0]),
            *(_Later(named, place, engine_seed(asked.seed)) for place in range(known[1], n_init)),
        ]

    def after_pass(progress: Progress) -> None:
        watch.passed(progress)
        if checkpoint is not None:
            checkpoint.passed(progress, asked, table)

    watch.say("looking at the columns")
    with Workers(asked.jobs) as workers:
        problem = Problem(table, family(asked.structures[0]), survey(table, workers), workers)
        watch.say("finding a start")
        result = fit(problem, starts, asked.settings(SmallChange(asked.option("tol")), after_pass))
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
) -> SearchResult:
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
    return search(table, settings, n_jobs=asked.jobs)


def engine_seed(seed: int) -> int:
    """Return the engine's seed as the estimators do: the same number gives the same model there."""
    import numpy as np

    return int(np.random.RandomState(seed).randint(np.iinfo(np.int32).max))


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
