"""What is to be said against a model, in plain words."""

from __future__ import annotations

from gmmkit.inference.fit import FitResult
from gmmkit.inference.repairs import describe
from gmmkit.report.html import Html, tag
from gmmkit.report.subject import Subject
from gmmkit.report.words import capital, number, plural

__all__ = ["cautions", "warnings_section"]


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
    if search is not None and search.criterion == "bic" and search.margin is not None and search.margin < 2.0:
        second = search.ranked[1]
        found.append(
            f"The choice is close: “{second['covariance_type']}” with "
            f"{plural(int(second['n_components']), 'cluster')} has a BIC only {number(search.margin, 2)} worse. "
            "A difference below 2 is hardly worth a mention."
        )
    return found


def warnings_section(subject: Subject) -> Html:
    """Return the section."""
    found = cautions(subject)
    if not found:
        text = "None: the fit converged and no component had to be repaired."
        if subject.result is None:
            text = "None are known; the model's record does not say how the fit went."
        return tag("p", text)
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
        said = describe(tuple(repair for repair in result.repairs if repair.kind == kind), subject.names)
        if said:
            found.append(f"{capital(said)}.")
    return found
