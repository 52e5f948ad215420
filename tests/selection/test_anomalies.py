"""What is normal among contaminated rows, and out-of-sample scores."""

from dataclasses import replace

import numpy as np
import pytest

from gmmkit.data import as_table
from gmmkit.errors import DataError, ParameterError
from gmmkit.execution import Workers
from gmmkit.model.covariance import Diagonal, Full
from gmmkit.selection.anomalies import (
    AnomalySettings,
    _unseen_scores,
    constant_columns,
    find_anomalies,
    outlier_threshold,
)
from gmmkit.selection.conformal import benjamini_hochberg, conformal_p_values, just_below
from gmmkit.selection.normal_model import CLEAN as NORMAL
from gmmkit.selection.normal_model import _consistent, contaminated, fit_normal

CONTAMINATED, CLEAN = AnomalySettings(False, "cross", 0), AnomalySettings(True, "cross", 0)


def found(rows, settings=CONTAMINATED, **kwargs):
    return find_anomalies(as_table(rows), settings, n_jobs=1, **kwargs)


def lowest(scores, n):
    return sorted(np.argsort(scores, kind="stable")[:n].tolist())


@pytest.mark.parametrize("far", [30.0, 1e9, 1e200, -1.7e308])
def test_gross_outliers_come_first_and_hide_no_others(far):
    rows = np.random.default_rng(0).normal(size=(400, 4)) @ np.tri(4)
    rows[3, 2] = far
    rows[17] = 8.0, -8.0, 8.0, -8.0
    result = found(rows)
    assert np.isfinite(result.scores).all()
    assert lowest(result.scores, 2) == [3, 17]
    assert lowest(result.p_values, 2) == [3, 17]


def test_a_small_dense_group_is_not_normal():
    random = np.random.default_rng(1)
    rows = np.concatenate([random.normal(0, 1, (475, 3)), random.normal(6, 0.05, (25, 3))])
    assert lowest(found(rows).scores, 25) == list(range(475, 500))


def test_a_broken_correlation_is_seen():
    random = np.random.default_rng(2)
    x = random.normal(size=(500, 1))
    rows = np.concatenate([x, x + 0.1 * random.normal(size=(500, 1)), random.normal(size=(500, 2))], axis=1)
    rows[11, :2] = 1.5, -1.5
    assert lowest(found(rows).scores, 1) == [11]
    clean = found(np.delete(rows, 11, axis=0), CLEAN)
    assert clean.normality.score(as_table(rows[[11]]))[0] < clean.scores.min()


def test_sparse_columns_with_one_huge_value():
    random = np.random.default_rng(3)
    rows = np.where(random.random((1000, 3)) < 0.79, 0.0, random.gamma(5.0, size=(1000, 3)))
    rows[6, 1] = 60.0
    before = lowest(found(rows).scores, 10)
    rows[5, 0], rows[7, 2] = 1e9, 1e200
    after = found(rows).scores
    assert lowest(after, 2) == [5, 7]
    assert 6 in before
    assert 6 in lowest(after, 12)


def test_the_answer_is_the_same_in_other_units_and_for_the_same_seed():
    rows = np.random.default_rng(4).normal(size=(300, 3))
    scores = found(rows).scores
    np.testing.assert_array_equal(scores, found(rows).scores)
    np.testing.assert_allclose(found(rows * [8.0, 0.5, 1024.0] + [0.0, 0.0, 4096.0]).scores, scores, rtol=1e-6)
    assert not np.array_equal(found(rows, AnomalySettings(False, "cross", 1)).scores, scores)


def test_rows_beyond_those_fitted_are_scored_and_have_p_values():
    random = np.random.default_rng(5)
    rows = random.normal(size=(5000, 2))
    rows[4321] = 9.0, 9.0
    result = found(rows)
    assert result.scores.shape == result.p_values.shape == (5000,)
    assert lowest(result.scores, 1) == lowest(result.p_values, 1) == [4321]
    assert (result.p_values <= 0.05).mean() == pytest.approx(0.05)


@pytest.mark.parametrize("calibration", ["cross", "split"])
def test_p_values_of_clean_new_rows_are_calibrated(calibration):
    shares = []
    for seed in range(12):
        random = np.random.default_rng(seed)
        mixing = np.array([[1.0, 0.8, 0.0], [0.0, 0.6, 0.0], [0.0, 0.0, 1.0]])
        rows = random.normal(size=(2600, 3)) @ mixing
        rows[:, 2] = np.exp(rows[:, 2])
        result = found(rows[:600], AnomalySettings(True, calibration, seed))
        p = conformal_p_values(result.reference, result.normality.score(as_table(rows[600:]), n_jobs=1))
        shares.append((p <= 0.05).mean())
    # Of so many simulations the mean is known to some thousandths.
    assert np.mean(shares) == pytest.approx(0.05, abs=0.01)
    assert np.std(shares) > 0


def test_false_discoveries_are_as_few_as_asked():
    rates, powers = [], []
    for seed in range(25):
        random = np.random.default_rng(seed)
        result = found(random.normal(size=(300, 2)), CLEAN)
        new = random.normal(size=(100, 2))
        new[:20] += 6.0
        p = conformal_p_values(result.reference, result.normality.score(as_table(new), n_jobs=1))
        taken = benjamini_hochberg(p, 0.1)
        rates.append(taken[20:].sum() / max(taken.sum(), 1))
        powers.append(taken[:20].mean())
    assert np.mean(rates) <= 0.1
    assert np.mean(powers) > 0.95


def test_split_scores_only_rows_that_were_not_fitted():
    rows = np.random.default_rng(6).normal(size=(101, 2))
    result = found(rows, AnomalySettings(True, "split", 0))
    assert result.p_values is None
    assert len(result.reference) == 50
    assert set(result.reference) <= set(just_below(result.scores))


def test_scores_are_the_same_bits_for_any_number_of_threads():
    rows = np.random.default_rng(7).normal(size=(70_000, 6))
    rows[1234] = 20.0
    normality = found(rows[:500]).normality
    one, two, many = (normality.score(as_table(rows), n_jobs=n) for n in (1, 2, 7))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, many)
    assert lowest(one, 1) == [1234]


@pytest.mark.parametrize(("n", "d"), [(2, 1), (3, 2), (5, 4), (12, 30)])
def test_few_rows(n, d):
    rows = np.random.default_rng(8).normal(size=(n, d))
    for settings in (CONTAMINATED, CLEAN):
        result = found(rows, settings)
        assert np.isfinite(result.scores).all()
        assert np.isfinite(result.reference).all()
        assert ((result.p_values > 0) & (result.p_values <= 1)).all()


def test_constant_columns_count_where_another_value_comes():
    rows = np.random.default_rng(9).normal(size=(100, 3))
    rows[:, 1] = 7.0
    result = found(rows, CLEAN)
    assert result.constant == (1,)
    new = rows[:2].copy()
    new[1, 1] = 7.5
    before, after = result.normality.score(as_table(new))
    assert before == pytest.approx(result.scores[0])
    assert after < result.scores.min() - 100
    assert constant_columns([0, 1], ["a", "b"]).startswith("columns 'a', 'b' have one value only")


def test_what_cannot_be_judged():
    with pytest.raises(DataError, match="no two rows that differ"):
        found(np.ones((9, 2)))
    with pytest.raises(DataError, match="has 1 row"):
        found([[1.0, 2.0]])
    with pytest.raises(DataError, match="row 1, column 0 is NaN"):
        found([[1.0], [np.nan], [2.0]])
    with pytest.raises(ParameterError, match="X has weights.*leave them out"):
        find_anomalies(as_table([[1.0], [2.0]], weights=[1.0, 2.0]), CLEAN)


def test_more_columns_than_rows_have_one_component_and_still_show_what_is_far():
    rows = np.random.default_rng(10).normal(size=(60, 120))
    rows[8, 77] = 1e3
    result = found(rows)
    assert result.normality.joint.n_components == 1
    assert lowest(result.scores, 1) == lowest(result.p_values, 1) == [8]


def test_no_fold_is_scored_by_a_fit_that_saw_it():
    rows = np.random.default_rng(11).normal(size=(60, 4))
    with Workers(1) as workers:
        fitted = fit_normal(rows, contaminated(), 0, workers)
        before = _unseen_scores(fitted, rows, 0, workers)
        # Row 30, alone of its fold, moves; where fits begin and what they trim stays.
        moved = rows.copy()
        moved[30] += [0.3, -0.2, 0.1, 0.4]
        known = replace(fitted, rows=fitted.normality.units.into(moved))
        after = _unseen_scores(known, moved, 0, workers)
        back = _unseen_scores(known, rows, 0, workers)
    own = np.arange(60) // 12 == 2
    np.testing.assert_array_equal(after[own & (np.arange(60) != 30)], before[own & (np.arange(60) != 30)])
    # Of its own value alone the row's score depends.
    assert after[30] != before[30]
    assert back[30] == before[30]
    assert fitted.kept[0][30]
    assert (after[~own] != before[~own]).all()


@pytest.mark.parametrize("settings", [contaminated(), NORMAL])
def test_left_out_rows_choose_the_structure_and_anomalies_have_no_vote(settings):
    random = np.random.default_rng(16)
    apart = random.normal(size=(120, 12))
    together = random.normal(size=(500, 2)) @ np.array([[1.0, 0.99], [0.0, 0.14]])
    # A line of anomalies, a seventh of the rows, speaks for correlations that normal rows do not have.
    line = 4.0 + random.normal(size=(20, 1)) * np.ones(12) + 0.01 * random.normal(size=(20, 12))
    mixed = random.permutation(np.concatenate([apart, line]))
    cases = [(apart, Diagonal), (together, Full), *([] if settings is NORMAL else [(mixed, Diagonal)])]
    with Workers(1) as workers:
        for rows, expected in cases:
            fitted = fit_normal(rows, settings, 0, workers)
            assert fitted.structure is expected
            assert all(isinstance(mixture.covariance, expected) for mixture in fitted.mixtures)
            assert isinstance(fitted.normality.joint.covariance, Full)


@pytest.mark.parametrize("clean", [True, False])
def test_p_values_of_new_rows_where_rows_are_few_for_their_columns(clean):
    shares = []
    for seed in range(12):
        rows = np.random.default_rng(seed).normal(size=(1100, 20)) @ (np.eye(20) + 0.1 * np.tri(20))
        result = found(rows[:100], AnomalySettings(clean, "cross", seed))
        p = conformal_p_values(result.reference, result.normality.score(as_table(rows[100:]), n_jobs=1))
        shares.append((p <= 0.05).mean())
    # With full covariances, whatever the rows, it would be half of that.
    assert np.mean(shares) == pytest.approx(0.05, abs=0.015)


def test_thresholds_are_those_of_the_rule():
    rows = np.random.default_rng(17).normal(size=(200, 2))
    for settings in (AnomalySettings(False, "cross", 0, 0.1), CONTAMINATED, CLEAN):
        result = found(rows, settings)
        threshold = outlier_threshold(result, settings, 0.05)
        if settings.contamination:
            assert (result.scores < threshold).sum() == 20
        elif settings.clean:
            below = np.nextafter(threshold, -np.inf)
            p = conformal_p_values(result.reference, np.array([below, threshold]))
            assert p[0] <= 0.05 < p[1]
        else:
            assert (result.scores < threshold).sum() == (result.p_values <= 0.05).sum() == 10
    assert outlier_threshold(found(rows[:19]), CONTAMINATED, 0.05) == -np.inf


def test_scores_out_of_sample_are_lower():
    result = found(np.random.default_rng(12).normal(size=(80, 12)), CLEAN)
    assert result.reference.mean() < result.scores.mean() - 1.0


@pytest.mark.parametrize("d", [1, 2, 6])
@pytest.mark.parametrize("trimmed", [0.0, 0.2, 0.5])
def test_what_is_left_of_a_gaussian_is_widened_to_all_of_it(d, trimmed):
    rows = np.random.default_rng(13).normal(size=(100_000, d))
    far = np.argsort((rows**2).sum(axis=1))
    left = rows[far[: int((1.0 - trimmed) * len(rows))]]
    assert _consistent(d, trimmed) * left.var(axis=0) == pytest.approx(np.ones(d), rel=0.02)


def test_covariances_of_trimmed_fits_are_widened():
    rows = np.random.default_rng(14).normal(size=(20, 9))  # of one component: there are too few rows for two
    with Workers(1) as workers:
        fitted = fit_normal(rows, contaminated(), 0, workers)
    (own,) = fitted.mixtures
    np.testing.assert_allclose(
        fitted.normality.joint.covariance.dense(), _consistent(9, 0.2) * own.covariance.dense(), rtol=1e-12
    )
