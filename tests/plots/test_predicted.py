"""Observed values stand over predicted ones, and rows outside their intervals are told."""

import numpy as np
import pytest

from gmmkit.errors import DataError, ParameterError
from gmmkit.plots import plot_predicted, to_svg
from gmmkit.plots.style import THEMES


def points(ax):
    return {line.get_label(): np.column_stack(line.get_data()) for line in ax.lines}


@pytest.mark.parametrize("theme", THEMES)
def test_each_row_is_a_point(theme):
    x = np.random.default_rng(0).normal(size=100)
    y = x + np.random.default_rng(1).normal(size=100)
    ax = plot_predicted(x, y, intervals=np.column_stack([x - 1, x + 1]), name="rent", theme=theme)
    out = np.abs(x - y) > 1
    np.testing.assert_array_equal(points(ax)["_outside"], np.column_stack([x, y])[out])
    np.testing.assert_array_equal(points(ax)["_inside its interval"], np.column_stack([x, y])[~out])
    assert (points(ax)["_line"][:, 0] == points(ax)["_line"][:, 1]).all()
    assert ax.texts[0].get_text().replace("\n", " ").startswith(f"100 rows, {out.sum()} outside their intervals; line:")
    assert to_svg(ax.figure).startswith("<svg")


def test_many_rows_are_thinned_and_far_ones_counted():
    x = np.random.default_rng(0).normal(size=5000)
    ax = plot_predicted(x, np.where(np.arange(5000) == 3, 1e9, x), max_rows=None)
    assert "1 far outside the picture" in ax.texts[0].get_text().replace("\n", " ")
    ax = plot_predicted(x, x, max_rows=50)
    assert len(points(ax)["_inside its interval"]) == 50
    assert ax.texts[0].get_text().startswith("A random 50 of 5,000 rows")
    assert ax.get_legend() is None
    to_svg(plot_predicted([2.0], [2.0]).figure)


def test_what_cannot_be_drawn():
    for x, y in (([], []), ([np.nan], [1.0]), ([1.0], [np.inf])):
        with pytest.raises(DataError, match="predicted and observed must be finite numbers"):
            plot_predicted(x, y)
    with pytest.raises(
        ParameterError, match=r"observed must be one for each of 2 predictions, but got the shape \(1,\)"
    ):
        plot_predicted([1.0, 2.0], [1.0])
    with pytest.raises(ParameterError, match=r"intervals must have the shape \(2, 2\), but got \(2,\)"):
        plot_predicted([1.0, 2.0], [1.0, 2.0], intervals=[0.0, 1.0])
