"""What makes the choice of a model doubtful: too few rows for it, the edge of what was tried, a test that disagrees.

One set of sentences, whoever tells them: the command line, the report, `GaussianMixtureSearch`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gmmkit.files import ModelRecord

__all__ = ["Doubts", "doubt_of_rows", "doubt_of_sizes", "doubt_of_tests", "doubts_of", "evidence"]

# A component with less than this holds one row.
_ONE_ROW = 1.5
# At least as many sizes are proposed as are tried where nobody says how many.
_MOST_SIZES = 9
# At or below which a test rejects, where its record does not say.
_LEVEL = 0.05
# Differences in BIC, and what they are called (Kass & Raftery 1995, §3.2).
_EVIDENCE = ((2.0, "hardly worth a mention"), (6.0, "positive evidence"), (10.0, "strong evidence"))


@dataclass(frozen=True, slots=True)
class Doubts:
    """What is to be said against a choice.

    Attributes
    ----------
    sentences : tuple of str
        Without a capital and a full stop.
    few_rows : bool
        Whether there are too few rows for the model: differences in BIC are no evidence then.
    """

    sentences: tuple[str, ...] = ()
    few_rows: bool = False


def doubts_of(record: ModelRecord) -> Doubts:
    """Return what a record gives reason to doubt; nothing of what it does not tell, or tells as no fit does."""
    k, tests = record.mixture.n_components, record.fit.get("likelihood_ratio")
    n_rows, n_parameters, effective_rows = _counts(record)
    few_rows = doubt_of_rows(n_rows, n_parameters, effective_rows) is not None
    # The fit may have said already on which row a component rests.
    rows = doubt_of_rows(n_rows, n_parameters, () if _said(record, "few rows") else effective_rows)
    sizes = None
    # Of a search that was interrupted or has no admissible fit other things are said; where rows are too few for the
    # model, more components are no advice.
    if not (few_rows or record.fit.get("interrupted") or record.fit.get("spurious")):
        sizes = _doubt_of_sizes(record)
    found = (rows, sizes, doubt_of_tests(k, tests) if isinstance(tests, list) else None)
    return Doubts(tuple(said for said in found if said is not None), few_rows)


def doubt_of_rows(n_rows: float, n_parameters: int, effective_rows: Sequence[float] = ()) -> str | None:
    """Return what is to be said of a model with a parameter for each row, or with components of single rows.

    Such a model describes the rows that it has seen, whatever they are: no difference in BIC is evidence for it.

    Parameters
    ----------
    n_rows : float
        Rows, weights counting as repetitions.
    n_parameters : int
    effective_rows : sequence of float
        Of each component.

    Examples
    --------
    >>> doubt_of_rows(272, 11, [129.8, 97.2, 45.0]) is None
    True
    """
    alone = sum(rows < _ONE_ROW for rows in effective_rows)
    single = f"{alone} of {len(effective_rows)} components {'holds' if alone == 1 else 'hold'} a single row"
    if n_parameters >= n_rows:
        return (
            f"{n_parameters} parameters were fitted to {n_rows:,.0f} row{'s' * (n_rows != 1)}"
            f"{f', and {single}' if alone else ''}: such a model describes these rows and tells little of others; "
            "give more rows, or ask for fewer components or a simpler structure"
        )
    if alone:
        return f"{single}, of which nothing follows for others: look at such rows, or ask for fewer components"
    return None


def doubt_of_sizes(best: int, sizes: Collection[int], remedy: str) -> str | None:
    """Return that the best number of components is at the edge of those that were tried; None if it is not.

    Parameters
    ----------
    best : int
    sizes : collection of int
        Those that were tried; a single one was asked for, not chosen.
    remedy : str
        How to ask for others, with "{0}" for the smallest, "{1}" for the largest and "{2}" for the one after that.

    Examples
    --------
    >>> doubt_of_sizes(3, [1, 2, 3], "-k {0}:{1}")
    '3 is the largest number of components that was tried; try -k 1:9'
    >>> doubt_of_sizes(4, [4, 5], "range({0}, {2})")
    '4 is the smallest number of components that was tried; try range(1, 6)'
    """
    smallest, largest = min(sizes), max(sizes)
    if smallest == largest or not (best == largest or best == smallest > 1):
        return None
    edge, low, high = "smallest", 1, largest
    if best == largest:
        edge, low, high = "largest", smallest, max(_MOST_SIZES, 2 * best)
    return f"{best} is the {edge} number of components that was tried; try {remedy.format(low, high, high + 1)}"


def doubt_of_tests(n_components: int, tests: Sequence[Mapping[str, Any]]) -> str | None:
    """Return in what likelihood-ratio tests, from one component up, disagree with the model; None if they do not.

    Examples
    --------
    >>> doubt_of_tests(2, [{"n_components": 1, "rejected": True}, {"n_components": 2, "rejected": True}])
    'the likelihood-ratio tests ask for at least 3 components, but the model has 2'
    """
    try:
        last = tests[-1]
        rejected = bool(last["rejected"] if "rejected" in last else last["p_value"] <= _LEVEL)
        enough = int(last["n_components"]) + rejected
    except (LookupError, TypeError, ValueError):
        return None
    if enough > n_components:
        return f"the likelihood-ratio tests ask for at least {enough} components, but the model has {n_components}"
    if enough < n_components and not rejected:
        found = f"{enough} component{'s' * (enough != 1)}"
        return f"the likelihood-ratio tests find {found} enough, but the model has {n_components}"
    return None


def evidence(margin: float) -> str:
    """Return what a difference in BIC is called (Kass & Raftery 1995).

    Examples
    --------
    >>> evidence(0.5), evidence(5.84), evidence(31.0)
    ('hardly worth a mention', 'positive evidence', 'very strong evidence')
    """
    return next((words for most, words in _EVIDENCE if margin < most), "very strong evidence")


def _counts(record: ModelRecord) -> tuple[float, int, list[float]]:
    """Return rows, parameters, and the effective rows of components; infinitely many rows where nobody knows."""
    mixture, fit = record.mixture, record.fit
    try:
        effective_rows = [float(rows) for rows in fit.get("effective_rows") or ()]
        n_parameters = int(fit.get("n_parameters", mixture.n_parameters))
        n_rows, total = float(fit.get("n_rows") or 0.0), float(fit.get("total_weight") or 0.0)
    except (TypeError, ValueError):
        return math.inf, mixture.n_parameters, []
    # Weights of 1 and more are repetitions; of a sum of smaller ones, components know how many rows share it.
    held = 1.0 if mixture.noise is None else 1.0 - float(mixture.noise.weight)
    in_all = sum(effective_rows) / held if held > 0 else 0.0
    known = max(n_rows, total if n_rows else 0.0, round(in_all, 6))
    return known or math.inf, n_parameters, effective_rows


def _said(record: ModelRecord, kind: str) -> bool:
    repairs = record.fit.get("repairs")
    return isinstance(repairs, list) and any(isinstance(r, dict) and r.get("kind") == kind for r in repairs)


def _doubt_of_sizes(record: ModelRecord) -> str | None:
    # Not with the module: the command line words doubts, and starts without NumPy.
    from gmmkit.inference.diagnosis import DEPENDENT

    try:
        sizes = {int(row["n_components"]) for row in record.table or ()}
    except (LookupError, TypeError, ValueError):
        return None
    best = record.mixture.n_components
    # Of the structures that were left none follows columns that depend on each other: more components stand in for it.
    if sizes and best == max(sizes) and any(DEPENDENT in str(row.get("spurious")) for row in record.table or ()):
        return None
    # What the command line made is asked for anew there.
    remedy = "-k {0}:{1}" if record.provenance.get("command") else "n_components=range({0}, {2})"
    return doubt_of_sizes(best, sizes, remedy) if sizes else None
