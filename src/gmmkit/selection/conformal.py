"""From scores to p-values, thresholds and discoveries, whatever the scores are of: conformal prediction.

A row that comes from where n others do is as likely to have any rank among their scores as any other, so that

    p = (1 + #{i: s_i ≤ s}) / (n + 1)

is at most α with a probability of at most α (Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World),
if the scores s_i are of rows that the model has not seen. Among many p-values that of m are discoveries with a
false-discovery rate of at most q (Benjamini & Hochberg 1995, Journal of the Royal Statistical Society B 57) holds for
conformal p-values too, which share the s_i (Bates, Candès, Lei, Romano & Sesia 2023, Annals of Statistics 51).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "benjamini_hochberg",
    "conformal_p_values",
    "error_of_count",
    "fewest_scores",
    "just_below",
    "ranks_as_p_values",
    "threshold_at",
    "threshold_of_share",
]

Array = NDArray[np.float64]
# Rounding must not cost a row: 0.07 × 100 is 7.000000000000001 and 0.29 × 100 is 28.999999999999996.
_ROUNDED = 1.0 + 1e-12
# A score's last bits are other ones where its row is asked about alone. Near 0 it is what larger terms left.
_SCORE_ROUNDING = 1e-12


def conformal_p_values(reference: Array, scores: Array) -> Array:
    """Return the p-value of each score (m,) beside the reference's (n,), sorted; low scores are unusual.

    Examples
    --------
    >>> conformal_p_values(np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.5, 9.0]))
    array([0.25, 0.75, 1.  ])
    """
    below = np.searchsorted(reference, scores, side="right")
    return np.asarray((1.0 + below) / (len(reference) + 1.0))


def ranks_as_p_values(scores: Array) -> Array:
    """Return the p-value of each score (n,) beside the others.

    Examples
    --------
    >>> ranks_as_p_values(np.array([5.0, 1.0, 1.0, 9.0]))
    array([0.75, 0.5 , 0.5 , 1.  ])
    """
    return np.asarray(np.searchsorted(np.sort(scores), scores, side="right") / len(scores))


def threshold_at(reference: Array, level: float) -> float:
    """Return the score below which p-values are at most `level`; −∞ where none can be so small (`fewest_scores`).

    Parameters
    ----------
    reference : ndarray of shape (n,)
        Sorted.
    level : float
        Above 0.

    Examples
    --------
    >>> reference = np.arange(99.0)
    >>> threshold_at(reference, 0.05), conformal_p_values(reference, np.array([3.9, 4.0]))
    (4.0, array([0.05, 0.06]))
    """
    allowed = int(np.floor(level * (len(reference) + 1.0) * _ROUNDED)) - 1
    return float(reference[min(allowed, len(reference) - 1)]) if allowed >= 0 else -np.inf


def threshold_of_share(scores: Array, share: float) -> float:
    """Return the score below which this share of scores (m,) lies.

    Examples
    --------
    >>> round(threshold_of_share(np.array([5.0, 1.0, 4.0, 9.0, 7.0]), 0.25), 9)
    4.0
    """
    return float(just_below(np.percentile(scores, 100.0 * share)))


def just_below(scores: ArrayLike) -> Array:
    """Return the scores (...) less what rounding may take: rows that have them stay above, alone as among others.

    Examples
    --------
    >>> (just_below([-20.0, 0.5]) - [-20.0, 0.5]).round(12)
    array([-2.e-11, -1.e-12])
    """
    scores = np.asarray(scores)
    return np.asarray(scores - _SCORE_ROUNDING * np.maximum(1.0, np.abs(scores)))


def error_of_count(n: int, level: float, n_reference: int | None = None) -> float:
    """Return the standard error of how many p-values of n normal rows are at most `level`.

    All are compared with the same scores, which by chance lie high or low together: beside m of them the count is
    beta-binomial (Vovk 2012, Asian Conference on Machine Learning), and more rows do not make its share exact.

    Parameters
    ----------
    n : int
    level : float
    n_reference : int, optional
        Scores that rows are compared with. Default: no end of them.

    Examples
    --------
    >>> round(error_of_count(10_000, 0.05), 1), round(error_of_count(10_000, 0.05, 200), 1)
    (21.8, 154.9)
    """
    shared = 1.0 if n_reference is None else (n_reference + 1.0 + n) / (n_reference + 2.0)
    return math.sqrt(n * level * (1.0 - level) * shared)


def fewest_scores(level: float) -> int:
    """Return how many scores a p-value of at most `level` (above 0) takes to be compared with.

    Examples
    --------
    >>> fewest_scores(0.05), fewest_scores(0.29)
    (19, 3)
    """
    return int(np.ceil(1.0 / (level * _ROUNDED))) - 1


def benjamini_hochberg(p_values: Array, rate: float) -> NDArray[np.bool_]:
    """Tell which p-values (m,) are discoveries at a false-discovery rate.

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, 0.9, 0.02, 0.2]), 0.05)
    array([ True, False,  True, False])
    """
    ordered = np.sort(p_values)
    m = len(ordered)
    passed = np.flatnonzero(ordered <= rate * np.arange(1, m + 1) / m * _ROUNDED)
    if not len(passed):
        return np.zeros(m, dtype=bool)
    return np.asarray(p_values <= ordered[passed[-1]])
