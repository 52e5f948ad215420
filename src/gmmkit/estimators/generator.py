"""`GaussianMixtureGenerator`: new rows like those of a table, with its kinds of columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from gmmkit.data import Table, as_table
from gmmkit.errors import DataError, ParameterError
from gmmkit.estimators.class_labels import class_labels
from gmmkit.estimators.density import MixtureDensity
from gmmkit.estimators.validation import is_stream, rows_of, seed_of
from gmmkit.model.mixture import Mixture
from gmmkit.selection.fidelity import Fidelity, fidelity_of, thinned
from gmmkit.selection.generation import fitted_synthesizer, in_memory
from gmmkit.selection.synthesis import Synthesizer

__all__ = ["GaussianMixtureGenerator"]

Array = NDArray[np.float64]


class GaussianMixtureGenerator(BaseEstimator):  # type: ignore[misc]
    """Draw new rows like those of a table: counts stay whole, and what cannot be negative is not.

    Each column is brought to a scale on which it does not end, where a mixture is fitted; what is drawn of it is
    brought back, rounded as finely as the column was recorded. With class labels each class has a mixture of its own.

    Parameters
    ----------
    estimator : estimator, optional
        What fits the mixtures: any of gmmkit's that has one. It is cloned. Default: that of
        :class:`GaussianMixtureDensity`, with random numbers that follow from `random_state`.
    bounds : mapping, optional
        Ends of columns, by name or position: ``{"age": (0, 120), "score": (None, 10)}``, None for no end. Of the
        others, the least or the largest value is an end where more than 5 % of the values, and at least 5, are it;
        else a column that has no value below 0 ends there.
    random_state : int, RandomState or None, default=0
        Of the places within cells that rounded values are put at, of the default fit, and of what is drawn where
        nothing else is said: each has a stream of its own.

    Attributes
    ----------
    synthesizer_ : Synthesizer
        What rows are drawn from: column shapes, mixtures on the scale without ends, shares of the classes.
    classes_ : ndarray of shape (c,) or None
        The labels, in the order of the mixtures.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Examples
    --------
    >>> import numpy as np
    >>> from gmmkit import GaussianMixtureDensity, GaussianMixtureGenerator
    >>> rng = np.random.default_rng(0)
    >>> X = np.c_[rng.poisson(3, 300), rng.exponential(1.0, 300)]
    >>> generator = GaussianMixtureGenerator(GaussianMixtureDensity((1, 4), covariance_type="full")).fit(X)
    >>> drawn, _ = generator.sample(1000, random_state=1)
    >>> bool((drawn >= 0).all()), bool((drawn[:, 0] % 1 == 0).all())
    (True, True)
    >>> generator.fidelity(X).copies
    0
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [MixtureDensity, None],
        "bounds": [Mapping, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self, estimator: Any = None, *, bounds: Mapping[Any, Any] | None = None, random_state: Any = 0
    ) -> None:
        self.estimator = estimator
        self.bounds = bounds
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, *, labels: Any = None) -> Self:
        """Fit what rows are drawn from.

        Parameters
        ----------
        X : array-like of shape (n, d), data frame or Table
            Read into memory.
        y : array-like of shape (n,), optional
            Class of each row, numbers or texts; each class has a mixture of its own and needs at least 3 rows.
        sample_weight : array-like of shape (n,), optional
        labels : array-like of shape (n,), optional
            The same as `y`, by its name: one of the two.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the rows or labels cannot be used (one is missing, say), or bounds are of no column or exclude a value.
        """
        self._validate_params()
        table = rows_of(self, X, sample_weight=sample_weight, reset=True, min_rows=3)
        codes = None
        self.classes_ = None
        if y is not None and labels is not None:
            raise ParameterError("y and labels are both given, but are the same: give the classes once")
        given = y if labels is None else labels
        if given is not None:
            self.classes_, codes = class_labels(given, table.n_rows, None, fewest=1)
        found = fitted_synthesizer(
            table,
            None if self.estimator is None else self._fitted,
            classes=codes,
            class_names=self.classes_,
            bounds=self._by_position(self.bounds or {}, "bounds"),
            seed=seed_of(self.random_state),
        )
        return self.set_result(found, self.classes_)

    def set_result(self, found: Synthesizer, classes: NDArray[Any] | None) -> Self:
        """Set the attributes of what was found elsewhere (a model file); returns self."""
        self.synthesizer_ = found
        self.classes_ = classes
        return self

    def sample(
        self,
        n_samples: int = 1,
        *,
        given: Mapping[Any, float] | None = None,
        balanced: bool = False,
        random_state: Any = None,
    ) -> tuple[Array, NDArray[Any] | None]:
        """Draw rows, in random order.

        Parameters
        ----------
        n_samples : int, default=1
        given : mapping, optional
            Values that columns have in all rows, by name or position; the others are drawn given these.
        balanced : bool, default=False
            As many rows of each class, but for one.
        random_state : int, RandomState or None
            None: the generator's own.

        Returns
        -------
        X : ndarray of shape (n_samples, d)
        y : ndarray of shape (n_samples,) or None
            Their classes, where there are labels.
        """
        check_is_fitted(self)
        seed = seed_of(self.random_state if random_state is None else random_state)
        known = self._by_position(given or {}, "given")
        rows, classes = self.synthesizer_.sample(n_samples, given=known, balanced=balanced, seed=seed)
        return rows, None if self.classes_ is None else self.classes_[classes]

    def augment(self, X: Any, labels: Any, *, random_state: Any = None) -> tuple[Array, NDArray[Any]]:
        """Return rows and their labels with as many drawn ones after them as make all classes as large as the largest.

        Parameters
        ----------
        X : array-like of shape (n, d)
        labels : array-like of shape (n,)
            Of the classes that were fitted.
        random_state : int, RandomState or None
        """
        check_is_fitted(self)
        if self.classes_ is None:
            raise ParameterError("there are no classes to balance: give labels to fit")
        rows, given = in_memory(self._table(X)), np.asarray(labels)
        if given.shape != (len(rows),):
            raise DataError(f"labels must be one for each of the {len(rows)} rows, but got the shape {given.shape}")
        unknown = np.setdiff1d(given, self.classes_)
        if len(unknown):
            raise DataError(
                f"labels have {unknown.tolist()[0]!r}, but the classes that were fitted are {self.classes_.tolist()}"
            )
        counts = np.array([(given == name).sum() for name in self.classes_])
        lacking = counts.max() - counts
        seed = seed_of(self.random_state if random_state is None else random_state)
        drawn, classes = self.synthesizer_.sample_counts(lacking, seed=seed)
        return np.concatenate([rows, drawn]), np.concatenate([given, self.classes_[classes]])

    def fidelity(self, X: Any, drawn: Any = None, sample_weight: Any = None) -> Fidelity:
        """Return how like real rows drawn ones are: margins, correlations, a classifier test, nearest rows.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Real rows; those of the fit, against rows that were learnt by heart.
        drawn : array-like of shape (m, d), optional
            Default: as many as there are real ones, drawn now.
        sample_weight : array-like of shape (n,), optional
            Of the real rows; default: those of a `Table`. A row is kept with its share of the largest weight, so that
            the real rows are distributed as the weights say.

        Returns
        -------
        Fidelity

        Raises
        ------
        ValueError
            If the rows cannot be used, or fewer than 10 are drawn or, for their weights, kept.
        """
        check_is_fitted(self)
        table = self._table(X)
        if sample_weight is not None:
            table = table.with_weights(sample_weight)
        real = thinned(in_memory(table), table.weights, seed=seed_of(self.random_state))
        rows = self.sample(len(real))[0] if drawn is None else in_memory(self._table(drawn))
        names = getattr(self, "feature_names_in_", range(real.shape[1]))
        return fidelity_of(real, rows, [str(name) for name in names], seed=seed_of(self.random_state))

    def _fitted(self, table: Table) -> Mixture:
        mixture: Mixture = clone(self.estimator).fit(table).mixture_
        return mixture

    def _table(self, X: Any) -> Table:
        return rows_of(self, as_table(X) if is_stream(X) else X)

    def _by_position(self, given: Mapping[Any, Any], what: str) -> dict[int, Any]:
        names = [str(name) for name in getattr(self, "feature_names_in_", ())]
        found = {}
        for column, value in given.items():
            if isinstance(column, str) and column not in names:
                listed = ", ".join(names) or "not named: give positions from 0"
                raise ParameterError(f"{what} names {column!r}, but the columns are {listed}")
            found[names.index(column) if isinstance(column, str) else column] = value
        return found
