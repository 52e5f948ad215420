"""What was observed beside what was predicted, row by row, and which rows lie outside their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from gmmkit.errors import DataError, ParameterError
from gmmkit.numerics.arguments import numbers, whole
from gmmkit.numerics.streams import Seed, generator
from gmmkit.plots.style import ThemeName, drawing, dress, legend, name_axis, new_figure, note, theme_named
from gmmkit.plots.subject import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_predicted"]

_MOST_ROWS = 2000
# Of the values at either end, and how far the picture goes beyond, in its own size.
_END, _MARGIN = 0.005, 0.35


def plot_predicted(
    predicted: ArrayLike,
    observed: ArrayLike,
    *,
    intervals: ArrayLike | None = None,
    name: str = "value",
    ax: Axes | None = None,
    max_rows: int | None = _MOST_ROWS,
    seed: Seed = 0,
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes:
    """Draw observed values over predicted ones: on the line, predictions are right.

    Parameters
    ----------
    predicted, observed : array_like of shape (n,)
        Finite, such as ``regressor.predict(X)`` and ``y``.
    intervals : array_like of shape (n, 2), optional
        Such as ``regressor.predict_interval(X)``: rows that lie outside theirs have a colour and a mark of their own.
    name : str
        Of what is predicted.
    ax : Axes, optional
        Where to draw. Default: a new figure.
    max_rows : int or None, default=2000
        More points are thinned to so many by a seeded sample.
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
        If there are no rows, or a value is not finite.
    ParameterError
        If there are not as many of each.

    Examples
    --------
    >>> ax = plot_predicted([1.0, 2.0, 3.0], [1.1, 1.9, 3.5], intervals=[[0, 2], [1, 3], [2.8, 3.2]], name="rent")
    >>> ax.get_ylabel(), ax.texts[0].get_text()
    ('rent, observed', '3 rows, 1 outside its interval; line: what is observed is what was predicted.')
    """
    colours = theme_named(theme)
    x, y = numbers("predicted", predicted), numbers("observed", observed)
    if x.ndim != 1 or not len(x) or not np.isfinite(x).all() or not np.isfinite(y).all():
        raise DataError("predicted and observed must be finite numbers, one for each row, and at least one")
    if y.shape != x.shape:
        raise ParameterError(f"observed must be one for each of {len(x)} predictions, but got the shape {y.shape}")
    out = np.zeros(len(x), dtype=bool)
    if intervals is not None:
        ends = numbers("intervals", intervals)
        if ends.shape != (len(x), 2):
            raise ParameterError(f"intervals must have the shape ({len(x)}, 2), but got {ends.shape}")
        out = (y < ends[:, 0]) | (y > ends[:, 1])
    shown = np.arange(len(x))
    if max_rows is not None and len(x) > whole("max_rows", max_rows, 1):
        shown = np.sort(generator(seed).choice(len(x), size=max_rows, replace=False))
    low, high = _limits(np.concatenate([x, y]))
    outside = ((x[shown] < low) | (x[shown] > high) | (y[shown] < low) | (y[shown] > high)).sum()
    few = "" if len(shown) == len(x) else f"a random {len(shown):,} of "
    remarks = [f"{few}{len(x):,} row{'s' * (len(x) != 1)}"]
    if intervals is not None:
        remarks[0] += f", {int(out.sum()):,} outside {'its interval' if out.sum() == 1 else 'their intervals'}"
    if outside:
        remarks.append(f"{int(outside):,} far outside the picture")
    remarks.append("line: what is observed is what was predicted")
    with drawing():
        from matplotlib.lines import Line2D

        if ax is None:
            ax = new_figure(width, min(4.4, 0.95 * width) + (0.5 if width < 5.0 else 0.0), colours).subplots()
        dress(ax, colours)
        ax.plot([low, high], [low, high], color=colours.accent, linewidth=1.4, zorder=1, label="_line")
        size = 3.0 if len(shown) <= 500 else 2.0
        handles: list[Any] = []
        kinds = [("inside its interval", ~out, colours.ink, "o", 0.45), ("outside", out, colours.palette[1], "D", 0.9)]
        for kind, mask, colour, marker, alpha in kinds:
            own = shown[mask[shown]]
            ax.plot(
                x[own], y[own], linestyle="none", marker=marker, markersize=size, color=colour, alpha=alpha,
                markeredgewidth=0, zorder=2, label=f"_{kind}",
            )  # fmt: skip
            handles.append(
                Line2D([], [], linestyle="none", marker=marker, markersize=5, color=colour, markeredgewidth=0,
                       label=kind)
            )  # fmt: skip
        ax.set(xlim=(low, high), ylim=(low, high))
        if intervals is not None:
            legend(ax, handles, colours)
        name_axis(ax.xaxis, f"{short(name)}, predicted")
        name_axis(ax.yaxis, f"{short(name)}, observed")
        ax.set_label(f"{short(name)}, observed over predicted")
        text = "; ".join(remarks)
        note(ax, f"{text[0].upper()}{text[1:]}.", colours)
    return ax


def _limits(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float]:
    first, last = (float(end) for end in np.quantile(values, [_END, 1.0 - _END]))
    size = last - first
    low, high = max(float(values.min()), first - _MARGIN * size), min(float(values.max()), last + _MARGIN * size)
    margin = 0.03 * (high - low) if high > low else max(1.0, 0.1 * abs(low))
    return low - margin, high + margin
