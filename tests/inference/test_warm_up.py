"""Mini-batch warm-up: where it leads, what it records, when there is none."""

import numpy as np
import pytest

import oracle
from cases import FAMILY_NAMES, Interrupted, blobs, fitted, opened, random_mixture
from gmmkit.data.pieces import shuffled
from gmmkit.data.table import Table
from gmmkit.inference.em import EM
from gmmkit.inference.noise import Background
from gmmkit.inference.prior import make_prior
from gmmkit.inference.result import FitResult
from gmmkit.inference.warm_up import MiniBatches, WarmedUp

N = 20_000


def many(n=N, d=2, k=3, seed=0):
    return random_mixture("full", k, d, seed, 4.0).sample(n, seed=seed)[0]


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_it_begins_where_passes_lead_and_ends_at_the_same_optimum(name):
    rows = many()
    plain = fitted(rows, name, k=3, tol=1e-9, max_iter=3000)
    warm = fitted(rows, name, k=3, tol=1e-9, max_iter=3000, warm_up=MiniBatches())
    assert warm.warm_up.n_batches >= 16
    assert warm.warm_up.n_rows >= N
    assert warm.objectives[0] > plain.objective - 0.01
    assert warm.objective == pytest.approx(plain.objective, abs=1e-6)
    assert np.diff(warm.objectives).min(initial=0.0) >= -1e-10


@pytest.mark.parametrize("settings", [{"noise": Background(True)}, {"degrees_of_freedom": "free"}], ids=["noise", "t"])
def test_it_is_of_all_parameters(settings):
    rows = np.random.default_rng(2).standard_t(4, size=(N, 2)) + 8.0 * np.eye(2)[np.arange(N) % 2]
    plain = fitted(rows, k=2, tol=1e-8, max_iter=2000, **settings)
    warm = fitted(rows, k=2, tol=1e-8, max_iter=2000, warm_up=MiniBatches(), **settings)
    assert warm.objectives[0] > plain.objectives[0]
    assert warm.objective == pytest.approx(plain.objective, abs=1e-5)


def test_steps_are_those_of_stepwise_em():
    # By the oracle: S ← (1 − γ) S + γ Ŝ over the same batches.
    rows, k = many(17_000, 1, 2), 2
    with opened(rows, "full") as problem:
        algorithm = EM(problem, make_prior(problem, 0.0), "refuse")
        start = fitted(rows, k=k, max_iter=1).mixture.into(problem.frame)
        steps = MiniBatches(0.7).steps(algorithm, start, np.random.default_rng(4))
        found = [next(steps)[0].out_of(problem.frame) for _ in range(3)]
        batch_rows = MiniBatches(0.7).batch_rows(len(rows), start.n_parameters)
        batches = shuffled(problem.table, batch_rows, np.random.default_rng(4))
        given, kept = start.out_of(problem.frame), None
        for t in range(3):
            batch = next(batches)
            x = batch.source.read(0, batch.n_rows)
            shares = oracle.e_step(x, np.ones(len(x)), given.weights, given.means, given.covariance.dense())
            shares = np.asarray(shares)
            now = np.stack([shares.sum(axis=0), shares.T @ x[:, 0], shares.T @ x[:, 0] ** 2]) / len(x)
            rate = (t + 1.0) ** -0.7
            kept = now if kept is None else (1 - rate) * kept + rate * now
            weights, means = kept[0] / kept[0].sum(), kept[1] / kept[0]
            np.testing.assert_allclose(found[t].weights, weights, rtol=1e-9)
            np.testing.assert_allclose(found[t].means[:, 0], means, rtol=1e-9)
            np.testing.assert_allclose(found[t].covariance.dense()[:, 0, 0], kept[2] / kept[0] - means**2, rtol=1e-8)
            given = found[t]


def test_sorted_rows_do_no_harm():
    rows = many()
    by_column = rows[np.argsort(rows[:, 0])]
    mixed, sorted_ = (fitted(x, k=3, tol=1e-9, max_iter=3000, warm_up=MiniBatches(), seed=3) for x in (rows, by_column))
    assert sorted_.objectives[0] == pytest.approx(mixed.objectives[0], abs=0.02)
    assert sorted_.objective == pytest.approx(mixed.objective, abs=1e-6)


def test_an_integer_weight_is_a_repetition_of_the_optimum():
    rows, weights = many(), np.random.default_rng(1).integers(0, 4, N)
    weighted = fitted(rows, k=3, weights=weights, tol=1e-10, max_iter=3000, warm_up=MiniBatches())
    repeated = fitted(np.repeat(rows, weights, axis=0), k=3, tol=1e-10, max_iter=3000, warm_up=MiniBatches())
    assert weighted.objective == pytest.approx(repeated.objective, abs=1e-8)


def test_the_same_seed_gives_the_same_bits_for_any_number_of_threads():
    rows = many(60_000)
    fits = [fitted(rows, k=3, n_jobs=n, seed=7, max_iter=5, tol=0.0, warm_up=MiniBatches()) for n in (1, 4)]
    assert fits[0].objectives == fits[1].objectives
    assert fits[0].mixture == fits[1].mixture
    other = fitted(rows, k=3, seed=8, max_iter=5, tol=0.0, warm_up=MiniBatches())
    assert other.objectives != fits[0].objectives


def test_too_few_rows_are_fitted_by_exact_passes_only():
    rows = blobs(2000)
    assert fitted(rows, k=3, warm_up=MiniBatches()).objectives == fitted(rows, k=3).objectives
    assert fitted(rows, k=3, warm_up=MiniBatches()).warm_up is None


def test_batches_without_weight_are_left_out():
    rows = many()
    weights = np.zeros(N)
    weights[:40] = 1.0
    result = fitted(rows, k=2, weights=weights, tol=1e-6, max_iter=500, warm_up=MiniBatches())
    assert np.isfinite(result.objective)


def test_components_that_batches_leave_empty_are_for_exact_passes_to_repair():
    rows = np.repeat([[0.0, 0.0], [5.0, 1.0], [1.0, 7.0]], 8000, axis=0)
    result = fitted(rows, start="random_from_data", k=5, warm_up=MiniBatches(), max_iter=50)
    assert np.isfinite(result.objective)
    assert result.repairs


def test_an_interrupt_leaves_the_last_complete_step():
    rows, settings = many(), {"k": 3, "tol": 0.0, "max_iter": 2}
    counted = Interrupted(rows, at=-1)
    fitted(Table(counted), **settings)
    before_any_pass = counted.readings - 2
    assert before_any_pass > 0
    for later in (3, 500, 1000):
        result = fitted(Table(Interrupted(rows, before_any_pass + later)), warm_up=MiniBatches(), **settings)
        assert result.interrupted
        assert result.objectives == ()
        assert result.mixture.weights.sum() == pytest.approx(1.0)


def test_the_record_keeps_it():
    result = fitted(many(), k=3, warm_up=MiniBatches())
    again = FitResult.from_record(result.mixture, result.as_record())
    assert isinstance(again.warm_up, WarmedUp)
    assert again.warm_up == result.warm_up
    assert again.as_record() == result.as_record()
