"""Why a row is anomalous: how surprising each of its values is, the reasons with what was expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gmmkit.errors import DataError
from gmmkit.numerics.arguments import whole
from gmmkit.plots.style import SMALL, ThemeName, drawing, dress, name_axis, new_figure, note, theme_named
from gmmkit.plots.subject import short
from gmmkit.selection.explanation import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_reasons"]

# How far the axis goes, in lengths of the longest bar, where words stand beside shorter ones.
_ROOM = 1.2


def plot_reasons(
    explanation: Explanation,
    *,
    most: int = 12,
    ax: Axes | None = None,
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes:
    """Draw a bar for each column, as long as its value is surprising given the others; reasons in colour, in words.

    Parameters
    ----------
    explanation : Explanation
        Of one row: what `GaussianMixtureOutlierDetector.explain` returns for each.
    most : int, default=12
        Columns that are drawn, the most surprising; a remark tells of the others.
    ax : Axes, optional
        Where to draw. Default: a new figure.
    theme : {"light", "dark"}
    width : float, default=6.5
        Of a new figure, in inches.

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        If it is no explanation.
    ParameterError
        If `most` is no whole number of at least 1.

    Examples
    --------
    >>> from gmmkit import GaussianMixtureOutlierDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> detector = GaussianMixtureOutlierDetector(novelty=True).fit(X)
    >>> ax = plot_reasons(detector.explain([[0.0, 9.0, 0.0]])[0])
    >>> ax.get_yticklabels()[0].get_text()
    'column 1 = 9'
    """
    colours = theme_named(theme)
    if not isinstance(explanation, Explanation):
        raise DataError(
            f"expected the explanation of one row, such as detector.explain(X)[0], but got {type(explanation).__name__}"
        )
    most = whole("most", most, 1)
    shown = np.argsort(-explanation.surprise, kind="stable")[:most]
    reasons = {reason.column: reason for reason in explanation.reasons}
    longest = float(explanation.surprise[shown].max()) or 1.0
    with drawing():
        if ax is None:
            ax = new_figure(width, 1.2 + 0.32 * len(shown), colours).subplots()
        dress(ax, colours, grid="x")
        labels = []
        for place, column in enumerate(shown.tolist()):
            reason = reasons.get(column)
            size = float(explanation.surprise[column])
            colour = colours.muted if reason is None else colours.palette[1]
            ax.barh([place], [size], height=0.62, color=colour, alpha=0.55 if reason is None else 1.0,
                    label=f"_surprise {column}", zorder=2)  # fmt: skip
            value = "" if reason is None else f" = {reason.value:.6g}"
            labels.append(short(explanation.names[column]) + value)
            if reason is not None:
                inside = size > 0.55 * longest
                ax.annotate(
                    reason.expectation, (size, place), xytext=(-5 if inside else 5, 0), textcoords="offset points",
                    va="center", ha="right" if inside else "left", fontsize=SMALL, parse_math=False,
                    color=colours.surface if inside else colours.ink, annotation_clip=False, zorder=3,
                )  # fmt: skip
        ax.set_ylim(len(shown) - 0.4, -0.6)
        ax.set_xlim(0.0, longest * (_ROOM if len(reasons) > 1 else 1.05))
        ax.set_yticks(range(len(shown)), labels, parse_math=False)
        ax.tick_params(axis="y", length=0, labelcolor=colours.ink)
        name_axis(ax.xaxis, "surprise given the others, nats")
        ax.set_label(f"Surprise of {len(shown)} values: {explanation.sentence}")
        left_out = len(explanation.names) - len(shown)
        remark = "" if reasons else "No single value stands out. "
        if left_out:
            remark += f"Not shown: {left_out} less surprising column{'s' * (left_out > 1)}."
        note(ax, remark.strip(), colours)
    return ax
