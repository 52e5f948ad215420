"""`GaussianMixtureClassifier`: classes as Gaussian components, mixtures, or shares of a pool."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from gmmkit.errors import DataError, ParameterError, SingularComponentWarning
from gmmkit.estimators.choices import listed, structures_of
from gmmkit.estimators.class_labels import class_labels
from gmmkit.estimators.validation import rows_of, seed_of
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.stopping import AitkenGain
from gmmkit.model.class_mixture import ClassMixture, given_priors, listed_labels
from gmmkit.model.evaluation import evaluate
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.arguments import share, whole
from gmmkit.numerics.streams import generator
from gmmkit.selection.class_choice import CLASS_CRITERIA, SHRINKAGES, ClassChoice, ClassSettings, choose_classes
from gmmkit.selection.class_recipes import MIN_EIGENVALUE, MODELS, Model
from gmmkit.selection.class_rows import LabelledRows
from gmmkit.selection.class_spread import narrow_columns
from gmmkit.selection.class_validation import tempered
from gmmkit.selection.search import DEFAULTS

__all__ = ["GaussianMixtureClassifier"]


class GaussianMixtureClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify rows by the densities of their classes: p(c | x) ∝ π_c p(x | c), each p(x | c) Gaussian or a mixture.

    Parameters
    ----------
    model : {"EDDA", "MclustDA", "pool"}, default="EDDA"
        "EDDA": one Gaussian component for each class, all of one structure (Bensmail & Celeux 1996); "EEE" is linear,
        "VVV" quadratic discriminant analysis. "MclustDA": a mixture for each class, each of its own size and structure
        (Fraley & Raftery 2002). "pool": components that all classes share, each with its shares of them (Miller & Uyar
        1997).
    n_components : int or iterable of int, default=(1, 2, 3, 4, 5)
        Numbers of components to try, of each class's mixture or of the pool; "EDDA" has one for each class.
    covariance_type : "all", str or list of str, default="all"
        Structures to try, by mclust's or scikit-learn's names: see :class:`GaussianMixture`.
    criterion : {"bic", "error", "log_loss"}, default="bic"
        What structures and sizes are chosen by. "error" is the share of wrong labels in cross-validation, ties decided
        by "log_loss", the mean of −log p(c | x) there. By BIC each class's mixture is chosen by itself; by
        cross-validation all classes have the same size and structure.
    priors : array-like of shape (C,), mapping, "equal" or None, default=None
        Probabilities of the classes, in the order of ``classes_`` or by label. None: their shares of the labelled rows.
    shrinkage : float or "cv", default=0.0
        Share of the pooled covariance within classes in that of a component of average size (Friedman 1989), in [0, 1):
        for classes with few rows beside their columns. Of average size are n / (C k) labelled rows where each of C
        classes has k components, n / k where a pool has. "cv": the one of 0, 0.02, …, 0.9 that makes held-out labels
        most likely. Each share of a "MclustDA" takes some fifteen times as long as one without shrinkage.
    calibration : {"temperature"} or None, default=None
        "temperature": probabilities made as sure as cross-validation finds them right (Guo et al. 2017). Of a
        "MclustDA" without shrinkage each fold takes a search, at most as long as that of all rows.
    min_eigenvalue : float, default=0.01
        Of "MclustDA": a mixture that has a component whose smallest variance is a smaller share of its class's rests on
        rounded values, and is chosen only where there is no other: see :class:`GaussianMixtureSearch`.
    folds : int, default=10
        Of cross-validation. Folds follow from the values of the rows, class by class.
    unlabelled : object, default="auto"
        The label of rows whose class is not known: they take part in the fit with their posteriors. None: every label
        is a class. "auto": −1 is that label, as in scikit-learn's semi-supervised estimators, where there are two or
        more others, and an `UnlabelledRowsWarning` says so; {−1, 1} are two classes, as in its classifiers.
    tol : float, default=1e-7
        Stop when Aitken's estimate of the log-likelihood still to be gained per row is less.
    reg_covar : "auto" or float, default="auto"
        See :class:`GaussianMixture`.
    max_iter : int, default=1000
    random_state : int, RandomState or None, default=0
        A choice of a model is a measurement: it gives the same answer twice unless asked not to.
    n_jobs : int or None, default=None

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
        The labels, in order.
    priors_ : ndarray of shape (C,)
    class_mixture_ : ClassMixture
        All components, and their shares of the classes.
    mixture_ : Mixture
        The density of all rows: its components are parts of classes.
    covariance_type_ : tuple of str
        The structure of each class, or the pool's.
    n_components_ : tuple of int
        The number of components of each class, or the pool's.
    shrinkage_ : float
    temperature_ : float
        1 without calibration.
    n_iter_ : int
        Passes of the fit, or of the class that took most and then, where rows have no label, over all rows.
    candidates_ : list of dict
        What was tried, best first.
    confusion_ : ndarray of shape (C, C) or None
        Held-out rows of each class (down) taken for each (across), where there was cross-validation.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Examples
    --------
    >>> import numpy as np
    >>> from gmmkit import GaussianMixtureClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0, 1, (100, 2)), rng.normal(0, 4, (100, 2))])
    >>> y = np.repeat(["narrow", "wide"], 100)
    >>> classifier = GaussianMixtureClassifier().fit(X, y)
    >>> classifier.covariance_type_, classifier.predict([[0.0, 0.0], [6.0, 6.0]]).tolist()
    (('VII', 'VII'), ['narrow', 'wide'])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "model": [StrOptions(set(MODELS))],
        "n_components": [Interval(Integral, 1, None, closed="left"), "array-like", Iterable],
        "covariance_type": [str, list, tuple],
        "criterion": [StrOptions(set(CLASS_CRITERIA))],
        "priors": ["array-like", Mapping, StrOptions({"equal"}), None],
        "shrinkage": [Interval(Real, 0.0, 1.0, closed="left"), StrOptions({"cv"})],
        "calibration": [StrOptions({"temperature"}), None],
        "min_eigenvalue": [Interval(Real, 0.0, None, closed="left")],
        "folds": [Interval(Integral, 2, None, closed="left")],
        "unlabelled": [object],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left"), StrOptions({"auto"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        model: Model = "EDDA",
        *,
        n_components: int | Iterable[int] = (1, 2, 3, 4, 5),
        covariance_type: str | list[str] = "all",
        criterion: Literal["bic", "error", "log_loss"] = "bic",
        priors: Any = None,
        shrinkage: float | Literal["cv"] = 0.0,
        calibration: Literal["temperature"] | None = None,
        min_eigenvalue: float = MIN_EIGENVALUE,
        folds: int = 10,
        unlabelled: Any = "auto",
        tol: float = DEFAULTS["tol"],
        reg_covar: float | Literal["auto"] = "auto",
        max_iter: int = DEFAULTS["max_iter"],
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.model = model
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.criterion = criterion
        self.priors = priors
        self.shrinkage = shrinkage
        self.calibration = calibration
        self.min_eigenvalue = min_eigenvalue
        self.folds = folds
        self.unlabelled = unlabelled
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the classes of labelled rows.

        Parameters
        ----------
        X : array-like of shape (n, d), data frame, Table, or iterator of arrays
        y : array-like of shape (n,)
            Labels, numbers or text; those of `unlabelled` mean that the class is not known.
        sample_weight : array-like of shape (n,), optional
            Weights of the rows; an integer weight is a repetition.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter means nothing, the rows cannot be used, there is one class only, or a class has too few rows
            for what was asked (the message names it).

        Warns
        -----
        UnlabelledRowsWarning
            If rows labelled −1 are taken for such of no known class, and `unlabelled` does not say that they are.
        SingularComponentWarning
            If a class has too few rows for its structure, or a column is constant in it.
        ConvergenceWarning
            If no fit of the best candidate converged within `max_iter` passes.
        """
        self._validate_params()
        table = rows_of(self, X, sample_weight=sample_weight, reset=True, min_rows=2)
        self.classes_, codes = class_labels(y, table.n_rows, self.unlabelled)
        rows = LabelledRows(table, codes, tuple(str(label) for label in self.classes_.tolist()))
        _check_classes(rows)
        seed = seed_of(self.random_state)
        settings = ClassSettings(
            model=self.model,
            structures=structures_of(self.covariance_type, table.n_columns),
            sizes=self._sizes(),
            criterion=self.criterion,
            shrinkages=SHRINKAGES if self.shrinkage == "cv" else (float(self.shrinkage),),
            min_eigenvalue=self.min_eigenvalue,
            folds=self.folds,
            fold_seed=seed,
            calibrate=self.calibration is not None,
            priors=given_priors(self.priors, self.classes_.tolist()),
            fit=FitSettings(
                rule=AitkenGain(self.tol),
                max_iter=self.max_iter,
                reg_covar=self.reg_covar,
                seed=seed,
            ),
        )
        choice = choose_classes(rows, settings, n_jobs=self.n_jobs)
        self.set_result(choice, self.classes_)
        self._tell(rows, choice)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each row, shape (n,)."""
        check_is_fitted(self)
        labels: NDArray[Any] = self.classes_[self._posterior(X).argmax(axis=1)]
        return labels

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class given each row, shape (n, C); every row sums to 1."""
        check_is_fitted(self)
        return tempered(self._posterior(X), self.temperature_)

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the log of `predict_proba`; −inf where a class is impossible."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def predict_or_reject(
        self, X: Any, *, cost: float = 0.1, density: float | None = None
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return the most probable class of each row, and whether it had better not be decided.

        Parameters
        ----------
        X : array-like of shape (n, d)
        cost : float, default=0.1
            What it costs to decide nothing, where a wrong label costs 1, in (0, 1): rows whose most probable class has
            a probability below ``1 − cost`` are rejected (Chow 1970, IEEE Trans. Information Theory 16).
        density : float, optional
            Share of rows like those fitted, in (0, 1), to be rejected because they are like none: those of a lower
            density than that share of 10,000 rows drawn from the fitted mixture.

        Returns
        -------
        labels : ndarray of shape (n,)
        rejected : ndarray of bool, shape (n,)
        """
        check_is_fitted(self)
        cost = share("cost", cost)
        table = rows_of(self, X)
        probabilities = self.predict_proba(table)
        rejected = probabilities.max(axis=1) < 1.0 - cost
        if density is not None:
            rejected_share = share("density", density)
            drawn, _ = self.mixture_.sample(10_000, seed=generator(0))
            level = np.quantile(self.mixture_.log_density(drawn), rejected_share)
            rejected |= self.score_samples(table) < level
        return self.classes_[probabilities.argmax(axis=1)], rejected

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """Return the log-density of each row, whatever its class, shape (n,), in nats."""
        check_is_fitted(self)
        return evaluate(self.mixture_, rows_of(self, X), "log_density", n_jobs=self.n_jobs)

    def sample(self, label: Any, n_samples: int = 1) -> NDArray[np.float64]:
        """Draw rows of one class, shape (n_samples, d)."""
        check_is_fitted(self)
        known = np.flatnonzero(self.classes_ == label)
        if not len(known):
            raise ParameterError(f"unknown class {label!r}: expected one of {listed_labels(self.classes_.tolist())}")
        mixture = self.class_mixture_.of_class(int(known[0]))
        return mixture.sample(whole("n_samples", n_samples, 1), seed=seed_of(self.random_state))[0]

    @property
    def mixture_(self) -> Mixture:
        """The density of all rows."""
        check_is_fitted(self)
        classes: ClassMixture = self.class_mixture_
        return classes.mixture

    def _posterior(self, X: Any) -> NDArray[np.float64]:
        classes: ClassMixture = self.class_mixture_
        return classes.posterior(rows_of(self, X), n_jobs=self.n_jobs)

    def set_result(self, choice: ClassChoice, classes: NDArray[Any]) -> Self:
        """Set the attributes of classes fitted elsewhere (a model file); returns self."""
        best = choice.best
        self.class_choice_, self.classes_ = choice, classes
        self.class_mixture_ = best.classes
        self.priors_ = best.classes.priors
        self.covariance_type_, self.n_components_ = best.structures, best.n_components
        self.n_iter_ = best.n_iter
        self.shrinkage_, self.temperature_ = best.recipe.shrinkage, choice.temperature
        self.candidates_ = list(choice.candidates)
        self.confusion_ = choice.confusion
        return self

    def _tell(self, rows: LabelledRows, choice: ClassChoice) -> None:
        best = choice.best
        if best.spurious is not None:
            message = (
                f"{best.spurious}: give more rows of that class, shrinkage='cv', or structures that classes share, "
                "such as covariance_type='EEE'"
            )
            narrow = narrow_columns(rows)
            message = f"{narrow}; {message}" if narrow else message
            warnings.warn(SingularComponentWarning(message, tuple(r for _, r in best.repairs)), stacklevel=3)
        if not best.converged:
            warnings.warn(
                "The fit of the chosen classes did not converge. Increase max_iter or tol, or check for degenerate "
                "data.",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _sizes(self) -> list[int]:
        sizes = sorted({whole("n_components", k, 1) for k in listed("n_components", self.n_components)})
        if not sizes:
            raise ParameterError("n_components is empty: give at least one number of components")
        return sizes


def _check_classes(rows: LabelledRows) -> None:
    weights = rows.class_weights
    if (weights <= 0).any():
        empty = rows.names[int(weights.argmin())]
        raise DataError(f"class {empty!r} has no row of any weight: leave its rows out, or give them weight")
