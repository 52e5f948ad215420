"""The picture of a regression: what is drawn is what the mixture says."""

from __future__ import annotations

import numpy as np
import pytest

from gmmkit import GaussianMixture, GaussianMixtureRegressor
from gmmkit.errors import ParameterError
from gmmkit.model.covariance import Full
from gmmkit.model.mixture import Mixture
from gmmkit.plots import plot_regression, to_svg

TWO = Mixture([0.4, 0.6], [[0.0, 0.0, 5.0], [4.0, 3.0, 1.0]], Full([np.eye(3), [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]]))


def test_the_line_is_the_mean_and_bands_hold_their_share():
    rows, _ = TWO.sample(3000, seed=0)
    ax = plot_regression(TWO, rows, columns=[0, 1], names=["dose", "effect", "age"])
    (line,) = (line for line in ax.get_lines() if line.get_label() == "_mean")
    x, y = line.get_data()
    np.testing.assert_allclose(y, TWO.marginal([0, 1]).conditional([0]).at(x[:, None]).mean()[:, 0])
    for band in ax.collections:
        share = band.get_paths()[0].contains_points(rows[:, :2]).mean()
        assert share == pytest.approx(float(band.get_label().split()[1]), abs=0.04)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("dose", "effect")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["mean", "50 %", "90 %"]


def drawn(ax):
    (line,) = (line for line in ax.get_lines() if line.get_label() == "_mean")
    return line.get_xdata()[[0, -1]], ax.get_xlim()


def test_lines_go_no_farther_than_the_middle_of_the_rows():
    rows, _ = TWO.sample(400, seed=0)
    rows[0, 0], rows[1] = 9.0, [60.0, 0.0, 0.0]
    line, limits = drawn(plot_regression(TWO, rows, columns=[0, 1]))
    inner = np.sort(rows[:, 0])[2:-2]
    np.testing.assert_array_equal(line, inner[[0, -1]])
    assert limits[0] < rows[:, 0].min()
    assert 9.0 < limits[1] < 10.0
    line, limits = drawn(plot_regression(TWO, columns=[0, 1], span=(1.0, 2.0)))
    np.testing.assert_allclose(line, [1.0, 2.0])
    np.testing.assert_allclose(limits, [0.97, 2.03])
    line, _ = drawn(plot_regression(TWO, columns=[0, 1]))
    assert (line[0], line[1]) == pytest.approx((-3.3, 7.3))
    # One row, and rows far from all components, tell no range.
    for few in (rows[2:3], rows[1:2]):
        ends, _ = drawn(plot_regression(TWO, few, columns=[0, 1]))
        assert ends[0] <= -3.0 < 7.0 <= ends[1]


def test_a_regressor_and_its_rows_are_drawn():
    random = np.random.default_rng(0)
    x = random.uniform(0, 1, 300)
    model = GaussianMixtureRegressor(GaussianMixture(3, random_state=0)).fit(x[:, None], np.sin(6 * x))
    ax = plot_regression(model.estimator_, columns=["x0", "y"], names=["x0", "y"], probabilities=[0.8], theme="dark")
    assert [band.get_label() for band in ax.collections] == ["_band 0.8"]
    assert "y given x0" in to_svg(ax.figure)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"columns": [0]}, "columns must be two"),
        ({"columns": [0, 1, 2]}, "columns must be two"),
        ({"columns": [0, 7]}, "7"),
        ({"columns": [0, 1], "probabilities": [1.0]}, "between 0 and 1"),
        ({"columns": [0, 1], "span": (2.0, 1.0)}, "span must be a number and a larger one"),
        ({"columns": [0, 1], "span": (0.0, np.inf)}, "span must be a number and a larger one"),
        ({"columns": [0, 1], "span": (0.0, 1.0, 2.0)}, "span must be a number and a larger one"),
    ],
)
def test_what_cannot_be_drawn_is_said(options, said):
    with pytest.raises(ParameterError, match=said):
        plot_regression(TWO, **options)
