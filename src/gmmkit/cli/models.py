"""Model files and the data that go with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gmmkit.cli.options import parse_columns
from gmmkit.errors import DataError, ModelFormatError

if TYPE_CHECKING:
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord

__all__ = ["clusters_of", "open_data_of", "open_model"]


def open_model(path: str) -> ModelRecord:
    """Read a model file.

    Raises
    ------
    ModelFormatError
        Also if there is no such file, it may not be read, or it holds a detector.
    """
    from gmmkit.files import read_model
    from gmmkit.files.record import DETECTOR

    try:
        record = read_model(path)
    except OSError as error:
        raise ModelFormatError(f"{path}: {error.strerror or error}; expected a model file (.gmm)") from error
    if record.estimator == DETECTOR:
        # Its mixture is of robust units: what it would say of the data's columns is wrong.
        raise ModelFormatError(f"{path} holds a detector of outliers, which verbs cannot ask; load it with gmmkit.load")
    return record


def open_data_of(
    record: ModelRecord, path: str, *, columns: str | None, weights: str | None = None, label: str | None = None
) -> Table:
    """Open a file with the columns that a model was fitted on, or with those asked for.

    Raises
    ------
    DataError
        If a column is not there, or there are more or fewer than the model has.
    """
    from gmmkit.data import open_table
    from gmmkit.data.columns import ModelColumns

    wanted = parse_columns(columns)
    if wanted is None and record.feature_names is not None:
        wanted = ModelColumns(record.feature_names)  # type: ignore[assignment]
    table = open_table(path, columns=wanted, weights=weights, label=label)
    d = record.mixture.n_features
    if table.n_columns != d:
        fitted = f": {', '.join(record.feature_names)}" if record.feature_names else ""
        raise DataError(
            f"{table.origin} gives {table.n_columns} columns; the model was fitted on {d}{fitted}. "
            "Choose them with --columns, in that order"
        )
    return table


def clusters_of(record: ModelRecord) -> tuple[tuple[int, ...], ...] | None:
    """Return the components of each cluster of a model; None if they were not merged, or its record cannot be read."""
    from gmmkit.selection.merge_tree import MergeTree

    known = record.fit.get("merging")
    try:
        return MergeTree.from_record(record.mixture, known).groups() if isinstance(known, dict) else None
    except (KeyError, TypeError, ValueError):
        return None
