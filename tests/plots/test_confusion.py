"""The picture of a confusion: every cell is its number, as strong as its share of the class."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from gmmkit.errors import ParameterError
from gmmkit.plots import DARK, LIGHT, plot_confusion, to_svg

COUNTS = np.array([[50.0, 0.0, 0.0], [0.0, 46.0, 4.0], [0.0, 0.0, 0.0]])


@pytest.mark.parametrize(("theme", "colours"), [("light", LIGHT), ("dark", DARK)])
def test_cells_are_shares_of_their_class(theme, colours):
    ax = plot_confusion(COUNTS, ["a", "$b$", "c"], theme=theme)
    cells = np.array(ax.patches).reshape(3, 3)
    assert [to_hex(cells[0, 0].get_facecolor()), to_hex(cells[1, 2].get_facecolor())] == [
        colours.accent,
        colours.palette[1],
    ]
    strong = [cells[0, 0].get_alpha(), cells[1, 1].get_alpha(), cells[1, 2].get_alpha()]
    np.testing.assert_allclose(strong, 0.12 + 0.38 * np.sqrt([1.0, 0.92, 0.08]))
    assert to_hex(cells[0, 1].get_facecolor()) == to_hex(cells[2, 2].get_facecolor()) == colours.grid
    said = {text.get_position()[::-1]: text.get_text() for text in ax.texts[:-1]}
    assert said == {(0, 0): "50", (0, 3.1): "0.0 %", (1, 1): "46", (1, 2): "4", (1, 3.1): "8.0 %", (2, 3.1): "-"}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "$b$", "c"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "$b$", "c", "wrong"]
    assert "4.00 % are wrong" in ax.texts[-1].get_text()
    assert "Which classes are told as which" in to_svg(ax.figure)


def test_weights_need_not_be_whole():
    texts = [text.get_text() for text in plot_confusion([[1234.0, 0.25], [0.0, 1.5]]).texts]
    assert texts[:2] + texts[3:4] == ["1,234", "0.25", "1.5"]


def test_of_many_classes_the_most_mistaken_are_shown_without_numbers():
    counts = np.diag(np.full(90, 10.0))
    counts[7, 80] = counts[88, 89] = 3.0
    ax = plot_confusion(counts, [f"a class with a long name {c}" for c in range(90)])
    assert len(ax.patches) == 40**2
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert len(shown) == 40
    assert len(ax.texts) == 41
    assert "40 of 90 classes" in ax.texts[-1].get_text().replace("\n", " ")
    assert sum(text.get_text() == "23.1 %" for text in ax.texts) == 2
    assert ax.get_xticklabels()[0].get_rotation() == 45


@pytest.mark.parametrize(
    ("confusion", "labels", "said"),
    [
        ([[1.0, 2.0]], None, r"square table of at least two classes, but got the shape \(1, 2\)"),
        ([[1.0]], None, "at least two classes"),
        ([[1.0, -1.0], [0.0, 1.0]], None, "none below 0"),
        ([[0.0, 0.0], [0.0, 0.0]], None, "not all 0"),
        ([[np.nan, 0.0], [0.0, 1.0]], None, "finite"),
        (COUNTS, ["a", "b"], "labels must be 3, one for each class, but got 2"),
    ],
)
def test_what_is_no_confusion_is_said(confusion, labels, said):
    with pytest.raises(ParameterError, match=said):
        plot_confusion(confusion, labels)
