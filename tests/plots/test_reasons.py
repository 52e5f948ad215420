"""The bars of reasons say what the explanation says."""

import numpy as np
import pytest

from gmmkit import GaussianMixtureOutlierDetector
from gmmkit.errors import DataError, ParameterError
from gmmkit.plots import plot_reasons
from gmmkit.plots.style import THEMES
from gmmkit.plots.svg import to_svg

X = np.random.default_rng(0).normal(size=(200, 15))
X[:, 1] = X[:, 0] + 0.2 * X[:, 1]
DETECTOR = GaussianMixtureOutlierDetector(novelty=True).fit(X)
ROW = X[:1].copy()
ROW[0, 1] += 5.0
ROW[0, 7] = -9.0
ODD, NORMAL = DETECTOR.explain(np.concatenate([ROW, np.zeros((1, 15))]))


def bars(ax):
    return {int(str(box.get_label()).split()[-1]): bar.patches[0] for box in ax.containers for bar in [box]}


@pytest.mark.parametrize("theme", THEMES)
def test_bars_are_as_long_as_values_are_surprising(theme):
    ax = plot_reasons(ODD, theme=theme)
    found = bars(ax)
    assert len(found) == 12
    for column, bar in found.items():
        assert bar.get_width() == ODD.surprise[column]
    widths = [bar.get_width() for bar in sorted(found.values(), key=lambda bar: bar.get_y())]
    assert widths == sorted(widths, reverse=True)
    guilty = {reason.column for reason in ODD.reasons}
    assert guilty == {1, 7}
    colours = {column: bar.get_facecolor()[:3] for column, bar in found.items()}
    assert len({colours[column] for column in guilty}) == 1
    assert not {colours[column] for column in guilty} & {colours[column] for column in set(colours) - guilty}


def test_reasons_are_told_in_words():
    ax = plot_reasons(ODD, most=4)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[:2] == [f"{reason.name} = {reason.value:.6g}" for reason in ODD.reasons]
    texts = [text.get_text() for text in ax.texts]
    assert texts[:2] == [reason.expectation for reason in ODD.reasons]
    assert texts[2] == "Not shown: 11 less surprising columns."
    assert ODD.reasons[0].name in ax.get_label()


def test_a_row_without_reasons_says_so():
    ax = plot_reasons(NORMAL, width=3.4)
    assert ax.texts[0].get_text().replace("\n", " ").startswith("No single value stands out.")
    assert to_svg(ax.get_figure()).startswith("<svg")


def test_what_cannot_be_drawn():
    with pytest.raises(DataError, match=r"explanation of one row, such as detector.explain\(X\)\[0\], but got list"):
        plot_reasons([ODD])
    with pytest.raises(ParameterError, match="most must be a whole number of at least 1"):
        plot_reasons(ODD, most=0)
    with pytest.raises(ParameterError, match="theme must be"):
        plot_reasons(ODD, theme="blue")
