"""Rows that are already in memory: arrays, memory maps and lists of lists, used where they lie."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import DataError

__all__ = ["ArrayRows", "as_rows"]


class ArrayRows:
    """A two-dimensional array as a source: ``read`` returns a view of it.

    Parameters
    ----------
    array : ndarray of shape (n, d)
        Any real dtype, any memory order.

    Examples
    --------
    >>> ArrayRows(np.arange(6).reshape(3, 2)).read(1, 3)
    array([[2, 3],
           [4, 5]])
    """

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self._array)

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return int(self._array.shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self._array.dtype

    @property
    def in_any_order(self) -> bool:
        """Whether rows are in memory, where any order costs as little; those of a file are read from first to last."""
        base: Any = self._array
        while isinstance(base, np.ndarray):
            if isinstance(base, np.memmap):
                return False
            base = base.base
        return True

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return a view of rows ``start`` to ``stop - 1``."""
        return self._array[start:stop]


def as_rows(data: Any, origin: str) -> NDArray[Any]:
    """Return an array-like as a two-dimensional array of real numbers, without copying an array.

    Raises
    ------
    DataError
        If it is not two-dimensional, is empty, or holds anything but real numbers.

    Examples
    --------
    >>> as_rows([[1, 2.5], [3, 4]], "X")
    array([[1. , 2.5],
           [3. , 4. ]])
    """
    if np.ma.is_masked(data):
        raise DataError(
            f"{origin} has masked values; every value must be a finite number: "
            f"fill them with {origin}.filled(...), or drop their rows with numpy.ma.compress_rows"
        )
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise DataError(
            f"{origin} is not rectangular: its rows do not have the same number of values; "
            "expected a two-dimensional table of numbers (for an iterable of blocks pass iter(...))"
        ) from error
    if array.dtype.names is not None:
        raise DataError(
            f"{origin} is a structured array with fields {', '.join(array.dtype.names)}; "
            "expected a two-dimensional array of numbers: "
            "numpy.lib.recfunctions.structured_to_unstructured makes one"
        )
    _check_shape(array, origin)
    return _real(array, origin)


def _check_shape(array: NDArray[Any], origin: str) -> None:
    if array.ndim == 0:
        raise DataError(
            f"Expected 2D array, got scalar array instead: {origin} is {reprlib.repr(array.item())} "
            f"({type(array.item()).__name__}). Reshape your data, such as [[value]] for one row of one column"
        )
    if array.ndim == 1:
        raise DataError(
            f"Expected 2D array, got 1D array instead: {origin} has shape {array.shape}. Reshape your data: "
            ".reshape(-1, 1) if it is one column, .reshape(1, -1) if it is one row"
        )
    if array.ndim > 2:
        raise DataError(
            f"Expected 2D array, got {array.ndim}D array instead: {origin} has shape {array.shape}. "
            f"Reshape your data to (rows, columns): .reshape(-1, {array.shape[-1]}) keeps the last "
            "axis as columns; pass iter(...) for a list of blocks"
        )
    n_rows, n_columns = array.shape
    for count, unit in ((n_rows, "sample"), (n_columns, "feature")):
        if count == 0:
            raise DataError(
                f"Found array with 0 {unit}(s) (shape=({n_rows}, {n_columns})) while a minimum of 1 "
                f"is required: {origin} has no {'rows' if unit == 'sample' else 'columns'}"
            )


def _real(array: NDArray[Any], origin: str) -> NDArray[Any]:
    kind = array.dtype.kind
    if kind in "biu":
        return array
    if kind == "f":
        # long double: nothing behind this point computes in it.
        return array if array.dtype.itemsize <= 8 else array.astype(np.float64)
    if kind == "c":
        raise DataError(
            f"Complex data not supported: {origin} has dtype {array.dtype}; pass real and "
            f"imaginary parts as columns, numpy.hstack([{origin}.real, {origin}.imag])"
        )
    if kind == "O":
        return _numbers_of_objects(array, origin)
    value = array[0, 0].item() if kind in "US" else array[0, 0]
    raise DataError(
        f"{origin} has dtype {array.dtype}; expected numbers: the value in row 0, column 0 is {value!r}. "
        + (
            f"Convert text with {origin}.astype(float)"
            if kind in "US"
            else f"Convert it, such as {origin}.astype('int64')"
        )
    )


def _numbers_of_objects(array: NDArray[Any], origin: str) -> NDArray[np.float64]:
    numbers = np.empty(array.shape)
    for place, value in np.ndenumerate(array):
        try:
            # float("1.5") would pass, and hide that the column was read as text.
            numbers[place] = np.nan if value is None else float(_refuse_text(value))
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{origin}: row {place[0]}, column {place[1]} is {reprlib.repr(value)} "
                f"({type(value).__name__}); expected a number: remove the column or convert it"
            ) from error
    return numbers


def _refuse_text(value: Any) -> Any:
    if isinstance(value, (str, bytes, complex)):
        raise TypeError
    return value
