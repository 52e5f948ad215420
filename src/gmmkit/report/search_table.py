"""The table of a search, as a record tells of it: which models were ranked, which were set aside."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gmmkit.errors import ParameterError
from gmmkit.files.record import ModelRecord
from gmmkit.model.covariance.catalogue import STRUCTURES, family
from gmmkit.plots.criterion import criterion_title
from gmmkit.selection.ranking import CRITERION_NAMES, ranked_by

__all__ = ["Row", "Search"]

Row = Mapping[str, Any]
_NUMBERS = ("log_likelihood", "n_parameters", "n_iter", "starts", "reached")


@dataclass(frozen=True)
class Search:
    """The rows of a search over models, sorted out.

    Attributes
    ----------
    criterion : str
    ranked, spurious, failed, copies : tuple of mappings
        Rows as `Candidate.as_row` makes them; ranked ones best first. Copies are ranked under another name.
    """

    criterion: str
    ranked: tuple[Row, ...]
    spurious: tuple[Row, ...]
    failed: tuple[Row, ...]
    copies: tuple[Row, ...] = ()

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
        copies = tuple(row for row in rows if row["rank"] is None and row["same_as"] is not None)
        others = [row for row in rows if row["rank"] is None and row["same_as"] is None]
        failed = tuple(row for row in others if row["bic"] is None)
        spurious = tuple(row for row in others if row["bic"] is not None)
        given = record.fit.get("criterion", record.settings.get("criterion"))
        criterion = given if given in CRITERION_NAMES else ranked_by(ranked) or "bic"
        return cls(criterion, tuple(ranked), spurious, failed, copies)

    @property
    def title(self) -> str:
        """The criterion's name, as it is written."""
        return criterion_title(self.criterion)

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every model once: ranked, then spurious, then failed."""
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
        """Covariance structures that were tried, those with fewest parameters first, as mclust lists them."""
        return sorted({row["covariance_type"] for row in (*self.rows, *self.copies)}, key=_place)

    @property
    def margin(self) -> float | None:
        """How much worse the runner-up is; None if there is none."""
        if len(self.ranked) < 2:
            return None
        first, second = self.value(self.ranked[0]), self.value(self.ranked[1])
        return None if first is None or second is None else second - first


def _row(row: Row) -> Row:
    """Return a row with everything in its place; what is not known is None."""
    rank = row.get("rank")
    return {
        "rank": None if rank is None else int(rank),
        "n_components": int(row["n_components"]),
        "covariance_type": _named(row),
        **{name: _value(row, name) for name in (*CRITERION_NAMES, *_NUMBERS)},
        "converged": row.get("converged") is not False,
        **{name: None if row.get(name) is None else str(row[name]) for name in ("spurious", "error", "same_as")},
    }


def _named(row: Row) -> str:
    """Return what a candidate's covariances are called: of factor analysers, their number and the noise."""
    factors = row.get("n_factors")
    if factors is None:
        return str(row["covariance_type"])
    return f"{int(factors)} factor{'s' if int(factors) != 1 else ''}, {row['noise']}"


def _place(name: str) -> tuple[int, str]:
    try:
        return STRUCTURES.index(family(name).structure), name
    except ParameterError:
        return len(STRUCTURES), name


def _value(row: Row, name: str) -> float | None:
    value = row.get(name)
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None
