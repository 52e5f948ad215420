"""The report of a model: which sections it has, in which order, by what the model is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gmmkit.data import as_table
from gmmkit.data.columns import check_names
from gmmkit.data.table import Table
from gmmkit.errors import ParameterError
from gmmkit.files.atomic import write_atomically
from gmmkit.files.record import DETECTOR, GENERATOR, REGRESSOR, ModelRecord
from gmmkit.report.anomalies import render_anomaly_report
from gmmkit.report.answer import answer, facts, headline
from gmmkit.report.cautions import warnings_section
from gmmkit.report.choice import choice
from gmmkit.report.classes import Classes
from gmmkit.report.commands import commands
from gmmkit.report.densities import Densities
from gmmkit.report.document import page
from gmmkit.report.generation import render_generation_report
from gmmkit.report.history import history
from gmmkit.report.html import tag
from gmmkit.report.invocation import path_among
from gmmkit.report.labels import labels
from gmmkit.report.merging import merging
from gmmkit.report.parts import components
from gmmkit.report.pictures import pictures
from gmmkit.report.precision import precision
from gmmkit.report.regression import render_regression_report
from gmmkit.report.regressor import predicted_rows
from gmmkit.report.subject import Subject
from gmmkit.selection.class_records import CLASSIFIER
from gmmkit.selection.records import DENSITY

if TYPE_CHECKING:
    from gmmkit.estimators.persistence import Savable

__all__ = ["PAGES_OF_ROWS", "render_report", "write_report"]

_BLOCK_ROWS = 2**14

#: What has no page without rows: what it is, and what its page tells of them.
PAGES_OF_ROWS = {
    REGRESSOR: ("a regressor", "how it predicts rows"),
    GENERATOR: ("a generator of rows", "how like real rows those are that it draws"),
}


def write_report(
    record: ModelRecord | Savable,
    path: str | os.PathLike[str],
    table: Any = None,
    *,
    command: str | None = None,
    model: str | None = None,
) -> None:
    """Write the report of a model as one HTML file that opens anywhere; see `render_report`.

    Parameters
    ----------
    record : ModelRecord or fitted estimator
    path : path-like
    table : Table, array-like or data frame, optional
    command, model : str, optional

    Raises
    ------
    DataError
        If the table is not of the model's columns.
    OSError
        If the file cannot be written; a file that was there is left as it was.
    """
    write_atomically(path, [render_report(record, table, command=command, model=model).encode()])


def render_report(
    record: ModelRecord | Savable, table: Any = None, *, command: str | None = None, model: str | None = None
) -> str:
    """Return the report of a model as one page of HTML: the same text for the same input.

    What the page tells follows from what the model is: of clusters, classes, a density, a detector of outliers; of a
    regressor how it predicts the rows, and of a generator how like them those are that it draws.

    Parameters
    ----------
    record : ModelRecord or fitted estimator
        The mixture and what is known of its fit; what is not known is left out or said. Beside how the fit went, four
        things may be in `record.fit`: "merging" (`MergeTree.as_record`), "information" (confidence, and as rows those
        of `ObservedInformation.summary`), "bootstrap" (kind, n_replicates, confidence,
        faults, and as rows those of `Bootstrap.summary`) and "likelihood_ratio" (a list of mappings with
        n_components, statistic, p_value, rejected and replicates).
    table : Table, array-like of shape (n, d) or data frame, optional
        The rows it was fitted on, for pictures of rows and, if it has labels, how clusters agree with them. A sample
        of a table of any size is shown. Of a regressor rows of its inputs, NaN where one is missing, and of its targets
        where they are known.
    command : str, optional
        The command that writes the report, if it is not the one that made the model.
    model : str, optional
        Path of the model file, where there is one.

    Raises
    ------
    DataError
        If the table is not of the model's columns, or a value is not finite.
    ModelFormatError
        If the record is of a detector of outliers, a regressor or a generator, and incomplete.
    ParameterError
        If it is of a regressor or a generator, and no rows are given.

    Examples
    --------
    >>> from gmmkit.model.mixture import Mixture
    >>> mixture = Mixture.from_arrays([1.0], [[0.0, 2.0]], [1.0], covariance_type="spherical")
    >>> render_report(ModelRecord(mixture, feature_names=["a < b", "y"]))[:15]
    '<!DOCTYPE html>'
    """
    if not isinstance(record, ModelRecord):
        from gmmkit.estimators.persistence import record_of  # scikit-learn, only where it is there already

        record = record_of(record)
    if table is None and record.estimator in PAGES_OF_ROWS:
        what, told = PAGES_OF_ROWS[record.estimator]
        raise ParameterError(f"the model is {what}, whose page tells {told}: give rows as well")
    asked = _Asked(record, None if table is None else _rows(record, table), command, model)
    own = _PAGES.get(record.estimator)
    made = None if own is None else own(asked)
    return _of_clusters(asked) if made is None else made


def _rows(record: ModelRecord, data: Any) -> Table:
    """Return rows as a table; of what is none yet the names and values are looked at."""
    table = as_table(data)
    if table is not data and record.estimator != REGRESSOR:
        check_names(table.names, record.feature_names, table.origin, f"the {record.estimator}")
        for block in table.blocks(_BLOCK_ROWS):
            table.check_finite(block)
    return table


@dataclass(frozen=True, eq=False)
class _Asked:
    """What a page was asked of."""

    record: ModelRecord
    table: Table | None
    command: str | None
    model: str | None

    @property
    def subject(self) -> Subject:
        """What the sections read, where the mixture is of the table's columns."""
        return Subject(self.record, self.table, self.command)

    @property
    def rows(self) -> Table:
        """The rows of a page that is of rows."""
        assert self.table is not None, "asked before"
        return self.table


def _of_clusters(asked: _Asked) -> str:
    subject = asked.subject
    sections = [
        ("choice", "How the model was chosen", choice(subject)),
        ("pictures", "Pictures", pictures(subject)),
        ("merging", "From components to clusters", merging(subject)),
        ("clusters", "The clusters in words and numbers", components(subject)),
        ("precision", "How precise the numbers are", precision(subject)),
        ("labels", "Clusters and labels", labels(subject)),
        ("convergence", "Convergence", history(subject)),
        ("warnings", "Warnings", warnings_section(subject)),
        ("reproduce", "Make it again", commands(subject)),
    ]
    title = headline(subject)
    header = tag("header", tag("h1", title), answer(subject))
    return page(title, header, [("about", "What was fitted", facts(subject)), *sections], unlisted=1)


def _of_classes(asked: _Asked) -> str | None:
    """Return the report of a classifier: its components are parts of classes, not clusters that were found."""
    subject = asked.subject
    known = Classes.read(subject)
    if known is None:
        return None
    header = tag("header", tag("h1", known.headline), known.answer())
    sections = [
        ("about", "What was fitted", facts(subject)),
        ("confusion", "What is taken for what", known.confusion()),
        ("choice", "How the model was chosen", known.candidates()),
        ("classes", "The classes", known.classes()),
        ("pictures", "Pictures", pictures(subject, kind="component")),
        ("warnings", "Warnings", warnings_section(subject)),
        ("reproduce", "Make it again", commands(subject)),
    ]
    return page(known.headline, header, sections, unlisted=1)


def _of_density(asked: _Asked) -> str | None:
    """Return the report of a density: its components are parts of an average, not clusters that were found."""
    subject = asked.subject
    density = Densities.read(subject)
    if density is None:
        return None
    header = tag("header", tag("h1", density.headline), density.answer())
    sections = [
        ("about", "What was fitted", facts(subject)),
        ("pictures", "Where rows are dense", density.pictures()),
        ("rarest", "Where rows are rarest", density.rarest()),
        ("members", "What is averaged", density.members()),
        ("warnings", "What to beware of", density.warnings()),
        ("reproduce", "Make it again", commands(subject)),
    ]
    return page(density.headline, header, sections, unlisted=1)


def _of_anomalies(asked: _Asked) -> str:
    """Return the report of a detector: its mixture is of robust units, in which rows are not to be pictured."""
    return render_anomaly_report(asked.record, rows=asked.table, command=asked.command)


def _of_generation(asked: _Asked) -> str:
    return render_generation_report(asked.record, rows=asked.rows, command=asked.command)


def _of_predictions(asked: _Asked) -> str:
    found = predicted_rows(asked.record, asked.rows)
    return render_regression_report(
        asked.record,
        rows=found.table,
        inputs=found.inputs,
        targets=found.targets,
        known=found.known,
        model=asked.model,
        data=path_among(asked.command, found.table.origin),
        command=asked.command,
    )


# The page of each kind of model, by the estimator that makes it from Python; of all others, and of classes and
# densities whose record cannot be read, it is one of clusters.
_PAGES: dict[str, Callable[[_Asked], str | None]] = {
    CLASSIFIER: _of_classes,
    DENSITY: _of_density,
    DETECTOR: _of_anomalies,
    GENERATOR: _of_generation,
    REGRESSOR: _of_predictions,
}
