"""The picture of passes in the README, drawn from the tables in RESULTS.md, for light and for dark pages."""

from __future__ import annotations

import re
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from benchmarks.passes import HEADER
from benchmarks.workloads import SEVEN, Workload
from gmmkit.plots.style import SMALL, Theme, ThemeName, drawing, dress, new_figure, theme_named
from gmmkit.plots.svg import to_svg

Ratios = dict[str, float | None]
DOCS = Path(__file__).parents[1] / "docs"
PLACES: dict[ThemeName, Path] = {"light": DOCS / "passes.svg", "dark": DOCS / "passes-dark.svg"}
TITLE = "Times faster than scikit-learn, for each pass of EM"
# Lanes of a workload: distance from its middle, colour in the palette, mark, what it is called.
LANES = ((0.15, 0, "o", "float64"), (-0.15, 1, "D", "float32"))


def table(text: str, heading: str) -> dict[str, list[str]]:
    """Return a section's first table: cells by the first word of each line."""
    found = re.search(rf"## {re.escape(heading)}\n(.*?)(?=\n## |\Z)", text, re.DOTALL)
    lines = re.findall(r"^\| (.*) \|$", found[1], re.MULTILINE) if found else []
    return {line.split()[0]: line.split(" | ") for line in lines}


def number(cell: str) -> float | None:
    match = re.match(r"[\d.e+-]+", cell)
    return float(match[0]) if match else None


def ratios(text: str) -> dict[str, Ratios]:
    """Return, by workload, how many times faster than scikit-learn: ours, the limits, and the best other program.

    Nothing where the table of passes is not there, or is not the one that `benchmarks.passes` writes today.
    """
    if HEADER[0] not in text:
        return {}
    passes, peers = table(text, "Seconds per EM pass"), table(text, "Seconds per EM pass, other programs")
    found: dict[str, Ratios] = {}
    for load in SEVEN:
        cells = passes.get(load.name)
        if cells is None:
            continue
        slow = number(cells[2])
        others = [seconds for cell in peers.get(load.name, [])[3:] if (seconds := number(cell)) is not None]
        row: Ratios = {"other": slow / min(others) if slow and others else None}
        # Ratios and shares as the table has them: they are of rounds, not of its seconds.
        for name, place in (("float64", 4), ("float32", 10)):
            ours, share = number(cells[place]), number(cells[place + 1])
            row |= {name: ours, f"{name} limit": 100.0 * ours / share if ours and share else None}
        found[load.name] = row
    return found


def drawn(found: dict[str, Ratios], name: ThemeName) -> Figure:
    """Return the figure: a lane for each kind of number, from 1× to where we are, and on to the limit."""
    theme = theme_named(name)
    with drawing():
        figure = new_figure(8.2, 5.0, theme)
        ax = dress(figure.subplots(), theme, grid="x")
        ax.set_xscale("log")
        values = [value for row in found.values() for value in row.values() if value]
        ax.set_xlim(min(1.0, 0.8 * min(values)), 1.25 * max(values))
        for i, row in enumerate(found.values()):
            for lane in LANES:
                draw_lane(ax, -i, row, lane, theme)
            if row["other"]:
                ax.plot(row["other"], -i, marker="x", markersize=5.5, markeredgewidth=1.4, color=theme.ink, zorder=4)
        loads = [load for load in SEVEN if load.name in found]
        ax.set_ylim(-len(loads) + 0.45, 0.6)
        ax.set_yticks([-i for i in range(len(loads))], [described(load) for load in loads])
        ax.tick_params(axis="y", length=0, labelcolor=theme.ink, labelsize=SMALL + 0.5, pad=6)
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
        ax.spines["left"].set_visible(False)
        ax.set_title(f"{TITLE}, one thread", loc="left", fontsize=11, fontweight="bold", color=theme.ink, pad=26)
        ax.set_label(TITLE)
        handles = [
            Line2D(
                [], [], color=theme.palette[place], marker=mark, markersize=7, linewidth=2.4, label=f"gmmkit, {what}"
            )
            for _, place, mark, what in LANES
        ]
        handles.append(
            Line2D(
                [],
                [],
                color=theme.muted,
                marker="|",
                markersize=11,
                markeredgewidth=2.0,
                linestyle=":",
                label="limit of the processor",
            )
        )
        if any(row["other"] for row in found.values()):
            handles.append(
                Line2D(
                    [], [], color=theme.ink, marker="x", markersize=5.5, linestyle="none", label="best other program"
                )
            )
        ax.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=len(handles), frameon=False,
            fontsize=SMALL + 0.5, labelcolor=theme.ink, handletextpad=0.6, columnspacing=1.8, borderaxespad=0.2,
        )  # fmt: skip
    return figure


def draw_lane(ax: Axes, middle: int, row: Ratios, lane: tuple[float, int, str, str], theme: Theme) -> None:
    offset, place, mark, what = lane
    y, colour = middle + offset, theme.palette[place]
    reached, limit = row[what], row[f"{what} limit"]
    if reached is None:
        return
    if limit is not None:
        ax.plot([reached, limit], [y, y], color=colour, linewidth=1.1, linestyle=(0, (1, 2.2)), zorder=2)
        ax.plot(limit, y, marker="|", markersize=10, markeredgewidth=2.0, color=colour, zorder=3)
    ax.plot([1.0, reached], [y, y], color=colour, linewidth=2.6, alpha=0.9, zorder=2, solid_capstyle="butt")
    ax.plot(reached, y, marker=mark, markersize=7 if mark == "o" else 6, color=colour, markeredgecolor=theme.surface,
            markeredgewidth=0.8, zorder=5)  # fmt: skip
    # Outside the pair of lanes, and not beyond the mark, where the limit may be near.
    ax.annotate(
        f"{reached:.0f}×" if reached >= 9.95 else f"{reached:.1f}×", (reached, y), xytext=(4, 5 if offset > 0 else -5),
        textcoords="offset points", ha="right" if reached > 1.5 else "left", va="bottom" if offset > 0 else "top",
        fontsize=SMALL, color=theme.ink, zorder=6,
    )  # fmt: skip


def described(load: Workload) -> str:
    kind = {"full": "full", "diag": "diagonal"}[load.covariance_type]
    return f"{load.n:,} × {load.d}\nk = {load.k:,}, {kind}"


def draw(results: Path) -> list[Path]:
    """Draw both pictures from the tables; none where they are not there."""
    found = ratios(results.read_text(encoding="utf-8"))
    if not found:
        return []
    said = "; ".join(
        f"{name}: {row['float64']:.1f} times in float64, {row['float32']:.1f} in float32"
        for name, row in found.items()
        if row["float64"] and row["float32"]
    )
    for theme, place in PLACES.items():
        place.write_text(to_svg(drawn(found, theme), title=TITLE, description=said), encoding="utf-8")
    return list(PLACES.values())
