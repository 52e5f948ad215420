"""Rows that lie where few others do: at first sight, they belong to no component.

With D the distance of a row to its K-th nearest, the volume D^d of rows of even density λ has a Gamma(K, λ)
distribution; of clusters in clutter, D^d is a mixture of two,

    p(D^d) = p₁ Gamma(K, λ₁) + p₂ Gamma(K, λ₂),  λ₁ > λ₂,

and rows that are more probably of the second are clutter. Fits beside noise and of heavy tails start from the others:
a start that takes outliers for a cluster ends at a poor optimum. Where a start goes on from, EM decides.

Source: Byers & Raftery, "Nearest-neighbor clutter removal for estimating features in spatial point processes", Journal
of the American Statistical Association 93 (1998).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import ParameterError
from gmmkit.inference.problem import Problem
from gmmkit.inference.sampling import inverse_cdf, whitened
from gmmkit.inference.survey import survey

__all__ = ["without_clutter"]

Array = NDArray[np.float64]

# Rows that are looked at, of more; and which neighbour's distance tells the density (Byers & Raftery: 10 to 15).
_MOST = 10_000
_NEIGHBOUR = 12
_TURNS = 200


def without_clutter(problem: Problem, initial: Any = True) -> tuple[Problem, float]:
    """Return the problem of the rows that are no clutter, and the share of the weight that is.

    Of more than 10,000 rows, a sample is looked at, and the problem is that of the sample.

    Parameters
    ----------
    problem : Problem
    initial : True, float or array of bool (n,)
        Rows that are clutter: those in sparse places; this share of them, the sparsest first; or these rows.

    Raises
    ------
    ParameterError
        If flags are not one for each row, or leave nothing.
    """
    table = problem.table
    known = np.ones(table.n_rows) if table.weights is None else table.weights
    index, held = np.arange(table.n_rows), known
    if isinstance(initial, (bool, float, int)):
        # Rows without weight are nobody's neighbours.
        index = np.flatnonzero(known)
        held = known[index]
        if table.n_rows > _MOST:
            # Draws are by weight: how often a row came is its weight now.
            drawn = inverse_cdf(held, _MOST, np.random.default_rng(0))
            index, times = np.unique(index[drawn], return_counts=True)
            held = times.astype(np.float64)
        rows = whitened(problem.pooled, problem.frame.points_in(table.take(index)))
        flags = _sparse(rows, held, None if isinstance(initial, bool) else float(initial))
    else:
        flags = _checked(initial, table.n_rows)
    weights = np.zeros(table.n_rows)
    weights[index] = np.where(flags, 0.0, held)
    if not weights.any():
        raise ParameterError("noise flags every row with weight: leave rows for the components")
    cleaned = table.with_weights(weights)
    clean = Problem(cleaned, problem.family, survey(cleaned, problem.workers), problem.workers)
    return clean, float(held @ flags / held.sum())


def _checked(flags: ArrayLike, n: int) -> NDArray[np.bool_]:
    array = np.asarray(flags)
    if array.shape != (n,) or array.dtype.kind != "b":
        raise ParameterError(
            f"noise must be True, a share of the rows, or {n} flags (bool), one for each row, "
            f"but got {array.dtype} values of shape {array.shape}"
        )
    return array


def _sparse(rows: Array, weights: Array, share: float | None) -> NDArray[np.bool_]:
    """Return which rows (n, d) lie in sparse places, or which share of the weight lies in the sparsest."""
    from scipy.spatial import cKDTree

    distinct, place = np.unique(rows, axis=0, return_inverse=True)
    m, d = distinct.shape
    if m < 2:
        return np.zeros(len(rows), dtype=bool)
    neighbour = min(_NEIGHBOUR, m - 1)
    distance = cKDTree(distinct).query(distinct, k=[neighbour + 1])[0][:, 0]
    logs = d * np.log(distance)[place.ravel()]
    if share is None:
        return _sparser(logs, weights, neighbour)
    order = np.argsort(-logs, kind="stable")
    flags = np.zeros(len(rows), dtype=bool)
    flags[order[np.cumsum(weights[order]) <= share * weights.sum()]] = True
    return flags


def _sparser(logs: Array, weights: Array, neighbour: int) -> NDArray[np.bool_]:
    """Return which of the log volumes (n,) are of the sparser of two even densities."""
    order = np.argsort(logs, kind="stable")
    middle = np.searchsorted(np.cumsum(weights[order]), 0.5 * weights.sum())
    # About the median, so that no volume leaves float64 but those that are sparse for sure.
    volumes = np.exp(np.minimum(logs - logs[order[middle]], 600.0 / neighbour))
    sparse = volumes > np.exp(1.0)
    shares = np.stack([~sparse, sparse]).astype(np.float64)
    for _ in range(_TURNS):
        held = shares @ weights
        if not (held > 0).all():
            return np.zeros(len(logs), dtype=bool)
        rates = neighbour * held / (shares @ (weights * volumes))
        log_odds = np.log(held[1] / held[0]) + neighbour * np.log(rates[1] / rates[0])
        log_odds = log_odds + (rates[0] - rates[1]) * volumes
        last = shares[1]
        shares = np.stack([1.0 / (1.0 + np.exp(np.minimum(log_odds, 700.0))), np.zeros_like(volumes)])
        shares[1] = 1.0 - shares[0]
        if np.abs(shares[1] - last).max() < 1e-6:
            break
    return np.asarray(shares[1] > 0.5)
