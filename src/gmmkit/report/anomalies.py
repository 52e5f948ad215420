"""The report of anomalies: which rows are called and why, which columns are to blame, and what p-values are worth."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table
from gmmkit.errors import ModelFormatError
from gmmkit.files.atomic import write_atomically
from gmmkit.files.record import ModelRecord
from gmmkit.model.normality import Normality
from gmmkit.plots import plot_reasons, plot_scores, plot_uniform
from gmmkit.report.commands import commands
from gmmkit.report.document import page
from gmmkit.report.figures import WIDTH, figure
from gmmkit.report.html import Html, cells, join, table, tag
from gmmkit.report.judged import FITTED_MAY_BE_ANOMALIES, PERHAPS_FITTED, cautions
from gmmkit.report.subject import Subject
from gmmkit.report.words import capital, count, fixed, listed, number, percent, plural
from gmmkit.selection.conformal import error_of_count
from gmmkit.selection.explanation import Explanation, Reason, explain, usual_values
from gmmkit.selection.judging import USUAL, Judged, judge_by_kept
from gmmkit.selection.normality_records import normality_of_record

__all__ = ["render_anomaly_report", "write_anomaly_report"]

Array = NDArray[np.float64]

# Rows that reasons are looked for, and shown of them: at once, and with a click. Pictures take more room.
_MOST_EXPLAINED, _MOST_AT_ONCE, _MOST_PICTURES, _MOST_NAMED = 200, 20, 4, 3
_MOST_COLUMNS = 40
_FEW = 5
# Standard errors of how many of normal rows have a p-value so small, beyond which there are more.
_ERRORS = 2.0


def write_anomaly_report(record: ModelRecord, path: str | os.PathLike[str], **shown: Any) -> None:
    """Write the report as one HTML file that opens anywhere; see `render_anomaly_report`.

    Raises
    ------
    ModelFormatError
        If the record of the detector cannot be read.
    OSError
        If the file cannot be written; a file that was there is left as it was.
    """
    write_atomically(path, [render_anomaly_report(record, **shown).encode()])


def render_anomaly_report(
    record: ModelRecord, *, rows: Table | None = None, judged: Judged | None = None, command: str | None = None
) -> str:
    """Return the report as one page of HTML: the same text for the same input.

    Parameters
    ----------
    record : ModelRecord
        Of a detector, as `record_of_normality` makes it.
    rows : Table, optional
        That are judged; without them the page tells of the detector alone.
    judged : Judged, optional
        What was found of them. Default: what the detector says.
    command : str, optional

    Raises
    ------
    ModelFormatError
        If the record cannot be read.
    DataError
        If the rows have other columns, or a value that is not finite.
    """
    subject = Subject(record, rows, command)
    try:
        normality, reference, offset, clean = normality_of_record(record)
    except (LookupError, TypeError, ValueError) as error:
        raise ModelFormatError(f"this detector of outliers cannot be read: {error}; save it again") from error
    if rows is not None and judged is None:
        notes = [PERHAPS_FITTED] if clean else [FITTED_MAY_BE_ANOMALIES, PERHAPS_FITTED]
        judged = replace(judge_by_kept(rows, normality, reference, offset, record.settings, clean=clean), notes=notes)
    of = _Page(subject, normality, reference, offset, clean, judged)
    sections = [
        ("about", "What was fitted" if judged is None else "What was judged", of.about()),
        ("rows", "The most unusual rows", of.rows()),
        ("reasons", "Why they are unusual", of.pictures()),
        ("columns", "The columns", of.columns()),
        ("scores", "Scores and p-values", of.distribution()),
        ("warnings", "What to beware of", of.cautions()),
        ("reproduce", "Make it again", commands(subject)),
    ]
    return page(of.title, tag("header", tag("h1", of.title), of.lead()), sections, unlisted=1)


class _Page:
    """The parts of the page."""

    def __init__(
        self,
        subject: Subject,
        normality: Normality,
        reference: Array,
        offset: float,
        clean: bool,
        judged: Judged | None,
    ) -> None:
        self.subject, self.normality, self.judged = subject, normality, judged
        self.reference, self.offset, self.clean = reference, offset, clean
        self.called = np.empty(0, dtype=np.intp)
        self.shown = self.called
        self.reasons: list[Explanation] = []
        if judged is not None and subject.table is not None:
            self.called = judged.called
            self.shown = self.called[:_MOST_EXPLAINED] if len(self.called) else judged.order[:_FEW]
            self.reasons = explain(normality, subject.table.take(self.shown), subject.names)

    @property
    def title(self) -> str:
        """The answer in a few words."""
        source = f" of {self.subject.source}" if self.subject.source else ""
        if self.judged is None:
            return f"A detector of outliers{f', fitted to rows{source}' if source else ''}"
        origin = self.subject.table.origin if self.subject.table else ""
        of = f" of {origin}" if origin and origin != "X" else ""
        n = len(self.judged.flags)
        called = len(self.called)
        if not called:
            return f"None of {plural(n, 'row')}{of} is called an anomaly"
        return (
            f"{called:,} of {plural(n, 'row')}{of} {'is called an anomaly' if called == 1 else 'are called anomalies'}"
        )

    def lead(self) -> Html:
        """Return the answer: the rule, what it means, and the most unusual rows."""
        judged = self.judged
        if judged is None:
            told = "Give rows as well to see which it calls: gmmkit report MODEL DATA."
            return join([tag("p", capital(self._kind()) + ".", class_="lead"), tag("p", told)])
        share = f", {percent(len(self.called) / len(judged.flags))} of the rows" if len(self.called) else ""
        rule = f"{'Called' if share else 'Looked for'} by {judged.rule}{share}. {self._meaning()}"
        parts: list[Html | None] = [tag("p", rule.strip(), class_="lead")]
        items = [
            tag("li", tag("strong", capital(self._where(i))), f": {why.sentence}.")
            for i, why in zip(self.called[:_MOST_NAMED].tolist(), self.reasons, strict=False)
        ]
        parts.append(tag("ul", *items, class_="clusters") if items else None)
        left = len(self.called) - len(items)
        more = f"{left:,} more are called; " if left > 0 else ""
        if items:
            parts.append(tag("p", f"{more}{'t' if more else 'T'}he reasons of each are ",
                             tag("a", "in the table", href="#rows"), "."))  # fmt: skip
        found = cautions(judged)
        if found:
            link = tag("a", "Beware", href="#warnings")
            parts.append(tag("p", link, ": ", found[0], class_="caution"))
        return join(parts)

    def _meaning(self) -> str:
        judged = self.judged
        assert judged is not None, "asked of judged rows"
        if judged.ranks or judged.level is None:
            return ""
        n = len(judged.flags)
        expected = count(round(judged.level * n, 1))
        return f"Were all {n:,} rows normal, about {expected} would be called, or fewer: {len(self.called):,} are."

    def _where(self, row: int) -> str:
        assert self.subject.table is not None, "there are rows"
        return self.subject.table.where(row)

    def about(self) -> Html:
        """Return what was judged, by what."""
        subject, judged = self.subject, self.judged
        d = self.normality.n_features
        columns = listed(subject.short_names) if d <= 8 else f"{', '.join(subject.short_names[:7])} and {d - 7} more"
        pairs: list[tuple[str, object]] = []
        if judged is not None and subject.table is not None:
            pairs += [("Rows judged", f"{subject.table.n_rows:,} of {subject.table.origin}"),
                      ("Rule", capital(judged.rule))]  # fmt: skip
        source = subject.record.provenance.get("source")
        compared = "clean rows" if self.clean else "rows that may hold anomalies"
        pairs += [
            ("Fitted to", f"{compared}, {source}" if source else compared),
            ("Columns", f"{d}: {columns}"),
            ("Model", f"{plural(self.normality.joint.n_components, 'component')} of Student's t in robust units, "
                      "beside a mixture of each column by itself"),
            ("p-values", f"from {plural(len(self.reference), 'score')} of rows by fits that did not see them"),
            ("Made by", f"gmmkit {subject.record.library_version}, {subject.record.estimator}"),
        ]  # fmt: skip
        return tag("dl", *(tag("div", tag("dt", term), tag("dd", what)) for term, what in pairs), class_="facts")

    def _kind(self) -> str:
        what = (
            "clean rows, so that any row unlike them is new"
            if self.clean
            else "rows that may hold anomalies themselves"
        )
        return f"it was fitted to {what}"

    def rows(self) -> Html | None:
        """Return the section: the rows that are called, the lowest scores first."""
        judged, rows = self.judged, self.subject.table
        if judged is None or rows is None:
            return None
        labels = rows.labels
        head = ["Row", *([] if labels is None else ["Label"]), "p", "Score", tag("span", "Why", class_="why")]
        body = []
        for i, why in zip(self.shown.tolist(), self.reasons, strict=True):
            label = [] if labels is None else [tag("span", labels.names[labels.codes[i]], class_="name")]
            values = [self._where(i), *label, number(float(judged.p_values[i]), 2), fixed(float(judged.scores[i]), 1)]
            body.append(cells([*values, tag("span", why.sentence, class_="why")], heads=1))
        if not len(self.called):
            told = "No row is called. These have the lowest scores:"
            return join([tag("p", told), table("The lowest scores", head, body)])
        words = (
            "“Given the others”: of a row with its other values that value was not to be expected. What is told as "
            "expected holds 95 % of such values, the most probable."
        )
        parts = [tag("p", words, class_="note")]
        parts.append(table("Rows that are called, the most unusual first", head, body[:_MOST_AT_ONCE]))
        if len(body) > _MOST_AT_ONCE:
            rest = table("Rows that are called, from there on", head, body[_MOST_AT_ONCE:])
            parts.append(tag("details", tag("summary", f"{len(body) - _MOST_AT_ONCE:,} more"), rest))
        if len(self.called) > len(body):
            left = (
                f"{len(self.called) - len(body):,} more are called, with higher scores; the command's output has all."
            )
            parts.append(tag("p", left))
        return join(parts)

    def pictures(self) -> Html | None:
        """Return the section: bars of surprise of the rows that are called first."""
        chosen = list(zip(self.called.tolist(), self.reasons, strict=False))[:_MOST_PICTURES]
        if not chosen:
            return None
        names = self.subject.short_names
        drawn = []
        for i, why in chosen:
            own = Explanation(why.surprise, tuple(_named(reason, names) for reason in why.reasons), names)
            drawn.append(figure(plot_reasons(own, most=8, width=WIDTH), f"{capital(self._where(i))}."))
        told = "How surprising each value is, given the row's others; in colour those that are reasons."
        return join([tag("p", told), tag("div", *drawn, class_="pictures")])

    def columns(self) -> Html:
        """Return the section: what is usual in each column, and how often each is a reason."""
        names, d = self.subject.names, self.normality.n_features
        blamed = [[reason for why in self.reasons for reason in why.reasons if reason.column == j] for j in range(d)]
        some = len(self.called) > 0
        order = sorted(range(d), key=lambda j: -len(blamed[j])) if some else list(range(d))
        body = []
        for j in order[:_MOST_COLUMNS]:
            usual = usual_values(self.normality, j)
            sides = [_side(reason) for reason in blamed[j]]
            told = [f"{len(sides):,}", f"{sides.count('high'):,}", f"{sides.count('low'):,}"] if some else []
            body.append(cells([tag("span", names[j], class_="name"), usual, *told], heads=1))
        head = ["Column", "Usual values", *(["Reason in", "Too high", "Too low"] if some else [])]
        words = "Usual values of a column hold 95 % of what the detector takes for normal, whatever the others are."
        if not self.clean:
            # A fifth of the values is trimmed, and of the rest the components that hold four fifths count.
            words += (
                " Of rows that may hold anomalies that is the densest part: many rows outside are normal all the same."
            )
        if some:
            of = (
                "called rows"
                if len(self.called) == len(self.reasons)
                else f"the {len(self.reasons):,} most unusual rows"
            )
            words += f" Counted are {of} of which the column is a reason; a row may have up to three."
            none = sum(not why.reasons for why in self.reasons)
            if none:
                words += f" Of {plural(none, 'row')} no single value stands out: several are somewhat unusual together."
        if d > _MOST_COLUMNS:
            words += f" {d - _MOST_COLUMNS} more columns are left out."
        return join([tag("p", words), table("The columns" + (", the most to blame first" * some), head, body)])

    def distribution(self) -> Html:
        """Return the section: how scores are distributed and, beside other rows, p-values."""
        judged = self.judged
        if judged is None:
            below = self.reference < self.offset
            told = (
                "Scores of the fitted rows by fits that did not see them: what p-values of others are compared with. "
                f"Of new rows like the fitted ones {percent(float(below.mean()))} would be called."
            )
            drawn = plot_scores(self.reference, below, threshold=self.offset, width=WIDTH)
            return join([tag("p", told), figure(drawn, "Scores out of sample, and the threshold.")])
        scores = plot_scores(judged.scores, judged.flags, threshold=None, width=WIDTH)
        first = figure(scores, "Scores: how normal each row is. Rows that are called, in colour, have the lowest.")
        if judged.ranks:
            told = (
                "p-values of rows that are compared with each other are ranks: of any rows they are spread evenly from "
                "0 to 1. Look where scores stop being those of a crowd: rows far to the left are anomalies, those at "
                "its edge perhaps only its edge."
            )
            return join([tag("p", told), first])
        n, small = len(judged.flags), int((judged.p_values <= USUAL).sum())
        told = (
            f"p-values of normal rows are spread evenly from 0 to 1, or lie higher. Of {n:,} rows "
            f"{count(round(USUAL * n, 1))} would be at most {USUAL:g}; {small:,} are: "
        )
        told += (
            "the excess is rows that are not normal."
            if small > USUAL * n + _ERRORS * error_of_count(n, USUAL, len(self.reference))
            else "no more than chance brings."
        )
        second = figure(
            plot_uniform(judged.p_values, n_reference=len(self.reference), width=WIDTH),
            "p-values: more at the left than the band allows are anomalies.",
        )
        return join([tag("p", told), tag("div", second, first, class_="pictures")])

    def cautions(self) -> Html | None:
        """Return the section."""
        found = [] if self.judged is None else cautions(self.judged)
        if not self.clean:
            found.append("A group of more than a fifth of the fitted rows is taken for normal, whatever it is.")
        return tag("ul", *(tag("li", sentence) for sentence in found), class_="cautions") if found else None


def _named(reason: Reason, names: Sequence[str]) -> Reason:
    return Reason(
        reason.column, names[reason.column], reason.value, reason.expected, reason.surprise, reason.given_others
    )


def _side(reason: Reason) -> str:
    if reason.value > max(high for _, high in reason.expected):
        return "high"
    return "low" if reason.value < min(low for low, _ in reason.expected) else "between"
