"""The report of a density: how well it finds rows it has not seen, where rows are dense and rare, what is averaged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.model.regions import joined
from gmmkit.plots import plot_criterion, plot_density, plot_uniform
from gmmkit.plots.subject import choose_columns
from gmmkit.report.figures import NARROW, WIDTH, figure
from gmmkit.report.html import Html, cells, join, table, tag
from gmmkit.report.subject import Subject
from gmmkit.report.words import capital, decimals_for, fixed, listed, number, percent, plural, recorded
from gmmkit.selection.records import DENSITY, density_of_record
from gmmkit.selection.stacking import Member, StackedDensity

__all__ = ["Densities"]

Array = NDArray[np.float64]

_MOST_AT_ONCE, _MOST_MEMBERS, _MOST_COLUMNS, _MOST_PICTURES = 8, 200, 40, 6
_MOST_ROWS, _MOST_RARE, _MOST_VALUES, _MOST_SHOWN = 20_000, 15, 6, 2000
_SHARES = (0.5, 0.95)
_DRAWN = 20_000


@dataclass(frozen=True, eq=False)
class Densities:
    """The density of a report's subject.

    Attributes
    ----------
    subject : Subject
    found : StackedDensity
    """

    subject: Subject
    found: StackedDensity

    @classmethod
    def read(cls, subject: Subject) -> Densities | None:
        """Return the density that a record tells of; None of another model, or if its record cannot be read."""
        if subject.record.estimator != DENSITY:
            return None
        try:
            found = density_of_record(subject.record)
        except (LookupError, TypeError, ValueError):
            return None
        return cls(subject, found) if any(member.weight > 0 for member in found.members) else None

    @property
    def headline(self) -> str:
        """What it is, in a few words."""
        n = self.subject.n_rows
        rows = "rows" if n is None else plural(n, "row")
        return f"The density of {rows}" + (f" of {self.subject.source}" if self.subject.source else "")

    def answer(self) -> Html:
        """Return the lead: how likely rows are that were not seen, and what is averaged."""
        found = self.found
        held, error = found.held_out.log_density, found.held_out.standard_error
        decimals = decimals_for(error, 2) if error > 0 else 3
        lead = (
            f"A row that was not seen has a log-density of {fixed(held, decimals)} ± {fixed(error, decimals)} nats on "
            "average; the higher, the better."
        )
        used, alone = self._used(), [m.held_out for m in found.members if m.held_out is not None]
        tried = len(found.members)
        if tried == 1:
            words = "It is a single mixture: no other was tried"
        elif len(used) == 1:
            words = f"It is the best of {tried} mixtures that were tried: averages with others were no better"
        else:
            words = f"It is an average of {len(used)} mixtures of {tried} that were tried"
            words += f"; the best of them alone has {fixed(max(alone), decimals)}" if alone else ""
        parts = [tag("p", lead, class_="lead"), tag("p", f"{words}.")]
        said = self._faults()
        if said:
            parts.append(tag("p", tag("a", "Beware", href="#warnings"), ": ", said[0], class_="caution"))
        return join(parts)

    def _used(self) -> list[Member]:
        return [member for member in self.found.members if member.weight > 0]

    def members(self) -> Html:
        """Return the section: what is averaged, and how each candidate does alone."""
        members = self.found.members
        error = self.found.held_out.standard_error
        decimals = decimals_for(error, 2) if error > 0 else 3
        head = ["Covariance", "Components", "Ridge", "Weight", "Held out, alone", ""]
        body = [
            cells([
                member.covariance_type, member.n_components, f"{member.reg_covar:g}",
                percent(member.weight) if member.weight > 0 else "—",
                "—" if member.held_out is None else fixed(member.held_out, decimals), member.error or "",
            ], heads=1)
            for member in members[:_MOST_MEMBERS]
        ]  # fmt: skip
        words = (
            "Each mixture was fitted without one part of the rows at a time, and scored by the rows left out: in nats "
            "a row, the higher the better. Weights are those under which the average finds them most likely. A ridge "
            "is what is added to variances, as a share of the columns' own."
        )
        most = max(_MOST_AT_ONCE, len(self._used()))
        shown = table("What is averaged, and the next best", head, body[:most])
        if len(body) > most:
            shown = join([shown, tag("details", tag("summary", "Every mixture"), table("All mixtures", head, body))])
        return join([tag("p", words), self._curve(), shown])

    def _curve(self) -> Html | None:
        """Return the picture of what candidates come to alone; None of one, or none."""
        best: dict[tuple[str, int], float] = {}
        weight = self.found.held_out.total_weight
        for member in self.found.members:
            if member.held_out is not None:
                key = (member.covariance_type, member.n_components)
                best[key] = min(best.get(key, np.inf), -2.0 * weight * member.held_out)
        if len(best) < 2:
            return None
        rows = [{"covariance_type": name, "n_components": k, "held_out": value} for (name, k), value in best.items()]
        drawn = plot_criterion(rows, criterion="held_out", width=WIDTH)
        return figure(
            drawn, "Deviance, minus twice the log-density of all rows left out, of each mixture alone with its best "
            "ridge: lower is better."
        )  # fmt: skip

    def pictures(self) -> Html:
        """Return the section: regions of highest density of two columns, and each column by itself."""
        mixture, rows, names = self.subject.mixture, self.subject.table, self.subject.short_names
        d = mixture.n_features
        drawn = []
        if d > 1:
            both = plot_density(
                mixture, rows, columns=choose_columns(mixture, names, None, 2), names=names, width=WIDTH,
                max_rows=_MOST_SHOWN,
            )  # fmt: skip
            drawn.append(figure(both, "Each region is the smallest that holds its share of the probability."))
        chosen = choose_columns(mixture, names, None, _MOST_PICTURES)
        single = [
            figure(
                plot_density(
                    mixture,
                    rows,
                    columns=[j],
                    names=names,
                    components=False,
                    width=NARROW,
                    max_rows=_MOST_SHOWN,
                    probabilities=_SHARES[-1:],
                ),
                f"{names[j]}.",
            )
            for j in chosen
        ]
        words = "" if len(chosen) == d else f"Of {d} columns those are shown in which components differ most."
        return join([
            tag("p", words) if words else None, *drawn, tag("div", *single, class_="pictures small"), self._regions()
        ])  # fmt: skip

    def _regions(self) -> Html:
        mixture = self.subject.mixture
        body = []
        for j in range(min(mixture.n_features, _MOST_COLUMNS)):
            own = mixture.marginal([j])
            decimals = decimals_for(float(np.sqrt(own.covariance_matrix()[0, 0])))
            spans = [_spans(joined(own.highest_density_region(share)), decimals) for share in _SHARES]
            named = tag("span", self.subject.names[j], class_="name")
            body.append(cells([named, *(tag("span", text, class_="why") for text in spans)], heads=1))
        head = ["Column", *(tag("span", f"{percent(share)} lie in", class_="why") for share in _SHARES)]
        caption = "The smallest intervals that hold so much of each column by itself"
        left = mixture.n_features - len(body)
        return table(caption + (f" (the first {len(body)}; {left} more are in the model)" if left else ""), head, body)

    def rarest(self) -> Html | None:
        """Return the section: the rows where the density is lowest; None without rows."""
        rows, mixture, names = self.subject.table, self.subject.mixture, self.subject.short_names
        if rows is None:
            return None
        index = np.unique(np.linspace(0, rows.n_rows - 1, min(rows.n_rows, _MOST_ROWS)).astype(np.intp))
        log_density = mixture.log_density(rows.take(index))
        usual = np.sort(mixture.log_density(mixture.sample(_DRAWN, seed=0)[0]))
        # How many of what the density itself would draw is as rare: uniform of rows that it is of.
        rarity = (np.searchsorted(usual, log_density, side="right") + 1.0) / (_DRAWN + 1.0)
        order = np.argsort(log_density, kind="stable")[:_MOST_RARE]
        shown = range(min(mixture.n_features, _MOST_VALUES))
        values = rows.take(index[order])
        body = [
            cells([rows.where(int(index[i])), fixed(float(log_density[i]), 1), _rare(float(rarity[i])),
                   *(recorded(float(own[j])) for j in shown)], heads=1)
            for i, own in zip(order.tolist(), values, strict=True)
        ]  # fmt: skip
        words = "“As rare” is the share of what the density itself would draw that is as rare or rarer."
        drawn = None
        if rows.weights is None:
            # Weighted rows are not spread as what they stand for.
            drawn = figure(
                plot_uniform(rarity, name="share of drawn rows as rare", n_reference=_DRAWN, width=WIDTH),
                "How rare the rows are.",
            )
            words += (
                " Of rows that follow it these shares are spread evenly; more at the left than the band allows are "
                "rows that it does not know, more at the right rows that it follows too closely."
            )
        if len(index) < rows.n_rows:
            words += f" Looked at are {len(index):,} of {rows.n_rows:,} rows, at even distances."
        head = ["Row", "Log-density", "As rare", *(names[j] for j in shown)]
        return join([tag("p", words), table("The rarest rows", head, body), drawn])

    def warnings(self) -> Html | None:
        """Return the section."""
        said = self._cautions()
        return tag("ul", *(tag("li", sentence) for sentence in said), class_="cautions") if said else None

    def _faults(self) -> list[str]:
        """Return what is to be said of these rows and fits."""
        notes, found = self.subject.record.fit.get("notes"), self.found
        said = [f"{capital(str(note))}." for note in notes] if isinstance(notes, list) else []
        failed = [member for member in found.members if member.error]
        if failed:
            said.append(f"{plural(len(failed), 'mixture')} could not be fitted: {str(failed[0].error).rstrip('.')}.")
        return said

    def _cautions(self) -> list[str]:
        fit, found, said = self.subject.record.fit, self.found, self._faults()
        seen, weight = fit.get("log_likelihood"), fit.get("total_weight")
        if isinstance(seen, (int, float)) and isinstance(weight, (int, float)) and weight > 0:
            gain = seen / weight - found.held_out.log_density
            said.append(
                f"Rows that were fitted have {number(gain, 2)} nats more than rows that were not: what is rare among "
                "them looks less rare than it is."
            )
        said.append("Weights of the average were chosen by the rows that it is scored by, which is a little hopeful.")
        return said


def _spans(intervals: Iterable[tuple[float, float]], decimals: int | None) -> str:
    return listed([f"{fixed(low, decimals)} to {fixed(high, decimals)}" for low, high in intervals], "or")


def _rare(share: float) -> str:
    return f"under {1.0 / _DRAWN:g}" if share < 1.5 / _DRAWN else number(share, 2)
