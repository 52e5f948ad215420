"""What there is to beware of where rows were called anomalies."""

from __future__ import annotations

from gmmkit.report.words import capital, percent
from gmmkit.selection.judging import Judged

__all__ = ["FITTED_MAY_BE_ANOMALIES", "PERHAPS_FITTED", "cautions"]

#: What there is to be said of p-values beside rows that are not clean.
FITTED_MAY_BE_ANOMALIES = (
    "the fitted rows may hold anomalies themselves, so that p-values of others beside them are rather too large"
)
#: And of rows of which only the detector is known.
PERHAPS_FITTED = (
    "if these are the rows that the detector was fitted to, they score higher than rows that it has not seen, and "
    "their p-values are too large"
)


def cautions(judged: Judged) -> list[str]:
    """Return what there is to beware of, the gravest first."""
    found = [f"{capital(str(note))}." for note in judged.notes]
    if not judged.flags.any():
        return found
    if judged.given_share:
        found.append(
            "As many rows are called as were asked for, whether or not they are anomalies: look at the most "
            "unusual first, and stop where reasons stop being reasons."
        )
    elif judged.ranks:
        found.append(
            "Rows are compared with each other, so that p-values are ranks: as large a share of them is called "
            "however clean they are. Rows that are known to be clean would tell how many are anomalies."
        )
    elif judged.rate is not None:
        found.append(f"Of the rows that are called up to {percent(judged.rate)} are normal, on average.")
    elif judged.level is not None:
        found.append(f"Of normal rows up to {percent(judged.level)} are called as well, on average.")
    return found
