"""Which rows are called anomalies, by which rule: of a detector that was just fitted, or of a kept one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table
from gmmkit.model.normality import Normality
from gmmkit.selection.conformal import benjamini_hochberg, conformal_p_values, threshold_of_share

__all__ = ["USUAL", "Judged", "Rule", "judge", "judge_by_kept"]

Array = NDArray[np.float64]

#: The p-value that is small where no other was asked for.
USUAL = 0.05


@dataclass(frozen=True, slots=True)
class Rule:
    """Which rows are called; at most one is not None.

    Attributes
    ----------
    contamination : float or None
        This share of them.
    p_value : float or None
        Those whose p-value is at most this.
    rate : float or None
        As many that at most this share of them is normal, on average.
    """

    contamination: float | None = None
    p_value: float | None = None
    rate: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing was asked for."""
        return self.contamination is None and self.p_value is None and self.rate is None


@dataclass(frozen=True, eq=False)
class Judged:
    """What is told of a table's rows.

    Attributes
    ----------
    scores, p_values : ndarray of shape (n,)
    flags : ndarray of shape (n,)
        Which rows are called.
    rule : str
        By which, in words that follow "by".
    level : float or None
        The share of normal rows that may be called, where the rule is a p-value.
    rate : float or None
        The share of normal rows among those that are called, on average and at most, where the rule is one for that.
    given_share : bool
        Whether as many rows are called as were asked for.
    ranks : bool
        Whether rows are compared with each other, so that p-values are their ranks.
    notes : sequence of str
        What there is to be said of the data.
    """

    scores: Array
    p_values: Array
    flags: NDArray[np.bool_]
    rule: str
    level: float | None = None
    rate: float | None = None
    given_share: bool = False
    ranks: bool = False
    notes: Sequence[str] = ()

    @property
    def called(self) -> NDArray[np.intp]:
        """The rows that are called, the lowest scores first."""
        return self.order[: int(self.flags.sum())]

    @property
    def order(self) -> NDArray[np.intp]:
        """All rows, those that are called first, each kind by their scores."""
        return np.lexsort((self.scores, ~self.flags))


def judge(scores: Array, p_values: Array, rule: Rule, *, ranks: bool = False, clean: bool = True) -> Judged:
    """Call rows by their scores and p-values (n,).

    Parameters
    ----------
    scores, p_values : ndarray of shape (n,)
    rule : Rule
        Where nothing was asked for, a p-value of at most 0.05.
    ranks : bool, default=False
        Whether p-values compare the rows with each other.
    clean : bool, default=True
        Whether they compare them with rows that are clean, so that they tell how many normal ones are called.

    Examples
    --------
    >>> p_values = np.array([0.01, 0.9, 0.02, 0.2])
    >>> judged = judge(np.log(p_values), p_values, Rule(rate=0.05))
    >>> judged.called, judged.rule
    (array([0, 2]), 'a false-discovery rate of 0.05')
    """
    if rule.contamination is not None:
        flags = scores < threshold_of_share(scores, rule.contamination)
        words = f"the lowest {rule.contamination:.3g} of scores"
        return Judged(scores, p_values, flags, words, given_share=True, ranks=ranks)
    if rule.rate is not None:
        flags, words = benjamini_hochberg(p_values, rule.rate), f"a false-discovery rate of {rule.rate:g}"
        return Judged(scores, p_values, flags, words, rate=rule.rate, ranks=ranks)
    level = USUAL if rule.p_value is None else rule.p_value
    words = f"a p-value of at most {level:g}"
    return Judged(scores, p_values, p_values <= level, words, level if clean and not ranks else None, ranks=ranks)


def judge_by_kept(
    table: Table,
    normality: Normality,
    reference: Array,
    offset: float,
    settings: Mapping[str, Any],
    rule: Rule = Rule(),
    *,
    clean: bool,
    n_jobs: int | None = None,
) -> Judged:
    """Call rows by a kept detector: where nothing else is asked for by its own threshold, as its `predict` does.

    Parameters
    ----------
    table : Table
    normality : Normality
    reference : ndarray of shape (r,)
        Scores out of sample, sorted.
    offset : float
        The score below which rows are outliers.
    settings : mapping
        The detector's parameters.
    rule : Rule, optional
    clean : bool
        Whether the fitted rows were.
    n_jobs : int, optional
    """
    scores = normality.score(table, n_jobs=n_jobs)
    p_values = conformal_p_values(reference, scores)
    if not rule.is_open:
        return judge(scores, p_values, rule, clean=clean)
    share, level = settings.get("contamination"), settings.get("p_value")
    level = level if isinstance(level, float) else USUAL
    if isinstance(share, float):
        words = f"scores as low as those of the lowest {share:.3g} of the fitted rows"
        return Judged(scores, p_values, scores < offset, words)
    words = f"scores as low as those of the fitted rows with a p-value of at most {level:g}"
    return Judged(scores, p_values, scores < offset, words, level if clean else None)
