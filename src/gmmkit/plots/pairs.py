"""Every pair of several columns: rows and ellipses below a diagonal of density curves."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError
from gmmkit.model.mixture import Mixture
from gmmkit.plots.curves import curves
from gmmkit.plots.marks import crosses, ellipses, points
from gmmkit.plots.style import SMALL, Theme, ThemeName, dress, factor, new_figure, theme_named
from gmmkit.plots.subject import Drawn, marginal, reach, short

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["pairs"]

_MOST_POINTS = 8000  # over all panels: what keeps an SVG of the matrix well under a megabyte


def pairs(
    mixture: Mixture, drawn: Drawn, labels: NDArray[np.intp], clusters: NDArray[np.intp], remarks: list[str],
    handles: Callable[[int], list[Artist]], *, title: str, axes: Any, theme: ThemeName, width: float,
) -> NDArray[Any]:  # fmt: skip
    """Draw a matrix of pairs; empty panels above the diagonal hold the legend, of as many handles as find room."""
    colours = theme_named(theme)
    m = mixture.n_features
    if axes is None:
        figure = new_figure(width, 0.92 * width + 0.4, colours)
        axes = figure.subplots(m, m)
        note = "; ".join(remarks) + "."
        figure.supxlabel(
            textwrap.fill(note, int(width * 72 / (0.58 * SMALL))), x=0.01, ha="left", fontsize=SMALL,
            color=colours.muted,
        )  # fmt: skip
        figure.get_layout_engine().set(w_pad=0.05, h_pad=0.04, wspace=0.02, hspace=0.02)  # type: ignore[union-attr, call-arg]
    axes = np.asarray(axes, dtype=object)
    if axes.shape != (m, m):
        raise ParameterError(f"axes must be an array of the shape {(m, m)} for {m} columns, but got {axes.shape}")
    every = len(drawn.rows) * m * (m - 1) // 2 // _MOST_POINTS + 1
    rows, labels = drawn.rows[::every], labels[::every]
    limits = [reach(mixture, j, drawn.rows[:, j]) for j in range(m)]
    panel = float(axes[0, 0].get_figure(root=True).get_figwidth()) / m
    for (i, j), ax in np.ndenumerate(axes):
        if j > i:
            ax.axis("off")
            continue
        dress(ax, colours, grid=None)
        ax.get_xaxis().get_offset_text().set_visible(False)
        ax.get_yaxis().get_offset_text().set_visible(False)
        if i == j:
            top = curves(ax, marginal(mixture, [j]), *limits[j], theme, clusters, linewidth=1.2)
            ax.set_ylim(0.0, 1.08 * top)
            ax.set_yticks([])
        else:
            points(ax, rows[:, [j, i]], labels, theme, size=3.2 if len(rows) < 400 and panel > 1.3 else 2.0)
            pair = marginal(mixture, [j, i])
            ellipses(ax, pair, theme, clusters, linewidth=1.1)
            crosses(ax, pair, theme, size=7.0 if mixture.n_components <= 6 and panel > 1.0 else 4.0)
            ax.set_ylim(limits[i])
        ax.set_xlim(limits[j])
        _label(ax, i, j, m, drawn.names, panel)
    _legend(axes, handles, title, colours, panel)
    return np.asarray(axes)


def _label(ax: Axes, i: int, j: int, m: int, names: tuple[str, ...], panel: float) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(2 if panel < 1.4 else 3))
    ax.tick_params(labelbottom=i == m - 1, labelleft=j == 0 and i > 0, labelsize=SMALL - 1, length=2)
    if i != j:
        ax.yaxis.set_major_locator(MaxNLocator(2 if panel < 1.4 else 3))
    size = SMALL + (panel > 1.4)
    wrap = max(8, int(0.82 * panel * 72 / (0.62 * size)))
    if i == m - 1:
        ax.set_xlabel(_wrapped(names[j] + factor(ax.xaxis), wrap), fontsize=size, parse_math=False)
    if j == 0:
        name = _wrapped(names[i] + factor(ax.yaxis), wrap) if i else "density"
        ax.set_ylabel(name, fontsize=size, parse_math=False)


def _wrapped(name: str, width: int) -> str:
    return textwrap.fill(" ".join(short(word, width) for word in name.split()), width)


def _legend(
    axes: NDArray[Any], handles_of: Callable[[int], list[Artist]], title: str, colours: Theme, panel: float
) -> None:
    # The first row of panels is empty but for its first: so many entries find room there.
    deep = max(3, int((0.85 * panel * 72 - 16) / 13))
    across = max(1, int((len(axes) - 1) * panel * 72 / 70))
    handles = handles_of(deep * across)
    # Beside that first one: on a phone, where the matrix scrolls sideways, the last panels are out of sight.
    made = axes[0, 1].legend(
        handles=handles, title=title, loc="upper left", bbox_to_anchor=(0.0, 1.05), frameon=False,
        fontsize=SMALL, title_fontsize=SMALL, labelcolor=colours.ink, ncols=-(-len(handles) // deep), alignment="left",
        columnspacing=1.0, handletextpad=0.4,
    )  # fmt: skip
    made.get_title().set_color(colours.muted)
    made.set_in_layout(False)
