"""Run a stack of mixtures in the compiled kernel: what `stack_numpy.py` does, many times faster."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.stack import UNFINISHED, Stack, StackRows, StackRun
from gmmkit.kernels import native
from gmmkit.model.covariance import family

__all__ = ["begin", "labels_of", "run"]

Array = NDArray[np.float64]

_MOST_AT_ONCE = 1000


def begin(
    rows: StackRows, structures: tuple[str, ...], sizes: NDArray[np.intp], labellings: NDArray[np.integer]
) -> tuple[Stack, Array]:
    """Return the mixtures whose components are the groups of equal labels (S, n), and how likely they are with them."""
    labels = np.ascontiguousarray(labellings, dtype=np.int32)
    parameters, objectives = native.begin(*_given(rows, structures, sizes), labels)
    return Stack(structures, sizes, *parameters), objectives


def run(rows: StackRows, stack: Stack, *, max_iter: int, tol: float, n_threads: int = 1) -> StackRun:
    """Make passes until Aitken's estimate of the objective still to be gained is below `tol`."""
    found = _run_once(rows, stack, min(max_iter, _MOST_AT_ONCE), tol, n_threads)
    made = _MOST_AT_ONCE
    while made < max_iter and (found.status == UNFINISHED).any():
        # Traces have a place for every pass that may be made: only the few that need many get them.
        rest, done = np.flatnonzero(found.status == UNFINISHED), np.flatnonzero(found.status != UNFINISHED)
        passes = min(max_iter - made, _MOST_AT_ONCE)
        more = _run_once(rows.take(rest), found.stack.take(rest), passes, tol, n_threads)
        traces = np.concatenate([found.traces[rest, :made], more.traces], axis=1)
        more = replace(more, traces=traces, passes=more.passes + made)
        found = StackRun.join([more, found.take(done)]).take(np.argsort(np.concatenate([rest, done])))
        made += passes
    return found


def _run_once(rows: StackRows, stack: Stack, max_iter: int, tol: float, n_threads: int) -> StackRun:
    parameters = tuple(np.array(values, order="C") for values in (stack.weights, stack.means, stack.covariances))
    objective, log_likelihood, log_certainty, passes, status, traces = native.run(
        *_given(rows, stack.structures, stack.sizes),
        parameters,  # type: ignore[arg-type]
        max_iter=max_iter,
        tol=tol,
        n_threads=n_threads,
    )
    return StackRun(
        Stack(stack.structures, stack.sizes, *parameters),
        objective,
        log_likelihood,
        log_certainty,
        status.astype(np.intp),
        passes.astype(np.intp),
        traces[:, : max(int(passes.max(initial=1)), 1)].copy(),
    )


def labels_of(rows: StackRows, stack: Stack) -> NDArray[np.int32]:
    """Return the most probable component of each row (S, n) in each mixture."""
    parameters = tuple(np.ascontiguousarray(values) for values in (stack.weights, stack.means, stack.covariances))
    return native.classify(*_given(rows, stack.structures, stack.sizes), parameters)  # type: ignore[arg-type]


def _given(
    rows: StackRows, structures: tuple[str, ...], sizes: NDArray[np.intp]
) -> tuple[Array, Array, NDArray[np.int32], NDArray[np.int32], Array, Array]:
    codes = {name: native.STRUCTURES.index(family(name).structure) for name in set(structures)}
    return (
        rows.z,
        np.ascontiguousarray(rows.weights, dtype=np.float64),
        np.array([codes[name] for name in structures], dtype=np.int32),
        sizes.astype(np.int32),
        rows.pseudo(structures, sizes),
        rows.units,
    )
