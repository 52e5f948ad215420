"""Cross-validation of classifiers: what a model fitted to the other folds says of each labelled row.

Folds follow from the values of the rows, class by class, so that each fold has its share of every class.
Probabilities that turn out too sure, as those of many columns do, are made honest by one number, a temperature T,

    p_T(c | x) ∝ p(c | x)^(1 / T),

that maximises the likelihood of the held-out labels (Guo et al. 2017, "On calibration of modern neural networks",
ICML): it changes no decision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from gmmkit.errors import ParameterError
from gmmkit.execution import Workers
from gmmkit.model.class_mixture import ClassMixture
from gmmkit.selection.class_rows import LabelledRows
from gmmkit.selection.held_out import fold_of_rows

__all__ = ["HeldOutClasses", "hold_out", "stratified_folds", "tempered"]

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

_SMALLEST = 1e-300
# Beyond these probabilities are all but even, or all but sure.
_COLDEST, _HOTTEST = 0.05, 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutClasses:
    """Probabilities of classes that models gave to rows they had not seen.

    Attributes
    ----------
    rows : ndarray of shape (m,)
        Numbers of the labelled rows.
    codes : ndarray of shape (m,)
        Their classes.
    posterior : ndarray of shape (m, C)
    weights : ndarray of shape (m,)

    Examples
    --------
    >>> posterior = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> found = HeldOutClasses(np.arange(3), np.array([0, 1, 1]), posterior, np.ones(3))
    >>> round(found.error, 3), round(found.log_loss(), 3)
    (0.333, 0.415)
    """

    rows: NDArray[np.intp]
    codes: Codes
    posterior: Array
    weights: Array

    @property
    def error(self) -> float:
        """The weighted share of rows whose most probable class is another."""
        return float(np.average(self.posterior.argmax(axis=1) != self.codes, weights=self.weights))

    def log_loss(self, temperature: float = 1.0) -> float:
        """Return the weighted mean of ``−log p(c_i | x_i)``, at a temperature of the probabilities."""
        own = tempered(self.posterior, temperature)[np.arange(len(self.codes)), self.codes]
        return float(np.average(-np.log(np.maximum(own, _SMALLEST)), weights=self.weights))

    def confusion(self) -> Array:
        """Return the weight of rows of each class (down) that were taken for each (across): (C, C)."""
        table = np.zeros((self.posterior.shape[1],) * 2)
        np.add.at(table, (self.codes, self.posterior.argmax(axis=1)), self.weights)
        return table

    def temperature(self) -> float:
        """Return the temperature at which the held-out labels are most likely.

        Where none is taken for another they are the likelier the surer: then it is not below 1.
        """

        def loss(log_temperature: float) -> float:
            return self.log_loss(float(np.exp(log_temperature)))

        bounds = (np.log(_COLDEST if self.error > 0.0 else 1.0), np.log(_HOTTEST))
        return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4}).x))


def tempered(posterior: Array, temperature: float) -> Array:
    """Return probabilities of classes (n, C) at a temperature: above 1 less sure, below 1 surer.

    Examples
    --------
    >>> tempered(np.array([[0.9, 0.1]]), 2.0)
    array([[0.75, 0.25]])
    """
    if temperature == 1.0:
        return posterior
    logs = np.log(np.maximum(posterior, _SMALLEST)) / temperature
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def stratified_folds(rows: LabelledRows, folds: int, seed: int, workers: Workers) -> NDArray[np.intp]:
    """Return the fold of each labelled row (n,), −1 for the others; equal rows of a class share a fold.

    Raises
    ------
    ParameterError
        If a class has fewer distinct rows than there are folds.
    """
    member = np.full(rows.table.n_rows, -1, dtype=np.intp)
    # Of several classes with too few rows, that with the fewest is told.
    for c in np.argsort(np.bincount(rows.codes[rows.codes >= 0], minlength=rows.n_classes), kind="stable"):
        name, own = rows.names[c], (rows.codes == c) & (rows.weights > 0)
        try:
            found = fold_of_rows(rows.table.with_weights(own.astype(np.float64)), folds, seed, workers)
        except ParameterError as error:
            raise ParameterError(f"class {name!r}: {error}") from error
        member[own] = found[own]
    return member


def hold_out(
    rows: LabelledRows,
    member: NDArray[np.intp],
    fit: Callable[[LabelledRows, int], ClassMixture],
    *,
    n_jobs: int | None = None,
) -> HeldOutClasses:
    """Return what models of the other folds say of each fold's rows.

    Parameters
    ----------
    rows : LabelledRows
    member : ndarray of shape (n,)
        The fold of each labelled row; rows of −1 are seen by all.
    fit : callable
        Given the rows that are seen (the others have no weight) and the fold that is not, returns the fitted classes.
    n_jobs : int, optional
        Threads that say what models make of the rows.
    """
    weights = rows.weights
    held = np.flatnonzero(member >= 0)
    posterior = np.empty((len(held), rows.n_classes))
    for fold in range(int(member.max()) + 1):
        classes = fit(rows.weighing(np.where(member == fold, 0.0, weights)), fold)
        unseen = np.flatnonzero(member[held] == fold)
        posterior[unseen] = classes.posterior(rows.table.take(held[unseen]), n_jobs=n_jobs)
    return HeldOutClasses(held, rows.codes[held], posterior, weights[held])
