"""Components merged into clusters: the entropy of each number of clusters, and the tree of merges.

Both are of a `MergeTree`. The curve is the "entropy plot" of Baudry, Raftery, Celeux, Lo & Gottardo (2010): its elbow
is where the lines fitted to the points left and right of it meet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gmmkit.plots.style import (
    SMALL,
    ThemeName,
    axes_width,
    component_style,
    drawing,
    dress,
    new_figure,
    note,
    theme_named,
)
from gmmkit.selection.merge_tree import Merge, MergeTree

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_merge_curve", "plot_merge_tree"]

Array = NDArray[np.float64]

_MOST_NAMED = 40  # leaves with a number
_LEAST_ENTROPY = 0.01  # that the axis reaches, in nats a row
_LEAST_APART = 24.0  # points between leaves for scores to be written


def plot_merge_curve(
    tree: MergeTree, *, ax: Axes | None = None, theme: ThemeName = "light", width: float = 6.5
) -> Axes:
    """Draw the entropy of the classification into each number of clusters; the proposed one is ringed.

    Parameters
    ----------
    tree : MergeTree
    ax : Axes, optional
        Where to draw. Default: a new figure.
    theme : {"light", "dark"}
    width : float, default=6.5
        Of a new figure, in inches.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from gmmkit import Mixture
    >>> from gmmkit.selection.merging import merge_by_entropy
    >>> halves = [[0.0, 0.0], [1.0, 0.0], [9.0, 9.0]]
    >>> mixture = Mixture.from_arrays([0.3, 0.3, 0.4], halves, [1.0, 1.0, 1.0], covariance_type="spherical")
    >>> plot_merge_curve(merge_by_entropy(mixture, mixture.sample(90, seed=0)[0])).get_xlabel()
    'number of clusters'
    """
    colours = theme_named(theme)
    k, proposed = len(tree.curve), tree.proposed
    sizes = np.arange(1, k + 1)
    with drawing():
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            ax = new_figure(width, min(3.4, 0.75 * width), colours).subplots()
        dress(ax, colours)
        if tree.rule == "entropy" and 1 < proposed < k:
            for part in (slice(0, proposed), slice(proposed - 1, k)):
                slope, start = np.polyfit(sizes[part], tree.curve[part], 1)
                ax.plot(sizes[part], slope * sizes[part] + start, color=colours.muted, linewidth=1.2, linestyle="--",
                        label="_fitted", zorder=2)  # fmt: skip
        ax.plot(sizes, tree.curve, color=colours.accent, linewidth=1.6, marker="o", markersize=5, label="_entropy",
                zorder=3)  # fmt: skip
        height = float(tree.curve[proposed - 1])
        ax.plot([proposed], [height], linestyle="none", marker="o", markersize=12, markerfacecolor="none",
                markeredgecolor=colours.ink, markeredgewidth=1.4, label="_proposed", zorder=4)  # fmt: skip
        side = "left" if proposed == 1 else "right"
        ax.annotate(
            f"{proposed} cluster{'s' * (proposed > 1)}", (proposed, height), xytext=(-4 if side == "right" else 0, 9),
            textcoords="offset points", ha=side, va="bottom", fontsize=SMALL + 0.5, fontweight="bold",
            color=colours.ink, zorder=5,
        )  # fmt: skip
        ax.set_xlim(0.6, k + 0.4)
        # Of next to no entropy the axis would show rounding as a cliff.
        top = max(float(tree.curve.max()), _LEAST_ENTROPY * (tree.merges[-1].rows if tree.merges else 1.0))
        ax.set_ylim(-0.12 * top, 1.12 * top)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.set_xlabel("number of clusters")
        ax.set_ylabel("entropy of the\nclassification (nats)")
        ax.set_label(f"Entropy of the classification into 1 to {k} clusters")
        lines = "; broken lines: fitted left and right of the elbow" if tree.rule == "entropy" and proposed < k else ""
        note(ax, tree.reason.rstrip(".") + lines + ".", colours)
    return ax


def plot_merge_tree(tree: MergeTree, *, ax: Axes | None = None, theme: ThemeName = "light", width: float = 6.5) -> Axes:
    """Draw which components are merged, and in which order: components below, one cluster at the top.

    Merges below the broken line are made for the proposed number of clusters, in each cluster's colour. What is written
    at a merge is why it was next: the entropy that it took off, in nats for each row merged, or how often rows of one
    are taken for the other's.

    Parameters
    ----------
    tree : MergeTree
    ax : Axes, optional
        Where to draw. Default: a new figure.
    theme : {"light", "dark"}
    width : float, default=6.5
        Of a new figure, in inches.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from gmmkit import Mixture
    >>> from gmmkit.selection.merging import merge_by_misclassification
    >>> halves = [[0.0, 0.0], [1.0, 0.0], [9.0, 9.0]]
    >>> mixture = Mixture.from_arrays([0.3, 0.3, 0.4], halves, [1.0, 1.0, 1.0], covariance_type="spherical")
    >>> tree = merge_by_misclassification(mixture, mixture.sample(90, seed=0)[0])
    >>> plot_merge_tree(tree).get_ylabel()
    'number of clusters left'
    """
    colours = theme_named(theme)
    k = tree.mixture.n_components
    place = {leaf: float(x) for x, leaf in enumerate(_leaves(tree))}
    cluster = {j: c for c, group in enumerate(tree.groups()) for j in group}
    with drawing():
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            ax = new_figure(width, min(4.2, max(2.6, 1.4 + 0.3 * k)), colours).subplots()
        dress(ax, colours, grid=None)
        apart = axes_width(ax) * 72 / k
        at: dict[tuple[int, ...], tuple[float, float]] = {(j,): (place[j], float(k)) for j in range(k)}
        for m, merge in enumerate(tree.merges, start=1):
            left, right = sorted((at[merge.first], at[merge.second]))
            level = float(k - m)
            within = k - m >= tree.proposed
            colour = component_style(cluster[merge.first[0]], theme)[0] if within else colours.muted
            ax.plot(
                [left[0], left[0], right[0], right[0]], [left[1], level, level, right[1]], color=colour,
                linewidth=2.0 if within else 1.2, solid_joinstyle="round", label=f"_merge {m}", zorder=2,
            )  # fmt: skip
            middle = 0.5 * (left[0] + right[0])
            at[tuple(sorted((*merge.first, *merge.second)))] = middle, level
            if apart >= _LEAST_APART:
                # Inside the bracket: the next merge's line rises above its middle.
                ax.annotate(_score(tree, merge), (middle, level), xytext=(0, -2), textcoords="offset points",
                            ha="center", va="top", fontsize=SMALL - 0.5, color=colours.ink)  # fmt: skip
        for j, x in place.items():
            colour, marker = component_style(cluster[j], theme)
            ax.plot([x], [k], linestyle="none", marker=marker, markersize=6, color=colour, markeredgewidth=0,
                    label=f"_leaf {j}", zorder=3, clip_on=False)  # fmt: skip
        if 1 < tree.proposed < k:
            ax.axhline(tree.proposed - 0.5, color=colours.muted, linewidth=1.0, linestyle="--", label="_cut")
        _axes(ax, place, k, apart)
        ax.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.set_label(f"Tree of {k} components merged into clusters")
        note(ax, _remark(tree, written=apart >= _LEAST_APART), colours)
    return ax


def _axes(ax: Axes, place: dict[int, float], k: int, apart: float) -> None:
    ax.set(xlim=(-0.6, k - 0.4), ylim=(k + 0.25, 0.55))
    if k <= _MOST_NAMED and apart >= 9.0:
        ax.set_xticks(list(place.values()), [str(j) for j in place])
    else:
        ax.set_xticks([])
    ax.tick_params(axis="x", length=0)
    ax.spines["bottom"].set_visible(False)
    ax.set_xlabel("component")
    ax.set_ylabel("number of clusters left")


def _leaves(tree: MergeTree) -> list[int]:
    """Return the components in an order in which no two merges cross."""
    order: dict[tuple[int, ...], list[int]] = {(j,): [j] for j in range(tree.mixture.n_components)}
    for merge in tree.merges:
        joined = order.pop(merge.first) + order.pop(merge.second)
        order[tuple(sorted(joined))] = joined
    return next(iter(order.values()))


def _score(tree: MergeTree, merge: Merge) -> str:
    value = merge.fall_per_row if tree.rule == "entropy" else merge.score
    if tree.rule == "entropy":
        return f"{value:.2f}" if value >= 0.005 else "<0.01"
    return f"{100 * value:.0f} %" if value >= 0.095 else f"{100 * value:.1f} %" if value >= 0.0005 else "<0.1 %"


def _remark(tree: MergeTree, *, written: bool) -> str:
    k = tree.mixture.n_components
    said = f"{k} components, {tree.proposed} cluster{'s' * (tree.proposed > 1)}"
    if tree.merges and written:
        said += "; numbers: "
        said += (
            "entropy taken off by a merge, nats for each row merged"
            if tree.rule == "entropy"
            else "how often rows of one are taken for the other's"
        )
    return said + "."
