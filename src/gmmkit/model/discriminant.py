"""The subspace in which the components of a mixture differ: for looking at clusters of many columns.

With μ, Σ the mean and covariance of the whole mixture and Σ̄ = Σ_k w_k Σ_k that within components, the directions v are
generalised eigenvectors of

    M_I  = Σ_k w_k (μ_k − μ)(μ_k − μ)ᵀ                     where means differ
    M_II = Σ_k w_k (Σ_k − Σ̄) Σ⁻¹ (Σ_k − Σ̄)               where covariances differ
    (2a M_I Σ⁻¹ M_I + 2(1 − a) M_II) v = l Σ v,    vᵀ Σ v = 1

a = ½ weighs both alike (Scrucca 2010); with a = 1 directions are those of means alone (Scrucca 2014). At most k − 1
directions separate means. Nothing changes under any linear map of the columns.

Sources: Scrucca, "Dimension reduction for model-based clustering", Statistics and Computing 20 (2010), section 3;
Scrucca, "Graphical tools for model-based mixture discriminant analysis", Advances in Data Analysis and Classification
8 (2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from gmmkit.data import as_table
from gmmkit.errors import DataError, ParameterError
from gmmkit.model.mixture import Mixture
from gmmkit.model.validity import gaussian_only
from gmmkit.numerics.arguments import shown, whole
from gmmkit.numerics.frame import Frame

__all__ = ["DiscriminantSubspace", "discriminant_subspace"]

Array = NDArray[np.float64]

# Eigenvalues below this share of the largest say no more than rounding.
_NEGLIGIBLE = 1e-10
_AT_ONCE = 8192


@dataclass(frozen=True, slots=True, eq=False)
class DiscriminantSubspace:
    """Directions in which components differ, the most telling first.

    Attributes
    ----------
    centre : ndarray of shape (d,)
        The mixture's mean: the origin of the coordinates.
    directions : ndarray of shape (d, m)
        Coordinates are ``(x − centre) @ directions``: of variance 1 under the mixture, and uncorrelated.
    eigenvalues : ndarray of shape (m,)
        How much components differ along each, in decreasing order.
    mixture : Mixture
        The mixture of the coordinates.
    """

    centre: Array
    directions: Array
    eigenvalues: Array
    mixture: Mixture

    @property
    def n_directions(self) -> int:
        """Number of directions, m."""
        return int(self.directions.shape[1])

    def transform(self, rows: Any) -> Array:
        """Return the coordinates (n, m) of rows (n, d) or of a table.

        Raises
        ------
        DataError
            If the rows have not d columns, or a value is not finite.
        """
        table = as_table(rows)
        d = len(self.centre)
        if table.n_columns != d:
            raise DataError(
                f"{table.origin} has {table.n_columns} columns, but the subspace is of {d}: "
                "give the columns the mixture was fitted on, in the same order"
            )
        frame, answer = Frame(self.centre, np.ones(d)), np.empty((table.n_rows, self.n_directions))
        for block in table.blocks(max(_AT_ONCE // d, 1) * 16):
            table.check_finite(block)
            z = frame.read(block.rows, np.empty((d, len(block.rows))))
            answer[block.index : block.index + len(block.rows)] = z.T @ self.directions
        return answer


def discriminant_subspace(
    mixture: Mixture, *, n_directions: int | None = None, means_share: float = 0.5
) -> DiscriminantSubspace:
    """Return the directions in which the components of a mixture differ.

    Parameters
    ----------
    mixture : Mixture
        Of at least two Gaussian components.
    n_directions : int, optional
        So many at most; all that components differ in, if None.
    means_share : float, default=0.5
        a, between 0 and 1: how much where means differ counts beside where covariances do.

    Returns
    -------
    DiscriminantSubspace

    Raises
    ------
    ParameterError
        If there is one component, nothing differs, components are no Gaussians, or a parameter means nothing.

    Examples
    --------
    >>> from gmmkit.model.covariance import Spherical
    >>> m = Mixture([0.5, 0.5], [[0.0, 0.0, 0.0], [6.0, 8.0, 0.0]], Spherical([1.0, 1.0], n_features=3))
    >>> found = discriminant_subspace(m)
    >>> found.n_directions, (found.directions / found.directions.max())[:, 0].round(3)
    (1, array([0.75, 1.  , 0.  ]))
    """
    gaussian_only(mixture, "a discriminant subspace")
    if mixture.n_components < 2:
        raise ParameterError("one component differs from no other: a discriminant subspace needs at least two")
    most = mixture.n_features if n_directions is None else whole("n_directions", n_directions, 1)
    if isinstance(means_share, bool) or not isinstance(means_share, (int, float)) or not 0.0 <= means_share <= 1.0:
        raise ParameterError(f"means_share must be a number from 0 to 1, but got {shown(means_share)}")
    # In the mixture's frame, where squares neither overflow nor vanish.
    framed = mixture.into(mixture.frame)
    total, within, centre = framed.covariance_matrix(), framed.covariance.dense(), framed.mean()
    mean_within = np.einsum("k,kij->ij", framed.weights, within)
    between = (framed.weights[:, None] * (framed.means - centre)).T @ (framed.means - centre)
    kernel = 2.0 * means_share * between @ np.linalg.solve(total, between)
    if means_share < 1.0:
        for weight, matrix in zip(framed.weights, within, strict=True):
            off = matrix - mean_within
            kernel += 2.0 * (1.0 - means_share) * weight * off @ np.linalg.solve(total, off)
    values, vectors = eigh(0.5 * (kernel + kernel.T), total)
    values, vectors = values[::-1], vectors[:, ::-1]
    telling = values > max(_NEGLIGIBLE * values[0], np.finfo(np.float64).eps)
    kept = min(most, int(np.count_nonzero(telling)))
    if not kept:
        raise ParameterError("the components do not differ: there is no direction to look along")
    directions = vectors[:, :kept] * mixture.frame.scale[:, None]
    # The sign by the column that varies most along it, whatever its unit.
    along = vectors[:, :kept] * np.sqrt(np.diag(total))[:, None]
    signs = np.sign(along[np.abs(along).argmax(axis=0), np.arange(kept)])
    directions = directions * signs
    origin = mixture.frame.points_out(centre)
    return DiscriminantSubspace(
        origin, directions, values[:kept].copy(), mixture.affine(directions.T, -directions.T @ origin)
    )
