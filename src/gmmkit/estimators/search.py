"""`GaussianMixtureSearch`: how many components, and of which structure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from gmmkit.estimators.choices import listed, structures_of
from gmmkit.estimators.gaussian_mixture import GaussianMixture
from gmmkit.estimators.given import background_of, partition_from
from gmmkit.estimators.mixture_search import MixtureSearch
from gmmkit.estimators.outcome import tell
from gmmkit.estimators.validation import float_type, rows_of
from gmmkit.inference.conjugate import ConjugatePrior
from gmmkit.inference.hull import Volume
from gmmkit.selection.doubts import doubts_of
from gmmkit.selection.ranking import Candidate, SearchResult
from gmmkit.selection.records import record_of_fit
from gmmkit.selection.search import DEFAULTS, SIZES, SearchSettings, search

__all__ = ["GaussianMixtureSearch"]


class GaussianMixtureSearch(MixtureSearch):
    """Fit mixtures of several sizes and structures, and keep the best by a criterion.

    Parameters
    ----------
    n_components : int or iterable of int, default=(1, 2, …, 9)
        Numbers of components to try.
    covariance_type : "all", str or list of str, default="all"
        Structures to try: any of mclust's "EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE",
        "EEV", "VEV", "EVV", "VVV", of scikit-learn's "full", "tied", "diag", "spherical", and in one column "E", "V".
        "all": mclust's fourteen, or two in one column.
    criterion : {"bic", "icl", "aic", "sabic", "mml", "held_out"}, default="bic"
        What candidates are ranked by; lower is better, as in scikit-learn. "sabic" is the sample-size adjusted BIC,
        "mml" the minimum message length (which few rows make lenient: below 33 for each component a parameter costs
        less than in AIC), "held_out" −2 n times the mean log-density of rows the fit did not see.
    tol : float, default=1e-7
        Stop when Aitken's estimate of the log-likelihood still to be gained per row is less.
    reg_covar : "auto" or float, default="auto"
        See :class:`GaussianMixture`.
    max_iter : int, default=1000
    n_init : int, default=0
        Random starts of each candidate, beside those from hierarchies and those candidates learn from each other.
    min_eigenvalue : float, default=1e-4
        A fit whose smallest component variance is a smaller share of the data's is spurious: likelihoods of
        collapsed components are unbounded and mean nothing. Not so where all components are as narrow, and hold many
        rows: then clusters are far apart.
    prior : "conjugate" or ConjugatePrior, optional
        See :class:`GaussianMixture`: keeps components from collapsing.
    equal_weights : bool, default=False
        Hold every component's weight at 1/k.
    noise, noise_volume : optional
        A uniform background beside every candidate's components: see :class:`GaussianMixture`.
    folds : int, default=10
        Of the "held_out" criterion.
    random_state : int, RandomState or None, default=0
        A search is a measurement: it gives the same answer twice unless asked not to.
    n_jobs : int or None, default=None
    callback : callable, optional
        Called as ``callback(candidate, done, total)`` after each candidate.

    Attributes
    ----------
    best_estimator_ : GaussianMixture
        The winner, ready for use.
    best_score_ : float
        Its criterion.
    margin_ : float
        How much worse the runner-up is; differences in BIC above 10 are usually called very strong (Kass &
        Raftery 1995).
    results_ : list of dict
        The whole table: ranked fits, then spurious ones, then those that failed, with reasons.
    doubts_ : tuple of str
        What there is to say against the choice: a best number of components at the edge of those that were tried, or
        too few rows for the model (`margin_` is no evidence then). Empty: nothing.
    mixture_ : Mixture
    search_result_ : SearchResult
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    :func:`gmmkit.save` writes the winner with the whole table; :func:`gmmkit.load` gives the winner.

    Examples
    --------
    >>> import numpy as np
    >>> from gmmkit import GaussianMixtureSearch
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0, 1, (100, 2)), rng.normal(8, 1, (100, 2))])
    >>> search = GaussianMixtureSearch(n_components=range(1, 5)).fit(X)
    >>> search.best_estimator_.n_components, search.doubts_
    (2, ())
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **MixtureSearch._parameter_constraints,
        "covariance_type": [str, list, tuple],
        "n_init": [Interval(Integral, 0, None, closed="left")],
        "min_eigenvalue": [Interval(Real, 0.0, None, closed="left")],
        "prior": [StrOptions({"conjugate"}), ConjugatePrior, None],
        "equal_weights": ["boolean"],
        "noise": ["boolean", Interval(Real, 0.0, 1.0, closed="neither"), "array-like", None],
        "noise_volume": [StrOptions({"auto", "hull", "box"}), Interval(Real, 0.0, None, closed="neither")],
        "folds": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        n_components: int | Iterable[int] = SIZES,
        *,
        covariance_type: str | list[str] = "all",
        criterion: str = "bic",
        tol: float = DEFAULTS["tol"],
        reg_covar: float | Literal["auto"] = "auto",
        max_iter: int = DEFAULTS["max_iter"],
        n_init: int = DEFAULTS["n_init"],
        min_eigenvalue: float = DEFAULTS["min_eigenvalue"],
        prior: Literal["conjugate"] | ConjugatePrior | None = None,
        equal_weights: bool = False,
        noise: Any = None,
        noise_volume: Volume = "auto",
        folds: int = 10,
        random_state: Any = 0,
        n_jobs: int | None = None,
        callback: Callable[[Candidate, int, int], object] | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.criterion = criterion
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.min_eigenvalue = min_eigenvalue
        self.prior = prior
        self.equal_weights = equal_weights
        self.noise = noise
        self.noise_volume = noise_volume
        self.folds = folds
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.callback = callback

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, *, start: Any = None) -> Self:
        """Fit every candidate and keep the best.

        Parameters
        ----------
        X : array-like of shape (n, d), data frame, Table, or iterator of arrays
        y : ignored
        sample_weight : array-like of shape (n,), optional
        start : array-like of labels (n,) or responsibilities (n, k), or Mixture, optional
            One start more for the candidates of as many components as it has groups.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter means nothing, the rows cannot be used, or not one candidate can be fitted.
        KeyboardInterrupt
            Ctrl-C: the best of what was done is set before it goes on.
        """
        self._validate_params()
        table = rows_of(self, X, sample_weight=sample_weight, reset=True, min_rows=2)
        sizes = listed("n_components", self.n_components)
        settings = SearchSettings(
            n_components=sizes,
            covariance_types=structures_of(self.covariance_type, table.n_columns),
            criterion=self.criterion,
            n_init=self.n_init,
            tol=self.tol,
            smallest_eigenvalue=self.min_eigenvalue,
            fit=replace(
                self._settings(),
                prior=ConjugatePrior() if self.prior == "conjugate" else self.prior,
                equal_weights=self.equal_weights,
                noise=background_of(self.noise, self.noise_volume),
            ),
            folds=self.folds,
            start=None if start is None else partition_from(start, sizes, table),
            callback=self.callback,
        )
        found = search(table, settings, n_jobs=self.n_jobs)
        self._set(found, self._winner(found.best), float_type(table))
        assert found.best.result is not None
        tell(found.best.result, table, max_iter=self.max_iter, interrupted=found.interrupted)
        return self

    @property
    def doubts_(self) -> tuple[str, ...]:
        """What there is to say against the choice."""
        check_is_fitted(self)
        found: SearchResult = self.search_result_
        assert found.best.result is not None
        return doubts_of(record_of_fit(found.best.result, GaussianMixture.__name__, {}, found=found)).sentences

    def _winner(self, best: Candidate) -> GaussianMixture:
        return GaussianMixture(
            best.n_components,
            covariance_type=best.covariance_type,
            tol=self.tol,
            reg_covar=self.reg_covar,
            max_iter=self.max_iter,
            prior=self.prior,
            equal_weights=self.equal_weights,
            noise=self.noise,
            noise_volume=self.noise_volume,
            random_state=self.random_state,
            n_jobs=self.n_jobs,
        )

    def _n_parameters(self) -> int:
        """Return the number of parameters that were free in the winner's fit."""
        return self.best_estimator_._n_parameters()
