"""The criterion by number of components, a line for each covariance type: how the model was chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gmmkit.errors import DataError, ParameterError
from gmmkit.plots.style import (
    SMALL,
    Theme,
    ThemeName,
    component_style,
    drawing,
    dress,
    legend,
    new_figure,
    note,
    theme_named,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["plot_criterion"]

# Times the distance of the median fit from the best.
_POOREST = 3.0
# How much taller the picture must be with them for leaving fits out to be worth it.
_WORTH = 1.7
Criterion = Literal["bic", "aic", "icl"]


@dataclass(frozen=True, slots=True)
class _Fit:
    k: int
    type: str
    value: float | None
    spurious: bool
    rank: int | None


def plot_criterion(
    rows: Sequence[Mapping[str, Any]],
    *,
    criterion: Criterion = "bic",
    ax: Axes | None = None,
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes:
    """Draw a search: lower is better, the best fit is ringed and named.

    Parameters
    ----------
    rows : sequence of mappings, or fitted GaussianMixtureSearch
        One for each fit, with "n_components", "covariance_type" and the criterion's name (None or NaN: the fit
        failed); "spurious" (why the fit is not to be trusted, or None) and "rank" (1: chosen) where known.
    criterion : {"bic", "aic", "icl"}
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
        If there are no rows, a key is missing, or no fit has a value.
    ParameterError
        If the criterion is unknown.

    Examples
    --------
    >>> found = [{"n_components": k, "covariance_type": "full", "bic": v} for k, v in [(1, 9.0), (2, 5.0), (3, 7.0)]]
    >>> plot_criterion(found).get_ylabel()
    'BIC (lower is better)'
    """
    rows = getattr(rows, "results_", rows)
    colours = theme_named(theme)
    fits = _read(rows, criterion)
    types = list(dict.fromkeys(fit.type for fit in fits))
    sound = [fit for fit in fits if fit.value is not None and not fit.spurious]
    low, high = _range([fit.value for fit in (sound or fits) if fit.value is not None])
    with drawing():
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            ax = new_figure(width, min(4.0, 0.95 * width) + (0.5 if width < 5.0 else 0.0), colours).subplots()
        dress(ax, colours, grid="y")
        handles: list[Artist] = []
        for place, name in enumerate(types):
            mine = sorted((fit for fit in fits if fit.type == name), key=lambda fit: fit.k)
            handles += _line(ax, mine, component_style(place, theme), low, high)
        numbers = [fit.k for fit in fits]
        ax.set(xlim=(min(numbers) - 0.5, max(numbers) + 0.5), ylim=(low, high))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.ticklabel_format(axis="y", useOffset=False)
        ax.set_xlabel("number of components")
        ax.set_ylabel(f"{criterion.upper()} (lower is better)")
        remarks = _best(ax, sound, criterion, colours, (min(numbers), max(numbers)))
        ax.set_label(f"{criterion.upper()} of {len(fits)} fits by number of components")
        above = sum(fit.value > high for fit in sound if fit.value is not None)
        if above:
            remarks.append(f"{above} much poorer fit{'s lie' if above > 1 else ' lies'} above the picture")
        n_failed, n_spurious = (sum(fit.value is None for fit in fits), sum(fit.spurious for fit in fits))
        if n_spurious:
            remarks.append(
                f"open marks: {n_spurious} spurious fit{'s' * (n_spurious > 1)}, not compared, at the edge if far off"
            )
        if n_failed:
            remarks.append(f"crosses at the top: {n_failed} fit{'s' * (n_failed > 1)} failed")
        legend(ax, handles, colours, title="covariance")
        note(ax, "; ".join(remarks) + "." if remarks else "", colours)
    return ax


def _read(rows: Sequence[Mapping[str, Any]], criterion: str) -> list[_Fit]:
    if criterion not in ("bic", "aic", "icl"):
        raise ParameterError(f"criterion must be one of 'bic', 'aic', 'icl', but got {criterion!r}")
    fits = []
    for i, row in enumerate(rows):
        missing = [key for key in ("n_components", "covariance_type", criterion) if key not in row]
        if missing:
            raise DataError(f"row {i} of the search has no {missing[0]!r}; it has {', '.join(map(repr, row))}")
        value = None if row[criterion] is None else float(row[criterion])
        value = value if value is not None and math.isfinite(value) else None
        rank = row.get("rank")
        fits.append(
            _Fit(
                int(row["n_components"]), str(row["covariance_type"]), value,
                value is not None and bool(row.get("spurious")), None if rank is None else int(rank),
            )
        )  # fmt: skip
    if not any(fit.value is not None for fit in fits):
        raise DataError(f"no fit has a finite {criterion!r}: there is nothing to draw (rows: {len(fits)})")
    return fits


def _range(values: list[float]) -> tuple[float, float]:
    """Return limits with room below for the name of the best; values are those of sound fits.

    Fits much poorer than the median are left above the picture: they would flatten the differences that matter.
    """
    low, high = min(values), max(values)
    most = low + _POOREST * (sorted(values)[len(values) // 2] - low)
    high = most if 0.0 < _WORTH * (most - low) < high - low else high
    size = (high - low) or max(1.0, 1e-3 * abs(high))
    return low - 0.22 * size, high + 0.08 * size


def _line(ax: Axes, fits: list[_Fit], style: tuple[str, str], low: float, high: float) -> list[Artist]:
    from matplotlib.lines import Line2D

    colour, marker = style
    name = fits[0].type
    sound = [(fit.k, fit.value) for fit in fits if fit.value is not None and not fit.spurious]
    if sound:
        ax.plot(*zip(*sound, strict=True), color=colour, linewidth=1.3, marker=marker, markersize=4.5,
                markeredgewidth=0, label=f"_{name}", zorder=3)  # fmt: skip
    # A spurious fit is often far too good: it is held at the edge, so that it cannot flatten the others.
    edge = 0.03 * (high - low)
    open_marks = [(fit.k, min(max(fit.value, low + edge), high - edge)) for fit in fits if fit.spurious and fit.value]
    if open_marks:
        ax.plot(*zip(*open_marks, strict=True), linestyle="none", marker=marker, markersize=6, markerfacecolor="none",
                markeredgecolor=colour, markeredgewidth=1.2, label=f"_{name} spurious", zorder=3)  # fmt: skip
    failed = [fit.k for fit in fits if fit.value is None]
    if failed:
        ax.plot(failed, [high - edge] * len(failed), linestyle="none", marker="x", markersize=5, color=colour,
                markeredgewidth=1.2, label=f"_{name} failed", zorder=3)  # fmt: skip
    return [Line2D([], [], color=colour, linewidth=1.3, marker=marker, markersize=4.5, markeredgewidth=0, label=name)]


def _best(ax: Axes, sound: list[_Fit], criterion: str, colours: Theme, numbers: tuple[int, int]) -> list[str]:
    """Ring and name the best fit; return what to remark of its margin."""
    if not sound:
        return ["No fit can be trusted"]
    ordered = sorted(sound, key=lambda fit: (fit.rank != 1, fit.value))
    best = ordered[0]
    ax.plot([best.k], [best.value or 0.0], linestyle="none", marker="o", markersize=11, markerfacecolor="none",
            markeredgecolor=colours.ink, markeredgewidth=1.4, label="_best", zorder=5)  # fmt: skip
    share = (best.k - numbers[0]) / max(1, numbers[1] - numbers[0])
    side = "left" if share < 0.35 else "right" if share > 0.65 else "center"
    ax.annotate(
        f"best: {best.type}, {_count(best.k)}", (best.k, best.value or 0.0),
        xytext=({"left": -6, "center": 0, "right": 6}[side], -11), textcoords="offset points", ha=side, va="top",
        fontsize=SMALL + 0.5, fontweight="bold", color=colours.ink, parse_math=False, zorder=6,
    )  # fmt: skip
    if len(ordered) == 1 or best.value is None:
        return []
    second = min(ordered[1:], key=lambda fit: fit.value or 0.0)
    margin = (second.value or 0.0) - best.value
    way = "higher" if margin >= 0 else "lower"
    return [
        f"Best {criterion.upper()} {best.value:,.1f}; next {second.type}, {_count(second.k)}, {abs(margin):,.1f} {way}"
    ]


def _count(k: int) -> str:
    return f"{k} component{'s' * (k > 1)}"
