"""Which engine runs stacks: array operations, or the compiled kernel where it is there. One algorithm, two speeds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference import stack_numpy
from gmmkit.inference.stack import Stack, StackRows, StackRun

__all__ = ["begin", "labels_of", "run"]


def begin(
    rows: StackRows, structures: tuple[str, ...], sizes: NDArray[np.intp], labellings: NDArray[np.integer]
) -> Stack:
    """Return the mixtures whose components are the groups of rows with equal labels (S, n)."""
    return stack_numpy.begin(rows, structures, sizes, labellings)


def run(rows: StackRows, stack: Stack, *, max_iter: int, tol: float, n_threads: int = 1) -> StackRun:  # noqa: ARG001
    """Make passes until Aitken's estimate of the objective still to be gained is below `tol`."""
    return stack_numpy.run(rows, stack, max_iter=max_iter, tol=tol)


def labels_of(rows: StackRows, stack: Stack) -> NDArray[np.int32]:
    """Return the most probable component of each row (S, n) in each mixture."""
    return stack_numpy.labels_of(rows, stack)
