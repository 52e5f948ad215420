"""Parquet files: decoded once, a batch at a time, into a temporary binary file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.columns import choose_columns, how_to_choose
from gmmkit.data.labels import LabelCodes
from gmmkit.data.spool import Spool
from gmmkit.data.table import Table, other_rows
from gmmkit.errors import DataError, MissingDependencyError

__all__ = ["read_parquet"]

# About this many values are decoded at a time; a page of the file is decoded whole in any case.
BATCH_VALUES = 2**18
# Compressed bytes read ahead for each column, instead of a whole row group.
READ_AHEAD = 2**18


def read_parquet(
    path: str,
    origin: str,
    *,
    columns: Sequence[str | int] | None = None,
    weights: str | int | None = None,
    label: str | int | None = None,
    missing: bool = False,
    identifiers: bool = False,
) -> Table:
    """Decode a Parquet file and return its rows; arguments as in :func:`gmmkit.data.open_table`.

    Raises
    ------
    DataError
        If the file is damaged, or a column is not numeric, or has nulls where they are not asked for.
    MissingDependencyError
        If pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingDependencyError(
            f"{origin}: reading Parquet needs pyarrow, which is not installed: "
            'pip install pyarrow (or "gmmkit[tables]")'
        ) from error
    try:
        file = pq.ParquetFile(
            Path(path),
            memory_map=False,
            pre_buffer=False,
            buffer_size=READ_AHEAD,
            page_checksum_verification=True,
        )
    except (pa.ArrowException, OSError) as error:
        raise _damaged(error, path, origin) from error
    with file:
        schema = file.schema_arrow
        chosen = choose_columns(schema.names, len(schema.names), origin, columns=columns, weights=weights, label=label)
        names = [schema.names[column] for column in chosen.positions]
        numeric = [column for column in chosen.positions if column != chosen.label]
        wrong = [column for column in numeric if not _is_numeric(schema.field(column).type, missing)]
        if wrong:
            raise _not_numeric(file, wrong, [c for c in chosen.features if c not in wrong], origin)
        spool = Spool(len(chosen.features), file.metadata.num_rows)
        found_weights: list[NDArray[np.float64]] = []
        found_codes: list[NDArray[np.intp]] = []
        codes = LabelCodes(f"{origin}: column {names[-1]!r}", identifiers)
        last = len(names) - (identifiers and chosen.label is not None)
        complete = names[len(chosen.features) if missing else 0 : last]
        for batch in _batches(file, names, path, origin):
            _refuse_nulls(batch.select(complete), spool.n_rows, origin)
            values = np.empty((batch.num_rows, len(chosen.features)))
            for place in range(len(chosen.features)):
                values[:, place] = _floats(batch.column(place))
            if chosen.weights is not None:
                found_weights.append(_floats(batch.column(len(chosen.features))))
            if chosen.label is not None:
                found_codes.append(codes.encode(batch.column(len(names) - 1).to_pylist()))
            spool.append(values)
    if spool.n_rows == 0:
        raise DataError(f"{origin} has no rows; expected at least one")
    table = Table(
        spool,
        tuple(schema.names[column] for column in chosen.features),
        labels=codes.labels(np.concatenate(found_codes)) if found_codes else None,
        origin=origin,
    )
    return table.with_weights(np.concatenate(found_weights)) if found_weights else table


def _batches(file: Any, names: list[str], path: str, origin: str) -> Iterator[Any]:
    import pyarrow as pa

    batch_rows = max(1, BATCH_VALUES // len(names))
    batches = file.iter_batches(batch_size=batch_rows, columns=names, use_threads=False)
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(error, path, origin) from error
        if batch is None:
            return
        # Columns come in the order of the file.
        yield batch.select(names)


def _refuse_nulls(batch: Any, first_row: int, origin: str) -> None:
    if not any(column.null_count for column in batch.columns):
        return
    names = batch.schema.names
    nulls = np.stack([column.is_null().to_numpy(zero_copy_only=False) for column in batch.columns], axis=1)
    row, column = np.argwhere(nulls)[0].tolist()
    raise DataError(
        f"{origin}: row {first_row + row}, column {names[column]!r} is null{other_rows(nulls, names)}; "
        "expected a value in every row: remove the row, or fill it in"
    )


def _floats(column: Any) -> NDArray[np.float64]:
    import pyarrow as pa

    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def _is_numeric(kind: Any, missing: bool) -> bool:
    from pyarrow import types

    if missing and types.is_null(kind):  # a column without any value
        return True
    return any(test(kind) for test in (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal))


def _not_numeric(file: Any, columns: list[int], others: list[int], origin: str) -> DataError:
    fields = [file.schema_arrow.field(column) for column in columns]
    numeric = [file.schema_arrow.field(other).name for other in others]
    if len(fields) > 1:
        listed = ", ".join(f"{field.name!r} ({field.type})" for field in fields)
        remedy = f": to leave them out use {how_to_choose(numeric)}" if numeric else ""
        return DataError(f"{origin}: columns {listed} hold no numbers; expected numbers{remedy}")
    field = fields[0]
    first = next(file.iter_batches(batch_size=1, columns=[field.name]), None)
    value = (
        f", the first value is {first.column(0)[0].as_py()!r}" if first is not None and first.num_columns == 1 else ""
    )
    remedy = f". To leave the column out use {how_to_choose(numeric, field.name)}" if numeric else ""
    return DataError(f"{origin}: column {field.name!r} has type {field.type}{value}; expected numbers{remedy}")


def _damaged(error: Exception, path: str, origin: str) -> DataError:
    reason = " ".join(str(error).split())
    return DataError(
        f"{origin} is not a whole Parquet file of {os.path.getsize(path)} bytes ({reason}); "
        "expected a file that begins and ends with PAR1: copy or write it again"
    )
