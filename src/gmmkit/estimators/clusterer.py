"""`MixtureClusterer`: a given number of clusters, each of one component or of several."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from gmmkit.data import Table, as_table
from gmmkit.estimators.choices import structures_of
from gmmkit.estimators.validation import is_stream, rows_of, seed_of
from gmmkit.model.evaluation import evaluate_blocks
from gmmkit.selection.cluster_choice import ClusterResult
from gmmkit.selection.clusters import ClusterSettings, find_clusters
from gmmkit.selection.misclassification import posterior_of_clusters

__all__ = ["MixtureClusterer"]


class MixtureClusterer(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Find clusters of any shape by a mixture: each is one component, or several merged.

    Mixtures of one component a cluster, of several structures, compete with mixtures of more components that are
    merged (Hennig 2010). The winner has the least ``BIC / n + (1 − agreement)``, where the agreement is the adjusted
    Rand index with which fits to halves of the rows find the same clusters.

    Parameters
    ----------
    n_clusters : int or "auto", default="auto"
        "auto": the number is chosen first, of one mixture, and clusters are then sought as if it had been given. That
        mixture has the least BIC of those with 1 to 9 normal components of each structure, or more of the structure
        with most parameters. It is merged down to every number from 2 to that of its components, and so are its fits to
        halves of the rows; taken is the largest number whose agreement is within 0.03 of the highest, or 1 where the
        highest is below one half.
    covariance_type : "all", str or list of str, default="all"
        Structures of the mixtures of one component a cluster: mclust's or scikit-learn's names. Mixtures of more
        components are of the one with most parameters. Of those that are "EII", "VII", "EEI", "VVI", "EEE" or "VVV",
        one t component a cluster is tried as well as a normal one, with degrees of freedom in common. "all" is "E" and
        "V" in one column.
    random_state : int, RandomState or None, default=0
        A clustering is a measurement: it gives the same answer twice unless asked not to.
    n_jobs : int or None, default=None

    Attributes
    ----------
    labels_ : ndarray of shape (n,)
        The most probable cluster of each row that was fitted; not in a model file, of which `predict` gives them.
    n_clusters_ : int
    mixture_ : Mixture
        In the units of the rows. Its components are parts of clusters: see `component_clusters_`.
    covariance_type_ : str
        The structure that was fitted, to columns of one scale. Where other units lead out of it, as out of all that
        are round or turn axes together, `mixture_` is a "full" one: the same densities, in which the structure no
        longer shows. `bootstrap` and `observed_information` then refuse the clusterer, since errors are of the
        parameters that were free: fit a :class:`GaussianMixture` of that structure to scaled rows for them. Of
        `mixture_` alone they cannot tell.
    n_parameters_ : int
        Number of free parameters of the fitted mixture.
    component_clusters_ : ndarray of shape (K,)
        The cluster of each component of the mixture.
    merge_tree_ : MergeTree or None
        From components to one cluster, the most overlapping first; None if each cluster is one component.
    candidates_ : list of dict
        The mixtures that competed, best first.
    reason_ : str
        Why this one, in a sentence.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    Clusters are sought on at most 2,000 distinct rows, drawn by `random_state`; all rows are assigned. Columns are
    brought to one scale before. A column whose values are multiples of a step, as rounded ones are, is taken as
    known no better than that: each value is put at a random place within half a step.

    Examples
    --------
    >>> import numpy as np
    >>> from gmmkit import MixtureClusterer
    >>> rng = np.random.default_rng(0)
    >>> angle = rng.uniform(0, 2 * np.pi, 400)
    >>> ring = 5 * np.c_[np.cos(angle), np.sin(angle)] + rng.normal(0, 0.2, (400, 2))
    >>> X = np.concatenate([ring, rng.normal(0, 0.5, (100, 2))])
    >>> clusterer = MixtureClusterer(n_clusters=2).fit(X)
    >>> sorted(np.bincount(clusterer.labels_).tolist())
    [100, 400]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "covariance_type": [str, list, tuple],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        n_clusters: int | Literal["auto"] = "auto",
        *,
        covariance_type: str | Sequence[str] = "all",
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.covariance_type = covariance_type
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Find the clusters of rows.

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
            If a parameter means nothing, the rows cannot be used, or there are fewer distinct rows than clusters.
        """
        self._validate_params()
        table = rows_of(self, X, sample_weight=sample_weight, reset=True, min_rows=2)
        settings = ClusterSettings(
            n_clusters=None if self.n_clusters == "auto" else int(self.n_clusters),
            structures=tuple(structures_of(self.covariance_type, table.n_columns)),
            seed=seed_of(self.random_state),
        )
        self.set_result(find_clusters(table, settings, n_jobs=self.n_jobs))
        self.labels_ = self._labels(table)
        return self

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> NDArray[np.intp]:
        """Find the clusters of rows and return ``labels_``."""
        labels: NDArray[np.intp] = self.fit(X, y, sample_weight=sample_weight).labels_
        return labels

    def predict(self, X: Any) -> NDArray[np.intp]:
        """Return the most probable cluster of each row, shape (n,)."""
        check_is_fitted(self)
        return self._labels(rows_of(self, as_table(X) if is_stream(X) else X))

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each cluster given each row, shape (n, k); every row sums to 1."""
        check_is_fitted(self)
        table = rows_of(self, as_table(X) if is_stream(X) else X)
        answer = np.empty((table.n_rows, self.n_clusters_))
        for block, found in evaluate_blocks(self.mixture_, table):
            place = slice(block.index, block.index + len(block.rows))
            answer[place] = posterior_of_clusters(found.posterior, self.component_clusters_)
        return answer

    def set_result(self, found: ClusterResult) -> Self:
        """Set the attributes of clusters found elsewhere (a model file); returns self."""
        self.cluster_result_ = found
        self.mixture_ = found.mixture
        self.covariance_type_ = found.candidates[0].model.structure
        self.n_parameters_ = found.candidates[0].n_parameters
        self.n_clusters_ = found.n_clusters
        self.component_clusters_ = found.clusters
        self.merge_tree_ = found.tree if found.mixture.n_components > found.n_clusters else None
        self.candidates_ = [candidate.as_row() for candidate in found.candidates]
        self.reason_ = found.reason
        return self

    def _labels(self, table: Table) -> NDArray[np.intp]:
        labels = np.empty(table.n_rows, dtype=np.intp)
        for block, found in evaluate_blocks(self.mixture_, table):
            place = slice(block.index, block.index + len(block.rows))
            labels[place] = posterior_of_clusters(found.posterior, self.component_clusters_).argmax(axis=1)
        return labels
