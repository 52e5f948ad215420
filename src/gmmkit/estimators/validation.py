"""From what callers pass to a checked `Table`, with scikit-learn's rules and messages."""

from __future__ import annotations

import threading
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from gmmkit.data import Table, as_table
from gmmkit.data.columns import check_names
from gmmkit.errors import DataError

__all__ = ["float_type", "is_stream", "rows_of", "seed_of"]

_MOST = int(np.iinfo(np.int32).max)


def rows_of(
    estimator: BaseEstimator, X: Any, *, sample_weight: Any = None, reset: bool = False, min_rows: int = 1
) -> Table:
    """Return X as a table, checked against what the estimator was fitted on (or setting it, with `reset`).

    Arrays and frames go through scikit-learn's own validation without being copied or cast: every block is cast
    when it is read, and checked finite then. Tables and iterators of arrays go straight in, and so do arrays that it
    would have nothing to say of. What scikit-learn refuses is refused in the words of `gmmkit.data`, where that finds
    the same fault: they name row and column.
    """
    if isinstance(X, Table) or is_stream(X) or _is_ordinary(estimator, X, reset, min_rows):
        table = as_table(X)
        _check_columns(estimator, table, reset)
        if table.n_rows < min_rows:
            raise DataError(
                f"{table.origin} has {table.n_rows} sample(s), but {type(estimator).__name__} needs at least {min_rows}"
            )
    else:
        if np.ma.isMaskedArray(X):
            as_table(X)  # refuses masked values, which scikit-learn would read as if they were not
        try:
            array = validate_data(
                estimator, X, reset=reset, dtype="numeric", ensure_all_finite=False, ensure_min_samples=min_rows
            )
        except (ValueError, np.exceptions.DTypePromotionError):
            as_table(X)  # names the column
            raise
        names = getattr(estimator, "feature_names_in_", None)
        table = as_table(array, names=None if names is None else [str(name) for name in names])
    if sample_weight is None:
        return table
    if isinstance(sample_weight, Real):
        sample_weight = np.full(table.n_rows, float(sample_weight))
    return table.with_weights(sample_weight)


def float_type(table: Table) -> type[np.floating[Any]]:
    """Return the type that answers about these rows take: float32 for float32 rows, else float64."""
    return np.float32 if table.source.dtype == np.float32 else np.float64


def seed_of(random_state: int | np.random.RandomState | None) -> int:
    """Return a seed for the engine's own streams: the first number of scikit-learn's generator."""
    if not isinstance(random_state, Integral):
        return int(check_random_state(random_state).randint(_MOST))
    # A new RandomState would first gather entropy, which takes many times longer.
    _numbered.random.seed(random_state)
    # What randint draws, without the price of arguments that may be arrays.
    while (drawn := _numbered.bits.random_raw() & _MOST) == _MOST:
        pass
    return int(drawn)


class _Numbered(threading.local):
    """A generator for each thread, seeded anew each time."""

    def __init__(self) -> None:
        self.bits = np.random.MT19937(0)
        self.random = np.random.RandomState(self.bits)


_numbered = _Numbered()


def is_stream(X: Any) -> bool:
    """Tell whether X can be read only once, or only from beginning to end."""
    return hasattr(X, "__next__") or (
        hasattr(X, "__iter__")
        and not hasattr(X, "__len__")
        and not hasattr(X, "__array__")
        and not hasattr(X, "__dataframe__")
    )


def _is_ordinary(estimator: BaseEstimator, X: Any, reset: bool, min_rows: int) -> bool:
    """Tell whether X is an array of numbers of the right shape, and nobody gave names to columns."""
    if type(X) is not np.ndarray or X.dtype.kind not in "iuf" or X.ndim != 2 or X.shape[1] < 1:
        return False
    columns = getattr(estimator, "n_features_in_", None)
    known = reset or (columns == X.shape[1] and not hasattr(estimator, "feature_names_in_"))
    return known and len(X) >= max(min_rows, 1)


def _check_columns(estimator: BaseEstimator, table: Table, reset: bool) -> None:
    if reset:
        estimator.n_features_in_ = table.n_columns
        if table.names is not None:
            estimator.feature_names_in_ = np.array(table.names, dtype=object)
        elif hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
        return
    if table.n_columns != estimator.n_features_in_:
        raise DataError(
            f"X has {table.n_columns} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input"
        )
    known: NDArray[np.object_] | None = getattr(estimator, "feature_names_in_", None)
    if known is not None:
        check_names(table.names, [str(name) for name in known], table.origin, type(estimator).__name__)
