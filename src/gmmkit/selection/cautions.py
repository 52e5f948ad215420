"""Warnings of a search: what its table does not say."""

from __future__ import annotations

import warnings

import numpy as np

from gmmkit.data.table import Table
from gmmkit.errors import GmmkitWarning, SingularComponentWarning
from gmmkit.inference.repairs import dependence
from gmmkit.selection.ranking import SearchResult

__all__ = ["warn_of_dependent_columns", "warn_of_shares"]

# The caller of whoever called `search`.
_THEIRS = 4


def warn_of_shares(table: Table) -> None:
    """Say so where weights sum to less than the number of rows that have one."""
    if table.weights is None:
        return
    n, total = int(np.count_nonzero(table.weights)), table.total_weight
    if total < n * (1.0 - 1e-9):
        said = (
            f"the weights of {table.origin} sum to {total:.6g}, though {n} rows have one: criteria count a weight as "
            "repetitions of its row, so that fewer rows than there are speak for components; if the weights are "
            f"shares, multiply them by {n / total:.6g}"
        )
        warnings.warn(GmmkitWarning(said), stacklevel=_THEIRS)


def warn_of_dependent_columns(found: SearchResult, table: Table) -> None:
    """Say so where models were set aside because columns are linearly dependent."""
    fits = [candidate.result for candidate in found.spurious if candidate.result is not None]
    aside = [result for result in fits if result.health.dependent]
    if not aside or found.best.result in aside:
        return
    repairs = tuple(repair for repair in aside[0].repairs if repair.kind == "dependent columns")
    said = (
        f"{dependence(repairs, table.names)}: {len(aside)} models with covariances between columns were set aside, and "
        "the others need many components to follow such columns; leave out what the other columns determine, or use "
        "fewer columns than rows, and search again"
    )
    warnings.warn(SingularComponentWarning(said, repairs), stacklevel=_THEIRS)
