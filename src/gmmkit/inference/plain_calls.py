"""The calls that plain EM is made of: of few rows as the only mixture of a stack, or over blocks of rows in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.em import EM
from gmmkit.kernels import native
from gmmkit.kernels.native.dense_run import run_blocks
from gmmkit.kernels.native.full_refit import MOST_COLUMNS
from gmmkit.kernels.native.plain import run_plain
from gmmkit.model.covariance import Diagonal, Full
from gmmkit.model.fused import Fused
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import KAPPA_SQUARED_LIMIT

__all__ = ["Calls", "over_blocks", "stacked"]

Array = NDArray[np.float64]

# Of a call, in what either counts of a pass: some milliseconds, some tenth of a second. Ctrl-C is heard between calls.
_STACKED_CALL, _BLOCKS_CALL, _MOST_PASSES = 1 << 24, 3_000_000_000, 10_000
# What a thread must have to do in a pass, some twentieth of a millisecond, and in a call, to be worth waiting for.
_LEAST_SHARE, _LEAST_CALL = 2_000_000, 20_000_000
# Families whose refit has one answer. Common axes are sought from where each engine's last search for them ended, and
# EVV divides by determinants, of which nearly dependent columns leave few digits, each engine's own.
_STACKED = frozenset(native.STRUCTURES) - {"EVE", "VVE", "EVV"}
# A component of its own row alone has no spread: more than that it must hold, and of what families need a little more
# than is needed, as sums of weights are rounded.
_ONE_ROW, _MORE = 1.5, 1.0 + 1e-9


@dataclass(frozen=True, slots=True)
class Calls:
    """How passes of one problem are made.

    Attributes
    ----------
    make : callable
        Given a state, the number of passes at most, the change that ends the run, and the objective before, in the
        frame: the state after them, their objectives, and the status that the kernel tells.
    at_once : int
        How many passes a call may make.
    """

    make: Callable[[Mixture, int, float, float], tuple[Mixture, Array, int]]
    at_once: int


def stacked(algorithm: EM, start: Mixture) -> Calls | None:
    """Return calls for few rows, of any family but some; None where it is one of those, or there is a ridge."""
    problem, prior, (k, d) = algorithm.problem, algorithm.prior, start.means.shape
    n, family = problem.table.n_rows, problem.family
    if family.structure not in _STACKED or prior.ridge.any():
        return None
    rows, weights = problem.framed(), problem.table.weights
    weights = np.ones(n) if weights is None else np.ascontiguousarray(weights)
    pseudo = problem.pooled.dense()[0] * (prior.pseudo_rows / k)
    units = np.ones(d)  # the frame has one scale for all columns where the family is defined in one
    # Few rows leave a covariance few digits, each engine's own.
    needed = max(family.minimum_rows(d) * _MORE, _ONE_ROW) / problem.rows_per_weight

    def make(state: Mixture, max_iter: int, tol: float, before: float) -> tuple[Mixture, Array, int]:
        own, means, covariances = _copies(state.weights, state.means, state.covariance.dense())
        trace, status = run_plain(
            rows, weights, family.structure, pseudo, units, (own, means, covariances),
            max_iter=max_iter, tol=tol, before=before, needed=needed,
        )  # fmt: skip
        return Mixture.trusted(own, means, family.from_dense(covariances)), trace, status

    return Calls(make, min(max(_STACKED_CALL // (n * k * (d + 1) * (d + 2) // 2), 1), _MOST_PASSES))


def over_blocks(algorithm: EM, start: Mixture) -> Calls | None:
    """Return calls for rows in memory of whose passes some take little time, of full and diagonal covariances.

    None where they take longer (what Python does between them is then nothing), may be made in floats, or rows lie too
    far away for the kernel's forms of scores.
    """
    problem, prior, k = algorithm.problem, algorithm.prior, start.n_components
    family = problem.family
    if family not in (Full, Diagonal) or (family is Full and problem.n_columns > MOST_COLUMNS) or problem.single:
        return None
    try:
        fused = Fused.of(algorithm.scorer(start), reach=problem.reach)
    except np.linalg.LinAlgError:
        return None  # the array engine repairs what has no factor
    shared = None if fused is None else fused.shared_blocks(problem.table)
    if fused is None or shared is None:
        return None
    (rows, block_rows), components = shared, fused.components
    pseudo = np.ascontiguousarray(prior.scatter_total / k)
    # Of many components some have few rows all the time.
    fewest = family.minimum_rows(problem.n_columns) if algorithm.on_singular in ("reseed", "drop", "raise") else 0
    needed = max(fewest * _MORE, _ONE_ROW) / problem.rows_per_weight
    # Beside the rows: the sums of some blocks.
    work = len(rows) * components.operations_per_row + 64 * components.n_kept
    most_threads = min(problem.workers.n_threads, max(work // _LEAST_SHARE, 1))

    def make(state: Mixture, max_iter: int, tol: float, before: float) -> tuple[Mixture, Array, int]:
        own, means, values = _copies(state.weights, state.means, state.covariance.values)
        trace, status = run_blocks(
            rows, problem.table.weights, components, block_rows, (own, means, values),
            pseudo=pseudo, ridge=prior.ridge, reach=problem.reach, farthest=KAPPA_SQUARED_LIMIT,
            total_weight=problem.total_weight, needed=needed, before=before, tol=tol,
            max_iter=max_iter, n_threads=min(most_threads, max(max_iter * work // _LEAST_CALL, 1)),
        )  # fmt: skip
        return Mixture.trusted(own, means, family.owning(values)), trace, status

    return Calls(make, min(max(_BLOCKS_CALL // work, 1), _MOST_PASSES))


def _copies(*arrays: Array) -> tuple[Array, ...]:
    return tuple(np.array(values, dtype=np.float64, order="C") for values in arrays)
