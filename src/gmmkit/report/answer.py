"""The answer first, in plain words; then what was fitted, and on what."""

from __future__ import annotations

import numpy as np

from gmmkit.report.cautions import cautions
from gmmkit.report.html import Html, join, tag
from gmmkit.report.marks import component
from gmmkit.report.overlap import Overlap, overlap
from gmmkit.report.subject import Subject
from gmmkit.report.words import capital, decimals_for, fixed, listed, nats, number, percent, plural

__all__ = ["answer", "facts", "headline"]

_MOST_NAMED = 6
_SHAPES = {
    "full": "each with its own shape and direction",
    "tied": "all of the same shape and direction",
    "diag": "each with its own width along every column",
    "spherical": "all round, each with its own size",
}
_WIDTHS = {name: "all of the same width" if name == "tied" else "each with its own width" for name in _SHAPES}
# Expected share of rows in the wrong cluster.
_SEPARATE, _OVERLAPPING = 0.01, 0.1


def headline(subject: Subject) -> str:
    """Return the answer in a few words."""
    k = subject.mixture.n_components
    rows = "the rows" if subject.n_rows is None else plural(subject.n_rows, "row")
    return f"{plural(k, 'cluster')} in {rows}" + (f" of {subject.source}" if subject.source else "")


def answer(subject: Subject) -> Html:
    """Return the lead: how many clusters, where they lie, how well they are told apart, what to beware of."""
    k, name = subject.mixture.n_components, subject.mixture.covariance_type
    words = _SHAPES if subject.mixture.n_features > 1 else _WIDTHS
    shape = f", {words[name]} (covariance “{name}”)" if name in words and k > 1 else f" (covariance “{name}”)"
    lead = f"{plural(k, 'cluster')}{shape}. {_chosen(subject)}"
    found = cautions(subject)
    beware = None
    if found:
        beware = tag("p", tag("a", plural(len(found), "warning"), href="#warnings"), ": ", found[0], class_="caution")
    return join([tag("p", lead, class_="lead"), _clusters(subject), tag("p", _told_apart(overlap(subject))), beware])


def facts(subject: Subject) -> Html:
    """Return what was fitted, on what, by which version."""
    mixture, record = subject.mixture, subject.record
    d = mixture.n_features
    columns = listed(subject.short_names) if d <= 8 else (
        f"{', '.join(subject.short_names[:7])} and {d - 7} more"
    )  # fmt: skip
    pairs: list[tuple[str, object]] = [
        ("Data", subject.source or "not recorded"),
        ("Rows", "not recorded" if subject.n_rows is None else f"{subject.n_rows:,}"),
        ("Columns", f"{d}: {columns}"),
        ("Weights of rows", _weights(subject)),
        ("Model", f"Gaussian mixture, {plural(mixture.n_components, 'component')}, "
                  f"covariance “{mixture.covariance_type}”, {plural(mixture.n_parameters, 'free parameter')}"),
    ]  # fmt: skip
    for key, title in (("log_likelihood", "Log-likelihood"), ("bic", "BIC")):
        value = record.fit.get(key)
        if isinstance(value, (int, float)):
            pairs.append((title, nats(float(value))))
    for key, text in record.provenance.items():
        if key not in ("source", "command"):
            pairs.append((capital(key), text))
    pairs.append(("Made by", f"gmmkit {record.library_version}, {record.estimator}"))
    return tag("dl", *(tag("div", tag("dt", term), tag("dd", what)) for term, what in pairs), class_="facts")


def _weights(subject: Subject) -> str:
    if not subject.weighted:
        return "none: every row counts once"
    total = subject.table.total_weight if subject.table is not None else subject.record.fit.get("total_weight")
    return f"yes, {number(float(total))} in all" if isinstance(total, (int, float)) else "yes"


def _chosen(subject: Subject) -> str:
    search = subject.search
    if search is None:
        return "The number of clusters was given, not searched for."
    tried = f"{plural(len(search.rows), 'model')} tried"
    if not search.ranked:
        return f"None of the {tried} can be trusted; this is the best of them by {search.criterion.upper()}."
    words = f"The best of {tried} by {search.criterion.upper()}"
    if search.margin is None:
        return f"{words}."
    second = search.ranked[1]
    return (
        f"{words}; next comes “{second['covariance_type']}” with {plural(second['n_components'], 'cluster')}, "
        f"{nats(search.margin)} worse."
    )


def _clusters(subject: Subject) -> Html:
    mixture = subject.mixture
    order = subject.by_weight
    kind = "weight" if subject.weighted else "rows"
    items = []
    for place, j in enumerate(order[:_MOST_NAMED]):
        share = percent(float(mixture.weights[j]))
        whole = f"{share} of the {kind}" if place == 0 else share
        items.append(tag("li", component(int(j)), f" holds {whole}, {_around(subject, int(j))}"))
    if len(order) > _MOST_NAMED:
        left = float(mixture.weights[order[_MOST_NAMED:]].sum())
        items.append(tag("li", f"{len(order) - _MOST_NAMED} more hold {percent(left)} together"))
    return tag("ul", *items, class_="clusters")


def _around(subject: Subject, j: int) -> str:
    """Say where a component lies: all of few columns, else those in which it stands out most."""
    mixture = subject.mixture
    d = mixture.n_features
    between = mixture.means - mixture.mean()
    within = mixture.weights @ mixture.covariance.variances()
    spread = np.sqrt(within + mixture.weights @ between**2)
    columns = range(d) if d <= 3 else np.argsort(-np.abs(between[j] / spread), kind="stable")[:3]
    spreads = np.sqrt(within)
    parts = []
    for c in columns:
        side = "" if d <= 3 or mixture.n_components == 1 else f" ({'high' if between[j, c] > 0 else 'low'})"
        value = fixed(float(mixture.means[j, c]), decimals_for(float(spreads[c]), 2))
        parts.append(f"{subject.short_names[c]} {value}{side}")
    return f"{'around' if d <= 3 else 'set apart by'} {listed(parts)}"


def _told_apart(found: Overlap | None) -> str:
    if found is None:
        return "With one cluster there is nothing to tell apart: the model is a single Gaussian."
    if found.uncertainty < _SEPARATE:
        words = "The clusters are well separated"
    elif found.uncertainty < _OVERLAPPING:
        words = "The clusters overlap a little"
    else:
        words = "The clusters overlap much"
    text = f"{words}: on average {percent(found.uncertainty)} of the rows would be put in the wrong one"
    text += " (mean uncertainty, if the model is right" + (", over rows simulated from it)" if found.simulated else ")")
    if found.confused >= _SEPARATE:
        first, second = found.pair
        text += (
            f". The most confused are {first} and {second}: {percent(found.confused)} of {first} is taken for {second}"
        )
    return f"{text}."
