"""Which engine runs stacks: array operations, or the compiled kernel where it is there. One algorithm, two speeds.

Where columns are nearly dependent, structures that are closed under every linear map are run in sphered coordinates:
moments of such columns hold the determinants that EVV divides by to a few digits only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference import stack_native, stack_numpy
from gmmkit.inference.stack import Stack, StackRows, StackRun
from gmmkit.kernels import native
from gmmkit.model.covariance import family

__all__ = ["begin", "labels_of", "partition_keys", "run", "smallest_eigenvalues"]

Array = NDArray[np.float64]
Index = NDArray[np.intp]


def begin(
    rows: StackRows, structures: tuple[str, ...], sizes: Index, labellings: NDArray[np.integer]
) -> tuple[Stack, Array]:
    """Return the mixtures whose components are the groups of rows with equal labels (S, n).

    With them their classification log-likelihoods (S,), per unit of weight and penalised; −∞ where singular.
    """
    engine = _engine(rows)
    if rows.sphering is None:
        return engine.begin(rows, structures, sizes, labellings)  # type: ignore[no-any-return]
    volume = float(np.linalg.slogdet(rows.sphering)[1])
    stacks, objectives, places = [], [], []
    for chosen, own, sphered in _groups(rows, structures):
        names = tuple(structures[s] for s in chosen)
        stack, objective = engine.begin(own, names, sizes[chosen], labellings[chosen])
        stacks.append(_mapped(stack, _inverse(rows.sphering)) if sphered else stack)
        objectives.append(objective + volume if sphered else objective)
        places.append(chosen)
    back = np.argsort(np.concatenate(places), kind="stable")
    return Stack.join(stacks).take(back), np.concatenate(objectives)[back]


def run(rows: StackRows, stack: Stack, *, max_iter: int, tol: float, n_threads: int = 1) -> StackRun:
    """Make passes until Aitken's estimate of the objective still to be gained is below `tol`."""
    engine = _engine(rows)
    if rows.sphering is None:
        return engine.run(rows, stack, max_iter=max_iter, tol=tol, n_threads=n_threads)  # type: ignore[no-any-return]
    volume = float(np.linalg.slogdet(rows.sphering)[1])
    runs, places = [], []
    for chosen, own, sphered in _groups(rows, stack.structures):
        part = stack.take(chosen)
        part = _mapped(part, rows.sphering) if sphered else part
        found = engine.run(own.take(chosen), part, max_iter=max_iter, tol=tol, n_threads=n_threads)
        if sphered:
            found = replace(
                found,
                stack=_mapped(found.stack, _inverse(rows.sphering)),
                objective=found.objective + volume,
                log_likelihood=found.log_likelihood + volume * rows.total_weight,
                traces=found.traces + volume,
            )
        runs.append(found)
        places.append(chosen)
    return StackRun.join(runs).take(np.argsort(np.concatenate(places), kind="stable"))


def labels_of(rows: StackRows, stack: Stack) -> NDArray[np.int32]:
    """Return the most probable component of each row (S, n) in each mixture."""
    return _engine(rows).labels_of(rows, stack)  # type: ignore[no-any-return]


def smallest_eigenvalues(matrices: Array, white: Array, which: NDArray[np.int32]) -> Array:
    """Return the smallest eigenvalues (K,) of ``W A Wᵀ``, A (K, d, d), W each one of white (M, d, d)."""
    if _compiled(white.shape[1]):
        return native.smallest_eigenvalues(matrices, white, which)
    own = white[which]
    return np.asarray(np.linalg.eigvalsh(own @ matrices @ own.swapaxes(1, 2))[:, 0])


def partition_keys(labels: NDArray[np.int32], marks: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a number for each partition (S, n), labels from 0, that does not depend on how its groups are numbered.

    Marks are random numbers of the rows; sums of them mark the groups.
    """
    return native.partition_keys(labels, marks) if _compiled() else stack_numpy.partition_keys(labels, marks)


def _compiled(n_columns: int = 1) -> bool:
    return n_columns <= native.MOST_COLUMNS and native.why_not() is None


def _engine(rows: StackRows) -> ModuleType:
    return stack_native if _compiled(len(rows.z)) else stack_numpy


def _groups(rows: StackRows, structures: Sequence[str]) -> list[tuple[Index, StackRows, bool]]:
    """Return which mixtures are run in which coordinates."""
    assert rows.sphering is not None
    linear = {name for name in set(structures) if family(name).equivariance == "linear"}
    any_map = np.array([name in linear for name in structures], dtype=bool)
    pooled = {name: rows.sphering @ scatter @ rows.sphering.T for name, scatter in rows.pooled.items()}
    sphered = replace(rows, z=np.ascontiguousarray(rows.sphering @ rows.z), pooled=pooled, sphering=None)
    plain = replace(rows, sphering=None)
    groups = [(np.flatnonzero(any_map), sphered, True), (np.flatnonzero(~any_map), plain, False)]
    return [group for group in groups if len(group[0])]


def _mapped(stack: Stack, matrix: Array) -> Stack:
    return replace(stack, means=stack.means @ matrix.T, covariances=matrix @ stack.covariances @ matrix.T)


def _inverse(matrix: Array) -> Array:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
