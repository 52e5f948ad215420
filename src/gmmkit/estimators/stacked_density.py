"""`GaussianMixtureDensity`: the density that rows it has not seen find most likely, an average of mixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from gmmkit.errors import ParameterError
from gmmkit.estimators.choices import listed, structures_of
from gmmkit.estimators.density import MixtureDensity
from gmmkit.estimators.validation import rows_of, seed_of
from gmmkit.inference.fit import FitSettings
from gmmkit.model.mixture import Mixture
from gmmkit.selection.stacking import DENSITY_DEFAULTS, StackedDensity, StackSettings, stack_densities

__all__ = ["GaussianMixtureDensity"]


class GaussianMixtureDensity(MixtureDensity):
    """Estimate a density by many mixtures, averaged as the likelihood of held-out rows asks for.

    Mixtures of several sizes, structures and ridges are fitted without one fold of the rows at a time; the weights of
    their average are those that make the rows of the folds most likely (stacking; Smyth & Wolpert 1999). The average of
    mixtures is a mixture: see ``mixture_``. Where one size and structure is wanted, to be read, rather than the
    best density, take ``GaussianMixtureSearch(criterion="held_out")``.

    Parameters
    ----------
    n_components : int or iterable of int, default=(1, 2, 4, 8, 16, 32, 64)
        Sizes to try; those of fewer than 3 rows a component, without a fold, are left out.
    covariance_type : str or list of str, default=("full", "diag")
        Structures to try, by scikit-learn's or mclust's names.
    reg_covar : float or iterable of float, default=(1e-3, 1e-2, 1e-1)
        Ridges to try: what is added to each variance of a component, in units of the column's own variance. The least
        bounds the density where values are rounded or repeated: what is narrower describes the record, not the thing.
    folds : int, default=5
        Rows of equal values share a fold; where fewer rows differ, there are as many folds.
    tol : float, default=1e-3
        Gain of log-likelihood a row below which a fit stops. Fits that stop early are the better densities.
    max_iter : int, default=200
    random_state : int, RandomState or None, default=0
        An estimate is a measurement: it gives the same answer twice unless asked not to.
    n_jobs : int or None, default=None
    callback : callable, optional
        Called as ``callback(done, total)`` after each fit to folds.

    Attributes
    ----------
    mixture_ : Mixture
        In the units of the rows: the components of all members, each with its share.
    members_ : list of dict
        The mixtures that were tried, those of most weight first: size, structure, ridge, weight, and the mean
        log-density of held-out rows.
    held_out_score_ : float
        Mean log-density of held-out rows under the average, in nats. Its weights were chosen on the same rows, so that
        it is a little hopeful.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    Rows are read into memory. Of more than 20,000, as many are drawn by `random_state` to choose by; the members are
    then fitted to all. Unlike a structure's own fit, the estimate follows each column's unit.

    Examples
    --------
    >>> import numpy as np
    >>> from gmmkit import GaussianMixtureDensity
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0, 1, (200, 2)), rng.normal(8, 1, (200, 2))])
    >>> density = GaussianMixtureDensity(n_components=(1, 2, 4), covariance_type="diag").fit(X)
    >>> density.score(rng.normal(8, 1, (500, 2))) > -3.7  # −log 2 − (1 + log 2π) = −3.53 at best
    True
    >>> print(round(density.mixture_.box_probability({0: (-np.inf, 4.0)}).value, 3))
    0.5
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), "array-like", Iterable],
        "covariance_type": [str, list, tuple],
        "reg_covar": [Interval(Real, 0.0, None, closed="neither"), "array-like", Iterable],
        "folds": [Interval(Integral, 2, None, closed="left")],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "callback": [callable, None],
    }

    def __init__(
        self,
        n_components: int | Iterable[int] = DENSITY_DEFAULTS["n_components"],
        *,
        covariance_type: str | Sequence[str] = DENSITY_DEFAULTS["covariance_type"],
        reg_covar: float | Iterable[float] = DENSITY_DEFAULTS["reg_covar"],
        folds: int = DENSITY_DEFAULTS["folds"],
        tol: float = DENSITY_DEFAULTS["tol"],
        max_iter: int = DENSITY_DEFAULTS["max_iter"],
        random_state: Any = 0,
        n_jobs: int | None = None,
        callback: Callable[[int, int], object] | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.reg_covar = reg_covar
        self.folds = folds
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.callback = callback

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Estimate the density of rows.

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
            If a parameter means nothing, or the rows cannot be used.
        """
        self._validate_params()
        table = rows_of(self, X, sample_weight=sample_weight, reset=True, min_rows=2)
        settings = StackSettings(
            n_components=listed("n_components", self.n_components),
            covariance_types=structures_of(self.covariance_type, table.n_columns, every=False),
            ridges=listed("reg_covar", self.reg_covar),
            folds=self.folds,
            tol=self.tol,
            max_iter=self.max_iter,
            seed=seed_of(self.random_state),
            callback=self.callback,
        )
        return self.set_result(stack_densities(table, settings, n_jobs=self.n_jobs))

    @property
    def mixture_(self) -> Mixture:
        """The average as a value."""
        check_is_fitted(self)
        found: StackedDensity = self.density_result_
        return found.mixture

    def set_result(self, found: StackedDensity) -> Self:
        """Set the attributes of a density found elsewhere (a model file); returns self."""
        self.density_result_ = found
        self.members_ = [member.as_row() for member in found.members]
        self.held_out_score_ = found.held_out.log_density
        return self

    def fit_settings(self) -> FitSettings:
        """Refuse: an average of fits has no settings of one.

        Raises
        ------
        ParameterError
        """
        raise ParameterError(
            "a GaussianMixtureDensity is an average of fits, which cannot be made again as one: give a GaussianMixture "
            "or the best_estimator_ of a GaussianMixtureSearch"
        )
