"""How every picture looks: themes, colours and marks of components, sizes, legends and notes.

Colours are Okabe & Ito's (2008), darkened or lightened until they stand out from the theme's surface, and each
component has a mark of its own as well, so that no picture is read by colour alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gmmkit.errors import MissingDependencyError, ParameterError
from gmmkit.model.covariance.catalogue import family

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

__all__ = [
    "DARK",
    "LIGHT",
    "MARKERS",
    "NARROW",
    "THEMES",
    "Theme",
    "ThemeName",
    "axes_width",
    "component_style",
    "drawing",
    "dress",
    "factor",
    "legend",
    "name_axis",
    "new_figure",
    "note",
    "structure_style",
    "theme_named",
]

ThemeName = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of one theme, as hexadecimal RGB; the same place has the same meaning in every theme.

    Attributes
    ----------
    surface : str
        Behind everything, and around marks that must stand out.
    ink, muted, grid : str
        Text and main lines; lesser text and frames; grid lines.
    accent : str
        What the picture is about, where it is not a component.
    palette : tuple of str
        Colours of components.
    """

    surface: str
    ink: str
    muted: str
    grid: str
    accent: str
    palette: tuple[str, ...]


LIGHT = Theme(
    surface="#ffffff",
    ink="#1b1f24",
    muted="#5b6470",
    grid="#e4e7eb",
    accent="#1a5fb4",
    palette=("#0072b2", "#d55e00", "#008f68", "#b8488f", "#b37a00", "#3395d6", "#757575"),
)
DARK = Theme(
    surface="#16191d",
    ink="#e8eaed",
    muted="#a3abb5",
    grid="#2d3239",
    accent="#78aeed",
    palette=("#4fa3e0", "#f0803c", "#2dbb91", "#dd86bd", "#e0ad3a", "#8ccdf5", "#b5b5b5"),
)
THEMES: dict[ThemeName, Theme] = {"light": LIGHT, "dark": DARK}
#: Eight marks and seven colours have no common divisor: 56 components differ in one or the other.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")

# Shape and orientation of structures: each E, V or (of a sphere, or along the axes) I.
_KINDS = ("VV", "EE", "VI", "II", "EV", "VE", "EI")

#: Axes narrower than this many inches (a phone's) put the legend above instead of beside.
NARROW = 3.6
FONT, SMALL = 9.5, 8.0
_NO_BREAK = "\N{NO-BREAK SPACE}"
_RC: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same layout on every machine
    "font.size": FONT,
    "axes.unicode_minus": True,
    "axes.formatter.use_mathtext": False,
    "lines.solid_capstyle": "round",
    "path.simplify": True,
}


def theme_named(name: str) -> Theme:
    """Return a theme, or say which there are."""
    for known, theme in THEMES.items():
        if name == known:
            return theme
    raise ParameterError(f"theme must be one of {', '.join(map(repr, THEMES))}, but got {name!r}")


def component_style(component: int, theme: ThemeName = "light") -> tuple[str, str]:
    """Return the colour and the mark of a component, from 0; of noise, −1, a grey dot.

    Examples
    --------
    >>> component_style(0), component_style(7), component_style(-1)
    (('#0072b2', 'o'), ('#0072b2', '<'), ('#5b6470', '.'))
    """
    palette = theme_named(theme).palette
    if component < 0:
        return theme_named(theme).muted, "."
    return palette[component % len(palette)], MARKERS[component % len(MARKERS)]


def structure_style(name: str, place: int, theme: ThemeName = "light") -> tuple[str, str, Literal["-", "--"]]:
    """Return the colour, mark and line of a covariance structure: those of a component at its place if unknown.

    What is shared of shape and orientation (the last two of three letters) has a colour and a mark, equal volumes (the
    first) a broken line: all fourteen differ, and each looks the same in every picture.

    Examples
    --------
    >>> structure_style("VVV", 0), structure_style("EVV", 1), structure_style("full", 2)
    (('#0072b2', 'o', '-'), ('#0072b2', 'o', '--'), ('#0072b2', 'o', '-'))
    """
    try:
        letters = family(name).structure
    except ParameterError:
        return (*component_style(place, theme), "-")
    return (*component_style(_KINDS.index(letters[1:]), theme), "--" if letters[0] == "E" else "-")


@contextmanager
def drawing() -> Iterator[None]:
    """Hold the house's settings while a picture is made; the reader's own come back after it."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingDependencyError(
            'pictures need matplotlib, which is not installed: pip install matplotlib (or "gmmkit[plot]")'
        ) from error
    with mpl.rc_context(_RC):
        yield


def new_figure(width: float, height: float, theme: Theme) -> Figure:
    """Return a figure that no window and no pyplot knows of, in inches."""
    from matplotlib.figure import Figure

    if not 1.0 <= width <= 100.0:
        raise ParameterError(f"width must be from 1 to 100 inches, but got {width:g}")
    figure = Figure(figsize=(width, height), layout="constrained", facecolor=theme.surface)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.07)  # type: ignore[union-attr, call-arg]
    return figure


def dress(ax: Axes, theme: Theme, *, grid: Literal["both", "x", "y"] | None = "both") -> Axes:
    """Give Axes the theme's frame, ticks and grid; all by value, since ticks are made when they are drawn."""
    ax.set_facecolor(theme.surface)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(theme.muted)
        spine.set_linewidth(0.8)
    ax.tick_params(
        which="both", color=theme.muted, labelcolor=theme.muted, labelsize=SMALL, length=3, width=0.8,
        labelfontfamily="DejaVu Sans",
    )  # fmt: skip
    for label in (ax.xaxis.label, ax.yaxis.label, ax.title):
        label.set_color(theme.ink)
    ax.set_axisbelow(True)
    if grid:
        ax.grid(visible=True, axis=grid, color=theme.grid, linewidth=0.7, linestyle="-", alpha=1.0)
    return ax


def name_axis(axis: Axis, name: str, **options: Any) -> None:
    """Write an axis's name, and with it what its ticks leave out.

    The limits and ticks of the axis must be set.
    """
    axis.set_label_text(name + factor(axis), parse_math=False, **options)


def factor(axis: Axis) -> str:
    """Return the power or offset that an axis's ticks leave out, and hide it where it would lie on other text."""
    formatter = axis.get_major_formatter()
    formatter.set_locs([float(place) for place in axis.get_majorticklocs()])
    offset = formatter.get_offset()
    axis.get_offset_text().set_visible(False)
    if not offset:
        return ""
    return f" ({offset})" if offset[0] in "+-\N{MINUS SIGN}" else f" (\N{MULTIPLICATION SIGN}{offset})"


def axes_width(ax: Axes) -> float:
    """Return the width of Axes in inches, before a layout has moved them."""
    figure = ax.get_figure(root=True)
    return float(ax.get_position().width * figure.get_figwidth()) if figure else 0.0


def legend(ax: Axes, handles: Sequence[Artist], theme: Theme, title: str = "", **options: Any) -> None:
    """Put a legend outside the data: beside wide Axes, above narrow ones."""
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
    if axes_width(ax) < NARROW:
        longest = max((len(str(handle.get_label())) for handle in handles), default=1)
        columns = int(axes_width(ax) * 72 / (0.6 * SMALL * longest + 26))
        place = {
            "loc": "lower left", "bbox_to_anchor": (0.0, 1.0),
            "ncols": max(1, min(columns, len(handles))), "columnspacing": 1.0,
        }  # fmt: skip
    made = ax.legend(
        handles=handles, title=title or None, frameon=False, fontsize=SMALL, title_fontsize=SMALL,
        labelcolor=theme.ink, alignment="left", handletextpad=0.5, borderaxespad=0.4, **(place | options),
    )  # fmt: skip
    made.get_title().set_color(theme.muted)


def note(ax: Axes, text: str, theme: Theme, *, beside: float = 0.0, drop: float = 36.0) -> None:
    """Write a small remark under Axes, `drop` points down, wrapped to their width less `beside` inches."""
    if not text:
        return
    characters = int((axes_width(ax) - beside) * 72 / (0.57 * SMALL))
    # A number stays beside its sign.
    lines = textwrap.fill(text.replace(" %", f"{_NO_BREAK}%"), max(24, characters)).replace(_NO_BREAK, " ")
    ax.annotate(
        lines, (0.0, 0.0), xycoords="axes fraction", xytext=(0.0, -drop),
        textcoords="offset points", va="top", ha="left", fontsize=SMALL, color=theme.muted, parse_math=False,
        annotation_clip=False,
    )  # fmt: skip
