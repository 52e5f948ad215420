"""What estimators fitted by EM share: how `fit` begins and ends, and the attributes that it sets."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints

from gmmkit.data import Table
from gmmkit.estimators.density import MixtureDensity
from gmmkit.estimators.outcome import tell
from gmmkit.estimators.validation import float_type, rows_of, seed_of
from gmmkit.estimators.verbose import printer
from gmmkit.inference.acceleration import Squarem
from gmmkit.inference.algorithm import Progress
from gmmkit.inference.fit import FitResult, FitSettings
from gmmkit.inference.starts import STARTS
from gmmkit.inference.stopping import SmallChange

__all__ = ["EMEstimator"]


class EMEstimator(MixtureDensity):
    """An estimator whose mixture is fitted by EM from starts, and who says what came of it."""

    n_components: int
    tol: float
    reg_covar: float | Literal["auto"]
    max_iter: int
    n_init: int
    verbose: int
    verbose_interval: int
    callback: Callable[[Progress], object] | None
    on_singular: str
    acceleration: Literal["squarem"] | None

    weights_: NDArray[np.floating[Any]]
    means_: NDArray[np.floating[Any]]

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left"), StrOptions({"auto"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "init_params": [StrOptions(set(STARTS))],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "verbose_interval": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "callback": [callable, None],
        "on_singular": [StrOptions({"auto", "floor", "reseed", "drop", "raise"})],
        "acceleration": [StrOptions({"squarem"}), None],
    }

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, *, start: Any = None) -> Self:
        """Fit the mixture to rows.

        Parameters
        ----------
        X : array-like of shape (n, d), data frame, Table, or iterator of arrays
            Any real dtype and memory order; memory-mapped arrays and tables of files are never held whole.
        y : ignored
        sample_weight : array-like of shape (n,), optional
            Weights of the rows; an integer weight is a repetition.
        start : array-like of labels (n,) or responsibilities (n, k), or Mixture, optional
            Where to begin, instead of `init_params`; a mixture of as many components, and factors if it has any. Not
            together with `*_init`, `n_init` > 1 or `warm_start`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter means nothing, or the rows cannot be used (the message names row and column).
        KeyboardInterrupt
            Ctrl-C: the best complete model so far is set, with ``converged_ = False``, before it goes on.

        Warns
        -----
        ConvergenceWarning
            If no start converged within `max_iter` passes.
        SingularComponentWarning
            If a component, column or direction was degenerate.
        """
        self._validate_params()
        table = rows_of(self, X, sample_weight=sample_weight, reset=True, min_rows=2)
        result, unmet = self._fitted(table, start)
        self.set_result(result, float_type(table))
        tell(result, table, max_iter=self.max_iter, interrupted=result.interrupted, unmet=unmet)
        return self

    @abstractmethod
    def _fitted(self, table: Table, start: Any) -> tuple[FitResult, str | None]:
        """Return the fit to a table, and why floats were not used where they were asked for."""

    def _settings(self) -> FitSettings:
        """Return how to fit, as far as all estimators ask for it."""
        return FitSettings(
            rule=SmallChange(self.tol),
            max_iter=self.max_iter,
            reg_covar=self.reg_covar,
            on_singular=self.on_singular,  # type: ignore[arg-type]
            seed=seed_of(self.random_state),
            callback=printer(self.verbose, self.verbose_interval, self.max_iter, self.callback),
            acceleration=None if self.acceleration is None else Squarem(),
        )

    def set_result(self, result: FitResult, dtype: type[np.floating[Any]] = np.float64) -> Self:
        """Set the attributes of a fit made elsewhere (a search, a model file); returns self."""
        self.fit_result_ = result
        self.weights_ = result.mixture.weights.astype(dtype)
        self.means_ = result.mixture.means.astype(dtype)
        self.converged_ = result.converged
        self.n_iter_ = len(result.objectives)
        self.lower_bound_ = result.objective
        self.lower_bounds_ = list(result.objectives)
        return self

    def _validate_params(self) -> None:
        # What is left at its default needs no validation, which would take longer than a tiny fit.
        values = {
            name: value for name, default in _defaults(type(self)) if (value := getattr(self, name)) is not default
        }
        validate_parameter_constraints(self._parameter_constraints, values, caller_name=type(self).__name__)


@lru_cache
def _defaults(estimator: type[EMEstimator]) -> list[tuple[str, object]]:
    """Return the parameters of an estimator and their defaults, in the order that scikit-learn looks at them."""
    parameters = inspect.signature(estimator.__init__).parameters
    return [(name, parameters[name].default) for name in estimator._get_param_names()]
