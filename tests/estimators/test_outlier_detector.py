"""`GaussianMixtureOutlierDetector`: scikit-learn's conventions, thresholds, and what is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gmmkit import GaussianMixtureOutlierDetector
from gmmkit.data import as_table
from gmmkit.errors import DataError, GmmkitWarning, ParameterError
from gmmkit.inference.em import EM


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    rows = random.normal(size=(300, 3)) @ np.tri(3)
    rows[:15] = random.uniform(8, 12, (15, 3)) * random.choice([-1, 1], (15, 3))
    return rows


@pytest.fixture(scope="module")
def detector(rows):
    return GaussianMixtureOutlierDetector(contamination=0.05).fit(rows)


def test_conventions(detector, rows):
    scores, decisions = detector.score_samples(rows), detector.decision_function(rows)
    np.testing.assert_array_equal(decisions, scores - detector.offset_)
    np.testing.assert_array_equal(detector.predict(rows), np.where(decisions < 0, -1, 1))
    np.testing.assert_array_equal(detector.fit_predict(rows), detector.predict(rows))
    np.testing.assert_allclose(detector.offset_, np.percentile(scores, 5), rtol=1e-11)
    assert np.flatnonzero(detector.predict(rows) == -1).tolist() == list(range(15))


# Of 41 rows a tenth or a fifth leave one that has the threshold's score itself.
@pytest.mark.parametrize("contamination", ["auto", 0.1, 0.2])
def test_last_bits_of_a_score_move_no_row_across_the_threshold(contamination):
    for seed in range(5):
        rows = np.random.default_rng(seed).normal(size=(41, 3))
        detector = GaussianMixtureOutlierDetector(contamination=contamination).fit(rows)
        margins = np.sort(np.abs(detector.decision_function(rows)))
        assert 1e-13 < margins[0] < 1e-9 < margins[1]


# Scores of these rows at the threshold end in other bits when they are alone.
@pytest.mark.parametrize(("seed", "at"), [(8, 26), (9, 7), (19, 30)])
def test_a_row_at_the_threshold_is_judged_the_same_alone_as_among_others(seed, at):
    rows = np.random.default_rng(seed).normal(size=(41, 3))
    detector = GaussianMixtureOutlierDetector(novelty=True, calibration="split").fit(rows)
    assert np.abs(detector.decision_function(rows)).argmin() == at
    for question in (detector.predict, detector.p_values):
        np.testing.assert_array_equal(np.concatenate([question(row[None]) for row in rows]), question(rows))
    np.testing.assert_array_equal(detector.predict(rows) == -1, detector.p_values(rows) <= 0.05)


@pytest.mark.parametrize("contamination", [0.01, 0.1, 0.33, 0.5])
def test_contamination_is_the_share_of_outliers(rows, contamination):
    found = GaussianMixtureOutlierDetector(contamination=contamination).fit_predict(rows)
    assert (found == -1).mean() == pytest.approx(contamination, abs=1 / 300)


@pytest.mark.parametrize("p_value", [0.01, 0.05, 0.2])
def test_auto_takes_what_has_a_small_p_value(rows, p_value):
    detector = GaussianMixtureOutlierDetector(novelty=True, p_value=p_value).fit(rows[15:])
    new = np.random.default_rng(1).normal(size=(500, 3)) @ np.tri(3)
    np.testing.assert_array_equal(detector.predict(new) == -1, detector.p_values(new) <= p_value)
    assert 0.0 < (detector.predict(new) == -1).mean() < 2 * p_value
    assert len(detector.reference_scores_) == len(detector.p_values_) == 285
    assert (np.diff(detector.reference_scores_) >= 0).all()


def test_p_values_of_outliers_are_the_smallest(rows):
    detector = GaussianMixtureOutlierDetector(p_value=0.08).fit(rows)
    assert sorted(np.argsort(detector.p_values_)[:15].tolist()) == list(range(15))
    assert (detector.predict(rows)[:15] == -1).all()


def test_discoveries_are_of_new_rows_beside_clean_ones(rows):
    detector = GaussianMixtureOutlierDetector(novelty=True).fit(rows[15:])
    found = detector.discoveries(rows[:40], 0.1)
    assert found[:15].all()
    assert found[15:].mean() < 0.2
    assert not detector.discoveries(rows[100:140], 0.01).any()
    with pytest.raises(ParameterError, match="novelty was False .*: fit clean rows with novelty=True"):
        GaussianMixtureOutlierDetector().fit(rows).set_params(novelty=True).discoveries(rows)
    later = clone(detector).fit(rows[15:]).set_params(novelty=False)
    np.testing.assert_array_equal(later.discoveries(rows[:40], 0.1), found)
    for rate in (0, 1, -0.1, "a", None, float("nan")):
        with pytest.raises(ParameterError, match="rate must be"):
            detector.discoveries(rows, rate)


def test_a_split_has_no_p_values_of_the_fitted_rows(rows):
    detector = GaussianMixtureOutlierDetector(novelty=True).fit(rows[15:])
    assert hasattr(detector, "p_values_")
    detector.set_params(calibration="split").fit(rows[15:])
    assert not hasattr(detector, "p_values_")
    assert len(detector.reference_scores_) == 142
    assert (detector.p_values(rows[:15]) <= 1 / 143).all()
    with pytest.raises(ParameterError, match="calibration='split' needs novelty=True"):
        GaussianMixtureOutlierDetector(calibration="split").fit(rows)


def test_reasons_have_the_frames_names(rows):
    frame = pd.DataFrame(rows, columns=["a", "b", "c"])
    detector = GaussianMixtureOutlierDetector().fit(frame)
    wrong = frame.iloc[100:101].copy()
    wrong["b"] += 50.0
    (explanation,) = detector.explain(wrong)
    assert [reason.name for reason in explanation.reasons] == ["b"]
    assert explanation.surprise.shape == (3,)
    assert explanation.sentence.startswith(f"b {wrong['b'].iloc[0]:.6g}: expected ")


def test_frames_tables_streams_and_dtypes_give_the_same(rows, detector):
    frame = pd.DataFrame(rows, columns=["a", "b", "c"])
    expected = detector.score_samples(rows)
    for X in (frame, pl.from_pandas(frame), as_table(rows), np.asfortranarray(rows), iter([rows[:90], rows[90:]])):
        own = GaussianMixtureOutlierDetector(contamination=0.05).fit(X)
        np.testing.assert_array_equal(own.score_samples(rows if not hasattr(X, "columns") else X), expected)
    single = GaussianMixtureOutlierDetector(contamination=0.05).fit(rows.astype(np.float32))
    assert (single.predict(rows.astype(np.float32)) == detector.predict(rows)).all()
    assert list(GaussianMixtureOutlierDetector().fit(frame).feature_names_in_) == ["a", "b", "c"]


def test_bytes_are_numbers():
    pixels = np.random.default_rng(2).integers(0, 256, (200, 4)).astype(np.uint8)
    fitted = GaussianMixtureOutlierDetector().fit(pixels)
    expected = GaussianMixtureOutlierDetector().fit(pixels.astype(float))
    np.testing.assert_array_equal(fitted.score_samples(pixels), expected.score_samples(pixels.astype(float)))


def test_clones_pickles_and_pipelines(rows, detector):
    assert clone(detector).get_params() == detector.get_params()
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(detector)).score_samples(rows), detector.score_samples(rows)
    )
    piped = make_pipeline(StandardScaler(), GaussianMixtureOutlierDetector(contamination=0.05)).fit(rows)
    np.testing.assert_array_equal(piped.predict(rows), detector.predict(rows))


@pytest.mark.parametrize("contamination", [0, 0.0, -0.1, 0.51, 1.0, "much", None, float("nan"), True])
def test_contamination_out_of_range_is_refused(rows, contamination):
    with pytest.raises(
        ValueError, match=r"'contamination' parameter .* must be a str among {'auto'} or a float in .*0\.5\]"
    ):
        GaussianMixtureOutlierDetector(contamination=contamination).fit(rows)


def test_constant_columns_are_named(rows):
    flat = np.c_[rows, np.full(300, 2.0)]
    with pytest.warns(GmmkitWarning, match="column 3 has one value only: any other would be an anomaly by itself"):
        detector = GaussianMixtureOutlierDetector().fit(flat)
    assert np.isfinite(detector.score_samples(flat)).all()
    with pytest.raises(DataError, match="no two rows that differ.*give columns that vary"):
        GaussianMixtureOutlierDetector().fit(np.ones((20, 3)))


def test_text_and_weights_are_refused(rows):
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "z"]})
    with pytest.raises(ValueError, match="'b'"):
        GaussianMixtureOutlierDetector().fit(frame)
    with pytest.raises(ParameterError, match="has weights"):
        GaussianMixtureOutlierDetector().fit(as_table(rows, weights=np.ones(300)))
    with pytest.raises(DataError, match="is NaN"):
        GaussianMixtureOutlierDetector().fit(rows).explain([[np.nan, 0.0, 0.0]])


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_an_interrupt_goes_on_and_leaves_no_half_fitted_detector(rows, monkeypatch, share):
    passes, last, sweep = 0, float("inf"), EM.sweep

    def counted(self, state):
        nonlocal passes
        passes += 1
        if passes > last:
            raise KeyboardInterrupt
        return sweep(self, state)

    # Passes one after the other, that can be counted: the compiled loop makes all of a fit's.
    monkeypatch.setattr("gmmkit.inference.fit.run_compiled", lambda *args, **kwargs: None)
    monkeypatch.setattr(EM, "sweep", counted)
    GaussianMixtureOutlierDetector(n_jobs=1).fit(rows)
    assert passes > 50
    passes, last = 0, int(share * passes)
    detector = GaussianMixtureOutlierDetector(n_jobs=1)
    with pytest.raises(KeyboardInterrupt):
        detector.fit(rows)
    assert not hasattr(detector, "normality_")


@pytest.mark.parametrize(("n", "d", "p_value"), [(1000, 30, 0.05), (200, 60, 0.05), (100, 2, 0.07), (100, 3, 0.29)])
def test_as_many_fitted_rows_are_outliers_as_have_small_p_values(n, d, p_value):
    rows = np.random.default_rng(3).normal(size=(n, d))
    detector = GaussianMixtureOutlierDetector(p_value=p_value).fit(rows)
    taken = detector.predict(rows) == -1
    assert taken.sum() == (detector.p_values_ <= p_value).sum() == round(n * p_value)
    np.testing.assert_array_equal(taken, detector.score_samples(rows) < detector.offset_)


@pytest.mark.parametrize(
    ("settings", "enough"),
    [({"novelty": True, "calibration": "split"}, 38), ({"novelty": True}, 19), ({}, 20)],
)
def test_too_few_rows_for_a_p_value_flag_none_and_say_how_many_it_takes(settings, enough):
    random = np.random.default_rng(4)
    rows, new = random.normal(size=(enough, 2)), random.normal(size=(200, 2)) * 3
    detector = GaussianMixtureOutlierDetector(**settings)
    for few in (10, enough - 1):
        with pytest.warns(GmmkitWarning, match=f"no p-value from {few} rows can be at most 0.05.* takes {enough} rows"):
            detector.fit(rows[:few])
        assert detector.offset_ == -np.inf
        assert (detector.predict(new) == 1).all()
        # The lowest of contaminated rows is one of them, the lowest new row is one more.
        assert (detector.p_values(new) if detector.novelty else detector.p_values_).min() > 0.05
        assert (detector.predict(rows[:few]) == 1).all()
    detector.fit(rows)
    assert np.isfinite(detector.offset_)
    assert 0 < (detector.predict(new) == -1).sum() < 200
    with pytest.warns(GmmkitWarning, match="at most 1e-05"):
        detector.set_params(p_value=1e-5).fit(rows)


@pytest.mark.parametrize(("contamination", "n_groups"), [(0.3, 3), (0.4, 3)])
def test_more_anomalies_than_a_fifth_are_found_where_they_are_known_to_be(contamination, n_groups):
    recalls = []
    for seed in range(3):
        random = np.random.default_rng(seed)
        rows = random.normal(size=(400, 4))
        for group in np.array_split(np.arange(round(400 * contamination)), n_groups):
            rows[group] += 7.0 * random.choice([-1, 1], 4)
        found = GaussianMixtureOutlierDetector(contamination=contamination).fit_predict(rows) == -1
        recalls.append(found[: round(400 * contamination)].mean())
    assert np.mean(recalls) > 0.95
