"""Fit a mixture again, many times: from its own parameters, to the same rows with other weights or to other rows.

What replicates of a bootstrap are made of. Where nothing but the defaults was asked of the fit and the rows are in
memory, each refit is one run of the stacked engine (`inference/stack.py`), which extrapolates and is compiled; else
it is a fit like any other, which streams. In the first case frame and pseudo-scatter are those of the original rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data import as_table
from gmmkit.data.table import Table
from gmmkit.errors import DataError, GmmkitError, ParameterError
from gmmkit.execution import Workers
from gmmkit.inference import stack_engine
from gmmkit.inference.acceleration import Squarem
from gmmkit.inference.diagnosis import health_of
from gmmkit.inference.fit import FitSettings, fit
from gmmkit.inference.prior import DELTA
from gmmkit.inference.problem import Problem
from gmmkit.inference.stack import SINGULAR, UNFINISHED, Stack, StackRows
from gmmkit.inference.starts import FromMixture
from gmmkit.inference.stopping import AitkenGain, StoppingRule
from gmmkit.inference.survey import survey
from gmmkit.model.covariance import FAMILIES, family
from gmmkit.model.holder import mixture_of, table_for
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.arguments import shown

__all__ = ["Refit", "Refitter", "model_and_settings", "rows_for"]

Array = NDArray[np.float64]

#: The stacked engine holds some d²/2 numbers for each row; beyond this many, rows are streamed.
MOST_VALUES = 1 << 24
MOST_COLUMNS = 40
# A component narrower than this share of the data's variance has collapsed, unless the original was as narrow.
_NARROW, _OF_ORIGINAL = 1e-4, 1e-2


@dataclass(frozen=True, slots=True)
class Refit:
    """A replicate's fit, or why it does not count.

    Attributes
    ----------
    mixture : Mixture or None
        In the data's units.
    fault : str or None
        "singular", "collapsed" or "lost a component"; None if the fit counts.
    converged : bool
    """

    mixture: Mixture | None
    fault: str | None = None
    converged: bool = True


class Refitter:
    """Fits of one family, from given parameters, to weights of the same rows or to other rows.

    Parameters
    ----------
    table : Table
    mixture : Mixture
        The original fit: its family and number of components are kept.
    settings : FitSettings
        Those of the original fit; the stopping rule, the seed and callbacks are not used.
    tol : float
        Objective per unit of weight that may be left to gain.
    rule : StoppingRule, optional
        Instead of `tol`: refits are then plain passes of EM that stop by this rule.
    max_iter : int
    workers : Workers
        Of the calling thread: refits run side by side, each on one thread.
    """

    def __init__(
        self,
        table: Table,
        mixture: Mixture,
        settings: FitSettings,
        *,
        tol: float,
        max_iter: int,
        workers: Workers,
        rule: StoppingRule | None = None,
    ) -> None:
        if rule is not None and not callable(getattr(rule, "reached", None)):
            raise ParameterError(
                f"rule must be a StoppingRule, such as AitkenGain(1e-8), or None, but got {shown(rule)}"
            )
        self.table, self.workers = table, workers
        self.problem = Problem(table, type(mixture.covariance), survey(table, workers), workers)
        self.tol, self.max_iter = tol, max_iter
        self.settings = replace(
            settings,
            rule=rule or AitkenGain(tol),
            max_iter=max_iter,
            seed=0,
            before=-np.inf,
            callback=None,
            admissible_eigenvalue=None,
            # In both engines; the caller's own rule is for plain passes.
            acceleration=Squarem() if rule is None else None,
            warm_up=None,
            stop_dominated=False,
        )
        n, d = table.n_rows, table.n_columns
        self.stacked = (
            rule is None
            and _plain(self.settings)
            and d <= MOST_COLUMNS
            and n * (d + 1) * (d + 2) <= 2 * MOST_VALUES
            and not len(self.problem.null_directions)
        )
        self._z = self._in_frame(table.take(np.arange(n))) if self.stacked else np.empty((d, 0))
        own = float(health_of(self.problem, mixture.into(self.problem.frame)).relative_eigenvalues.min())
        self._narrowest = min(_NARROW, _OF_ORIGINAL * own)

    @property
    def effective_rows(self) -> int:
        """Rows that a sample of the same size has; weights of 1 or more are repetitions, smaller ones only shares."""
        return max(1, round(self.problem.total_weight * self.problem.rows_per_weight))

    def to_weights(self, weights: Array, start: Mixture) -> Refit:
        """Fit the same rows with other weights (n,), of the same sum."""
        if self.stacked:
            return self._run(self._z, weights, start)
        return self._fit(self.table.with_weights(weights), start)

    def to_rows(self, rows: Array, start: Mixture) -> Refit:
        """Fit other rows (m, d), of the same weight together."""
        weights = np.full(len(rows), self.problem.total_weight / len(rows))
        if self.stacked:
            return self._run(self._in_frame(rows), weights, start)
        return self._fit(as_table(rows, weights=weights), start)

    def _in_frame(self, rows: Array) -> Array:
        return np.ascontiguousarray(self.problem.frame.points_in(rows).T)

    def _run(self, z: Array, weights: Array, start: Mixture) -> Refit:
        problem, d = self.problem, self.problem.n_columns
        state, structure = start.into(problem.frame), problem.family.structure
        pooled = {structure: problem.pooled.dense()[0]}
        rows = StackRows(z, weights, pooled, DELTA * problem.total_weight, np.ones(d))
        stack = Stack(
            (structure,), np.array([len(state.weights)]), state.weights, state.means, state.covariance.dense()
        )
        run = stack_engine.run(rows, stack, max_iter=self.max_iter, tol=self.tol)
        if run.status[0] == SINGULAR:
            return Refit(None, "singular")
        covariance = problem.family.from_dense(run.stack.covariances)
        found = Mixture.trusted(run.stack.weights, run.stack.means, covariance)
        return self._judged(found, converged=bool(run.status[0] != UNFINISHED))

    def _fit(self, table: Table, start: Mixture) -> Refit:
        try:
            problem = Problem(table, self.problem.family, survey(table, self.workers), self.workers)
            result = fit(problem, [FromMixture(start)], self.settings, reorder=False)
        except GmmkitError:
            return Refit(None, "singular")
        if result.interrupted:
            raise KeyboardInterrupt
        if result.mixture.n_components != start.n_components:
            return Refit(None, "lost a component")
        return self._judged(result.mixture.into(self.problem.frame), converged=result.converged)

    def _judged(self, state: Mixture, *, converged: bool) -> Refit:
        # Dependent columns are a fault of the data's, not of this fit.
        health = replace(health_of(self.problem, state), dependent=False)
        if health.spurious(self._narrowest) is not None:
            return Refit(None, "collapsed")
        return Refit(state.out_of(self.problem.frame), None, converged)


def model_and_settings(model: Any, settings: FitSettings | None) -> tuple[Mixture, FitSettings]:
    """Return the mixture of a fitted estimator or a mixture itself, and how it was fitted."""
    mixture = mixture_of(model)
    if mixture.degrees_of_freedom is not None or mixture.noise is not None:
        what = "noise" if mixture.degrees_of_freedom is None else "Student-t components"
        raise ParameterError(
            f"model has {what}, but standard errors are for Gaussian components: fit a GaussianMixture without"
        )
    if mixture.covariance_type not in FAMILIES:
        raise ParameterError(
            f"standard errors are of covariances without factors, but the model's are {mixture.covariance_type}: their "
            "loadings can be turned without any change of the likelihood; fit covariances without factors"
        )
    fitted = getattr(model, "covariance_type_", None)
    if fitted is not None and not isinstance(mixture.covariance, family(fitted)):
        raise ParameterError(
            f"{type(model).__name__} fitted {fitted} components to columns of one scale, which are "
            f"{mixture.covariance_type} in the columns' own units: for standard errors fit "
            f"GaussianMixture({mixture.n_components}, covariance_type={fitted!r}) to rows divided by their standard "
            "deviations, and give both"
        )
    if settings is None:
        known = getattr(model, "fit_settings", None)
        return mixture, known() if callable(known) else FitSettings()
    if not isinstance(settings, FitSettings):
        raise ParameterError(
            f"settings must be FitSettings or None, but got {shown(settings)}: leave it out for those of an estimator"
        )
    return mixture, settings


def rows_for(model: Any, X: Any, sample_weight: Any) -> Table:
    """Return X as a table whose columns are the model's."""
    mixture, table = mixture_of(model), table_for(model, X, weights=sample_weight)
    if table.n_columns != mixture.n_features:
        raise DataError(
            f"{table.origin} has {table.n_columns} columns, but the model was fitted on {mixture.n_features}: "
            "give the rows it was fitted on"
        )
    return table


def _plain(settings: FitSettings) -> bool:
    """Tell whether nothing is asked for that the stacked engine does not do."""
    default = FitSettings(
        rule=settings.rule, max_iter=settings.max_iter, seed=settings.seed, acceleration=settings.acceleration
    )
    return settings == default
