"""Which component, or cluster of components, each row is put in (mclust's "classification" picture)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError
from gmmkit.model.holder import MixtureHolder, mixture_of
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.streams import Seed
from gmmkit.plots.curves import curves
from gmmkit.plots.marks import about_ellipses, component_handles, ellipses, numbers, outside, points
from gmmkit.plots.pairs import pairs
from gmmkit.plots.style import (
    MARKERS,
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
    Drawn,
    choose_columns,
    classified,
    cluster_of_component,
    draw,
    marginal,
    reach,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_classification"]

Indices = NDArray[np.intp]

_MOST_ROWS = 2000
_MOST_LANES = 8


def plot_classification(
    mixture: Mixture | MixtureHolder,
    rows: Any,
    *,
    groups: Sequence[Sequence[int]] | None = None,
    columns: Sequence[int | str] | None = None,
    names: Sequence[str] | None = None,
    axes: Any = None,
    max_rows: int | None = _MOST_ROWS,
    seed: Seed = 0,
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes | NDArray[Any]:
    """Draw rows coloured and marked by their most probable component, or cluster of components; noise is grey.

    One column: density curves over the rows. Two: the rows, an ellipse around each component that holds 86 % of it (two
    standard deviations of a Gaussian) and its mean. More: every pair of them, below a diagonal of density curves. Rows
    are put in components by all their columns, also by those that are not shown.

    Parameters
    ----------
    mixture : Mixture or fitted estimator
    rows : array-like of shape (n, d), data frame or Table
    groups : sequence of sequences of int, optional
        Components that form one cluster, as `MergeTree.groups` gives them. Default: each is one.
    columns : sequence of int or str, optional
        Which columns, by number or name. Default: all, at most five (three on figures narrower than 5 inches),
        those in which the components' means differ most.
    names : sequence of str, optional
        Names of all d columns; data frames have their own.
    axes : Axes, or array of Axes of shape (m, m) for m > 2 columns, optional
        Where to draw. Default: a new figure.
    max_rows : int or None, default=2000
        More rows are thinned to so many by a seeded sample, and the picture says so.
    seed : int, default=0
    theme : {"light", "dark"}
    width : float, default=6.5
        Of a new figure, in inches.

    Returns
    -------
    Axes, or ndarray of Axes of shape (m, m) for m > 2 columns

    Raises
    ------
    DataError
        If the rows are not of the mixture's width, or not finite.
    ParameterError
        If a column is unknown, there are too few names, or the groups do not hold each component once.

    Examples
    --------
    >>> from gmmkit import Mixture
    >>> mixture = Mixture.from_arrays([0.5, 0.5], [[0.0, 0.0], [5.0, 5.0]], [1.0, 1.0], covariance_type="spherical")
    >>> ax = plot_classification(mixture, mixture.sample(50, seed=0)[0], names=["length", "width"])
    >>> len(ax.patches), ax.get_xlabel()
    (2, 'length')
    """
    model, mixture = mixture, mixture_of(mixture)
    colours = theme_named(theme)
    drawn = draw(model, rows, names, max_rows, seed)
    chosen = choose_columns(mixture, drawn.names, columns, 5 if width >= 5.0 else 3)
    clusters = cluster_of_component(mixture, groups)
    labels, _ = classified(mixture, drawn.rows, clusters)
    part = marginal(mixture, chosen)
    shown = Drawn(drawn.rows[:, chosen], drawn.n_rows, tuple(short(drawn.names[j]) for j in chosen))
    remarks = _remarks(mixture, drawn, shown, part)
    kind = "component" if groups is None else "cluster"
    sentence = _sentence(len(groups or mixture.weights), kind, drawn)
    with drawing():
        if len(chosen) > 2:
            made = pairs(
                part, shown, labels, clusters, remarks,
                lambda most: component_handles(mixture, theme, clusters, most), title=f"{kind} (weight)",
                axes=axes, theme=theme, width=width,
            )  # fmt: skip
            made[0, 0].set_label(f"{sentence}, {len(chosen)} columns")
            return made
        if isinstance(axes, np.ndarray) and axes.size != 1:
            raise ParameterError(f"axes must be one Axes for {len(chosen)} columns, but got {axes.shape}")
        ax: Axes | None = axes.item() if isinstance(axes, np.ndarray) else axes
        if ax is None:
            height = min(4.4, 0.95 * width) + (0.5 if width < 5.0 else 0.0)
            ax = new_figure(width, height, colours).subplots()
        dress(ax, colours, grid="both" if len(chosen) == 2 else "x")
        ax.set_label(sentence)
        if len(chosen) == 1:
            _one_column(ax, part, shown.rows[:, 0], labels, clusters, theme)
        else:
            _two_columns(ax, part, shown, labels, clusters, theme)
        name_axis(ax.xaxis, shown.names[0])
        name_axis(ax.yaxis, shown.names[1] if len(chosen) == 2 else "density")
        legend(ax, component_handles(mixture, theme, clusters), colours, title=f"{kind} (weight)")
        note(ax, "; ".join(remarks) + ".", colours)
        return ax


def _two_columns(ax: Axes, part: Mixture, shown: Drawn, labels: Indices, clusters: Indices, theme: ThemeName) -> None:
    m = len(shown.rows)
    points(ax, shown.rows, labels, theme, size=5.0 if m <= 300 else 4.0 if m <= 1000 else 3.0)
    ellipses(ax, part, theme, clusters)
    ax.set(xlim=reach(part, 0, shown.rows[:, 0]), ylim=reach(part, 1, shown.rows[:, 1]))
    numbers(ax, part, theme, clusters)


def _one_column(
    ax: Axes, part: Mixture, values: NDArray[np.float64], labels: Indices, clusters: Indices, theme: ThemeName
) -> None:
    low, high = reach(part, 0, values)
    top = curves(ax, part, low, high, theme, clusters)
    # Each component's rows in a lane of their own below the curves, as mclust draws them.
    lanes = min(int(clusters.max()) + 1, _MOST_LANES)
    step = max(0.035, 0.09 / lanes) * top
    for j in np.unique(labels):
        colour, marker = component_style(int(j), theme)
        mine = values[labels == j]
        lane = -step * (0.9 + int(j) % lanes)
        if len(values) <= 60:
            ax.plot(mine, np.full(len(mine), lane), linestyle="none", marker=marker, markersize=4, color=colour,
                    alpha=0.8, markeredgewidth=0, label=f"_rows {j}")  # fmt: skip
        else:
            ax.plot(mine, np.full(len(mine), lane), linestyle="none", marker="|", markersize=max(4.0, 12.0 / lanes),
                    color=colour, alpha=0.7, markeredgewidth=0.8, label=f"_rows {j}")  # fmt: skip
    ax.axhline(0.0, color=theme_named(theme).muted, linewidth=0.8)
    ax.set(xlim=(low, high), ylim=(-step * (lanes + 0.6), 1.05 * top))
    ax.set_yticks([tick for tick in ax.get_yticks() if 0 <= tick <= 1.05 * top])


def _remarks(mixture: Mixture, drawn: Drawn, shown: Drawn, part: Mixture) -> list[str]:
    remarks = [drawn.remark[0].upper() + drawn.remark[1:]]
    q, d = part.n_features, mixture.n_features
    if q < d:
        remarks.append(f"{q} of {d} columns" + (" (where the means differ most)" if q > 2 else ""))
    if q > 1:
        remarks.append(about_ellipses(mixture))
    if mixture.noise is not None:
        remarks.append("grey dots are noise" if q > 1 else "grey is noise, which the curves leave out")
    if mixture.n_components > len(MARKERS) * 7:
        remarks.append("colours and marks repeat")
    limits = [reach(part, j, shown.rows[:, j]) for j in range(q)]
    return [remark for remark in (*remarks, outside(shown.rows, limits)) if remark]


def _sentence(k: int, kind: str, drawn: Drawn) -> str:
    return f"Classification of {drawn.n_rows:,} rows by {k} {kind}{'s' * (k > 1)}"
