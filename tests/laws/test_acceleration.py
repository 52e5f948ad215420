"""SQUAREM is EM in fewer passes: the same optimum, an objective that never falls, the same laws."""

import numpy as np
import pytest

from cases import FAMILY_NAMES, blobs, faithful_like, fitted, gaussian_noise, iris, opened
from gmmkit.errors import SingularComponentError
from gmmkit.inference.acceleration import Squarem
from gmmkit.inference.combination import combined
from gmmkit.inference.conjugate import ConjugatePrior
from gmmkit.inference.em import EM
from gmmkit.inference.noise import Background
from gmmkit.inference.prior import make_prior
from gmmkit.inference.problem import Totals
from gmmkit.inference.starts import FromMixture
from gmmkit.model.covariance import full

DATA = {"iris": iris, "faithful": faithful_like, "blobs": blobs, "noise": gaussian_noise}
FEW = pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical", "EII", "VEI", "VVE"])


def overlapping(n=800, d=3, k=3, gap=1.5, seed=0):
    random = np.random.default_rng(seed)
    centres = gap * np.eye(k, d)
    return random.standard_normal((n, d)) + centres[random.integers(k, size=n)]


def pair(rows, name="full", start="kmeans", k=3, *, tol=1e-11, max_iter=20000, **settings):
    """Return a plain fit and an accelerated one."""
    plain = fitted(rows, name, start, k, tol=tol, max_iter=max_iter, **settings)
    fast = fitted(rows, name, start, k, tol=tol, max_iter=max_iter, acceleration=Squarem(), **settings)
    return plain, fast


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("data", ["iris", "faithful", "blobs"])
def test_it_ends_at_the_optimum_of_em(data, name):
    plain, fast = pair(DATA[data](), name, k=2 if data == "faithful" else 3)
    assert plain.converged
    assert fast.converged
    assert fast.objective == pytest.approx(plain.objective, abs=1e-8)
    np.testing.assert_allclose(fast.mixture.means, plain.mixture.means, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("reg_covar", ["auto", 0])
@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("data", DATA)
def test_the_objective_never_falls(data, name, reg_covar):
    tried = 0
    for start in ("kmeans", "random_from_data"):
        try:
            settings = {"tol": 1e-9, "max_iter": 60, "reg_covar": reg_covar, "acceleration": Squarem()}
            result = fitted(DATA[data](), name, start, 3, **settings)
        except SingularComponentError:
            assert reg_covar == 0
            continue
        tried += 1
        assert np.diff(result.objectives).min(initial=0.0) >= -1e-10
    assert tried >= (1 if reg_covar == 0 else 2)


@FEW
def test_overlapping_clusters_take_far_fewer_passes(name):
    plain, fast = pair(overlapping(), name, tol=1e-9)
    assert len(fast.objectives) < 0.7 * len(plain.objectives)


@pytest.mark.parametrize(
    "settings",
    [
        {"noise": Background(True)},
        {"prior": ConjugatePrior()},
        {"prior": ConjugatePrior(concentration=3.0)},
        {"equal_weights": True},
        {"degrees_of_freedom": "common"},
        {"degrees_of_freedom": "free"},
        {"degrees_of_freedom": [4.0, np.inf, 7.0]},
        {"degrees_of_freedom": 6.0, "noise": Background(True)},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["full", "tied", "VVE", "diag"])
def test_it_ends_at_the_optimum_of_em_whatever_else_is_asked(name, settings):
    rows = np.random.default_rng(4).standard_t(5, size=(300, 2))
    rows[150:] += [4.0, 0.0]
    rows[225:] += [0.0, 5.0]
    plain, fast = pair(rows, name, tol=1e-10, **settings)
    assert fast.converged
    assert np.diff(fast.objectives).min(initial=0.0) >= -1e-10
    assert fast.objective == pytest.approx(plain.objective, abs=1e-7)


@FEW
def test_an_integer_weight_is_a_repetition(name):
    rows = blobs(120)
    weights = np.random.default_rng(1).integers(1, 4, len(rows))
    settings = {"k": 3, "tol": 1e-11, "max_iter": 5000, "acceleration": Squarem()}
    weighted = fitted(rows, name, weights=weights, **settings)
    repeated = fitted(np.repeat(rows, weights, axis=0), name, **settings)
    assert weighted.objective == pytest.approx(repeated.objective, abs=1e-9)
    np.testing.assert_allclose(weighted.mixture.means, repeated.mixture.means, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_units_and_offsets_change_nothing(name):
    rows = overlapping(400, gap=2.0)  # nearer ones have two optima, between which rounding decides in 300 passes
    settings = {"k": 3, "tol": 1e-10, "max_iter": 5000, "acceleration": Squarem()}
    here = fitted(rows, name, **settings)
    there = fitted(rows * 2.0**20 + 2.0**30, name, **settings)
    shift = 20 * np.log(2.0) * rows.shape[1]
    assert there.objective + shift == pytest.approx(here.objective, abs=1e-6)
    np.testing.assert_allclose((there.mixture.means - 2.0**30) / 2.0**20, here.mixture.means, atol=1e-2)


def test_the_number_of_threads_changes_no_bit():
    rows = overlapping(40_000)
    one, four = (fitted(rows, k=3, n_jobs=n, tol=1e-7, max_iter=60, acceleration=Squarem()) for n in (1, 4))
    assert one.objectives == four.objectives
    assert one.mixture == four.mixture


@pytest.mark.parametrize("name", ["full", "VEV", "VVE"])
def test_large_matrices_that_are_not_held_while_rows_are_read_change_no_optimum(name, monkeypatch):
    rows = overlapping(400, gap=2.0)
    held = fitted(rows, name, k=3, tol=1e-11, max_iter=5000, acceleration=Squarem())
    monkeypatch.setattr(full, "_LARGE", 1)
    states = []
    rests = fitted(rows, name, k=3, tol=1e-11, max_iter=5000, acceleration=Squarem(), callback=states.append)
    assert rests.converged
    assert np.diff(rests.objectives).min() >= -1e-10
    assert rests.objective == pytest.approx(held.objective, abs=1e-9)
    np.testing.assert_allclose(rests.mixture.covariance.values, held.mixture.covariance.values, rtol=1e-3, atol=1e-3)
    # Wherever a run ends, after a step was taken back too, and whenever callbacks look: there are matrices.
    for max_iter in range(3, 12):
        cut = fitted(rows, name, k=3, tol=0.0, max_iter=max_iter, acceleration=Squarem()).mixture
        unit = cut.covariance.whitening @ cut.covariance.values @ cut.covariance.whitening.transpose(0, 2, 1)
        np.testing.assert_allclose(unit, np.tile(np.eye(3), (3, 1, 1)), atol=1e-9)
    for progress in states[:-1]:
        np.testing.assert_allclose(progress.state.covariance.values, progress.state.covariance.dense(), rtol=0)
        white = progress.state.covariance.whitening
        unit = white @ progress.state.covariance.values @ white.transpose(0, 2, 1)
        np.testing.assert_allclose(unit, np.tile(np.eye(3), (3, 1, 1)), atol=1e-9)


@pytest.mark.parametrize("max_iter", [1, 2, 3, 4, 5, 6, 7, 20])
def test_what_is_returned_is_at_least_as_likely_as_what_was_last_scored(max_iter):
    # A stretched step that no pass has scored is not returned.
    rows = overlapping()
    result = fitted(rows, k=3, tol=0.0, max_iter=max_iter, acceleration=Squarem())
    assert len(result.objectives) == max_iter
    then = fitted(rows, start=FromMixture(result.mixture), k=3, tol=0.0, max_iter=1)
    assert then.objective >= result.objective - 1e-12


def test_callbacks_are_told_of_every_pass_and_of_states_that_can_be_gone_on_from():
    rows, told = overlapping(), []
    result = fitted(rows, k=3, tol=1e-9, max_iter=200, acceleration=Squarem(), callback=told.append)
    assert [progress.iteration for progress in told] == list(range(1, len(result.objectives) + 1))
    assert [progress.objective for progress in told] == list(result.objectives)
    assert [progress.converged for progress in told] == [False] * (len(told) - 1) + [True]
    repeated = [progress for progress, gain in zip(told[1:], np.diff(result.objectives), strict=True) if gain == 0]
    assert repeated, "no step was taken back: the test shows nothing"
    for progress in repeated[:3]:
        assert progress.gain == 0.0
        then = fitted(rows, start=progress.mixture, k=3, tol=0.0, max_iter=1)
        assert then.objective >= progress.objective - 1e-12


@pytest.mark.parametrize("at", range(1, 40, 3))
def test_an_interrupt_leaves_a_state_that_was_not_tried_for_nothing(at):
    rows = overlapping()

    def stop(progress):
        if progress.iteration == at:
            raise KeyboardInterrupt

    result = fitted(rows, k=3, tol=0.0, max_iter=60, acceleration=Squarem(), callback=stop)
    assert result.interrupted
    assert len(result.objectives) == at
    assert fitted(rows, start=result.mixture, k=3, tol=0.0, max_iter=1).objective >= result.objective - 1e-12


@pytest.mark.parametrize("policy", ["reseed", "drop", "floor"])
def test_after_a_repair_the_extrapolation_starts_anew(policy):
    # Two of five components start on the same few rows, far from all others.
    random = np.random.default_rng(3)
    rows = np.concatenate([random.standard_normal((300, 2)), random.standard_normal((3, 2)) * 0.1 + 30.0])
    settings = {"k": 6, "tol": 1e-10, "max_iter": 2000, "on_singular": policy, "seed": 1}
    result = fitted(rows, start="random_from_data", acceleration=Squarem(), **settings)
    assert result.converged
    assert np.isfinite(result.objective)
    assert result.mixture.weights.sum() == pytest.approx(1.0)


def test_a_fit_that_each_pass_repairs_stops_as_plain_em_does():
    # A component of one repeated value, without a prior: floored after every pass.
    rows = np.concatenate([blobs(100, 2, 2), np.tile([[40.0, 40.0]], (30, 1))])
    settings = {"k": 3, "tol": 1e-6, "max_iter": 500, "reg_covar": 0, "on_singular": "floor"}
    plain, fast = fitted(rows, **settings), fitted(rows, acceleration=Squarem(), **settings)
    assert plain.repairs
    assert plain.converged
    assert fast.converged
    assert fast.objective == pytest.approx(plain.objective, abs=1e-4)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_combinations_of_statistics_are_those_of_any_reference(name):
    random = np.random.default_rng(5)
    rows = blobs(60)
    with opened(rows, name) as problem:
        algorithm = EM(problem, make_prior(problem, "auto"))
        parts = []
        for seed in range(3):
            start = fitted(rows, name, "random_from_data", 3, seed=seed, max_iter=1).mixture.into(problem.frame)
            parts.append(algorithm.sweep(start))
        coefficients = random.standard_normal(3)
        found = combined(parts, coefficients.tolist()).statistics.about(np.zeros((3, 3)))
        origin = [part.statistics.about(np.zeros((3, 3))) for part in parts]
        for leaf in ("counts", "first", "second"):
            expected = sum(c * getattr(s, leaf) for c, s in zip(coefficients, origin, strict=True))
            np.testing.assert_allclose(getattr(found, leaf), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_what_no_rows_can_have_gathered_is_not_refitted(name):
    rows = blobs(90)
    with opened(rows, name) as problem:
        algorithm = EM(problem, make_prior(problem, "auto"))
        state = fitted(rows, name, "kmeans", 3).mixture.into(problem.frame)
        totals = algorithm.sweep(state)
        assert algorithm.refit_unrepaired(totals, state) == algorithm.refit(totals, state, 1)[0]
        nothing = combined([totals, totals], [1.0, -1.0])
        assert algorithm.refit_unrepaired(nothing, state) is None
        statistics = totals.statistics
        fewer = type(statistics)(
            statistics.contraction, statistics.counts, statistics.first, -statistics.second, statistics.reference
        )
        assert algorithm.refit_unrepaired(Totals(fewer, 0.0), state) is None
