"""What is to be said against a model, in plain words."""

from __future__ import annotations

from gmmkit.inference.fit import FitResult
from gmmkit.inference.repairs import describe
from gmmkit.report.html import Html, tag
from gmmkit.report.subject import Subject
from gmmkit.report.words import capital, nats, plural
from gmmkit.selection.doubts import doubts_of

__all__ = ["cautions", "warnings_section"]

_MOST_ALONE = 5


def cautions(subject: Subject) -> list[str]:
    """Return the warnings, the gravest first."""
    result, search = subject.result, subject.search
    found = []
    if search is not None and not search.ranked and search.spurious:
        found.append(
            f"No model of the search can be trusted. Of the best one it is said: {search.spurious[0]['spurious']}. "
            "Ask for fewer clusters or a simpler covariance."
        )
    if result is not None:
        found += _of_fit(subject, result)
    doubts, notes = doubts_of(subject.record), subject.record.fit.get("notes")
    found += [f"{capital(said)}." for said in doubts.sentences]
    margin = None if search is None or search.criterion != "bic" or doubts.few_rows else search.margin
    if search is not None and margin is not None and margin < 2.0:
        second = search.ranked[1]
        found.append(
            f"The choice is close: “{second['covariance_type']}” with "
            f"{plural(second['n_components'], 'component')} has a BIC only {nats(margin)} worse. "
            "A difference below 2 is hardly worth a mention."
        )
    return found + [f"{capital(str(note))}." for note in notes] if isinstance(notes, list) else found


def warnings_section(subject: Subject) -> Html | None:
    """Return the section; None if nothing is known of how the fit went."""
    found = cautions(subject)
    if not found:
        if subject.result is None:
            return None
        return tag("p", "None: the fit converged and no component had to be repaired.")
    return tag("ul", *(tag("li", sentence) for sentence in found), class_="cautions")


def _of_fit(subject: Subject, result: FitResult) -> list[str]:
    found = []
    passes = plural(len(result.objectives), "pass", "passes")
    if result.interrupted:
        found.append(f"The fit was interrupted after {passes}: this is the best complete model until then.")
    elif not result.converged:
        found.append(
            f"The fit did not converge: it was still improving when it reached its limit of {passes}. "
            "Allow more passes (max_iter)."
        )
    for kind in dict.fromkeys(repair.kind for repair in result.repairs):
        mine = tuple(repair for repair in result.repairs if repair.kind == kind)
        # Of few rows each component has a sentence of its own; of all else there is one for all.
        groups = [(repair,) for repair in mine[:_MOST_ALONE]] if kind == "few rows" else [mine]
        found += [f"{capital(said)}." for said in (describe(group, subject.names) for group in groups) if said]
        if kind == "few rows" and len(mine) > _MOST_ALONE:
            left = len(mine) - _MOST_ALONE
            found.append(f"{plural(left, 'more component rests', 'more components rest')} on too few rows.")
    return found
