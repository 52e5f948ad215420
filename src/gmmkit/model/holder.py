"""What has a mixture: a fitted estimator, or a mixture itself; and rows for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from gmmkit.data import Table, as_table
from gmmkit.data.columns import check_names
from gmmkit.errors import ParameterError
from gmmkit.model.mixture import Mixture

__all__ = ["MixtureHolder", "mixture_of", "table_for"]


class MixtureHolder(Protocol):
    """A fitted estimator."""

    @property
    def mixture_(self) -> Mixture:
        """What was fitted."""
        ...


def mixture_of(model: Mixture | MixtureHolder) -> Mixture:
    """Return the mixture of a fitted estimator, or the mixture itself."""
    mixture = getattr(model, "mixture_", model)
    if not isinstance(mixture, Mixture):
        raise ParameterError(
            f"expected a Mixture or a fitted estimator, but got {type(model).__name__}: call fit first, or give one of "
            "those"
        )
    return mixture


def table_for(model: Mixture | MixtureHolder, rows: Any, *, weights: Any = None, origin: str = "X") -> Table:
    """Return rows for a model as a table; those without names take the names that the model was fitted on.

    Raises
    ------
    DataError
        If the rows cannot be used, or their columns come in another order than those the model was fitted on.
    """
    table = as_table(rows, weights=weights, origin=origin)
    known = getattr(model, "feature_names_in_", None)
    if known is None:
        return table
    names = tuple(str(name) for name in known)
    check_names(table.names, names, table.origin, type(model).__name__)
    return replace(table, names=names) if table.names is None and table.n_columns == len(names) else table
