"""The report of a classifier: what is taken for what, how the model was chosen, the classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.plots import plot_confusion
from gmmkit.report.figures import WIDTH, figure
from gmmkit.report.html import Html, cells, join, table, tag
from gmmkit.report.subject import Subject
from gmmkit.report.words import capital, count, fixed, listed, nats, percent, plural, short
from gmmkit.selection.class_choice import ClassChoice
from gmmkit.selection.class_records import CLASSIFIER, classes_of_record

__all__ = ["Classes"]

_MODELS = {
    "EDDA": "one Gaussian component for each class",
    "MclustDA": "a Gaussian mixture for each class",
    "pool": "Gaussian components that all classes share",
}
_CRITERIA = {
    "bic": "BIC, which weighs the likelihood against the number of parameters",
    "error": "the share of held-out rows that are told as another class",
    "log_loss": "the log loss, which is small where held-out rows have probable labels",
}
_MOST_AT_ONCE, _MOST_NAMED, _MOST_CANDIDATES, _MOST_CLASSES = 8, 3, 200, 200


@dataclass(frozen=True, eq=False)
class Classes:
    """The classes of a report's subject.

    Attributes
    ----------
    subject : Subject
    choice : ClassChoice
    names : tuple of str
        Of the classes, as labels are written.
    """

    subject: Subject
    choice: ClassChoice
    names: tuple[str, ...]

    @classmethod
    def read(cls, subject: Subject) -> Classes | None:
        """Return the classes that a record tells of; None of another model, or if its record cannot be read."""
        if subject.record.estimator != CLASSIFIER or "images" in subject.record.fit:
            return None
        try:
            choice, labels = classes_of_record(subject.record)
        except (LookupError, TypeError, ValueError):
            return None
        return cls(subject, choice, tuple(map(str, labels)))

    @property
    def headline(self) -> str:
        """The answer in a few words."""
        source = f" of {self.subject.source}" if self.subject.source else ""
        classes = plural(len(self.names), "class", "classes")
        confusion = self.choice.confusion
        if confusion is None:
            return f"{classes}{source}"
        return f"{percent(_wrong(confusion))} of held-out rows are told as another of {classes}{source}"

    def answer(self) -> Html:
        """Return the lead: what the model is, which classes are mistaken most, what to beware of."""
        best = self.choice.best
        structures = list(dict.fromkeys(best.structures))
        lead = f"{capital(_MODELS[best.recipe.model])} ({best.recipe.model}, covariance {listed(structures)})"
        if best.recipe.shrinkage:
            lead += f", drawn toward the covariance within all classes by {best.recipe.shrinkage:g}"
        parts = [tag("p", f"{lead}. {self._chosen()}", class_="lead"), self._most_mistaken()]
        if best.spurious is not None:
            parts.append(tag("p", f"Beware: {best.spurious}.", class_="caution"))
        unknown = self.subject.record.fit.get("unlabelled_rows")
        if isinstance(unknown, int) and unknown:
            parts.append(tag("p", f"{plural(unknown, 'row')} of no known class took part in the fit."))
        return join(parts)

    def _chosen(self) -> str:
        tried, settings = len(self.choice.candidates), self.subject.record.settings
        if tried > 1:
            return f"It is the best of {tried} models."
        if self.choice.best.recipe.model == "MclustDA" and settings.get("criterion", "bic") == "bic":
            return "Each class's size and structure are those of the best BIC for its rows."
        return "Nothing was left to choose."

    def _most_mistaken(self) -> Html:
        confusion = self.choice.confusion
        if confusion is None:
            return tag("p", "No rows were held out: nothing is known of its errors.")
        off = confusion - np.diag(confusion.diagonal())
        order = np.argsort(-off, axis=None, kind="stable")[:_MOST_NAMED]
        pairs = [np.unravel_index(place, off.shape) for place in order.tolist()]
        told = [f"{count(float(off[i, j]))} of {self.names[i]} as {self.names[j]}" for i, j in pairs if off[i, j]]
        return tag("p", f"Most often mistaken: {listed(told)}." if told else "No held-out row is mistaken.")

    def confusion(self) -> Html | None:
        """Return the section; None without cross-validation."""
        confusion = self.choice.confusion
        if confusion is None:
            return None
        kind = "Weight" if self.subject.weighted else "Rows"
        folds = self.subject.record.settings.get("folds")
        how = f" in {plural(folds, 'fold')}" if isinstance(folds, int) else ""
        words = (
            f"Cross-validation{how}: each row is told by a model that has not seen it. "
            "Structures and sizes were chosen from all rows."
        )
        drawn = figure(
            plot_confusion(confusion, self.names, width=WIDTH), f"{kind} of each class (down) told as each (across)."
        )
        head = ["Class", kind, "Told as another", "Told as it, but another"]
        rows = [
            cells([short(name), *values], heads=1)
            for name, values in zip(self.names, _by_class(confusion), strict=True)
        ]
        fares = table("How each class fares", head, rows[:_MOST_CLASSES])
        return join([tag("p", words), drawn, fares, self._calibration()])

    def _calibration(self) -> Html | None:
        temperature = self.choice.temperature
        if temperature == 1.0:
            return None
        what = "less sure" if temperature > 1.0 else "surer"
        words = f"Probabilities are made {what} than the model's, as held-out rows find them: temperature "
        return tag("p", f"{words}{fixed(temperature, 2)}.")

    def candidates(self) -> Html | None:
        """Return the section; None if there was nothing to choose from."""
        tried = self.choice.candidates
        if len(tried) < 2:
            return None
        criterion = str(self.subject.record.settings.get("criterion", "bic"))
        if criterion == "bic" and len({row.get("shrinkage") for row in tried}) > 1:
            criterion = "log_loss"
        words = f"{plural(len(tried), 'model')}, compared by {_CRITERIA.get(criterion, criterion)}; lower is better."
        head = ["Covariance", "Components", "Shrinkage", "BIC", "Wrong, held out", "Log loss", "Parameters", ""]
        rows = [cells(_candidate(row), heads=1) for row in tried[:_MOST_CANDIDATES]]
        shown = table("The best", head, rows[:_MOST_AT_ONCE])
        if len(rows) > _MOST_AT_ONCE:
            more = tag("details", tag("summary", "Every model"), table("All models, the best first", head, rows))
            shown = join([shown, more])
        return join([tag("p", words), shown])

    def classes(self) -> Html:
        """Return the section: a row for each class."""
        best = self.choice.best
        shares, weights = best.classes.shares, self.subject.record.fit.get("class_weights")
        known = isinstance(weights, list) and len(weights) == len(self.names)
        pool = best.recipe.model == "pool"
        rows = []
        for c, name in enumerate(self.names[:_MOST_CLASSES]):
            held = np.flatnonzero(shares[:, c] > 0)
            rows.append(
                cells(
                    [
                        short(name),
                        count(float(weights[c])) if known and isinstance(weights, list) else "—",
                        percent(float(best.classes.priors[c])),
                        best.structures[0 if pool else c],
                        _numbers(held) if len(held) else "—",
                    ],
                    heads=1,
                )
            )
        head = ["Class", "Rows", "Prior", "Covariance", "Components"]
        note = "Components are numbered as in the pictures."
        return join([table("The classes, and which components are theirs", head, rows), tag("p", note, class_="note")])


def _wrong(confusion: NDArray[np.float64]) -> float:
    return float(1.0 - confusion.trace() / confusion.sum())


def _by_class(confusion: NDArray[np.float64]) -> list[list[str]]:
    """Return, of each class, its rows, and the shares of mistakes among them and among those told as it."""
    right, own, told = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    return [
        [
            count(float(own[c])),
            *(percent(float(1.0 - right[c] / total[c])) if total[c] else "—" for total in (own, told)),
        ]
        for c in range(len(confusion))
    ]


def _candidate(row: dict[str, Any]) -> list[str]:
    bic, error, loss, parameters = (row.get(name) for name in ("bic", "error", "log_loss", "n_parameters"))
    why = row.get("failed") or row.get("spurious")
    return [
        _several(row["covariance_type"]),
        _several(row["n_components"]),
        f"{row['shrinkage']:g}",
        "—" if bic is None else nats(float(bic)),
        "—" if error is None else percent(float(error)),
        "—" if loss is None else fixed(float(loss), 4),
        "—" if parameters is None else str(parameters),
        str(why or ""),
    ]


def _several(values: list[Any]) -> str:
    """Return what all classes share once, else each class's."""
    return ", ".join(map(str, values[:1] if len(set(values)) == 1 else values))


def _numbers(held: NDArray[np.intp]) -> str:
    """Return the numbers of components, a range where there are many."""
    numbers = held.tolist()
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))
