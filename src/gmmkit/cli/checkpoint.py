"""A fit that can be taken up again: the best model so far, written every half minute.

A checkpoint is a model file like any other. A single fit goes on from it; of a search it holds the best so far, and
the table of what was tried.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from gmmkit.cli.boundary import UsageError
from gmmkit.cli.models import open_model
from gmmkit.cli.records import settings_of

if TYPE_CHECKING:
    from gmmkit.cli.asked import Asked
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord
    from gmmkit.inference.algorithm import Progress
    from gmmkit.model.mixture import Mixture
    from gmmkit.selection.ranking import Candidate

__all__ = ["Checkpoint"]

EVERY_SECONDS = 30.0


class Checkpoint:
    """Where the best model so far is kept.

    Parameters
    ----------
    path : str
        Replaced whole, every time.
    resume : bool
        Go on from what is there, if anything is.
    """

    def __init__(self, path: str, *, resume: bool) -> None:
        self._path = path
        self._resume = resume
        self._written = time.monotonic()
        self._restart = 0
        self._places_before = 0
        self._last: tuple[float, Mixture] | None = None
        self._best: tuple[float, Mixture] | None = None
        self._tried: list[Candidate] = []

    def known(self, asked: Asked, table: Table) -> tuple[Mixture, int] | None:
        """Return the mixture to go on from, and the first start not tried yet; None if there is none.

        Raises
        ------
        UsageError
            If it is of another model than the one asked for.
        ModelFormatError
            If it is no model file.
        """
        if not self._resume or not os.path.exists(self._path):
            return None
        from gmmkit.model.covariance import family

        record = open_model(self._path)
        mixture = record.mixture
        assert asked.structures is not None
        same = (
            mixture.n_components == asked.components[0]
            and family(asked.structures[0]).name == mixture.covariance_type
            and record.estimator == asked.kind
            and (record.settings.get("noise") is not None) == asked.noise
            and record.settings.get("noise_volume", "auto") == asked.noise_volume
        )
        names = None if table.names is None else list(table.names)
        its_names = None if record.feature_names is None else list(record.feature_names)
        if not same or mixture.n_features != table.n_columns or its_names != names:
            raise UsageError(
                f"--resume: {self._path} holds a {record.estimator} of {mixture.n_components} components, "
                f"{mixture.covariance_type}, {mixture.n_features} columns, not the model asked for; "
                "leave --resume out to begin anew"
            )
        weight = record.fit.get("total_weight")
        if weight != table.total_weight:
            raise UsageError(
                f"--resume: {self._path} was made from rows that weigh {weight} in all, but those of {table.origin} "
                f"weigh {table.total_weight}: give the same data, or leave --resume out to begin anew"
            )
        # A finished model says nothing of starts: none is left.
        left = record.fit.get("next_start")
        first = left if isinstance(left, int) else asked.option("n_init")
        self._places_before = first - 1
        return mixture, first

    def passed(self, progress: Progress, asked: Asked, table: Table) -> None:
        """Take note of a pass of a single fit."""
        if progress.restart != self._restart:
            self._restart = progress.restart
            if self._last is not None and (self._best is None or self._last[0] > self._best[0]):
                self._best = self._last
        self._last = (progress.objective, progress.mixture)
        if self._is_time():
            self._write_last(asked, table)

    def tried(self, candidate: Candidate, asked: Asked, table: Table) -> None:
        """Take note of a finished candidate of a search."""
        self._tried.append(candidate)
        fitted = [c for c in self._tried if c.result is not None]
        if fitted and self._is_time():
            best = min(fitted, key=lambda c: (not c.admissible, c.criterion(asked.criterion)))
            assert best.result is not None
            rows = [c.as_row() for c in self._tried]
            fit = {**best.result.as_record(), "criterion": asked.criterion}
            self._write(best.result.mixture, asked, table, {**fit, "reason": "interrupted", "interrupted": True}, rows)

    def finish(self, record: ModelRecord, asked: Asked, table: Table, *, interrupted: bool) -> None:
        """Write the finished model, from which going on ends at once; or where a single fit was interrupted."""
        from gmmkit.files import write_model

        if interrupted and self._last is not None:
            self._write_last(asked, table)
        else:
            write_model(record, self._path)

    def _write_last(self, asked: Asked, table: Table) -> None:
        assert self._last is not None
        best = self._last if self._best is None or self._last[0] > self._best[0] else self._best
        # A start that is behind an earlier one when it is cut short is given up: begun again each time, a job that is
        # stopped every hour would never end.
        objective, mixture = best
        total = table.total_weight
        # What a result needs, so that the file loads like any other; health is judged when a fit is done.
        result = {
            "objectives": [objective],
            "repairs": [],
            "effective_rows": (mixture.weights * total).tolist(),
            "relative_eigenvalues": [],
            "needed_rows": 0,
            "starts_tried": self._restart + 1,
            "total_weight": total,
        }
        self._write(mixture, asked, table, {**result, "next_start": self._places_before + self._restart + 1})

    def _is_time(self) -> bool:
        return time.monotonic() - self._written >= EVERY_SECONDS

    def _write(
        self,
        mixture: Mixture,
        asked: Asked,
        table: Table,
        fit: dict[str, Any],
        rows: list[dict[str, Any]] | None = None,
    ) -> None:
        from gmmkit.files import ModelRecord, write_model

        record = ModelRecord(
            mixture,
            feature_names=table.names,
            estimator=asked.kind,
            settings=settings_of(asked, mixture),
            fit={"reason": "interrupted", "converged": False, "n_rows": table.n_rows, **fit},
            table=rows,
            provenance={"source": table.origin},
        )
        write_model(record, self._path)
        self._written = time.monotonic()
