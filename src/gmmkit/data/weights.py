"""Row weights: one finite number at or above zero for each row, not all of them zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import DataError

__all__ = ["as_weights"]


def as_weights(weights: Any, n_rows: int, where: Callable[[int], str]) -> NDArray[np.float64]:
    """Return weights as a checked float64 array of shape (n_rows,).

    Parameters
    ----------
    weights : array-like of shape (n_rows,)
        An array, a list, a Series: anything that NumPy can read as numbers.
    n_rows : int
        Number of rows they belong to.
    where : callable
        Says where a row stands, for messages: ``where(3)`` → ``"row 3"``.

    Raises
    ------
    DataError
        For another shape, text, a negative weight, NaN or infinity, or if all weights are zero.

    Examples
    --------
    >>> as_weights([1, 0, 2], 3, "row {}".format)
    array([1., 0., 2.])
    """
    array = np.asarray(weights)
    if array.ndim != 1:
        raise DataError(
            f"weights have shape {array.shape}; expected ({n_rows},), one number for each row: "
            "pass a one-dimensional array, such as numpy.ravel(weights)"
        )
    if len(array) != n_rows:
        raise DataError(
            f"{len(array)} weights for {n_rows} rows; expected one weight for each row, in the order of the rows"
        )
    values = _numbers(array)
    # One look at two numbers when all is well; NaN fails every comparison, so it is caught as well.
    if not (values.min(initial=0.0) >= 0.0 and values.max(initial=0.0) < np.inf):
        row = int(np.flatnonzero(~((values >= 0.0) & (values < np.inf)))[0])
        raise DataError(
            f"the weight of {where(row)} is {describe_number(values[row])}; weights must be finite "
            "and not negative: correct it, or give the row weight 0 to leave it out"
        )
    if not values.any():
        raise DataError(f"every weight is zero; expected a weight above 0 for at least one of the {n_rows} rows")
    with np.errstate(over="ignore"):
        total = values.sum()
    if not np.isfinite(total):
        raise DataError(
            f"the weights add up to more than a float64 can hold (the largest is {values.max():g}); "
            "divide them by their largest value"
        )
    return values


def describe_number(value: float) -> str:
    """Write a number for a message: ``NaN``, ``infinity`` or its digits."""
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    return f"{value:.12g}"


def _numbers(array: NDArray[Any]) -> NDArray[np.float64]:
    if array.dtype.kind in "biuf":
        return np.ascontiguousarray(array, dtype=np.float64)
    if array.dtype.kind == "O" and not any(isinstance(value, str) for value in array):
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError):
            pass
    sample = repr(array[0].item() if isinstance(array[0], np.generic) else array[0]) if len(array) else "nothing"
    raise DataError(f"weights must be numbers; got dtype {array.dtype}, the first value is {sample}")
