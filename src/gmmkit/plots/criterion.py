"""The criterion by number of components, a line for each covariance structure: how the model was chosen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gmmkit.errors import DataError, ParameterError
from gmmkit.plots.style import (
    SMALL,
    Theme,
    ThemeName,
    drawing,
    dress,
    legend,
    new_figure,
    note,
    structure_style,
    theme_named,
)
from gmmkit.selection.ranking import CRITERION_NAMES, ranked_by

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["criterion_title", "plot_criterion"]

# Times the distance of the median fit from the best.
_POOREST = 3.0
# How much taller the picture must be with them for leaving fits out to be worth it.
_WORTH = 1.7
# With more lines, marks of fits that do not count would hide those that do: they are counted instead.
_MOST_MARKED = 6
_FADED = 0.75
# Of criteria whose names are no abbreviation that people know.
_TITLES = {"sabic": "adjusted BIC", "mml": "message length", "held_out": "held-out deviance"}


@dataclass(frozen=True, slots=True)
class _Fit:
    k: int
    type: str
    value: float | None
    spurious: bool
    copy: bool
    rank: int | None

    @property
    def counts(self) -> bool:
        return self.value is not None and not self.spurious and not self.copy

    @property
    def set_aside(self) -> bool:
        """Whether it is a spurious fit of its own: another name for one is no other fit."""
        return self.spurious and not self.copy

    @property
    def failed(self) -> bool:
        return self.value is None and not self.spurious and not self.copy


def criterion_title(name: str) -> str:
    """Return a criterion's name as it is written on a picture.

    Examples
    --------
    >>> criterion_title("bic"), criterion_title("held_out")
    ('BIC', 'held-out deviance')
    """
    return _TITLES.get(name, name.upper())


def plot_criterion(
    rows: Sequence[Mapping[str, Any]],
    *,
    criterion: str | None = None,
    ax: Axes | None = None,
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes:
    """Draw a search: lower is better, the best fit is ringed and named.

    A structure has its colour and mark by what components share of shape and orientation, and a broken line if their
    volumes are equal.

    Parameters
    ----------
    rows : sequence of mappings, or fitted GaussianMixtureSearch
        One for each fit, with "n_components", "covariance_type" and the criterion's name (None or NaN: the fit
        failed); "spurious" (why the fit is not to be trusted, or None), "same_as" (the structure under which this very
        model is ranked, or None) and "rank" (1: chosen) where known.
    criterion : {"bic", "aic", "icl", "sabic", "mml", "held_out"}, optional
        Default: that by which the search ranked its fits. By another one, the best is another fit.
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
        If the criterion is unknown, or `rows` is an estimator that is no fitted search.

    Examples
    --------
    >>> found = [{"n_components": k, "covariance_type": "full", "bic": v} for k, v in [(1, 9.0), (2, 5.0), (3, 7.0)]]
    >>> plot_criterion(found).get_ylabel()
    'BIC (lower is better)'
    """
    found, used = _searched(rows)
    criterion = criterion or used or "bic"
    colours = theme_named(theme)
    fits = _read(found, criterion, ranks=used in (None, criterion))
    types = list(dict.fromkeys(fit.type for fit in fits))
    sound = [fit for fit in fits if fit.counts]
    low, high = _range([fit.value for fit in (sound or fits) if fit.value is not None])
    many = len(types) > _MOST_MARKED
    with drawing():
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            height = min(4.6 if many else 4.0, 0.95 * width) + ((1.0 if many else 0.5) if width < 5.0 else 0.0)
            ax = new_figure(width, height, colours).subplots()
        dress(ax, colours, grid="y")
        best = min(sound, key=lambda fit: (fit.rank != 1, fit.value), default=None)
        handles: list[Artist] = []
        for place, name in enumerate(types):
            mine = sorted((fit for fit in fits if fit.type == name), key=lambda fit: fit.k)
            style = structure_style(name, place, theme)
            faded = many and best is not None and name != best.type
            handles += _line(ax, mine, style, low, high, many=many, alpha=_FADED if faded else 1.0)
        numbers = [fit.k for fit in fits]
        ax.set(xlim=(min(numbers) - 0.5, max(numbers) + 0.5), ylim=(low, high))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.ticklabel_format(axis="y", useOffset=False)
        ax.set_xlabel("number of components")
        ax.set_ylabel(f"{criterion_title(criterion)} (lower is better)")
        remarks = ["No fit can be trusted"] if best is None else _best(ax, best, sound, criterion, colours, numbers)
        title = criterion_title(criterion)
        ax.set_label(f"{title[0].upper()}{title[1:]} of {len(fits)} fits by number of components")
        above = sum(fit.value > high for fit in sound if fit.value is not None)
        if above:
            remarks.append(f"{above} much poorer fit{'s lie' if above > 1 else ' lies'} above the picture")
        remarks += _counted(ax, fits, colours) if many else _marked(fits)
        if any("--" in str(handle.get_linestyle()) for handle in handles):  # type: ignore[attr-defined]
            remarks.append("broken lines: equal volumes")
        legend(ax, handles, colours, title="covariance")
        note(ax, "; ".join(remarks) + "." if remarks else "", colours)
    return ax


def _searched(given: Any) -> tuple[Sequence[Mapping[str, Any]], str | None]:
    """Return the rows of a search, and the criterion by which they are ranked if that can be told."""
    rows = getattr(given, "results_", given)
    if isinstance(rows, Mapping | str) or not isinstance(rows, Iterable):
        kind = type(given).__name__
        remedy = "fit it first" if kind == "GaussianMixtureSearch" else "there is no search in it to draw"
        raise ParameterError(
            f"rows must be those of a search, or a fitted GaussianMixtureSearch, but got {kind}: {remedy}"
        )
    rows = list(rows)
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise DataError(f"row {i} of the search must be a mapping, as in results_, but is {row!r}")
    known = getattr(getattr(given, "search_result_", None), "criterion", None)
    return rows, known or ranked_by(rows)


def _read(rows: Sequence[Mapping[str, Any]], criterion: str, *, ranks: bool) -> list[_Fit]:
    if criterion not in CRITERION_NAMES:
        raise ParameterError(f"criterion must be one of {', '.join(map(repr, CRITERION_NAMES))}, but got {criterion!r}")
    fits = []
    for i, row in enumerate(rows):
        missing = [key for key in ("n_components", "covariance_type", criterion) if key not in row]
        if missing:
            raise DataError(f"row {i} of the search has no {missing[0]!r}; it has {', '.join(map(repr, row))}")
        value = None if row[criterion] is None else float(row[criterion])
        rank = row.get("rank") if ranks else None
        fits.append(
            _Fit(
                int(row["n_components"]), str(row["covariance_type"]),
                value if value is not None and math.isfinite(value) else None,
                bool(row.get("spurious")), bool(row.get("same_as")), None if rank is None else int(rank),
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


def _line(
    ax: Axes,
    fits: list[_Fit],
    style: tuple[str, str, Literal["-", "--"]],
    low: float,
    high: float,
    *,
    many: bool,
    alpha: float,
) -> list[Artist]:
    from matplotlib.lines import Line2D

    colour, marker, dashes = style
    name = fits[0].type
    size, wide = (3.6, 1.1 if alpha < 1.0 else 1.9) if many else (4.5, 1.3)
    sound = [(fit.k, fit.value) for fit in fits if fit.value is not None and not fit.spurious]
    if sound:
        ax.plot(
            *zip(*sound, strict=True), color=colour, linewidth=wide, linestyle=dashes, marker=marker, markersize=size,
            markeredgewidth=0, alpha=alpha, label=f"_{name}", zorder=3 + (alpha == 1.0),
        )  # fmt: skip
    edge = 0.03 * (high - low)
    spurious = [(fit.k, fit.value) for fit in fits if fit.spurious and fit.value is not None]
    if not many:
        # A spurious fit is often far too good: it is held at the edge, so that it cannot flatten the others.
        spurious = [(k, min(max(value, low + edge), high - edge)) for k, value in spurious]
        failed = [fit.k for fit in fits if fit.failed]
        if failed:
            ax.plot(failed, [high - edge] * len(failed), linestyle="none", marker="x", markersize=5, color=colour,
                    markeredgewidth=1.2, label=f"_{name} failed", zorder=3)  # fmt: skip
    if spurious:
        ax.plot(*zip(*spurious, strict=True), linestyle="none", marker=marker, markersize=size + 1.5,
                markerfacecolor="none", markeredgecolor=colour, markeredgewidth=0.8 if many else 1.2, alpha=alpha,
                label=f"_{name} spurious", zorder=3)  # fmt: skip
    return [
        Line2D([], [], color=colour, linewidth=1.3, linestyle=dashes, marker=marker, markersize=4.5, markeredgewidth=0,
               label=name)
    ]  # fmt: skip


def _best(ax: Axes, best: _Fit, sound: list[_Fit], criterion: str, colours: Theme, numbers: list[int]) -> list[str]:
    """Ring and name the best fit; return what to remark of its margin."""
    ax.plot([best.k], [best.value or 0.0], linestyle="none", marker="o", markersize=11, markerfacecolor="none",
            markeredgecolor=colours.ink, markeredgewidth=1.4, label="_best", zorder=5)  # fmt: skip
    share = (best.k - min(numbers)) / max(1, max(numbers) - min(numbers))
    side = "left" if share < 0.35 else "right" if share > 0.65 else "center"
    ax.annotate(
        f"best: {best.type}, {_count(best.k)}", (best.k, best.value or 0.0),
        xytext=({"left": -6, "center": 0, "right": 6}[side], -11), textcoords="offset points", ha=side, va="top",
        fontsize=SMALL + 0.5, fontweight="bold", color=colours.ink, parse_math=False, zorder=6,
    )  # fmt: skip
    others = [fit for fit in sound if fit is not best]
    if not others or best.value is None:
        return []
    second = min(others, key=lambda fit: fit.value or 0.0)
    margin = (second.value or 0.0) - best.value
    way = "higher" if margin >= 0 else "lower"
    title = criterion_title(criterion)
    return [f"Best {title} {best.value:,.1f}; next {second.type}, {_count(second.k)}, {abs(margin):,.1f} {way}"]


def _marked(fits: list[_Fit]) -> list[str]:
    """Return what to remark of fits that do not count, each of which has a mark."""
    failed, spurious = sum(fit.failed for fit in fits), sum(fit.set_aside and fit.value is not None for fit in fits)
    remarks = []
    if spurious:
        remarks.append(
            f"open marks: {spurious} spurious fit{'s' * (spurious > 1)}, not compared, at the edge if far off"
        )
    if failed:
        remarks.append(f"crosses at the top: {failed} fit{'s' * (failed > 1)} failed")
    return remarks


def _counted(ax: Axes, fits: list[_Fit], colours: Theme) -> list[str]:
    """Write above the lines how many fits of each size do not count; return what to remark of them."""
    remarks = []
    kinds = (("spurious", "\N{WHITE CIRCLE}", [fit.k for fit in fits if fit.set_aside]),
             ("failed", "\N{MULTIPLICATION SIGN}", [fit.k for fit in fits if fit.failed]))  # fmt: skip
    for place, (word, mark, sizes) in enumerate(kinds):
        for k in sorted(set(sizes)):
            ax.annotate(
                f"{mark}{sizes.count(k)}", (k, 1.0), xycoords=("data", "axes fraction"), xytext=(0, -2 - 11 * place),
                textcoords="offset points", ha="center", va="top", fontsize=SMALL - 0.5, color=colours.muted,
            )  # fmt: skip
        if sizes:
            open_marks = " (open marks)" if word == "spurious" else ""
            remarks.append(f"{mark}: {len(sizes)} {word} fit{'s' * (len(sizes) > 1)}{open_marks}, by size")
    return remarks


def _count(k: int) -> str:
    return f"{k} component{'s' * (k > 1)}"
