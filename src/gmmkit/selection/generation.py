"""What rows are drawn from, fitted to a table: the one way, for the estimator and the command line.

Fit, draw and comparison know nothing of each other but one seed, so that each has random streams of its own
(`stream_of`): ``places`` of rounded values in their cells and ``fits``; ``draws``; ``thinning`` of weighted rows and
``comparison``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table
from gmmkit.errors import DataError
from gmmkit.numerics.streams import Seed, stream_of
from gmmkit.selection.far_values import far_values
from gmmkit.selection.stacking import StackSettings, stack_densities
from gmmkit.selection.synthesis import FitRows, Indices, Synthesizer, synthesizer_of

__all__ = ["fitted_synthesizer", "in_memory", "values_that_lead"]

Array = NDArray[np.float64]

_BLOCK_VALUES = 2**18
# Distances whose squares float64 holds, and those from which a few values lead a fit (`far_values`).
_MOST_SPAN = 1e153
_FAR, _FAR_IN_LOGARITHMS = 100.0, 20.0


def fitted_synthesizer(
    table: Table,
    fit: FitRows | None = None,
    *,
    classes: Indices | None = None,
    class_names: Sequence[Any] | NDArray[Any] | None = None,
    bounds: Mapping[int, Any] | None = None,
    seed: Seed = None,
    n_jobs: int | None = None,
) -> Synthesizer:
    """Return what draws rows like a table's.

    Parameters
    ----------
    table : Table
        Its rows are read into memory.
    fit : callable, optional
        Given a table of rows on the scale without ends, returns a mixture. Default: the stacked density
        (`stack_densities`).
    classes : ndarray of shape (n,), optional
        Of the rows, from 0; each is fitted by itself.
    class_names : sequence, optional
        For messages.
    bounds : mapping of int to (float, float), optional
        Ends of columns.
    seed : int, SeedSequence, Generator or None
    n_jobs : int, optional
        Threads of the default fit.

    Raises
    ------
    ParameterError, DataError
        See `synthesizer_of`; also if a value is missing or not finite.
    """

    def stacked(part: Table) -> Any:
        return stack_densities(part, settings, n_jobs=n_jobs).mixture

    settings = StackSettings.default(int(stream_of(seed, "fits").integers(2**31)))
    rows = in_memory(table)
    _check_spans(table, rows)
    return synthesizer_of(
        rows,
        stacked if fit is None else fit,
        weights=table.weights,
        classes=classes,
        class_names=class_names,
        bounds=bounds,
        names=table.names,
        seed=seed,
    )


def values_that_lead(table: Table, found: Synthesizer) -> list[str]:
    """Return a sentence for each column of which a few values lead the fit astray, on the scale that it is made on."""
    rows = in_memory(table)
    judged = np.column_stack([shape.forward(column) for shape, column in zip(found.shapes, rows.T, strict=True)])
    # Where there is an end the scale is a logarithm, on which even heavy tails are short.
    ends = np.array([math.isfinite(shape.low) or math.isfinite(shape.high) for shape in found.shapes])
    return far_values(table, rows, judged, far=np.where(ends, _FAR_IN_LOGARITHMS, _FAR))


def _check_spans(table: Table, rows: Array) -> None:
    """Raise where a column's values are so far apart that their squares cannot be held."""
    with np.errstate(over="ignore"):
        away = np.abs(rows - np.median(rows, axis=0))
    row, j = np.unravel_index(int(away.argmax()), away.shape)
    if not away[row, j] < _MOST_SPAN:
        raise DataError(
            f"{table.origin}: {table.where(int(row), int(j))} is {rows[row, j]:g}, too far from the column's other "
            "values for their variance to be held; if it is a mistake, remove the row, else divide the column by a "
            "constant"
        )


def in_memory(table: Table) -> Array:
    """Return all rows of a table (n, d), which are checked to be finite."""
    for block in table.blocks(max(1, _BLOCK_VALUES // table.n_columns)):
        table.check_finite(block)
    return table.take(np.arange(table.n_rows))
