"""The page: sections in order, one file with everything in it.

No network, no script: a content security policy in the page itself forbids what the code does not do.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.resources import files

from gmmkit.data.table import Table
from gmmkit.files.atomic import write_atomically
from gmmkit.files.record import ModelRecord
from gmmkit.report.answer import answer, facts, headline
from gmmkit.report.cautions import warnings_section
from gmmkit.report.choice import choice
from gmmkit.report.classes import Classes
from gmmkit.report.commands import commands
from gmmkit.report.history import history
from gmmkit.report.html import Html, clean, tag
from gmmkit.report.labels import labels
from gmmkit.report.merging import merging
from gmmkit.report.parts import components
from gmmkit.report.pictures import pictures
from gmmkit.report.precision import precision
from gmmkit.report.subject import Subject

__all__ = ["page", "render_report", "write_report"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


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

    Examples
    --------
    >>> from gmmkit.model.mixture import Mixture
    >>> mixture = Mixture.from_arrays([1.0], [[0.0, 2.0]], [1.0], covariance_type="spherical")
    >>> render_report(ModelRecord(mixture, feature_names=["a < b", "y"]))[:15]
    '<!DOCTYPE html>'
    """
    subject = Subject(record, table, command)
    known = Classes.read(subject)
    if known is not None:
        return _of_classes(subject, known)
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


def page(title: str, header: Html, sections: Sequence[tuple[str, str, Html | None]], *, unlisted: int = 0) -> str:
    """Return a whole page: header, contents and sections, those without a body left out.

    Parameters
    ----------
    title : str
    header : Html
    sections : sequence of (key, heading, body or None)
    unlisted : int
        How many of the first sections the contents leave out.
    """
    contents = tag(
        "nav",
        tag("ul", *(tag("li", tag("a", name, href=f"#{key}")) for key, name, body in sections[unlisted:] if body)),
        aria_label="Contents",
    )
    body = tag("main", header, contents, *(_section(*section) for section in sections))
    return f"<!DOCTYPE html>\n{tag('html', _head(title), tag('body', body), lang='en')}\n"


def _section(key: str, title: str, body: Html | None) -> Html | None:
    if body is None:
        return None
    heading = tag("h2", title, id=f"{key}-title")
    return tag("section", heading, body, id=key, aria_labelledby=f"{key}-title")


def _head(title: str) -> Html:
    style = files("gmmkit.report").joinpath("style.css").read_text(encoding="utf-8")
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("title", f"{clean(title)} · gmmkit"),
        tag("style", Html(style)),
    )
