"""Rows that a generator drew, beside the real ones that they are to be like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table
from gmmkit.errors import ModelFormatError
from gmmkit.files.record import ModelRecord
from gmmkit.numerics.streams import engine_seed
from gmmkit.selection.fidelity import Fidelity, fidelity_of, thinned
from gmmkit.selection.generation import in_memory
from gmmkit.selection.generator_records import generator_of_record

__all__ = ["Drawn", "drawn_by"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Rows that were drawn, and what they were compared with.

    Attributes
    ----------
    rows : ndarray of shape (m, d)
    classes : ndarray of shape (m,)
        Their classes, by number.
    real : ndarray of shape (n, d)
        Real rows as their weights have them.
    fidelity : Fidelity
    class_names : tuple of str, or None
        Of the classes; none of a generator without classes. None: the names of the table's labels.
    """

    rows: Array
    classes: NDArray[np.intp]
    real: Array
    fidelity: Fidelity
    class_names: tuple[str, ...] | None = None


def drawn_by(record: ModelRecord, rows: Table) -> Drawn:
    """Draw as many rows from a saved generator as there are real ones, and compare them, with its own seed.

    Raises
    ------
    ModelFormatError
        If the record cannot be read.
    DataError
        If a real value is not finite, or there are fewer than 10 real rows.
    """
    try:
        found, labels = generator_of_record(record)
    except (LookupError, TypeError, ValueError) as error:
        raise ModelFormatError(f"this generator of rows cannot be read: {error}; save it again") from error
    own = record.settings.get("random_state")
    seed = engine_seed(own if isinstance(own, int) else 0)
    real = thinned(in_memory(rows), rows.weights, seed=seed)
    drawn, classes = found.sample(rows.n_rows, seed=seed)
    names = record.feature_names or rows.names or [f"column {j}" for j in range(rows.n_columns)]
    compared = fidelity_of(real, drawn, names, seed=seed)
    return Drawn(drawn, classes, real, compared, tuple(str(label) for label in labels or ()))
