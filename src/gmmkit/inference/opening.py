"""What a tournament is played with: the rows in memory, and the partitions that every cell starts from.

Partitions come from hierarchies (Ward 1963 on all starting rows; the classification likelihood of free covariances
from the last few dozen of its groups on) in coordinates as invariant as the structures that use them, and from random
k-means++ centres where more are asked for. All of it is a function of the weighted empirical measure: rows are merged
by value, and beyond some thousand distinct ones a seeded sample stands for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage

from gmmkit.inference.hierarchy import Transform, agglomerate, transformed
from gmmkit.inference.kmeans import nearest, plus_plus
from gmmkit.inference.prior import DELTA
from gmmkit.inference.problem import Problem
from gmmkit.inference.sampling import Sample, sample_rows, thinned
from gmmkit.inference.stack import StackRows
from gmmkit.inference.tournament import Partitions
from gmmkit.model.covariance import family
from gmmkit.model.covariance.base import Equivariance
from gmmkit.numerics.frame import Frame

__all__ = ["Opening", "asks_for_one_at_a_time", "open_tournament"]

Array = NDArray[np.float64]

# A stack's features hold d²/2 numbers a row; wider data are fitted one candidate at a time.
_MOST_COLUMNS = 40
# Columns in units farther apart have no covariance that one scale for both could hold.
_FARTHEST_UNITS = 1e-30
# Starts are sought on all distinct rows up to so many; beyond on a sample, larger where there is more to estimate.
_FEW = 2000
_THIN, _THIN_PER_PARAMETER = 600, 12
# Weights are counted as rows up to so many: beyond, a gain that is one in rows is lost in rounding.
_MOST_ROWS = 1e12
# Condition number of the correlation matrix from which on determinants lose more than they can afford.
_NEARLY_DEPENDENT = 1e4
# VVV merging begins with so many groups of Ward's hierarchy: from single rows on, its criterion says little.
_GROUPS = 40
_TRANSFORMS: dict[Equivariance, Transform] = {"linear": "sphered", "column": "standardised", "scalar": "raw"}


@dataclass(frozen=True, slots=True)
class Opening:
    """Rows and starts of a tournament.

    Attributes
    ----------
    frame : Frame
        Of the rows.
    rows : StackRows
        All distinct rows, or a sample of them, with their weights in rows (`Problem.rows_per_weight`).
    few : StackRows
        Fewer of them, for starts; the same where they are few.
    partitions : Partitions
        Of `few`.
    complete : bool
        Whether `rows` are all of the table's.
    """

    frame: Frame
    rows: StackRows
    few: StackRows
    partitions: Partitions
    complete: bool


def asks_for_one_at_a_time(problem: Problem) -> bool:
    """Tell whether there is no tournament for a problem: columns are many, dependent, or in units too far apart."""
    if problem.n_columns > _MOST_COLUMNS or len(problem.null_directions):
        return True
    return bool(problem.frame.scale.min() < _FARTHEST_UNITS * problem.frame.scale.max())


def open_tournament(
    problem: Problem,
    structures: Sequence[str],
    sizes: Sequence[int],
    random: np.random.Generator,
    *,
    n_random: int = 0,
    prior: bool = True,
) -> Opening | None:
    """Return rows and starts for a tournament, or None where the data ask for one candidate at a time.

    Parameters
    ----------
    problem : Problem
        Of free covariance matrices.
    structures : sequence of str
    sizes : sequence of int
    random : numpy.random.Generator
    n_random : int, default=0
        Partitions by k-means++ centres, beside the hierarchies' two.
    prior : bool, default=True
        Whether the fits have the default pseudo-scatter.
    """
    if asks_for_one_at_a_time(problem):
        return None
    sample = sample_rows(problem, random)
    # What turns the frame's columns into columns of one scale; all scales are powers of two.
    units = problem.frame.scale.min() / problem.frame.scale
    pooled = {name: _projected(problem.spread, name, units) for name in structures}
    sphering = _sphering(problem.spread)
    # Weights in rows, in which what is gained and what is tied is measured.
    total = min(problem.surveyed.effective_rows, _MOST_ROWS)
    if sample.complete:
        sample = replace(sample, weights=sample.weights * (total / sample.weights.sum()))
    complete = sample.complete

    def stack_rows(of: Sample) -> StackRows:
        weights = of.weights * (total / of.weights.sum())
        z = np.ascontiguousarray(of.rows.T)
        return StackRows(z, weights, pooled, DELTA * total if prior else 0.0, units, sphering)

    rows = few = stack_rows(sample)
    if len(sample.weights) > _FEW:
        thin = max(_THIN, _THIN_PER_PARAMETER * problem.n_columns * max(sizes))
        sample = thinned(sample, min(thin, _FEW), random)
        few = stack_rows(sample)
    kinds: set[Equivariance] = {"linear", *(family(name).equivariance for name in structures)}
    coordinates = {
        kind: transformed(sample.rows * (units if kind == "scalar" else 1.0), sample.weights, _TRANSFORMS[kind])
        for kind in sorted(kinds)
    }
    possible = [k for k in sizes if k <= len(sample.weights)]
    partitions = _partitions(coordinates, sample.weights, possible, random, n_random)
    return Opening(problem.frame, rows, few, partitions, complete)


def _projected(spread: Array, name: str, units: Array) -> Array:
    """Return Π(T) written out: the structure's own covariance of all rows as one component."""
    structure = family(name)
    if not structure.independent_columns:
        return spread
    # Spheres are round in the scale that all columns share.
    square = units**2 if structure.equivariance == "scalar" else np.ones_like(units)
    return np.asarray(np.diag(structure.solve(np.ones(1), (np.diagonal(spread) * square)[None])[0] / square))


def _sphering(spread: Array) -> Array | None:
    """Return the inverse Cholesky factor of the rows' covariance, if their columns are nearly dependent."""
    size = np.sqrt(np.diagonal(spread))
    if np.linalg.cond(spread / np.outer(size, size)) < _NEARLY_DEPENDENT:
        return None
    return np.asarray(np.linalg.inv(np.linalg.cholesky(spread)))


def _partitions(
    coordinates: dict[Equivariance, Array],
    weights: Array,
    sizes: Sequence[int],
    random: np.random.Generator,
    n_random: int,
) -> Partitions:
    found: Partitions = {}
    for kind, points in coordinates.items():
        chains: list[NDArray[np.intp]] = []
        if len(points) > 1:
            # Rows were merged by value, so that leaving their weights out here counts no repetition.
            tree = linkage(points, "ward")
            chains = [_cut(tree, sizes)]
            if kind == "linear":
                groups = _cut(tree, [min(_GROUPS, len(points))])[0]
                chains.append(agglomerate(points, weights, groups=groups).labels(sizes))
        if points.shape[1] == 1:
            # In one column also groups of equal weight: none of them begins with too few rows.
            order, middle = np.argsort(points[:, 0], kind="stable"), np.empty(len(points))
            middle[order] = (np.cumsum(weights[order]) - 0.5 * weights[order]) / weights.sum()
            chains.append(np.array([np.minimum(k * middle, k - 1) for k in sizes]).astype(np.intp))
        for i, k in enumerate(sizes):
            own = [chain[i] for chain in chains]
            own += [
                nearest(points, plus_plus(Sample(points, weights), k, random)) for _ in range(n_random if k > 1 else 0)
            ]
            if k == 1 and not own:
                own = [np.zeros(len(points), dtype=np.intp)]
            found[kind, k] = [p.astype(np.int32) for p in own if (np.bincount(p, minlength=k) > 0).all()]
    return found


def _cut(tree: Array, sizes: Sequence[int]) -> NDArray[np.intp]:
    """Return the partitions (len(sizes), m) into numbers of groups that a linkage matrix (m − 1, 4) holds."""
    m = len(tree) + 1
    # In the order of the leaves each group is a range, and undoing a merge cuts one in two.
    begins = {2 * m - 2: 0}
    cuts = []
    for node in range(2 * m - 2, 2 * m - 1 - max(sizes), -1):
        left, right = tree[node - m, :2].astype(int)
        held = 1 if left < m else int(tree[left - m, 3])
        begins[left], begins[right] = begins[node], begins[node] + held
        cuts.append(begins[right])
    leaves, partitions = leaves_list(tree), np.empty((len(sizes), m), dtype=np.intp)
    for partition, k in zip(partitions, sizes, strict=True):
        edge = np.zeros(m, dtype=np.intp)
        edge[cuts[: k - 1]] = 1
        partition[leaves] = np.cumsum(edge)
    return partitions
