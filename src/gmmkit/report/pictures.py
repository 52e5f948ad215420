"""The rows and the model, seen: classification, uncertainty and density."""

from __future__ import annotations

from gmmkit.plots import plot_classification, plot_density, plot_uncertainty
from gmmkit.plots.subject import choose_columns
from gmmkit.report.figures import WIDE, WIDTH, figure
from gmmkit.report.html import Html, join, tag
from gmmkit.report.subject import Subject
from gmmkit.report.words import capital, listed, plural

__all__ = ["pictures"]

_MOST_ROWS = 2000
_MOST_COLUMNS = 5


def pictures(subject: Subject, *, kind: str = "cluster") -> Html:
    """Return the section: pictures that need rows only where there are rows; `kind` is what a group is called."""
    mixture, rows, names = subject.mixture, subject.table, subject.short_names
    d = mixture.n_features
    shown = choose_columns(mixture, names, None, 2)
    told = _about_columns(subject, shown, kind)
    density = plot_density(mixture, rows, columns=shown, names=names, width=WIDTH, max_rows=_MOST_ROWS)
    last = figure(
        density, "Density: how many rows the model expects where; regions are the smallest that hold their share."
    )
    if rows is None:
        missing = (
            "The rows were not at hand, so this is the model alone; classification and uncertainty show rows. "
            "Give the data as well to see them: gmmkit report MODEL DATA."
        )
        return join([told, tag("p", missing), tag("div", last, class_="pictures")])
    wide = d > 2
    groups = subject.groups if subject.merged else None
    classified = plot_classification(
        mixture, rows, groups=groups, names=names, width=WIDE if wide else WIDTH, max_rows=_MOST_ROWS,
        columns=choose_columns(mixture, names, None, _MOST_COLUMNS) if wide else None,
    )  # fmt: skip
    what = f"each row in the colour and mark of its most probable {kind}"
    first = figure(classified, f"Classification: {what}.", wide=wide)
    second = None
    if len(subject.groups) > 1 or mixture.noise is not None:
        unsure = plot_uncertainty(
            mixture, rows, groups=groups, columns=shown, names=names, width=WIDTH, max_rows=_MOST_ROWS
        )
        less = f"the less sure its {kind}" + ("" if mixture.noise is None else ", or whether it is noise")
        second = figure(unsure, f"Uncertainty: the larger and stronger a row, {less}.")
    if wide:
        return join([told, first, tag("div", second, last, class_="pictures")])
    return join([told, tag("div", first, second, last, class_="pictures")])


def _about_columns(subject: Subject, pair: list[int], kind: str) -> Html | None:
    mixture, names = subject.mixture, subject.short_names
    d = mixture.n_features
    if d <= 2:
        return None
    several = choose_columns(mixture, names, None, _MOST_COLUMNS)
    both = listed([names[j] for j in pair])
    why = f"those in which the {kind}s' means differ most, measured by the spread of the rows"
    if mixture.n_components == 1:
        why = f"the first, since one {kind} has nothing to differ from"
    if d <= _MOST_COLUMNS:
        return tag(
            "p", f"All {d} columns are shown in pairs; where there is room for two only, they are {both}: {why}."
        )
    seen = listed([names[j] for j in several])
    return tag(
        "p",
        f"Of {plural(d, 'column')} the pictures show {seen} in pairs, and {both} where there is room for two only: "
        f"{why}. {capital(kind)}s and uncertainty come from all columns.",
    )
