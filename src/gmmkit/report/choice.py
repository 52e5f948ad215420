"""How the model was chosen: the search's table and curve, the margin, and the fits that do not count."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from gmmkit.plots import plot_criterion
from gmmkit.plots.criterion import criterion_title
from gmmkit.report.figures import WIDTH, figure
from gmmkit.report.html import Html, cells, join, table, tag
from gmmkit.report.search_table import Row, Search
from gmmkit.report.subject import Subject
from gmmkit.report.words import capital, listed, nats, plural
from gmmkit.selection.doubts import doubts_of, evidence

__all__ = ["choice"]

_MOST_AT_ONCE = 8
# More lines need a table of their own.
_MOST_LINES = 6
_MOST_SIZES = 30
_WEIGHS = "weighs the likelihood against the number of parameters"
_MEASURES = {
    "held_out": "is minus twice the log-likelihood of rows that a fit did not see",
    "mml": "is twice the length of the shortest message that tells the model and the rows",
    "icl": "weighs the likelihood against the number of parameters and the price of unsure classifications",
}
_MOST_REASONS = 30
_SPURIOUS = (
    "set aside. The likelihood of a mixture grows without bound when a component shrinks onto a few rows, or onto rows "
    "that were rounded alike; such a fit looks better than it is and says nothing about clusters, so it is not compared"
)


def choice(subject: Subject) -> Html | None:
    """Return the section; None if nothing was searched."""
    search = subject.search
    if search is None:
        return None
    told = (
        f"{plural(len(search.rows), 'model')}: {_range(search.sizes)} by covariance {listed(search.structures, 'or')}. "
        f"They are compared by {search.title}, which {_MEASURES.get(search.criterion, _WEIGHS)}; lower is better."
    )
    parts: list[Html | None] = [
        tag("p", told),
        _margin(subject, search),
        _curve(search),
        _tables(search),
        _grid(search),
    ]
    parts += [_set_aside(search), _failed(search), _copies(search)]
    return join(parts)


def _range(sizes: list[int]) -> str:
    if len(sizes) > 2 and sizes == list(range(sizes[0], sizes[-1] + 1)):
        return f"{sizes[0]} to {sizes[-1]} components"
    return f"{listed([str(size) for size in sizes])} component{'s' * (sizes != [1])}"


def _margin(subject: Subject, search: Search) -> Html | None:
    if search.margin is None:
        return None
    name = search.title
    tied = [row for row in search.ranked[1:] if row["rank"] == search.ranked[0]["rank"]]
    if tied:
        text = f"{listed([_named(row) for row in tied])} {'are' if len(tied) > 1 else 'is'} as good: a tie"
        return tag("p", f"{text}. The one with the fewest parameters is taken.")
    text = f"The runner-up, {_named(search.ranked[1])}, is {nats(search.margin)} worse"
    if search.criterion == "bic" and not doubts_of(subject.record).few_rows:
        words = evidence(search.margin)
        text += f", which is {words}{' for the winner' * words.endswith('evidence')} (Kass & Raftery 1995)"
    best = search.value(search.ranked[0]) or 0.0
    close = [row for row in search.ranked[1:] if (search.value(row) or math.inf) - best < 6.0]
    sizes = sorted({row["n_components"] for row in (search.ranked[0], *close)})
    if len(close) > 1:
        text += f". {capital(plural(len(close), 'model'))} within 6 of its {name}"
        text += f", all with {plural(sizes[0], 'component')}" if len(sizes) == 1 else f", with {_range(sizes)}"
    return tag("p", f"{text}.")


def _named(row: Row) -> str:
    return f"“{row['covariance_type']}” with {plural(row['n_components'], 'component')}"


def _curve(search: Search) -> Html | None:
    if not any(search.value(row) is not None for row in search.rows):
        return None
    rows = (*search.rows, *search.copies)
    picture = plot_criterion(rows, criterion=search.criterion, width=WIDTH)
    caption = f"{capital(search.title)} of every fit: each line is a covariance structure."
    return figure(picture, caption)


def _tables(search: Search) -> Html | None:
    if not search.ranked:
        return None
    parts = [_table(search, search.ranked[:_MOST_AT_ONCE], f"The best models by {search.title}")]
    if any(row["starts"] for row in search.ranked):
        parts.append(tag("p", "Starts here: how many of those tried ended at this optimum.", class_="note"))
    rest = search.ranked[_MOST_AT_ONCE:]
    if rest:
        more = _table(search, rest, f"The other models by {search.title}")
        parts.append(tag("details", tag("summary", f"The other {plural(len(rest), 'model')}"), more))
    return join(parts)


def _table(search: Search, rows: Sequence[Row], caption: str) -> Html:
    others = [name for name in ("bic", "aic", "icl") if name != search.criterion]
    names = [search.criterion, *others]
    head = ["Rank", "Components", "Covariance", capital(search.title), "Worse by", *map(criterion_title, others)]
    head += ["Log-likelihood", "Parameters", "Passes"]
    found = any(row["starts"] for row in rows)
    head += ["Starts here"] if found else []
    shared = Counter(row["rank"] for row in search.ranked)
    best = search.value(search.ranked[0]) or 0.0
    body = []
    for row in rows:
        values = [_criterion(row, name) for name in names]
        worse = (search.value(row) or math.nan) - best
        passes = _whole(row["n_iter"]) + ("" if row["converged"] else " (not converged)")
        rank = f"{row['rank']} (tie)" if shared[row["rank"]] > 1 else row["rank"]
        shown = [rank, row["n_components"], row["covariance_type"], values[0], nats(worse) if worse else "—"]
        shown += [*values[1:], _criterion(row, "log_likelihood"), _whole(row["n_parameters"]), passes]
        if found:
            shown.append(f"{_whole(row['reached'])} of {_whole(row['starts'])}" if row["starts"] else "—")
        body.append(cells(shown, heads=1))
    return table(caption, head, body)


def _grid(search: Search) -> Html | None:
    """Return the criterion of every structure (down) and size (across), where they are many."""
    if len(search.structures) <= _MOST_LINES or len(search.sizes) > _MOST_SIZES:
        return None
    at = {(row["covariance_type"], row["n_components"]): row for row in (*search.rows, *search.copies)}
    best = search.ranked[0] if search.ranked else None

    def shown(row: Row | None) -> Html | str:
        if row is None:
            return "—"
        if row["same_as"] is not None:
            return f"as {row['same_as']}"
        value = search.value(row)
        if value is None:
            return "○" if row["spurious"] else "failed"
        text = nats(value)
        return tag("strong", text) if row is best else f"○ {text}" if row["spurious"] else text

    body = [
        cells([name, *(shown(at.get((name, size))) for size in search.sizes)], heads=1) for name in search.structures
    ]
    caption = f"{capital(search.title)} by covariance structure (down) and number of components (across)"
    made = table(caption, ["Covariance", *map(str, search.sizes)], body)
    note = tag(
        "p", "Bold: the best. ○: spurious, not compared. “As”: the same model as that structure's.", class_="note"
    )
    return tag("details", tag("summary", "Every fit by structure and size"), made, note)


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


def _copies(search: Search) -> Html | None:
    if not search.copies:
        return None
    n = len(search.copies)
    said = (
        f"{capital(plural(n, 'name'))} {'stands' if n == 1 else 'stand'} for a model that is ranked under another: one "
        "component shares nothing, so that structures which differ in what components share are the same."
    )
    return tag("p", said, class_="note")


def _reasons(rows: Sequence[Row], key: str, title: str) -> Html:
    listing = [tag("li", f"{capital(_named(row))}: {row[key] or 'not recorded'}") for row in rows[:_MOST_REASONS]]
    if len(rows) > _MOST_REASONS:
        listing.append(tag("li", f"and {len(rows) - _MOST_REASONS} more"))
    return tag("details", tag("summary", title), tag("ul", *listing))
