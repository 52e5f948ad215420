"""A scorer's blocks handed to the compiled kernel: score, softmax and gather in one call, or score and answer.

What the kernel takes: Gaussian components without a background, and blocks that are near enough to the frame's origin
(`scorer.py`). Families whose second moments are matrices of their own score by ``W z − W μ`` and gather about the
means, the others go expanded. Other blocks, and all where there is no kernel, are left to the scorer's NumPy forms.
"""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Block, Table
from gmmkit.execution import Plan, Workers, plan_blocks, plan_fused
from gmmkit.kernels import native
from gmmkit.kernels.native import dense
from gmmkit.kernels.native.dense_blocks import BlockPass
from gmmkit.model.scorer import KAPPA_SQUARED_LIMIT, Scorer
from gmmkit.model.sums import Sums
from gmmkit.numerics.stacks import parts
from gmmkit.statistics import Contraction

__all__ = ["HAVE_FLOATS", "Fused"]

Array = NDArray[np.float64]

# How many standard deviations from the origin rows may lie for floats, along each whitened axis: each adds 6e-8 to what
# z, W and μ lose. At 128 means and covariances are off by 7e-6 of their components' deviations, at 250 by 1.1e-5.
_SINGLE_LIMIT = 128.0

#: Second moments of the families that have a form for floats: each component its own.
HAVE_FLOATS = (Contraction.FULL, Contraction.DIAGONAL, Contraction.SPHERICAL)


class Fused:
    """The compiled passes of one scorer; see `Fused.of`.

    Attributes
    ----------
    components : dense.Components
    single : bool
        Whether blocks are computed in floats.
    """

    def __init__(self, scorer: Scorer, components: dense.Components, *, near: bool) -> None:
        self._scorer, self.components, self._near = scorer, components, near
        self.single = components.single

    @classmethod
    def of(cls, scorer: Scorer, *, reach: Array | None = None, single: bool = False) -> Self | None:
        """Return what does a scorer's blocks, or None where nothing does.

        Parameters
        ----------
        scorer : Scorer
        reach : ndarray of shape (d,), optional
            Largest |z| of all rows, if it is known: blocks need not be looked at one by one.
        single : bool, default=False
            Compute in floats, where the reach allows and there is a form for it.
        """
        if native.why_not() is not None or scorer.degrees_of_freedom is not None or scorer.log_noise is not None:
            return None
        kappa_squared = np.inf if reach is None else _kappa_squared(scorer, reach)
        near, contraction = kappa_squared <= KAPPA_SQUARED_LIMIT, scorer.family.contraction
        frame = scorer.frame
        own_axes = contraction in (Contraction.DIAGONAL, Contraction.SPHERICAL)
        single = bool(
            single
            and contraction in HAVE_FLOATS
            and reach is not None
            and near
            and _deviations(scorer, reach).max() <= _SINGLE_LIMIT
        )
        if contraction is Contraction.FULL or (single and own_axes):
            whitening = scorer.whitening if contraction is not Contraction.SPHERICAL else _for_each_column(scorer)
            components = dense.centred(
                scorer.means, whitening, scorer.constants, frame.shift, frame.scale, single=single
            )
        elif scorer.theta is not None:
            components = dense.expanded(scorer.family.features, scorer.theta, frame.shift, frame.scale)
        else:
            return None
        return cls(scorer, components, near=bool(near))

    def plan(self, n_rows: int, kept: int = 0, *, in_memory: bool = False) -> Plan:
        """Return how a pass over `n_rows` that writes `kept` numbers of each is cut: a function of sizes only."""
        components = self.components
        held = max(0 if in_memory else components.d, kept)
        return plan_fused(n_rows, components.operations_per_row, components.n_sums, held)

    def sums(self) -> Sums:
        """Return empty sums for one task, about the means that the kernel computes with."""
        if not self.single:
            return self._scorer.sums()
        return Sums(self._scorer.family, self._scorer.means.astype(np.float32).astype(np.float64))

    def gather(self, block: Block, sums: Sums) -> float | None:
        """Add a block, softly assigned; return ``Σ w log p`` in the frame, or None: NumPy must do it."""
        rows = _as_taken(block.rows)
        if not self._near and not self._is_near(np.maximum(*self._ends(rows))):
            return None
        if self.components.is_centred:
            counts, first, second = sums.open_centred()
            own = second if second.ndim > 1 else np.zeros_like(first)
            total = dense.gather(rows, block.weights, self.components, counts=counts, first=first, second=own)
            if second.ndim == 1 and math.isfinite(total):
                second += own.sum(axis=1)
            return total if math.isfinite(total) else None
        origin, family = sums.open_expanded(self.components.p), self._scorer.family
        if family.contraction not in _SHARED:
            total = dense.gather(rows, block.weights, self.components, origin=origin)
            return total if math.isfinite(total) else None
        d = self.components.d
        scatter = np.zeros((d, d) if family.contraction is Contraction.TIED else d)
        total = dense.gather(rows, block.weights, self.components, origin=origin, scatter=scatter)
        if not math.isfinite(total):
            return None
        return total + self._shared(scatter, sums)

    def shared_blocks(self, table: Table) -> tuple[NDArray[Any], int] | None:
        """Return rows in memory, and how many make a block, where a pass over them takes little time and no NumPy."""
        if not (self._near and table.in_any_order):
            return None
        block_rows = plan_blocks(table.n_rows, self.components.operations_per_row, self.components.n_kept)
        rows = table.source.read(0, table.n_rows)
        return None if block_rows is None or not dense.takes(rows) else (rows, block_rows)

    def sweep(self, table: Table, workers: Workers) -> tuple[Sums, float] | None:
        """Make a whole pass that takes little time over rows in memory; return its sums and ``Σ w log p`` in the frame.

        None where it takes longer, or the kernel cannot do all rows: block by block, then.
        """
        shared = self.shared_blocks(table)
        if shared is None:
            return None
        (rows, block_rows), components, family = shared, self.components, self._scorer.family
        shape = family.contraction.shape(1, components.d)
        scatter = (shape or (components.d,)) if family.contraction in _SHARED and not components.is_centred else ()
        made = BlockPass(rows, table.weights, components, block_rows, scatter=scatter)
        workers.together(made.lead, made.help, made.n_blocks)
        found, total = made.merged()
        if not math.isfinite(total):
            return None
        sums = self.sums()
        if components.is_centred:
            sums.counts, sums.first, second = found
            sums.second = second if sums.second.ndim > 1 else second.sum(axis=1)
            return sums, total
        sums.origin = found[0]
        return (sums, total) if not scatter else (sums, total + self._shared(found[1], sums))

    def _shared(self, scatter: Array, sums: Sums) -> float:
        """Add ``Σ w z zᵀ``, or ``Σ w z²``; return what all scores of a row lack, −½ zᵀ P z, of all rows together."""
        shared = scatter.sum() if self._scorer.family.contraction is Contraction.SHARED else scatter
        sums.shared += shared
        return -0.5 * self._scorer.covariance.trace_products(np.asarray(shared)) / self.components.k

    def answer(self, rows: NDArray[Any], **wanted: Any) -> bool:
        """Write what is wanted of rows (see `dense.answer`), less the scorer's row term; False: NumPy must do it."""
        found = dense.answer(_as_taken(rows), self.components, **wanted)
        return found.lost == 0 and self._is_near(found.largest)

    def row_term(self, rows: NDArray[Any]) -> Array | None:
        """Return what all scores that `answer` tells of a row lack, for each row (b,), if anything."""
        if self.components.is_centred or self._scorer.family.contraction not in _SHARED:
            return None
        return self._scorer.covariance.row_term(self._scorer.frame.read(rows, np.empty(rows.shape[::-1])))

    def certainties(self, rows: NDArray[Any]) -> tuple[Array, Array] | None:
        """Return log-densities (b,) in the frame and the largest log-posterior of each row; None: NumPy must do it."""
        log_density, log_certainty = np.empty(len(rows)), np.empty(len(rows))
        if not self.answer(rows, log_sums=log_density, certainty=log_certainty):
            return None
        term = self.row_term(rows)
        return log_density if term is None else log_density + term, log_certainty

    def described(self, rows: NDArray[Any], posterior: Array) -> tuple[NDArray[np.int64], Array] | None:
        """Write the posterior (b, k); return labels (b,) and log-densities (b,) in the frame; None: NumPy must."""
        labels, log_density = np.empty(len(rows), dtype=np.int64), np.empty(len(rows))
        if not self.answer(rows, labels=labels, posterior=posterior, log_sums=log_density):
            return None
        term = self.row_term(rows)
        return labels, log_density if term is None else log_density + term

    def _ends(self, rows: NDArray[Any]) -> tuple[Array, Array]:
        frame = self._scorer.frame
        with np.errstate(over="ignore"):
            low, high = (np.asarray(ends, dtype=np.float64) for ends in (rows.min(axis=0), rows.max(axis=0)))
            return (frame.shift - low) * frame.scale, (high - frame.shift) * frame.scale

    def _is_near(self, largest: Array) -> bool:
        return bool(_kappa_squared(self._scorer, largest) <= KAPPA_SQUARED_LIMIT)


_SHARED = (Contraction.TIED, Contraction.SHARED_DIAGONAL, Contraction.SHARED)


def _kappa_squared(scorer: Scorer, largest: Array) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        if scorer.family.contraction is Contraction.FULL:
            # What is computed is W z: its own bound, at least that of zᵀ P z, and none of its matrices has to be kept.
            found = float(np.square(_deviations(scorer, largest)).sum(axis=1).max())
        else:
            found = float(scorer.covariance.kappa_squared(largest))
    return np.inf if np.isnan(found) else found


def _deviations(scorer: Scorer, reach: Array) -> Array:
    """Bound the coordinates (k, d) of whitened rows, ``Σ_b |W_ab| |z_b|``."""
    if scorer.whitening.ndim == 3:
        found = [np.abs(part) @ reach for part in parts(scorer.whitening)]
        return found[0] if len(found) == 1 else np.concatenate(found)
    return np.abs(scorer.whitening.reshape(len(scorer.means), -1)) * reach


def _for_each_column(scorer: Scorer) -> Array:
    return np.broadcast_to(scorer.whitening.reshape(len(scorer.means), -1), scorer.means.shape)


def _as_taken(rows: NDArray[Any]) -> NDArray[Any]:
    return rows if dense.takes(rows) else rows.astype(np.float64)
