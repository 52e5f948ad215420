"""Marginals, affine maps and conditionals of a mixture: mixtures again.

    A x + b          ~  Σ_k w_k N(A μ_k + b, A Σ_k Aᵀ)
    x_o | x_g        ~  Σ_k w_k(x_g) N(μ_ko + B_k (x_g − μ_kg), Σ_ko|g)
    B_k = Σ_k,og Σ_k,gg⁻¹,   Σ_ko|g = Σ_k,oo − B_k Σ_k,go,   w_k(x_g) ∝ w_k N(x_g; μ_kg, Σ_k,gg)

With the given columns first, the Cholesky factor of Σ_k is [[L_gg, 0], [L_og, L_oo]]: then B_k = L_og L_gg⁻¹ and
Σ_ko|g = L_oo L_ooᵀ, positive definite as it comes out; no difference of near-equal matrices is formed. A factor
keeps its relative accuracy under any scaling of the columns, so none of this needs a frame.

Source: Anderson, "An Introduction to Multivariate Statistical Analysis" (2003), theorems 2.4.1, 2.4.3 and 2.5.1.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import DataError, ParameterError
from gmmkit.model.covariance import Covariance, Diagonal, Full, Tied
from gmmkit.model.mixture import Mixture
from gmmkit.model.row_mixtures import RowMixtures, log_of
from gmmkit.numerics.cholesky import cholesky, inverse_lower
from gmmkit.numerics.frame import power_of_two

__all__ = ["Conditional", "affine", "marginal"]

Array = NDArray[np.float64]


def marginal(mixture: Mixture, columns: Sequence[int]) -> Mixture:
    """Return the distribution of some columns, of the same family.

    Parameters
    ----------
    mixture : Mixture
        Of d columns.
    columns : sequence of int
        Between 0 and d − 1, each at most once, in the order wanted.

    Raises
    ------
    ParameterError
        If a column does not exist or is named twice, or none is named.

    Examples
    --------
    >>> m = Mixture([1.0], [[0.0, 5.0, 7.0]], Diagonal([[1.0, 2.0, 3.0]]))
    >>> marginal(m, [2, 0]).means, marginal(m, [2, 0]).covariances
    (array([[7., 0.]]), array([[3., 1.]]))
    """
    chosen = _checked_columns(columns, mixture.n_features, "columns")
    return Mixture.trusted(mixture.weights, mixture.means[:, chosen], mixture.covariance.marginal(chosen.tolist()))


def affine(mixture: Mixture, matrix: ArrayLike, offset: ArrayLike | None = None) -> Mixture:
    """Return the distribution of ``A x + b``.

    The family is kept where each row of A has one entry other than 0 (columns are chosen, put in another order,
    flipped or rescaled) and the family allows the scales; columns that are independent within components stay
    so, as `Diagonal` at least. Any other map gives `Tied` where the components share their covariance, `Full`
    otherwise.

    Parameters
    ----------
    mixture : Mixture
        Of d columns.
    matrix : array_like of shape (q, d)
        A, of full row rank.
    offset : array_like of shape (q,), optional
        b; 0 by default.

    Raises
    ------
    ParameterError
        If a shape does not fit, a value is not finite, or the rows of A depend on each other: ``A x`` would
        then have no density.

    Examples
    --------
    >>> m = Mixture([1.0], [[1.0, 2.0]], Full([[[2.0, 1.0], [1.0, 3.0]]]))
    >>> s = affine(m, [[1.0, 1.0]], [10.0])
    >>> s.means, s.covariances
    (array([[13.]]), array([[[7.]]]))
    """
    a, b = _checked_map(matrix, offset, mixture.n_features)
    frame = mixture.frame
    # The common offset apart, so that b = −A m cancels before the components' own deviations are rounded.
    means = (mixture.means - frame.shift) @ a.T + (a @ frame.shift + b)
    chosen, factors = _one_entry_a_row(a)
    if chosen is not None and mixture.covariance.independent_columns:
        scaled = _columns_rescaled(mixture.covariance.marginal(chosen.tolist()), np.abs(factors))
        return Mixture.trusted(mixture.weights, means, scaled)
    if chosen is not None and mixture.covariance.equivariance == "linear":
        signed = mixture.covariance.marginal(chosen.tolist()).rescaled(factors)
        return Mixture.trusted(mixture.weights, means, signed)
    # In the mixture's frame and at unit rows, so that squares neither overflow nor vanish.
    inside = a / frame.scale
    units = power_of_two(np.abs(inside).max(axis=1))
    inside = inside * units[:, None]
    if np.linalg.matrix_rank(inside) < len(a):
        raise ParameterError(
            f"matrix must have full row rank, but its {len(a)} rows have the rank {np.linalg.matrix_rank(inside)}: "
            "leave out rows that are combinations of others"
        )
    own = _distinct_matrices(mixture.covariance.rescaled(frame.scale))
    mapped = _of_matrices(inside @ own @ inside.T, mixture.covariance).rescaled(1.0 / units)
    return Mixture.trusted(mixture.weights, means, mapped)


class Conditional:
    """The distribution of the other columns given some, prepared to be asked at many values.

    Parameters
    ----------
    mixture : Mixture
        Of d columns.
    given : sequence of int
        The g columns whose values will be given, in the order the values will come in.

    Attributes
    ----------
    given : ndarray of shape (g,)
    others : ndarray of shape (q,)
        The other columns, in their original order: those of the answers.
    covariance : Covariance
        The covariances of the others in each component; they do not depend on the values given. Of the
        mixture's family where columns are independent within components, `Tied` where components share
        their covariance, `Full` otherwise.
    coefficients : ndarray of shape (k, q, g) or None
        B_k, in units of the others over units of the given; None where the columns are independent.

    Raises
    ------
    ParameterError
        If a column does not exist or is named twice, none is given, or none is left.

    Examples
    --------
    >>> m = Mixture([1.0], [[0.0, 1.0]], Full([[[4.0, 2.0], [2.0, 3.0]]]))
    >>> c = Conditional(m, [0])
    >>> c.coefficients, c.covariance.values
    (array([[[0.5]]]), array([[[2.]]]))
    >>> c.at([[0.0], [2.0]]).mean()
    array([[1.],
           [2.]])
    """

    def __init__(self, mixture: Mixture, given: Sequence[int]) -> None:
        self.given = _checked_columns(given, mixture.n_features, "given")
        self.others = np.setdiff1d(np.arange(mixture.n_features), self.given)
        if not len(self.others):
            raise ParameterError(
                f"given names all {mixture.n_features} columns, so none is left to be distributed: "
                "give fewer, or ask log_density for the density there"
            )
        self._source = marginal(mixture, self.given.tolist())
        self._means = mixture.means[:, self.others]
        self.covariance: Covariance
        self.coefficients: Array | None
        if mixture.covariance.independent_columns:
            self.covariance, self.coefficients = mixture.covariance.marginal(self.others.tolist()), None
            return
        order = np.concatenate([self.given, self.others])
        factors = cholesky(_distinct_matrices(mixture.covariance)[:, order[:, None], order])
        g, k = len(self.given), mixture.n_components
        coefficients = factors[:, g:, :g] @ inverse_lower(np.ascontiguousarray(factors[:, :g, :g]))
        self.coefficients = np.broadcast_to(coefficients, (k, *coefficients.shape[1:]))
        left = factors[:, g:, g:]
        self.covariance = _of_matrices(left @ left.transpose(0, 2, 1), mixture.covariance)

    def __repr__(self) -> str:
        return f"Conditional(columns {self.others.tolist()} given {self.given.tolist()})"

    def mixture(self, values: ArrayLike) -> Mixture:
        """Return the distribution of the other columns when the given ones take `values` (g,).

        Raises
        ------
        ParameterError
            If there is not one value for each given column.
        DataError
            If a value is not finite.

        Examples
        --------
        >>> m = Mixture([0.5, 0.5], [[0.0, 0.0], [9.0, 5.0]], Diagonal([[1.0, 1.0], [1.0, 4.0]]))
        >>> Conditional(m, [0]).mixture([9.0]).mean()
        array([5.])
        """
        row = np.asarray(values, dtype=np.float64)
        if row.shape != self.given.shape:
            raise ParameterError(
                f"values must be one number for each of the {len(self.given)} given columns "
                f"{self.given.tolist()}, but got the shape {row.shape}"
            )
        return self.at(row[None])[0]

    def at(self, rows: ArrayLike) -> RowMixtures:
        """Return one mixture of the other columns for each row (n, g) of values of the given ones.

        The weights sum to 1 however far a row is from every component.

        Raises
        ------
        DataError
            If `rows` is not of shape (n, g) or holds a value that is not finite.

        Examples
        --------
        >>> m = Mixture([0.5, 0.5], [[0.0, 0.0], [4.0, 5.0]], Diagonal([[1.0, 1.0], [1.0, 4.0]]))
        >>> Conditional(m, [0]).at([[0.0], [2.0], [1e200]]).weights.round(3)
        array([[1. , 0. ],
               [0.5, 0.5],
               [0. , 1. ]])
        """
        x = np.asarray(rows, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != len(self.given):
            raise DataError(
                f"rows must have the shape (rows, {len(self.given)}), the values of the given columns "
                f"{self.given.tolist()}, but got {x.shape}"
            )
        scores = self._source.component_log_density(x)
        scores += log_of(self._source.weights)
        largest = scores.max(axis=1, keepdims=True)
        lost = ~np.isfinite(largest[:, 0])
        largest[lost] = 0.0
        log_weights = scores - largest
        totals = np.exp(log_weights).sum(axis=1, keepdims=True)
        totals[lost] = 1.0
        log_weights -= np.log(totals)
        if lost.any():
            log_weights[lost] = log_of(self._source.posterior(x[lost]))
        return RowMixtures(log_weights, self._means_at(x), self.covariance)

    def _means_at(self, x: Array) -> Array:
        if self.coefficients is None:
            return np.broadcast_to(self._means, (len(x), *self._means.shape))
        means = np.empty((len(x), *self._means.shape))
        with np.errstate(over="ignore"):
            for j, (given, mean) in enumerate(zip(self._source.means, self._means, strict=True)):
                means[:, j] = mean + (x - given) @ self.coefficients[j].T
        return means


def _checked_columns(columns: Sequence[int], d: int, name: str) -> NDArray[np.intp]:
    chosen = []
    for column in columns:
        try:
            chosen.append(operator.index(column))
        except TypeError:
            raise ParameterError(f"{name} must be whole numbers from 0 to {d - 1}, but got {column!r}") from None
    if not chosen:
        raise ParameterError(f"{name} must name at least one column from 0 to {d - 1}, but it is empty")
    for position, column in enumerate(chosen):
        if not 0 <= column < d:
            raise ParameterError(f"{name} must be from 0 to {d - 1}, but got {column}")
        if column in chosen[:position]:
            raise ParameterError(f"{name} must name each column once, but column {column} comes twice")
    return np.array(chosen, dtype=np.intp)


def _checked_map(matrix: ArrayLike, offset: ArrayLike | None, d: int) -> tuple[Array, Array]:
    a = np.array(matrix, dtype=np.float64)
    if a.ndim != 2 or not len(a) or a.shape[1] != d:
        raise ParameterError(f"matrix must have the shape (new columns, {d}), but got {a.shape}")
    b = np.zeros(len(a)) if offset is None else np.array(offset, dtype=np.float64)
    if b.shape != (len(a),):
        raise ParameterError(f"offset must have the shape ({len(a)},), but got {b.shape}")
    for name, array in (("matrix", a), ("offset", b)):
        if not np.isfinite(array).all():
            raise ParameterError(f"{name} must be finite, but got {array[~np.isfinite(array)][0]}")
    if len(a) > d:
        raise ParameterError(
            f"matrix must have full row rank, but it has {len(a)} rows and only {d} columns: give at most {d} rows"
        )
    return a, b


def _one_entry_a_row(a: Array) -> tuple[NDArray[np.intp] | None, Array]:
    """Return the column and the value of each row's only entry, or None where that is not what A is."""
    rows, columns = np.nonzero(a)
    if np.array_equal(rows, np.arange(len(a))) and len(np.unique(columns)) == len(columns):
        return columns, a[rows, columns]
    return None, a


def _columns_rescaled(covariance: Covariance, scale: Array) -> Covariance:
    if covariance.equivariance == "scalar" and (scale != scale[0]).any():
        return Diagonal(covariance.variances() * scale * scale)
    return covariance.rescaled(scale)


def _distinct_matrices(covariance: Covariance) -> Array:
    """Return the covariance matrices (k, d, d), or (1, d, d) where all components share one."""
    dense = covariance.dense()
    return dense[:1] if covariance.shares_covariance else dense


def _of_matrices(matrices: Array, source: Covariance) -> Covariance:
    symmetric = 0.5 * (matrices + matrices.transpose(0, 2, 1))
    if source.shares_covariance:
        return Tied(symmetric[0], n_components=source.n_components)
    return Full(symmetric)
