"""What pictures of rows and components share: ellipses, points, means, legends of components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gmmkit.model.mixture import Mixture
from gmmkit.plots.style import SMALL, ThemeName, component_style, theme_named

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["about_ellipses", "component_handles", "crosses", "ellipses", "numbers", "outside", "percent", "points"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

#: In standard deviations of a Gaussian, of which such an ellipse in two columns holds 1 − exp(−2) = 86 %.
ELLIPSE_RADIUS = 2.0
_MOST_IN_LEGEND = 14
_MOST_NUMBERS = 30
_APART = (15.0, 14.0)  # points between the middles of two numbers, across and up


def ellipses(
    ax: Axes, mixture: Mixture, theme: ThemeName, clusters: Indices, *, linewidth: float = 1.4, alpha: float = 1.0
) -> None:
    """Outline 86 % of each component of a two-column mixture, in the colour of its cluster."""
    from matplotlib.patches import Ellipse

    variances, directions = np.linalg.eigh(mixture.covariance.dense())
    axes = 2.0 * _radii(mixture)[:, None] * np.sqrt(np.maximum(variances, 0.0))
    for j in np.flatnonzero(mixture.weights > 0):
        colour, _ = component_style(int(clusters[j]), theme)
        along = directions[j, :, 1]  # eigenvalues ascend: the last is the long axis
        ellipse = Ellipse(
            (mixture.means[j, 0], mixture.means[j, 1]), axes[j, 1], axes[j, 0],
            angle=float(np.degrees(np.arctan2(along[1], along[0]))),
            facecolor="none", edgecolor=colour, linewidth=linewidth, alpha=alpha, zorder=3,
        )  # fmt: skip
        ellipse.set_label(f"_component {j}")
        ax.add_patch(ellipse)


def _radii(mixture: Mixture) -> Array:
    """Return the distance within which 86 % of each component's rows lie (k,), in units of its scale.

    In two columns a t of ν degrees of freedom is further away than r with the probability ``(1 + r² / ν)^(−ν/2)``.
    """
    gaussian = np.full(mixture.n_components, ELLIPSE_RADIUS)
    nu = mixture.degrees_of_freedom
    if nu is None:
        return gaussian
    heavy = np.isfinite(nu)
    some = np.where(heavy, nu, 1.0)
    return np.where(heavy, np.sqrt(some * np.expm1(ELLIPSE_RADIUS**2 / some)), gaussian)


def points(
    ax: Axes, rows: Array, labels: NDArray[np.intp], theme: ThemeName, *, size: float, alpha: float = 0.65
) -> None:
    """Draw rows (m, 2) in the colours and marks of their components, one line of marks for each."""
    for j in np.unique(labels):
        colour, marker = component_style(int(j), theme)
        ax.plot(
            *rows[labels == j].T, linestyle="none", marker=marker, markersize=size + 1.5 * (j < 0), color=colour,
            alpha=alpha, markeredgewidth=0.0, zorder=2 - (j < 0), label=f"_rows {j}",
        )  # fmt: skip


def numbers(ax: Axes, mixture: Mixture, theme: ThemeName, clusters: Indices) -> None:
    """Write the number of each component's cluster at its mean, beside it where numbers would lie on each other.

    The limits of the Axes must be set. Beyond 30 components the means are crosses.
    """
    if mixture.n_components > _MOST_NUMBERS:
        crosses(ax, mixture, theme, size=6.0)
        return
    colours = theme_named(theme)
    figure = ax.get_figure(root=True)
    box = ax.get_position()
    size = np.array([box.width, box.height]) * (figure.get_size_inches() if figure else 5.0) * 72.0
    low, high = np.array([ax.get_xlim(), ax.get_ylim()]).T
    at = (mixture.means - low) / (high - low) * size
    shifts = _apart(at) - at
    for j in np.flatnonzero(mixture.weights > 0):
        colour, _ = component_style(int(clusters[j]), theme)
        moved = bool(np.hypot(*shifts[j]) > 5.0)
        ax.annotate(
            str(clusters[j]), (mixture.means[j, 0], mixture.means[j, 1]), xytext=(shifts[j, 0], shifts[j, 1]),
            textcoords="offset points", ha="center", va="center", fontsize=SMALL, fontweight="bold",
            color=colours.ink, zorder=5, annotation_clip=False,
            bbox={"boxstyle": "round,pad=0.2", "facecolor": colours.surface, "edgecolor": colour, "linewidth": 1.2},
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}
            if moved else None,
        )  # fmt: skip


def _apart(at: Array) -> Array:
    """Push points apart until their boxes no longer overlap, or for 100 rounds."""
    at = at.copy()
    need = np.array(_APART)
    for _ in range(100):
        moved = False
        for i in range(len(at)):
            for j in range(i):
                gap = at[i] - at[j]
                lack = need - np.abs(gap)
                if (lack > 1e-9).all():
                    axis = int(lack[1] <= lack[0])
                    step = 0.5 * lack[axis] * (1.0 if gap[axis] >= 0 else -1.0)
                    at[i, axis] += step
                    at[j, axis] -= step
                    moved = True
        if not moved:
            break
    return at


def crosses(ax: Axes, mixture: Mixture, theme: ThemeName, *, size: float) -> None:
    """Mark the mean of each component of a two-column mixture with a cross."""
    colours = theme_named(theme)
    x, y = mixture.means[mixture.weights > 0].T
    # A cross on a wider cross of the surface's colour stays visible over its own rows.
    ax.plot(x, y, "+", markersize=size + 1, markeredgewidth=3.2, color=colours.surface, zorder=4, label="_halo")
    ax.plot(x, y, "+", markersize=size, markeredgewidth=1.4, color=colours.ink, zorder=5, label="_means")


def component_handles(
    mixture: Mixture, theme: ThemeName, clusters: Indices | None = None, most: int = _MOST_IN_LEGEND
) -> list[Artist]:
    """Return legend entries, cluster and weight; beyond `most` clusters those of largest weight."""
    from matplotlib.lines import Line2D

    weights = mixture.weights if clusters is None else np.bincount(clusters, mixture.weights)
    order = np.arange(len(weights))
    if len(order) > most:
        order = np.sort(np.argsort(-weights, kind="stable")[: most - 1])
    handles: list[Artist] = []
    for j in order:
        colour, marker = component_style(int(j), theme)
        handles.append(
            Line2D(
                [], [], linestyle="none", marker=marker, markersize=6, color=colour, markeredgewidth=0,
                label=f"{j}  ({percent(weights[j])})",
            )
        )  # fmt: skip
    if len(order) < len(weights):
        left = len(weights) - len(order)
        handles.append(Line2D([], [], linestyle="none", label=f"and {left} more"))
    if mixture.noise is not None:
        colour, marker = component_style(-1, theme)
        handles.append(
            Line2D([], [], linestyle="none", marker=marker, markersize=6, color=colour, markeredgewidth=0,
                   label=f"noise  ({percent(mixture.noise.weight)})")
        )  # fmt: skip
    return handles


def about_ellipses(mixture: Mixture) -> str:
    """Say what the ellipses are."""
    if mixture.degrees_of_freedom is not None:
        return "ellipses hold 86 % of a component"
    return f"ellipses: {ELLIPSE_RADIUS:g} standard deviations (86 % of a component)"


def outside(rows: Array, limits: list[tuple[float, float]]) -> str:
    """Say how many of the rows shown lie outside the picture: nothing if none does."""
    low, high = np.array(limits).T
    count = int(((rows < low) | (rows > high)).any(axis=1).sum())
    if not count:
        return ""
    return f"{count:,} far {'row lies' if count == 1 else 'rows lie'} outside the picture"


def percent(share: float) -> str:
    """Return a share as a whole number of per cent, but a small one as "<1 %"."""
    return "<1 %" if 0 < share < 0.005 else f"{100.0 * share:.0f} %"
