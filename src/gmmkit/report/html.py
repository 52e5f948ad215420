"""HTML that cannot be forged: whatever is not `Html` is escaped when it is put into an element."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

__all__ = ["Html", "cells", "clean", "join", "scrolling", "table", "tag"]

Child = object  # Html is taken as it is, None and False are left out, all else is text

# Control characters mean nothing on a page, and half pairs cannot be written as UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_VOID = frozenset({"meta", "br", "hr", "img"})


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def clean(text: object) -> str:
    """Return a text without characters that cannot stand on a page."""
    return _UNPRINTABLE.sub("\ufffd", str(text))


def join(children: Iterable[Child], between: str = "") -> Html:
    """Return children one after the other, escaped where they are plain text."""
    return Html(html.escape(between).join(_escaped(child) for child in children if child is not None))


def tag(name: str, *children: Child, **attributes: str | int | bool | None) -> Html:
    """Return an element.

    Attributes are named as in HTML, with ``_`` for ``-`` and one more ``_`` where Python has the word; True writes
    the name alone, False and None leave it out.

    Examples
    --------
    >>> tag("p", "1 < 2", class_="note")
    '<p class="note">1 &lt; 2</p>'
    """
    written = []
    for word, value in attributes.items():
        key = word.rstrip("_").replace("_", "-")
        if value is True:
            written.append(f" {key}")
        elif value is not None and value is not False:
            written.append(f' {key}="{html.escape(clean(value))}"')
    start = f"<{name}{''.join(written)}>"
    return Html(start if name in _VOID else f"{start}{join(children)}</{name}>")


def cells(values: Iterable[Child], *, heads: int = 0) -> Html:
    """Return a table row whose first `heads` cells are headings of the row."""
    return tag("tr", *(tag("th", v, scope="row") if i < heads else tag("td", v) for i, v in enumerate(values)))


def table(caption: Child, head: Iterable[Child], rows: Iterable[Html], **attributes: str) -> Html:
    """Return a table in a box of its own, which scrolls where the page is narrower."""
    header = tag("thead", tag("tr", *(tag("th", title, scope="col") for title in head)))
    made = tag("table", tag("caption", caption), header, tag("tbody", *rows), **attributes)
    return scrolling(made, label=str(caption))


def scrolling(content: Html, *, label: str) -> Html:
    """Return content in a box that scrolls sideways, by keyboard too."""
    return tag("div", content, class_="scroll", tabindex="0", role="region", aria_label=label)


def _escaped(child: Child) -> str:
    return child if isinstance(child, Html) else html.escape(clean(child))
