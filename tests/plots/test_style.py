import sys

import matplotlib as mpl
import numpy as np
import pytest

from gmmkit.errors import MissingDependencyError, ParameterError
from gmmkit.model.mixture import Mixture
from gmmkit.plots import (
    DARK,
    LIGHT,
    component_style,
    plot_classification,
    plot_convergence,
    plot_criterion,
    plot_density,
    plot_uncertainty,
    to_svg,
)

TWO = Mixture.from_arrays([0.4, 0.6], [[0.0, 0.0], [6.0, 2.0]], [1.0, 2.0], covariance_type="spherical")
ROWS = TWO.sample(80, seed=3)[0]
FITS = [{"n_components": k, "covariance_type": "full", "bic": abs(k - 2.0)} for k in range(1, 5)]
PICTURES = {
    "classification": lambda **options: plot_classification(TWO, ROWS, **options),
    "uncertainty": lambda **options: plot_uncertainty(TWO, ROWS, **options),
    "density": lambda **options: plot_density(TWO, ROWS, **options),
    "criterion": lambda **options: plot_criterion(FITS, **options),
    "convergence": lambda **options: plot_convergence([-3.0, -2.0, -1.5, -1.4, -1.39, -1.389], **options),
}
each_picture = pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(first, second):
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_marks_stand_out_from_the_surface(theme):
    assert contrast(theme.ink, theme.surface) > 7.0
    assert contrast(theme.muted, theme.surface) > 4.5
    assert min(contrast(colour, theme.surface) for colour in (*theme.palette, theme.accent)) > 3.0


def test_the_first_56_components_differ_in_colour_or_mark():
    assert len({component_style(j) for j in range(56)}) == 56


@each_picture
def test_nothing_global_changes(picture):
    before = dict(mpl.rcParams)
    to_svg(picture().figure)
    assert dict(mpl.rcParams) == before
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


@each_picture
def test_settings_of_the_reader_do_not_reach_the_picture(picture):
    expected = to_svg(picture().figure)
    with mpl.rc_context({"font.size": 22, "axes.facecolor": "red", "lines.linewidth": 9, "xtick.color": "red"}):
        assert to_svg(picture().figure) == expected


@each_picture
def test_given_axes_are_drawn_on_and_returned(picture):
    from matplotlib.figure import Figure

    first, second = Figure(layout="constrained").subplots(1, 2)
    option = "axes" if picture is PICTURES["classification"] else "ax"
    assert picture(**{option: second}) is second
    assert not first.has_data()
    assert second.get_xlabel()
    assert second.get_ylabel()


@each_picture
def test_dark_theme_turns_text_and_surface(picture):
    ax = picture(theme="dark")
    assert mpl.colors.to_hex(ax.get_facecolor()) == DARK.surface
    assert mpl.colors.to_hex(ax.figure.get_facecolor()) == DARK.surface
    assert ax.xaxis.label.get_color() == DARK.ink


@each_picture
@pytest.mark.parametrize("width", [3.75, 6.5])
def test_nothing_is_cut_off_and_the_legend_covers_no_data(picture, width):
    ax = picture(width=width)
    figure = ax.figure
    figure.draw_without_rendering()
    whole, box = figure.bbox, ax.get_tightbbox()
    assert box.x0 >= whole.x0 - 1
    assert box.y0 >= whole.y0 - 1
    assert box.x1 <= whole.x1 + 1
    assert box.y1 <= whole.y1 + 1
    assert ax.bbox.width > 0.5 * whole.width
    if ax.get_legend():
        place = ax.get_legend().get_window_extent()
        assert place.x0 >= ax.bbox.x1 - 1 or place.y0 >= ax.bbox.y1 - 1


@each_picture
def test_wrong_theme_and_width_are_named(picture):
    with pytest.raises(ParameterError, match="theme must be one of 'light', 'dark', but got 'blue'"):
        picture(theme="blue")
    with pytest.raises(ParameterError, match="width must be from 1 to 100 inches, but got 640"):
        picture(width=640)


def test_missing_matplotlib_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match=r"pip install matplotlib"):
        plot_convergence([-1.0])


def test_powers_and_offsets_of_ticks_stand_with_the_name():
    mixture = Mixture.from_arrays([1.0], [[1e9, 0.0]], [[1.0, 1e-14]], covariance_type="diag")
    ax = plot_classification(mixture, mixture.sample(50, seed=0)[0], names=["a", "b"])
    assert ax.get_xlabel() == "a (+1e9)"
    assert ax.get_ylabel() == "b (×1e−7)"
    ax.figure.draw_without_rendering()
    assert not ax.yaxis.get_offset_text().get_visible()
