"""The report of a model: which sections it has, in which order, by what the model is."""

from __future__ import annotations

import os

from gmmkit.data.table import Table
from gmmkit.errors import ParameterError
from gmmkit.files.atomic import write_atomically
from gmmkit.files.record import DETECTOR, GENERATOR, ModelRecord
from gmmkit.report.anomalies import render_anomaly_report
from gmmkit.report.answer import answer, facts, headline
from gmmkit.report.cautions import warnings_section
from gmmkit.report.choice import choice
from gmmkit.report.classes import Classes
from gmmkit.report.commands import commands
from gmmkit.report.densities import Densities
from gmmkit.report.document import page
from gmmkit.report.history import history
from gmmkit.report.html import tag
from gmmkit.report.labels import labels
from gmmkit.report.merging import merging
from gmmkit.report.parts import components
from gmmkit.report.pictures import pictures
from gmmkit.report.precision import precision
from gmmkit.report.subject import Subject

__all__ = ["render_report", "write_report"]


def write_report(
    record: ModelRecord, path: str | os.PathLike[str], *, table: Table | None = None, command: str | None = None
) -> None:
    """Write the report of a model as one HTML file that opens anywhere; see `render_report`.

    Parameters
    ----------
    record : ModelRecord
    path : path-like
    table : Table, optional
    command : str, optional

    Raises
    ------
    DataError
        If the table is not of the model's columns.
    OSError
        If the file cannot be written; a file that was there is left as it was.
    """
    write_atomically(path, [render_report(record, table=table, command=command).encode()])


def render_report(record: ModelRecord, *, table: Table | None = None, command: str | None = None) -> str:
    """Return the report of a model as one page of HTML: the same text for the same input.

    Parameters
    ----------
    record : ModelRecord
        The mixture and what is known of its fit; what is not known is left out or said. Beside how the fit went, four
        things may be in `record.fit`: "merging" (`MergeTree.as_record`), "information" (confidence, and as rows those
        of `ObservedInformation.summary`), "bootstrap" (kind, n_replicates, confidence,
        faults, and as rows those of `Bootstrap.summary`) and "likelihood_ratio" (a list of mappings with
        n_components, statistic, p_value, rejected and replicates).
    table : Table, optional
        The rows it was fitted on, for pictures of rows and, if it has labels, how clusters agree with them. A sample
        of a table of any size is shown.
    command : str, optional
        The command that writes the report, if it is not the one that made the model.

    Raises
    ------
    DataError
        If the table is not of the model's columns.
    ModelFormatError
        If the record is of a detector of outliers, and incomplete.
    ParameterError
        If it is of a generator of rows.

    Examples
    --------
    >>> from gmmkit.model.mixture import Mixture
    >>> mixture = Mixture.from_arrays([1.0], [[0.0, 2.0]], [1.0], covariance_type="spherical")
    >>> render_report(ModelRecord(mixture, feature_names=["a < b", "y"]))[:15]
    '<!DOCTYPE html>'
    """
    if record.estimator == DETECTOR:
        # Its mixture is of robust units: pictures of the data's columns would be wrong.
        return render_anomaly_report(record, rows=table, command=command)
    if record.estimator == GENERATOR:
        raise ParameterError(
            "the record is of a generator of rows, whose mixtures are on scales of their own: its page is of rows that "
            "it drew; write it with gmmkit.report.generation.write_generation_report, or gmmkit sample DATA --report"
        )
    subject = Subject(record, table, command)
    known = Classes.read(subject)
    if known is not None:
        return _of_classes(subject, known)
    density = Densities.read(subject)
    if density is not None:
        return _of_density(subject, density)
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


def _of_classes(subject: Subject, known: Classes) -> str:
    """Return the report of a classifier: its components are parts of classes, not clusters that were found."""
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


def _of_density(subject: Subject, density: Densities) -> str:
    """Return the report of a density: its components are parts of an average, not clusters that were found."""
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
