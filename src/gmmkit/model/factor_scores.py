"""Rows in the coordinates of a mixture of factor analysers, and back.

With c the component that a row comes from, as an indicator of k entries, and f its factors there,

    x = Σ_k c_k (μ_k + Λ_k f_k) + e

is linear in c_k and c_k f_k. A row's coordinates are their posterior means, ``r_k`` and ``r_k E[f_k | x]``, and the way
back is ``Σ_k r_k μ_k + Λ_k (r_k E[f_k | x])``, the posterior mean of the row without its noise. A hard code has 1 for
the most probable r_k and 0 for the others: q + 1 numbers, the component and its factors. The coordinates' variances are

    r_k (1 − r_k)        r_k (V_k + E[f_k | x]²) − (r_k E[f_k | x])²,    V_k = 1 / (1 + s_k²)

Source: Tipping & Bishop, "Mixtures of probabilistic principal component analysers", Neural Computation 11 (1999),
section 3.3 and appendix C; the factors are canonical (`Factor.canonical`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.data import as_table
from gmmkit.errors import DataError, ParameterError
from gmmkit.execution import Workers, plan_pass
from gmmkit.model.covariance import Factor
from gmmkit.model.mixture import Mixture
from gmmkit.model.validity import gaussian_only
from gmmkit.numerics.arguments import numbers

__all__ = ["coordinate_names", "coordinates", "rebuilt"]

Array = NDArray[np.float64]


def coordinate_names(k: int, q: int) -> list[str]:
    """Return what each coordinate is, in order.

    Examples
    --------
    >>> coordinate_names(2, 1)
    ['component0', 'component1', 'component0_factor0', 'component1_factor0']
    >>> coordinate_names(1, 2)
    ['factor0', 'factor1']
    """
    if k == 1:
        return [f"factor{i}" for i in range(q)]
    return [f"component{j}" for j in range(k)] + [f"component{j}_factor{i}" for j in range(k) for i in range(q)]


def coordinates(
    mixture: Mixture, rows: Any, *, deviations: bool = False, hard: bool = False, n_jobs: int | None = None
) -> tuple[Array, Array | None]:
    """Return rows in coordinates, and the standard deviations of these.

    Parameters
    ----------
    mixture : Mixture
        Of k components with factor covariances of q factors, in d columns.
    rows : array_like of shape (n, d) or Table
    deviations : bool, default=False
        Whether standard deviations are wanted; None otherwise.
    hard : bool, default=False
        Whether each row is taken to be of its most probable component (the first of equals), given which its factors
        are told.
    n_jobs : int or None

    Returns
    -------
    coordinates : ndarray of shape (n, k + k q), or (n, q) of one component
        Posterior probabilities, then factors of each component in turn, each times its component's probability. Of one
        component the factors alone.
    deviations : ndarray of the same shape, or None

    Raises
    ------
    ParameterError
        If the mixture's covariances have no factors.
    DataError
        If the rows have not the mixture's columns, or a value is not finite.

    Examples
    --------
    >>> m = Mixture([1.0], [[0.0, 0.0]], Factor.of([[[2.0], [2.0]]], [[1.0, 1.0]]))
    >>> found, deviations = coordinates(m, [[2.25, 2.25]], deviations=True)
    >>> found, deviations.round(4)
    (array([[1.]]), array([[0.3333]]))
    """
    covariance = _checked(mixture)
    (k, d), q = mixture.means.shape, covariance.n_factors
    table = as_table(rows)
    if table.n_columns != d:
        raise DataError(
            f"{table.origin} has {table.n_columns} columns, but the mixture is of {d}: "
            "give the columns it was fitted on, in the same order"
        )
    scorer = mixture.scorer.exact
    assert scorer is not None
    framed = scorer.covariance
    assert isinstance(framed, Factor)
    projections, variances = framed.projections, 1.0 / (1.0 + framed.squares)
    first = 0 if k == 1 else k
    answer = np.empty((table.n_rows, first + k * q))
    spread = np.empty_like(answer) if deviations else None
    plan = plan_pass(table.n_rows, 3 * d + 2 * k * (q + 1), k)

    def task(start: int, stop: int) -> None:
        work = scorer.workspace(plan.block_rows)
        for block in table.blocks(plan.block_rows, start, stop):
            table.check_finite(block)
            place = slice(block.index, block.index + len(block.rows))
            shares, _ = scorer.responsibilities(block.rows, work)
            if hard:
                shares = (np.arange(k)[:, None] == shares.argmax(axis=0)).astype(np.float64)
            answer[place, :first] = shares[:first].T if first else 0.0
            if spread is not None:
                spread[place, :first] = np.sqrt(shares * (1.0 - shares)).T if first else 0.0
            for j in range(k):
                own = slice(first + j * q, first + (j + 1) * q)
                found = projections[j] @ (work.z - scorer.means[j][:, None])
                # Factors of a component that has no share of a row may be any number, even too large a one.
                weighted = np.where(shares[j] > 0, found * shares[j], 0.0)
                answer[place, own] = weighted.T
                if spread is not None:
                    expected = np.where(shares[j] > 0, shares[j] * (variances[j][:, None] + found**2), 0.0)
                    spread[place, own] = np.sqrt(np.maximum(expected - weighted**2, 0.0)).T

    with Workers(n_jobs) as workers, np.errstate(over="ignore", invalid="ignore"):
        workers.each(task, plan.tasks())
    return answer, spread


def rebuilt(mixture: Mixture, coordinates: ArrayLike) -> Array:
    """Return the rows (n, d) that coordinates stand for: linear in them.

    Raises
    ------
    ParameterError
        If the mixture's covariances have no factors.
    DataError
        If there are not as many coordinates as `coordinate_names` names.

    Examples
    --------
    >>> m = Mixture([1.0], [[0.0, 1.0]], Factor.of([[[2.0], [1.0]]], [[1.0, 1.0]]))
    >>> rebuilt(m, [[3.0]])
    array([[6., 4.]])
    """
    covariance = _checked(mixture).canonical()
    (k, d), q = mixture.means.shape, covariance.n_factors
    given = numbers("coordinates", coordinates)
    width = len(coordinate_names(k, q))
    if given.ndim != 2 or given.shape[1] != width:
        raise DataError(
            f"coordinates must have the shape (rows, {width}), as `transform` gives them, but got {given.shape}"
        )
    axes = covariance.loadings.transpose(0, 2, 1).reshape(k * q, d)
    found: Array = given @ (axes if k == 1 else np.concatenate([mixture.means, axes]))
    return found + mixture.means if k == 1 else found


def _checked(mixture: Mixture) -> Factor:
    gaussian_only(mixture, "a transform to factors")
    if not isinstance(mixture.covariance, Factor):
        raise ParameterError(
            f"only factor covariances have factors, but these are {mixture.covariance_type!r}: "
            "fit a MixtureOfFactorAnalyzers"
        )
    return mixture.covariance
