"""Where the classification is unsure: 1 − max_k p(k | x), by size and opacity (mclust's "uncertainty" picture)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError
from gmmkit.model.holder import MixtureHolder, mixture_of
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.streams import Seed
from gmmkit.plots.marks import about_ellipses, ellipses, outside, percent
from gmmkit.plots.style import (
    ThemeName,
    component_style,
    drawing,
    dress,
    legend,
    name_axis,
    new_figure,
    note,
    theme_named,
)
from gmmkit.plots.subject import (
    choose_columns,
    classified,
    cluster_of_component,
    draw,
    fine_grid,
    marginal,
    reach,
    short,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["plot_uncertainty"]

Array = NDArray[np.float64]

_MOST_ROWS = 2000
#: Lower edges of the classes of uncertainty, and the size (points) and opacity of their marks.
_CLASSES = ((0.0, 4.0, 0.50), (0.01, 5.0, 0.65), (0.1, 6.8, 0.80), (0.3, 9.0, 0.95))
_SMALLEST = 3.0  # mark, in points


def plot_uncertainty(
    mixture: Mixture | MixtureHolder,
    rows: Any,
    *,
    groups: Sequence[Sequence[int]] | None = None,
    columns: Sequence[int | str] | None = None,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
    max_rows: int | None = _MOST_ROWS,
    seed: Seed = 0,
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes:
    """Draw rows larger and stronger the less sure their component, or cluster of components, is.

    The uncertainty of a row is one minus its largest posterior probability: 0 where one component surely made it, at
    most 1 − 1/k. It is that of all columns, also where two of them are shown. With one column it is the height.

    Parameters
    ----------
    mixture : Mixture or fitted estimator
    rows : array-like of shape (n, d), data frame or Table
    groups : sequence of sequences of int, optional
        Components that form one cluster, as `MergeTree.groups` gives them. Default: each is one.
    columns : sequence of one or two int or str, optional
        Which columns, by number or name. Default: the two in which the components' means differ most.
    names : sequence of str, optional
        Names of all d columns; data frames have their own.
    ax : Axes, optional
        Where to draw. Default: a new figure.
    max_rows : int or None, default=2000
        More rows are thinned to so many by a seeded sample, and the picture says so.
    seed : int, default=0
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
        If a column is unknown, or more than two are asked for.

    Examples
    --------
    >>> from gmmkit import Mixture
    >>> mixture = Mixture.from_arrays([0.5, 0.5], [[0.0], [3.0]], [1.0, 1.0], covariance_type="spherical")
    >>> plot_uncertainty(mixture, mixture.sample(50, seed=0)[0]).get_ylabel()
    'uncertainty'
    """
    model, mixture = mixture, mixture_of(mixture)
    colours = theme_named(theme)
    drawn = draw(model, rows, names, max_rows, seed)
    chosen = choose_columns(mixture, drawn.names, columns, 2)
    if len(chosen) > 2:
        raise ParameterError(f"columns must be one or two for the picture of uncertainty, but got {len(chosen)}")
    clusters = cluster_of_component(mixture, groups)
    labels, uncertainty = classified(mixture, drawn.rows, clusters)
    kinds = int(clusters.max()) + 1 + (mixture.noise is not None)
    part, values = marginal(mixture, chosen), drawn.rows[:, chosen]
    limits = [reach(part, j, values[:, j]) for j in range(len(chosen))]
    remarks = [drawn.remark[0].upper() + drawn.remark[1:], _how_many(uncertainty, kinds)]
    if mixture.n_features > len(chosen):
        remarks.append(f"uncertainty from all {mixture.n_features} columns")
    if len(chosen) == 2:
        remarks.append(about_ellipses(mixture))
    remarks.append(outside(values, limits))
    with drawing():
        if ax is None:
            height = min(4.4, 0.95 * width) + (0.4 if width < 5.0 else 0.0)
            ax = new_figure(width, height, colours).subplots()
        dress(ax, colours)
        ax.set_label(f"Uncertainty of the classification of {drawn.n_rows:,} rows")
        if len(chosen) == 1:
            values = np.column_stack([values, uncertainty])
            if mixture.n_features == 1:
                grid = fine_grid(part, 0, *limits[0], points=400)
                ax.plot(grid, classified(mixture, grid[:, None], clusters)[1], color=colours.muted, linewidth=1.0)
            ax.set(ylim=(-0.02, 1.05 * max(0.5, float(uncertainty.max()))), ylabel="uncertainty")
        else:
            ellipses(ax, part, theme, clusters, linewidth=1.1, alpha=0.6)
            ax.set_ylim(limits[1])
            name_axis(ax.yaxis, short(drawn.names[chosen[1]]))
        shrink = _shrink(uncertainty)
        _points(ax, values, labels, uncertainty, theme, shrink)
        ax.set_xlim(limits[0])
        name_axis(ax.xaxis, short(drawn.names[chosen[0]]))
        if kinds > 1:
            legend(ax, _handles(kinds, theme, shrink), colours, title="uncertainty")
        note(ax, "; ".join(remark for remark in remarks if remark) + ".", colours)
    return ax


def _how_many(uncertainty: Array, kinds: int) -> str:
    if kinds == 1:
        return "one component, so that none is unsure"
    unsure = int((uncertainty >= 0.1).sum())
    if not unsure:
        return "uncertainty below 0.1 for all of them"
    return f"uncertainty of 0.1 or more for {unsure:,} of them ({percent(unsure / len(uncertainty))})"


def _shrink(uncertainty: Array) -> float:
    """Return what large marks are multiplied by, so that many unsure rows do not cover each other."""
    return float(np.clip(np.sqrt(150 / max(1, (uncertainty >= _CLASSES[1][0]).sum())), 0.55, 1.0))


def _size(size: float, shrink: float) -> float:
    return max(shrink * size, _SMALLEST)


def _points(
    ax: Axes, values: Array, labels: NDArray[np.intp], uncertainty: Array, theme: ThemeName, shrink: float
) -> None:
    edges = [low for low, _, _ in _CLASSES]
    level = np.searchsorted(edges, uncertainty, side="right") - 1
    for c, (_, size, alpha) in enumerate(_CLASSES):  # the least sure last, on top
        for j in np.unique(labels[level == c]):
            colour, marker = component_style(int(j), theme)
            mine = (level == c) & (labels == j)
            ax.plot(
                *values[mine].T, linestyle="none", marker=marker, markersize=_size(size, shrink) + 1.5 * (j < 0),
                color=colour, alpha=alpha, markeredgewidth=0, zorder=2 + 0.1 * c, label=f"_rows {j} class {c}",
            )  # fmt: skip


def _handles(kinds: int, theme: ThemeName, shrink: float) -> list[Artist]:
    from matplotlib.lines import Line2D

    ink = theme_named(theme).ink
    largest = 1.0 - 1.0 / kinds
    highs = [low for low, _, _ in _CLASSES[1:]] + [largest]
    return [
        Line2D([], [], linestyle="none", marker="o", markersize=_size(size, shrink), color=ink, alpha=alpha,
               markeredgewidth=0, label=f"{low:g} to {high:.2g}")
        for (low, size, alpha), high in zip(_CLASSES, highs, strict=True)
        if low < largest or low == 0.0
    ]  # fmt: skip
