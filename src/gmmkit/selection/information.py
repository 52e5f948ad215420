"""Standard errors from the observed information, without resampling.

The empirical information sums the outer products of the rows' scores (Louis 1982; McLachlan & Peel 2000, §2.16),

    I = Σ_i w_i s_i s_iᵀ,      s_i = ∂ log p(x_i) / ∂θ,      Var θ̂ ≈ I⁻¹

which needs first derivatives only: one pass over the rows. With r the responsibilities, y = x − μ_k, P = Σ_k⁻¹,

    log-weights (k − 1 of them free)   r_k − π_k
    means                              r_k P y
    covariances, in direction T        ½ Σ_k r_k (yᵀ P T_k P y − tr P T_k)

where directions span what the family leaves free (`tangents.py`): all fourteen structures. Errors of weights, means and
covariances are those of θ carried over. The information is that of maximum likelihood: priors are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from gmmkit.data.table import Table
from gmmkit.errors import ParameterError
from gmmkit.execution import Workers, plan_pass
from gmmkit.inference.algorithm import log_weights
from gmmkit.inference.fit import FitSettings
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import Scorer
from gmmkit.numerics.arguments import share
from gmmkit.numerics.frame import Frame, power_of_two
from gmmkit.selection.parameters import Parameters, column_names, tabulated
from gmmkit.selection.refitting import model_and_settings, rows_for
from gmmkit.selection.tangents import covariance_tangents

__all__ = ["ObservedInformation", "observed_information"]

Array = NDArray[np.float64]

_MOST_PARAMETERS = 4000


@dataclass(frozen=True, slots=True, eq=False)
class ObservedInformation:
    """Information in the rows about a mixture's free parameters, and standard errors from it.

    Attributes
    ----------
    estimate : Parameters
    matrix : ndarray of shape (p, p)
        The empirical information of k − 1 log-weights (none if weights are held equal), the means, and the
        covariances along their directions.
    tangents : ndarray of shape (c, k, d, d)
        The directions of the covariances.
    equal_weights : bool
    names : tuple of str
        Of the columns.
    """

    estimate: Parameters
    matrix: Array
    tangents: Array
    equal_weights: bool
    names: tuple[str, ...]

    @property
    def standard_errors(self) -> Parameters:
        """Of weights, means and covariances: √diag(J I⁻¹ Jᵀ)."""
        k, d = self.estimate.means.shape
        free = 0 if self.equal_weights else k - 1
        covariance = self._inverse()
        weights = self.estimate.weights
        jacobian = (np.diag(weights) - np.outer(weights, weights))[:, :free]
        part = slice(free, free + k * d)
        rest = slice(free + k * d, len(covariance))
        flat = self.tangents.reshape(len(self.tangents), -1)
        # Each entry in its own unit, whose square may be no number.
        unit = power_of_two(np.abs(flat).max(axis=0, initial=0.0))
        flat = flat * unit
        variances = np.einsum("ip,ij,jp->p", flat, covariance[rest, rest], flat)
        return Parameters(
            np.sqrt(np.einsum("ki,ij,kj->k", jacobian, covariance[:free, :free], jacobian)),
            np.sqrt(np.diagonal(covariance)[part]).reshape(k, d),
            (np.sqrt(np.maximum(variances, 0.0)) / unit).reshape(k, d, d),
        )

    def intervals(self, confidence: float = 0.95) -> tuple[Parameters, Parameters]:
        """Return the lower and upper ends: the estimate ± z standard errors."""
        z, errors = -float(ndtri(0.5 * (1.0 - share("confidence", confidence)))), self.standard_errors
        return (
            self.estimate.map(lambda value, error: value - z * error, errors),
            self.estimate.map(lambda value, error: value + z * error, errors),
        )

    def summary(self, confidence: float = 0.95) -> list[dict[str, Any]]:
        """Return a row for each parameter: parameter, component, column, other, estimate, standard_error, low, high."""
        low, high = self.intervals(confidence)
        columns = {"estimate": self.estimate, "standard_error": self.standard_errors, "low": low, "high": high}
        return tabulated(self.names, columns)

    def __repr__(self) -> str:
        k, d = self.estimate.means.shape
        return f"ObservedInformation({k} components, {d} columns, {len(self.matrix)} parameters)"

    def _inverse(self) -> Array:
        # Parameters in their own units of information: whether it is singular must not depend on the data's.
        size = np.sqrt(np.diagonal(self.matrix))
        if (size > 0).all():
            values, vectors = np.linalg.eigh(self.matrix / np.outer(size, size))
            if values[0] > 1e-12 * values[-1]:
                return np.asarray((vectors / values) @ vectors.T / np.outer(size, size))
        raise ParameterError(
            "the observed information is singular: the rows do not tell all parameters apart (too few rows, or "
            "components of equal parameters); fit fewer components, or use bootstrap"
        )


def observed_information(
    model: Any, X: Any, *, sample_weight: Any = None, n_jobs: int | None = None, settings: FitSettings | None = None
) -> ObservedInformation:
    """Return the observed information about a fitted mixture's parameters, from one pass over the rows.

    Good where components are well supported. Where rows are few, components overlap, or the axes of a nearly spherical
    component are free, the distributions are not normal and `bootstrap` is to be trusted.

    Parameters
    ----------
    model : fitted estimator or Mixture
        At its optimum: fit with a small `tol`.
    X : array-like of shape (n, d), data frame or Table
        The rows it was fitted to.
    sample_weight : array-like of shape (n,), optional
    n_jobs : int or None, default=None
        Threads; the answer has the same bits for any number.
    settings : FitSettings, optional
        How the model was fitted; known of an estimator.

    Raises
    ------
    ParameterError
        If the model is not a Gaussian mixture, or has too many parameters for their matrix.
    DataError
        If X has other columns than the model, or has them in another order.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(400, 1))
    >>> normal = Mixture.from_arrays([1.0], [rows.mean(axis=0)], [rows.var()], covariance_type="spherical")
    >>> observed_information(normal, rows).standard_errors.means.round(2)  # 1 / √400
    array([[0.05]])
    """
    mixture, settings = model_and_settings(model, settings)
    table = rows_for(model, X, sample_weight)
    # In a frame near unit size no product of the data's units leaves float64.
    frame = mixture.frame
    pass_ = _Scores(mixture.into(frame), equal_weights=settings.equal_weights)
    weights = table.weights
    total = table.total_weight
    # Weights of 1 or more are repetitions, smaller ones only shares of the rows.
    n = table.n_rows if weights is None else int(np.count_nonzero(weights))
    matrix = pass_.outer_products(table, frame, n_jobs) * max(1.0, n / total)
    unit = np.ones(pass_.size)
    unit[pass_.free : pass_.free + mixture.means.size] = np.tile(frame.scale, mixture.n_components)
    return ObservedInformation(
        Parameters.of(mixture),
        matrix * unit[:, None] * unit,
        pass_.tangents / frame.scale[:, None] / frame.scale,
        settings.equal_weights,
        column_names(table.names, table.n_columns),
    )


class _Scores:
    """Scores of rows: the gradients of their log-densities."""

    def __init__(self, mixture: Mixture, *, equal_weights: bool) -> None:
        k, d = mixture.n_components, mixture.n_features
        self.mixture, self.free = mixture, 0 if equal_weights else k - 1
        self.size = self.free + k * d + type(mixture.covariance).n_parameters(k, d)
        if self.size > _MOST_PARAMETERS:
            raise ParameterError(
                f"the model has {self.size} free parameters, too many for their matrix (up to {_MOST_PARAMETERS}): "
                "use bootstrap, or a structure with fewer"
            )
        self.tangents = covariance_tangents(mixture.covariance)
        self.white = np.linalg.inv(np.linalg.cholesky(mixture.covariance.dense()))
        # In each component's own metric, where its covariance is the unit matrix.
        self.inner = np.einsum("kia,pkab,kjb->kpij", self.white, self.tangents, self.white)
        self.traces = np.trace(self.inner, axis1=2, axis2=3)

    def outer_products(self, table: Table, frame: Frame, n_jobs: int | None) -> Array:
        """Return Σ w s sᵀ (p, p); the mixture is in the coordinates of the frame."""
        mixture, d = self.mixture, self.mixture.n_features
        scorer = Scorer(log_weights(mixture.weights), mixture.means, mixture.covariance, frame)
        plan = plan_pass(table.n_rows, 2 * self.size + 2 * d * d + 2 * mixture.n_components)

        def task(start: int, stop: int) -> Array:
            work, total = scorer.workspace(plan.block_rows), np.zeros((self.size, self.size))
            for block in table.blocks(plan.block_rows, start, stop):
                table.check_finite(block)
                responsibilities, _ = scorer.responsibilities(block.rows, work)
                scores = self.of(frame.points_in(np.asarray(block.rows, dtype=np.float64)), responsibilities)
                total += (scores if block.weights is None else scores * block.weights) @ scores.T
            return total

        with Workers(n_jobs) as workers:
            return workers.map_merge(task, plan.tasks(), np.add)

    def of(self, rows: Array, responsibilities: Array) -> Array:
        """Return the scores (p, B) of rows (B, d), given responsibilities (k, B)."""
        mixture = self.mixture
        k, d = mixture.means.shape
        scores = np.zeros((self.size, len(rows)))
        scores[: self.free] = (responsibilities - mixture.weights[:, None])[: self.free]
        covariances = scores[self.free + k * d :]
        for j in range(k):
            y = self.white[j] @ (rows - mixture.means[j]).T
            place = self.free + j * d
            scores[place : place + d] = responsibilities[j] * (self.white[j].T @ y)
            moving = np.flatnonzero(self.inner[j].any(axis=(1, 2)))
            squares = (y[:, None] * y[None]).reshape(d * d, -1)
            found = self.inner[j, moving].reshape(len(moving), -1) @ squares - self.traces[j, moving, None]
            covariances[moving] += 0.5 * responsibilities[j] * found
        return scores
