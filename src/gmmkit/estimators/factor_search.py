"""`MixtureOfFactorAnalyzersSearch`: the numbers of components and factors, and the noise, by a criterion."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from gmmkit.estimators.choices import listed
from gmmkit.estimators.factor_analyzers import MixtureOfFactorAnalyzers
from gmmkit.estimators.factor_transformer import FactorTransformer
from gmmkit.estimators.mixture_search import MixtureSearch
from gmmkit.estimators.outcome import tell
from gmmkit.estimators.validation import float_type, rows_of
from gmmkit.inference.acceleration import Squarem
from gmmkit.inference.factor_fit import NOISES
from gmmkit.inference.starts import STARTS
from gmmkit.selection.criteria import CRITERIA
from gmmkit.selection.factor_search import FactorCandidate, FactorSearchSettings, search_factors
from gmmkit.selection.ranking import Candidate

__all__ = ["MixtureOfFactorAnalyzersSearch"]


class MixtureOfFactorAnalyzersSearch(FactorTransformer, MixtureSearch):
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

    Notes
    -----
    :func:`gmmkit.save` writes the winner with the whole table; :func:`gmmkit.load` gives the winner, a
    :class:`MixtureOfFactorAnalyzers`.

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
        **MixtureSearch._parameter_constraints,
        "n_factors": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), "array-like", Iterable],
        "noise": [StrOptions(set(NOISES)), list, tuple],
        "criterion": [StrOptions(set(CRITERIA))],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "init_params": [StrOptions(set(STARTS))],
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
            n_components=listed("n_components", self.n_components),
            n_factors=None if isinstance(self.n_factors, str) else listed("n_factors", self.n_factors),
            noises=(self.noise,) if isinstance(self.noise, str) else tuple(self.noise),
            criterion=self.criterion,
            fit=replace(self._settings(), acceleration=Squarem()),
            n_init=self.n_init,
            init=self.init_params,  # type: ignore[arg-type]
            callback=self.callback,
        )
        found = search_factors(table, settings, n_jobs=self.n_jobs)
        self._set(found, self._winner(found.best), float_type(table))
        assert found.best.result is not None
        tell(found.best.result, table, max_iter=self.max_iter, interrupted=found.interrupted)
        return self

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

    def _winner(self, best: Candidate) -> MixtureOfFactorAnalyzers:
        assert isinstance(best, FactorCandidate)
        self.best_params_: dict[str, Any] = {
            "n_components": best.n_components,
            "n_factors": best.n_factors,
            "noise": best.noise,
        }
        return MixtureOfFactorAnalyzers(
            **self.best_params_,
            tol=self.tol,
            reg_covar=self.reg_covar,
            max_iter=self.max_iter,
            n_init=self.n_init,
            init_params=self.init_params,
            random_state=self.random_state,
            n_jobs=self.n_jobs,
        )
