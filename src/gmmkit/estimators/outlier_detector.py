"""`GaussianMixtureOutlierDetector`: rows that are unlike the others, how unlike, and why."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from gmmkit.data import Table, as_table
from gmmkit.errors import GmmkitWarning, ParameterError
from gmmkit.estimators.validation import is_stream, rows_of, seed_of
from gmmkit.model.normality import Normality
from gmmkit.numerics.arguments import share
from gmmkit.selection.anomalies import (
    AnomalySettings,
    Calibration,
    constant_columns,
    find_anomalies,
    outlier_threshold,
    too_few_rows,
)
from gmmkit.selection.conformal import benjamini_hochberg, conformal_p_values
from gmmkit.selection.explanation import Explanation, explain

__all__ = ["GaussianMixtureOutlierDetector"]


class GaussianMixtureOutlierDetector(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Detect outliers by robust Gaussian mixtures, with p-values and reasons.

    A row's score is its joint log-density plus those of its columns, each by itself,

        score(x) = log p(z) + Σ_j log p_j(z_j),        z: x in robust units,

    under mixtures of 3, 5 and 8 components, averaged, that are shrunk by a conjugate prior and fitted to the fifth of
    rows that lies lowest left out; their covariances are full or diagonal, as rows that were left out find the others
    more likely. Only the largest components, with four fifths of the weight, are normal. Of a larger `contamination` as
    many rows are left out, and so much less of the weight is normal.

    Parameters
    ----------
    contamination : "auto" or float, default="auto"
        Share of the fitted rows that are outliers, above 0 and at most 0.5. "auto": as many of the fitted rows as
        have a p-value in `p_values_` of at most `p_value`, those of the lowest scores; after clean rows
        (``novelty=True``) the rows whose p-value is at most that. Where too few rows were fitted for any p-value to be
        so small none is an outlier, and a warning says how many rows it takes.
    p_value : float, default=0.05
        With ``contamination="auto"``: the share of normal rows that may be taken for outliers.
    novelty : bool, default=False
        Whether the rows that are fitted are clean: then none is left out, all components are normal, and new rows can
        be searched for discoveries.
    calibration : "cross" or "split", default="cross"
        What p-values are compared with: the score of every fitted row by a fit to others, in five folds; or the
        scores of half of the rows by the fit to the other half, which needs ``novelty=True``. Of new rows like the
        fitted ones a share of at most `p_value` is taken for outliers, on average: with "split" exactly so, however
        few rows there are; with "cross" about so.
    random_state : int, RandomState or None, default=0
        A detection is a measurement: it gives the same answer twice unless asked not to.
    n_jobs : int or None, default=None
        Threads; the answers are the same bits for any number.

    Attributes
    ----------
    offset_ : float
        ``decision_function(X) == score_samples(X) - offset_``; rows below 0 are outliers. −∞ where none is.
    p_values_ : ndarray of shape (n,)
        Of the fitted rows, from scores by fits that did not see them, beside each other: of contaminated rows they
        are those of ranks. Not with ``calibration="split"``, nor after `load`: they belong to the rows.
    reference_scores_ : ndarray of shape (r,)
        Scores by fits that did not see the rows, of at most 20,000 of them, sorted: what p-values are compared with,
        and so less than the rows' by 1e-12 of each, which rounding may take of a row that is alone.
    novelty_ : bool
        Whether the rows that were fitted were taken for clean: `novelty` as it was then.
    normality_ : Normality
        What is normal: units, joint mixture and column mixtures.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    At most 3,000 rows are fitted, drawn by `random_state`; all are scored. A group of more than a fifth of the rows
    is normal, whatever it is; a dense one may be so where `contamination` is larger. Scores compare rows under one fit,
    in its robust units: they are no log-densities of the data. Of a constant column any other value is as unusual as
    can be; a warning names it.

    Examples
    --------
    >>> import numpy as np
    >>> from gmmkit import GaussianMixtureOutlierDetector
    >>> X = np.random.default_rng(0).normal(size=(200, 2)) @ np.array([[1.0, 0.95], [0.0, 0.3]])
    >>> X[7] = 2.0, -2.0
    >>> detector = GaussianMixtureOutlierDetector(contamination=0.005).fit(X)
    >>> np.flatnonzero(detector.predict(X) == -1)
    array([7])
    >>> print(detector.explain(X[7:8])[0].reasons[0].sentence)
    column 1 -2: expected 1.1 to 2.5 given the others
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "p_value": [Interval(Real, 0, 1, closed="neither")],
        "novelty": ["boolean"],
        "calibration": [StrOptions({"cross", "split"})],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        *,
        contamination: float | Literal["auto"] = "auto",
        p_value: float = 0.05,
        novelty: bool = False,
        calibration: Calibration = "cross",
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.contamination = contamination
        self.p_value = p_value
        self.novelty = novelty
        self.calibration = calibration
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit what is normal to rows.

        Parameters
        ----------
        X : array-like of shape (n, d), data frame, Table, or iterator of arrays
            At least two rows that differ; finite.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter means nothing, the rows cannot be used or carry weights, or ``calibration="split"`` is asked
            for of rows that may not be clean.
        """
        self._validate_params()
        if self.calibration == "split" and not self.novelty:
            raise ParameterError(
                "calibration='split' needs novelty=True, clean rows: half of the rows would get no p-value; "
                "take calibration='cross' to find outliers among the fitted rows"
            )
        table = rows_of(self, X, reset=True, min_rows=2)
        known = 0.0 if self.contamination == "auto" else float(self.contamination)
        settings = AnomalySettings(bool(self.novelty), self.calibration, seed_of(self.random_state), known)
        found = find_anomalies(table, settings, n_jobs=self.n_jobs)
        if found.constant:
            warnings.warn(constant_columns(found.constant, table.names), GmmkitWarning, stacklevel=2)
        if self.contamination == "auto" and (few := too_few_rows(settings, table.n_rows, self.p_value)):
            warnings.warn(few, GmmkitWarning, stacklevel=2)
        offset = outlier_threshold(found, settings, self.p_value)
        self.set_normality(found.normality, found.reference, offset, settings.clean)
        self.__dict__.pop("p_values_", None)
        if found.p_values is not None:
            self.p_values_ = found.p_values
        return self

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """Return how normal each row is, shape (n,): the lower, the less."""
        check_is_fitted(self)
        return self.normality_.score(self._rows(X), n_jobs=self.n_jobs)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return ``score_samples(X) - offset_``, shape (n,): below 0 for outliers."""
        return np.asarray(self.score_samples(X) - self.offset_)

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Return −1 for outliers and 1 for all other rows, shape (n,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: Any) -> NDArray[np.float64]:
        """Return how often a normal row scores as low as each of these, shape (n,), in (0, 1].

        For rows that were not fitted: those of fitted rows, by fits that did not see them, are `p_values_`. Where the
        fitted rows are not clean, they are larger than they ought to be.
        """
        scores = self.score_samples(X)
        return conformal_p_values(self.reference_scores_, scores)

    def discoveries(self, X: Any, rate: float = 0.1) -> NDArray[np.bool_]:
        """Tell which of new rows are outliers, shape (n,), such that few of them are not (Benjamini & Hochberg 1995).

        Parameters
        ----------
        X : array-like of shape (n, d)
            Looked at together: the more of them are outliers, the more are found.
        rate : float, default=0.1
            The false-discovery rate: the share of those found that are normal, on average.

        Raises
        ------
        ValueError
            If the detector was not fitted to clean rows (``novelty=True``), or `rate` is not between 0 and 1.
        """
        check_is_fitted(self)
        rate = share("rate", rate)
        if not self.novelty_:
            raise ParameterError(
                "discoveries are told by clean rows, but novelty was False when these were fitted: "
                "fit clean rows with novelty=True, or give a contamination"
            )
        return benjamini_hochberg(self.p_values(X), rate)

    def explain(self, X: Any) -> list[Explanation]:
        """Return for each row how surprising its values are, and which are the reasons that it is unusual.

        Examples
        --------
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(100, 2))
        >>> detector = GaussianMixtureOutlierDetector(novelty=True).fit(X)
        >>> [reason.column for reason in detector.explain([[0.0, 9.0]])[0].reasons]
        [1]
        """
        check_is_fitted(self)
        table = self._rows(X)
        for block in table.blocks(table.n_rows):
            table.check_finite(block)
        names = getattr(self, "feature_names_in_", None)
        return explain(self.normality_, table.take(np.arange(table.n_rows)), None if names is None else list(names))

    def set_normality(self, normality: Normality, reference: NDArray[np.float64], offset: float, clean: bool) -> Self:
        """Set what is normal, scores out of sample, the offset, and if rows were clean (a model file); returns self."""
        self.normality_, self.reference_scores_, self.offset_, self.novelty_ = normality, reference, offset, clean
        return self

    def _rows(self, X: Any) -> Table:
        return rows_of(self, as_table(X) if is_stream(X) else X)
