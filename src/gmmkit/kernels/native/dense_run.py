"""Plain expectation–maximisation over rows in memory in the compiled kernel: many passes in one call.

Of a pass that takes some milliseconds, what Python does between it and the next is a tenth, in which other threads have
nothing to do; and waking them takes another. Within a call they wait for each other awake.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.kernels import native
from gmmkit.kernels.expanded import Features
from gmmkit.kernels.native.addresses import address_of
from gmmkit.kernels.native.dense import Components, rows_of
from gmmkit.kernels.native.dense_api import Run

__all__ = ["run_blocks"]

Array = NDArray[np.float64]


def run_blocks(
    rows: NDArray[Any],
    weights: Array | None,
    components: Components,
    block_rows: int,
    parameters: tuple[Array, Array, Array],
    *,
    pseudo: Array,
    ridge: Array,
    reach: Array,
    farthest: float,
    total_weight: float,
    needed: float,
    before: float,
    tol: float,
    max_iter: int,
    n_threads: int = 1,
) -> tuple[Array, int]:
    """Make passes of one mixture until one changes the objective by less than `tol`; refit after each.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        As `dense.takes` says.
    weights : ndarray of shape (n,), or None
    components : Components
        With matrices in doubles, or expanded to squares: their form, size and frame are what is taken of them.
    block_rows : int
        Of each block that one thread takes.
    parameters : tuple of ndarray, shapes (k,), (k, d), and (k, d, d) or (k, d)
        Weights, means and covariances or variances, in the frame; overwritten with those of the last refit.
    pseudo : ndarray of shape (d, d) or (d,)
        Added to the scatter of each component.
    ridge : ndarray of shape (d,)
        Added to variances.
    reach : ndarray of shape (d,)
        Largest size of each column's values in the frame.
    farthest : float
        Largest squared whitened distance from the origin that a row may have by its reach.
    total_weight : float
        Of all rows.
    needed : float
        Weight that each component must hold after each pass.
    before : float
        The objective known before the first pass; −inf if none.
    tol : float
    max_iter : int
    n_threads : int, default=1
        The answer has the same bits for any number.

    Returns
    -------
    trace : ndarray of shape (passes,)
        The penalised log-likelihood per unit of weight before each pass's refit.
    status : int
        As of `plain.run_plain`. A run is `SINGULAR` too where rows lie too far away for these forms of scores.
    """
    k, d = components.k, components.d
    has_matrices = components.is_centred and len(components.own_moments) == 3
    if components.single or not (has_matrices or components.p == Features.DIAGONAL.size(d)):
        raise ValueError("expected matrices in doubles, or features with squares")
    if not (min(block_rows, max_iter, n_threads) >= 1 and len(rows)):
        given = f"{len(rows)}, {block_rows}, {max_iter} and {n_threads}"
        raise ValueError(f"expected rows, rows of a block, passes and threads, each at least 1; got {given}")
    own = (d, d) if has_matrices else (d,)
    trace = np.empty(max_iter)
    asked = Run(
        components.form, k, *map(address_of, parameters, ((k,), (k, d), (k, *own))),
        address_of(pseudo, own), address_of(ridge, (d,)), address_of(reach, (d,)), farthest,
        total_weight, needed, tol, before, block_rows, -(-len(rows) // block_rows), max_iter, n_threads,
        address_of(trace, (max_iter,)),
    )  # fmt: skip
    native.call("gmmkit_dense_run", rows_of(rows, weights, components), asked)
    return trace[: asked.passes], asked.status
