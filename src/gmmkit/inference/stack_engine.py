"""Which engine runs stacks: array operations, or the compiled kernel where it is there. One algorithm, two speeds."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference import stack_native, stack_numpy
from gmmkit.inference.stack import Stack, StackRows, StackRun
from gmmkit.kernels import native

__all__ = ["begin", "labels_of", "run"]


def begin(
    rows: StackRows, structures: tuple[str, ...], sizes: NDArray[np.intp], labellings: NDArray[np.integer]
) -> tuple[Stack, NDArray[np.float64]]:
    """Return the mixtures whose components are the groups of rows with equal labels (S, n).

    With them their classification log-likelihoods (S,), per unit of weight and penalised; −∞ where singular.
    """
    return _engine(rows).begin(rows, structures, sizes, labellings)  # type: ignore[no-any-return]


def run(rows: StackRows, stack: Stack, *, max_iter: int, tol: float, n_threads: int = 1) -> StackRun:
    """Make passes until Aitken's estimate of the objective still to be gained is below `tol`."""
    return _engine(rows).run(rows, stack, max_iter=max_iter, tol=tol, n_threads=n_threads)  # type: ignore[no-any-return]


def labels_of(rows: StackRows, stack: Stack) -> NDArray[np.int32]:
    """Return the most probable component of each row (S, n) in each mixture."""
    return _engine(rows).labels_of(rows, stack)  # type: ignore[no-any-return]


def _engine(rows: StackRows) -> ModuleType:
    wide = len(rows.z) > native.MOST_COLUMNS
    return stack_numpy if wide or native.why_not() is not None else stack_native
