"""Which rows are called: by the rule that was asked for, or by a kept detector's own threshold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gmmkit import GaussianMixtureOutlierDetector
from gmmkit.data import as_table
from gmmkit.data.table import Table
from gmmkit.estimators.persistence import record_of
from gmmkit.files import ModelRecord
from gmmkit.selection.conformal import benjamini_hochberg
from gmmkit.selection.judging import USUAL, Judged, Rule, judge, judge_by_kept
from gmmkit.selection.normality_records import normality_of_record

RANDOM = np.random.default_rng(5)
P_VALUES = np.r_[RANDOM.uniform(size=190), RANDOM.uniform(0.0, 0.002, size=10)]
SCORES = np.log(P_VALUES)


def test_each_rule_calls_its_rows() -> None:
    by_share = judge(SCORES, P_VALUES, Rule(contamination=0.1))
    assert by_share.flags.sum() == 20
    assert SCORES[by_share.flags].max() < SCORES[~by_share.flags].min()
    np.testing.assert_array_equal(judge(SCORES, P_VALUES, Rule(p_value=0.2)).flags, P_VALUES <= 0.2)
    np.testing.assert_array_equal(judge(SCORES, P_VALUES, Rule(rate=0.3)).flags, benjamini_hochberg(P_VALUES, 0.3))
    np.testing.assert_array_equal(judge(SCORES, P_VALUES, Rule()).flags, P_VALUES <= USUAL)


def test_rows_are_ordered_those_that_are_called_first() -> None:
    judged = Judged(np.array([3.0, 1.0, 2.0, 0.0]), np.ones(4), np.array([True, False, True, False]), "hand")
    assert judged.called.tolist() == [2, 0]
    assert judged.order.tolist() == [2, 0, 3, 1]


@pytest.mark.parametrize(("ranks", "clean", "level"), [(False, True, 0.1), (True, True, None), (False, False, None)])
def test_how_many_normal_rows_are_called_is_known_beside_clean_ones_only(
    ranks: bool, clean: bool, level: float | None
) -> None:
    judged = judge(SCORES, P_VALUES, Rule(p_value=0.1), ranks=ranks, clean=clean)
    assert (judged.level, judged.ranks) == (level, ranks)


def test_what_was_asked_for_is_remembered() -> None:
    assert judge(SCORES, P_VALUES, Rule(contamination=0.1)).given_share
    assert judge(SCORES, P_VALUES, Rule(rate=0.1)).rate == 0.1
    assert [rule.is_open for rule in (Rule(), Rule(contamination=0.1), Rule(p_value=0.1), Rule(rate=0.1))] == [
        True,
        False,
        False,
        False,
    ]


@pytest.fixture(scope="module")
def rows() -> Table:
    return as_table(np.random.default_rng(0).normal(size=(300, 2)))


def kept(rows: Table, **settings: object) -> tuple[GaussianMixtureOutlierDetector, ModelRecord]:
    detector = GaussianMixtureOutlierDetector(random_state=0, **settings).fit(rows.take(np.arange(300)))
    return detector, record_of(detector)


@pytest.mark.parametrize(
    ("settings", "words", "level"),
    [
        ({"novelty": True}, "with a p-value of at most 0.05", 0.05),
        ({}, "with a p-value of at most 0.05", None),
        ({"contamination": 0.1}, "of the lowest 0.1 of the fitted rows", None),
    ],
)
def test_a_kept_detector_calls_what_it_predicts(
    rows: Table, settings: dict[str, object], words: str, level: float | None
) -> None:
    detector, record = kept(rows, **settings)
    normality, reference, offset, clean = normality_of_record(record)
    new = as_table(2.0 * np.random.default_rng(1).normal(size=(50, 2)))
    judged = judge_by_kept(new, normality, reference, offset, record.settings, clean=clean)
    values = new.take(np.arange(50))
    np.testing.assert_array_equal(judged.flags, detector.predict(values) == -1)
    np.testing.assert_array_equal(judged.scores, detector.score_samples(values))
    np.testing.assert_array_equal(judged.p_values, detector.p_values(values))
    assert 0 < judged.flags.sum() < 50
    assert words in judged.rule
    assert judged.level == level
    asked = judge_by_kept(new, normality, reference, -math.inf, record.settings, Rule(p_value=0.01), clean=clean)
    np.testing.assert_array_equal(asked.flags, judged.p_values <= 0.01)
