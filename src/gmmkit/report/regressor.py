"""What a page of predictions takes from a regressor and its rows: inputs, targets, Python that predicts again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gmmkit.data.columns import PredictedColumns, choose_columns
from gmmkit.data.table import SomeColumns, Table
from gmmkit.errors import DataError, ModelFormatError
from gmmkit.files.record import ModelRecord
from gmmkit.report.python import as_python, call, quoted
from gmmkit.report.words import plural
from gmmkit.selection.prediction import targets_of_record

__all__ = ["PredictedRows", "predicted_rows", "predicting"]

_BLOCK_ROWS = 2**14


@dataclass(frozen=True, eq=False)
class PredictedRows:
    """Rows, and which columns of a mixture they have.

    Attributes
    ----------
    table : Table
        The inputs, then the targets that are known.
    inputs, targets, known : list of int
        Their columns in the mixture.
    """

    table: Table
    inputs: list[int]
    targets: list[int]
    known: list[int]


def predicted_rows(record: ModelRecord, rows: Table) -> PredictedRows:
    """Find a regressor's inputs, and those of its targets that are there, among the columns of rows.

    By name where both have names; else the inputs come first, and then the targets, all or the first of them.

    Raises
    ------
    ModelFormatError
        If the record does not say which columns are targets.
    DataError
        If an input is not there, a column too many, or a value infinite.
    """
    targets, names, d = targets_of_record(record), record.feature_names, record.mixture.n_features
    if targets is None:
        raise ModelFormatError("this regressor cannot be read: it does not say how many targets it has; save it again")
    inputs = list(range(d - len(targets)))
    if names is None or rows.names is None:
        if not len(inputs) <= rows.n_columns <= d:
            raise DataError(
                f"{rows.origin} has {plural(rows.n_columns, 'column')} without a name; expected the regressor's "
                f"{plural(len(inputs), 'input')}, and after that its {plural(len(targets), 'target')} if known"
            )
        found = PredictedRows(rows, inputs, targets, list(range(len(inputs), rows.n_columns)))
    else:
        wanted = PredictedColumns([names[j] for j in inputs], [names[j] for j in targets])
        chosen = choose_columns(rows.names, rows.n_columns, rows.origin, columns=wanted).features
        shown = tuple(rows.names[j] for j in chosen)
        table = replace(rows, source=SomeColumns(rows.source, chosen), names=shown)
        found = PredictedRows(table, inputs, targets, [j for j in targets if names[j] in shown])
    for block in found.table.blocks(_BLOCK_ROWS):
        found.table.check_finite(block, missing=True)
    return found


def predicting(
    record: ModelRecord, inputs: Sequence[int], targets: Sequence[int], model: str | None, data: str | None
) -> str:
    """Return Python that predicts the same; of a model without a file, what to ask the estimator."""
    d, names = len(inputs), record.feature_names
    columns = [names[j] for j in inputs] if names else list(inputs)
    if model is None or data is None:
        lines = [
            f"# model: the fitted {record.estimator}; X: rows of {as_python(columns)}, NaN where one is missing",
            "found = model.predictive(X)",
        ]
        return "\n".join([*lines, _ASKED])
    lines = [
        "import numpy as np",
        "from gmmkit import open_table",
        "from gmmkit.files import read_model",
        "from gmmkit.model.predictive import Predictive",
        "",
        f"joint = read_model({quoted(model)}).mixture.marginal({[*inputs, *targets]})",
        call("table = open_table", [quoted(data), f"columns={as_python(columns)}", "missing=True"]),
        f"found = Predictive(joint, range({d}, {d + len(targets)}), table.take(np.arange(table.n_rows)))",
    ]
    return "\n".join([*lines, _ASKED])


_ASKED = "print(found.mean(), found.interval(0.9))"
