"""Passes and answers of the dense kernels are those of the NumPy forms, family by family, however rows are cut."""

from __future__ import annotations

import os

import numpy as np
import pytest

from cases import FAMILY_NAMES, fitted, opened, random_mixture
from gmmkit.data import as_table
from gmmkit.execution import plan
from gmmkit.inference import plain
from gmmkit.inference.problem import soft, softly
from gmmkit.kernels import native
from gmmkit.model.evaluation import classify, evaluate, likelihood
from gmmkit.model.fused import Fused

pytestmark = pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))

QUANTITIES = ("log_density", "component_log_density", "posterior")


@pytest.fixture(autouse=True)
def four_cores(monkeypatch):
    """Let there be threads, whatever the machine has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)


@pytest.fixture(params=["within the kernel", "one by one"])
def short_blocks(request, monkeypatch):
    """Cut a few thousand rows into many blocks, as many rows are: of a pass that is short, and of one that is long."""
    monkeypatch.setattr(plan, "_BLOCK_OPERATIONS", 1)
    monkeypatch.setattr(plan, "_LEAST_SHARED", 1)
    if request.param == "one by one":
        monkeypatch.setattr(plan, "_ONE_CALL", 0)


def problem_and_scorer(name, d, n=1500, k=4, *, weighted=False, n_jobs=1, seed=0):
    mixture = random_mixture(name, k, d, seed)
    rows = mixture.sample(n, seed=seed)[0]
    weights = np.random.default_rng(seed).integers(0, 3, n) * 0.75 if weighted else None
    return opened(rows, name, weights=weights, n_jobs=n_jobs), mixture


def swept(name, d, begin, **given):
    context, mixture = problem_and_scorer(name, d, **given)
    with context as problem:
        scorer = mixture.into(problem.frame).scorer
        if begin is softly:
            assert Fused.of(scorer) is not None
        return problem.sweep(scorer, begin)


def assert_same_totals(a, b, rtol=1e-10):
    assert a.row_sum == pytest.approx(b.row_sum, rel=1e-12)
    points = b.statistics.means()
    a, b = a.statistics.about(points), b.statistics.about(points)
    np.testing.assert_allclose(a.counts, b.counts, rtol=rtol)
    np.testing.assert_allclose(a.means(), points, rtol=rtol, atol=1e-12)
    scatter = b.scatter()
    np.testing.assert_allclose(a.scatter(), scatter, rtol=rtol, atol=1e-11 * np.abs(scatter).max())


def bits(totals):
    s = totals.statistics
    return totals.row_sum, s.counts.tobytes(), s.first.tobytes(), s.second.tobytes(), s.reference.tobytes()


# --- passes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("d", [1, 2, 5, 17])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_pass_is_the_array_engines(name, d, weighted):
    compiled = swept(name, d, softly, weighted=weighted)
    assert_same_totals(compiled, swept(name, d, lambda _: soft, weighted=weighted))


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical", "EEI", "EII", "EVE"])
def test_how_rows_are_cut_changes_rounding_only(name, monkeypatch):
    whole = swept(name, 3, softly, n=3000)
    monkeypatch.setattr(plan, "_LEAST_SHARED", 1)
    assert_same_totals(swept(name, 3, softly, n=3000), whole, rtol=1e-11)
    monkeypatch.setattr(plan, "_ONE_CALL", 0)
    monkeypatch.setattr(plan, "_BLOCK_OPERATIONS", 1)
    assert_same_totals(swept(name, 3, softly, n=3000), whole, rtol=1e-11)
    monkeypatch.setattr(plan, "_FEWEST_ROWS", 1)
    assert_same_totals(swept(name, 3, softly, n=300), swept(name, 3, lambda _: soft, n=300))


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical", "EII"])
def test_any_number_of_threads_gives_the_same_bits(name, weighted):
    one = swept(name, 2, softly, n=40_000, weighted=weighted)
    for n_jobs in (2, 3, 4):
        assert bits(swept(name, 2, softly, n=40_000, weighted=weighted, n_jobs=n_jobs)) == bits(one)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical"])
def test_sums_that_one_thread_adds_to_have_the_bits_of_those_it_merges(name, weighted, monkeypatch):
    monkeypatch.setattr(plan, "_MANY_SUMS", 0)
    monkeypatch.setattr(plan, "_ONE_CALL", 0)
    monkeypatch.setattr(plan, "_LONG_OPERATIONS", 1)
    assert Fused.of(random_mixture(name, 4, 2, 0).scorer).plan(40_000).by_block
    one = swept(name, 2, softly, n=40_000, weighted=weighted)
    assert bits(swept(name, 2, softly, n=40_000, weighted=weighted, n_jobs=2)) == bits(one)
    monkeypatch.setattr(plan.Plan, "by_block", False)
    assert bits(swept(name, 2, softly, n=40_000, weighted=weighted)) == bits(one)


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize("name", ["full", "tied", "diag"])
def test_blocks_too_far_for_the_kernel_are_the_array_engines(name):
    # A frame about a row that is far away: some blocks are near enough to be scored without shifts, others are not.
    mixture = random_mixture(name, 3, 2, 1)
    rows = mixture.sample(3000, seed=1)[0]
    rows[700] = 3e5
    for quantity in QUANTITIES:
        np.testing.assert_allclose(evaluate(mixture, rows, quantity), by_numpy(evaluate, mixture, rows, quantity))
    np.testing.assert_array_equal(classify(mixture, rows), by_numpy(classify, mixture, rows))


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("name", ["full", "diag", "spherical", "tied"])
def test_short_passes_over_rows_in_memory_are_the_kernels_alone(name, single, monkeypatch):
    monkeypatch.setattr(plan, "_LEAST_SHARED", 1)
    context, mixture = problem_and_scorer(name, 3, n=5000, n_jobs=2)
    with context as problem:
        scorer = mixture.into(problem.frame).scorer
        fused = Fused.of(scorer, reach=problem.reach, single=single)
        assert fused.single == (single and name != "tied")
        sums, total = fused.sweep(problem.table, problem.workers)
        expected = problem.sweep(scorer, lambda _: soft)
    rtol = 1e-4 if fused.single else 1e-10
    assert total == pytest.approx(expected.row_sum, rel=1e-6 if fused.single else 1e-12)
    found = sums.statistics().about(expected.statistics.means())
    np.testing.assert_allclose(found.counts, expected.statistics.counts, rtol=rtol)
    scatter = expected.statistics.scatter()
    np.testing.assert_allclose(found.scatter(), scatter, rtol=rtol, atol=rtol * np.abs(scatter).max())


def test_what_the_kernel_cannot_do_alone_it_leaves(monkeypatch, tmp_path):
    context, mixture = problem_and_scorer("full", 2)
    with context as problem:
        scorer, table, workers = mixture.into(problem.frame).scorer, problem.table, problem.workers
        near, unknown = Fused.of(scorer, reach=problem.reach), Fused.of(scorer)
        assert near.sweep(table, workers) is not None
        assert unknown.sweep(table, workers) is None  # how far the rows lie: blocks are looked at one by one
        rows = table.source.read(0, table.n_rows)
        assert near.sweep(as_table(rows.astype(np.float16)), workers) is None
        np.save(tmp_path / "rows.npy", rows)
        assert near.sweep(as_table(np.load(tmp_path / "rows.npy", mmap_mode="r")), workers) is None
        far = rows.copy()
        far[5] = 1e200  # no score is a number
        assert near.sweep(as_table(far), workers) is None
        monkeypatch.setattr(plan, "_ONE_CALL", 0)
        assert near.sweep(table, workers) is None


# --- whole fits -------------------------------------------------------------------------------------------


def by_numpy(function, *given, **settings):
    """Call with the kernel switched off."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMMKIT_NATIVE", "0")
        return function(*given, **settings)


@pytest.mark.parametrize("d", [1, 3, 18])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_fit_is_the_array_engines(name, d, monkeypatch):
    monkeypatch.setattr(plain, "_SMALL", 0)
    rows = random_mixture(name, 3, d, 2, spread=6.0).sample(900, seed=3)[0]
    weights = np.random.default_rng(4).random(900)
    weights[:30], rows[:30] = 0.0, 50.0
    given = {"k": 3, "weights": weights, "tol": 0.0, "max_iter": 6}
    compiled, looped = fitted(rows, name, **given), by_numpy(fitted, rows, name, **given)
    np.testing.assert_allclose(compiled.objectives, looped.objectives, rtol=0, atol=1e-9)
    np.testing.assert_allclose(compiled.mixture.weights, looped.mixture.weights, atol=1e-8)
    np.testing.assert_allclose(compiled.mixture.means, looped.mixture.means, atol=1e-7)
    np.testing.assert_allclose(compiled.mixture.covariances, looped.mixture.covariances, rtol=1e-6, atol=1e-7)


TYPES = (np.uint8, np.int16, np.float16, ">f8", ">f4", np.float32, ">i4", np.longdouble, bool)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical"])
def test_rows_of_every_type_are_the_rows_they_are(name, dtype, monkeypatch):
    monkeypatch.setattr(plain, "_SMALL", 0)
    mixture = random_mixture(name, 3, 3, 5)
    rows = (20 * mixture.sample(800, seed=5)[0] + 120).clip(0, 250)
    rows = rows > 120 if dtype is bool else rows.astype(dtype)
    same = rows.astype(np.float64)
    given = {"k": 2, "max_iter": 4, "tol": 0.0}
    mixture, found = fitted(same, name, **given).mixture, fitted(rows, name, **given).mixture
    # Passes over doubles may be made in other calls.
    for ours, theirs in zip(
        (found.weights, found.means, found.covariances),
        (mixture.weights, mixture.means, mixture.covariances),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    for quantity in QUANTITIES:
        found = evaluate(mixture, rows, quantity)
        np.testing.assert_array_equal(found, evaluate(mixture, same, quantity))
        np.testing.assert_allclose(found, by_numpy(evaluate, mixture, rows, quantity), rtol=1e-9, atol=1e-12)


# --- answers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 5, 17])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_what_a_mixture_says_of_rows_is_the_array_engines(name, d):
    mixture = random_mixture(name, 4, d, 6)
    rows = mixture.sample(700, seed=6)[0]
    rows[::50] *= 30
    for quantity in QUANTITIES:
        found, expected = evaluate(mixture, rows, quantity), by_numpy(evaluate, mixture, rows, quantity)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=quantity)
    np.testing.assert_array_equal(classify(mixture, rows), by_numpy(classify, mixture, rows))
    found, expected = likelihood(mixture, rows), by_numpy(likelihood, mixture, rows)
    assert found.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-12)
    assert found.log_certainty == pytest.approx(expected.log_certainty, rel=1e-10)


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize("name", ["full", "tied", "diag"])
def test_answers_have_the_same_bits_for_any_number_of_threads_and_any_cut(name, monkeypatch):
    mixture = random_mixture(name, 4, 3, 7)
    rows = mixture.sample(20_000, seed=7)[0]
    one = [evaluate(mixture, rows, quantity, n_jobs=1) for quantity in QUANTITIES]
    for n_jobs in (2, 4):
        for expected, quantity in zip(one, QUANTITIES, strict=True):
            np.testing.assert_array_equal(evaluate(mixture, rows, quantity, n_jobs=n_jobs), expected)
        np.testing.assert_array_equal(classify(mixture, rows, n_jobs=n_jobs), classify(mixture, rows, n_jobs=1))
    # A row's answer is its own, whichever rows stand beside it.
    monkeypatch.setattr(plan, "_BLOCK_OPERATIONS", 10**9)
    for expected, quantity in zip(one, QUANTITIES, strict=True):
        np.testing.assert_array_equal(evaluate(mixture, rows, quantity), expected)
        np.testing.assert_array_equal(evaluate(mixture, rows[:777], quantity), expected[:777])


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("where", [1e6, 1e100, 1e155, 1e300])
def test_rows_beyond_everything(name, where):
    mixture = random_mixture(name, 3, 2, 8)
    rows = mixture.sample(600, seed=8)[0]
    rows[5], rows[400] = where, -where
    with np.errstate(all="ignore"):
        for quantity in QUANTITIES:
            found, expected = evaluate(mixture, rows, quantity), by_numpy(evaluate, mixture, rows, quantity)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=quantity)
        np.testing.assert_array_equal(classify(mixture, rows), by_numpy(classify, mixture, rows))
