"""`PosteriorFeatures`: the probabilities of a mixture's components as columns for what comes next."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from gmmkit.data import as_table
from gmmkit.errors import ParameterError
from gmmkit.estimators.density import MixtureDensity
from gmmkit.estimators.search import GaussianMixtureSearch
from gmmkit.estimators.validation import is_stream, rows_of

__all__ = ["PosteriorFeatures"]


class PosteriorFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Fit a mixture and give the posterior probability of each component as a column.

    A soft code of a row by where it lies: with a linear model behind it, a smooth function of the columns that may be
    another in each cluster.

    Parameters
    ----------
    estimator : estimator, optional
        One of gmmkit's with a mixture and `predict_proba`, as :class:`GaussianMixture`; it is cloned. None:
        ``GaussianMixtureSearch()``, which chooses the number of components.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Examples
    --------
    >>> import numpy as np
    >>> from gmmkit import GaussianMixture, PosteriorFeatures
    >>> X = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    >>> PosteriorFeatures(GaussianMixture(2, random_state=0)).fit_transform(X).round(3)[[0, -1]]
    array([[1., 0.],
           [0., 1.]])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"estimator": [HasMethods(["fit", "predict_proba"]), None]}

    def __init__(self, estimator: Any = None) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the mixture to rows.

        Parameters
        ----------
        X : array-like of shape (n, d), data frame, Table, or iterator of arrays
        y : ignored
        sample_weight : array-like of shape (n,), optional

        Raises
        ------
        ParameterError
            If the estimator is not a mixture of gmmkit's.
        """
        self._validate_params()
        if not isinstance(self.estimator, MixtureDensity | None):
            raise ParameterError(
                f"estimator must be a mixture of gmmkit's, as GaussianMixture, but got {self.estimator!r}"
            )
        table = rows_of(self, X, sample_weight=sample_weight, reset=True, min_rows=2)
        self.estimator_ = (GaussianMixtureSearch() if self.estimator is None else clone(self.estimator)).fit(table)
        return self

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> NDArray[np.floating[Any]]:
        """Fit the mixture and return the probabilities: ``fit(X).transform(X)``."""
        if is_stream(X):
            X = as_table(X)  # what can be read once is kept for the second reading
        return self.fit(X, y, sample_weight=sample_weight).transform(X)

    def transform(self, X: Any) -> NDArray[np.floating[Any]]:
        """Return the probability of each component given each row (n, k)."""
        check_is_fitted(self)
        return np.asarray(self.estimator_.predict_proba(rows_of(self, X)))

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns: ``component0`` and so on."""
        check_is_fitted(self)
        k = self.estimator_.mixture_.n_components
        return np.array([f"component{j}" for j in range(k)], dtype=object)
