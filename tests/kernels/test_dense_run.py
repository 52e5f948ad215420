"""Plain passes over blocks in one call: those of an oracle in plain NumPy, and what ends a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from gmmkit.kernels import native
from gmmkit.kernels.expanded import Features
from gmmkit.kernels.native import dense
from gmmkit.kernels.native.dense_run import run_blocks
from gmmkit.kernels.native.plain import CONVERGED, SINGULAR, UNFINISHED

pytestmark = pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))

FAMILIES = ("matrices", "variances")


def begun(family, n=3000, d=3, k=4, *, seed=0):
    """Return rows, components that tell the form, and a start: weights, means and covariances in the frame."""
    random = np.random.default_rng(seed)
    shift, scale = random.normal(size=d), 2.0 ** random.integers(-1, 2, d)
    means = 3.0 * random.normal(size=(k, d))
    rows = shift + (means[random.integers(k, size=n)] + random.normal(size=(n, d))) / scale
    own = np.tile(np.eye(d), (k, 1, 1)) if family == "matrices" else np.ones((k, d))
    return rows, components(family, k, shift, scale), (np.full(k, 1 / k), means + 0.3, own)


def components(family, k, shift, scale):
    d = len(shift)
    if family == "matrices":
        return dense.centred(np.zeros((k, d)), np.tile(np.eye(d), (k, 1, 1)), np.zeros(k), shift, scale)
    return dense.expanded(Features.DIAGONAL, np.zeros((k, 1 + 2 * d)), shift, scale)


def ran(rows, parts, start, *, weights=None, block_rows=256, **changes):
    """Return parameters, trace and status of a run."""
    d, found = parts.d, tuple(values.copy() for values in start)
    settings = {
        "pseudo": np.zeros(found[2].shape[1:]), "ridge": np.zeros(d), "reach": np.full(d, 50.0), "farthest": 4e6,
        "total_weight": float(len(rows) if weights is None else weights.sum()), "needed": 1.5, "before": -np.inf,
        "tol": 0.0, "max_iter": 5, "n_threads": 1,
    } | changes  # fmt: skip
    return found, *run_blocks(rows, weights, parts, block_rows, found, **settings)


def oracle(rows, parts, start, passes, *, weights=None, pseudo=0.0, ridge=0.0):
    """Make passes in plain NumPy and SciPy."""
    z = (rows - parts.shift) * parts.scale
    own, means, covariances = start
    diagonal = covariances.ndim == 2
    counted, trace = np.ones(len(z)) if weights is None else weights, []
    for _ in range(passes):
        matrices = [np.diag(c) if diagonal else c for c in covariances]
        logs = [np.log(w) + multivariate_normal.logpdf(z, m, c) for w, m, c in zip(own, means, matrices, strict=True)]
        row_sums = np.logaddexp.reduce(logs)
        added = np.zeros((z.shape[1],) * 2) + (np.diag(pseudo) if np.ndim(pseudo) == 1 else pseudo)
        penalty = 0.5 * sum(np.trace(added @ np.linalg.inv(c)) for c in matrices)
        trace.append((counted @ row_sums - penalty) / counted.sum())
        shares = np.exp(logs - row_sums) * counted
        counts = shares.sum(axis=1)
        own, means = counts / counts.sum(), shares @ z / counts[:, None]
        covariances = np.array(
            [
                ((z - m).T * r @ (z - m) + added) / count + np.eye(z.shape[1]) * ridge
                for r, m, count in zip(shares, means, counts, strict=True)
            ]
        )
        covariances = np.diagonal(covariances, axis1=1, axis2=2).copy() if diagonal else covariances
    return (own, means, covariances), trace


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("d", [1, 2, 3, 9])
@pytest.mark.parametrize("family", FAMILIES)
def test_passes_are_those_of_the_oracle(family, d, weighted):
    rows, parts, start = begun(family, d=d)
    weights = np.random.default_rng(5).random(len(rows)) * 2.0 if weighted else None
    pseudo = 0.7 * np.eye(d) + 0.1 if family == "matrices" else np.full(d, 0.7)
    ridge = np.linspace(0.01, 0.03, d)
    found, trace, status = ran(rows, parts, start, weights=weights, pseudo=pseudo, ridge=ridge)
    expected, objectives = oracle(rows, parts, start, 5, weights=weights, pseudo=pseudo, ridge=ridge)
    assert status == UNFINISHED
    np.testing.assert_allclose(trace, objectives, rtol=1e-11)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("family", FAMILIES)
def test_runs_one_after_the_other_are_one_run(family):
    rows, parts, start = begun(family)
    whole, trace, _ = ran(rows, parts, start, max_iter=7)
    first, early, _ = ran(rows, parts, start, max_iter=3)
    second, late, _ = ran(rows, parts, first, max_iter=4, before=early[-1])
    np.testing.assert_allclose(trace, [*early, *late], rtol=1e-13)
    for one, other in zip(whole, second, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n_threads", [2, 3, 8, 100])
@pytest.mark.parametrize(("family", "k"), [("matrices", 3), ("matrices", 700), ("variances", 3), ("variances", 400)])
def test_any_number_of_threads_has_the_bits_of_one(family, k, n_threads):
    rows, parts, start = begun(family, n=5000, d=2, k=k)
    settings = {"pseudo": np.eye(2) if family == "matrices" else np.ones(2), "needed": 1e-9, "block_rows": 384}
    alone, trace, status = ran(rows, parts, start, **settings)
    assert status == UNFINISHED
    together, same, _ = ran(rows, parts, start, n_threads=n_threads, **settings)
    np.testing.assert_array_equal(same, trace)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_small_change_ends_the_run(family):
    rows, parts, start = begun(family)
    _, trace, status = ran(rows, parts, start, tol=1e-4, max_iter=200)
    assert status == CONVERGED
    changes = np.abs(np.diff(trace))
    assert changes[-1] < 1e-4 <= changes[:-1].min()
    _, again, status = ran(rows, parts, start, tol=1e-4, max_iter=200, before=trace[0])
    assert (len(again), status) == (1, CONVERGED)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_not_ordinary_is_singular(family):
    rows, parts, start = begun(family)
    flat = start[2].copy()
    flat[1] = 0.0
    far = rows.copy()
    far[1234] = 1e300
    lonely = (start[0], start[1].copy(), start[2])
    lonely[1][2] = 1e3
    for given in (
        ran(rows, parts, (start[0], start[1], flat)),
        ran(rows, parts, (start[0], start[1], np.full_like(flat, np.nan))),
        ran(far, parts, start),
        ran(rows, parts, lonely),
        ran(rows, parts, start, needed=1e5),
        ran(rows, parts, start, reach=np.full(3, 2e3)),
        ran(rows, parts, start, reach=np.full(3, np.inf)),
    ):
        assert given[2] == SINGULAR


def test_of_rows_that_agree_only_what_is_added_has_a_factor():
    rows, parts, start = begun("matrices", n=400, d=2, k=1)
    rows[:, 1] = rows[:, 0]
    assert ran(rows, parts, start)[2] == SINGULAR
    assert ran(rows, parts, start, pseudo=np.eye(2))[2] == UNFINISHED


@pytest.mark.parametrize("change", ["strided", "floats", "by columns"])
@pytest.mark.parametrize("family", FAMILIES)
def test_rows_wherever_they_lie(family, change):
    rows, parts, start = begun(family, n=700)
    rows = rows.astype(np.float32).astype(np.float64)
    lying = {
        "strided": np.repeat(rows, 2, axis=1)[:, ::2],
        "floats": rows.astype(np.float32),
        "by columns": np.asfortranarray(rows),
    }[change]
    expected, trace, _ = ran(rows, parts, start)
    found, same, _ = ran(lying, parts, start)
    np.testing.assert_array_equal(same, trace)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_would_be_read_beyond_its_end_is_refused():
    rows, parts, start = begun("matrices", n=50)
    for wrong in (
        (start[0][:-1], *start[1:]),
        (start[0], start[1][:, :-1], start[2]),
        (*start[:2], start[2][:, 0]),
        (*start[:2], start[2].astype(np.float32)),
    ):
        with pytest.raises(ValueError, match="expected a C-contiguous float64 array of shape"):
            ran(rows, parts, wrong, pseudo=np.zeros((3, 3)))
    for wrong in ({"pseudo": np.zeros(3)}, {"ridge": np.zeros(2)}, {"reach": np.zeros((3, 1))}):
        with pytest.raises(ValueError, match="expected a C-contiguous float64 array of shape"):
            ran(rows, parts, start, **wrong)
    for wrong in ({"max_iter": 0}, {"block_rows": 0}, {"n_threads": 0}):
        with pytest.raises(ValueError, match="expected rows, rows of a block, passes and threads"):
            ran(rows, parts, start, **wrong)
    with pytest.raises(ValueError, match="rows must be float64 or float32 of 3 columns"):
        ran(rows[:, :2], parts, start)
    with pytest.raises(ValueError, match="expected rows"):
        ran(rows[:0], parts, start)
    linear = dense.expanded(Features.LINEAR, np.zeros((4, 4)), parts.shift, parts.scale)
    with pytest.raises(ValueError, match="matrices in doubles, or features with squares"):
        ran(rows, linear, start)


# A matrix of so many columns would take 3 GB.
MANY_COLUMNS = """
import resource, sys
sys.path[:0] = sys.argv[1:2]
import numpy as np
from test_dense_run import begun, ran
given = begun("variances", n=40, d=20_000, k=2)
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 500_000_000, resource.RLIM_INFINITY))
settings = {"pseudo": np.ones(20_000), "reach": np.full(20_000, 10.0), "max_iter": 2}
print(np.isfinite(ran(*given, **settings)[1]).all())
"""


# Wherever memory ends, no thread waits for one that cannot come.
STARVED = """
import resource, sys
sys.path[:0] = sys.argv[1:2]
import numpy as np
from test_dense_run import begun, ran
given = begun("variances", n=20_000, d=8, k=1000)
settings = {"needed": 1e-9, "pseudo": np.ones(8), "max_iter": 2}
expected = ran(*given, **settings)[1]
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
told = []
for more in range(0, 130_000_000, 6_000_000):
    resource.setrlimit(resource.RLIMIT_AS, (held + more, resource.RLIM_INFINITY))
    try:
        told.append((ran(*given, n_threads=4, **settings)[1] == expected).all())
    except MemoryError:
        told.append(None)
print({None: "short", True: "same", False: "other"}[told[0]], *{str(one) for one in told})
"""


limited = pytest.mark.skipif(
    not Path("/proc/self/statm").exists() or "GMMKIT_SANITIZED" in os.environ,
    reason="needs Linux, to set a limit on memory, and no sanitizers, which need more",
)


@limited
def test_variances_of_very_many_columns_take_no_room_for_matrices():
    command = [sys.executable, "-c", MANY_COLUMNS, str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.stdout, done.stderr) == ("True\n", "")


@limited
def test_too_little_memory_is_an_error_of_python_wherever_it_ends():
    command = [sys.executable, "-c", STARVED, str(Path(__file__).parent)]
    # With arenas of their own threads would have nothing left for what the C library needs to throw.
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split()[0] == "short"
    assert set(done.stdout.split()[1:]) == {"None", "True"}
