"""What every fitted estimator with a `mixture_` can be asked: labels, probabilities, densities, criteria, samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.validation import check_is_fitted

from gmmkit.data import Table, as_table
from gmmkit.errors import ParameterError
from gmmkit.estimators.validation import float_type, is_stream, rows_of, seed_of
from gmmkit.inference.conjugate import ConjugatePrior
from gmmkit.inference.fit import FitSettings
from gmmkit.model.evaluation import evaluate, likelihood
from gmmkit.model.mixture import Mixture
from gmmkit.selection.criteria import CRITERIA, Fitted

__all__ = ["MixtureDensity"]


class MixtureDensity(DensityMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """Prediction methods of an estimator that has ``mixture_``, ``n_jobs`` and ``random_state``."""

    n_jobs: int | None
    random_state: Any

    @property
    @abstractmethod
    def mixture_(self) -> Mixture:
        """The fitted mixture as a value."""

    @abstractmethod
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the mixture to rows; every estimator says how."""

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> NDArray[np.intp]:
        """Fit the mixture and return the most probable component of each row: ``fit(X).predict(X)``."""
        if is_stream(X):
            X = as_table(X)  # what can be read once is kept for the second reading
        return self.fit(X, y, sample_weight=sample_weight).predict(X)

    def predict(self, X: Any) -> NDArray[np.intp]:
        """Return the most probable component of each row; −1 where noise is the most probable.

        Parameters
        ----------
        X : array-like of shape (n, d)

        Returns
        -------
        labels : ndarray of shape (n,)
        """
        return self.mixture_.classify(self._rows(X), n_jobs=self.n_jobs)

    def predict_proba(self, X: Any) -> NDArray[np.floating[Any]]:
        """Return the probability of each component given each row, shape (n, k).

        Every row sums to 1, or to 1 less its probability of being noise.
        """
        table = self._rows(X)
        return evaluate(self.mixture_, table, "posterior", n_jobs=self.n_jobs, dtype=float_type(table))

    def noise_probability(self, X: Any) -> NDArray[np.floating[Any]]:
        """Return the probability that each row is noise, shape (n,): 0 where the mixture has none."""
        table = self._rows(X)
        return evaluate(self.mixture_, table, "noise", n_jobs=self.n_jobs, dtype=float_type(table))

    def score_samples(self, X: Any) -> NDArray[np.floating[Any]]:
        """Return the log-density of each row, shape (n,), in nats."""
        table = self._rows(X)
        return evaluate(self.mixture_, table, "log_density", n_jobs=self.n_jobs, dtype=float_type(table))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the (weighted) mean log-density of the rows, in nats."""
        found = likelihood(self.mixture_, self._rows(X, sample_weight), n_jobs=self.n_jobs)
        return found.log_likelihood / found.total_weight

    def bic(self, X: Any, sample_weight: Any = None) -> float:
        """Return the Bayesian information criterion on X; lower is better. n is the sum of weights."""
        return self._criterion("bic", X, sample_weight)

    def aic(self, X: Any, sample_weight: Any = None) -> float:
        """Return Akaike's information criterion on X; lower is better."""
        return self._criterion("aic", X, sample_weight)

    def icl(self, X: Any, sample_weight: Any = None) -> float:
        """Return the integrated completed likelihood on X (Biernacki et al. 2000); lower is better."""
        return self._criterion("icl", X, sample_weight)

    def sabic(self, X: Any, sample_weight: Any = None) -> float:
        """Return the sample-size adjusted BIC on X (Sclove 1987); lower is better."""
        return self._criterion("sabic", X, sample_weight)

    def mml(self, X: Any, sample_weight: Any = None) -> float:
        """Return twice the message length of X (Figueiredo & Jain 2002); lower is better."""
        return self._criterion("mml", X, sample_weight)

    def fit_settings(self) -> FitSettings:
        """Return how rows are fitted, starts and stopping apart: what refits to other rows or weights need."""
        own = self.get_params(deep=False)
        known = {name: own[name] for name in ("reg_covar", "on_singular", "equal_weights", "truncation") if name in own}
        prior = own.get("prior")
        return FitSettings(**known, prior=ConjugatePrior() if prior == "conjugate" else prior)

    def sample(self, n_samples: int = 1) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Draw rows from the mixture.

        Returns
        -------
        X : ndarray of shape (n_samples, d)
        y : ndarray of shape (n_samples,)
            The component each row came from; rows come grouped by component.
        """
        mixture = self.mixture_
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ParameterError(
                f"Invalid value for 'n_samples': {n_samples!r} . The sampling requires at least one sample."
            )
        return mixture.sample(n_samples, seed=seed_of(self.random_state))

    def _criterion(self, name: str, X: Any, sample_weight: Any) -> float:
        mixture = self.mixture_
        found = likelihood(mixture, self._rows(X, sample_weight), n_jobs=self.n_jobs)
        return CRITERIA[name](Fitted(found, mixture, self._n_parameters()))

    def _n_parameters(self) -> int:
        """Return the number of parameters that were free in the fit."""
        return self.mixture_.n_parameters

    def _rows(self, X: Any, sample_weight: Any = None) -> Table:
        check_is_fitted(self)
        return rows_of(self, X, sample_weight=sample_weight)
