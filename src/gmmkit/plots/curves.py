"""The density of one column as a curve, with the curves of the components under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gmmkit.model.mixture import Mixture
from gmmkit.plots.style import ThemeName, component_style, theme_named
from gmmkit.plots.subject import fine_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["curves"]

_MOST_FILLED = 12


def curves(
    ax: Axes, mixture: Mixture, low: float, high: float, theme: ThemeName, clusters: NDArray[np.intp], *,
    linewidth: float = 1.6, components: bool = True,
) -> float:  # fmt: skip
    """Draw the density of a one-column mixture and, if asked for, its components' shares; return its highest value."""
    colours = theme_named(theme)
    grid = fine_grid(mixture, 0, low, high, points=240)
    with np.errstate(divide="ignore", under="ignore"):
        each = np.exp(mixture.component_log_density(grid[:, None]) + np.log(mixture.weights))
    total = each.sum(axis=1)
    if components and mixture.n_components > 1:
        for j in np.flatnonzero(mixture.weights > 0):
            colour, _ = component_style(int(clusters[j]), theme)
            seen = each[:, j] > 1e-3 * total.max()
            if not seen.any():
                continue
            ax.plot(grid[seen], each[seen, j], color=colour, linewidth=0.8 * linewidth, label=f"_component {j}")
            if mixture.n_components <= _MOST_FILLED:
                ax.fill_between(grid[seen], each[seen, j], color=colour, alpha=0.18, linewidth=0)
    ax.plot(grid, total, color=colours.ink, linewidth=linewidth, label="_density")
    return float(total.max())
