"""A column as another tells it: the mean and central intervals of a mixture's conditional, over the rows.

At each value of the input the target has a mixture of its own (`model/predictive.py`); other columns are integrated
out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError
from gmmkit.model.holder import MixtureHolder, mixture_of
from gmmkit.model.mixture import Mixture
from gmmkit.model.predictive import Predictive
from gmmkit.numerics.arguments import numbers
from gmmkit.numerics.streams import Seed
from gmmkit.plots.marks import outside
from gmmkit.plots.style import ThemeName, drawing, dress, legend, name_axis, new_figure, note, theme_named
from gmmkit.plots.subject import choose_columns, column_names, draw, marginal, middle, reach, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_regression"]

Array = NDArray[np.float64]

_MOST_ROWS = 2000
_PROBABILITIES = (0.5, 0.9)
_POINTS = 200
_SHADE = 0.22  # of one band; bands lie on each other, so that the shades add


def plot_regression(
    mixture: Mixture | MixtureHolder,
    rows: Any = None,
    *,
    columns: Sequence[int | str],
    names: Sequence[str] | None = None,
    probabilities: Sequence[float] = _PROBABILITIES,
    span: tuple[float, float] | None = None,
    ax: Axes | None = None,
    max_rows: int | None = _MOST_ROWS,
    seed: Seed = 0,
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes:
    """Draw the mean and the central intervals of one column at each value of another.

    Parameters
    ----------
    mixture : Mixture or fitted estimator
        Of all columns together, such as ``regressor.estimator_``.
    rows : array-like of shape (n, d), data frame or Table, optional
        Drawn as points.
    columns : sequence of two int or str
        The input, to the right, and the target, upwards; other columns are integrated out.
    names : sequence of str, optional
        Names of all d columns; data frames have their own.
    probabilities : sequence of float, default=(0.5, 0.9)
        Of the intervals.
    span : (float, float), optional
        The values of the input between which lines are drawn. Default: those of the middle 99 % of the rows; without
        rows, as far as components reach.
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
        If the rows are not of the mixture's width, or not finite.
    ParameterError
        If there are not two columns, one is unknown, a probability is not between 0 and 1, or the span is not from a
        number to a larger one.

    Examples
    --------
    >>> from gmmkit import Full, Mixture
    >>> mixture = Mixture([1.0], [[0.0, 1.0]], Full([[[1.0, 0.5], [0.5, 1.0]]]))
    >>> plot_regression(mixture, columns=["dose", "effect"], names=["dose", "effect"]).get_ylabel()
    'effect'
    """
    model, mixture = mixture, mixture_of(mixture)
    colours = theme_named(theme)
    levels = sorted(numbers("probabilities", list(probabilities)).tolist())
    if not levels or levels[0] <= 0.0 or levels[-1] >= 1.0 or len(set(levels)) < len(levels):
        raise ParameterError(
            f"probabilities must be between 0 and 1 and differ from each other, but got {list(probabilities)}"
        )
    drawn = None if rows is None else draw(model, rows, names, max_rows, seed)
    all_names = column_names(mixture.n_features, names) if drawn is None else drawn.names
    chosen = choose_columns(mixture, all_names, columns, 2)
    if len(chosen) != 2:
        raise ParameterError(f"columns must be two, the input and the target, but got {len(chosen)}")
    part = marginal(mixture, chosen)
    shown = None if drawn is None else drawn.rows[:, chosen]
    limits = [reach(part, j, None if shown is None else shown[:, j]) for j in range(2)]
    ends, limits[0] = _spanned(limits[0], None if shown is None else shown[:, 0], span)
    grid = np.linspace(*ends, _POINTS)
    found = Predictive(part, [1], grid[:, None])
    bands = [found.interval(level)[:, 0] for level in levels]
    mean = found.mean()[:, 0]
    remarks = ["line: the mean; bands: central intervals"]
    if drawn is not None and shown is not None:
        remarks = [drawn.remark, outside(shown, limits), *remarks]
    if mixture.n_features > 2:
        remarks.append(f"{mixture.n_features - 2} other columns are integrated out")
    with drawing():
        if ax is None:
            ax = new_figure(width, min(4.4, 0.95 * width) + (0.5 if width < 5.0 else 0.0), colours).subplots()
        dress(ax, colours)
        names_shown = [short(all_names[j]) for j in chosen]
        ax.set_label(f"{names_shown[1]} given {names_shown[0]}")
        ax.set(xlim=limits[0])
        if shown is not None:
            ax.plot(
                *shown.T, linestyle="none", marker="o", markersize=3.0 if len(shown) <= 500 else 2.0,
                color=colours.ink, alpha=0.45, markeredgewidth=0, zorder=1, label="_rows",
            )  # fmt: skip
        for level, band in zip(levels[::-1], bands[::-1], strict=True):
            ax.fill_between(
                grid, band[:, 0], band[:, 1], color=colours.accent, alpha=_SHADE, linewidth=0, zorder=2,
                label=f"_band {level:g}",
            )  # fmt: skip
        ax.plot(grid, mean, color=colours.accent, linewidth=1.8, zorder=3, label="_mean")
        low, high = bands[-1].min(), bands[-1].max()
        if shown is not None:
            low, high = min(low, limits[1][0]), max(high, limits[1][1])
        ax.set_ylim(low - 0.04 * (high - low), high + 0.04 * (high - low))
        _explain(ax, levels, theme)
        for axis, name in zip((ax.xaxis, ax.yaxis), names_shown, strict=True):
            name_axis(axis, name)
        text = "; ".join(remark for remark in remarks if remark)
        note(ax, text[0].upper() + text[1:] + ".", colours)
    return ax


def _spanned(
    limits: tuple[float, float], values: Array | None, span: tuple[float, float] | None
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return from where to where lines go, and the picture: no farther than values and lines, and not beyond limits."""
    if span is not None:
        ends = numbers("span", list(span))
        if ends.shape != (2,) or not ends[0] < ends[1] or not np.isfinite(ends).all():
            raise ParameterError(f"span must be a number and a larger one, but got {span!r}")
        low, high = float(ends[0]), float(ends[1])
    elif values is None or not len(values):
        return limits, limits
    else:
        first, last = middle(values)
        low, high = max(limits[0], first), min(limits[1], last)
        if not low < high:
            return limits, limits
    seen = np.array([low, high]) if values is None else np.append(values, [low, high])
    seen = seen[(seen >= min(low, limits[0])) & (seen <= max(high, limits[1]))]
    margin = 0.03 * float(np.ptp(seen))
    return (low, high), (float(seen.min()) - margin, float(seen.max()) + margin)


def _explain(ax: Axes, levels: Sequence[float], theme: ThemeName) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    colours = theme_named(theme)
    handles: list[Any] = [Line2D([], [], color=colours.accent, linewidth=1.8, label="mean")]
    handles += [
        Patch(facecolor=colours.accent, alpha=1.0 - (1.0 - _SHADE) ** (len(levels) - i), label=f"{100 * level:.4g} %")
        for i, level in enumerate(levels)
    ]
    legend(ax, handles, colours)
