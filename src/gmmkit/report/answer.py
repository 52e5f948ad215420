"""The answer first, in plain words; then what was fitted, and on what."""

from __future__ import annotations

import numpy as np

from gmmkit.errors import ParameterError
from gmmkit.inference.factor_fit import factors_of
from gmmkit.model.covariance.catalogue import family
from gmmkit.report.cautions import cautions
from gmmkit.report.html import Html, join, tag
from gmmkit.report.marks import component
from gmmkit.report.subject import Subject
from gmmkit.report.words import capital, decimals_for, fixed, listed, nats, number, percent, plural

__all__ = ["answer", "facts", "headline"]

_MOST_NAMED = 6
# All of which are told.
_FEW_COLUMNS = 3
# What components of factor analysers share, by the name of their noise.
_NOISES = {
    "diagonal": "each with its own noise in each column",
    "isotropic": "each with its own noise, as large in all columns",
    "shared-diagonal": "all with the same noise, of its own size in each column",
    "shared-isotropic": "all with the same noise, as large in all columns",
}
# Expected share of rows in the wrong cluster.
_SEPARATE, _OVERLAPPING = 0.01, 0.1


def headline(subject: Subject) -> str:
    """Return the answer in a few words."""
    rows = "the rows" if subject.n_rows is None else plural(subject.n_rows, "row")
    return f"{plural(len(subject.groups), 'cluster')} in {rows}" + (f" of {subject.source}" if subject.source else "")


def answer(subject: Subject) -> Html:
    """Return the lead: how many clusters, where they lie, how well they are told apart, what to beware of."""
    mixture = subject.mixture
    k = mixture.n_components
    what = plural(k, "component" if subject.merged else "cluster")
    factors = factors_of(mixture.covariance)
    alike = _alike(subject.structure, mixture.n_features) if factors is None else _NOISES[factors[1]]
    alike = alike if k > 1 else None
    shape = f"{f', {alike}' if alike else ''} ({_covariance(subject)})"
    tails = "" if mixture.degrees_of_freedom is None else ", with the heavy tails of Student's t"
    lead = f"{what}{shape}{tails}. {_chosen(subject)}"
    if subject.merged:
        lead += f" Components that overlap are merged: they form {plural(len(subject.groups), 'cluster')}."
    found = cautions(subject)
    beware = None
    if found:
        beware = tag("p", tag("a", plural(len(found), "warning"), href="#warnings"), ": ", found[0], class_="caution")
    return join([tag("p", lead, class_="lead"), _clusters(subject), tag("p", _told_apart(subject)), beware])


def facts(subject: Subject) -> Html:
    """Return what was fitted, on what, by which version."""
    mixture, record = subject.mixture, subject.record
    d = mixture.n_features
    columns = listed(subject.short_names) if d <= 8 else (
        f"{', '.join(subject.short_names[:7])} and {d - 7} more"
    )  # fmt: skip
    kind = "Gaussian" if mixture.degrees_of_freedom is None else "Student-t"
    pairs: list[tuple[str, object]] = [
        ("Data", subject.source or "not recorded"),
        ("Rows", "not recorded" if subject.n_rows is None else f"{subject.n_rows:,}"),
        ("Columns", f"{d}: {columns}"),
        ("Weights of rows", _weights(subject)),
        ("Model", f"{kind} mixture, {plural(mixture.n_components, 'component')}, "
                  f"{_covariance(subject)}, {plural(subject.n_parameters, 'free parameter')}"),
    ]  # fmt: skip
    if mixture.noise is not None:
        pairs.append(("Noise", f"{percent(mixture.noise.weight)}: rows that belong to no component"))
    for key, title in (("log_likelihood", "Log-likelihood"), ("bic", "BIC")):
        value = record.fit.get(key)
        if isinstance(value, (int, float)):
            pairs.append((title, nats(float(value))))
    for key, text in record.provenance.items():
        if key not in ("source", "command"):
            pairs.append((capital(key), text))
    pairs.append(("Made by", f"gmmkit {record.library_version}, {record.estimator}"))
    return tag("dl", *(tag("div", tag("dt", term), tag("dd", what)) for term, what in pairs), class_="facts")


def _covariance(subject: Subject) -> str:
    """Name the structure, and the units in which it holds where those are not the data's."""
    named, mixture = f"covariance “{subject.structure}”", subject.mixture
    factors = factors_of(mixture.covariance)
    if factors is not None:
        return f"covariance of {plural(factors[0], 'factor')} and {factors[1]} noise"
    if subject.candidate is None or mixture.n_features == 1:
        return named
    # Clusters are sought in those units; a structure that other units lead out of is stored as a full one.
    own = family(subject.structure).name == mixture.covariance_type
    return named if own else f"{named} of columns in units of their standard deviations"


def _alike(name: str, d: int) -> str | None:
    """Say what components of a structure share; None of one that is not known."""
    try:
        letters = family(name).structure
    except ParameterError:
        return None
    if d == 1:
        return "all of the same width" if letters[0] == "E" else "each with its own width"
    if letters[1:] == "II":
        return "all round, and of the same size" if letters[0] == "E" else "all round, each with its own size"
    parts = dict(zip(("size", "shape", "direction"), letters, strict=True))
    own = [part for part, letter in parts.items() if letter == "V"]
    same = [part for part, letter in parts.items() if letter == "E"]
    said = ["stretched along the columns"] if letters[2] == "I" else []
    said += [f"all of the same {listed(same)}"] if same else []
    said += [f"each with its own {listed(own)}"] if own else []
    return ", ".join(said)


def _weights(subject: Subject) -> str:
    if not subject.weighted:
        return "none: every row counts once"
    total = subject.table.total_weight if subject.table is not None else subject.record.fit.get("total_weight")
    return f"yes, {number(float(total))} in all" if isinstance(total, (int, float)) else "yes"


def _chosen(subject: Subject) -> str:
    search = subject.search
    if subject.candidate is not None and subject.record.settings.get("n_clusters") == "auto":
        if len(subject.groups) == 1:
            return "Halves of the rows do not agree on more than one cluster."
        return "The number of clusters is that on which halves of the rows agree most."
    kind = "component" if subject.merged and subject.candidate is None else "cluster"
    if search is None:
        return f"The number of {kind}s was given, not searched for."
    tried = f"{plural(len(search.rows), 'model')} tried"
    if not search.ranked:
        return f"None of the {tried} can be trusted; this is the best of them by {search.title}."
    words = f"The best of {tried} by {search.title}"
    if search.margin is None:
        return f"{words}."
    second = search.ranked[1]
    other = f"“{second['covariance_type']}” with {plural(second['n_components'], kind)}"
    if second["rank"] == search.ranked[0]["rank"]:
        return f"{words}; {other} is as good."
    return f"{words}; next comes {other}, {nats(search.margin)} worse."


def _clusters(subject: Subject) -> Html:
    named = np.sort(subject.by_weight[:_MOST_NAMED])
    kind = "weight" if subject.weighted else "rows"
    items = []
    for place, c in enumerate(named):
        share = percent(float(subject.weights[c]))
        whole = f"{share} of the {kind}" if place == 0 else share
        items.append(tag("li", component(int(c)), f" holds {whole}", _around(subject, int(c))))
    left = len(subject.groups) - len(named)
    if left:
        rest = float(subject.weights.sum() - subject.weights[named].sum())
        items.append(tag("li", f"{left} more hold {percent(rest)} together"))
    return tag("ul", *items, class_="clusters")


def _around(subject: Subject, c: int) -> str:
    """Say where a cluster lies: all of few columns, else those in which it stands out."""
    cluster, mixture = subject.clusters[c], subject.mixture
    d = mixture.n_features
    few = d <= _FEW_COLUMNS
    if not few and not cluster.outstanding:
        return "" if len(subject.groups) == 1 else f", {cluster.place}"
    spreads = np.sqrt(mixture.weights @ mixture.covariance.variances())
    parts = []
    for j in range(d) if few else cluster.outstanding:
        side = "" if few else f" ({'high' if cluster.deviation[j] > 0 else 'low'})"
        value = fixed(float(cluster.centre[j]), decimals_for(float(spreads[j]), 2))
        parts.append(f"{subject.short_names[j]} {value}{side}")
    return f", {'around' if few else 'set apart by'} {listed(parts)}"


def _told_apart(subject: Subject) -> str:
    if len(subject.groups) == 1:
        return "With one cluster there is nothing to tell apart" + (
            "." if subject.merged else ": the model is a single component."
        )
    overlap, drawn = subject.overlap, subject.table is None
    mistaken = overlap.confusion
    if mistaken < _SEPARATE:
        words = "The clusters are well separated"
    elif mistaken < _OVERLAPPING:
        words = "The clusters overlap a little"
    else:
        words = "The clusters overlap much"
    share = f"on average {percent(mistaken)}" if mistaken > 0 else "none"
    text = f"{words}: {share} of the rows would be put in the wrong one"
    if subject.mixture.noise is not None and not drawn:
        share = percent(overlap.noise_confusion) if overlap.noise_confusion > 0 else "none"
        text += f", and {share} in a cluster though they are noise, or in the noise though they are of a cluster"
    text += " (if the model is right" + (", over rows simulated from it)" if drawn else ")")
    chance = overlap.misclassification
    first, second = (int(c) for c in np.unravel_index(chance.argmax(), chance.shape))
    if chance.max() >= _SEPARATE:
        share = percent(float(chance.max()))
        text += f". The most confused are {first} and {second}: {share} of {first} is taken for {second}"
    return f"{text}."
