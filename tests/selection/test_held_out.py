"""Held-out likelihood: what it is on folds written out, what it does not depend on, and what it picks."""

import numpy as np
import pytest

from cases import fitted, random_mixture
from gmmkit.data import as_table
from gmmkit.errors import DataError, ParameterError
from gmmkit.execution import Workers
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.stopping import SmallChange
from gmmkit.model.mixture import Mixture
from gmmkit.selection.held_out import fold_of_rows, held_out

SETTINGS = FitSettings(rule=SmallChange(1e-6), max_iter=200)


def estimate(rows, mixture, *, weights=None, n_jobs=1, settings=SETTINGS, **options):
    with Workers(n_jobs) as workers:
        return held_out(as_table(rows, weights=weights), mixture, settings, workers=workers, **options)


def folds_of(rows, folds=10, seed=0, weights=None):
    with Workers(1) as workers:
        return fold_of_rows(as_table(rows, weights=weights), folds, seed, workers)


def planted(k=3, n=400, d=2, seed=0):
    return random_mixture("full", k, d, seed=seed, spread=6.0, condition=4.0).sample(n, seed=seed)[0]


def test_it_is_the_mean_over_folds_written_out():
    rows = planted()
    weights = np.random.default_rng(1).uniform(0.5, 2.0, len(rows))
    start = fitted(rows, "full", k=3, weights=weights).mixture
    found = estimate(rows, start, weights=weights, folds=4)
    member = folds_of(rows, 4)
    means, sizes = [], []
    for fold in range(4):
        out = member == fold
        fit = fitted(rows[~out], "full", start, weights=weights[~out], tol=1e-6, max_iter=200).mixture
        means.append(np.average(fit.log_density(rows[out]), weights=weights[out]))
        sizes.append(weights[out].sum())
    assert found.log_density == pytest.approx(np.average(means, weights=sizes), rel=1e-9)
    assert found.total_weight == pytest.approx(weights.sum())
    assert found.criterion == pytest.approx(-2 * weights.sum() * found.log_density)
    # Nearly equal folds: nearly the standard error of the mean of their means.
    assert found.standard_error == pytest.approx(np.std(means, ddof=1) / 2, rel=0.15)


def test_the_standard_error_is_that_of_independent_rows():
    # With a mixture of one component and no doubt, held-out densities are nearly independent between folds.
    rows = np.random.default_rng(4).standard_normal((2000, 1))
    found = estimate(rows, Mixture.from_arrays([1.0], [[0.0]], [[[1.0]]]), folds=40)
    assert found.standard_error == pytest.approx(np.sqrt(0.5 / 2000), rel=0.35)
    assert found.log_density == pytest.approx(-0.5 * np.log(2 * np.pi * np.e), abs=4 * found.standard_error)


@pytest.mark.parametrize("seed", range(3))
def test_it_picks_the_planted_number_of_components(seed):
    rows = planted(3, seed=seed)
    scores = {}
    for k in range(1, 6):
        mixture = fitted(rows, "full", k=k, n_init=3, tol=1e-6, max_iter=300).mixture
        scores[k] = estimate(rows, mixture).criterion
    assert min(scores, key=scores.get) == 3, scores


def test_folds_are_of_equal_size_and_equal_rows_share_one():
    rows = np.random.default_rng(0).standard_normal((1003, 3))
    member = folds_of(np.concatenate([rows, rows]))
    np.testing.assert_array_equal(member[:1003], member[1003:])
    assert np.ptp(np.bincount(member[:1003])) <= 1
    assert not np.array_equal(member[:1003], folds_of(rows, seed=1))


def test_folds_do_not_depend_on_order_type_or_the_sign_of_zero():
    rows = np.random.default_rng(0).integers(-50, 50, (300, 2))
    member = folds_of(rows)
    order = np.random.default_rng(1).permutation(300)
    np.testing.assert_array_equal(folds_of(rows[order]), member[order])
    np.testing.assert_array_equal(folds_of(np.asfortranarray(rows.astype(np.float32))), member)
    np.testing.assert_array_equal(folds_of(np.where(rows == 0, -0.0, rows)), member)


def test_an_integer_weight_is_a_repetition_and_weight_zero_is_absence():
    rows = planted(2, n=120)
    weights = np.random.default_rng(3).integers(0, 4, 120)
    mixture = fitted(rows, "tied", k=2).mixture
    weighted = estimate(rows, mixture, weights=weights.astype(float), folds=5)
    repeated = estimate(np.repeat(rows, weights, axis=0), mixture, folds=5)
    assert weighted.log_density == pytest.approx(repeated.log_density, rel=1e-9)
    assert weighted.standard_error == pytest.approx(repeated.standard_error, rel=1e-6)


def test_threads_change_no_bit():
    rows = planted(2, n=3000, d=3)
    mixture = fitted(rows, "full", k=2).mixture
    assert estimate(rows, mixture, folds=3) == estimate(rows, mixture, folds=3, n_jobs=2)


def test_settings_reach_every_fold():
    # With weights held equal the held-out likelihood of unequal clusters is worse.
    unequal = Mixture.from_arrays([0.9, 0.1], [[0.0], [6.0]], [1.0, 1.0], covariance_type="spherical")
    rows = unequal.sample(500, seed=0)[0]
    mixture = fitted(rows, "spherical", k=2).mixture
    equal = FitSettings(rule=SmallChange(1e-6), max_iter=200, equal_weights=True)
    assert estimate(rows, mixture, settings=equal).criterion > estimate(rows, mixture).criterion + 100


def test_rows_that_were_read_once_are_enough():
    rows = planted(2, n=500)
    mixture = fitted(rows, "diag", k=2).mixture
    with Workers(1) as workers:
        streamed = held_out(as_table(iter(np.split(rows, 5))), mixture, SETTINGS, workers=workers, folds=3)
    assert streamed == estimate(rows, mixture, folds=3)


@pytest.mark.parametrize(
    ("rows", "folds", "message"), [([[0.0], [1.0], [1.0]], 3, "distinct"), ([[0.0]], 1, "at least")]
)
def test_impossible_folds_are_refused(rows, folds, message):
    with pytest.raises(ParameterError, match=message):
        folds_of(rows, folds)


def test_rows_must_be_finite():
    rows = planted(2, n=60)
    mixture = fitted(rows, "diag", k=2).mixture
    rows[5, 1] = np.nan
    with pytest.raises(DataError, match="row 5"):
        estimate(rows, mixture)
