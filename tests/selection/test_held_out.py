"""Held-out likelihood: what it is on folds written out, what it does not depend on, and what it picks."""

import numpy as np
import pytest

from cases import random_mixture
from gmmkit import GaussianMixture
from gmmkit.data import as_table
from gmmkit.errors import DataError, ParameterError
from gmmkit.execution import Workers
from gmmkit.inference.candidate_fits import Fitted
from gmmkit.inference.candidates import fit_candidates
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.stopping import AitkenGain
from gmmkit.model.mixture import Mixture
from gmmkit.selection.held_out import fold_of_rows, held_out

SETTINGS = FitSettings(rule=AitkenGain(1e-8), max_iter=1000)


def fits_by(settings, cell, workers):
    """Return what fits a cell to the rows of a fold."""
    return lambda seen: fit_candidates(
        seen, [cell], settings, tol=1e-8, smallest_eigenvalue=0.0, n_random=0, workers=workers
    )


def estimate(rows, cell, *, weights=None, n_jobs=1, settings=SETTINGS, folds=10, seed=0):
    with Workers(n_jobs) as workers:
        table = as_table(rows, weights=weights)
        member = fold_of_rows(table, folds, seed, workers)
        found, interrupted = held_out(table, member, fits_by(settings, cell, workers), workers)
    assert not interrupted
    return found[cell]


def folds_of(rows, folds=10, seed=0, weights=None):
    with Workers(1) as workers:
        return fold_of_rows(as_table(rows, weights=weights), folds, seed, workers)


def planted(k=3, n=400, d=2, seed=0):
    return random_mixture("full", k, d, seed=seed, spread=6.0, condition=4.0).sample(n, seed=seed)[0]


def test_it_is_the_mean_over_folds_written_out():
    rows = planted()
    weights = np.random.default_rng(1).integers(1, 4, len(rows)).astype(float)
    found = estimate(rows, ("VVV", 3), weights=weights, folds=4)
    member = folds_of(rows, 4)
    means, sizes = [], []
    for fold in range(4):
        out = member == fold
        # Of clusters so far apart there is one optimum, which any start finds.
        fit = GaussianMixture(3, covariance_type="VVV", tol=1e-9, max_iter=1000, init_params="swap", random_state=0)
        fit.fit(rows[~out], sample_weight=weights[~out])
        means.append(np.average(fit.score_samples(rows[out]), weights=weights[out]))
        sizes.append(weights[out].sum())
    assert found.log_density == pytest.approx(np.average(means, weights=sizes), rel=1e-6)
    assert found.total_weight == pytest.approx(weights.sum())
    assert found.criterion == pytest.approx(-2 * weights.sum() * found.log_density)
    # Nearly equal folds: nearly the standard error of the mean of their means.
    assert found.standard_error == pytest.approx(np.std(means, ddof=1) / 2, rel=0.15)


def test_no_fold_begins_where_a_fit_of_its_own_rows_ended():
    # The fold's fit is that of a table in which its rows are not there at all.
    rows = planted(2, n=150)
    member = folds_of(rows, 5)
    with Workers(1) as workers:
        seen = []

        def watched(table):
            seen.append(table)
            return fits_by(SETTINGS, ("EEE", 4), workers)(table)

        found, _ = held_out(as_table(rows), member, watched, workers)
        parts = []
        for fold in range(5):
            out = member == fold
            assert not seen[fold].weights[out].any()
            (alone,) = fits_by(SETTINGS, ("EEE", 4), workers)(as_table(rows[~out]))
            parts.append(alone.result.mixture.log_density(rows[out]).sum())
    assert found["EEE", 4].log_density == pytest.approx(sum(parts) / len(rows), rel=1e-6)


def test_the_standard_error_is_that_of_independent_rows():
    # With a mixture of one component and no doubt, held-out densities are nearly independent between folds.
    rows = np.random.default_rng(4).standard_normal((2000, 1))
    found = estimate(rows, ("V", 1), folds=40)
    assert found.standard_error == pytest.approx(np.sqrt(0.5 / 2000), rel=0.35)
    assert found.log_density == pytest.approx(-0.5 * np.log(2 * np.pi * np.e), abs=4 * found.standard_error)


@pytest.mark.parametrize("seed", range(3))
def test_it_picks_the_planted_number_of_components(seed):
    rows = planted(3, seed=seed)
    scores = {k: estimate(rows, ("VVV", k)).criterion for k in range(1, 6)}
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
    weighted = estimate(rows, ("EEE", 2), weights=weights.astype(float), folds=5)
    repeated = estimate(np.repeat(rows, weights, axis=0), ("EEE", 2), folds=5)
    assert weighted.log_density == pytest.approx(repeated.log_density, rel=1e-9)
    assert weighted.standard_error == pytest.approx(repeated.standard_error, rel=1e-6)


def test_threads_change_no_bit():
    rows = planted(2, n=3000, d=3)
    assert estimate(rows, ("VVV", 2), folds=3) == estimate(rows, ("VVV", 2), folds=3, n_jobs=2)


def test_settings_reach_every_fold():
    # With weights held equal the held-out likelihood of unequal clusters is worse.
    unequal = Mixture.from_arrays([0.9, 0.1], [[0.0], [6.0]], [1.0, 1.0], covariance_type="spherical")
    rows = unequal.sample(500, seed=0)[0]
    equal = FitSettings(rule=AitkenGain(1e-8), max_iter=1000, equal_weights=True)
    assert estimate(rows, ("V", 2), settings=equal).criterion > estimate(rows, ("V", 2)).criterion + 100


def test_rows_that_were_read_once_are_enough():
    rows = planted(2, n=500)
    with Workers(1) as workers:
        table = as_table(iter(np.split(rows, 5)))
        member = fold_of_rows(table, 3, 0, workers)
        streamed, _ = held_out(table, member, fits_by(SETTINGS, ("VVI", 2), workers), workers)
    assert streamed["VVI", 2] == estimate(rows, ("VVI", 2), folds=3)


def test_a_fold_that_cannot_be_fitted_is_a_reason():
    rows, reason = planted(2, n=60), "the third fold is not what it was"
    member = folds_of(rows, 5)
    with Workers(1) as workers:
        left = iter(range(5))

        def failing(table):
            if next(left) == 2:
                return [Fitted(("VVI", 2), error=reason)]
            return fits_by(SETTINGS, ("VVI", 2), workers)(table)

        assert held_out(as_table(rows), member, failing, workers) == ({("VVI", 2): reason}, False)


@pytest.mark.parametrize(("done", "kept"), [(1, False), (2, True), (4, True)])
def test_folds_done_before_an_interrupt_are_kept_from_two_on(done, kept):
    rows = planted(2, n=200)
    member = folds_of(rows, 5)
    with Workers(1) as workers:
        left = iter(range(5))

        def interrupted(table):
            if next(left) == done:
                raise KeyboardInterrupt
            return fits_by(SETTINGS, ("VVI", 2), workers)(table)

        if not kept:
            with pytest.raises(KeyboardInterrupt):
                held_out(as_table(rows), member, interrupted, workers)
            return
        found, was = held_out(as_table(rows), member, interrupted, workers)
    assert was
    assert found["VVI", 2].total_weight == np.isin(member, range(done)).sum()


@pytest.mark.parametrize(
    ("rows", "folds", "message"), [([[0.0], [1.0], [1.0]], 3, "distinct"), ([[0.0]], 1, "at least")]
)
def test_impossible_folds_are_refused(rows, folds, message):
    with pytest.raises(ParameterError, match=message):
        folds_of(rows, folds)


def test_rows_must_be_finite():
    rows = planted(2, n=60)
    rows[5, 1] = np.nan
    with pytest.raises(DataError, match="row 5"):
        estimate(rows, ("VVI", 2))
