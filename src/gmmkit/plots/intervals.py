"""Estimates with their intervals: how far parameters could be off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gmmkit.errors import DataError
from gmmkit.plots.style import (
    ThemeName,
    component_style,
    drawing,
    dress,
    name_axis,
    new_figure,
    note,
    theme_named,
)
from gmmkit.plots.subject import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_intervals"]


def plot_intervals(
    rows: Sequence[Mapping[str, Any]],
    *,
    name: str = "estimate",
    remark: str = "",
    ax: Axes | None = None,
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes:
    """Draw each estimate as a mark with a bar from the low to the high end of its interval.

    Parameters
    ----------
    rows : sequence of mappings
        One for each estimate, from top to bottom, all of one unit: "name", "estimate", "low", "high"; "component" gives
        it a component's colour and mark. Rows of `Bootstrap.summary` and `ObservedInformation.summary`, of one
        parameter, are named by what they are of.
    name : str
        What they are estimates of.
    remark : str
        What is to be said below, such as where the intervals come from.
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
        If there are no rows, they are not mappings, or a key is missing.

    Examples
    --------
    >>> ax = plot_intervals([{"name": "weight 0", "estimate": 0.4, "low": 0.3, "high": 0.5}], name="weight")
    >>> ax.get_xlabel(), ax.get_yticklabels()[0].get_text()
    ('weight', 'weight 0')
    """
    colours = theme_named(theme)
    if not isinstance(rows, Sequence) or not all(isinstance(row, Mapping) for row in rows):
        raise DataError(
            f"expected rows of estimates, such as those of a bootstrap's summary(), but got {type(rows).__name__}"
        )
    if not rows:
        raise DataError("there are no estimates to draw: expected at least one row")
    rows = [row if "name" in row or "parameter" not in row else {**row, "name": _name_of(row)} for row in rows]
    for i, row in enumerate(rows):
        missing = [key for key in ("name", "estimate", "low", "high") if key not in row]
        if missing:
            raise DataError(f"row {i} of the estimates has no {missing[0]!r}; it has {', '.join(map(repr, row))}")
    with drawing():
        if ax is None:
            ax = new_figure(width, 1.15 + 0.3 * len(rows), colours).subplots()
        dress(ax, colours, grid="x")
        for place, row in enumerate(rows):
            component = row.get("component")
            colour, marker = (colours.accent, "o") if component is None else component_style(int(component), theme)
            value, low, high = (float(row[key]) for key in ("estimate", "low", "high"))
            ax.plot([low, high], [place, place], color=colour, linewidth=2.2, alpha=0.55, solid_capstyle="butt",
                    label=f"_interval {place}", zorder=2)  # fmt: skip
            for end in (low, high):
                ax.plot([end, end], [place - 0.16, place + 0.16], color=colour, linewidth=1.4, label="_end", zorder=2)
            ax.plot([value], [place], linestyle="none", marker=marker, markersize=6, color=colour, markeredgewidth=0,
                    label=f"_estimate {place}", zorder=3)  # fmt: skip
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_yticks(range(len(rows)), [short(str(row["name"])) for row in rows], parse_math=False)
        ax.tick_params(axis="y", length=0, labelcolor=colours.ink)
        ax.margins(x=0.06)
        ax.autoscale_view(scaley=False)
        name_axis(ax.xaxis, short(name))
        ax.set_label(f"Intervals of {len(rows)} estimates of {short(name)}")
        note(ax, remark, colours)
    return ax


def _name_of(row: Mapping[str, Any]) -> str:
    """Return what a summary's row is of, its parameter apart: "waiting, component 2"."""
    columns = [str(row[key]) for key in ("column", "other") if row.get(key) not in (None, "")]
    component = "" if row.get("component") is None else f"component {row['component']}"
    return ", ".join(part for part in (" and ".join(dict.fromkeys(columns)), component) if part)
