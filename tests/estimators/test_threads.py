"""Threads, processes and Ctrl-C around fits: the same answers, nothing waits for ever, nothing is left half done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from cases import Interrupted, blobs, fitted
from gmmkit import GaussianMixture, GaussianMixtureSearch
from gmmkit.configuration import configuration
from gmmkit.data.table import Table
from gmmkit.errors import ParameterError
from gmmkit.execution import Workers, plan
from gmmkit.inference import plain, plain_calls
from gmmkit.kernels import native
from gmmkit.model.evaluation import evaluate
from gmmkit.numerics.blas import blas_threads

pytestmark = pytest.mark.filterwarnings("ignore:.*did not converge")


@pytest.fixture
def four_cores(monkeypatch):
    """Let there be threads, passes and blocks enough for them, whatever the machine has."""
    monkeypatch.setattr(plain, "_SMALL", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    for name in ("_BLOCK_OPERATIONS", "_BLOCK_BYTES", "_LEAST_SHARED"):
        monkeypatch.setattr(plan, name, 1)
    for name in ("_LEAST_SHARE", "_LEAST_CALL"):
        monkeypatch.setattr(plain_calls, name, 1)


@pytest.fixture
def in_runs(monkeypatch):
    """Tell with how many threads each call of a run of passes was made."""
    made, run_blocks = [], plain_calls.run_blocks

    def noted(*arguments, n_threads, **options):
        made.append(n_threads)
        return run_blocks(*arguments, n_threads=n_threads, **options)

    monkeypatch.setattr(plain_calls, "run_blocks", noted)
    return made


def bits(model):
    return tuple(np.asarray(values).tobytes() for values in (model.weights_, model.means_, model.covariances_))


def rows(n=20_000, seed=0):
    return blobs(n, 3, 3, seed)


# --- how many threads -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize("n_jobs", [-3, -1, 2, 10_000, np.int64(3)])
def test_any_number_of_threads_gives_the_same_bits(n_jobs, in_runs):
    X = rows()
    one = GaussianMixture(3, random_state=0, max_iter=5, n_jobs=1).fit(X)
    many = GaussianMixture(3, random_state=0, max_iter=5, n_jobs=n_jobs).fit(X)
    assert in_runs == ([] if native.why_not() else [1, Workers(n_jobs).n_threads])
    assert Workers(n_jobs).n_threads > 1
    assert bits(many) == bits(one)
    np.testing.assert_array_equal(many.predict_proba(X), one.predict_proba(X))


@pytest.mark.parametrize(
    ("n_jobs", "said"),
    [
        (0, r"n_jobs must be a positive number of threads, -1 for all cores, -2 for all but one or None, but got 0"),
        ("two", r"The 'n_jobs' parameter of GaussianMixture must be .*int.* or None\. Got 'two' instead\."),
        (1.5, r"The 'n_jobs' parameter of GaussianMixture must be .*int.* or None\. Got 1\.5 instead\."),
    ],
)
def test_numbers_of_threads_that_are_none_are_refused(n_jobs, said):
    with pytest.raises(ValueError, match=said) as told:
        GaussianMixture(2, n_jobs=n_jobs).fit(rows(100))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("n_jobs", [0, "two", 1.5, np.nan, True])
def test_below_the_estimators_too(n_jobs):
    mixture = fitted(rows(100)).mixture
    for ask in (lambda: Workers(n_jobs), lambda: evaluate(mixture, rows(100), "posterior", n_jobs=n_jobs)):
        with pytest.raises(ParameterError, match=r"n_jobs must be a positive number of threads, .* but got"):
            ask()


THREADS = """
import os
import numpy as np
from gmmkit import GaussianMixture
from gmmkit.configuration import configuration

most = 0
def look(progress):
    global most
    most = max(most, len(os.listdir("/proc/self/task")))

X = np.random.default_rng(0).normal(size=(300_000, 2))
GaussianMixture(1).fit(X[:100])
before = len(os.listdir("/proc/self/task"))  # some libraries have threads of their own
GaussianMixture(3, max_iter=3, tol=0.0, random_state=0, callback=look).fit(X)
print(configuration()["threads"], most - before)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs Linux, to count threads")
def test_one_thread_where_the_environment_says_so():
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", THREADS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["1", "0"]


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize("limit", [1, 2])
def test_limits_of_threadpoolctl_are_those_of_fits(limit, in_runs):
    seen = set()

    def look(progress):
        seen.update(thread.name for thread in threading.enumerate() if thread.name.startswith("gmmkit"))

    with threadpool_limits(limit, user_api="blas"):
        GaussianMixture(3, covariance_type="tied", max_iter=4, tol=0.0, random_state=0, callback=look).fit(rows())
        GaussianMixture(3, max_iter=4, tol=0.0, random_state=0).fit(rows())
        assert configuration()["threads"] == limit
    assert len(seen) == limit - 1  # beside the caller's own
    assert in_runs == ([] if native.why_not() else [limit])


# --- many fits at once, and forks -------------------------------------------------------------------------


@pytest.mark.usefixtures("four_cores")
def test_many_fits_at_once_are_as_alone():
    def fit(seed):
        kind = ("full", "diag", "tied", "spherical", "VEV")[seed % 5]
        X = rows(4_000, seed).astype(np.float32 if seed % 2 else np.float64)
        return GaussianMixture(3, covariance_type=kind, random_state=0, max_iter=6, n_jobs=1 + seed % 3).fit(X)

    def search(seed):
        return GaussianMixtureSearch((1, 2), covariance_type=["EII", "VVV"], random_state=0).fit(rows(300, seed))

    before = blas_threads()
    work = [(fit, seed) for seed in range(12)] + [(search, seed) for seed in range(3)]
    alone = [make(seed) for make, seed in work]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda one: one[0](one[1]), work))
    for a, b in zip(together[:12], alone[:12], strict=True):
        assert bits(a) == bits(b)
    for a, b in zip(together[12:], alone[12:], strict=True):
        assert a.mixture_ == b.mixture_
    assert blas_threads() == before


FORKED = """
import os, sys, threading, signal
import numpy as np
os.sched_getaffinity = lambda _: set(range(4))
from gmmkit.execution import plan
plan._BLOCK_OPERATIONS = plan._BLOCK_BYTES = plan._LEAST_SHARED = 1
from gmmkit.inference import plain, plain_calls
plain._SMALL = 0
from gmmkit.inference import plain_calls
plain_calls._LEAST_SHARE = plain_calls._LEAST_CALL = 1
from gmmkit import GaussianMixture, GaussianMixtureSearch

X = np.random.default_rng(0).normal(size=(20_000, 3)) + 3 * (np.arange(20_000) % 3)[:, None]

def fit(n_jobs=2, **settings):
    return GaussianMixture(3, random_state=0, max_iter=5, n_jobs=n_jobs, **settings).fit(X)

def search():
    return GaussianMixtureSearch((1, 2), covariance_type=["EII", "VVV"], random_state=0, n_jobs=2).fit(X[:500])

expected, found = fit(), search()

def same():
    again = fit()
    return (again.means_ == expected.means_).all() and search().mixture_ == found.mixture_

def child():
    signal.alarm(60)  # no child waits for ever
    try:
        os._exit(0 if same() else 3)
    except BaseException as error:
        print(repr(error), flush=True)
        os._exit(4)

def forked():
    number = os.fork()
    return child() if number == 0 else os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])

codes = [forked()]
# And in the middle of a fit of another thread, whose workers and locks the child does not have.
begun, done = threading.Event(), threading.Event()

def watch(progress):
    begun.set()
    if done.is_set():
        raise KeyboardInterrupt

def elsewhere():
    try:
        GaussianMixture(3, random_state=0, max_iter=10**6, tol=0.0, n_jobs=2, callback=watch).fit(X)
    except KeyboardInterrupt:
        pass

thread = threading.Thread(target=elsewhere)
thread.start()
begun.wait(60)
codes += [forked() for _ in range(3)]
done.set()
thread.join(60)
import multiprocessing
process = multiprocessing.get_context("fork").Process(target=child)
process.start()
process.join(60)
codes += [process.exitcode, 0 if same() else 5]
print(codes)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("native", ["1", "0"])
def test_a_child_fits_after_its_parent_did_and_while_it_does(native):
    environment = {**os.environ, "GMMKIT_NATIVE": native}
    command = [sys.executable, "-W", "ignore", "-c", FORKED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert (done.stdout, done.stderr) == ("[0, 0, 0, 0, 0, 0]\n", "")


# --- Ctrl-C -----------------------------------------------------------------------------------------------


def assert_complete(result, expected):
    assert (result.reason, result.interrupted, result.converged) == ("interrupted", True, False)
    assert result.mixture == expected.mixture
    assert result.objectives == expected.objectives


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("name", ["full", "diag", "tied"])
def test_an_interrupt_in_the_middle_of_a_pass_leaves_the_pass_before(name, n_jobs, monkeypatch):
    monkeypatch.setattr(plan, "_ONE_CALL", 0)  # a pass that takes so long that one is heard in it
    X = rows(3_000)
    given = {"k": 2, "tol": 0.0, "n_jobs": n_jobs}
    whole = Interrupted(X, at=-1)
    fitted(Table(whole), name, max_iter=4, **given)
    kept = set()
    for at in range(whole.readings // 3, whole.readings + 1, 3):
        try:
            result = fitted(Table(Interrupted(X, at)), name, max_iter=4, **given)
        except KeyboardInterrupt:
            continue
        if result.interrupted:
            kept.add(len(result.objectives))
            assert_complete(result, fitted(X, name, max_iter=len(result.objectives), **given))
    assert len(kept) > 1


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals go to the main thread")
@pytest.mark.parametrize("settings", [{}, {"covariance_type": "diag"}, {"n_jobs": 2}, {"covariance_type": "tied"}])
def test_ctrl_c_in_a_long_fit_sets_the_last_complete_model(settings):
    X = rows(400_000)
    passes = 0

    def look(progress):
        nonlocal passes
        passes = progress.iteration
        if passes == 3:
            # Heard some blocks later, in the middle of a pass.
            threading.Timer(0.005, os.kill, (os.getpid(), signal.SIGINT)).start()

    model = GaussianMixture(3, random_state=0, tol=0.0, max_iter=100_000, callback=look, **settings)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert model.fit_result_.reason == "interrupted"
    assert len(model.fit_result_.objectives) == passes >= 3
    assert model.weights_.sum() == pytest.approx(1.0)
    again = GaussianMixture(3, random_state=0, tol=0.0, max_iter=passes, **settings).fit(X)
    assert bits(model) == bits(again)
    assert blas_threads() == Workers(None).n_threads


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals go to the main thread")
@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
@pytest.mark.parametrize("name", ["full", "diag"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_in_a_call_of_many_passes_is_heard_after_it(name, n_jobs, monkeypatch):
    X, calls, run_blocks = rows(400_000), [], plain_calls.run_blocks

    def interrupted(*arguments, **options):
        calls.append(options["max_iter"])
        if len(calls) == 2:
            threading.Timer(0.005, os.kill, (os.getpid(), signal.SIGINT)).start()
        return run_blocks(*arguments, **options)

    monkeypatch.setattr(plain_calls, "run_blocks", interrupted)
    settings = {"covariance_type": name, "random_state": 0, "tol": 0.0, "n_jobs": n_jobs}
    model = GaussianMixture(3, max_iter=100_000, **settings)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    made = len(model.fit_result_.objectives)
    assert calls[0] > 1
    assert calls[0] <= made <= sum(calls)
    assert model.fit_result_.reason == "interrupted"
    assert bits(model) == bits(GaussianMixture(3, max_iter=made, **settings).fit(X))
