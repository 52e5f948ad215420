"""Data frames of any kind (pandas, polars, Arrow, …), through narwhals: one conversion to an array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.arrays import as_rows
from gmmkit.errors import DataError

__all__ = ["frame_rows", "is_frame"]


def is_frame(data: Any) -> bool:
    """Whether an object looks like a data frame (no array does, no Series does).

    Examples
    --------
    >>> is_frame(np.zeros((2, 2)))
    False
    """
    # A lazy frame warns when it is asked for its columns.
    return not isinstance(data, type) and (
        hasattr(data, "collect_schema")
        or hasattr(data, "__dataframe__")
        or (hasattr(data, "columns") and hasattr(data, "dtypes"))
    )


def frame_rows(
    data: Any, origin: str, weights: str | None = None
) -> tuple[NDArray[Any], tuple[str, ...] | None, NDArray[Any] | None]:
    """Return the numbers of a frame, the names of its columns and its column of weights.

    The array is float32 if every column is, else float64; nulls become NaN.
    Names that are not text are dropped.

    Raises
    ------
    DataError
        For a lazy frame, repeated names, an unknown weight column or a column that is not numeric.
    """
    import narwhals as nw

    try:
        frame = nw.from_native(data, eager_only=True)
    except TypeError as error:
        raise DataError(
            f"{origin} is a {type(data).__module__.partition('.')[0]} {type(data).__name__}; "
            "expected a data frame in memory: call .collect() on a lazy one, or convert it to an array"
        ) from error
    except ValueError as error:
        raise DataError(
            f"{origin}: {' '.join(str(error).split())}; expected a different name for each column"
        ) from error
    names = list(frame.columns)
    taken = None
    if weights is not None:
        if weights not in names:
            raise DataError(
                f"{origin}: there is no column {weights!r} for weights; it has {', '.join(map(str, names))}"
            )
        taken = _column(frame[weights], weights, origin)
        frame = frame.drop(weights)
        names.remove(weights)
    if 0 in frame.shape:
        as_rows(np.empty(frame.shape), origin)
    rows = _rows(frame, names, origin)
    text = all(isinstance(name, str) for name in names)
    return rows, tuple(names) if text else None, taken


def _rows(frame: Any, names: list[Any], origin: str) -> NDArray[Any]:
    import narwhals as nw

    kinds = set(frame.schema.values())
    if kinds in ({nw.Float64}, {nw.Float32}):
        # pandas hands out its own memory here.
        rows = frame.to_numpy()
        if rows.dtype.kind == "f":
            return rows  # type: ignore[no-any-return]
    rows = np.empty(frame.shape, np.float32 if kinds == {nw.Float32} else np.float64)
    for place, name in enumerate(names):
        rows[:, place] = _column(frame[name], name, origin)
    return rows


def _column(column: Any, name: Any, origin: str) -> NDArray[Any]:
    import narwhals as nw

    kind = column.dtype
    if kind.is_numeric() or kind == nw.Boolean:
        return np.asarray(column.cast(nw.Float64).to_numpy())
    values = np.asarray(column.to_numpy())
    if values.dtype.kind == "f":  # float16, which narwhals has no name for
        return values
    if kind == nw.Object and not any(isinstance(value, (str, bytes, complex)) for value in values):
        try:
            return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        except (TypeError, ValueError):
            pass
    present = column.drop_nulls()
    value = f", such as {present[0]!r}" if len(present) else ""
    raise DataError(
        f"{origin}: column {name!r} is not numeric ({kind}{value}); expected numbers: drop the column, "
        "or turn it into numbers first"
    )
