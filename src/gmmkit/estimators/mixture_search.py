"""What searches share: how candidates are fitted, the attributes that are set, and what the winner answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from gmmkit.estimators.density import MixtureDensity
from gmmkit.estimators.em_estimator import EMEstimator
from gmmkit.estimators.validation import seed_of
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.stopping import AitkenGain
from gmmkit.model.mixture import Mixture
from gmmkit.selection.ranking import CRITERION_NAMES, Candidate, SearchResult

__all__ = ["MixtureSearch"]


class MixtureSearch(MixtureDensity):
    """An estimator that fits many mixtures, and keeps the best by a criterion."""

    criterion: str
    tol: float
    reg_covar: float | Literal["auto"]
    max_iter: int
    callback: Callable[[Candidate, int, int], object] | None

    best_estimator_: EMEstimator

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), "array-like", Iterable],
        "criterion": [StrOptions(set(CRITERION_NAMES))],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left"), StrOptions({"auto"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "callback": [callable, None],
    }

    @property
    def mixture_(self) -> Mixture:
        """The winner as a value."""
        check_is_fitted(self)
        mixture: Mixture = self.best_estimator_.mixture_
        return mixture

    def _settings(self) -> FitSettings:
        """Return how each candidate is fitted, as far as all searches ask for it."""
        return FitSettings(
            rule=AitkenGain(self.tol),
            max_iter=self.max_iter,
            reg_covar=self.reg_covar,
            seed=seed_of(self.random_state),
        )

    def _set(self, found: SearchResult, winner: EMEstimator, dtype: type[np.floating[Any]]) -> None:
        """Set the attributes of a search, with an estimator of the winner's parameters."""
        best = found.best
        assert best.result is not None
        self.search_result_ = found
        self.results_ = [candidate.as_row() for candidate in found.candidates]
        self.best_score_ = best.criterion(found.criterion)
        self.margin_ = found.margin
        winner.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            winner.feature_names_in_ = self.feature_names_in_
        self.best_estimator_ = winner.set_result(best.result, dtype)
