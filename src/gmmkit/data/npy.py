"""NPY files: read by position where they lie, without parsing."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from gmmkit.data.arrays import ArrayRows, as_rows
from gmmkit.data.columns import choose_columns
from gmmkit.data.labels import LabelCodes
from gmmkit.data.spool import FileRows
from gmmkit.data.table import SomeColumns, Source, Table
from gmmkit.errors import DataError

__all__ = ["read_npy"]

_MAGIC, _ZIP = b"\x93NUMPY", b"PK\x03\x04"


def read_npy(
    path: str,
    origin: str,
    *,
    columns: Sequence[str | int] | None = None,
    weights: str | int | None = None,
    label: str | int | None = None,
    missing: bool = False,  # noqa: ARG001 - NaN is read as it is in any case, and refused or not by who reads the rows
    identifiers: bool = False,
) -> Table:
    """Return the rows of an NPY file; a one-dimensional array is one column.

    Raises
    ------
    DataError
        If the file is damaged, or does not hold a table of real numbers.
    """
    with open(path, "rb") as file:
        begin = file.read(len(_MAGIC))
    if begin.startswith(_ZIP):
        raise DataError(f"{origin} is an archive of several arrays; expected one: write it with numpy.save")
    # Of anything else numpy.load says how to unpickle it, which nobody should.
    if begin and not begin.startswith(_MAGIC):
        raise DataError(
            f"{origin} is not a whole NPY file, of {os.path.getsize(path)} bytes: it begins with {begin!r}, "
            f"not with {_MAGIC!r}; give it the extension of what it is, or write it with numpy.save"
        )
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError(
            f"{origin} is not a whole NPY file of numbers, of {os.path.getsize(path)} bytes "
            f"({' '.join(str(error).split())}); copy it again, or write it with numpy.save"
        ) from error
    rows = as_rows(array[:, np.newaxis] if array.ndim == 1 else array, origin)
    source: Source = ArrayRows(rows)
    if array.flags.c_contiguous and rows.dtype == array.dtype:
        # Pages of a memory map would count as memory in use; bytes read by position do not.
        source = FileRows(open(path, "rb"), array.offset, len(rows), rows.shape[1], rows.dtype)  # noqa: SIM115
    chosen = choose_columns(None, source.n_columns, origin, columns=columns, weights=weights, label=label)
    features = SomeColumns(source, chosen.features) if len(chosen.features) < source.n_columns or columns else source
    labels = None
    if chosen.label is not None:
        codes = LabelCodes(f"{origin}: column {chosen.label}", identifiers)
        labels = codes.labels(codes.encode(rows[:, chosen.label].tolist()))
    table = Table(features, labels=labels, origin=origin)
    return table if chosen.weights is None else table.with_weights(rows[:, chosen.weights])
