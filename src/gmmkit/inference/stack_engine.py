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

__all__ = ["begin", "labels_of", "run"]

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


def _engine(rows: StackRows) -> ModuleType:
    wide = len(rows.z) > native.MOST_COLUMNS
    return stack_numpy if wide or native.why_not() is not None else stack_native


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
