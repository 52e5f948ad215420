"""Pictures on a page: SVG that follows the page's theme, with a caption."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gmmkit.plots import to_svg
from gmmkit.report.html import Html, tag

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["NARROW", "WIDE", "WIDTH", "figure"]

#: In inches. Text of a picture this wide can be read on a phone, and two stand side by side on a desk.
WIDTH = 4.4
#: Of many pictures that are much alike three stand side by side.
NARROW = 3.0
#: A matrix of pairs, which scrolls on a phone.
WIDE = 7.6


def figure(axes: Axes | np.ndarray[Any, Any], caption: str, *, wide: bool = False) -> Html:
    """Return Axes (or an array of them) with a caption."""
    ax: Axes = axes.flat[0] if isinstance(axes, np.ndarray) else axes
    drawn = ax.get_figure(root=True)
    assert drawn is not None
    picture = Html(to_svg(drawn, adaptive=True))
    if wide:
        picture = tag("div", picture, class_="scroll", tabindex="0", role="region", aria_label=caption)
    return tag("figure", picture, tag("figcaption", caption), class_="wide" if wide else None)
