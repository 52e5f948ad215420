"""What an estimator with a mixture of factor analysers makes of rows: coordinates, and rows again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from gmmkit.data import as_table
from gmmkit.errors import DataError
from gmmkit.estimators.density import MixtureDensity
from gmmkit.estimators.validation import float_type, is_stream
from gmmkit.model.covariance import Factor
from gmmkit.model.factor_scores import coordinate_names, coordinates, rebuilt
from gmmkit.model.mixture import Mixture

__all__ = ["FactorTransformer"]


class FactorTransformer(TransformerMixin, MixtureDensity):  # type: ignore[misc]
    """Transforms of an estimator whose ``mixture_`` has factor covariances."""

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> NDArray[np.floating[Any]]:
        """Fit the mixture and return the rows in its coordinates: ``fit(X).transform(X)``."""
        if is_stream(X):
            X = as_table(X)  # what can be read once is kept for the second reading
        return self.fit(X, y, sample_weight=sample_weight).transform(X)  # type: ignore[no-any-return]

    def transform(self, X: Any, *, return_std: bool = False, hard: bool = False) -> Any:
        """Return rows in the mixture's coordinates.

        Parameters
        ----------
        X : array-like of shape (n, d)
        return_std : bool, default=False
            Return the coordinates' posterior standard deviations as well.
        hard : bool, default=False
            Take each row to be of its most probable component: 1 for that and its factors, 0 elsewhere. So q + 1
            numbers say it all, and `inverse_transform` makes of them what the component alone would.

        Returns
        -------
        Z : ndarray of shape (n, k + k q), or (n, q) where k is 1
            The probability of each component, then the factors of each in turn, times its probability. Of one component
            the factors alone. `get_feature_names_out` says which is which.
        std : ndarray of the same shape
            If `return_std`.
        """
        table = self._rows(as_table(X) if is_stream(X) else X)
        found, spread = coordinates(self.mixture_, table, deviations=return_std, hard=hard, n_jobs=self.n_jobs)
        dtype = float_type(table)
        found = found.astype(dtype, copy=False)
        return found if spread is None else (found, spread.astype(dtype, copy=False))

    def inverse_transform(self, X: Any) -> NDArray[np.floating[Any]]:
        """Return the rows (n, d) that coordinates stand for, without noise.

        Parameters
        ----------
        X : array-like of shape (n, k + k q), or (n, q) where k is 1
            As `transform` gives them.
        """
        check_is_fitted(self)
        given = check_array(X, dtype=[np.float64, np.float32])
        width = len(coordinate_names(self.mixture_.n_components, _factors_of(self.mixture_)))
        if given.shape[1] != width:
            raise DataError(
                f"X has {given.shape[1]} features, but inverse_transform is expecting the {width} coordinates that "
                "transform gives"
            )
        return rebuilt(self.mixture_, given).astype(given.dtype, copy=False)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the coordinates: ``component0``, ``component0_factor0``; ``factor0`` of one component."""
        check_is_fitted(self)
        return np.array(coordinate_names(self.mixture_.n_components, _factors_of(self.mixture_)), dtype=object)

    @property
    def communalities_(self) -> NDArray[np.floating[Any]]:
        """The share of each column's variance that factors explain, in each component (k, d)."""
        covariance = self.mixture_.covariance
        assert isinstance(covariance, Factor)
        return covariance.communalities()


def _factors_of(mixture: Mixture) -> int:
    assert isinstance(mixture.covariance, Factor)
    return mixture.covariance.n_factors
