"""`GaussianMixtureRegressor`: regression by conditioning a joint mixture of inputs and targets."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, clone
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from gmmkit.data import Table, as_table
from gmmkit.errors import DataError, IncompleteRowsWarning
from gmmkit.estimators.density import MixtureDensity
from gmmkit.estimators.search import GaussianMixtureSearch
from gmmkit.estimators.validation import seed_of
from gmmkit.model.mixture import Mixture
from gmmkit.model.predictive import Predictive

__all__ = ["GaussianMixtureRegressor", "default_joint"]

Array = NDArray[np.float64]


class GaussianMixtureRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Regression with the whole predictive distribution, from a mixture of inputs and targets together.

    The joint mixture is conditioned on each row's inputs: what is left is a mixture of the targets, with several peaks
    where the targets have them, and wider where rows are scattered. Inputs that are missing when predicting (NaN) are
    integrated out, exactly.

    Parameters
    ----------
    estimator : estimator, optional
        What fits the joint mixture: a :class:`GaussianMixture`, :class:`StudentMixture`,
        :class:`GaussianMixtureSearch` or :class:`GaussianMixtureDensity`. It is cloned. Default: the search by BIC over
        1 to 9 components with covariances of their own ("VVV") or one in common ("EEE"), of which neither depends on
        the units of the columns.

    Attributes
    ----------
    estimator_ : estimator
        The fitted one; its columns are the inputs, then the targets. They have names where the inputs do: targets those
        of the data frame or series that they come in, else `y`, or `y0` and so on.
    mixture_ : Mixture
        The joint mixture, in the units of the data.
    n_targets_ : int
    one_column_ : bool
        Whether the targets were one list, (n,), and not a table: answers are then in that shape.
    n_features_in_ : int
        Number of inputs.
    feature_names_in_ : ndarray of str

    Examples
    --------
    >>> import numpy as np
    >>> from gmmkit import GaussianMixtureRegressor
    >>> rng = np.random.default_rng(0)
    >>> y = rng.uniform(0, 1, 500)
    >>> x = y + 0.3 * np.sin(2 * np.pi * y) + rng.normal(0, 0.05, 500)
    >>> model = GaussianMixtureRegressor().fit(x[:, None], y)
    >>> model.predict([[0.5], [np.nan]]).round(1)
    array([0.5, 0.5])
    >>> [(round(a, 1), round(b, 1)) for a, b in model.predictive([[0.5]])[0].highest_density_region(0.7)]
    [(0.2, 0.2), (0.4, 0.6), (0.7, 0.8)]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"estimator": [MixtureDensity, None]}

    def __init__(self, estimator: Any = None) -> None:
        self.estimator = estimator

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: values may be missing when predicting."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the joint mixture.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Inputs. Rows in which one is missing (NaN) are left out, with a warning: that tells nothing wrong of the
            regression as long as what is missing does not depend on the targets.
        y : array-like of shape (n,) or (n, q)
            Targets.
        sample_weight : array-like of shape (n,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the rows cannot be used, or the estimator is none that fits a mixture.
        """
        self._validate_params()
        if isinstance(X, Table):
            raise DataError(
                "X is a Table, but a regressor reads its rows from an array or a data frame: "
                "give X.take(np.arange(X.n_rows)), and its weights as sample_weight"
            )
        asked = y
        X, y = validate_data(
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=True, ensure_min_samples=2,
            ensure_all_finite="allow-nan",
        )  # fmt: skip
        targets = np.asarray(y, dtype=np.float64)
        self.one_column_ = targets.ndim == 1
        targets = targets.reshape(len(X), -1)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        complete = ~np.isnan(X).any(axis=1)
        if not complete.all():
            X, targets, sample_weight = _complete(X, targets, sample_weight, complete)
        names = None
        if hasattr(self, "feature_names_in_"):
            inputs = [str(name) for name in self.feature_names_in_]
            names = [*inputs, *_target_names(asked, inputs, targets.shape[1])]
        # Inputs without names stay so: what a file holds is asked of other rows (`gmmkit regress`).
        table = as_table(np.hstack([X, targets]), names=names)
        self.estimator_ = default_joint() if self.estimator is None else clone(self.estimator)
        self.estimator_.fit(table, sample_weight=sample_weight)
        self.n_targets_ = targets.shape[1]
        return self

    @property
    def mixture_(self) -> Mixture:
        """The joint mixture as a value: inputs, then targets."""
        check_is_fitted(self)
        mixture: Mixture = self.estimator_.mixture_
        return mixture

    def predictive(self, X: Any) -> Predictive:
        """Return the distribution of the targets in each row, to be asked for its mean, quantiles, density and more.

        Parameters
        ----------
        X : array-like of shape (n, d)
            NaN where an input is missing.

        Returns
        -------
        Predictive
            ``[i]`` is the mixture of row i.
        """
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")
        d = self.n_features_in_
        return Predictive(self.mixture_, range(d, d + self.n_targets_), rows)

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the mean of the targets, shape (n,) or (n, q) as they were fitted.

        Parameters
        ----------
        X : array-like of shape (n, d)
            NaN where an input is missing.
        return_std : bool, default=False
            Also return their standard deviations, in the same shape.
        """
        found = self.predictive(X)
        means = self._shaped(found.mean())
        if not return_std:
            return means
        variances = np.diagonal(found.covariance_matrices(), axis1=1, axis2=2)
        return means, self._shaped(np.sqrt(variances))

    def predict_quantile(self, X: Any, probabilities: Any = (0.05, 0.5, 0.95)) -> Array:
        """Return the values below which the targets lie with the given probabilities.

        Parameters
        ----------
        X : array-like of shape (n, d)
        probabilities : float or array-like of shape (m,), default=(0.05, 0.5, 0.95)

        Returns
        -------
        ndarray of shape (n,) or (n, q), with m at the end where several probabilities are given
        """
        return self._shaped(self.predictive(X).quantile(probabilities))

    def predict_interval(self, X: Any, probability: float = 0.9) -> Array:
        """Return the central interval that holds each target with the given probability.

        Returns
        -------
        ndarray of shape (n, 2) or (n, q, 2)
        """
        return self._shaped(self.predictive(X).interval(probability))

    def log_density(self, X: Any, y: Any) -> Array:
        """Return the log-density of the targets given the inputs (n,), in nats.

        Parameters
        ----------
        X : array-like of shape (n, d)
        y : array-like of shape (n,) or (n, q)
            Targets, as they were fitted.

        Raises
        ------
        ValueError
            If `y` has not a row of targets for each of `X`.
        """
        found, targets = self.predictive(X), np.asarray(y, dtype=np.float64)
        q = self.n_targets_
        if targets.shape != (len(found), q) and not (q == 1 and targets.shape == (len(found),)):
            shape = f"({len(found)},)" if q == 1 else f"({len(found)}, {q})"
            raise DataError(
                f"y must have the shape {shape}, a row of targets for each row of X, but got {targets.shape}"
            )
        return found.log_density(targets.reshape(len(found), q))

    def sample(self, X: Any, random_state: Any = None) -> Array:
        """Draw the targets of each row once, shape (n,) or (n, q) as they were fitted.

        Parameters
        ----------
        X : array-like of shape (n, d)
        random_state : int, RandomState or None
        """
        return self._shaped(self.predictive(X).sample(seed_of(random_state)))

    def _shaped(self, answer: Array) -> Array:
        return answer[:, 0] if self.one_column_ else answer


def _complete(
    X: Array, targets: Array, sample_weight: Array | None, complete: NDArray[np.bool_]
) -> tuple[Array, Array, Array | None]:
    """Return the rows whose inputs are all there."""
    left = int(complete.sum())
    if left < 2:
        raise DataError(
            f"X has {left} row(s) of {len(X)} without a missing value, but at least 2 are needed to fit: leave out "
            "the columns that are hardly ever there"
        )
    warnings.warn(
        IncompleteRowsWarning(
            f"{len(X) - left} of {len(X)} rows have a missing input and are left out of the fit; predictions take them"
        ),
        stacklevel=3,
    )
    return X[complete], targets[complete], None if sample_weight is None else sample_weight[complete]


def default_joint() -> GaussianMixtureSearch:
    """Return what fits joint mixtures unless told otherwise."""
    return GaussianMixtureSearch(covariance_type=["VVV", "EEE"])


def _target_names(y: Any, inputs: list[str], q: int) -> list[str]:
    """Return names for q targets that no input has: their own, by which other rows are asked for them, or `y`."""
    found = getattr(y, "columns", None)
    own = [getattr(y, "name", None)] if found is None else list(found)
    if (
        len(own) == q
        and all(isinstance(name, str) and name for name in own)
        and len({*inputs, *own}) == len(inputs) + q
    ):
        return [str(name) for name in own]
    stem = "y"
    while any(name.startswith(stem) for name in inputs):
        stem += "_"
    return [stem] if q == 1 else [f"{stem}{j}" for j in range(q)]
