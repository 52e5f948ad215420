"""The report of rows that were drawn like real ones: how like they are, and whether too like."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from gmmkit.data.table import Table
from gmmkit.files.atomic import write_atomically
from gmmkit.files.record import ModelRecord
from gmmkit.plots import plot_compared
from gmmkit.report.commands import commands
from gmmkit.report.document import page
from gmmkit.report.drawn import Drawn, drawn_by
from gmmkit.report.figures import NARROW, WIDTH, figure
from gmmkit.report.html import Html, cells, join, table, tag
from gmmkit.report.subject import Subject
from gmmkit.report.words import count, fixed, listed, number, percent, plural, recorded, short
from gmmkit.selection.fidelity import ColumnFidelity, rank_correlations
from gmmkit.selection.leaks import Nearest, nearest_rows

__all__ = ["render_generation_report", "write_generation_report"]

_MOST_PICTURES, _MOST_COLUMNS, _MOST_PAIRS, _MOST_NEAR, _MOST_CLASSES = 12, 60, 15, 10, 40
_UNLIKELY = 0.01
_MOST_DRAWN = 100_000


def write_generation_report(record: ModelRecord, path: str | os.PathLike[str], **shown: Any) -> None:
    """Write the report as one HTML file that opens anywhere; see `render_generation_report`.

    Raises
    ------
    OSError
        If the file cannot be written; a file that was there is left as it was.
    """
    write_atomically(path, [render_generation_report(record, **shown).encode()])


def render_generation_report(
    record: ModelRecord, *, rows: Table, drawn: Drawn | None = None, command: str | None = None
) -> str:
    """Return the report as one page of HTML: the same text for the same input.

    Parameters
    ----------
    record : ModelRecord
        Of the generator, as `record_of_generator` makes it.
    rows : Table
        The real rows.
    drawn : Drawn, optional
        Default: as many rows as there are real ones, drawn now with the generator's own seed.
    command : str, optional

    Raises
    ------
    DataError
        If the rows have other columns than the generator, a value that is not finite, or are fewer than 10.
    ModelFormatError
        If rows are to be drawn, and the record cannot be read.
    """
    subject = Subject(record, rows, command)
    of = _Page(subject, rows, drawn_by(record, rows) if drawn is None else drawn)
    sections = [
        ("about", "What was drawn", of.about()),
        ("margins", "Column by column", of.margins()),
        ("pairs", "Pairs of columns", of.pairs()),
        ("apart", "Can they be told from real rows?", of.told_apart()),
        ("near", "Were real rows learnt by heart?", of.near()),
        ("classes", "Classes", of.classes()),
        ("warnings", "What to beware of", tag("ul", *(tag("li", said) for said in of.cautions()), class_="cautions")),
        ("reproduce", "Make it again", commands(of.subject)),
    ]
    return page(of.title, tag("header", tag("h1", of.title), of.lead()), sections, unlisted=1)


class _Page:
    """The parts of the page."""

    def __init__(self, subject: Subject, rows: Table, drawn: Drawn) -> None:
        self.subject, self.rows, self.drawn, self.found = subject, rows, drawn, drawn.fidelity
        self.names = subject.short_names
        self.nearest: Nearest = nearest_rows(drawn.real, drawn.rows, most=_MOST_NEAR)
        self.closest = self.nearest.pairs
        if rows.weights is not None:
            # Among all rows of the table, whatever their weights: there they can be named.
            self.closest = nearest_rows(rows.take(np.arange(rows.n_rows)), drawn.rows, most=_MOST_NEAR).pairs

    @property
    def apart(self) -> bool:
        """Whether the classifier tells drawn rows from real ones."""
        return self.found.p_value < _UNLIKELY and self.found.accuracy > 0.5

    @property
    def off(self) -> list[ColumnFidelity]:
        """The columns that differ by more than chance, the worst first."""
        worst = sorted(self.found.columns, key=lambda column: -column.distance)
        return [column for column in worst if column.distance > self.found.usual_distance]

    @property
    def title(self) -> str:
        """The verdict in a few words."""
        source = f" of {self.subject.source}" if self.subject.source else " given"
        verdict = "some can be told from real ones" if self.apart else "not to be told from real ones"
        if self.found.too_near:
            verdict = "too near to real ones"
        return f"{plural(self.found.n_drawn, 'row')} like those{source}: {verdict}"

    def lead(self) -> Html:
        """Return the verdict in words."""
        found = self.found
        accuracy = percent(found.accuracy)
        if self.apart:
            first = f"A classifier tells {accuracy} of real and drawn rows rightly, where a coin is right for 50 %."
        elif found.p_value < _UNLIKELY:
            first = (
                f"A classifier tells only {accuracy} of real and drawn rows rightly, less than a coin: drawn rows "
                "stand nearer to real ones than those to each other."
            )
        else:
            first = f"A classifier does no better than a coin: it tells {accuracy} of real and drawn rows rightly."
        if self.off:
            named = listed([short(column.name) for column in self.off[:3]])
            many = f"{len(self.off)} of {plural(len(found.columns), 'column')} differ"
            second = f"{many if len(self.off) > 1 else 'One column differs'} by more than chance, most of all {named}."
            second = second.replace(", most of all", ":") if len(self.off) == 1 else second
        else:
            second = "No column differs by more than chance."
        third = "There is no sign of rows learnt by heart."
        if found.too_near:
            third = (
                "Too many drawn rows are close to a real one: rows were learnt by heart. Do not pass these on as new; "
                "draw from more rows, or fewer columns."
            )
        style = "caution" if found.too_near else None
        return join([tag("p", first, class_="lead"), tag("p", second), tag("p", third, class_=style)])

    def about(self) -> Html:
        """Return what was drawn, like what."""
        subject, found = self.subject, self.found
        d = len(self.names)
        columns = listed(self.names) if d <= 8 else f"{', '.join(self.names[:7])} and {d - 7} more"
        sizes = subject.record.fit.get("n_components")
        parts = sum(sizes) if isinstance(sizes, list) else subject.mixture.n_components
        pairs: list[tuple[str, object]] = [
            ("Real rows", f"{self.rows.n_rows:,} of {self.rows.origin}"),
            ("Drawn rows", f"{found.n_drawn:,}"),
            ("Columns", f"{d}: {columns}"),
            ("Model", f"{plural(parts, 'component')}, on scales on which columns do not end"),
        ]
        if self.rows.weights is not None:
            pairs.append(("Compared with", f"{plural(found.n_real, 'real row')}, as their weights have them"))
        pairs.append(("Made by", f"gmmkit {subject.record.library_version}, {subject.record.estimator}"))
        return tag("dl", *(tag("div", tag("dt", term), tag("dd", what)) for term, what in pairs), class_="facts")

    def margins(self) -> Html:
        """Return the section: pictures of the columns that differ most, and all in numbers."""
        found = self.found
        order = sorted(range(len(found.columns)), key=lambda j: -found.columns[j].distance)
        chosen = sorted(order[:_MOST_PICTURES])
        drawn = [
            figure(
                plot_compared(
                    self.drawn.real[:, j], self.drawn.rows[:, j][:_MOST_DRAWN], name=self.names[j], width=NARROW
                ),
                f"{self.names[j]}: {fixed(found.columns[j].distance, 3)} apart.",
            )
            for j in chosen
        ]
        words = (
            "How far apart two columns are is the largest difference of their distribution functions "
            f"(Kolmogorov-Smirnov): 0 the same, 1 apart. Chance alone brings up to {fixed(found.usual_distance, 3)} "
            "in 95 of 100 comparisons."
        )
        if len(chosen) < len(order):
            words += f" Shown are the {len(chosen)} that differ most."
        head = ["Column", "Apart", "Mean, real", "drawn", "Standard deviation, real", "drawn"]
        body = []
        for j in order[:_MOST_COLUMNS]:
            column = found.columns[j]
            apart = fixed(column.distance, 3)
            values = (column.real_mean, column.drawn_mean, column.real_deviation, column.drawn_deviation)
            mark: object = tag("strong", apart) if column.distance > found.usual_distance else apart
            named = tag("span", self.subject.names[j], class_="name")
            body.append(cells([named, mark, *(number(value) for value in values)], heads=1))
        caption = "Columns, those that differ most first"
        if len(order) > len(body):
            caption += f" ({len(order) - len(body)} more differ less)"
        return join([tag("p", words), tag("div", *drawn, class_="pictures small"), table(caption, head, body)])

    def pairs(self) -> Html | None:
        """Return the section: pairs whose rank correlations differ most; None of one column."""
        found, d = self.found, len(self.names)
        if d < 2:
            return None
        real, drawn = (rank_correlations(rows) for rows in (self.drawn.real, self.drawn.rows))
        i, j = np.triu_indices(d, 1)
        order = np.argsort(-np.abs(real - drawn)[i, j], kind="stable")[:_MOST_PAIRS]
        body = [
            cells([f"{self.names[a]} and {self.names[b]}", *(fixed(float(m[a, b]), 2) for m in (real, drawn)),
                   fixed(float(abs(real[a, b] - drawn[a, b])), 2)], heads=1)
            for a, b in zip(i[order].tolist(), j[order].tolist(), strict=True)
        ]  # fmt: skip
        total = d * (d - 1) // 2
        words = (
            f"Rank correlations (Spearman) of {plural(total, 'pair')} of columns differ by "
            f"{fixed(found.largest_correlation_difference, 3)} at most, and "
            f"{fixed(found.mean_correlation_difference, 3)} on average."
        )
        caption = "Pairs" + (f", the {len(body)} that differ most" if total > len(body) else "")
        return join([tag("p", words), table(caption, ["Columns", "Real", "Drawn", "Apart"], body)])

    def told_apart(self) -> Html:
        """Return the section: the classifier two-sample test."""
        found = self.found
        p = "under 0.0001" if found.p_value < 1e-4 else number(found.p_value, 2)
        words = (
            "Nearest neighbours of half of the rows tell real from drawn in the other half, all columns together. They "
            f"are right for {percent(found.accuracy)} (p = {p}); a coin for 50 %. Above, drawn rows are unlike real "
            "ones; below, they stand nearer to real ones than those to each other."
        )
        return tag("p", words)

    def near(self) -> Html:
        """Return the section: how near drawn rows stand to real ones, and which stand nearest."""
        found = self.found
        ratio = fixed(found.distance_ratio, 2) if math.isfinite(found.distance_ratio) else "many"
        close, own = percent(found.close_share), percent(found.real_close_share)
        words = (
            f"Drawn rows are {ratio} times as far from the nearest real row as real ones are from theirs (median). "
            f"{close} of drawn rows are close to a real one, and {own} of real ones to another; {count(found.copies)} "
            f"drawn rows equal a real one, and {count(found.real_copies)} real ones another. "
            "Where rows are learnt by heart, drawn ones are close or equal far more often than real ones."
        )
        name = "distance to nearest real row"
        picture = figure(
            plot_compared(self.nearest.own, self.nearest.away, name=name, width=WIDTH),
            "In standard deviations of the columns; real rows from another one.",
        )
        if not self.closest:
            return join([tag("p", words), picture])
        body = [
            cells([f"row {i}", self.rows.where(j), number(distance, 3), self._values(i, j)], heads=1)
            for i, j, distance in self.closest
        ]
        head = ["Drawn", "Real", "Distance", tag("span", "Their values, drawn / real", class_="why")]
        return join(
            [
                tag("p", words),
                picture,
                table("Drawn rows, counted from 0, that stand nearest to a real one", head, body),
            ]
        )

    def _values(self, drawn: int, real: int) -> Html:
        """Return the values of two rows beside each other, of a few columns."""
        theirs = self.rows.take(np.array([real]))[0]
        shown = range(min(6, len(self.names)))
        told = ", ".join(
            f"{self.names[j]} {recorded(self.drawn.rows[drawn, j])} / {recorded(theirs[j])}" for j in shown
        )
        return tag("span", told, ", …" if len(self.names) > len(shown) else None, class_="why")

    def classes(self) -> Html | None:
        """Return the section: shares of classes; None without labels."""
        labels, own = self.rows.labels, self.drawn.class_names
        if labels is None or own == ():
            return None
        own = labels.names if own is None else own
        names = list(dict.fromkeys([*labels.names, *own]))
        n = len(names)
        real = np.bincount(labels.codes, self.rows.weights, minlength=n)
        drawn = np.bincount(np.array([names.index(name) for name in own])[self.drawn.classes], minlength=n)
        body = [
            cells([tag("span", names[c], class_="name"), percent(float(real[c] / real.sum())),
                   percent(float(drawn[c] / drawn.sum()))], heads=1)
            for c in range(min(n, _MOST_CLASSES))
        ]  # fmt: skip
        caption = "Shares of the classes" + (f", the first {len(body)} of {n}" if n > len(body) else "")
        return table(caption, ["Class", "Real", "Drawn"], body)

    def cautions(self) -> list[str]:
        """Return what there is to beware of, the gravest first."""
        found, said = self.found, []
        if found.too_near:
            said.append("Real rows were learnt by heart: to pass drawn ones on may give real ones away.")
        if self.apart:
            said.append(
                "What is found with drawn rows may not hold of real ones: they can be told apart. Look at the columns "
                "and pairs that differ most; classes (--label) and ends of columns (--bounds) may be missing."
            )
        if found.copies and not found.too_near:
            said.append(
                f"{plural(found.copies, 'drawn row equals', 'drawn rows equal')} a real one. Where columns have few "
                "values that is chance: real rows equal each other as well."
            )
        said.append(
            "That no row was learnt by heart is no proof of anonymity: what is rare in the real rows can leave traces "
            "in the drawn ones."
        )
        return said
