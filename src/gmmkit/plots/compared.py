"""One column of two kinds of rows, beside each other: real ones and drawn ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import DataError, ParameterError
from gmmkit.numerics.arguments import numbers
from gmmkit.plots.style import ThemeName, drawing, dress, legend, name_axis, new_figure, note, theme_named
from gmmkit.plots.subject import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_compared"]

Array = NDArray[np.float64]

# So few values each have a bar of their own.
_MOST_VALUES = 25
_BARS = 30
_MOST_STEPS = 2000
# Of either kind of rows at either end, and how far the picture goes beyond, in its own size: other values are counted.
_END, _MARGIN = 0.005, 0.35


def plot_compared(
    real: ArrayLike,
    drawn: ArrayLike,
    *,
    name: str = "value",
    kinds: Sequence[str] = ("real", "drawn"),
    ax: Axes | None = None,
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes:
    """Draw histograms of one column: real rows as bars, drawn ones as a line over them, in shares of their kind.

    Parameters
    ----------
    real, drawn : array_like of shape (n,) and (m,)
        Finite.
    name : str
        Of the column.
    kinds : sequence of two str
        What the rows are called.
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
        If there are no values of either kind, or one is not finite.
    ParameterError
        If there are not two kinds.

    Examples
    --------
    >>> ax = plot_compared([1, 1, 2, 3], [1, 2, 2, 3], name="children")
    >>> ax.get_xlabel(), [patch.get_data().values.tolist() for patch in ax.patches]
    ('children', [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
    """
    colours = theme_named(theme)
    values = [numbers(what, own) for what, own in (("real", real), ("drawn", drawn))]
    for what, own in zip(("real", "drawn"), values, strict=True):
        if own.ndim != 1 or not len(own) or not np.isfinite(own).all():
            raise DataError(f"{what} must be finite numbers, one for each row, and at least one")
    if isinstance(kinds, str) or len(kinds) != 2:
        raise ParameterError(f"kinds must be two names, but got {kinds!r}")
    edges = _edges(*values)
    shares = [np.histogram(own, edges)[0] / len(own) for own in values]
    with drawing():
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        if ax is None:
            ax = new_figure(width, 0.7 * width + (0.5 if width < 5.0 else 0.0), colours).subplots()
        dress(ax, colours, grid="y")
        ax.stairs(shares[0], edges, fill=True, color=colours.muted, alpha=0.4, label="_real", zorder=2)
        ax.stairs(shares[1], edges, color=colours.accent, linewidth=1.6, label="_drawn", zorder=3)
        ax.set_xlim(edges[0], edges[-1])
        ax.set_ylim(0.0, 1.08 * max(float(own.max()) for own in shares))
        ax.set_yticks([])
        handles: list[Any] = [Patch(facecolor=colours.muted, alpha=0.4, label=short(kinds[0]))]
        handles.append(Line2D([], [], color=colours.accent, linewidth=1.6, label=short(kinds[1])))
        legend(ax, handles, colours)
        name_axis(ax.xaxis, short(name))
        ax.set_label(f"{short(name)} of {len(values[0]):,} {kinds[0]} and {len(values[1]):,} {kinds[1]} rows")
        left_out = [int(((own < edges[0]) | (own > edges[-1])).sum()) for own in values]
        if any(left_out):
            told = " and ".join(f"{n:,} {kind}" for n, kind in zip(left_out, kinds, strict=True))
            note(ax, f"{told} rows lie outside the picture.", colours)
    return ax


def _edges(real: Array, drawn: Array) -> Array:
    """Return the edges of bars: between the values where there are few, else over the range that holds nearly all."""
    both = np.unique(np.concatenate([real, drawn]))
    if 1 < len(both) <= _MOST_VALUES:
        middles = 0.5 * both[1:] + 0.5 * both[:-1]
        first, last = 0.5 * (both[1] - both[0]), 0.5 * (both[-1] - both[-2])
        edges = np.concatenate([[both[0] - first], middles, [both[-1] + last]])
        if (np.diff(edges) > 0).all():
            return np.asarray(edges)
    counted = _steps(both)
    if counted is not None:
        return counted
    ends = np.array([np.quantile(own, [_END, 1.0 - _END]) for own in (real, drawn)])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    size = high - low
    low, high = max(float(both[0]), low - _MARGIN * size), min(float(both[-1]), high + _MARGIN * size)
    if not high - low > 1e-12 * max(abs(low), abs(high), np.finfo(float).tiny):
        margin = max(1.0, abs(low)) * 0.5
        low, high = low - margin, high + margin
    return np.linspace(low, high, _BARS + 1)


def _steps(values: Array) -> Array | None:
    """Return edges between values that are recorded in steps, so many to a bar; None where they are not, or far apart.

    Bars of any other width would hold now more and now fewer of them.
    """
    if len(values) < 2:
        return None
    size = float(np.diff(values).min())
    if size < 1e-9 * max(float(np.abs(values).max()), np.finfo(float).tiny / 1e-12):
        return None
    places = (values - values[0]) / size
    if places[-1] > _MOST_STEPS or not np.allclose(places, np.round(places), rtol=0.0, atol=1e-3):
        return None
    each = math.ceil((round(places[-1]) + 1) / _BARS)
    bars = math.ceil((round(places[-1]) + 1) / each)
    return np.asarray(values[0] + size * (each * np.arange(bars + 1) - 0.5))
