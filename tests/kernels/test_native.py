"""The compiled kernel against the array engine, structure by structure; laws of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gmmkit.inference import stack_native, stack_numpy
from gmmkit.inference.stack import CONVERGED, StackRows
from gmmkit.kernels import native
from gmmkit.model.covariance import family
from gmmkit.model.covariance.catalogue import STRUCTURES

pytestmark = pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))


def rows_of(X, weights=None, units=None, structures=STRUCTURES):
    X = np.asarray(X) - np.mean(X, axis=0)
    weights = np.ones(len(X)) if weights is None else np.asarray(weights, dtype=float)
    d = X.shape[1]
    spread = np.cov(X.T, bias=True, aweights=weights).reshape(d, d)
    units = np.ones(d) if units is None else units
    return StackRows(np.ascontiguousarray(X.T), weights, dict.fromkeys(structures, spread), 1e-6 * weights.sum(), units)


def blobs(d, n=240, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [rng.normal(size=(n // 3, d)) @ (np.eye(d) + 0.4 * rng.normal(size=(d, d))) + 4 * rng.normal(size=d)
         for _ in range(3)]
    )  # fmt: skip


def starts(n, sizes, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(np.arange(n) % k) for k in sizes]).astype(np.int32)


def all_structures(sizes):
    names = tuple(name for name in STRUCTURES for _ in sizes)
    return names, np.array(list(sizes) * len(STRUCTURES), dtype=np.intp)


def test_the_codes_are_the_catalogues():
    assert native.STRUCTURES == STRUCTURES


@pytest.mark.parametrize("d", [1, 2, 3, 5, 8, 9, 20])
def test_one_refit_is_the_array_engines(d):
    X = blobs(d)
    rows = rows_of(X)
    names, sizes = all_structures([1, 2, 4])
    labels = starts(len(X), sizes)
    (ours, likely), (oracle, expected) = (
        engine.begin(rows, names, sizes, labels) for engine in (stack_native, stack_numpy)
    )
    np.testing.assert_allclose(likely, expected, atol=1e-3)
    np.testing.assert_allclose(ours.weights, oracle.weights, rtol=1e-12)
    np.testing.assert_allclose(ours.means, oracle.means, atol=1e-10)
    owner = np.repeat(np.array(names), sizes)
    # Those with closed forms, and those whose iterations end in one refit.
    exact = ~np.isin(owner, ["EVE", "VVE", "VEE", "VEI", "VEV"])
    np.testing.assert_allclose(ours.covariances[exact], oracle.covariances[exact], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.covariances[~exact], oracle.covariances[~exact], rtol=1e-2, atol=1e-2 * d)


@pytest.mark.parametrize("d", [1, 2, 3, 5, 9])
def test_a_run_ends_where_the_array_engines_does(d):
    X = blobs(d, seed=1)
    rows = rows_of(X)
    names, sizes = all_structures([2, 3])
    stack, _ = stack_numpy.begin(rows, names, sizes, starts(len(X), sizes))
    # From labels by distance to two or three rows, which leave one way to go.
    near = ((X[None, :, :] - X[[0, 100, 200]][:, None, :]) ** 2).sum(axis=2)
    labels = np.stack([near[:k].argmin(axis=0) for k in sizes]).astype(np.int32)
    stack, _ = stack_numpy.begin(rows, names, sizes, labels)
    ours = stack_native.run(rows, stack, max_iter=2000, tol=1e-11)
    oracle = stack_numpy.run(rows, stack, max_iter=2000, tol=1e-11)
    assert (ours.status == CONVERGED).all()
    # Whose axes are found by other iterations may differ in the last digits of a flat optimum.
    np.testing.assert_allclose(ours.objective, oracle.objective, atol=1e-6)
    assert (ours.objective >= oracle.objective - 1e-6).all()
    finite = np.isfinite(ours.log_likelihood)
    assert finite.all()
    # One rule says when to stretch and when to stop; rounding may move an estimate across the tolerance.
    assert np.median(np.abs(ours.passes - oracle.passes)) <= 1


@pytest.mark.parametrize("d", [2, 4])
def test_the_objective_never_falls(d):
    X = blobs(d, seed=2)
    rows = rows_of(X)
    names, sizes = all_structures([2, 3, 5])
    stack, _ = stack_native.begin(rows, names, sizes, starts(len(X), sizes, seed=3))
    found = stack_native.run(rows, stack, max_iter=300, tol=0.0)
    for trace, made in zip(found.traces, found.passes, strict=True):
        assert np.diff(trace[:made]).min(initial=0.0) > -1e-9


def test_the_same_bits_for_any_number_of_threads():
    X = blobs(3)
    rows = rows_of(X)
    names, sizes = all_structures([2, 3])
    stack, _ = stack_native.begin(rows, names, sizes, starts(len(X), sizes))
    one, two = (stack_native.run(rows, stack, max_iter=50, tol=1e-9, n_threads=n) for n in (1, 4))
    np.testing.assert_array_equal(one.objective, two.objective)
    np.testing.assert_array_equal(one.stack.covariances, two.stack.covariances)


def test_an_integer_weight_is_a_repetition():
    X = blobs(2)
    rng = np.random.default_rng(5)
    weights = rng.integers(1, 4, len(X))
    names, sizes = all_structures([3])
    labels = starts(len(X), sizes)
    centre = np.average(X, axis=0, weights=weights)
    spread = dict.fromkeys(STRUCTURES, np.eye(2))
    once = StackRows(np.ascontiguousarray((X - centre).T), weights.astype(float), spread, 1e-3, np.ones(2))
    again = np.repeat(X - centre, weights, axis=0)
    repeated = StackRows(np.ascontiguousarray(again.T), np.ones(len(again)), spread, 1e-3, np.ones(2))
    a = stack_native.run(once, stack_native.begin(once, names, sizes, labels)[0], max_iter=30, tol=0.0)
    b_stack, _ = stack_native.begin(repeated, names, sizes, np.repeat(labels, weights, axis=1))
    b = stack_native.run(repeated, b_stack, max_iter=30, tol=0.0)
    np.testing.assert_allclose(a.objective, b.objective, rtol=1e-8)


def test_a_common_scale_is_the_one_that_units_give():
    X = blobs(2)
    units = np.array([1.0, 2.0**-20])
    structures = ("EII", "VII", "EVE", "VVE", "EEV", "VEV")
    sizes = np.full(6, 2, dtype=np.intp)
    labels = starts(len(X), sizes)
    plain = rows_of(X)
    stretched = rows_of(X / units, units=units)
    outer = np.outer(units, units)
    ours, _ = stack_native.begin(stretched, structures, sizes, labels)
    oracle, _ = stack_native.begin(plain, structures, sizes, labels)
    np.testing.assert_allclose(ours.covariances * outer, oracle.covariances, rtol=1e-9, atol=1e-12)


def test_labels_are_of_the_most_probable_component():
    X = blobs(3)
    rows = rows_of(X)
    names, sizes = all_structures([2, 3])
    stack, _ = stack_native.begin(rows, names, sizes, starts(len(X), sizes))
    stack = stack_native.run(rows, stack, max_iter=20, tol=0.0).stack
    np.testing.assert_array_equal(stack_native.labels_of(rows, stack), stack_numpy.labels_of(rows, stack))


def test_scatters_that_determine_nothing_end_as_singular_not_as_numbers():
    X = np.column_stack([np.arange(12.0), np.zeros(12)])
    rows = StackRows(np.ascontiguousarray(X.T), np.ones(12), {"VVV": np.eye(2)}, 0.0, np.ones(2))
    sizes = np.array([2], dtype=np.intp)
    stack, _ = stack_native.begin(rows, ("VVV",), sizes, starts(12, sizes))
    found = stack_native.run(rows, stack, max_iter=10, tol=1e-6)
    assert found.objective[0] == -np.inf
    assert found.status[0] == 2


def test_far_rows_and_tiny_shares_are_exact():
    # Responsibilities down to 1e-300 and below; the array engine's exponential is the C library's.
    X = np.concatenate([np.linspace(-1, 1, 40), 30.0 + np.linspace(-1, 1, 40)])[:, None]
    rows = rows_of(X, structures=("V",))
    sizes = np.array([2], dtype=np.intp)
    labels = (np.arange(80) >= 40).astype(np.int32)[None]
    a = stack_native.run(rows, stack_native.begin(rows, ("V",), sizes, labels)[0], max_iter=3, tol=0.0)
    b = stack_numpy.run(rows, stack_numpy.begin(rows, ("V",), sizes, labels)[0], max_iter=3, tol=0.0)
    assert a.log_likelihood[0] == pytest.approx(b.log_likelihood[0], rel=1e-12)
    assert a.log_certainty[0] == pytest.approx(b.log_certainty[0], abs=1e-12)
    assert family("V") is family("VII")


def test_it_can_be_switched_off(monkeypatch):
    monkeypatch.setenv("GMMKIT_NATIVE", "0")
    assert "GMMKIT_NATIVE" in native.why_not()


@pytest.mark.parametrize("engine", [stack_native, stack_numpy])
def test_mixtures_may_have_weights_of_their_own(engine):
    X = blobs(2)
    X = X - X.mean(axis=0)
    names, sizes = all_structures([2, 3])
    weights = np.random.default_rng(7).multinomial(len(X), np.full(len(X), 1 / len(X)), len(names)).astype(float)
    labels = starts(len(X), sizes)
    spread = dict.fromkeys(STRUCTURES, np.eye(2))
    rows = StackRows(np.ascontiguousarray(X.T), weights, spread, 1e-3, np.ones(2))
    together = engine.run(rows, engine.begin(rows, names, sizes, labels)[0], max_iter=40, tol=1e-6)
    for s in (0, 9, 27):
        own = StackRows(rows.z, weights[s], spread, 1e-3, np.ones(2))
        start, _ = engine.begin(own, names[s : s + 1], sizes[s : s + 1], labels[s : s + 1])
        alone = engine.run(own, start, max_iter=40, tol=1e-6)
        assert together.objective[s] == pytest.approx(alone.objective[0], rel=1e-10)


def test_more_passes_than_are_made_at_once_go_on_where_they_were(monkeypatch):
    X = blobs(2, seed=4)
    rows = rows_of(X)
    names, sizes = all_structures([3])
    stack, _ = stack_native.begin(rows, names, sizes, starts(len(X), sizes))
    whole = stack_native.run(rows, stack, max_iter=60, tol=1e-9)
    monkeypatch.setattr(stack_native, "_MOST_AT_ONCE", 9)
    parts = stack_native.run(rows, stack, max_iter=60, tol=1e-9)
    assert (parts.passes <= 60).all()
    assert parts.stack.cells == whole.stack.cells
    for trace, made in zip(parts.traces, parts.passes, strict=True):
        assert np.diff(trace[:made]).min(initial=0.0) > -1e-9
    assert (parts.objective > whole.objective - 1e-3).all()


def test_partitions_that_differ_by_the_numbering_of_their_groups_have_one_key_in_both_engines():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, (30, 77)).astype(np.int32)
    marks = rng.integers(0, 1 << 64, 77, dtype=np.uint64)
    keys = native.partition_keys(labels, marks)
    renamed = np.array([3, 0, 4, 1, 2], dtype=np.int32)[labels]
    np.testing.assert_array_equal(native.partition_keys(renamed, marks), keys)
    np.testing.assert_array_equal(stack_numpy.partition_keys(labels, marks), keys)
    assert len(np.unique(keys)) == 30
    moved = labels.copy()
    moved[:, 0] = (moved[:, 0] + 1) % 5
    assert not np.isin(native.partition_keys(moved, marks), keys).any()


@pytest.mark.parametrize("d", [1, 2, 3, 7, 20])
def test_smallest_eigenvalues_are_lapacks(d):
    rng = np.random.default_rng(d)
    roots, white = rng.normal(size=(19, d, d)), np.tril(rng.normal(size=(3, d, d)))
    matrices, which = roots @ roots.swapaxes(1, 2), rng.integers(0, 3, 19).astype(np.int32)
    seen = white[which] @ matrices @ white[which].swapaxes(1, 2)
    expected = np.linalg.eigvalsh(seen)
    found = native.smallest_eigenvalues(matrices, white, which)
    assert (np.abs(found - expected[:, 0]) < 1e-12 * expected[:, -1]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: native.partition_keys(np.array([[0, -1]], dtype=np.int32), np.ones(2, np.uint64)), "negative"),
        (lambda: native.partition_keys(np.zeros((1, 2), np.int32), np.ones(3, np.uint64)), "shape"),
        (lambda: native.smallest_eigenvalues(np.ones((1, 2, 2)), np.ones((1, 2, 2)), np.array([1], np.int32)), "which"),
    ],
)
def test_what_would_be_read_beyond_its_end_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


STARVED = """
import resource, numpy as np
from gmmkit.kernels import native
n, d = 2_000_000, 8
given = np.zeros((d, n)), np.ones(n), np.zeros(1, dtype=np.int32), np.ones(1, dtype=np.int32), np.zeros((1, d, d))
parameters = np.ones(1), np.zeros((1, d)), np.eye(d)[None].copy()
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 60_000_000, held + 60_000_000))
try:
    native.run(*given, np.ones(d), parameters, max_iter=2, tol=1e-3)
except MemoryError as error:
    print(error)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux, to set a limit on memory")
@pytest.mark.skipif("GMMKIT_SANITIZED" in os.environ, reason="sanitizers need more memory than the limit")
def test_too_little_memory_is_an_error_of_python():
    done = subprocess.run([sys.executable, "-c", STARVED], capture_output=True, text=True, check=True)
    assert "not enough memory for the compiled kernel" in done.stdout
