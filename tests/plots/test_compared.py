"""Histograms of real and drawn values: shares of their kind, a bar for each of few values."""

import numpy as np
import pytest

from gmmkit.errors import DataError, ParameterError
from gmmkit.plots import plot_compared, to_svg
from gmmkit.plots.style import THEMES


def data(ax):
    return [patch.get_data() for patch in ax.patches]


@pytest.mark.parametrize("theme", THEMES)
def test_each_kind_has_its_shares(theme):
    random = np.random.default_rng(0)
    real, drawn = random.normal(size=400), random.normal(size=900)
    ax = plot_compared(real, drawn, name="length", kinds=("real", "made"), theme=theme, width=3.0)
    first, second = data(ax)
    assert first.values.sum() == pytest.approx(1.0)
    assert second.values.sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(first.edges, second.edges)
    assert ax.get_label() == "length of 400 real and 900 made rows"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["real", "made"]
    assert to_svg(ax.figure).startswith("<svg")


def test_values_far_away_are_counted_instead():
    values = np.random.default_rng(0).normal(size=1000)
    ax = plot_compared(np.append(values, 1e9), values)
    assert ax.texts[0].get_text().replace("\n", " ") == "1 real and 0 drawn rows lie outside the picture."


def test_few_values_have_a_bar_each():
    ax = plot_compared([0.0, 1.0, 1.0, 5.0], [0.0, 0.0, 1.0, 7.0])
    np.testing.assert_array_equal(data(ax)[0].values, [0.25, 0.5, 0.25, 0.0])
    np.testing.assert_array_equal(data(ax)[0].edges, [-0.5, 0.5, 3.0, 6.0, 8.0])


def test_bars_hold_as_many_steps_each():
    values = np.round(np.arange(4.3, 8.0, 0.1), 1)
    edges = data(plot_compared(values, values))[0].edges
    np.testing.assert_allclose(edges, 4.25 + 0.2 * np.arange(20))
    assert set(data(plot_compared(values[:36], values))[1].values * 37) == {1.0, 2.0}


@pytest.mark.parametrize("real", [[3.0], [0.0, 5e-324], [-1e150, 1e150], np.full(50, 1e9)])
def test_any_finite_values_are_drawn(real):
    ax = plot_compared(real, [real[0]])
    assert (np.diff(data(ax)[0].edges) > 0).all()
    assert data(ax)[0].values.sum() == pytest.approx(1.0)


def test_what_cannot_be_drawn():
    for real, drawn, name in (([], [1.0], "real"), ([1.0], [np.nan], "drawn"), ([[1.0]], [1.0], "real")):
        with pytest.raises(DataError, match=f"{name} must be finite numbers"):
            plot_compared(real, drawn)
    with pytest.raises(ParameterError, match="kinds must be two names, but got 'real'"):
        plot_compared([1.0], [1.0], kinds="real")
