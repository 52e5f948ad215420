"""Affine maps of a mixture: mixtures again.

    A x + b          ~  Σ_k w_k N(A μ_k + b, A Σ_k Aᵀ),      and Student-t with the same degrees of freedom

Source: Anderson, "An Introduction to Multivariate Statistical Analysis" (2003), theorem 2.4.4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import ParameterError
from gmmkit.model.covariance import Covariance, Diagonal, Full, Tied
from gmmkit.model.mixture import Mixture
from gmmkit.model.validity import refuse_noise
from gmmkit.numerics.arguments import numbers
from gmmkit.numerics.frame import power_of_two

__all__ = ["affine", "distinct_matrices", "of_matrices"]

Array = NDArray[np.float64]


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
        then have no density. If there is noise and A is not square: fewer columns of it would not be uniform.

    Examples
    --------
    >>> m = Mixture([1.0], [[1.0, 2.0]], Full([[[2.0, 1.0], [1.0, 3.0]]]))
    >>> s = affine(m, [[1.0, 1.0]], [10.0])
    >>> s.means, s.covariances
    (array([[13.]]), array([[[7.]]]))
    """
    a, b = _checked_map(matrix, offset, mixture.n_features)
    mixture = _with_noise_mapped(mixture, a, b)
    frame = mixture.frame
    # The common offset apart, so that b = −A m cancels before the components' own deviations are rounded.
    means = (mixture.means - frame.shift) @ a.T + (a @ frame.shift + b)
    chosen, factors = _one_entry_a_row(a)
    if chosen is not None and mixture.covariance.independent_columns:
        scaled = _columns_rescaled(mixture.covariance.marginal(chosen.tolist()), np.abs(factors))
        return mixture.changed(means=means, covariance=scaled)
    if chosen is not None and mixture.covariance.equivariance == "linear":
        signed = mixture.covariance.marginal(chosen.tolist()).rescaled(factors)
        return mixture.changed(means=means, covariance=signed)
    # In the mixture's frame and at unit rows, so that squares neither overflow nor vanish.
    inside = a / frame.scale
    units = power_of_two(np.abs(inside).max(axis=1))
    inside = inside * units[:, None]
    if np.linalg.matrix_rank(inside) < len(a):
        raise ParameterError(
            f"matrix must have full row rank, but its {len(a)} rows have the rank {np.linalg.matrix_rank(inside)}: "
            "leave out rows that are combinations of others"
        )
    own = distinct_matrices(mixture.covariance.rescaled(frame.scale))
    mapped = of_matrices(inside @ own @ inside.T, mixture.covariance).rescaled(1.0 / units)
    return mixture.changed(means=means, covariance=mapped)


def _with_noise_mapped(mixture: Mixture, a: Array, b: Array) -> Mixture:
    if mixture.noise is None:
        return mixture
    if len(a) < mixture.n_features:
        refuse_noise(mixture, "a map to fewer columns")
    scale = np.abs(a).max(axis=1, initial=0.0, keepdims=True)
    # A matrix without full rank is refused where it is mapped.
    log_volume = float(np.linalg.slogdet(a / np.where(scale > 0, scale, 1.0))[1] + np.log(scale[scale > 0]).sum())
    return mixture.changed(noise=mixture.noise.mapped(a, b, log_volume)) if np.isfinite(log_volume) else mixture


def _checked_map(matrix: ArrayLike, offset: ArrayLike | None, d: int) -> tuple[Array, Array]:
    a = numbers("matrix", matrix)
    if a.ndim != 2 or not len(a) or a.shape[1] != d:
        raise ParameterError(f"matrix must have the shape (new columns, {d}), but got {a.shape}")
    b = np.zeros(len(a)) if offset is None else numbers("offset", offset)
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


def distinct_matrices(covariance: Covariance) -> Array:
    """Return the covariance matrices (k, d, d), or (1, d, d) where all components share one."""
    dense = covariance.dense()
    return dense[:1] if covariance.shares_covariance else dense


def of_matrices(matrices: Array, source: Covariance) -> Covariance:
    """Return the covariances of new matrices: `Tied` where those of `source` are shared, `Full` otherwise."""
    symmetric = 0.5 * (matrices + matrices.transpose(0, 2, 1))
    if source.shares_covariance:
        return Tied(symmetric[0], n_components=source.n_components)
    return Full(symmetric)
