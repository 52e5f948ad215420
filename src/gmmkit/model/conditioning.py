"""Marginals and conditionals of a mixture: mixtures again.

    x_o              ~  Σ_k w_k N(μ_ko, Σ_k,oo)
    x_o | x_g        ~  Σ_k w_k(x_g) N(μ_ko + B_k (x_g − μ_kg), Σ_ko|g)
    B_k = Σ_k,og Σ_k,gg⁻¹,   Σ_ko|g = Σ_k,oo − B_k Σ_k,go,   w_k(x_g) ∝ w_k N(x_g; μ_kg, Σ_k,gg)

With the given columns first, the Cholesky factor of Σ_k is [[L_gg, 0], [L_og, L_oo]]: then B_k = L_og L_gg⁻¹ and
Σ_ko|g = L_oo L_ooᵀ, positive definite as it comes out; no difference of near-equal matrices is formed. A factor
keeps its relative accuracy under any scaling of the columns, so none of this needs a frame.

Student-t components stay so: marginals with the same degrees of freedom, conditionals with g more, g columns given,
and the scale ``s_k Σ_ko|g``, ``s_k = (ν_k + δ_k) / (ν_k + g)``, δ_k the squared distance of x_g from component k.

Sources: Anderson, "An Introduction to Multivariate Statistical Analysis" (2003), theorems 2.4.3 and 2.5.1; Ding, "On
the conditional distribution of the multivariate t distribution", The American Statistician 70 (2016).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import DataError, ParameterError
from gmmkit.model.affine import distinct_matrices, of_matrices
from gmmkit.model.covariance import Covariance
from gmmkit.model.mixture import Mixture
from gmmkit.model.row_mixtures import RowMixtures, log_of
from gmmkit.model.validity import refuse_noise
from gmmkit.numerics.arguments import indices, numbers
from gmmkit.numerics.cholesky import cholesky, inverse_lower

__all__ = ["Conditional", "marginal"]

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
        If a column does not exist or is named twice, or none is named; if there is noise.

    Examples
    --------
    >>> from gmmkit.model.covariance import Diagonal
    >>> m = Mixture([1.0], [[0.0, 5.0, 7.0]], Diagonal([[1.0, 2.0, 3.0]]))
    >>> marginal(m, [2, 0]).means, marginal(m, [2, 0]).covariances
    (array([[7., 0.]]), array([[3., 1.]]))
    """
    refuse_noise(mixture, "a marginal")
    chosen = _checked_columns(columns, mixture.n_features, "columns")
    return mixture.changed(means=mixture.means[:, chosen], covariance=mixture.covariance.marginal(chosen.tolist()))


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
        The covariances of the others in each component, or of Student-t components their scales before s_k; they
        do not depend on the values given. Of the mixture's family where columns are independent within components,
        `Tied` where components share their covariance, `Full` otherwise.
    coefficients : ndarray of shape (k, q, g) or None
        B_k, in units of the others over units of the given; None where the columns are independent.

    Raises
    ------
    ParameterError
        If a column does not exist or is named twice, none is given, or none is left; if there is noise.

    Examples
    --------
    >>> from gmmkit.model.covariance import Full
    >>> m = Mixture([1.0], [[0.0, 1.0]], Full([[[4.0, 2.0], [2.0, 3.0]]]))
    >>> c = Conditional(m, [0])
    >>> c.coefficients, c.covariance.values
    (array([[[0.5]]]), array([[[2.]]]))
    >>> c.at([[0.0], [2.0]]).mean()
    array([[1.],
           [2.]])
    """

    def __init__(self, mixture: Mixture, given: Sequence[int]) -> None:
        refuse_noise(mixture, "a conditional")
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
        factors = cholesky(distinct_matrices(mixture.covariance)[:, order[:, None], order])
        g, k = len(self.given), mixture.n_components
        coefficients = factors[:, g:, :g] @ inverse_lower(np.ascontiguousarray(factors[:, :g, :g]))
        self.coefficients = np.broadcast_to(coefficients, (k, *coefficients.shape[1:]))
        left = factors[:, g:, g:]
        self.covariance = of_matrices(left @ left.transpose(0, 2, 1), mixture.covariance)

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
        >>> from gmmkit.model.covariance import Diagonal
        >>> m = Mixture([0.5, 0.5], [[0.0, 0.0], [9.0, 5.0]], Diagonal([[1.0, 1.0], [1.0, 4.0]]))
        >>> Conditional(m, [0]).mixture([9.0]).mean()
        array([5.])
        """
        row = numbers("values", values)
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
        >>> from gmmkit.model.covariance import Diagonal
        >>> m = Mixture([0.5, 0.5], [[0.0, 0.0], [4.0, 5.0]], Diagonal([[1.0, 1.0], [1.0, 4.0]]))
        >>> Conditional(m, [0]).at([[0.0], [2.0], [1e200]]).weights.round(3)
        array([[1. , 0. ],
               [0.5, 0.5],
               [0. , 1. ]])
        """
        x = numbers("rows", rows)
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
        degrees = self._source.degrees_of_freedom
        if degrees is None:
            return RowMixtures(log_weights, self._means_at(x), self.covariance)
        return RowMixtures(log_weights, self._means_at(x), self.covariance, degrees + x.shape[1], self._scales_at(x))

    def _scales_at(self, x: Array) -> Array:
        """Return s (n, k): how far the given values are from each component stretches what is left."""
        source, g = self._source, x.shape[1]
        assert source.degrees_of_freedom is not None
        nu = source.degrees_of_freedom
        halves = np.empty((len(nu), len(x)))
        frame = source.frame
        framed = source.into(frame)
        with np.errstate(over="ignore"):
            z = np.ascontiguousarray(frame.points_in(x).T)
            framed.covariance.score_centred(z, framed.means, framed.covariance.whitening, np.zeros(len(nu)), halves)
            finite = np.isfinite(nu)
            some = np.where(finite, nu, 1.0)
            return np.where(finite, (some - 2.0 * halves.T) / (some + g), 1.0)

    def _means_at(self, x: Array) -> Array:
        if self.coefficients is None:
            return np.broadcast_to(self._means, (len(x), *self._means.shape))
        means = np.empty((len(x), *self._means.shape))
        with np.errstate(over="ignore"):
            for j, (given, mean) in enumerate(zip(self._source.means, self._means, strict=True)):
                means[:, j] = mean + (x - given) @ self.coefficients[j].T
        return means


def _checked_columns(columns: Sequence[int], d: int, name: str) -> NDArray[np.intp]:
    chosen = indices(name, columns, d)
    if not chosen:
        raise ParameterError(f"{name} must name at least one column from 0 to {d - 1}, but it is empty")
    for position, column in enumerate(chosen):
        if column in chosen[:position]:
            raise ParameterError(f"{name} must name each column once, but column {column} comes twice")
    return np.array(chosen, dtype=np.intp)
