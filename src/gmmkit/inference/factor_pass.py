"""One pass over rows for low-rank covariances: all components' scores and sums as a few products of matrices.

With z² the squares of a block z (d, B), P the precisions Ψ⁻¹ (k, d), and all projections β, one below the other, as one
matrix A (k q, d):

    m = A z − A μ                                    factor means E[f | z, k]
    δ = P z² − 2 (P μ) z + Σ P μ² − Σ_j (1 + s_j²) m_j²
    Σ r, Σ r z, Σ r z², Σ r m zᵀ                     products with zᵀ and (z²)ᵀ: what the refit needs of S_k is S_k βᵀ

That takes k d (2q + 4) multiplications a row, where full covariances take k d (d + 5), and no matrix of d × d.
Distances about a common origin lose digits as in the expanded form of dense passes: ε (P z² + Σ P μ²) is what a score
is off by at most. Rows for which that exceeds 1e-9 in a component that they have a share of are scored by their own
deviations (`kernels/factor.py`) from the components that can have a share of them, and gathered about the means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Block
from gmmkit.execution import plan_pass
from gmmkit.inference.problem import Problem, Totals
from gmmkit.kernels.factor import gather_factors, score_factors
from gmmkit.model.covariance import Factor
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import KAPPA_SQUARED_LIMIT, Scorer, Workspace
from gmmkit.numerics.logsumexp import log_normalise
from gmmkit.statistics import Contraction, Statistics

__all__ = ["factor_pass"]

Array = NDArray[np.float64]

# A share that changes no sum; and a score, less a row's best, that leaves none at all.
_NO_SHARE, _NO_SCORE = 1e-30, 750.0
# What a score is off by at most, in units of `near`.
_OFF = 4.0 * float(np.finfo(np.float64).eps)


def factor_pass(problem: Problem, state: Mixture, log_weights: Array) -> Totals:
    """Return what one pass at a state of factor covariances, in the problem's frame, adds up to.

    Statistics are about the state's means, with squares of columns for second moments; leaves are ``Σ r m (z − μ)ᵀ``
    (k, q, d) and ``Σ r m`` (k, q).

    Parameters
    ----------
    problem : Problem
    state : Mixture
    log_weights : ndarray of shape (k,)
    """
    components = _Components.of(problem, state, log_weights)
    (k, d), q = state.means.shape, components.n_factors
    plan = plan_pass(problem.table.n_rows, 2 * d + 2 * k * q + 4 * k, k)

    def task(start: int, stop: int) -> tuple[_Sums, list[float]]:
        sums, work = _Sums(k, q, d), _Work(components, plan.block_rows)
        return sums, [work.add(block, sums) for block in problem.table.blocks(plan.block_rows, start, stop)]

    def merge(a: tuple[_Sums, list[float]], b: tuple[_Sums, list[float]]) -> tuple[_Sums, list[float]]:
        a[0].merge(b[0])
        return a[0], a[1] + b[1]

    sums, row_sums = problem.workers.map_merge(task, plan.tasks(), merge)
    statistics, cross, factors = sums.about(state.means)
    return Totals(statistics, math.fsum(row_sums), (cross, factors))


@dataclass(frozen=True, slots=True, eq=False)
class _Components:
    """A state made ready for one pass."""

    scorer: Scorer
    precisions: Array  # (k, d)
    linear: Array  # (k, d): P μ
    offsets: Array  # (k,): Σ P μ²
    projections: Array  # (k, q, d)
    centres: Array  # (k q,): A μ
    grown: Array  # (k, q): 1 + s²

    @classmethod
    def of(cls, problem: Problem, state: Mixture, log_weights: Array) -> _Components:
        covariance, means = state.covariance, state.means
        assert isinstance(covariance, Factor)
        precisions, projections = 1.0 / covariance.noise, np.ascontiguousarray(covariance.projections)
        linear = precisions * means
        return cls(
            Scorer(log_weights, means, covariance, problem.frame, centred=True),
            precisions,
            linear,
            np.einsum("ki,ki->k", linear, means),
            projections,
            np.einsum("kqi,ki->kq", projections, means).reshape(-1),
            1.0 + covariance.squares,
        )

    @property
    def n_factors(self) -> int:
        return int(self.grown.shape[1])


class _Sums:
    """What one task gathers: about the origin, and about the means where rows lie far out."""

    __slots__ = ("counts", "cross", "factors", "far", "first", "second")

    def __init__(self, k: int, q: int, d: int) -> None:
        self.counts, self.first, self.second = np.zeros(k), np.zeros((k, d)), np.zeros((k, d))
        self.cross, self.factors = np.zeros((k * q, d)), np.zeros((k, q))
        self.far: _Sums | None = None

    def merge(self, other: _Sums) -> None:
        for name in ("counts", "first", "second", "cross", "factors"):
            own: Array = getattr(self, name)
            own += getattr(other, name)
        if other.far is not None:
            self.beyond().merge(other.far)

    def beyond(self) -> _Sums:
        """Return the sums about the means, empty ones at first."""
        if self.far is None:
            (k, q), d = self.factors.shape, self.first.shape[1]
            self.far = _Sums(k, q, d)
        return self.far

    def about(self, means: Array) -> tuple[Statistics, Array, Array]:
        """Return statistics about the means, and products with factor means and their sums."""
        (k, q), d = self.factors.shape, self.first.shape[1]
        near = Statistics(Contraction.DIAGONAL, self.counts, self.first, self.second, np.zeros((k, d))).about(means)
        cross, factors = self.cross.reshape(k, q, d) - self.factors[:, :, None] * means[:, None, :], self.factors
        far = self.far
        if far is None:
            return near, cross, factors
        beyond = Statistics(Contraction.DIAGONAL, far.counts, far.first, far.second, means)
        return near + beyond, cross + far.cross.reshape(k, q, d), factors + far.factors


class _Work:
    """One task's buffers."""

    def __init__(self, components: _Components, block_rows: int) -> None:
        (k, d), q = components.precisions.shape, components.n_factors
        self._components = components
        self._z, self._squares = np.empty((d, block_rows)), np.empty((d, block_rows))
        self._found, self._weighed = np.empty((k, q, block_rows)), np.empty((k, q, block_rows))
        self._far: Workspace | None = None

    def add(self, block: Block, sums: _Sums) -> float:
        """Add a block's sums, and return its weighted log-likelihood in the frame."""
        parts, n = self._components, len(block.rows)
        z, squares, found, weighed = (
            buffer[..., :n] for buffer in (self._z, self._squares, self._found, self._weighed)
        )
        k, q = found.shape[:2]
        parts.scorer.frame.read(block.rows, z)
        with np.errstate(over="ignore", invalid="ignore"):
            np.multiply(z, z, out=squares)
            m = parts.projections.reshape(k * q, -1) @ z
            m -= parts.centres[:, None]
            found[...] = m.reshape(k, q, n)
            near = parts.precisions @ squares
            scores = parts.linear @ z
            scores -= 0.5 * near
            np.multiply(found, found, out=weighed)
            # Factors last: Σ (1 + s²) m² is what they explain of the distance.
            scores += 0.5 * np.einsum("kq,kqb->kb", parts.grown, weighed)
            scores += (parts.scorer.constants - 0.5 * parts.offsets)[:, None]
            near += parts.offsets[:, None]
            # Components that a row may have a share of, whatever scores are off by.
            off = _OFF * near
            within = scores + off >= (scores - off).max(axis=0) - _NO_SCORE
        lost = ~np.isfinite(scores).all(axis=0)
        scores[:, lost] = 0.0
        log_density, _ = log_normalise(scores)
        beyond = ~lost & ((near > KAPPA_SQUARED_LIMIT) & (scores > _NO_SHARE)).any(axis=0)
        total = 0.0
        if lost.any():
            total += self._add_lost(block, np.flatnonzero(lost), sums.beyond())
        if beyond.any():
            total += self._add_far(block, z[:, beyond], within[:, beyond], np.flatnonzero(beyond), sums.beyond())
        far = lost | beyond
        if far.any():
            # Elsewhere zeros, which add nothing: 0 × ∞ would be NaN.
            z[:, far] = squares[:, far] = found[:, :, far] = scores[:, far] = log_density[far] = 0.0
        if block.weights is not None:
            scores *= block.weights
            log_density = np.where(block.weights > 0, log_density * block.weights, 0.0)
        np.multiply(found, scores[:, None], out=weighed)
        sums.counts += scores.sum(axis=1)
        sums.first += scores @ z.T
        sums.second += scores @ squares.T
        sums.cross += weighed.reshape(k * q, n) @ z.T
        sums.factors += weighed.sum(axis=2)
        return total + float(log_density.sum())

    def _add_far(self, block: Block, z: Array, within: NDArray[np.bool_], far: NDArray[np.intp], sums: _Sums) -> float:
        """Add rows of a block, in the frame (d, m), by their deviations from the components `within` reach (k, m)."""
        scorer = self._components.scorer
        scores = np.full(within.shape, -np.inf)
        for j, reached in enumerate(within):
            if reached.any():
                own, out = slice(j, j + 1), np.empty((1, np.count_nonzero(reached)))
                rows = np.ascontiguousarray(z[:, reached])
                score_factors(rows, scorer.means[own], scorer.whitening[own], scorer.constants[own], out)
                scores[j, reached] = out[0]
        log_density, _ = log_normalise(scores)
        return self._gather(block, far, z, scores, log_density, sums)

    def _add_lost(self, block: Block, far: NDArray[np.intp], sums: _Sums) -> float:
        """Add rows of a block whose products are no numbers."""
        scorer = self._components.scorer
        if self._far is None:
            self._far = scorer.workspace(self._z.shape[1])
        shares, log_density = scorer.responsibilities(block.rows[far], self._far)
        return self._gather(block, far, self._far.z, shares, log_density, sums)

    def _gather(
        self, block: Block, rows: NDArray[np.intp], z: Array, shares: Array, log_density: Array, sums: _Sums
    ) -> float:
        parts, (k, q) = self._components, self._components.grown.shape
        if block.weights is not None:
            held = block.weights[rows]
            shares *= held
            log_density = np.where(held > 0, log_density * held, 0.0)
        cross = sums.cross.reshape(k, q, -1)
        gather_factors(z, parts.scorer.means, parts.projections, shares, (sums.first, sums.second, cross, sums.factors))
        sums.counts += shares.sum(axis=1)
        return float(log_density.sum())
