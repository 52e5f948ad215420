"""Histograms of scores and of probabilities show every row once, and where it should be."""

import numpy as np
import pytest

from gmmkit.errors import DataError, ParameterError
from gmmkit.plots import plot_scores, plot_uniform, to_svg
from gmmkit.plots.style import THEMES


def stairs(ax, label):
    (found,) = [patch for patch in ax.patches if patch.get_label() == label]
    return found.get_data().values


@pytest.mark.parametrize("theme", THEMES)
def test_rows_that_are_called_stand_on_the_others(theme):
    random = np.random.default_rng(0)
    scores = np.append(random.normal(size=500), [-500.0, -4.5])
    flags = scores < -2.0
    ax = plot_scores(scores, flags, threshold=-2.0, theme=theme)
    below = -500.0
    assert stairs(ax, "_outliers").sum() == np.sum(scores > below)
    assert stairs(ax, "_others").sum() == np.sum(~flags)
    assert [line.get_xdata()[0] for line in ax.lines] == [-2.0]
    remark = ax.texts[0].get_text().replace("\n", " ")
    assert remark.startswith(
        f"502 rows, {flags.sum()} of them called, in colour; broken line: the threshold; 1 score lower"
    )
    assert to_svg(ax.figure).startswith("<svg")


def test_no_colour_is_told_of_where_all_that_are_called_lie_beyond_the_picture():
    scores = np.r_[np.random.default_rng(0).normal(size=400), -900.0, -1000.0]
    ax = plot_scores(scores, scores < -800)
    np.testing.assert_array_equal(stairs(ax, "_outliers"), stairs(ax, "_others"))
    remark = ax.texts[0].get_text().replace("\n", " ")
    assert remark == "402 rows, 2 of them called; 2 score lower still, down to \N{MINUS SIGN}1,000."


@pytest.mark.parametrize("scores", [[3.0], [2.0, 2.0, 2.0], np.r_[np.zeros(50), 1e-300, 1e9], [-1e300, 1e300, 0.0]])
def test_scores_of_any_kind_are_drawn(scores):
    ax = plot_scores(scores, threshold=-np.inf)
    assert stairs(ax, "_others").sum() >= 1
    assert not ax.lines
    to_svg(ax.figure)


def test_what_is_uniform_stays_in_the_band_and_what_is_not_stands_out():
    even = plot_uniform((np.arange(1000) + 0.5) / 1000)
    assert {bar.get_height() for bar in even.patches if bar.get_label() != "_expected"} == {50.0}
    assert "stand out" not in even.texts[0].get_text()
    odd = plot_uniform(np.r_[np.full(200, 0.01), (np.arange(1000) + 0.5) / 1000], name="p", bins=10)
    bars = [bar for bar in odd.patches if bar.get_label() != "_expected"]
    assert [bar.get_height() for bar in bars] == [300.0] + [100.0] * 9
    assert len({bar.get_facecolor() for bar in bars}) == 2
    assert odd.texts[0].get_text().replace("\n", " ").endswith("Bars above it stand out.")


def test_ranks_among_few_scores_scatter_together():
    high = np.r_[np.full(70, 0.01), (np.arange(950) + 0.5) / 950]
    assert "stand out" in plot_uniform(high).texts[0].get_text()
    assert "stand out" not in plot_uniform(high, n_reference=40).texts[0].get_text()
    with pytest.raises(ParameterError, match="n_reference must be a whole number of at least 1"):
        plot_uniform(high, n_reference=0)


def test_a_value_on_an_edge_belongs_to_the_bar_below_it():
    ax = plot_uniform([0.0, 0.05, 0.07, 0.29, 1.0], bins=100)
    heights = np.array([bar.get_height() for bar in ax.patches if bar.get_label() != "_expected"])
    assert np.flatnonzero(heights).tolist() == [0, 4, 6, 28, 99]


def test_what_cannot_be_drawn():
    with pytest.raises(DataError, match="scores must be finite numbers, one for each row"):
        plot_scores([1.0, np.nan])
    with pytest.raises(DataError, match="scores must be finite numbers"):
        plot_scores([])
    with pytest.raises(ParameterError, match=r"flags must be one for each of 2 scores, but got the shape \(3,\)"):
        plot_scores([1.0, 2.0], [True, False, True])
    for values in ([], [1.2], [np.nan], [[0.1]]):
        with pytest.raises(DataError, match="values must be probabilities from 0 to 1"):
            plot_uniform(values)
    with pytest.raises(ParameterError, match="bins must be a whole number of at least 1"):
        plot_uniform([0.5], bins=0)
