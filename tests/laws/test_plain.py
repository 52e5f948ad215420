"""The compiled kernel's run of plain EM and the loop over array operations are one algorithm."""

from __future__ import annotations

import numpy as np
import pytest

from cases import FAMILY_NAMES, blobs, faithful_like, fitted, gaussian_noise, iris, opened
from gmmkit.errors import SingularComponentError
from gmmkit.inference import plain, plain_calls
from gmmkit.inference.acceleration import Squarem
from gmmkit.inference.fit import FitSettings, fit
from gmmkit.inference.loop import run
from gmmkit.inference.noise import Background
from gmmkit.inference.plain import run_compiled
from gmmkit.inference.starts import Named
from gmmkit.inference.stopping import AitkenGain, SmallChange
from gmmkit.kernels import native
from gmmkit.model.covariance import Diagonal, Full, family
from gmmkit.numerics.cholesky import whitening_of

pytestmark = pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))

#: Families whose refits are searches, each engine's own, or divide by determinants.
LEFT = ("EVE", "VVE", "EVV")
#: Families whose passes are made over blocks of rows, where rows are many.
IN_BLOCKS = ("full", "diag")
DATA = {"iris": iris, "faithful": faithful_like, "blobs": blobs, "noise": gaussian_noise}


@pytest.fixture(params=["stacked", "blocks"])
def way(request, monkeypatch):
    """Make passes in either way, whatever the size."""
    if request.param == "blocks":
        monkeypatch.setattr(plain, "_SMALL", 0)
    return request.param


def begun(problem, k, settings=None):
    """Return the algorithm and the first state of a fit."""
    settings = settings or FitSettings()
    algorithm = settings.algorithm(problem, np.random.default_rng(0))
    start, _ = Named("kmeans", k)(problem, algorithm.prior, settings.policy, np.random.default_rng(1))
    return algorithm, start


def both(problem, k, *, settings=None, tol=1e-5, max_iter=60, before=-np.inf):
    """Return what the kernel and what the loop make of one start."""
    algorithm, start = begun(problem, k, settings)
    rule = SmallChange(tol)
    compiled = run_compiled(algorithm, start, rule=rule, max_iter=max_iter, before=before)
    return compiled, run(algorithm, problem, start, rule=rule, max_iter=max_iter, before=before)


def assert_same(compiled, looped):
    assert compiled is not None
    assert compiled.reason == looped.reason
    assert len(compiled.objectives) == len(looped.objectives)
    np.testing.assert_allclose(compiled.objectives, looped.objectives, rtol=0, atol=1e-10)
    np.testing.assert_allclose(compiled.state.weights, looped.state.weights, atol=1e-8)
    np.testing.assert_allclose(compiled.state.means, looped.state.means, atol=1e-8)
    np.testing.assert_allclose(compiled.state.covariance.values, looped.state.covariance.values, rtol=1e-7, atol=1e-9)
    assert not compiled.repairs


@pytest.mark.parametrize("reg_covar", ["auto", 0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", [name for name in FAMILY_NAMES if name not in LEFT])
@pytest.mark.parametrize("data", DATA)
def test_every_pass_is_the_loops(data, name, weighted, reg_covar):
    check_every_pass(DATA[data](), name, weighted, reg_covar)


@pytest.mark.parametrize("reg_covar", ["auto", 0, 1e-6, 1e-2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", IN_BLOCKS)
@pytest.mark.parametrize("data", DATA)
def test_every_pass_over_blocks_is_the_loops(data, name, weighted, reg_covar, monkeypatch):
    monkeypatch.setattr(plain, "_SMALL", 0)
    check_every_pass(DATA[data](), name, weighted, reg_covar)


def check_every_pass(rows, name, weighted, reg_covar):
    weights = np.random.default_rng(3).integers(0, 4, len(rows)) if weighted else None
    with opened(rows, name, weights=weights) as problem:
        settings = FitSettings(reg_covar=reg_covar)
        try:
            compiled, looped = both(problem, 3, settings=settings)
        except SingularComponentError:
            # Where the loop refuses a state, the kernel leaves it to the loop.
            assert reg_covar == 0
            left = run_compiled(*begun(problem, 3, settings), rule=SmallChange(1e-5), max_iter=60, before=-np.inf)
            assert left.reason == plain.LEFT
        else:
            if reg_covar == "auto" or compiled.reason != plain.LEFT:
                assert_same(compiled, looped)
                return
            # A ridge lets a component shrink to a row, which the loop then goes on with.
            made = len(compiled.objectives)
            assert reg_covar
            assert made < len(looped.objectives)
            np.testing.assert_allclose(compiled.objectives, looped.objectives[:made], rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("d", [1, 2, 9, 20])
def test_in_any_number_of_columns(d, name):
    with opened(blobs(n=400, d=d, k=2), name) as problem:
        assert_same(*both(problem, 2))


@pytest.mark.parametrize("name", IN_BLOCKS)
@pytest.mark.parametrize("d", [1, 2, 3, 4, 9, 16])
def test_over_blocks_in_any_number_of_columns(d, name, monkeypatch):
    monkeypatch.setattr(plain, "_SMALL", 0)
    rows = blobs(n=70_000, d=d, k=3)
    for weights in (None, np.random.default_rng(1).exponential(size=len(rows))):
        with opened(rows, name, weights=weights) as problem:
            assert_same(*both(problem, 3, tol=0.0, max_iter=6))


def test_over_blocks_with_many_components():
    rows = blobs(n=40_000, d=3, k=40)
    for name in IN_BLOCKS:
        with opened(rows, name) as problem:
            assert_same(*both(problem, 200, tol=0.0, max_iter=5))


@pytest.mark.parametrize("name", IN_BLOCKS)
@pytest.mark.parametrize("n_threads", [2, 3, 7])
def test_no_bit_of_passes_over_blocks_depends_on_threads(name, n_threads):
    rows, found = blobs(n=60_000, d=2, k=4), []
    for threads in (1, n_threads):
        with opened(rows, name) as problem:
            problem.workers.n_threads = threads
            algorithm, start = begun(problem, 4)
            found.append(run_compiled(algorithm, start, rule=SmallChange(0.0), max_iter=30))
    alone, together = found
    assert together.objectives == alone.objectives
    assert together.state == alone.state


def test_passes_are_counted_over_several_calls(way, monkeypatch):
    monkeypatch.setattr(plain_calls, "_STACKED_CALL", 30_000)
    monkeypatch.setattr(plain_calls, "_BLOCKS_CALL", 200_000)
    with opened(iris()) as problem:
        assert_same(*both(problem, 3, tol=1e-7, max_iter=200))
        compiled, looped = both(problem, 3, tol=0.0, max_iter=7)
        assert_same(compiled, looped)
        assert compiled.reason == "max_iter"
        assert len(compiled.objectives) == 7


def test_the_bound_known_before_counts(way):
    with opened(iris()) as problem:
        _, first = both(problem, 3)
        compiled, looped = both(problem, 3, before=first.objectives[0])
        assert_same(compiled, looped)
        assert len(compiled.objectives) == 1


def test_an_interrupt_leaves_the_last_complete_state(way, monkeypatch):
    made, called = [], "run_plain" if way == "stacked" else "run_blocks"

    def interrupted(*arguments, **options):
        if made:
            raise KeyboardInterrupt
        made.append(1)
        return plain_run(*arguments, **options)

    plain_run = getattr(plain_calls, called)
    for limit in ("_STACKED_CALL", "_BLOCKS_CALL"):
        monkeypatch.setattr(plain_calls, limit, 1)
    monkeypatch.setattr(plain_calls, called, interrupted)
    with opened(iris()) as problem:
        algorithm, start = begun(problem, 3)
        done = run_compiled(algorithm, start, rule=SmallChange(0.0), max_iter=50, before=-np.inf)
        one = run(algorithm, problem, start, rule=SmallChange(0.0), max_iter=1)
    assert done.reason == "interrupted"
    np.testing.assert_allclose(done.objectives, one.objectives, atol=1e-10)
    np.testing.assert_allclose(done.state.means, one.state.means, atol=1e-10)


def test_a_callback_sees_every_pass_and_changes_nothing(way):
    seen, expected = [], []
    with opened(iris()) as problem:
        algorithm, start = begun(problem, 3)
        rule = {"rule": SmallChange(1e-4), "max_iter": 40, "restart": 2}
        alone = run_compiled(algorithm, start, **rule)
        watched = run_compiled(algorithm, start, **rule, callback=seen.append)
        run(algorithm, problem, start, **rule, callback=expected.append)
    assert watched.objectives == alone.objectives
    assert watched.state == alone.state == seen[-1].state
    assert watched.reason == alone.reason
    assert len(seen) == len(expected)
    for ours, theirs in zip(seen, expected, strict=True):
        assert (ours.restart, ours.iteration, ours.converged) == (2, theirs.iteration, theirs.converged)
        assert ours.objective == pytest.approx(theirs.objective, abs=1e-10)
        assert ours.gain == pytest.approx(theirs.gain, abs=1e-10)
        np.testing.assert_allclose(ours.state.means, theirs.state.means, atol=1e-8)


def test_what_the_kernel_does_not_do_is_left_to_the_loop():
    rows = iris()
    rule = {"rule": SmallChange(1e-3), "max_iter": 10, "before": -np.inf}
    for settings in (
        FitSettings(equal_weights=True),
        FitSettings(degrees_of_freedom="common"),
    ):
        with opened(rows) as problem:
            assert run_compiled(*begun(problem, 3, settings), **rule) is None
    for name in LEFT:
        with opened(rows, name) as problem:
            assert run_compiled(*begun(problem, 3), **rule) is None
    with opened(rows) as problem:
        assert run_compiled(*begun(problem, 3), **{**rule, "rule": AitkenGain(1e-3)}) is None
        assert run_compiled(*begun(problem, 3), **{**rule, "max_iter": 0}) is None
    with opened(np.column_stack([rows, np.ones(150)])) as problem:
        assert run_compiled(*begun(problem, 3), **rule) is None
    with opened(np.random.default_rng(0).normal(size=(30_000, 3)), "spherical") as problem:
        assert run_compiled(*begun(problem, 4), **rule) is None
    with opened(rows, "spherical") as problem:
        assert run_compiled(*begun(problem, 3, FitSettings(reg_covar=1e-3)), **rule) is None


def test_passes_that_take_long_or_many_columns_are_left_to_the_loop(monkeypatch):
    wide = np.random.default_rng(0).normal(size=(2_000, 17))
    with opened(wide) as problem:
        assert plain_calls.over_blocks(*begun(problem, 2)) is None
    with opened(wide, "diag") as problem:
        assert plain_calls.over_blocks(*begun(problem, 2)) is not None
    with opened(iris()) as problem:
        assert plain_calls.over_blocks(*begun(problem, 3)) is not None
        monkeypatch.setattr("gmmkit.execution.plan._ONE_CALL", 1000)
        assert plain_calls.over_blocks(*begun(problem, 3)) is None


def test_rows_that_would_have_to_be_converted_are_the_loops():
    with opened(blobs(n=70_000, d=2, k=3).astype(np.int32)) as problem:
        assert run_compiled(*begun(problem, 3), rule=SmallChange(1e-3), max_iter=5) is None


@pytest.mark.parametrize("on_singular", ["drop", "reseed", "raise"])
def test_a_component_of_just_the_rows_it_needs_is_the_loops(on_singular):
    # What is needed, divided by the rows of a weight, is rounded.
    rows = np.random.default_rng(0).normal(size=(3, 2))
    with opened(rows, weights=np.full(3, 1e-9)) as problem:
        settings = FitSettings(on_singular=on_singular)
        done = run_compiled(*begun(problem, 1, settings), rule=SmallChange(0.0), max_iter=2)
    assert done is None or done.reason == plain.LEFT


def test_a_start_that_cannot_be_scored_is_left_to_the_loop(way):
    with opened(iris()) as problem:
        algorithm, start = begun(problem, 3)
        flat = start.covariance.values.copy()
        flat[1] = 0.0
        broken = start.changed(covariance=Full(flat))
        done = run_compiled(algorithm, broken, rule=SmallChange(1e-3), max_iter=5)
        assert done is None or (done.reason == plain.LEFT and done.objectives == ())


def test_from_a_component_that_runs_out_of_rows_on_the_loop_goes_on():
    # A third component of two rows only.
    rows = np.concatenate([blobs(n=300, d=2, k=2), [[60.0, 60.0], [60.1, 60.2]]])
    with opened(rows) as problem:
        algorithm, start = begun(problem, 3)
        done = run_compiled(algorithm, start, rule=SmallChange(0.0), max_iter=40)
    assert done.reason == plain.LEFT


def test_a_component_of_no_weight_scores_as_in_the_loop():
    with opened(blobs(n=60_000, d=2, k=2), "diag") as problem:
        algorithm, start = begun(problem, 2)
        means = np.concatenate([start.means, [[0.0, 0.0]]])
        three = start.changed(
            weights=np.array([*start.weights, 0.0]), means=means, covariance=Diagonal(np.ones((3, 2)))
        )
        done = run_compiled(algorithm, three, rule=SmallChange(0.0), max_iter=3)
    assert done.reason == plain.LEFT
    assert done.objectives == ()


@pytest.mark.parametrize("settings", [{}, {"reg_covar": 0, "on_singular": "floor"}, {"noise": Background(True)}])
def test_what_needs_repair_is_repaired_as_ever(settings, way, monkeypatch):
    # Two clusters of which one is a single row, many times.
    rows = np.concatenate([np.random.default_rng(0).normal(size=(60, 2)), np.full((3, 2), 9.0)])
    found = []
    for switch in ("1", "0"):
        monkeypatch.setenv("GMMKIT_NATIVE", switch)
        with opened(rows) as problem:
            found.append(fit(problem, [Named("kmeans", 2)], FitSettings(seed=0, **settings)))
    ours, expected = found
    assert ours.repairs == expected.repairs
    assert ours.reason == expected.reason
    np.testing.assert_allclose(ours.objectives, expected.objectives, atol=1e-10)
    np.testing.assert_allclose(ours.mixture.means, expected.mixture.means, atol=1e-10)


def test_rows_far_beyond_everything_are_the_loops():
    rows = np.concatenate([blobs(n=200, d=2, k=2), [[1e15, 0.0], [1e60, 1e60]]])
    with opened(rows) as problem:
        compiled, looped = both(problem, 2)
        if compiled is not None:
            assert_same(compiled, looped)


def test_a_family_of_one_scale_is_so_in_the_frame():
    for name in FAMILY_NAMES:
        with opened(iris() * [1.0, 100.0, 1e-3, 7.0], name) as problem:
            if family(name).equivariance == "scalar":
                assert len(set(problem.frame.scale)) == 1


@pytest.mark.parametrize("acceleration", [None, Squarem()])
@pytest.mark.parametrize("on_singular", ["floor", "drop"])
def test_who_factors_a_nearly_singular_matrix_again_finds_a_factor(on_singular, acceleration, way):
    # What one order of sums calls positive definite another may not; a model that a kernel fitted must be of use.
    fits = 0
    for seed in range(25):
        random = np.random.default_rng(seed)
        rows = random.normal(size=(150, random.integers(3, 9)))
        rows += 1.5 * (random.random(len(rows)) < 0.5)[:, None]
        noise = 10.0 ** random.uniform(-8.3, -7.6)
        rows[:, -1] = rows[:, 0] - 0.5 * rows[:, 1] + noise * random.normal(size=len(rows))
        settings = {"acceleration": acceleration, "reg_covar": 0.0, "on_singular": on_singular, "tol": 1e-9}
        try:
            mixture = fitted(rows, "full", "kmeans", 2, max_iter=60, **settings).mixture
        except SingularComponentError:
            continue
        assert np.isfinite(whitening_of(mixture.covariance.values)).all()
        fits += 1
    assert fits >= 3
