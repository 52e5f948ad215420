"""`MixtureOfFactorAnalyzersSearch`: the numbers of components and factors, and the noise, by a criterion."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from gmmkit.errors import ParameterError
from gmmkit.estimators.factor_analyzers import MixtureOfFactorAnalyzers
from gmmkit.estimators.factor_transformer import FactorTransformer
from gmmkit.estimators.outcome import tell
from gmmkit.estimators.validation import float_type, rows_of, seed_of
from gmmkit.inference.acceleration import Squarem
from gmmkit.inference.factor_fit import NOISES
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.starts import STARTS
from gmmkit.inference.stopping import AitkenGain
from gmmkit.model.mixture import Mixture
from gmmkit.selection.criteria import CRITERIA
from gmmkit.selection.factor_search import FactorCandidate, FactorSearchSettings, search_factors
from gmmkit.selection.ranking import Candidate, SearchResult

__all__ = ["MixtureOfFactorAnalyzersSearch"]


class MixtureOfFactorAnalyzersSearch(FactorTransformer):
    """Fit mixtures of factor analysers of several sizes, and keep the best.

    Parameters
    ----------
    n_components : int or iterable of int, default=1
    n_factors : "auto", int or iterable of int, default="auto"
        "auto": from 1 to as many as a covariance determines (Ledermann's bound for diagonal noise), at most 10.
    noise : str or list of str, default=("diagonal", "isotropic")
        Some of "diagonal", "isotropic", "shared-diagonal" and "shared-isotropic".
    criterion : {"bic", "icl", "aic", "sabic", "mml"}, default="bic"
    tol : float, default=1e-6
        Gain still to come, per row, at which a fit stops; every third step is stretched (SQUAREM).
    reg_covar : "auto" or float, default="auto"
    max_iter : int, default=1000
    n_init : int, default=1
    init_params : str, default="kmeans"
    random_state : int, RandomState or None, default=0
        A search is a measurement: it gives the same answer twice unless asked not to.
    n_jobs : int or None, default=None
    callback : callable, optional
        Called with each candidate, how many are done, and of how many.

    Attributes
    ----------
    best_estimator_ : MixtureOfFactorAnalyzers
    best_params_ : dict
        Its `n_components`, `n_factors` and `noise`.
    best_score_ : float
        Its criterion; lower is better.
    margin_ : float
        How much worse the runner-up is.
    results_ : list of dict
        The whole table: ranked fits, those set aside as spurious, and those that could not be made, with reasons.
    mixture_ : Mixture
    search_result_ : SearchResult
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Examples
    --------
    >>> import numpy as np
    >>> from gmmkit import MixtureOfFactorAnalyzersSearch
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 8)) + 0.3 * rng.normal(size=(400, 8))
    >>> search = MixtureOfFactorAnalyzersSearch(n_factors=range(1, 5)).fit(X)
    >>> search.best_params_
    {'n_components': 1, 'n_factors': 2, 'noise': 'isotropic'}
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), "array-like", Iterable],
        "n_factors": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), "array-like", Iterable],
        "noise": [StrOptions(set(NOISES)), list, tuple],
        "criterion": [StrOptions(set(CRITERIA))],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left"), StrOptions({"auto"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "init_params": [StrOptions(set(STARTS))],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "callback": [callable, None],
    }

    def __init__(
        self,
        n_components: int | Iterable[int] = 1,
        n_factors: Literal["auto"] | int | Iterable[int] = "auto",
        *,
        noise: str | list[str] | tuple[str, ...] = ("diagonal", "isotropic"),
        criterion: str = "bic",
        tol: float = 1e-6,
        reg_covar: float | Literal["auto"] = "auto",
        max_iter: int = 1000,
        n_init: int = 1,
        init_params: str = "kmeans",
        random_state: Any = 0,
        n_jobs: int | None = None,
        callback: Callable[[Candidate, int, int], object] | None = None,
    ) -> None:
        self.n_components = n_components
        self.n_factors = n_factors
        self.noise = noise
        self.criterion = criterion
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.callback = callback

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit every combination and keep the best.

        Parameters
        ----------
        X : array-like of shape (n, d), data frame, Table, or iterator of arrays
        y : ignored
        sample_weight : array-like of shape (n,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter means nothing, the rows cannot be used, or not one combination can be fitted.
        KeyboardInterrupt
            Ctrl-C: the best of what was done is set before it goes on.
        """
        self._validate_params()
        table = rows_of(self, X, sample_weight=sample_weight, reset=True, min_rows=2)
        settings = FactorSearchSettings(
            n_components=_numbers("n_components", self.n_components),
            n_factors=None if isinstance(self.n_factors, str) else _numbers("n_factors", self.n_factors),
            noises=(self.noise,) if isinstance(self.noise, str) else tuple(self.noise),
            criterion=self.criterion,
            fit=FitSettings(
                rule=AitkenGain(self.tol),
                max_iter=self.max_iter,
                reg_covar=self.reg_covar,
                seed=seed_of(self.random_state),
                acceleration=Squarem(),
            ),
            n_init=self.n_init,
            init=self.init_params,  # type: ignore[arg-type]
            callback=self.callback,
        )
        found = search_factors(table, settings, n_jobs=self.n_jobs)
        self._set(found, float_type(table))
        assert found.best.result is not None
        tell(found.best.result, table, max_iter=self.max_iter, interrupted=found.interrupted)
        return self

    @property
    def mixture_(self) -> Mixture:
        """The winner as a value."""
        check_is_fitted(self)
        mixture: Mixture = self.best_estimator_.mixture_
        return mixture

    @property
    def n_iter_(self) -> int:
        """Passes of the winner's fit."""
        check_is_fitted(self)
        return int(self.best_estimator_.n_iter_)

    @property
    def loadings_(self) -> NDArray[np.floating[Any]]:
        """The winner's loadings (k, d, q)."""
        check_is_fitted(self)
        return np.asarray(self.best_estimator_.loadings_)

    def _set(self, found: SearchResult, dtype: type[np.floating[Any]]) -> None:
        best = found.best
        assert isinstance(best, FactorCandidate)
        assert best.result is not None
        self.search_result_ = found
        self.results_ = [candidate.as_row() for candidate in found.candidates]
        self.best_score_ = best.criterion(found.criterion)
        self.best_params_: dict[str, Any] = {
            "n_components": best.n_components,
            "n_factors": best.n_factors,
            "noise": best.noise,
        }
        self.margin_ = found.margin
        estimator = MixtureOfFactorAnalyzers(
            **self.best_params_,
            tol=self.tol,
            reg_covar=self.reg_covar,
            max_iter=self.max_iter,
            n_init=self.n_init,
            init_params=self.init_params,
            random_state=self.random_state,
            n_jobs=self.n_jobs,
        )
        estimator.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            estimator.feature_names_in_ = self.feature_names_in_
        self.best_estimator_ = estimator.set_result(best.result, dtype)


def _numbers(name: str, given: Any) -> list[int]:
    if hasattr(given, "__next__"):
        raise ParameterError(f"{name} is a {type(given).__name__}, which can be read only once: give a list or a range")
    numbers = list(given) if isinstance(given, Iterable) else [given]
    if not numbers or not all(isinstance(number, Integral) and int(number) >= 1 for number in numbers):
        raise ParameterError(f"{name} must be whole numbers of at least 1, but got {numbers}")
    return [int(number) for number in dict.fromkeys(numbers)]
