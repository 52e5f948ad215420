"""What a report is about: the record, the rows if there are any, and what follows from both."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table
from gmmkit.errors import DataError
from gmmkit.files.record import ModelRecord
from gmmkit.inference.fit import FitResult
from gmmkit.inference.repairs import describe
from gmmkit.model.mixture import Mixture
from gmmkit.report.html import clean
from gmmkit.report.invocation import option_of
from gmmkit.report.words import short
from gmmkit.selection.search import STRUCTURES

__all__ = ["Search", "Subject"]

Row = Mapping[str, Any]
_CRITERIA = ("bic", "aic", "icl")


@dataclass(frozen=True)
class Search:
    """The rows of a search over models, sorted out.

    Attributes
    ----------
    criterion : str
    ranked, spurious, failed : tuple of mappings
        Rows as `Candidate.as_row` makes them; ranked ones best first.
    """

    criterion: str
    ranked: tuple[Row, ...]
    spurious: tuple[Row, ...]
    failed: tuple[Row, ...]

    @classmethod
    def read(cls, record: ModelRecord) -> Search | None:
        """Return the search that a record tells of, or None if there was none."""
        try:
            rows = [_row(row) for row in record.table or ()]
        except (KeyError, TypeError, ValueError):
            # A record of another program: it tells of no search that could be understood.
            return None
        if not rows:
            return None
        ranked = sorted((row for row in rows if row["rank"] is not None), key=lambda row: row["rank"])
        others = [row for row in rows if row["rank"] is None]
        failed = tuple(row for row in others if row["bic"] is None)
        spurious = tuple(row for row in others if row["bic"] is not None)
        given = record.fit.get("criterion", record.settings.get("criterion"))
        criterion = given if given in _CRITERIA else _sorting(ranked)
        return cls(criterion, tuple(ranked), spurious, failed)

    @property
    def rows(self) -> tuple[Row, ...]:
        """All of them: ranked, then spurious, then failed."""
        return (*self.ranked, *self.spurious, *self.failed)

    def value(self, row: Row) -> float | None:
        """Return the criterion of a row; None if it has none."""
        value = row[self.criterion]
        return None if value is None else float(value)

    @property
    def sizes(self) -> list[int]:
        """Numbers of components that were tried."""
        return sorted({row["n_components"] for row in self.rows})

    @property
    def structures(self) -> list[str]:
        """Covariance structures that were tried, the freest first."""
        found = {row["covariance_type"] for row in self.rows}
        return sorted(found, key=lambda name: (STRUCTURES.index(name) if name in STRUCTURES else len(STRUCTURES), name))

    @property
    def margin(self) -> float | None:
        """How much worse the runner-up is; None if there is none."""
        if len(self.ranked) < 2:
            return None
        first, second = self.value(self.ranked[0]), self.value(self.ranked[1])
        return None if first is None or second is None else second - first


@dataclass(frozen=True)
class Subject:
    """Everything that the sections of a report read.

    Attributes
    ----------
    record : ModelRecord
    table : Table or None
        The rows, if they are at hand.
    command : str or None
        The command that made the model.
    """

    record: ModelRecord
    table: Table | None = None
    command: str | None = None

    def __post_init__(self) -> None:
        if self.table is not None and self.table.n_columns != self.mixture.n_features:
            raise DataError(
                f"{self.table.origin} has {self.table.n_columns} columns, but the model is of "
                f"{self.mixture.n_features}: give the columns it was fitted on, in the same order"
            )

    @property
    def mixture(self) -> Mixture:
        """The model."""
        return self.record.mixture

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, fit for a page."""
        given = self.record.feature_names or (self.table.names if self.table is not None else None)
        if given is None:
            return tuple(f"column {j}" for j in range(self.mixture.n_features))
        return tuple(clean(name) for name in given)

    @cached_property
    def short_names(self) -> tuple[str, ...]:
        """The names, short enough for a picture, and still different from each other."""
        names = [short(name) for name in self.names]
        often = Counter(names)
        return tuple(
            name if often[name] == 1 else f"{short(full, 20)} ({j})"
            for j, (name, full) in enumerate(zip(names, self.names, strict=True))
        )

    @cached_property
    def search(self) -> Search | None:
        """How the model was chosen, if it was."""
        return Search.read(self.record)

    @cached_property
    def result(self) -> FitResult | None:
        """How the fit went; None if the record does not say."""
        try:
            result = FitResult.from_record(self.mixture, self.record.fit)
            describe(result.repairs, self.names)
        except (IndexError, KeyError, TypeError, ValueError, AttributeError):
            return None
        k = self.mixture.n_components
        health = result.health
        return result if health.effective_rows.shape == health.relative_eigenvalues.shape == (k,) else None

    @property
    def source(self) -> str | None:
        """Where the rows come from."""
        named = self.record.provenance.get("source")
        return named if named or self.table is None or self.table.origin == "X" else self.table.origin

    @property
    def n_rows(self) -> int | None:
        """How many rows the model was fitted on, where that is known."""
        if self.table is not None:
            return self.table.n_rows
        known = self.record.fit.get("n_rows")
        return int(known) if isinstance(known, (int, float)) else None

    @property
    def weighted(self) -> bool:
        """Whether rows have weights."""
        if self.table is not None:
            return self.table.weights is not None
        return option_of(self.record, "--weights") is not None

    @property
    def by_weight(self) -> NDArray[np.intp]:
        """Numbers of the components, the heaviest first."""
        return np.argsort(-self.mixture.weights, kind="stable")


def _row(row: Row) -> Row:
    """Return a row with everything in its place; what is not known is None."""
    rank = row.get("rank")
    return {
        "rank": None if rank is None else int(rank),
        "n_components": int(row["n_components"]),
        "covariance_type": str(row["covariance_type"]),
        **{name: _value(row, name) for name in (*_CRITERIA, "log_likelihood", "n_parameters", "n_iter")},
        "converged": row.get("converged") is not False,
        **{name: None if row.get(name) is None else str(row[name]) for name in ("spurious", "error")},
    }


def _value(row: Row, name: str) -> float | None:
    value = row.get(name)
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None


def _sorting(ranked: list[Row]) -> str:
    """Return the criterion by which rows are ranked, where a record does not say."""
    for name in _CRITERIA:
        values = [row[name] for row in ranked]
        known = [value for value in values if value is not None]
        if len(known) == len(values) and known == sorted(known):
            return name
    return "bic"
