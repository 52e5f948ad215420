"""Rows that were judged by what is normal: which are called, by which rule, and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table
from gmmkit.files.record import ModelRecord
from gmmkit.model.normality import Normality
from gmmkit.report.words import capital, percent
from gmmkit.selection.conformal import conformal_p_values

__all__ = ["FITTED_MAY_BE_ANOMALIES", "USUAL", "Judged", "judged_by"]

Array = NDArray[np.float64]

#: The p-value that is small where no other was asked for.
USUAL = 0.05
#: What there is to be said of p-values beside rows that are not clean.
FITTED_MAY_BE_ANOMALIES = (
    "the fitted rows may hold anomalies themselves, so that p-values of others beside them are rather too large"
)


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

    def cautions(self) -> list[str]:
        """Return what there is to beware of, the gravest first."""
        found = [f"{capital(str(note))}." for note in self.notes]
        if not self.flags.any():
            return found
        if self.given_share:
            found.append(
                "As many rows are called as were asked for, whether or not they are anomalies: look at the most "
                "unusual first, and stop where reasons stop being reasons."
            )
        elif self.ranks:
            found.append(
                "Rows are compared with each other, so that p-values are ranks: as large a share of them is called "
                "however clean they are. Rows that are known to be clean would tell how many are anomalies."
            )
        elif self.rate is not None:
            found.append(f"Of the rows that are called up to {percent(self.rate)} are normal, on average.")
        elif self.level is not None:
            found.append(f"Of normal rows up to {percent(self.level)} are called as well, on average.")
        return found


def judged_by(
    record: ModelRecord, rows: Table, normality: Normality, reference: Array, offset: float, *, clean: bool
) -> Judged:
    """Judge rows by a saved detector: as its `predict` does."""
    scores = normality.score(rows)
    share, level = (record.settings.get(name) for name in ("contamination", "p_value"))
    p = level if isinstance(level, float) else USUAL
    rule = f"scores as low as those of the fitted rows with a p-value of at most {p:g}"
    if isinstance(share, float):
        rule = f"scores as low as those of the lowest {share:.3g} of the fitted rows"
    notes = []
    if not clean:
        notes.append(FITTED_MAY_BE_ANOMALIES)
    notes.append(
        "if these are the rows that the detector was fitted to, they score higher than rows that it has not seen, and "
        "their p-values are too large"
    )
    known = level if clean and share == "auto" and isinstance(level, float) else None
    return Judged(scores, conformal_p_values(reference, scores), scores < offset, rule, known, notes=notes)
