"""How a fit came to rest: the objective by pass, or how far below its best it still was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import DataError, ParameterError
from gmmkit.numerics.arguments import numbers, shown
from gmmkit.plots.style import SMALL, ThemeName, drawing, dress, new_figure, note, theme_named

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_convergence"]

Array = NDArray[np.float64]
_FEW = 5  # passes: fewer show no rate, and are drawn as they are


def plot_convergence(
    objectives: Sequence[float],
    *,
    ax: Axes | None = None,
    scale: Literal["auto", "gap", "objective"] = "auto",
    theme: ThemeName = "light",
    width: float = 6.5,
) -> Axes:
    """Draw the objective of each pass.

    EM comes near its end by a constant factor a pass, so the gap to the best value is a straight line on a
    logarithmic scale, and a plateau before another climb is seen where the objective itself looks flat.

    Parameters
    ----------
    objectives : sequence of float, or fitted GaussianMixture or GaussianMixtureSearch
        Objective per row after each pass, from the first; higher is better. Passes without a finite value are
        left out. Of a search: those of the fit that it chose.
    ax : Axes, optional
        Where to draw. Default: a new figure.
    scale : {"auto", "gap", "objective"}
        The gap to the best value on a logarithmic scale, or the objective itself; "auto": the gap from five passes.
    theme : {"light", "dark"}
    width : float, default=6.5
        Of a new figure, in inches.

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        If no objective is finite.
    ParameterError
        If the scale is unknown, or `objectives` has none.

    Examples
    --------
    >>> plot_convergence([-5.0, -4.2, -4.1]).get_xlabel()
    'pass'
    """
    objectives = _objectives(objectives)
    colours = theme_named(theme)
    if scale not in ("auto", "gap", "objective"):
        raise ParameterError(f"scale must be one of 'auto', 'gap', 'objective', but got {scale!r}")
    values = numbers("objectives", objectives).ravel()
    passes = np.flatnonzero(np.isfinite(values))
    if not len(passes):
        raise DataError(f"objectives must hold at least one finite value, but got {values[:5].tolist()}")
    values, counted = values[passes], passes + 1
    best = float(values.max())
    gap = best - values
    as_gap = bool((gap > 0).any()) and (scale == "gap" or (scale == "auto" and len(values) >= _FEW))
    with drawing():
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            ax = new_figure(width, min(3.2, 0.75 * width), colours).subplots()
        dress(ax, colours)
        marker = "o" if len(values) <= 40 else ""
        if as_gap:
            seen = gap > 0
            ax.plot(counted[seen], gap[seen], color=colours.accent, linewidth=1.6, marker=marker, markersize=3.5)
            _logarithmic(ax)
            ax.set_ylabel("gap to the best\n(nats per row)")
        else:
            ax.plot(counted, values, color=colours.accent, linewidth=1.6, marker=marker, markersize=3.5)
            ax.set_ylabel("objective (nats per row)")
            ax.margins(y=0.12)
        ax.set_xlim(0.5 if len(values) <= 40 else 0.0, max(1.5, counted[-1] + max(0.5, 0.02 * counted[-1])))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
        ax.set_xlabel("pass")
        last = int(counted[-1])
        ax.set_label(f"Convergence over {last} pass{'es' * (last > 1)}")
        note(ax, _remark(values, passes, best), colours)
    return ax


def _objectives(given: Any) -> Any:
    found = getattr(getattr(given, "best_estimator_", given), "lower_bounds_", given)
    if isinstance(found, str) or not isinstance(found, Iterable):
        raise ParameterError(
            "objectives must be numbers, one for each pass, or a fitted GaussianMixture or GaussianMixtureSearch, "
            f"but got {shown(given)}: fit it first, if it is one"
        )
    return found


def _remark(values: Array, passes: NDArray[np.intp], best: float) -> str:
    last = int(passes[-1]) + 1
    first = int(passes[values.argmax()]) + 1
    after = "after 1 pass" if last == 1 else f"after {first} of {last} passes"
    text = f"{best:.6g} nats per row at best, {after} (higher is better)".replace("-", "\N{MINUS SIGN}")
    falls = int((np.diff(values) < -1e-12 * np.maximum(1.0, np.abs(values[1:]))).sum())
    if falls:
        text += f"; it fell {falls} time{'s' * (falls > 1)}"
    return text + "."


def _logarithmic(ax: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    ax.set_yscale("log")
    # The scale makes its own ticks: plain characters in place of its mathematics keep text as text in SVG.
    ax.yaxis.set_major_locator(LogLocator(numticks=7))
    ax.yaxis.set_major_formatter(FuncFormatter(_power))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(axis="y", which="major", labelsize=SMALL)


def _power(value: float, _position: int | None = None) -> str:
    if value <= 0:
        return ""
    exponent = np.log10(value)
    if abs(exponent - round(exponent)) > 1e-9:
        return f"{value:g}"
    if -2 <= exponent <= 3:
        return f"{value:g}"
    return "10" + str(round(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
