"""The command and the Python that make the model again."""

from __future__ import annotations

from gmmkit.report.html import Html, join, scrolling, tag
from gmmkit.report.reproduce import python_of
from gmmkit.report.subject import Subject

__all__ = ["commands"]


def commands(subject: Subject, python: str | None = None) -> Html:
    """Return the section; `python` is what does the same, where that is more than to make the model."""
    made = subject.record.provenance.get("command")
    parts: list[Html] = []
    if made:
        parts += [tag("h3", "The command that made the model"), _code(made, "The command that made the model")]
    if subject.command and subject.command != made:
        title = "The command that wrote this report" if made else "The command"
        parts += [tag("h3", title), _code(subject.command, title)]
    parts += [tag("h3", "The same in Python"), _code(python or python_of(subject.record), "The same in Python")]
    return join([tag("p", "One click selects the whole text.", class_="note screen"), *parts])


def _code(text: str, label: str) -> Html:
    return scrolling(tag("pre", tag("code", text)), label=label)
