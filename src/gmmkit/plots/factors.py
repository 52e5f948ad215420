"""Which factors explain which columns, in one component of a mixture of factor analysers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gmmkit.errors import ParameterError
from gmmkit.model.covariance import Factor
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.arguments import indices
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
from gmmkit.plots.subject import column_names, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_factors"]

_MOST_COLUMNS = 40
# Bars that are wide enough for a sign.
_ROOM = 0.05


def plot_factors(
    mixture: Mixture,
    *,
    component: int = 0,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes:
    """Draw a bar for each column: the shares of its variance that each factor explains; the rest is noise.

    Within a component; a sign in a bar is that of the column's correlation with the factor. Of many columns those are
    shown of which factors explain most.

    Parameters
    ----------
    mixture : Mixture
        Of factor covariances.
    component : int, default=0
    names : sequence of str, optional
        Of the columns.
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
        If the covariances have no factors, or there is no such component.

    Examples
    --------
    >>> m = Mixture([1.0], [[0.0, 0.0]], Factor.of([[[3.0], [-1.0]]], [[1.0, 1.0]]))
    >>> [round(float(bar.get_width()), 2) for bar in plot_factors(m).patches]
    [0.9, 0.5]
    """
    colours = theme_named(theme)
    if not isinstance(mixture.covariance, Factor):
        raise ParameterError(
            f"only factor covariances have factors to draw, but these are {mixture.covariance_type!r}: "
            "fit a MixtureOfFactorAnalyzers"
        )
    (chosen,) = indices("component", [component], mixture.n_components)
    covariance = mixture.covariance.canonical()
    loadings = covariance.loadings[chosen]
    shares = loadings**2 / covariance.variances()[chosen][:, None]
    d, q = shares.shape
    labels = column_names(d, names)
    explained = shares.sum(axis=1)
    shown = np.sort(np.argsort(-explained, kind="stable")[:_MOST_COLUMNS])
    with drawing():
        if ax is None:
            ax = new_figure(width, 1.3 + 0.26 * len(shown), colours).subplots()
        dress(ax, colours, grid="x")
        start = np.zeros(len(shown))
        places = np.arange(len(shown))
        for j in range(q):
            share, colour = shares[shown, j], component_style(j, theme)[0]
            ax.barh(places, share, left=start, height=0.72, color=colour, label=f"factor {j}", linewidth=0, zorder=2)
            for place in np.flatnonzero(share > _ROOM).tolist():
                sign = "+" if loadings[shown[place], j] > 0 else "\N{MINUS SIGN}"
                ax.text(start[place] + share[place] / 2, place, sign, color=colours.surface, ha="center", va="center")
            start += share
        ax.set_ylim(len(shown) - 0.4, -0.6)
        ax.set_yticks(places, [short(labels[i]) for i in shown], parse_math=False)
        ax.tick_params(axis="y", length=0, labelcolor=colours.ink)
        ax.set_xlim(0.0, 1.0)
        name_axis(ax.xaxis, "share of the column's variance")
        handles, _ = ax.get_legend_handles_labels()
        legend(ax, handles, colours)
        ax.set_label(f"Factors of component {chosen}")
        of = "" if mixture.n_components == 1 else f" within component {chosen}"
        rest = f" {len(shown)} of {d} columns, those of which factors explain most." if len(shown) < d else ""
        remark = f"Factors explain {explained.mean():.0%} of the variance{of}, in the mean of columns.{rest}"
        note(ax, remark, colours, beside=1.8)
    return ax
