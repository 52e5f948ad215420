"""Reasons: the guilty columns, in order, and no others."""

import numpy as np
import pytest

from gmmkit.data import as_table
from gmmkit.selection.anomalies import AnomalySettings, find_anomalies
from gmmkit.selection.explanation import Reason, explain

NAMES = ["height", "weight", "age", "cigarettes"]


@pytest.fixture(scope="module")
def normality():
    random = np.random.default_rng(0)
    height = random.normal(170, 10, 500)
    weight = 0.9 * height - 90 + random.normal(0, 3, 500)
    smokes = np.where(random.random(500) < 0.8, 0.0, random.gamma(9.0, size=500))
    rows = np.c_[height, weight, random.uniform(20, 60, 500), smokes]
    return find_anomalies(as_table(rows), AnomalySettings(True, "cross", 0), n_jobs=1).normality


def reasons(normality, row):
    return explain(normality, np.array([row], dtype=float), NAMES)[0]


@pytest.mark.parametrize(
    ("row", "guilty"),
    [
        ([170, 300, 40, 0], ["weight"]),
        ([1e200, 63, 40, 0], ["height"]),
        ([-1e9, 63, 40, 0], ["height"]),
        ([170, 63, 400, 0], ["age"]),
        ([170, 63, 40, 300], ["cigarettes"]),
        ([170, 300, 40, 300], ["weight", "cigarettes"]),
        ([170, 63, 40, 0], []),
    ],
)
def test_the_guilty_columns_are_named_and_no_others(normality, row, guilty):
    found = reasons(normality, row)
    assert sorted(reason.name for reason in found.reasons) == sorted(guilty)
    sizes = [reason.surprise for reason in found.reasons]
    assert sizes == sorted(sizes, reverse=True)
    assert np.isfinite(found.surprise).all()
    for reason in found.reasons:
        assert found.surprise[reason.column] == reason.surprise
        assert reason.value == row[reason.column]
        assert not any(low <= reason.value <= high for low, high in reason.expected)
    others = [j for j, name in enumerate(NAMES) if name not in guilty]
    assert found.surprise[others].max() < 6


def test_a_broken_correlation_names_one_of_the_two_and_what_was_expected(normality):
    (reason,) = reasons(normality, [155, 80, 40, 0]).reasons
    assert reason.name in ("height", "weight")
    low, high = reason.expected[0]
    expected = 0.9 * 155 - 90 if reason.name == "weight" else (80 + 90) / 0.9
    assert low < expected < high
    assert reason.given_others


def test_between_two_ranges_is_outside_of_both():
    random = np.random.default_rng(1)
    rows = np.c_[np.where(random.random(400) < 0.5, 0.0, 10.0) + random.normal(0, 0.3, 400), random.normal(size=400)]
    model = find_anomalies(as_table(rows), AnomalySettings(True, "cross", 0), n_jobs=1).normality
    (reason,) = explain(model, np.array([[5.0, 0.0]]))[0].reasons
    assert reason.column == 0
    assert len(reason.expected) == 2
    assert reason.sentence.startswith("column 0 5: expected ")
    assert " or " in reason.sentence


def test_one_column(normality):
    rows = np.random.default_rng(2).normal(5, 1, (200, 1))
    model = find_anomalies(as_table(rows), AnomalySettings(True, "cross", 0), n_jobs=1).normality
    far, near = explain(model, np.array([[50.0], [5.0]]))
    assert [reason.given_others for reason in far.reasons] == [False]
    assert not far.sentence.endswith("given the others")
    assert near.reasons == ()
    assert near.sentence == "no single value stands out"


def test_no_rows_have_no_reasons(normality):
    assert explain(normality, np.empty((0, 4))) == []


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (((1.234, 2.345),), "1.2 to 2.3"),
        (((0.001234, 0.001239),), "0.001234 to 0.001239"),
        (((1234567.0, 2345678.0),), "1200000 to 2300000"),
        (((-0.001, 10.0), (20.0, 31.0)), "0 to 10 or 20 to 31"),
        (((3.0, 3.0),), "3"),
    ],
)
def test_ranges_have_the_digits_that_their_width_shows(expected, words):
    assert Reason(0, "x", 9.0, expected, 1.0, given_others=False).sentence == f"x 9: expected {words}"
