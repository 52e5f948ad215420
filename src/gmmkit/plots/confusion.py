"""Which classes are taken for which: a table of rows, each cell as strong as its share of the class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import ParameterError
from gmmkit.numerics.arguments import numbers
from gmmkit.plots.style import FONT, SMALL, ThemeName, drawing, dress, name_axis, new_figure, note, theme_named
from gmmkit.plots.subject import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_confusion"]

Array = NDArray[np.float64]

_MOST_CLASSES = 40
# Of so many classes cells are too small for numbers.
_MOST_NUMBERS = 20
# Of the weakest cell, which must be seen, and of the strongest: what is written in it must stand out in either theme.
_WEAKEST, _STRONGEST = 0.12, 0.5
_EMPTY = 0.35
_CELL = 0.36  # inches, at most, from row to row
_TINY = 6.0  # points
_LONGEST = 16


def plot_confusion(
    confusion: ArrayLike,
    labels: Sequence[Any] | None = None,
    *,
    ax: Axes | None = None,
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes:
    """Draw how many rows of each class (down) are told as each (across), and the share of each class that is wrong.

    Right answers and mistakes have a colour each, which grows with the square root of a cell's share of its class, so
    that few mistakes are seen. Of more than 40 classes those are shown that take part in most mistakes.

    Parameters
    ----------
    confusion : array_like of shape (C, C)
        Numbers of rows, or their weight, such as ``classifier.confusion_``; not negative.
    labels : sequence, optional
        Of the classes, such as ``classifier.classes_``. Default: their numbers.
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
    ParameterError
        If the table is not square, of fewer than two classes, empty, negative or not finite, or there are not as many
        labels.

    Examples
    --------
    >>> ax = plot_confusion([[48, 2], [1, 49]], ["versicolor", "virginica"])
    >>> [text.get_text() for text in ax.texts[:-1]]
    ['48', '2', '4.0 %', '1', '49', '2.0 %']
    """
    colours = theme_named(theme)
    counts = _checked(confusion)
    names = [str(label) for label in (range(len(counts)) if labels is None else labels)]
    if len(names) != len(counts):
        raise ParameterError(f"labels must be {len(counts)}, one for each class, but got {len(names)}")
    wrong = counts.sum() - counts.trace()
    totals = counts.sum(axis=1)
    mistakes = totals + counts.sum(axis=0) - 2.0 * counts.diagonal()
    shown = np.sort(np.argsort(-mistakes, kind="stable")[:_MOST_CLASSES])
    k = len(shown)
    shares = np.divide(counts, totals[:, None], out=np.zeros_like(counts), where=totals[:, None] > 0)
    with drawing():
        if ax is None:
            ax = new_figure(width, 1.5 + min(_CELL, 0.86 * width / k) * k, colours).subplots()
        dress(ax, colours, grid=None)
        for spine in ax.spines.values():
            spine.set_visible(False)
        for row, true in enumerate(shown):
            _draw_row(ax, row, counts[true, shown], shares[true, shown], theme)
            missed = f"{100 * (1.0 - shares[true, true]):.1f} %" if totals[true] else "-"
            ax.text(
                k - 0.5 + _beside(k) / 2, row, missed, ha="center", va="center",
                fontsize=SMALL if k <= _MOST_NUMBERS else _TINY,
                color=colours.ink if totals[true] > counts[true, true] else colours.muted,
            )  # fmt: skip
        ax.set_xlim(-0.5, k - 0.5 + _beside(k))
        ax.set_ylim(k - 0.5, -0.5)
        _name(ax, [short(names[c], _LONGEST) for c in shown], theme)
        remark = (
            f"{100 * wrong / counts.sum():.2f} % are wrong. The stronger the colour, the larger its share of the class"
        )
        rest = "" if k == len(counts) else f"; {k} of {len(counts)} classes, those that take part in most mistakes"
        note(ax, f"{remark}{rest}.", colours, drop=8.0)
        ax.set_label("Which classes are told as which")
    return ax


def _checked(confusion: ArrayLike) -> Array:
    counts = np.asarray(numbers("confusion", confusion), dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or len(counts) < 2:
        raise ParameterError(
            f"confusion must be a square table of at least two classes, but got the shape {counts.shape}"
        )
    if not np.isfinite(counts).all() or (counts < 0).any() or not counts.any():
        raise ParameterError("confusion must hold finite numbers of rows, none below 0 and not all 0")
    return counts


def _beside(k: int) -> float:
    """Return the room that shares have beside k cells, in cells."""
    return max(1.2, 0.09 * k)


def _draw_row(ax: Axes, row: int, counts: Array, shares: Array, theme: ThemeName) -> None:
    from matplotlib.patches import Rectangle

    colours, k = theme_named(theme), len(counts)
    for column in range(k):
        colour = colours.accent if column == row else colours.palette[1]
        strength = _WEAKEST + (_STRONGEST - _WEAKEST) * float(np.sqrt(shares[column]))
        cell = Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, linewidth=0, zorder=2)
        cell.set_facecolor(colour if counts[column] else colours.grid)
        cell.set_alpha(strength if counts[column] else _EMPTY)
        ax.add_patch(cell)
        if counts[column] and k <= _MOST_NUMBERS:
            n = float(counts[column])
            told = f"{n:,.0f}" if n.is_integer() else f"{n:.3g}"
            size = min(FONT, 130.0 / k / max(1.0, 0.3 * len(told)))
            ax.text(column, row, told, ha="center", va="center", fontsize=size, color=colours.ink, zorder=3)


def _name(ax: Axes, names: Sequence[str], theme: ThemeName) -> None:
    """Name the classes, those that rows are told as above, slanted where they have no room beside each other."""
    colours, k = theme_named(theme), len(names)
    size = SMALL if k <= _MOST_NUMBERS else _TINY
    figure = ax.get_figure(root=True)
    room = (figure.get_figwidth() if figure else 6.5) * 0.7 / (k + 1) * 72.0
    slanted = max(map(len, names)) * 0.6 * size > room
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.set_xticks([*range(k), k - 0.5 + _beside(k) / 2], [*names, "wrong"], parse_math=False)
    ax.set_yticks(range(k), names, parse_math=False)
    ax.tick_params(axis="both", length=0, labelcolor=colours.ink, labelsize=size)
    if slanted:
        for label in ax.get_xticklabels():
            label.set(rotation=45, ha="left", rotation_mode="anchor")
    name_axis(ax.xaxis, "told as")
    name_axis(ax.yaxis, "true class")
