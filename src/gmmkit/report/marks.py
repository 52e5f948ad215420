"""The colour and mark of each component, in text and tables as in the pictures."""

from __future__ import annotations

from gmmkit.plots.style import LIGHT, MARKERS
from gmmkit.report.html import Html, tag

__all__ = ["component"]

# In a square of ±5; one for each of the pictures' marks, in their order.
_SHAPES = {
    "o": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "s": "M-3.6-3.6h7.2v7.2h-7.2z",
    "^": "M0-4.4L4.4 3.8H-4.4z",
    "D": "M0-4.8L4.8 0L0 4.8L-4.8 0z",
    "v": "M0 4.4L4.4-3.8H-4.4z",
    "P": "M-1.7-4.6h3.4v2.9h2.9v3.4h-2.9v2.9h-3.4v-2.9h-2.9v-3.4h2.9z",
    "X": "M0-2L2.4-4.4L4.4-2.4L2 0L4.4 2.4L2.4 4.4L0 2L-2.4 4.4L-4.4 2.4L-2 0L-4.4-2.4L-2.4-4.4z",
    "<": "M-4.4 0L3.8-4.4V4.4z",
}


def component(j: int, cluster: int | None = None) -> Html:
    """Return the number of a component, or cluster, after its mark: that of the component's cluster, if it is given."""
    place = j if cluster is None else cluster
    shape = _SHAPES[MARKERS[place % len(MARKERS)]]
    mark = tag(
        "svg",
        tag("path", d=shape),
        class_=f"mark c{place % len(LIGHT.palette)}",
        viewBox="-5 -5 10 10",
        aria_hidden="true",
    )
    return tag("span", mark, f" {j}", class_="component")
