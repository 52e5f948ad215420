"""The fitted density: a curve over one column, regions of highest density over two (mclust's "density" picture).

The region of probability P is {x : p(x) ≥ c}, c the (1 − P)-quantile of p(X): the smallest region that holds P
(Hyndman 1996; `model/regions.py`). Of two columns the quantile is taken over a seeded sample, which is right however
narrow a component is; of one it is exact, and the region is a set of intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError
from gmmkit.model.holder import MixtureHolder, mixture_of
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.arguments import numbers, whole
from gmmkit.numerics.streams import Seed
from gmmkit.plots.curves import curves
from gmmkit.plots.marks import component_handles, outside, percent
from gmmkit.plots.style import SMALL, Theme, ThemeName, drawing, dress, legend, name_axis, new_figure, note, theme_named
from gmmkit.plots.subject import (
    Drawn,
    choose_columns,
    column_names,
    draw,
    fine_grid,
    marginal,
    reach,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_density"]

Array = NDArray[np.float64]

_MOST_ROWS = 2000
_PROBABILITIES = (0.5, 0.8, 0.95)
_SAMPLE = 20_000
_SHADE = 0.24  # of one region; regions lie on each other, so that the shades add
_BAR = 0.045  # height of the bar of a region of one column, of the picture's


def plot_density(
    mixture: Mixture | MixtureHolder,
    rows: Any = None,
    *,
    columns: Sequence[int | str] | None = None,
    names: Sequence[str] | None = None,
    probabilities: Sequence[float] = _PROBABILITIES,
    components: bool = True,
    ax: Axes | None = None,
    max_rows: int | None = _MOST_ROWS,
    seed: Seed = 0,
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes:
    """Draw the density of one column as a curve, or of two, with its regions of highest density.

    Parameters
    ----------
    mixture : Mixture or fitted estimator
    rows : array-like of shape (n, d), data frame or Table, optional
        Drawn as a histogram behind the curve, or as points over the regions.
    columns : sequence of one or two int or str, optional
        Which columns, by number or name; the density is their marginal. Default: the two in which the components'
        means differ most.
    names : sequence of str, optional
        Names of all d columns; data frames have their own.
    probabilities : sequence of float, default=(0.5, 0.8, 0.95)
        Of the regions: each is the smallest that holds so much. Bars under a curve, shades in a plane.
    components : bool, default=True
        Whether those of one column have curves of their own; of an average of many they say little.
    ax : Axes, optional
        Where to draw. Default: a new figure.
    max_rows : int or None, default=2000
        More points are thinned to so many by a seeded sample; the histogram is of up to 100,000 rows.
    seed : int, default=0
        Of that sample and of the one that gives the regions.
    theme : {"light", "dark"}
    width : float, default=6.5
        Of a new figure, in inches.

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        If the rows are not of the mixture's width, or not finite.
    ParameterError
        If a column is unknown, more than two are asked for, or a probability is not between 0 and 1.

    Examples
    --------
    >>> from gmmkit import Mixture
    >>> mixture = Mixture.from_arrays([0.5, 0.5], [[0.0], [3.0]], [1.0, 1.0], covariance_type="spherical")
    >>> plot_density(mixture, names=["length"]).get_xlabel()
    'length'
    """
    model, mixture = mixture, mixture_of(mixture)
    colours = theme_named(theme)
    levels = sorted(numbers("probabilities", list(probabilities)).tolist())
    if not levels or levels[0] <= 0.0 or levels[-1] >= 1.0 or len(set(levels)) < len(levels):
        raise ParameterError(
            f"probabilities must be between 0 and 1 and differ from each other, but got {list(probabilities)}"
        )
    all_names = column_names(mixture.n_features, names)
    drawn = None
    if rows is not None:
        wanted = 1 if mixture.n_features == 1 else 2
        one = wanted == 1 or (columns is not None and (isinstance(columns, (str, int)) or len(columns) == 1))
        if max_rows is not None:
            max_rows = whole("max_rows", max_rows, 1)
        drawn = draw(model, rows, names, max(max_rows, 100_000) if one and max_rows else max_rows, seed)
        all_names = drawn.names
    chosen = choose_columns(mixture, all_names, columns, 2)
    if len(chosen) > 2:
        raise ParameterError(f"columns must be one or two for the picture of the density, but got {len(chosen)}")
    part = marginal(mixture, chosen)
    shown = None if drawn is None else Drawn(drawn.rows[:, chosen], drawn.n_rows, all_names)
    limits = [reach(part, j, None if shown is None else shown.rows[:, j]) for j in range(len(chosen))]
    remarks = [] if shown is None else [shown.remark[0].upper() + shown.remark[1:], outside(shown.rows, limits)]
    if len(chosen) < mixture.n_features:
        remarks.append(f"density of {len(chosen)} of {mixture.n_features} columns")
    with drawing():
        if ax is None:
            height = min(4.4, 0.95 * width) + (0.5 if width < 5.0 else 0.0)
            ax = new_figure(width, height, colours).subplots()
        dress(ax, colours)
        ax.set_label(f"Density of {', '.join(short(all_names[j]) for j in chosen)}")
        ax.set(xlim=limits[0])
        if len(chosen) == 1:
            _curve(ax, part, shown, limits[0], levels, theme, components=components)
            remarks.append("bars: the smallest regions that hold their share")
        else:
            _regions(ax, part, shown, limits, levels, seed, colours)
            remarks.append("each region is the smallest that holds its share")
        name_axis(ax.xaxis, short(all_names[chosen[0]]))
        name_axis(ax.yaxis, short(all_names[chosen[1]]) if len(chosen) == 2 else "density")
        if mixture.noise is not None:
            remarks.append(f"noise, {percent(mixture.noise.weight)} of the rows, is left out")
        text = "; ".join(remark for remark in remarks if remark)
        note(ax, text and text[0].upper() + text[1:] + ".", colours)
    return ax


def _curve(
    ax: Axes, part: Mixture, shown: Drawn | None, limits: tuple[float, float], levels: list[float], theme: ThemeName,
    *, components: bool,
) -> None:  # fmt: skip
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    colours = theme_named(theme)
    top = curves(ax, part, *limits, theme, np.arange(part.n_components), components=components)
    handles: list[Any] = []
    components = components and part.n_components > 1
    if components:
        for handle in component_handles(part, theme):
            if str(handle.get_label())[0].isdigit():
                handle.set(linestyle="-", marker="", linewidth=1.4)
            handles.append(handle)
    handles.append(Line2D([], [], color=colours.ink, linewidth=1.6, label="mixture"))
    if shown is not None:
        values = shown.rows[:, 0]
        inside = values[(values >= limits[0]) & (values <= limits[1])]
        edges = np.histogram_bin_edges(inside, bins="fd", range=limits)
        edges = np.linspace(*limits, int(np.clip(len(edges), 11, 81)))
        # Shares of all rows, also of those outside the picture: the bars then compare with the curve.
        heights = np.histogram(inside, edges)[0] / (len(values) * np.diff(edges))
        ax.stairs(heights, edges, fill=True, color=colours.muted, alpha=0.22, label="_histogram", zorder=1)
        top = max(top, float(heights.max()))
        handles.append(Patch(facecolor=colours.muted, alpha=0.22, label="rows"))
    _bars(ax, part, levels, top, colours)
    ax.axhline(0.0, color=colours.muted, linewidth=0.8)
    ax.set_ylim(-_BAR * top * (len(levels) + 0.6), 1.06 * top)
    ax.set_yticks([tick for tick in ax.get_yticks() if 0 <= tick <= 1.06 * top])
    legend(ax, handles, colours, title="component (weight)" if components else "")


def _bars(ax: Axes, part: Mixture, levels: list[float], top: float, colours: Theme) -> None:
    """Draw the intervals of each region as bars below the curve, the widest at the bottom."""
    for place, level in enumerate(levels):
        bottom, shade = -_BAR * top * (place + 1.2), 1.0 - (1.0 - _SHADE) ** (len(levels) - place)
        spans = [(low, high - low) for low, high in part.highest_density_region(level)]
        ax.broken_barh(
            spans, (bottom, 0.62 * _BAR * top), facecolor=colours.accent, alpha=shade, linewidth=0,
            label=f"_region {level:g}",
        )  # fmt: skip
        ax.annotate(
            f"{100 * level:.4g} %", (1.0, bottom + 0.31 * _BAR * top), xycoords=("axes fraction", "data"),
            xytext=(3, 0), textcoords="offset points", fontsize=SMALL - 1.5, color=colours.muted, va="center",
            annotation_clip=False,
        )  # fmt: skip


def _regions(
    ax: Axes, part: Mixture, shown: Drawn | None, limits: list[tuple[float, float]], levels: list[float], seed: Seed,
    colours: Theme,
) -> None:  # fmt: skip
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Patch, PathPatch

    x, y = (fine_grid(part, j, *limits[j]) for j in range(2))
    grid = np.column_stack([axis.ravel() for axis in np.meshgrid(x, y)])
    thresholds = [part.highest_density_level(level, n_samples=_SAMPLE, seed=seed).value for level in levels]
    # Far from every component the log-density falls without end: held here, contours stay smooth and finite.
    heights = np.maximum(part.log_density(grid), thresholds[-1] - 30.0).reshape(len(y), len(x))
    ceiling = max(float(heights.max()), float(thresholds[0])) + 1.0
    for threshold, level in zip(thresholds[::-1], levels[::-1], strict=True):
        found = ax.contourf(x, y, heights, [threshold, ceiling])
        found.remove()  # one patch in its place holds both the shade and the line, once
        ax.add_patch(
            PathPatch(
                found.get_paths()[0], facecolor=to_rgba(colours.accent, _SHADE), edgecolor=colours.accent,
                linewidth=0.8, zorder=1, label=f"_region {level:g}",
            )
        )  # fmt: skip
    if shown is not None:
        size = 3.0 if len(shown.rows) <= 500 else 2.0
        ax.plot(
            *shown.rows.T, linestyle="none", marker="o", markersize=size, color=colours.ink, alpha=0.45,
            markeredgewidth=0, zorder=2, label="_rows",
        )  # fmt: skip
    ax.set_ylim(limits[1])
    handles = [
        Patch(facecolor=colours.accent, alpha=1.0 - (1.0 - _SHADE) ** (len(levels) - i), label=f"{100 * level:.4g} %")
        for i, level in enumerate(levels)
    ]
    legend(ax, handles, colours, title="region holding")
