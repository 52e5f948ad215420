"""Scores of rows, the threshold, and which rows lie below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import DataError, ParameterError
from gmmkit.numerics.arguments import numbers
from gmmkit.plots.style import ThemeName, drawing, dress, name_axis, new_figure, note, theme_named

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_scores"]

_FEWEST_BARS, _MOST_BARS = 10, 60
# How far below the median the picture goes, in distances of the median from the highest score.
_DEPTH = 4.0


def plot_scores(
    scores: ArrayLike,
    flags: ArrayLike | None = None,
    *,
    threshold: float | None = None,
    ax: Axes | None = None,
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes:
    """Draw how scores are distributed, those of outliers in colour; scores far below all others are counted instead.

    Parameters
    ----------
    scores : array_like of shape (n,)
        Low ones are unusual, such as ``detector.score_samples(X)``.
    flags : array_like of shape (n,), optional
        Which rows are outliers, as truth values.
    threshold : float, optional
        Drawn as a line, if it is finite.
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
        If there are no scores, or one is no finite number.
    ParameterError
        If there are not as many flags as scores.

    Examples
    --------
    >>> ax = plot_scores([-9.0, -1.0, -1.2, -0.8], [True, False, False, False])
    >>> ax.get_xlabel()
    'score (low: unusual)'
    """
    from matplotlib.ticker import MaxNLocator

    colours = theme_named(theme)
    values = numbers("scores", scores)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise DataError("scores must be finite numbers, one for each row, and at least one")
    out = np.zeros(len(values), dtype=bool) if flags is None else np.asarray(flags, dtype=bool)
    if out.shape != values.shape:
        raise ParameterError(f"flags must be one for each of {len(values)} scores, but got the shape {out.shape}")
    middle, top = float(np.median(values)), float(values.max())
    lowest = max(float(values.min()), middle - _DEPTH * max(top - middle, 1e-9 * max(1.0, abs(middle))))
    below = values < lowest
    shown = values[~below]
    edges = np.linspace(lowest, top if top > lowest else lowest + 1.0, _bars(shown, top - lowest) + 1)
    usual, unusual = (np.histogram(values[mask & ~below], edges)[0] for mask in (~out, out))
    with drawing():
        if ax is None:
            ax = new_figure(width, min(3.4, 0.75 * width) + 0.3, colours).subplots()
        dress(ax, colours, grid="y")
        ax.stairs(usual + unusual, edges, fill=True, color=colours.palette[1], label="_outliers", zorder=2)
        ax.stairs(usual, edges, fill=True, color=colours.surface, label="_behind", zorder=2)
        ax.stairs(usual, edges, fill=True, color=colours.muted, alpha=0.6, label="_others", zorder=3)
        told = f", {int(out.sum()):,} of them called" + ", in colour" * bool(unusual.any()) if out.any() else ""
        remarks = [f"{len(values):,} rows{told}"]
        if threshold is not None and lowest <= threshold <= top:
            ax.axvline(threshold, color=colours.ink, linewidth=1.2, linestyle="--", zorder=4)
            remarks.append("broken line: the threshold")
        if below.any():
            remarks.append(
                f"{int(below.sum()):,} score lower still, down to {values.min():,.4g}".replace("-", "\N{MINUS SIGN}")
            )
        ax.set_xlim(edges[0], edges[-1])
        ax.set_ylim(0.0, 1.08 * max(1.0, float((usual + unusual).max())))
        ax.yaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))
        name_axis(ax.xaxis, "score (low: unusual)")
        name_axis(ax.yaxis, "rows")
        ax.set_label(f"Scores of {len(values):,} rows")
        note(ax, "; ".join(remarks) + ".", colours)
    return ax


def _bars(values: NDArray[np.float64], size: float) -> int:
    """Return how many bars show values over a range (Freedman & Diaconis 1981), held between what can be read."""
    quartiles = np.percentile(values, [25.0, 75.0])
    bar = 2.0 * float(quartiles[1] - quartiles[0]) / len(values) ** (1.0 / 3.0)
    return int(np.clip(size / bar, _FEWEST_BARS, _MOST_BARS)) if bar * _MOST_BARS > size else _MOST_BARS
