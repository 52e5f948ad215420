"""From a table and what was asked for to a model record: one fit, or the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gmmkit.cli.progress import Watch
from gmmkit.errors import DataError

if TYPE_CHECKING:
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord
    from gmmkit.inference.fit import FitResult, FitSettings
    from gmmkit.model.evaluation import Likelihood
    from gmmkit.selection.search import SearchResult

__all__ = ["Asked", "Fitted", "fit_table"]

# Not GaussianMixture's, which are scikit-learn's: one start that stops at a gain of 1e-3 ends 14 nats short of the best
# fit of Old Faithful by three components with one covariance, and nobody would see it. The report's Python names them.
ONE_FIT: dict[str, Any] = {"tol": 1e-5, "max_iter": 1000, "n_init": 3}


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

    @property
    def is_one_fit(self) -> bool:
        """Whether nothing is left to choose."""
        return len(self.components) == 1 and self.structures is not None and len(self.structures) == 1

    def option(self, name: str) -> Any:
        """Return tol, max_iter or n_init as given, or its default."""
        from gmmkit.selection.search import DEFAULTS

        given = getattr(self, name)
        return given if given is not None else (ONE_FIT if self.is_one_fit else DEFAULTS)[name]


@dataclass(frozen=True)
class Fitted:
    """The record of a fit, and whether Ctrl-C ended it."""

    record: ModelRecord
    converged: bool
    interrupted: bool


def fit_table(table: Table, asked: Asked, watch: Watch, provenance: Mapping[str, str]) -> Fitted:
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
    found = None
    if asked.is_one_fit:
        result, likelihood = _one_fit(table, asked, watch)
    else:
        found = _search(table, asked, structures, watch)
        assert found.best.result is not None and found.best.likelihood is not None  # noqa: PT018
        result, likelihood = found.best.result, found.best.likelihood
    interrupted = result.interrupted if found is None else found.interrupted
    record = _record(table, asked, result, likelihood, found, provenance)
    return Fitted(record, result.converged and not interrupted, interrupted)


def _one_fit(table: Table, asked: Asked, watch: Watch) -> tuple[FitResult, Likelihood]:
    from gmmkit.execution import Workers
    from gmmkit.inference.fit import fit
    from gmmkit.inference.problem import Problem, survey
    from gmmkit.inference.starts import Named
    from gmmkit.inference.stopping import SmallChange
    from gmmkit.model.covariance import family
    from gmmkit.model.evaluation import likelihood

    assert asked.structures is not None
    watch.say("looking at the columns")
    with Workers(asked.jobs) as workers:
        problem = Problem(table, family(asked.structures[0]), survey(table, workers), workers)
        watch.say("finding a start")
        start = Named(asked.init, asked.components[0])  # type: ignore[arg-type]
        settings = _settings(asked, SmallChange(asked.option("tol")), watch)
        result = fit(problem, [start] * asked.option("n_init"), settings)
    watch.say("scoring")
    return result, likelihood(result.mixture, table, n_jobs=asked.jobs)


def _search(table: Table, asked: Asked, structures: Sequence[str], watch: Watch) -> SearchResult:
    from gmmkit.inference.stopping import AitkenGain
    from gmmkit.selection.search import DEFAULTS, SearchSettings, search

    settings = SearchSettings(
        n_components=asked.components,
        covariance_types=structures,
        criterion=asked.criterion,
        n_init=asked.option("n_init"),
        smallest_eigenvalue=DEFAULTS["min_eigenvalue"],
        fit=_settings(asked, AitkenGain(asked.option("tol")), None),
        callback=lambda candidate, done, total: watch.tried(candidate, done, total, asked.criterion),
    )
    return search(table, settings, n_jobs=asked.jobs)


def _settings(asked: Asked, rule: Any, watch: Watch | None) -> FitSettings:
    import numpy as np

    from gmmkit.inference.fit import FitSettings

    # As the estimators turn random_state into the engine's seed: the same number gives the same model there.
    seed = int(np.random.RandomState(asked.seed).randint(np.iinfo(np.int32).max))
    return FitSettings(
        rule=rule,
        max_iter=asked.option("max_iter"),
        reg_covar=asked.reg_covar,  # type: ignore[arg-type]
        seed=seed,
        callback=None if watch is None else watch.passed,
    )


def _record(
    table: Table,
    asked: Asked,
    result: FitResult,
    likelihood: Likelihood,
    found: SearchResult | None,
    provenance: Mapping[str, str],
) -> ModelRecord:
    from gmmkit.files import ModelRecord
    from gmmkit.selection.criteria import CRITERIA

    mixture = result.mixture
    fit: dict[str, Any] = {
        **result.as_record(),
        "dtype": "float64",
        "converged": result.converged,
        "n_iter": len(result.objectives),
        "n_rows": table.n_rows,
        "log_likelihood": likelihood.log_likelihood,
        **{name: criterion(likelihood, mixture.n_parameters) for name, criterion in CRITERIA.items()},
    }
    if found is not None:
        fit |= {"criterion": found.criterion, "margin": found.margin, "spurious": found.best.spurious}
        fit["interrupted"] = found.interrupted
    if table.labels is not None:
        fit["labels"] = _agreement(table, mixture)
    return ModelRecord(
        mixture,
        feature_names=table.names,
        settings={
            "n_components": mixture.n_components,
            "covariance_type": mixture.covariance_type,
            "tol": asked.option("tol"),
            "reg_covar": asked.reg_covar,
            "max_iter": asked.option("max_iter"),
            "n_init": asked.option("n_init"),
            "init_params": asked.init,
            "random_state": asked.seed,
        },
        fit=fit,
        table=None if found is None else [candidate.as_row() for candidate in found.candidates],
        provenance={"source": table.origin, **provenance},
    )


def _agreement(table: Table, mixture: Any) -> dict[str, Any]:
    from gmmkit.selection.agreement import adjusted_rand_index, cross_table

    assert table.labels is not None
    counts = cross_table(mixture, table)
    return {
        "names": list(table.labels.names),
        "counts": counts.tolist(),
        "adjusted_rand_index": adjusted_rand_index(counts),
    }


def _structures(n_columns: int) -> Sequence[str]:
    from gmmkit.selection.search import STRUCTURES

    # In one column a matrix, a diagonal and a variance are the same thing.
    return STRUCTURES if n_columns > 1 else STRUCTURES[:2]


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

    matrices = k if "full" in structures else 1 if "tied" in structures else 0
    # Covariances, factors, inverses and one task's scatter live side by side.
    needed = 4 * 8 * matrices * d * d
    try:
        available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return
    if needed > 2**30 and needed > available:
        raise MemoryError(f"{needed / 2**30:.0f} GiB for {matrices} covariance matrices of {d} columns")
