"""The report of predictions: how far off they are, whether intervals hold what they promise, and where they fail."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table
from gmmkit.files.atomic import write_atomically
from gmmkit.files.record import ModelRecord
from gmmkit.plots import plot_predicted, plot_regression, plot_uniform
from gmmkit.plots.subject import middle
from gmmkit.report.commands import commands
from gmmkit.report.document import page
from gmmkit.report.figures import WIDTH, figure
from gmmkit.report.html import Html, cells, join, table, tag
from gmmkit.report.regressor import predicting
from gmmkit.report.subject import Subject
from gmmkit.report.words import decimals_for, fixed, listed, number, percent, plural, recorded
from gmmkit.selection.prediction import Predicted, predict_rows

__all__ = ["render_regression_report", "write_regression_report"]

Array = NDArray[np.float64]

# Rows that are looked at, of more as many at even distances.
_MOST_ROWS = 20_000
_MOST_LISTED, _MOST_TARGETS, _MOST_INPUTS, _MOST_PICTURED = 15, 40, 3, 2
_LEVELS = (0.5, 0.8, 0.9, 0.95)
_ERRORS = 2.5


def write_regression_report(record: ModelRecord, path: str | os.PathLike[str], **shown: Any) -> None:
    """Write the report as one HTML file that opens anywhere; see `render_regression_report`.

    Raises
    ------
    OSError
        If the file cannot be written; a file that was there is left as it was.
    """
    write_atomically(path, [render_regression_report(record, **shown).encode()])


def render_regression_report(
    record: ModelRecord,
    *,
    rows: Table,
    inputs: Sequence[int],
    targets: Sequence[int],
    known: Sequence[int],
    model: str | None = None,
    data: str | None = None,
    command: str | None = None,
) -> str:
    """Return the report as one page of HTML: the same text for the same input.

    Parameters
    ----------
    record : ModelRecord
        Of a mixture of inputs and targets.
    rows : Table
        The inputs, then those of the targets that the data have; NaN where a value is missing.
    inputs, targets : sequence of int
        Their columns in the mixture.
    known : sequence of int
        The targets that the data have, in the order of the table.
    model, data : str, optional
        Paths of the files, as they were given, where there are files.
    command : str, optional
    """
    of = _Page(record, rows, inputs, targets, known, command)
    sections = [
        ("about", "What was predicted", of.about()),
        ("errors", "How good predictions are", of.errors()),
        ("pictures", "What depends on what", of.pictures()),
        ("rows", "The rows that were predicted worst" if known else "The least sure rows", of.rows()),
        ("warnings", "What to beware of", of.warnings()),
        ("reproduce", "Make it again", commands(of.subject, predicting(record, inputs, targets, model, data))),
    ]
    return page(of.title, tag("header", tag("h1", of.title), of.lead()), sections, unlisted=1)


class _Page:
    """The parts of the page."""

    def __init__(
        self,
        record: ModelRecord,
        rows: Table,
        inputs: Sequence[int],
        targets: Sequence[int],
        known: Sequence[int],
        command: str | None,
    ) -> None:
        self.subject, self.table = Subject(record, None, command), rows
        self.inputs, self.targets = list(inputs), list(targets)
        self.joint = record.mixture.marginal([*inputs, *targets])
        names = self.subject.short_names
        self.input_names, self.names = [names[j] for j in inputs], [names[j] for j in targets]
        self.index = np.unique(np.linspace(0, rows.n_rows - 1, min(rows.n_rows, _MOST_ROWS)).astype(np.intp))
        values = rows.take(self.index)
        self.values = values[:, : len(inputs)]
        observed = [values[:, len(inputs) + list(known).index(j)] if j in known else None for j in targets]
        self.found: Predicted = predict_rows(self.joint, self.values, observed)
        self.all_errors = [self.found.errors(j) for j in range(len(targets))]

    @property
    def spreads(self) -> Array:
        """Standard deviations of the targets (q,), whatever the inputs."""
        return np.sqrt(self.joint.covariance_matrix().diagonal()[len(self.inputs) :])

    @property
    def measured(self) -> list[int]:
        """The targets of which some values are known."""
        return [j for j, errors in enumerate(self.all_errors) if errors is not None]

    @property
    def title(self) -> str:
        """What was predicted, and how well."""
        what = listed(self.names) if len(self.names) <= 3 else plural(len(self.names), "column")
        text = f"{what} predicted for {plural(self.table.n_rows, 'row')} of {self.table.origin}"
        errors = self.all_errors[0]
        if len(self.names) == 1 and errors is not None and math.isfinite(errors.explained):
            text += f": R² {fixed(errors.explained, 2)}"
        return text

    def lead(self) -> Html:
        """Return the answer: how far off, and how sure."""
        if not self.measured:
            told = "What was observed is not in the data: nothing can be said of errors."
            return join([tag("p", told, class_="lead"), self._first_caution()])
        items = []
        for j in self.measured[:3]:
            errors, held = self.all_errors[j], self.found.coverage(j, 0.9)
            assert errors is not None, "measured"
            off = f"predictions are {number(errors.mean_absolute, 3)} off on average"
            explained = "" if math.isnan(errors.explained) else f" (R² {fixed(errors.explained, 2)})"
            items.append(
                tag("li", tag("strong", self.names[j]), f": {off}{explained}; of 90 % intervals {percent(held)} hold "
                    "what was observed.")
            )  # fmt: skip
        return join([tag("ul", *items, class_="clusters"), self._first_caution()])

    def _first_caution(self) -> Html | None:
        found = self._cautions()
        return tag("p", tag("a", "Beware", href="#warnings"), ": ", found[0], class_="caution") if found else None

    def about(self) -> Html:
        """Return what was predicted, from what, by which model."""
        mixture, source = self.joint, self.subject.source
        pairs: list[tuple[str, object]] = [
            ("Predicted", _few(self.names)),
            ("From", _few(self.input_names)),
            ("Rows", f"{self.table.n_rows:,} of {self.table.origin}"),
            ("Model", f"{plural(mixture.n_components, 'component')}{f', fitted to {source}' if source else ''}"),
        ]
        left_out = self.subject.mixture.n_features - mixture.n_features
        if left_out:
            pairs.append(("Left out", f"{plural(left_out, 'column')} of the model, integrated out"))
        missing = int(np.isnan(self.values).any(axis=1).sum())
        if missing:
            pairs.append(("Missing inputs", f"in {percent(missing / len(self.values))} of the rows; integrated out"))
        if len(self.index) < self.table.n_rows:
            pairs.append(("Looked at", f"{len(self.index):,} rows, at even distances"))
        pairs.append(("Made by", f"gmmkit {self.subject.record.library_version}, {self.subject.record.estimator}"))
        return tag("dl", *(tag("div", tag("dt", term), tag("dd", what)) for term, what in pairs), class_="facts")

    def errors(self) -> Html | None:
        """Return the section: errors and coverage of each target; None where nothing was observed."""
        if not self.measured:
            return None
        head = ["Predicted", "Rows", "Mean absolute error", "Root mean square", "R²"]
        body, held = [], []
        for j in self.measured[:_MOST_TARGETS]:
            errors = self.all_errors[j]
            assert errors is not None, "measured"
            sizes = [number(errors.mean_absolute), number(errors.root_mean_square), fixed(errors.explained, 3)]
            if math.isnan(errors.explained):
                sizes[-1] = "—"
            named = tag("span", self.subject.names[self.targets[j]], class_="name")
            body.append(cells([named, f"{errors.n_rows:,}", *sizes], heads=1))
            held.append(cells([named, *(percent(self.found.coverage(j, level)) for level in _LEVELS)], heads=1))
        words = (
            "R² is the share of the variance that predictions explain: 1 all, 0 as much as the mean of these rows "
            "does, below 0 less. Intervals hold what they promise where the second table says so."
        )
        drawn = []
        for j in self.measured[:_MOST_PICTURED]:
            known = ~np.isnan(self.found.observed[:, j])
            shown = plot_predicted(
                self.found.means[known, j], self.found.observed[known, j],
                intervals=self.found.intervals[known, j], name=self.names[j], width=WIDTH,
            )  # fmt: skip
            drawn.append(figure(shown, f"{self.names[j]}: observed over predicted, with the 90 % intervals."))
            sure = plot_uniform(self.found.below[known, j], name="probability of less", bins=10, width=WIDTH)
            drawn.append(
                figure(sure, f"{self.names[j]}: where in its prediction each observed value lies. Even: as sure as it "
                       "ought to be; high at both ends: too sure; in the middle: not sure enough.")
            )  # fmt: skip
        return join([
            tag("p", words), table("Errors", head, body),
            table("Central intervals that hold what was observed", ["Predicted", *map(percent, _LEVELS)], held),
            tag("div", *drawn, class_="pictures"),
        ])  # fmt: skip

    def pictures(self) -> Html:
        """Return the section: targets over the inputs that move their predictions most."""
        drawn, d = [], len(self.inputs)
        for j in range(min(len(self.targets), _MOST_PICTURED)):
            for i in self._movers(j):
                both = np.column_stack([self.values[:, i], self.found.observed[:, j]])
                both = both[~np.isnan(both).any(axis=1)]
                names, given = [self.input_names[i], self.names[j]], self.values[~np.isnan(self.values[:, i]), i]
                # Of what was not observed no points are drawn, but lines go no farther than the rows.
                ends = middle(given) if len(given) and not len(both) else (0.0, 0.0)
                shown = plot_regression(
                    self.joint.marginal([i, d + j]), both if len(both) else None, columns=[0, 1],
                    names=names, span=ends if ends[0] < ends[1] else None, width=WIDTH,
                )  # fmt: skip
                drawn.append(figure(shown, f"{names[1]} as {names[0]} alone tells it."))
        words = (
            "The mean and the central intervals at each value of one input, as far as the middle "
            f"{percent(0.99)} of the rows go; all other inputs are integrated out."
        )
        if d > _MOST_INPUTS:
            words += f" Shown are the {_MOST_INPUTS} inputs that go along with predictions most."
        return join([tag("p", words), tag("div", *drawn, class_="pictures")])

    def _movers(self, target: int) -> list[int]:
        """Return the inputs that go along most with the predictions of a target."""
        strength = []
        for values in self.values.T:
            known = ~np.isnan(values)
            x, y = values[known], self.found.means[known, target]
            spread = float(x.std() * y.std()) if len(x) > 1 else 0.0
            strength.append(abs(float(np.mean((x - x.mean()) * (y - y.mean())))) / spread if spread > 0 else 0.0)
        return sorted(np.argsort(-np.array(strength), kind="stable")[:_MOST_INPUTS].tolist())

    def rows(self) -> Html:
        """Return the section: observed values that predictions thought least of, or the least sure predictions."""
        found = self.found
        if self.measured:
            tail = np.where(np.isnan(found.below), np.inf, np.minimum(found.below, 1.0 - found.below))
            far = np.abs(found.observed - found.means) / found.deviations
            order = np.lexsort((np.where(np.isnan(far), 0.0, -far).ravel(), tail.ravel()))
            order = order[: min(_MOST_LISTED, int(np.isfinite(tail).sum()))]
        else:
            order = np.argsort(-(found.deviations / self.spreads).ravel(), kind="stable")[:_MOST_LISTED]
        body = []
        for place in order.tolist():
            i, j = divmod(place, len(self.targets))
            decimals = decimals_for(float(self.spreads[j]))
            low, high = (fixed(float(end), decimals) for end in found.intervals[i, j])
            values: list[object] = [self.table.where(int(self.index[i])), self.names[j]]
            if self.measured:
                values.append(recorded(float(found.observed[i, j])))
            values += [fixed(float(found.means[i, j]), decimals), f"{low} to {high}"]
            if self.measured:
                p = float(found.below[i, j])
                values.append(f"{_small(p)} below" if p < 0.5 else f"{_small(1.0 - p)} above")
            body.append(cells(values, heads=1))
        head = ["Row", "Column", *(["Observed"] * bool(self.measured)), "Predicted", "90 % interval"]
        head += ["Chance of as far"] * bool(self.measured)
        words = "Their predictions have the largest standard deviations, beside what the column has in all."
        if self.measured:
            words = "Observed values that were given the least chance: errors in the data, or what inputs do not tell."
        return join([tag("p", words), table("Rows", head, body)])

    def warnings(self) -> Html | None:
        """Return the section."""
        found = self._cautions()
        return tag("ul", *(tag("li", said) for said in found), class_="cautions") if found else None

    def _cautions(self) -> list[str]:
        said = []
        if self.measured and self.subject.source == self.table.origin:
            said.append(
                f"The model was fitted to {self.table.origin}: errors of rows that it has seen are smaller, and "
                "intervals hold more, than those of new rows."
            )
        for j in self.measured:
            errors, held = self.all_errors[j], self.found.coverage(j, 0.9)
            assert errors is not None, "measured"
            if abs(held - 0.9) > _ERRORS * math.sqrt(0.09 / errors.n_rows):
                what = "too narrow" if held < 0.9 else "wider than they need be"
                said.append(f"Intervals of {self.names[j]} are {what}: those of 90 % hold {percent(held)}.")
            if errors.explained < 0:
                said.append(f"Predictions of {self.names[j]} are worse than the mean of these rows would be.")
        rare = np.flatnonzero(self.found.rare)
        if len(rare):
            first = listed([self.table.where(int(self.index[i])) for i in rare[:3].tolist()])
            more = f" and {len(rare) - 3:,} more" if len(rare) > 3 else ""
            said.append(
                f"{plural(len(rare), 'row has', 'rows have')} inputs unlike those that the model knows "
                f"({first}{more}), less probable than any of 20,000 drawn from it: there predictions are guesses."
            )
        return said


def _few(names: Sequence[str]) -> str:
    named = listed(list(names)) if len(names) <= 8 else f"{', '.join(names[:7])} and {len(names) - 7} more"
    return named if len(names) == 1 else f"{len(names)} columns: {named}"


def _small(share: float) -> str:
    return "under 0.0001" if share < 1e-4 else number(share, 2)
