"""The clusters in words, and the components in numbers: how much each holds, how thin, where it lies and how wide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.report.html import Html, cells, join, table, tag
from gmmkit.report.marks import component
from gmmkit.report.subject import Subject
from gmmkit.report.words import capital, count, decimals_for, fixed, listed, number, percent, plural

__all__ = ["components"]

_MOST_SIZES = 500
_MOST_COMPONENTS = 40
_MOST_COLUMNS = 60
_NUMBERS = "Each cluster is one component of the mixture; its number is the label that rows are given."
_MERGED = "Clusters are made of components of the mixture; numbers and marks of clusters are those of the pictures."
_MOST_DESCRIBED = 40
_SURE = 0.995
_THIN = (
    "Thinness is a component's smallest variance as a share of the data's, in the direction where that is least: far "
    "below 1 it is flat or small, and near 0 it has collapsed."
)


def components(subject: Subject) -> Html:
    """Return the section."""
    thin = tag("p", _THIN, class_="note") if subject.result else None
    about = tag("p", _MERGED if subject.merged else _NUMBERS, class_="note")
    return join([about, _in_words(subject), _sizes(subject), thin, _places(subject)])


def _in_words(subject: Subject) -> Html | None:
    if len(subject.groups) == 1:
        return None
    items = []
    for cluster in subject.clusters[:_MOST_DESCRIBED]:
        made = f" (component{'s' * (len(cluster.components) > 1)} {listed(list(map(str, cluster.components)))})"
        sure = f"its rows are {percent(cluster.certainty)} sure" if cluster.certainty < _SURE else "its rows are sure"
        told = f"{made if subject.merged else ''}: {cluster.place}; {cluster.company}; {sure}."
        items.append(tag("li", component(cluster.cluster), told))
    left = len(subject.clusters) - len(items)
    if left:
        items.append(tag("li", f"and {left} more"))
    words = (
        "High and low are told by the standard deviation of all rows. How sure a cluster is of its rows is the mean "
        "of their largest probability."
    )
    return join([tag("ul", *items, class_="clusters"), tag("p", words, class_="note")])


def _sizes(subject: Subject) -> Html:
    mixture, result = subject.mixture, subject.result
    kind = _kind(subject)
    head = [capital(kind), "Weight"] + (["Effective rows", "Thinness"] if result else [])
    rows = []
    for j in range(min(mixture.n_components, _MOST_SIZES)):
        values: list[object] = [component(j, int(subject.cluster_of[j])), percent(float(mixture.weights[j]))]
        if result:
            values.append(count(float(result.health.effective_rows[j])))
            values.append(number(float(result.health.relative_eigenvalues[j]), 2))
        rows.append(cells(values, heads=1))
    left = mixture.n_components - len(rows)
    caption = f"Size of each {kind}" + (f" (the first {len(rows)}; {left} more are in the model)" if left else "")
    return table(caption, head, rows)


def _places(subject: Subject) -> Html:
    mixture = subject.mixture
    chosen = np.sort(np.argsort(-mixture.weights, kind="stable")[:_MOST_COMPONENTS])
    shown = _columns(subject)
    deviations = np.sqrt(mixture.covariance.variances())
    usual = np.sqrt(mixture.weights @ mixture.covariance.variances())
    rows = []
    for c in shown:
        decimals = decimals_for(float(usual[c]))
        values: list[object] = [tag("span", subject.names[c], class_="name")]
        for j in chosen:
            mean, spread = float(mixture.means[j, c]), float(deviations[j, c])
            width = fixed(spread, decimals) if decimals is not None and spread >= 10.0**-decimals else number(spread, 2)
            values.append(join([fixed(mean, decimals), tag("span", f" ± {width}", class_="spread")]))
        rows.append(cells(values, heads=1))
    caption = "Mean ± standard deviation of each column"
    if mixture.degrees_of_freedom is not None:
        caption = "Centre ± scale of each column"
    if len(chosen) < mixture.n_components:
        caption += f", the {len(chosen)} heaviest of {plural(mixture.n_components, _kind(subject))}"
    if len(shown) < mixture.n_features:
        caption += f", the {len(shown)} columns of {mixture.n_features} in which they differ most"
    return table(caption, ["Column", *(component(int(j), int(subject.cluster_of[j])) for j in chosen)], rows)


def _kind(subject: Subject) -> str:
    return "component" if subject.merged else "cluster"


def _columns(subject: Subject) -> NDArray[np.intp]:
    from gmmkit.plots.subject import choose_columns

    return np.array(choose_columns(subject.mixture, subject.names, None, _MOST_COLUMNS), dtype=np.intp)
