"""Probabilities that ought to be uniform: p-values of rows, or how far up each observed value lies in its prediction.

p-values of normal rows are uniform, so that more small ones than there should be are anomalies; probabilities of
observed values are uniform where predictions are as sure as they ought to be (Dawid 1984, Journal of the Royal
Statistical Society A 147; Gneiting, Balabdaoui & Raftery 2007, Journal of the Royal Statistical Society B 69).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from gmmkit.errors import DataError
from gmmkit.numerics.arguments import numbers, whole
from gmmkit.plots.style import ThemeName, drawing, dress, name_axis, new_figure, note, theme_named
from gmmkit.plots.subject import short
from gmmkit.selection.conformal import error_of_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_uniform"]

# Standard errors to either side of what is expected: 95 % of the bars of uniform values end there.
_ERRORS = 1.96


def plot_uniform(
    values: ArrayLike,
    *,
    name: str = "p-value",
    bins: int = 20,
    n_reference: int | None = None,
    ax: Axes | None = None,
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes:
    """Draw a histogram of probabilities, how high its bars would be of uniform ones, and how far those would scatter.

    Parameters
    ----------
    values : array_like of shape (n,)
        From 0 to 1, such as ``detector.p_values(X)``, or ``predictive.cdf(y)[:, 0]``.
    name : str
        What they are.
    bins : int, default=20
        Bars, of the same width; an edge belongs to the bar to its left, so that at most 0.05 is the first of 20.
    n_reference : int, optional
        How many scores all values are ranks among: the fewer, the wider they scatter together. Default: they are exact.
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
        If there are no values, or one lies outside [0, 1].
    ParameterError
        If `bins` or `n_reference` is no whole number of at least 1.

    Examples
    --------
    >>> ax = plot_uniform([0.01, 0.02, 0.4, 0.9], bins=2)
    >>> [float(bar.get_height()) for bar in ax.patches[:2]]
    [3.0, 1.0]
    """
    from matplotlib.ticker import MaxNLocator

    colours = theme_named(theme)
    p = numbers("values", values)
    if p.ndim != 1 or not len(p) or not ((p >= 0.0) & (p <= 1.0)).all():
        raise DataError("values must be probabilities from 0 to 1, one for each row, and at least one")
    bins = whole("bins", bins, 1)
    if n_reference is not None:
        whole("n_reference", n_reference, 1)
    # Rounding must not move 0.07 × 100: p-values are ratios of whole numbers.
    places = np.clip(np.ceil(p * bins - 1e-9).astype(np.intp) - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins).astype(float)
    expected = len(p) / bins
    error = error_of_count(len(p), 1.0 / bins, n_reference)
    low, high = max(0.0, expected - _ERRORS * error), expected + _ERRORS * error
    with drawing():
        if ax is None:
            ax = new_figure(width, min(3.4, 0.75 * width) + 0.3, colours).subplots()
        dress(ax, colours, grid="y")
        bars = ax.bar(
            (np.arange(bins) + 0.5) / bins, counts, width=0.92 / bins, color=colours.muted, alpha=0.6, zorder=2
        )
        for bar, count in zip(bars, counts, strict=True):
            if count > high:
                bar.set(facecolor=colours.palette[1], alpha=1.0)
        ax.axhline(expected, color=colours.ink, linewidth=1.2, zorder=4)
        ax.axhspan(low, high, color=colours.accent, alpha=0.18, linewidth=0, zorder=1, label="_expected")
        ax.set_xlim(0.0, 1.0)
        ax.set_ylim(0.0, 1.08 * max(high, float(counts.max())))
        ax.yaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))
        name_axis(ax.xaxis, short(name))
        name_axis(ax.yaxis, "rows")
        ax.set_label(f"Histogram of {len(p):,} values of {short(name)}, beside uniform ones")
        remark = "Line: what uniform values would be; band: where 95 % of their bars end."
        if (counts > high).any():
            remark += " Bars above it stand out."
        note(ax, remark, colours)
    return ax
