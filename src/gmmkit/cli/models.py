"""Model files and the data that go with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gmmkit.cli.boundary import UsageError
from gmmkit.cli.options import parse_columns
from gmmkit.errors import DataError, ModelFormatError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gmmkit.data import Table
    from gmmkit.files import ModelRecord
    from gmmkit.selection.synthesis import Synthesizer

__all__ = [
    "Classes",
    "classes_of",
    "clusters_of",
    "generator_of",
    "open_data_of",
    "open_model",
    "open_predicted",
    "read_record",
    "targets_of",
]


@dataclass(frozen=True, slots=True)
class Classes:
    """What tells the classes of a classifier from the posterior of its components.

    Attributes
    ----------
    labels : ndarray of shape (C,)
        Numbers or texts.
    shares : ndarray of shape (K, C)
        Of each component, its share of each class.
    temperature : float
        Of probabilities; 1: as the model has them.
    """

    labels: NDArray[Any]
    shares: NDArray[np.float64]
    temperature: float

    def posterior(self, components: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of each class (n, C), given that of each component (n, K)."""
        from gmmkit.selection.class_validation import tempered

        shared = components @ self.shares
        return tempered(shared / shared.sum(axis=1, keepdims=True), self.temperature)


def read_record(path: str) -> ModelRecord:
    """Read a model file, whatever it holds.

    Raises
    ------
    ModelFormatError
        Also if there is no such file, or it may not be read.
    """
    from gmmkit.files import read_model

    try:
        return read_model(path)
    except OSError as error:
        raise ModelFormatError(f"{path}: {error.strerror or error}; expected a model file (.gmm)") from error


def open_model(path: str, *, also: tuple[str, ...] = ()) -> ModelRecord:
    """Read a model file whose mixture is one of the data's columns.

    Parameters
    ----------
    path : str
    also : tuple of str
        Estimators that can be asked though their mixture is not of the data's columns: detectors, generators.

    Raises
    ------
    ModelFormatError
        Also if there is no such file, it may not be read, or it holds an estimator that only itself can be asked.
    """
    from gmmkit.files.record import DETECTOR, GENERATOR

    record = read_record(path)
    # A mixture of robust units, or of other scales: what it would say of the data's columns is wrong.
    alone = {
        DETECTOR: f"a detector of anomalies, which judges rows: gmmkit anomalies DATA --with {path}; gmmkit describe "
        "says what it is (in Python: gmmkit.load)",
        GENERATOR: "a generator of rows; gmmkit sample draws from it, and gmmkit describe says what it is",
    }
    if record.estimator in alone and record.estimator not in also:
        raise ModelFormatError(f"{path} holds {alone[record.estimator]}")
    return record


def open_data_of(
    record: ModelRecord,
    path: str,
    *,
    columns: str | None,
    weights: str | None = None,
    label: str | None = None,
    identifiers: bool = False,
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
    table = open_table(path, columns=wanted, weights=weights, label=label, identifiers=identifiers)
    d = record.mixture.n_features
    if table.n_columns != d:
        fitted = f": {', '.join(record.feature_names)}" if record.feature_names else ""
        raise DataError(
            f"{table.origin} gives {table.n_columns} columns; the model was fitted on {d}{fitted}. "
            f"Choose them with --columns, in that order{_of_inputs(record)}"
        )
    return table


def _of_inputs(record: ModelRecord) -> str:
    """Say of a regressor, whose inputs may be all that there is, what takes them alone."""
    targets = targets_of(record)
    if targets is None:
        return ""
    return f"; what it predicts from {record.mixture.n_features - len(targets)} of them, gmmkit regress tells"


def targets_of(record: ModelRecord) -> list[int] | None:
    """Return the columns that a regressor predicts, the last of its mixture; None of another model."""
    from gmmkit.selection.prediction import targets_of_record

    return targets_of_record(record)


def open_predicted(
    record: ModelRecord, path: str, inputs: Sequence[int], wanted: Sequence[int]
) -> tuple[Table, list[int]]:
    """Open a file with the inputs, and those of the wanted targets that it has; return which these are.

    By name where both the model's columns and the file's have names, else by position.
    """
    from gmmkit.data import open_table
    from gmmkit.data.columns import PredictedColumns

    names = record.feature_names
    columns = PredictedColumns(inputs, wanted, width=record.mixture.n_features)
    if names is not None:
        columns = PredictedColumns([names[j] for j in inputs], [names[j] for j in wanted], nameless=columns)
    table = open_table(path, columns=columns, missing=True)
    if names is not None and table.names is not None:
        return table, [j for j in wanted if names[j] in table.names[len(inputs) :]]
    # Where some are not there, these are the last ones.
    there = sorted(wanted)[: table.n_columns - len(inputs)]
    return table, [j for j in wanted if j in there]


def clusters_of(record: ModelRecord) -> tuple[tuple[int, ...], ...] | None:
    """Return the components of each cluster of a model; None if they were not merged, or its record cannot be read."""
    from gmmkit.selection.merge_tree import MergeTree

    known = record.fit.get("merging")
    try:
        return MergeTree.from_record(record.mixture, known).groups() if isinstance(known, dict) else None
    except (KeyError, TypeError, ValueError):
        return None


def classes_of(record: ModelRecord) -> Classes | None:
    """Return the classes of a classifier of rows; None of another model, or if its record cannot be read.

    Raises
    ------
    UsageError
        Of a classifier of images: the columns of its mixture are no table's.
    """
    import numpy as np

    from gmmkit.selection.class_records import classes_of_record

    if "images" in record.fit:
        raise UsageError("the model is one of images: gmmkit digits classify MODEL IMAGES tells their classes")
    if "classes" not in record.fit:
        return None
    try:
        choice, labels = classes_of_record(record)
    except (LookupError, TypeError, ValueError):
        return None
    return Classes(np.array(labels), choice.best.classes.shares, choice.temperature)


def generator_of(record: ModelRecord, path: str) -> tuple[Synthesizer, list[Any] | None]:
    """Return what the record of a generator draws from, and the labels of its classes.

    Raises
    ------
    ModelFormatError
        If its record is incomplete.
    """
    from gmmkit.selection.generator_records import generator_of_record

    try:
        return generator_of_record(record)
    except (LookupError, TypeError, ValueError) as error:
        raise ModelFormatError(f"{path}: its record of the fit is incomplete ({error!r})") from error
