"""A bootstrapped likelihood-ratio test: the statistic observed, among those of rows drawn with one component less."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gmmkit.errors import DataError, ParameterError
from gmmkit.numerics.arguments import numbers, shown
from gmmkit.plots.style import SMALL, ThemeName, drawing, dress, new_figure, note, theme_named
from gmmkit.selection.likelihood_ratio import LikelihoodRatioTest, LikelihoodRatioTests

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_likelihood_ratio"]

_MOST_BINS = 40


def plot_likelihood_ratio(
    replicates: Sequence[float] | LikelihoodRatioTest,
    observed: float | None = None,
    *,
    n_components: int | None = None,
    p_value: float | None = None,
    ax: Axes | None = None,
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes:
    """Draw a histogram of the replicates' statistics, with the observed one as a line.

    The statistic is twice what one component more adds to the log-likelihood (McLachlan 1987, "On bootstrapping the
    likelihood ratio test statistic for the number of components in a normal mixture", Applied Statistics 36).

    Parameters
    ----------
    replicates : sequence of float, or LikelihoodRatioTest
        Of rows drawn from the fit with fewer components; those that are not finite are left out. A test tells the
        other numbers, too.
    observed : float, optional
        Given with replicates.
    n_components : int, optional
        Of the fit with fewer components; given with replicates.
    p_value : float, optional
        Default: the test's, or ``(1 + replicates at least as large) / (1 + replicates)``.
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
        If no replicate is finite.
    ParameterError
        If `replicates` are those of several tests, or `observed` or `n_components` are missing beside numbers.

    Examples
    --------
    >>> ax = plot_likelihood_ratio([2.0, 5.0, 3.0, 8.0], 20.0, n_components=1)
    >>> ax.texts[-1].get_text()
    '1 component against 2: 0 of 4 replicates as large as 20.0; p = 0.2.'
    """
    colours = theme_named(theme)
    if isinstance(replicates, LikelihoodRatioTest):
        test, replicates = replicates, replicates.replicates.tolist()
        observed = test.statistic if observed is None else observed
        n_components = test.n_components if n_components is None else n_components
        p_value = test.p_value if p_value is None else p_value
    elif isinstance(replicates, LikelihoodRatioTests):
        raise ParameterError(
            f"replicates must be those of one test, but got {shown(replicates)}: "
            "give one of its tests, such as tests.tests[-1]"
        )
    if observed is None or n_components is None:
        raise ParameterError("observed and n_components must be given with replicates, or a LikelihoodRatioTest alone")
    values = numbers("replicates", replicates).ravel()
    values = values[np.isfinite(values)]
    if not len(values):
        raise DataError("replicates must hold at least one finite value: there is nothing to draw")
    larger = int((values >= observed).sum())
    p = (1 + larger) / (1 + len(values)) if p_value is None else p_value
    with drawing():
        if ax is None:
            ax = new_figure(width, min(3.2, 0.75 * width), colours).subplots()
        dress(ax, colours, grid="y")
        edges = np.histogram_bin_edges(values, bins="fd")
        edges = np.linspace(edges[0], edges[-1], int(np.clip(len(edges), 6, _MOST_BINS + 1)))
        heights, edges = np.histogram(values, edges)
        ax.stairs(heights, edges, fill=True, color=colours.muted, alpha=0.35, label="_replicates", zorder=2)
        ax.axvline(observed, color=colours.accent, linewidth=2.0, label="_observed", zorder=3)
        low, high = min(float(values.min()), observed), max(float(values.max()), observed)
        room = 0.05 * ((high - low) or 1.0)
        right = observed > 0.5 * (low + high)
        ax.annotate(
            f"observed {observed:,.1f}", (observed, 1.0), xycoords=("data", "axes fraction"),
            xytext=(-5 if right else 5, -2), textcoords="offset points", ha="right" if right else "left", va="top",
            fontsize=SMALL + 0.5, fontweight="bold", color=colours.ink, zorder=4,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": colours.surface, "edgecolor": "none", "alpha": 0.8},
        )  # fmt: skip
        ax.set(xlim=(low - room, high + room), ylim=(0.0, 1.16 * float(heights.max())))
        ax.set_xlabel("likelihood-ratio statistic")
        ax.set_ylabel("replicates")
        against = f"{n_components} component{'s' * (n_components > 1)} against {n_components + 1}"
        ax.set_label(f"Bootstrapped likelihood ratio of {against}")
        text = f"{against}: {larger} of {len(values)} replicates as large as {observed:,.1f}; p = {p:.2g}."
        note(ax, text, colours)
    return ax
