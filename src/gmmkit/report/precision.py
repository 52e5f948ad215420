"""How precise the numbers are: standard errors and intervals of parameters, tests of the number of components."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gmmkit.plots import plot_intervals, plot_likelihood_ratio
from gmmkit.report.figures import WIDTH, figure
from gmmkit.report.html import Html, cells, join, table, tag
from gmmkit.report.subject import Subject
from gmmkit.report.words import decimals_for, fixed, listed, nats, number, percent, plural

__all__ = ["precision"]

Row = Mapping[str, Any]

_MOST_DRAWN = 14  # estimates in a picture
_MOST_COLUMNS = 4  # pictures of means
_MOST_LISTED = 400
_NEEDED = ("parameter", "component", "estimate", "standard_error", "low", "high")
_MOST_TESTS = 2
_LEVEL = 0.05
_STARTS = {"hierarchical": "a hierarchy", "many": "many starts"}
_KINDS = {
    "nonparametric": "to rows drawn from these with replacement",
    "weighted": "with random weights of the rows",
    "parametric": "to rows drawn from the model",
}


def precision(subject: Subject) -> Html | None:
    """Return the section; None if nothing was asked."""
    parts = [*_information(subject), *_bootstrap(subject), *_tests(subject)]
    return join(parts) if parts else None


def _information(subject: Subject) -> list[Html]:
    known = subject.record.fit.get("information")
    rows = _rows(known, subject.mixture.n_components)
    if not rows or not isinstance(known, Mapping):
        return []
    told = (
        "Standard errors follow from how sharply the likelihood falls around the estimates (the observed information); "
        f"bars and intervals are of {_level(known)} confidence, where rows are many and components well apart."
    )
    return _intervals(subject, told, rows)


def _level(known: Mapping[str, Any]) -> str:
    share = known.get("confidence")
    return percent(float(share)) if isinstance(share, (int, float)) else "the"


def _bootstrap(subject: Subject) -> list[Html]:
    known = subject.record.fit.get("bootstrap")
    rows = _rows(known, subject.mixture.n_components)
    if not rows or not isinstance(known, Mapping):
        return []
    n = known.get("n_replicates")
    times = f" {n:,} times" if isinstance(n, int) else ""
    told = f"The model was fitted again{times}, {_KINDS.get(str(known.get('kind')), 'to other samples')}. "
    told += f"Bars and intervals hold the middle {_level(known)} of the estimates: how far they could be off by chance."
    faults = known.get("faults")
    left_out = sum(v for v in faults.values() if isinstance(v, int)) if isinstance(faults, Mapping) else 0
    if left_out:
        reasons = listed([f"{v} {word}" for word, v in faults.items()])  # type: ignore[union-attr]
        told += f" {plural(left_out, 'replicate')} did not count: {reasons}."
    return _intervals(subject, told, rows)


def _intervals(subject: Subject, told: str, rows: list[dict[str, Any]]) -> list[Html]:
    weights = [row for row in rows if row["parameter"] == "weight"]
    pictures = [_picture(subject, weights, "weight")] if weights else []
    columns = list(dict.fromkeys(row["column"] for row in rows if row["parameter"] == "mean"))
    for column in columns[:_MOST_COLUMNS]:
        mine = [row for row in rows if row["parameter"] == "mean" and row["column"] == column]
        pictures.append(_picture(subject, mine, f"mean of {column}"))
    made = [tag("p", told), tag("div", *pictures, class_="pictures")]
    return [*made, tag("details", tag("summary", "Every interval"), _table(subject, rows))]


def _rows(known: object, k: int) -> list[dict[str, Any]]:
    """Return the rows of a summary of intervals that can be read."""
    given = known.get("rows") if isinstance(known, Mapping) else None
    found = []
    for row in given if isinstance(given, list) else []:
        if not isinstance(row, Mapping) or any(key not in row for key in _NEEDED):
            continue
        numbers = [row[key] for key in _NEEDED[2:]]
        component = row["component"]
        if not isinstance(component, int) or not 0 <= component < k:
            continue
        if all(isinstance(value, (int, float)) and math.isfinite(value) for value in numbers):
            found.append({**row, "column": str(row.get("column", "")), "other": str(row.get("other", ""))})
    return found


def _picture(subject: Subject, rows: Sequence[Row], name: str) -> Html:
    kind = "component" if subject.merged else "cluster"
    shown = sorted(rows, key=lambda row: -float(subject.mixture.weights[row["component"]]))[:_MOST_DRAWN]
    shown.sort(key=lambda row: int(row["component"]))
    marks = [
        {
            "name": f"{kind} {row['component']}",
            "component": int(subject.cluster_of[row["component"]]),
            "estimate": row["estimate"],
            "low": row["low"],
            "high": row["high"],
        }
        for row in shown
    ]
    picture = plot_intervals(marks, name=name, width=WIDTH)
    left = f", the {len(shown)} heaviest of {len(rows)}" if len(shown) < len(rows) else ""
    return figure(picture, f"Intervals of each {kind}'s {name}{left}.")


def _table(subject: Subject, rows: Sequence[Row]) -> Html:
    kind = "component" if subject.merged else "cluster"
    body = []
    for row in rows[:_MOST_LISTED]:
        of = " and ".join(dict.fromkeys(part for part in (row["column"], row["other"]) if part))
        what = f"{row['parameter']} of {of}" if of else str(row["parameter"])
        if row["parameter"] == "covariance" and row["column"] == row["other"]:
            what = f"variance of {of}"
        decimals = decimals_for(float(row["standard_error"]), 2)
        values = [fixed(float(row[key]), decimals) for key in ("estimate", "low", "high")]
        error = number(float(row["standard_error"]), 2)
        body.append(cells([f"{kind} {row['component']}", tag("span", what, class_="name"), *values, error], heads=1))
    left = len(rows) - len(body)
    caption = "Estimates, intervals and standard errors" + (f" (the first {len(body)}; {left} more)" if left else "")
    return table(caption, [kind.capitalize(), "Parameter", "Estimate", "From", "To", "Standard error"], body)


def _tests(subject: Subject) -> list[Html]:
    known = subject.record.fit.get("likelihood_ratio")
    tests = [test for test in known if _is_test(test)] if isinstance(known, list) else []
    if not tests:
        return []
    body, pictures = [], []
    for place, test in enumerate(tests, start=1):
        k, p = int(test["n_components"]), float(test["p_value"])
        rejected = bool(test.get("rejected", p <= _LEVEL))
        verdict = f"{k + 1} are needed" if rejected else f"{k} {'is' if k == 1 else 'are'} enough"
        body.append(cells([f"{k} against {k + 1}", nats(float(test["statistic"])), number(p, 2), verdict], heads=1))
        replicates = test.get("replicates")
        # The last two are those between which the answer lies.
        if (
            place > len(tests) - _MOST_TESTS
            and isinstance(replicates, list)
            and any(isinstance(v, (int, float)) and math.isfinite(v) for v in replicates)
        ):
            picture = plot_likelihood_ratio(
                [v for v in replicates if isinstance(v, (int, float))], float(test["statistic"]),
                n_components=k, p_value=p, width=WIDTH,
            )  # fmt: skip
            pictures.append(figure(picture, f"What {k + 1} components add where {k} made the rows, and here."))
    told = (
        "Is one component more needed? Rows are drawn from the fit without it, both are fitted to them, and what the "
        "larger gains is compared with what it gains on the real rows: if hardly any drawn sample gains as much, the "
        f"component is needed (p at or below {_LEVEL:g})."
    )
    starts = _STARTS.get(str(tests[0].get("starts", "hierarchical")), "starts of their own")
    told += (
        f" Rows and replicates are fitted alike, from {starts}; fits elsewhere on this page may be better, so that a "
        "statistic need not be twice the difference of their log-likelihoods."
    )
    listing = table("Likelihood-ratio tests", ["Components", "Statistic", "p", "Answer"], body)
    return [tag("p", told), listing, tag("div", *pictures, class_="pictures")]


def _is_test(test: object) -> bool:
    if not isinstance(test, Mapping):
        return False
    numbers = [test.get(key) for key in ("n_components", "statistic", "p_value")]
    return all(isinstance(value, (int, float)) and math.isfinite(value) for value in numbers)
