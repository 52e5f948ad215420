"""A figure as SVG for a page: the same bytes each time, text as text, small, and readable without seeing it."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from gmmkit.plots.style import DARK, LIGHT, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["to_svg"]

_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', Arial, sans-serif"
_PLACES = ("surface", "ink", "muted", "grid", "accent")
#: What each colour of the light theme is in the dark one.
_DARKER = {getattr(LIGHT, place): getattr(DARK, place) for place in _PLACES} | dict(
    zip(LIGHT.palette, DARK.palette, strict=True)
)


def to_svg(figure: Figure, *, title: str | None = None, description: str | None = None, adaptive: bool = False) -> str:
    """Return a figure as an ``<svg>`` element, to stand in a page or in a file of its own.

    The background is transparent, text is text in the reader's own font, identifiers are unique to the picture, so
    that several can stand in one page, and the picture shrinks with a page narrower than itself.

    Parameters
    ----------
    figure : Figure
    title : str, optional
        What is read out in place of the picture. Default: the sentence that each picture of gmmkit has.
    description : str, optional
        What else is there to say of it.
    adaptive : bool, default=False
        Turn a picture of the light theme to the dark one's colours where the reader's screen is dark, but not on
        paper: one picture in place of two.

    Returns
    -------
    str

    Examples
    --------
    >>> from gmmkit.plots import plot_convergence
    >>> svg = to_svg(plot_convergence([-5.0, -4.2, -4.1]).figure)
    >>> svg[:4], "<title" in svg, svg == to_svg(plot_convergence([-5.0, -4.2, -4.1]).figure)
    ('<svg', True, True)
    """
    text = _saved(figure)
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<style type=\"text/css\">.*?</style>", "", text, count=1, flags=re.DOTALL)
    text = _each_tag(text, _plain)
    text = re.sub(r">\s*\n\s*<", ">\n<", _hoisted(text))
    if title is None:
        labels = (str(ax.get_label()) for ax in figure.axes)
        title = next((label for label in labels if label and not label.startswith("_")), "Picture")
    body = text[text.index(">") + 1 :].rstrip()
    name = "g" + hashlib.sha256((title + body).encode()).hexdigest()[:8]
    body = _named(body, name)
    body, rules = _classed(body, name, adaptive=adaptive)
    about = f'<title id="{name}-t">{escape(title)}</title>'
    labelled = f"{name}-t"
    if description:
        about += f'\n<desc id="{name}-d">{escape(description)}</desc>'
        labelled += f" {name}-d"
    width, height = (float(size) for size in figure.get_size_inches())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" id="{name}" role="img" '
        f'aria-labelledby="{labelled}" width="{width * 96:g}" height="{height * 96:g}" '
        f'viewBox="0 0 {width * 72:g} {height * 72:g}">\n{about}\n<style>\n{rules}</style>{body}\n'
    )


def _saved(figure: Figure) -> str:
    import matplotlib as mpl

    out = io.StringIO()
    settings: dict[Any, Any] = {
        "svg.hashsalt": "gmmkit", "svg.fonttype": "none", "path.simplify_threshold": 0.25
    }  # fmt: skip
    with drawing(), mpl.rc_context(settings), warnings.catch_warnings():
        # The page's font draws what matplotlib's own has no glyph for.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(out, format="svg", transparent=True, metadata=metadata)
    return out.getvalue()


def _each_tag(text: str, change: Callable[[str], str]) -> str:
    """Change tags and leave what is written between them alone."""
    return re.sub(r"<[^>]*>", lambda match: change(match[0]), text)


def _plain(tag: str) -> str:
    """Leave out the font's family, which is named once for the picture, and decimals that no screen shows."""
    tag = re.sub(r"font: ((?:[\w-]+ )*?)([\d.]+px) [^;\"]+", _longhand, tag)
    tag = re.sub(r"font-family: [^;\"]+;? ?", "", tag)
    tag = re.sub(r' transform="rotate\(-?0 [^"]*"', "", tag)
    return re.sub(r' (x|y|d)="([^"]*)"', _rounded, tag)


def _longhand(match: re.Match[str]) -> str:
    weight = re.search(r"bold|[1-9]00", match[1])
    return f"font-size: {match[2]}" + (f"; font-weight: {weight[0]}" if weight else "")


def _rounded(match: re.Match[str]) -> str:
    numbers = re.sub(r"(\d+\.\d{2})\d+", r"\1", match[2])
    return f' {match[1]}="{" ".join(numbers.split())}"'


def _hoisted(text: str) -> str:
    """Write what all marks of a group share once, on the group."""

    def hoist(match: re.Match[str]) -> str:
        uses = match[2]
        styles = set(re.findall(r' style="([^"]*)"', uses))
        if len(styles) != 1:
            return match[0]
        return f'{match[1]} style="{styles.pop()}">' + re.sub(r' style="[^"]*"', "", uses)

    return re.sub(r"(<g(?: clip-path=\"[^\"]*\")?)>((?:\s*<use [^>]*/>)+)", hoist, text)


def _named(body: str, name: str) -> str:
    """Drop identifiers that nothing refers to, and make the others unique to this picture."""
    used = dict.fromkeys(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    new = {old: f"{name}-{i}" for i, old in enumerate(used)}

    def rename(tag: str) -> str:
        tag = re.sub(r' id="([^"]*)"', lambda m: f' id="{new[m[1]]}"' if m[1] in new else "", tag)
        return re.sub(r'(href="#|url\(#)([^")]+)', lambda m: m[1] + new.get(m[2], m[2]), tag)

    return _each_tag(body, rename)


def _classed(body: str, name: str, *, adaptive: bool) -> tuple[str, str]:
    """Turn style attributes into classes, which are shorter and can follow the reader's theme."""
    classes: dict[str, str] = {}

    def as_class(match: re.Match[str]) -> str:
        return f' class="{classes.setdefault(match[1], f"s{len(classes)}")}"'

    body = _each_tag(body, lambda tag: re.sub(r' style="([^"]*)"', as_class, tag))
    rules = [f"#{name}{{max-width:100%;height:auto;font-family:{_FONTS}}}"]
    rules += [f"#{name} .{short}{{{style}}}" for style, short in classes.items()]
    if adaptive:
        dark = [
            f"#{name} .{short}{{{changed}}}"
            for style, short in classes.items()
            if (changed := re.sub(r"#[0-9a-f]{6}", lambda m: _DARKER.get(m[0], m[0]), style)) != style
        ]
        rules += ["@media screen and (prefers-color-scheme: dark){", *dark, "}"]
    return body, "\n".join(rules) + "\n"
