"""What rows are drawn from, fitted to a table: the one way, for the estimator and the command line.

Fit, draw and comparison know nothing of each other but one seed, so that each has random streams of its own
(`stream_of`): ``places`` of rounded values in their cells and ``fits``; ``draws``; ``thinning`` of weighted rows and
``comparison``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table
from gmmkit.numerics.streams import Seed, stream_of
from gmmkit.selection.stacking import StackSettings, stack_densities
from gmmkit.selection.synthesis import FitRows, Indices, Synthesizer, synthesizer_of

__all__ = ["fitted_synthesizer", "in_memory"]

Array = NDArray[np.float64]

_BLOCK_VALUES = 2**18


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
    return synthesizer_of(
        in_memory(table),
        stacked if fit is None else fit,
        weights=table.weights,
        classes=classes,
        class_names=class_names,
        bounds=bounds,
        names=table.names,
        seed=seed,
    )


def in_memory(table: Table) -> Array:
    """Return all rows of a table (n, d), which are checked to be finite."""
    for block in table.blocks(max(1, _BLOCK_VALUES // table.n_columns)):
        table.check_finite(block)
    return table.take(np.arange(table.n_rows))
