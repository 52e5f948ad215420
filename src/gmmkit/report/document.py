"""The page as such: header, contents and sections, one file with everything in it.

No network, no script: a content security policy in the page itself forbids what the code does not do.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from gmmkit.report.html import Html, clean, tag

__all__ = ["page"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


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
