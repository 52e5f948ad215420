"""The report of handwriting: which images are shown as the hardest, and in what order."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from gmmkit.applications.handwriting import HandwritingClassifier
from gmmkit.report.handwriting import render_handwriting_report
from gmmkit.report.words import percent

DIGITS = load_digits()
KNOWN = np.flatnonzero(DIGITS.target < 2)[:40]


@pytest.fixture(scope="module")
def model():
    how = {"covariance_type": "EEI", "shrinkage": 0.0}
    return HandwritingClassifier(axes=3, **how).fit(DIGITS.images[KNOWN], DIGITS.target[KNOWN])


def test_of_the_hardest_the_surest_mistakes_go_first(model):
    # The third is of a class that the model does not know, and so is the fourth, which is taken for one more surely.
    probabilities = np.array([[0.4, 0.6], [0.9, 0.1], [0.3, 0.7], [0.1, 0.9]])
    page = render_handwriting_report(
        model, images=DIGITS.images[KNOWN[:4]], names=["first", "second", "third", "fourth"],
        labels=["0", "0", "7", "7"], probabilities=probabilities, seen=False, command="gmmkit digits classify",
    )  # fmt: skip
    places = [page.index(f"{name}, upright") for name in ("fourth", "third", "first", "second")]
    assert places == sorted(places)


def test_undecided_images_count_neither_as_right_nor_as_wrong(model):
    probabilities = np.array([[0.45, 0.55], [0.9, 0.1], [0.2, 0.8], [0.1, 0.9]])
    shown = {
        "images": DIGITS.images[KNOWN[:4]], "names": list("abcd"), "probabilities": probabilities, "seen": False,
        "undecided": np.array([True, False, False, False]), "command": "gmmkit digits classify",
    }  # fmt: skip
    page = render_handwriting_report(model, labels=["0", "0", "0", "1"], **shown)
    assert f"4 images, 1 of them left undecided; {percent(1 / 3)} of the others are taken for another character" in page
    assert "undecided</th>" in page
    assert "4 images, 1 of them left undecided" in render_handwriting_report(model, labels=None, **shown)
    shown["undecided"] = np.ones(4, dtype=bool)
    assert "4 images, 4 of them left undecided</h1>" in render_handwriting_report(model, labels=["0"] * 4, **shown)
