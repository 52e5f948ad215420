"""What a mixture says of rows, block by block: written straight into the answer, nothing else of its size kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gmmkit.data import as_table
from gmmkit.data.table import Block, Table
from gmmkit.errors import DataError
from gmmkit.execution import Workers
from gmmkit.model.fused import Fused
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import Scorer, Workspace

__all__ = ["BlockAnswer", "Likelihood", "classify", "evaluate", "evaluate_blocks", "group_posterior", "likelihood"]

Array = NDArray[np.float64]
Quantity = Literal["log_density", "component_log_density", "posterior", "noise"]

_KERNEL_NAMES = {"log_density": "log_sums", "component_log_density": "scores", "posterior": "posterior"}


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Sums over weighted rows under a mixture.

    Attributes
    ----------
    log_likelihood : float
        ``Σ w_i log p(x_i)``, in nats.
    log_certainty : float
        ``Σ w_i log max_k p(k | x_i)``, noise among the k: 0 when every row is surely of one (the ICL's second term).
    total_weight : float
        ``Σ w_i``.
    """

    log_likelihood: float
    log_certainty: float
    total_weight: float


@dataclass(frozen=True, slots=True)
class BlockAnswer:
    """What a mixture says of the rows of one block.

    Attributes
    ----------
    labels : ndarray of shape (b,)
        The most probable component; −1 for noise.
    posterior : ndarray of shape (b, k)
        A view of a buffer: valid until the next block is asked for.
    log_density : ndarray of shape (b,)
        In nats.
    """

    labels: NDArray[np.intp]
    posterior: Array
    log_density: Array


def evaluate(
    mixture: Mixture,
    rows: Any,
    quantity: Quantity,
    *,
    n_jobs: int | None = None,
    dtype: type[np.floating[Any]] = np.float64,
) -> Array:
    """Return one quantity for each row: (n,) for "log_density", (n, k) for the others."""
    table = _checked_table(mixture, rows)
    volume = mixture.frame.log_volume
    shape: tuple[int, ...] = (table.n_rows,)
    if quantity in ("component_log_density", "posterior"):
        shape = (table.n_rows, mixture.n_components)
    answer: NDArray[Any] = np.empty(shape, dtype=dtype)
    if quantity == "component_log_density":
        # With equal weights a score is the component's own log-density, less log k.
        k = mixture.n_components
        mixture = mixture.changed(weights=np.full(k, 1.0 / k), noise=None)
        volume = mixture.frame.log_volume + math.log(k)

    whole = quantity != "noise" and dtype is np.float64

    def fuse(fused: Fused, block: Block) -> bool:
        place = slice(block.index, block.index + len(block.rows))
        # Single precision is what an answer is rounded to, not what it is computed in.
        to = answer[place] if whole else np.empty((len(block.rows), *shape[1:]))
        if not fused.answer(block.rows, **{_KERNEL_NAMES[quantity]: to}):
            return False
        if quantity != "posterior":
            term = fused.row_term(block.rows)
            if term is not None:
                to += term.reshape(-1, *(1,) * (to.ndim - 1))
            to += volume
        if not whole:
            answer[place] = to
        return True

    def write(scorer: Scorer, block: Block, work: Workspace) -> None:
        place = slice(block.index, block.index + len(block.rows))
        if quantity == "component_log_density":
            scores = scorer.score(block.rows, work)
            term = scorer.row_term(work)
            answer[place] = (scores if term is None else scores + term).T + volume
            return
        posterior, log_density = scorer.responsibilities(block.rows, work)
        if quantity == "noise":
            answer[place] = 0.0 if scorer.log_noise is None else work.scored[-1]
            return
        answer[place] = posterior.T if quantity == "posterior" else log_density + volume

    kept = 0 if whole or len(shape) == 1 else shape[1]
    _each_block(table, mixture, write, n_jobs, None if quantity == "noise" else fuse, kept)
    return answer


def evaluate_blocks(mixture: Mixture, rows: Any) -> Iterator[tuple[Block, BlockAnswer]]:
    """Yield each block with what the mixture says of it, in order: for answers that are larger than memory."""
    table, k = _checked_table(mixture, rows), mixture.n_components
    scorer, volume = mixture.scorer, mixture.frame.log_volume
    fused, few = Fused.of(scorer), scorer.plan(table.n_rows).block_rows
    size = few if fused is None else fused.plan(table.n_rows, kept=k).block_rows
    posterior = np.empty((0 if fused is None else min(size, table.n_rows), k))
    work: Workspace | None = None
    for block in table.blocks(size):
        table.check_finite(block)
        if fused is not None:
            own = posterior[: len(block.rows)]
            if (found := fused.described(block.rows, own)) is not None:
                yield block, BlockAnswer(found[0], own, found[1] + volume)
                continue
        for piece in block.pieces(few):
            work = work or scorer.workspace(few)
            shares, log_density = scorer.responsibilities(piece.rows, work)
            yield piece, BlockAnswer(_labels(scorer, work.scored), shares.T, log_density + volume)


def group_posterior(mixture: Mixture, rows: Any, shares: Array, *, n_jobs: int | None = None) -> Array:
    """Return the probability of each group given each row (n, g), of components with these shares of groups (k, g)."""
    table, k = _checked_table(mixture, rows), mixture.n_components
    answer = np.empty((table.n_rows, shares.shape[1]))

    def add_up(posterior: Array, start: int) -> None:
        own = answer[start : start + len(posterior)]
        np.matmul(posterior, shares, out=own)
        own /= own.sum(axis=1, keepdims=True)

    def fuse(fused: Fused, block: Block) -> bool:
        posterior = np.empty((len(block.rows), k))
        if not fused.answer(block.rows, posterior=posterior):
            return False
        add_up(posterior, block.index)
        return True

    def write(scorer: Scorer, block: Block, work: Workspace) -> None:
        posterior, _ = scorer.responsibilities(block.rows, work)
        add_up(posterior.T, block.index)

    _each_block(table, mixture, write, n_jobs, fuse, k)
    return answer


def classify(mixture: Mixture, rows: Any, *, n_jobs: int | None = None) -> NDArray[np.int64]:
    """Return the most probable component of each row (n,); −1 for noise."""
    table = _checked_table(mixture, rows)
    labels = np.empty(table.n_rows, dtype=np.int64)

    def write(scorer: Scorer, block: Block, work: Workspace) -> None:
        place = slice(block.index, block.index + len(block.rows))
        if scorer.log_noise is not None:
            scorer.responsibilities(block.rows, work)
            labels[place] = _labels(scorer, work.scored)
            return
        scores = scorer.score(block.rows, work)
        found = scores.argmax(axis=0)
        lost = np.flatnonzero(~np.isfinite(scores.max(axis=0)))
        if len(lost):
            found[lost] = scorer.nearest(work.z[:, lost])
        labels[place] = found

    def fuse(fused: Fused, block: Block) -> bool:
        return fused.answer(block.rows, labels=labels[block.index : block.index + len(block.rows)])

    _each_block(table, mixture, write, n_jobs, fuse)
    return labels


def likelihood(mixture: Mixture, rows: Any, *, n_jobs: int | None = None) -> Likelihood:
    """Return the weighted log-likelihood of rows, and how certain their classification is."""
    table = _checked_table(mixture, rows)
    parts: list[tuple[float, float, float]] = []

    def fuse(fused: Fused, block: Block) -> bool:
        found = fused.certainties(block.rows)
        if found is not None:
            parts.append(_added_up(*found, block.weights))
        return found is not None

    def write(scorer: Scorer, block: Block, work: Workspace) -> None:
        log_density = scorer.responsibilities(block.rows, work)[1]
        parts.append(_added_up(log_density, np.log(work.scored.max(axis=0)), block.weights))

    _each_block(table, mixture, write, n_jobs, fuse)
    # In any order: these sums are rounded once.
    log_likelihood, log_certainty, total = (math.fsum(column) for column in zip(*parts, strict=True))
    return Likelihood(log_likelihood + total * mixture.frame.log_volume, log_certainty, total)


def _added_up(log_density: Array, log_certainty: Array, weights: Array | None) -> tuple[float, float, float]:
    # Sums, not products of vectors: they lose no digits to the number of rows.
    if weights is None:
        return float(log_density.sum()), float(log_certainty.sum()), float(len(log_density))
    held = weights > 0
    weights = weights[held]
    return (
        float((weights * log_density[held]).sum()),
        float((weights * log_certainty[held]).sum()),
        float(weights.sum()),
    )


def _labels(scorer: Scorer, scored: Array) -> NDArray[np.intp]:
    """Return the most probable of responsibilities that have noise in their last row, if there is any."""
    labels: NDArray[np.intp] = scored.argmax(axis=0)
    if scorer.log_noise is not None:
        labels[labels == len(scored) - 1] = -1
    return labels


def _each_block(
    table: Table,
    mixture: Mixture,
    write: Callable[[Scorer, Block, Workspace], None],
    n_jobs: int | None,
    fuse: Callable[[Fused, Block], bool] | None,
    kept: int = 0,
) -> None:
    """Call `write` for each block, or `fuse`, where there is a kernel and it tells that it did the block.

    `fuse` writes `kept` numbers of each row into arrays of its own.
    """

    def task(start: int, stop: int) -> None:
        work: Workspace | None = None
        for block in table.blocks(plan.block_rows, start, stop):
            table.check_finite(block)
            if fused is not None and fuse is not None and fuse(fused, block):
                continue
            for piece in block.pieces(few):
                work = work or scorer.workspace(few)
                write(scorer, piece, work)

    with Workers(n_jobs) as workers:
        scorer = mixture.scorer
        fused, few = None if fuse is None else Fused.of(scorer), scorer.plan(table.n_rows).block_rows
        plan = scorer.plan(table.n_rows) if fused is None else fused.plan(table.n_rows, kept)
        workers.each(task, plan.tasks())


def _checked_table(mixture: Mixture, rows: Any) -> Table:
    table = as_table(rows)
    if table.n_columns != mixture.n_features:
        raise DataError(
            f"{table.origin} has {table.n_columns} columns, but the mixture is of {mixture.n_features}: "
            "give the columns it was fitted on, in the same order"
        )
    return table
