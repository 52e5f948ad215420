"""How the model was chosen: the search's table and curve, the margin, and the fits that do not count."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gmmkit.plots import plot_criterion
from gmmkit.report.figures import WIDTH, figure
from gmmkit.report.html import Html, cells, join, table, tag
from gmmkit.report.subject import Row, Search, Subject
from gmmkit.report.words import capital, listed, nats, plural

__all__ = ["choice"]

_MOST_AT_ONCE = 8
_MOST_REASONS = 30
# Differences in BIC, and what they are called (Kass & Raftery 1995, §3.2).
_EVIDENCE = ((2.0, "hardly worth a mention"), (6.0, "positive evidence"), (10.0, "strong evidence"))
_SPURIOUS = (
    "set aside. The likelihood of a mixture grows without bound when a component shrinks onto a few rows, or onto rows "
    "that were rounded alike; such a fit looks better than it is and says nothing about clusters, so it is not compared"
)


def choice(subject: Subject) -> Html | None:
    """Return the section; None if nothing was searched."""
    search = subject.search
    if search is None:
        return None
    name = search.criterion.upper()
    told = (
        f"{plural(len(search.rows), 'model')}: {_range(search.sizes)} by covariance {listed(search.structures, 'or')}. "
        f"They are compared by {name}, which weighs the likelihood against the number of parameters; lower is better."
    )
    parts: list[Html | None] = [tag("p", told), _margin(search), _curve(search), _tables(search)]
    parts += [_set_aside(search), _failed(search)]
    return join(parts)


def _range(sizes: list[int]) -> str:
    if len(sizes) > 2 and sizes == list(range(sizes[0], sizes[-1] + 1)):
        return f"{sizes[0]} to {sizes[-1]} clusters"
    return f"{listed([str(size) for size in sizes])} cluster{'s' * (sizes != [1])}"


def _margin(search: Search) -> Html | None:
    if search.margin is None:
        return None
    name = search.criterion.upper()
    text = f"The runner-up, {_named(search.ranked[1])}, is {nats(search.margin)} worse"
    if search.criterion == "bic":
        words = next((words for most, words in _EVIDENCE if search.margin < most), "very strong evidence")
        text += f", which is {words} for the winner (Kass & Raftery 1995)"
    best = search.value(search.ranked[0]) or 0.0
    close = [row for row in search.ranked[1:] if (search.value(row) or math.inf) - best < 6.0]
    sizes = sorted({row["n_components"] for row in (search.ranked[0], *close)})
    if len(close) > 1:
        text += f". {capital(plural(len(close), 'model'))} within 6 of its {name}"
        text += f", all with {plural(sizes[0], 'cluster')}" if len(sizes) == 1 else f", with {_range(sizes)}"
    return tag("p", f"{text}.")


def _named(row: Row) -> str:
    return f"“{row['covariance_type']}” with {plural(row['n_components'], 'cluster')}"


def _curve(search: Search) -> Html | None:
    if not any(search.value(row) is not None for row in search.rows):
        return None
    picture = plot_criterion(search.rows, criterion=search.criterion, width=WIDTH)  # type: ignore[arg-type]
    return figure(picture, f"{search.criterion.upper()} of every fit: each line is a covariance structure.")


def _tables(search: Search) -> Html | None:
    if not search.ranked:
        return None
    first = _table(search, search.ranked[:_MOST_AT_ONCE], f"The best models by {search.criterion.upper()}")
    rest = search.ranked[_MOST_AT_ONCE:]
    if not rest:
        return first
    more = _table(search, rest, f"The other models by {search.criterion.upper()}")
    return join([first, tag("details", tag("summary", f"The other {plural(len(rest), 'model')}"), more)])


def _table(search: Search, rows: Sequence[Row], caption: str) -> Html:
    others = [name for name in ("bic", "aic", "icl") if name != search.criterion]
    names = [search.criterion, *others]
    head = ["Rank", "Clusters", "Covariance", search.criterion.upper(), "Worse by", *(n.upper() for n in others)]
    head += ["Log-likelihood", "Parameters", "Passes"]
    best = search.value(search.ranked[0]) or 0.0
    body = []
    for row in rows:
        values = [_criterion(row, name) for name in names]
        worse = (search.value(row) or math.nan) - best
        passes = _whole(row["n_iter"]) + ("" if row["converged"] else " (not converged)")
        shown = [row["rank"], row["n_components"], row["covariance_type"], values[0], nats(worse) if worse else "—"]
        shown += [*values[1:], _criterion(row, "log_likelihood"), _whole(row["n_parameters"]), passes]
        body.append(cells(shown, heads=1))
    return table(caption, head, body)


def _criterion(row: Row, name: str) -> str:
    return "—" if row[name] is None else nats(float(row[name]))


def _whole(value: float | None) -> str:
    return "—" if value is None else f"{value:,.0f}"


def _set_aside(search: Search) -> Html | None:
    if not search.spurious:
        return None
    n = len(search.spurious)
    said = f"{capital(plural(n, 'fit'))} {'is' if n == 1 else 'are'} spurious and {_SPURIOUS}."
    return join([tag("p", said), _reasons(search.spurious, "spurious", "Why each is spurious")])


def _failed(search: Search) -> Html | None:
    if not search.failed:
        return None
    said = f"{capital(plural(len(search.failed), 'fit'))} failed: there is no such model of these rows."
    return join([tag("p", said), _reasons(search.failed, "error", "Why each failed")])


def _reasons(rows: Sequence[Row], key: str, title: str) -> Html:
    listing = [tag("li", f"{capital(_named(row))}: {row[key] or 'not recorded'}") for row in rows[:_MOST_REASONS]]
    if len(rows) > _MOST_REASONS:
        listing.append(tag("li", f"and {len(rows) - _MOST_REASONS} more"))
    return tag("details", tag("summary", title), tag("ul", *listing))
