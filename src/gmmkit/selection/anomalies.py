"""Which rows are anomalous: a model of what is normal, and scores that it gives to rows it has not seen.

Rows are scored by a fit to all of them, or to 3,000 drawn from more. How unusual a score is, scores out of sample tell:
the fitted rows are cut into five folds, and each is scored by a fit to the others (cross-conformal prediction: Vovk
2015, Annals of Mathematics and Artificial Intelligence 74); rows that were not drawn are out of sample as they are.
Folds are fitted in the units and to the structure that all rows have led to, so that their scores compare. Fits to
fewer rows score those that they have not seen lower than the fit to all does, and what leads to them has seen all rows:
the two nearly cancel (`benchmarks anomaly`). A split, half of the rows fitted and half scored by that fit, is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.idle import idle_columns
from gmmkit.data.table import TAKE_VALUES, Table
from gmmkit.errors import DataError, ParameterError
from gmmkit.execution import Workers
from gmmkit.model.normality import Normality
from gmmkit.numerics.streams import generator
from gmmkit.selection.conformal import fewest_scores, just_below, ranks_as_p_values, threshold_at, threshold_of_share
from gmmkit.selection.normal_model import CLEAN, NormalFit, contaminated, fit_normal, refit_normal

__all__ = [
    "AnomalyResult",
    "AnomalySettings",
    "Calibration",
    "constant_columns",
    "find_anomalies",
    "outlier_threshold",
    "too_few_rows",
]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Calibration = Literal["cross", "split"]

# Rows that are fitted; more tell a density of some components no better.
_MOST_ROWS = 3000
_FOLDS = 5
# Scores that p-values are compared with; so many fit into the record of a model file.
_MOST_REFERENCE = 20_000


@dataclass(frozen=True, slots=True)
class AnomalySettings:
    """How to look.

    Attributes
    ----------
    clean : bool
        Whether no row is an anomaly: then nothing is trimmed.
    calibration : {"cross", "split"}
    seed : int
    contamination : float, default=0
        Share of the rows that are known to be anomalies, below 1: of rows that are not clean more than the usual fifth
        is trimmed where it is larger.
    """

    clean: bool
    calibration: Calibration
    seed: int
    contamination: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class AnomalyResult:
    """What was found of the rows.

    Attributes
    ----------
    normality : Normality
    reference : ndarray of shape (r,)
        Scores out of sample of at most 20,000 rows, sorted, less what rounding may take (`just_below`).
    scores : ndarray of shape (n,)
        Of all rows, by `normality`.
    p_values : ndarray of shape (n,) or None
        Of all rows, from their scores out of sample; None after a split, where half of them have none.
    constant : tuple of int
        Columns of one value.
    """

    normality: Normality
    reference: Array
    scores: Array
    p_values: Array | None
    constant: tuple[int, ...]


def find_anomalies(table: Table, settings: AnomalySettings, *, n_jobs: int | None = None) -> AnomalyResult:
    """Fit what is normal to a table's rows and say how unusual each is.

    Raises
    ------
    ParameterError
        If the table has weights.
    DataError
        If there are fewer than two rows, all are equal, or a value is not finite.
    """
    _check(table)
    constant, _ = idle_columns(table)
    if len(constant) == table.n_columns:
        raise DataError(f"{table.origin} has no two rows that differ, so none is unusual: give columns that vary")
    random = generator(settings.seed)
    order = random.permutation(table.n_rows)
    available = order if settings.calibration == "cross" else order[: -(-table.n_rows // 2)]
    sample = available[:_MOST_ROWS]
    seed = int(random.integers(2**31))
    with Workers(n_jobs) as workers:
        rows = table.take(sample)
        fitted = fit_normal(rows, CLEAN if settings.clean else contaminated(settings.contamination), seed, workers)
        unseen = None if settings.calibration == "split" else _unseen_scores(fitted, rows, seed, workers)
    scores = fitted.normality.score(table, n_jobs=n_jobs)
    if unseen is None:
        reference = scores[order[len(available) :][:_MOST_REFERENCE]]
        return AnomalyResult(fitted.normality, np.sort(just_below(reference)), scores, None, constant)
    outside = scores.copy()
    outside[sample] = unseen
    reference = outside[order[:_MOST_REFERENCE]]
    p_values = ranks_as_p_values(outside)
    return AnomalyResult(fitted.normality, np.sort(just_below(reference)), scores, p_values, constant)


def outlier_threshold(found: AnomalyResult, settings: AnomalySettings, p_value: float) -> float:
    """Return the score below which rows, the fitted and new ones, are outliers; −∞ where none can be.

    Below it lies the share of the fitted rows that is known to be anomalies. Where none is known, after clean rows the
    scores whose p-values are at most `p_value`; after others as many of the fitted rows as have such a one.
    """
    if settings.contamination:
        return threshold_of_share(found.scores, settings.contamination)
    if settings.clean:
        return threshold_at(found.reference, p_value)
    assert found.p_values is not None, "folds score every row"
    # A fit scores the rows that it saw higher than others: as many of them are outliers, not those as low.
    taken = int((found.p_values <= p_value).sum())
    if len(found.scores) <= fewest_scores(p_value):
        return -np.inf
    return float(just_below(np.partition(found.scores, taken)[taken]))


def constant_columns(columns: Sequence[int], names: Sequence[str] | None) -> str:
    """Say what columns of one value mean.

    Examples
    --------
    >>> constant_columns([2], None)
    'column 2 has one value only: any other would be an anomaly by itself; leave it out if it is not to count'
    """
    listed = ", ".join(str(j) if names is None else repr(names[j]) for j in columns)
    one = len(columns) == 1
    what = f"column {listed} has" if one else f"columns {listed} have"
    return (
        f"{what} one value only: any other would be an anomaly by itself; "
        f"leave {'it' if one else 'them'} out if {'it is' if one else 'they are'} not to count"
    )


def too_few_rows(settings: AnomalySettings, n_rows: int, level: float) -> str | None:
    """Say how many rows p-values of at most `level` take; None where there are as many.

    Examples
    --------
    >>> too_few_rows(AnomalySettings(clean=True, calibration="split", seed=0), 10, 0.05)
    'no p-value from 10 rows can be at most 0.05, so none is an outlier by it: that takes 38 rows, or a larger p-value'
    """
    scores = fewest_scores(level)
    rows = 2 * scores if settings.calibration == "split" else scores if settings.clean else scores + 1
    if settings.clean and scores > _MOST_REFERENCE:
        takes = f"scores are compared with {_MOST_REFERENCE:,} at most; take"
    elif n_rows < rows:
        takes = f"that takes {rows:,} rows, or"
    else:
        return None
    return (
        f"no p-value from {n_rows:,} rows can be at most {level:g}, so none is an outlier by it: "
        f"{takes} a larger p-value"
    )


def _unseen_scores(fitted: NormalFit, rows: Array, seed: int, workers: Workers) -> Array:
    """Return the score of each fitted row (m,) by a fit to the rows of the other folds; rows are in random order."""
    scores = np.empty(len(rows))
    folds = np.arange(len(rows)) * _FOLDS // len(rows)
    for fold in np.unique(folds):
        own = folds == fold
        scores[own] = refit_normal(fitted, ~own, seed, workers).score_rows(rows[own])
    return scores


def _check(table: Table) -> None:
    if table.weights is not None:
        raise ParameterError(
            f"{table.origin} has weights, which anomalies are not found with: leave them out, or repeat rows"
        )
    if table.n_rows < 2:
        raise DataError(
            f"{table.origin} has {table.n_rows} row(s), but anomalies need at least 2 to be told from others"
        )
    for block in table.blocks(max(1, TAKE_VALUES // table.n_columns)):
        table.check_finite(block)
