import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from gmmkit.numerics.blas import blas_threads, one_blas_thread


def now():
    np.ones((2, 2)) @ np.ones((2, 2))
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.fixture(autouse=True)
def two_threads():
    """Let BLAS have two threads in each test, whatever the machine allows."""
    with threadpool_limits(2, user_api="blas"):
        assert set(now()) == {2}
        yield
        assert set(now()) == {2}, "the limiter must put back what was there"


def test_holds_blas_at_one_thread_and_puts_back_what_was_there():
    with one_blas_thread():
        assert set(now()) == {1}


def test_is_counted():
    with one_blas_thread():
        with one_blas_thread():
            assert set(now()) == {1}
        assert set(now()) == {1}
    assert set(now()) == {2}


def test_the_first_to_come_may_be_the_first_to_go():
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert set(now()) == {1}
    second.__exit__(None, None, None)
    assert set(now()) == {2}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_puts_back_after_an_exception(error):
    with pytest.raises(error), one_blas_thread(), one_blas_thread():
        raise error
    assert set(now()) == {2}


def test_tells_what_blas_would_use_outside():
    assert blas_threads() == 2
    with one_blas_thread():
        assert blas_threads() == 2


def test_many_threads_share_the_limit():
    inside, leave = threading.Barrier(5), threading.Barrier(5)
    seen = []

    def work():
        for _ in range(20):
            with one_blas_thread():
                seen.append(set(now()))
        with one_blas_thread():
            inside.wait(10)
            leave.wait(10)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    assert set(now()) == {1}
    leave.wait(10)
    for thread in threads:
        thread.join(10)
    assert set(map(frozenset, seen)) == {frozenset({1})}
    assert set(now()) == {2}


@pytest.mark.parametrize("first_out", ["here", "elsewhere"])
def test_fits_of_two_threads_may_end_in_any_order(first_out):
    # The limit is set by one thread and taken back by the other.
    inside, leave = threading.Event(), threading.Event()
    seen = []

    def work():
        with one_blas_thread():
            inside.set()
            assert leave.wait(10)
        seen.append(set(now()))

    thread = threading.Thread(target=work)
    with one_blas_thread():
        thread.start()
        assert inside.wait(10)
        if first_out == "elsewhere":
            leave.set()
            thread.join(10)
            assert seen == [{1}]
            assert set(now()) == {1}
    if first_out == "here":
        assert set(now()) == {1}
        leave.set()
        thread.join(10)
        assert seen == [{2}]
    assert set(now()) == {2}


def test_a_thread_limits_blas_after_the_main_thread_did():
    with one_blas_thread():
        pass
    seen = []

    def work():
        with one_blas_thread():
            seen.append(set(now()))
        seen.append(set(now()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert seen == [{1}, {2}]
