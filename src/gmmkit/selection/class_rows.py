"""Rows and their classes, some of them perhaps not known; what a model of the classes makes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gmmkit.data import as_table
from gmmkit.data.table import Table
from gmmkit.execution import Workers
from gmmkit.model.class_mixture import ClassMixture
from gmmkit.model.evaluation import likelihood

__all__ = ["LabelledRows", "log_likelihood_of"]

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledRows:
    """Rows and their classes.

    Attributes
    ----------
    table : Table
    codes : ndarray of shape (n,)
        The class of each row, from 0; −1 where it is not known.
    names : tuple of str
        What messages call the classes.
    """

    table: Table
    codes: Codes
    names: tuple[str, ...]

    @property
    def n_classes(self) -> int:
        """Number of classes, C."""
        return len(self.names)

    @property
    def weights(self) -> Array:
        """The weight of each row (n,)."""
        return np.ones(self.table.n_rows) if self.table.weights is None else self.table.weights

    @property
    def class_weights(self) -> Array:
        """The weight of the labelled rows of each class (C,)."""
        held = self.codes >= 0
        return np.bincount(self.codes[held], self.weights[held], minlength=self.n_classes).astype(np.float64)

    @property
    def effective_rows(self) -> float:
        """How many labelled rows there are: weights of 1 or more are repetitions, smaller ones shares."""
        labelled = self.weights[(self.codes >= 0) & (self.weights > 0)]
        return max(float(labelled.sum()), float(len(labelled)))

    @property
    def has_unlabelled(self) -> bool:
        """Whether there is a row of no known class that has any weight."""
        return bool(((self.codes < 0) & (self.weights > 0)).any())

    def weighing(self, weights: Array) -> LabelledRows:
        """Return the same rows with other weights (n,)."""
        return replace(self, table=self.table.with_weights(weights))

    def labelled_only(self) -> LabelledRows:
        """Return the same rows, those of no known class without weight."""
        return self.weighing(np.where(self.codes >= 0, self.weights, 0.0)) if self.has_unlabelled else self

    def of_class(self, c: int) -> Table:
        """Return the labelled rows of a class that have any weight, as a table of their own."""
        weights = self.weights
        rows = np.flatnonzero((self.codes == c) & (weights > 0))
        own = as_table(self.table.take(rows), names=self.table.names)
        return own if self.table.weights is None else own.with_weights(weights[rows])


def log_likelihood_of(classes: ClassMixture, rows: LabelledRows, workers: Workers, *, joint: bool = False) -> float:
    """Return what criteria take; priors count where they are part of the likelihood of all rows."""
    weights, total, unlabelled = rows.weights, 0.0, rows.has_unlabelled
    for c, prior in enumerate(classes.priors):
        own = np.where(rows.codes == c, weights, 0.0)
        if not own.any():
            continue
        found = likelihood(classes.of_class(c), rows.table.with_weights(own), n_jobs=workers.n_threads)
        total += found.log_likelihood + (math.log(prior) * found.total_weight if unlabelled or joint else 0.0)
    if unlabelled:
        others = rows.table.with_weights(np.where(rows.codes < 0, weights, 0.0))
        total += likelihood(classes.mixture, others, n_jobs=workers.n_threads).log_likelihood
    return total
