"""Which engine runs stacks: array operations, or the compiled kernel where it is there. One algorithm, two speeds.

Rows are held in a frame with a scale for each column, in which covariances are well conditioned whatever the units.
Structures that are defined with one scale for all columns are run in that: both scales are powers of two, so that
going from one to the other rounds nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference import stack_numpy
from gmmkit.inference.stack import Stack, StackRows, StackRun
from gmmkit.model.covariance import family

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["begin", "labels_of", "run"]

Array = NDArray[np.float64]


def begin(
    rows: StackRows, structures: Sequence[str], sizes: NDArray[np.intp], labellings: NDArray[np.integer]
) -> Stack:
    """Return the mixtures whose components are the groups of rows with equal labels (S, n)."""
    parts = []
    for chosen, own in _by_scale(rows, structures):
        names = tuple(structures[s] for s in chosen)
        stack = stack_numpy.begin(own, names, sizes[chosen], labellings[chosen])
        parts.append((chosen, _rescaled(stack, 1.0 / _ratio(rows, own))))
    return Stack.join([stack for _, stack in parts]).take(_back(parts))


def run(rows: StackRows, stack: Stack, *, max_iter: int, tol: float, n_threads: int = 1) -> StackRun:  # noqa: ARG001
    """Make passes until Aitken's estimate of the objective still to be gained is below `tol`."""
    parts = []
    for chosen, own in _by_scale(rows, stack.structures):
        ratio = _ratio(rows, own)
        found = stack_numpy.run(own, _rescaled(stack.take(chosen), ratio), max_iter=max_iter, tol=tol)
        # Densities are of the rows in their own scale again.
        volume = float(np.log(ratio).sum())
        found = replace(
            found,
            stack=_rescaled(found.stack, 1.0 / ratio),
            objective=found.objective + volume,
            log_likelihood=found.log_likelihood + volume * rows.total_weight,
            traces=tuple(trace + volume for trace in found.traces),
        )
        parts.append((chosen, found))
    return StackRun.join([found for _, found in parts]).take(_back(parts))


def labels_of(rows: StackRows, stack: Stack) -> NDArray[np.int32]:
    """Return the most probable component of each row (S, n) in each mixture."""
    return stack_numpy.labels_of(rows, stack)


def _by_scale(rows: StackRows, structures: Sequence[str]) -> list[tuple[NDArray[np.intp], StackRows]]:
    """Return which mixtures are run in the rows' own scale and which in one for all columns, with the rows so."""
    one_scale = np.array([family(name).equivariance == "scalar" for name in structures], dtype=bool)
    if (rows.units == rows.units[0]).all() or not one_scale.any():
        return [(np.arange(len(structures)), rows)]
    outer = np.outer(rows.units, rows.units)
    common = StackRows(
        rows.z * rows.units[:, None],
        rows.weights,
        {name: scatter * outer for name, scatter in rows.pooled.items()},
        rows.pseudo_rows,
        np.ones_like(rows.units),
    )
    groups = [(np.flatnonzero(~one_scale), rows), (np.flatnonzero(one_scale), common)]
    return [(chosen, own) for chosen, own in groups if len(chosen)]


def _ratio(rows: StackRows, own: StackRows) -> Array:
    return np.ones_like(rows.units) if own is rows else rows.units


def _rescaled(stack: Stack, ratio: Array) -> Stack:
    if (ratio == 1.0).all():
        return stack
    return replace(stack, means=stack.means * ratio, covariances=stack.covariances * np.outer(ratio, ratio))


def _back(parts: Sequence[tuple[NDArray[np.intp], object]]) -> NDArray[np.intp]:
    return np.argsort(np.concatenate([chosen for chosen, _ in parts]), kind="stable")
