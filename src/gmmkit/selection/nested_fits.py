"""Fits of k and of k + 1 components to rows and to rows drawn from a fit, many times: what tests of k compare.

All are runs of the stacked engine. They begin at the partition of a hierarchy, or also at k-means++ partitions and each
split of the fit of one component fewer, of which the two best after a short run go on.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from gmmkit.data import as_table
from gmmkit.errors import DataError
from gmmkit.execution import Workers
from gmmkit.inference import stack_engine
from gmmkit.inference.diagnosis import health_of
from gmmkit.inference.em import mixture_of
from gmmkit.inference.hierarchy import agglomerate
from gmmkit.inference.kmeans import nearest, plus_plus
from gmmkit.inference.moves import score_sample, split
from gmmkit.inference.prior import DELTA, make_prior
from gmmkit.inference.problem import Problem
from gmmkit.inference.sampling import Sample, gather_sample, whitened
from gmmkit.inference.stack import SINGULAR, Stack, StackRows, StackRun
from gmmkit.inference.survey import survey
from gmmkit.model.covariance import family
from gmmkit.model.mixture import Mixture
from gmmkit.selection.refitting import MOST_COLUMNS, MOST_VALUES

__all__ = ["NestedFits", "NestedStarts"]

Array = NDArray[np.float64]
NestedStarts = Literal["hierarchical", "many"]

_SHORT_PASSES, _KEPT, _MOST_PASSES = 15, 2, 2000
_PARTITIONS = 4
# Groups that VVV merging begins with, and rows that Ward's, quadratic in them, does.
_GROUPS, _MOST_MERGED = 40, 2000


class NestedFits:
    """Fits of one family to rows in the frame of X, all on the stacked engine; mixtures are in that frame."""

    def __init__(self, X: Any, covariance_type: str, starts: NestedStarts, tol: float, workers: Workers) -> None:
        table = as_table(X)
        if table.weights is not None:
            raise DataError(f"{table.origin} has weights, but the test draws rows of equal weight: repeat rows instead")
        n, d = table.n_rows, table.n_columns
        if d > MOST_COLUMNS or n * (d + 1) * (d + 2) > 2 * MOST_VALUES:
            raise DataError(
                f"{table.origin} has {n} rows of {d} columns, but the test holds (d + 1)(d + 2) / 2 values for each of "
                f"them in memory, up to {MOST_VALUES}, and up to {MOST_COLUMNS} columns: give a sample of the rows"
            )
        self.problem = Problem(table, family(covariance_type, d), survey(table, workers), workers)
        if len(self.problem.null_directions):
            raise DataError(
                f"{table.origin} has constant or collinear columns, in which nothing can be tested: drop them"
            )
        self.prior = make_prior(self.problem, "auto")
        self.starts, self.tol = starts, tol
        self.rows = np.ascontiguousarray(self.problem.frame.points_in(table.take(np.arange(n))).T)

    def one_component(self) -> Mixture:
        """Return the fit of one component to the rows of X."""
        return Mixture.trusted(np.ones(1), self.rows.mean(axis=1)[None], self.problem.pooled)

    def ratio(self, null: Mixture, random: np.random.Generator) -> float:
        """Return LR* of rows drawn from the null fit; NaN where a fit collapsed."""
        z = np.ascontiguousarray(null.sample(self.rows.shape[1], seed=random)[0].T)
        k = null.n_components
        # Not from the parameters that the rows were drawn from: no fit to the rows of X had those to begin at.
        refitted, first = self.null(z, null) if k == 1 else self.fitted(z, k, random)
        _, second = self.alternative(z, refitted, random)
        return max(0.0, 2.0 * (second - first)) if np.isfinite(first) and np.isfinite(second) else np.nan

    def null(self, z: Array, start: Mixture) -> tuple[Mixture | None, float]:
        """Return the fit of as many components as `start` has, and its log-likelihood."""
        return self._best(self._run(z, _stack([start]), _MOST_PASSES))

    def alternative(self, z: Array, null: Mixture | None, random: np.random.Generator) -> tuple[Mixture | None, float]:
        """Return the best fit of one component more than `null`, and its log-likelihood."""
        return (None, -np.inf) if null is None else self.fitted(z, null.n_components + 1, random, null)

    def fitted(
        self, z: Array, k: int, random: np.random.Generator, smaller: Mixture | None = None
    ) -> tuple[Mixture | None, float]:
        """Return the best fit of k components, perhaps from splits of a smaller one as well, and its log-likelihood."""
        sample = Sample(z.T, np.ones(z.shape[1]))
        white = Sample(whitened(self.problem.pooled, sample.rows), sample.weights)
        partitions = [self._hierarchical(white.rows, k, random)]
        starts = []
        if self.starts == "many":
            if smaller is not None:
                responsibilities, _ = score_sample(smaller, sample)
                starts += [split(smaller, j, self.problem, sample, responsibilities) for j in range(k - 1)]
            partitions += [nearest(white.rows, plus_plus(white, k, random)) for _ in range(_PARTITIONS)]
        members = [labels == np.arange(k)[:, None] for labels in partitions]
        starts += [
            mixture_of(gather_sample(self.problem, sample, member), self.problem, self.prior)
            for member in members
            if member.any(axis=1).all()
        ]
        if not starts:
            return None, -np.inf
        if len(starts) <= _KEPT:
            return self._best(self._run(z, _stack(starts), _MOST_PASSES))
        short = self._run(z, _stack(starts), _SHORT_PASSES)
        value = np.where(self._admissible(short), short.log_likelihood, -np.inf)
        kept = np.argsort(-value, kind="stable")[:_KEPT]
        return self._best(self._run(z, short.stack.take(kept), _MOST_PASSES))

    def _hierarchical(self, white: Array, k: int, random: np.random.Generator) -> NDArray[np.intp]:
        """Return labels (n,): Ward's hierarchy down to some groups, the classification likelihood of VVV from there."""
        n = len(white)
        few = white if n <= _MOST_MERGED else white[np.sort(random.choice(n, _MOST_MERGED, replace=False))]
        groups = fcluster(linkage(few, "ward"), max(k, _GROUPS), "maxclust")
        if groups.max() < k:
            return np.asarray(groups - 1, dtype=np.intp)  # fewer distinct rows than components
        labels = np.asarray(agglomerate(few, groups=groups).labels([k])[0], dtype=np.intp)
        if few is white:
            return labels
        return nearest(white, np.array([few[labels == j].mean(axis=0) for j in range(k)]))

    def _stack_rows(self, z: Array) -> StackRows:
        problem, (d, n) = self.problem, z.shape
        return StackRows(z, np.ones(n), {problem.family.structure: problem.pooled.dense()[0]}, DELTA * n, np.ones(d))

    def _run(self, z: Array, stack: Stack, max_iter: int) -> StackRun:
        return stack_engine.run(self._stack_rows(z), stack, max_iter=max_iter, tol=self.tol)

    def _best(self, run: StackRun) -> tuple[Mixture | None, float]:
        value = np.where(self._admissible(run), run.log_likelihood, -np.inf)
        best = int(value.argmax())
        return (self._mixture(run, best), float(value[best])) if np.isfinite(value[best]) else (None, -np.inf)

    def _admissible(self, run: StackRun) -> NDArray[np.bool_]:
        return np.array(
            [
                run.status[s] != SINGULAR and health_of(self.problem, self._mixture(run, s)).spurious() is None
                for s in range(len(run))
            ]
        )

    def _mixture(self, run: StackRun, s: int) -> Mixture:
        weights, means, covariances = run.stack.mixture(s)
        return Mixture.trusted(weights, means, self.problem.family.from_dense(covariances))


def _stack(mixtures: list[Mixture]) -> Stack:
    """Return mixtures of one family as a stack."""
    return Stack(
        tuple(mixture.covariance.structure for mixture in mixtures),
        np.array([mixture.n_components for mixture in mixtures], dtype=np.intp),
        np.concatenate([mixture.weights for mixture in mixtures]),
        np.concatenate([mixture.means for mixture in mixtures]),
        np.concatenate([mixture.covariance.dense() for mixture in mixtures]),
    )
