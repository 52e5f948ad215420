"""What a report is about: the record, the rows if there are any, and what follows from both."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.data import as_table
from gmmkit.data.table import Table
from gmmkit.errors import DataError
from gmmkit.files.record import ModelRecord
from gmmkit.inference.fit import FitResult
from gmmkit.inference.repairs import describe
from gmmkit.model.covariance.catalogue import family
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.lazy import lazy
from gmmkit.numerics.streams import generator
from gmmkit.plots.subject import cluster_of_component
from gmmkit.report.html import clean
from gmmkit.report.invocation import option_of
from gmmkit.report.search_table import Search
from gmmkit.report.words import short
from gmmkit.selection.class_records import CLASSIFIER
from gmmkit.selection.cluster_choice import ClusterCandidate
from gmmkit.selection.merge_tree import MergeTree
from gmmkit.selection.overlap import Overlap, measure_overlap, posteriors_of
from gmmkit.selection.records import CLUSTERER, clusters_of_record
from gmmkit.selection.summary import ClusterSummary, clusters_in_words

__all__ = ["Subject"]

# Rows that stand for a table of any size, where how far clusters run into each other is told.
_MOST_ROWS = 20_000


@dataclass(frozen=True)
class Subject:
    """Everything that the sections of a report read.

    Attributes
    ----------
    record : ModelRecord
    table : Table or None
        The rows, if they are at hand.
    command : str or None
        The command that made the model.
    """

    record: ModelRecord
    table: Table | None = None
    command: str | None = None

    def __post_init__(self) -> None:
        if self.table is not None and self.table.n_columns != self.mixture.n_features:
            raise DataError(
                f"{self.table.origin} has {self.table.n_columns} columns, but the model is of "
                f"{self.mixture.n_features}: give the columns it was fitted on, in the same order"
            )

    @property
    def mixture(self) -> Mixture:
        """The model."""
        return self.record.mixture

    @lazy
    def names(self) -> tuple[str, ...]:
        """Names of the columns, fit for a page."""
        given = self.record.feature_names or (self.table.names if self.table is not None else None)
        if given is None:
            return tuple(f"column {j}" for j in range(self.mixture.n_features))
        return tuple(clean(name) for name in given)

    @lazy
    def short_names(self) -> tuple[str, ...]:
        """The names, short enough for a picture, and still different from each other."""
        names = [short(name) for name in self.names]
        often = Counter(names)
        return tuple(
            name if often[name] == 1 else f"{short(full, 20)} ({j})"
            for j, (name, full) in enumerate(zip(names, self.names, strict=True))
        )

    @lazy
    def search(self) -> Search | None:
        """How the model was chosen, if it was."""
        return Search.read(self.record)

    @lazy
    def result(self) -> FitResult | None:
        """How the fit went; None if the record does not say."""
        try:
            result = FitResult.from_record(self.mixture, self.record.fit)
            describe(result.repairs, self.names)
        except (IndexError, KeyError, TypeError, ValueError, AttributeError):
            return None
        k = self.mixture.n_components
        health = result.health
        return result if health.effective_rows.shape == health.relative_eigenvalues.shape == (k,) else None

    @lazy
    def candidate(self) -> ClusterCandidate | None:
        """What a search for clusters took; None of a model that is no answer of one."""
        if self.record.estimator != CLUSTERER:
            return None
        try:
            taken = clusters_of_record(self.record).candidates[0]
            family(taken.model.structure)
        except (LookupError, TypeError, ValueError):
            return None
        return taken

    @property
    def structure(self) -> str:
        """The covariance structure that was fitted, by the name it was asked for by."""
        own = self.record.fit.get("structures") if self.record.estimator == CLASSIFIER else None
        if isinstance(own, list) and own:
            return ", ".join(dict.fromkeys(map(str, own)))
        return self.record.structure if self.candidate is None else self.candidate.model.structure

    @property
    def n_parameters(self) -> int:
        """How many parameters were free in the fit."""
        own = self.record.fit.get("n_parameters") if self.record.estimator == CLASSIFIER else None
        if isinstance(own, int):
            return own
        known = self.result if self.candidate is None else self.candidate
        return self.mixture.n_parameters if known is None else known.n_parameters

    @property
    def source(self) -> str | None:
        """Where the rows come from."""
        named = self.record.provenance.get("source")
        return named if named or self.table is None or self.table.origin == "X" else self.table.origin

    @property
    def n_rows(self) -> int | None:
        """How many rows the model was fitted on, where that is known."""
        if self.table is not None:
            return self.table.n_rows
        known = self.record.fit.get("n_rows")
        return int(known) if isinstance(known, (int, float)) else None

    @property
    def weighted(self) -> bool:
        """Whether rows have weights."""
        if self.table is not None:
            return self.table.weights is not None
        return option_of(self.record, "--weights") is not None

    @lazy
    def tree(self) -> MergeTree | None:
        """How components were merged into clusters, if they were."""
        known = self.record.fit.get("merging")
        try:
            return (
                MergeTree.from_record(self.mixture, known, self.record.feature_names)
                if isinstance(known, dict)
                else None
            )
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def merged(self) -> bool:
        """Whether there are fewer clusters than components."""
        return self.tree is not None and self.tree.proposed < self.mixture.n_components

    @lazy
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The components of each cluster."""
        return self.tree.groups() if self.tree is not None else tuple((j,) for j in range(self.mixture.n_components))

    @lazy
    def cluster_of(self) -> NDArray[np.intp]:
        """The cluster of each component (k,)."""
        return cluster_of_component(self.mixture, self.groups)

    @lazy
    def weights(self) -> NDArray[np.float64]:
        """The weight of each cluster."""
        return np.array([self.mixture.weights[list(group)].sum() for group in self.groups])

    @property
    def by_weight(self) -> NDArray[np.intp]:
        """Numbers of the clusters, the heaviest first."""
        return np.argsort(-self.weights, kind="stable")

    @lazy
    def overlap(self) -> Overlap:
        """How far clusters run into each other: over the rows, a sample of many, or rows drawn from the model."""
        mixture, table = self.mixture, self.table
        # Of many components fewer rows do: their posteriors are held at once.
        most = max(1000, min(_MOST_ROWS, 4_000_000 // mixture.n_components))
        weights = None
        if table is None:
            rows, _ = mixture.without_noise().sample(most, seed=0)
        else:
            index = np.sort(generator(0).choice(table.n_rows, size=min(most, table.n_rows), replace=False))
            rows = table.take(index)
            weights = None if table.weights is None else table.weights[index]
        if weights is not None and not weights.sum() > 0:
            weights = None
        return measure_overlap(posteriors_of(mixture, as_table(rows, weights=weights)), self.groups)

    @lazy
    def clusters(self) -> tuple[ClusterSummary, ...]:
        """The clusters in words."""
        return clusters_in_words(self.mixture, self.overlap, self.groups, self.short_names)
