import os
import threading

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from gmmkit.errors import ParameterError
from gmmkit.execution import Workers, local, thread_count
from gmmkit.execution.shared import SharedPass
from gmmkit.numerics.blas import blas_threads

TASKS = [(i, i + 1) for i in range(40)]


@pytest.fixture(autouse=True)
def four_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)


def blas_now():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize("n_jobs", [1, 2, 3, 4])
def test_results_are_merged_in_the_order_of_the_tasks(n_jobs):
    def task(start, stop):
        # Every other task is slower: it waits for a turn of the others.
        if start % 2:
            for _ in range(2000):
                pass
        return f"{start},"

    with Workers(n_jobs) as workers:
        for _ in range(3):
            assert workers.map_merge(task, TASKS, str.__add__) == "".join(f"{i}," for i in range(40))


def test_tasks_that_end_in_the_opposite_order_are_merged_in_theirs():
    later = threading.Event()

    def task(start, stop):
        if start == 0:
            assert later.wait(10)
        if start == 1:
            later.set()
        return [start]

    with Workers(2) as workers:
        assert workers.map_merge(task, TASKS[:3], list.__add__) == [0, 1, 2]


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_each_calls_for_every_task_once(n_jobs):
    done = []
    with Workers(n_jobs) as workers:
        assert workers.each(lambda start, stop: done.append((start, stop)), TASKS) is None
    assert sorted(done) == TASKS


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_a_result_may_be_none_or_false(n_jobs):
    seen = []
    with Workers(n_jobs) as workers:
        assert workers.map_merge(lambda a, b: None, TASKS, lambda x, y: seen.append((x, y))) is None
    assert seen == [(None, None)] * 39


@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("error", [ValueError("row 7"), KeyboardInterrupt()])
def test_an_exception_of_a_task_comes_out_and_the_workers_work_on(n_jobs, error):
    def task(start, stop):
        if start == 20:
            raise error
        return start

    with threadpool_limits(2, user_api="blas"):
        with Workers(n_jobs) as workers:
            with pytest.raises(type(error)):
                workers.map_merge(task, TASKS, int.__add__)
            assert workers.map_merge(lambda start, stop: start, TASKS, int.__add__) == sum(range(40))
        assert blas_now() == {2}


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_an_exception_of_merge_comes_out(n_jobs):
    def merge(a, b):
        raise RuntimeError("merge")

    with Workers(n_jobs) as workers, pytest.raises(RuntimeError, match="merge"):
        workers.map_merge(lambda start, stop: start, TASKS, merge)


def test_what_has_not_begun_is_dropped_after_an_exception():
    begun = []

    def task(start, stop):
        begun.append(start)
        if start == 0:
            raise ValueError
        return start

    tasks = [(i, i + 1) for i in range(10_000)]
    with pytest.raises(ValueError), Workers(2) as workers:
        workers.map_merge(task, tasks, int.__add__)
    assert len(begun) < 100


def test_one_task_or_one_thread_needs_no_pool():
    here = threading.get_ident()
    with Workers(3) as workers:
        assert workers.map_merge(lambda a, b: threading.get_ident(), TASKS[:1], max) == here
    with Workers(1) as workers:
        assert workers.map_merge(lambda a, b: {threading.get_ident()}, TASKS, set.__or__) == {here}


@pytest.mark.parametrize(("size", "limit"), [(None, 7), (10**7, 7), (10**6 // 4, 10), (0, 22)])
def test_few_results_wait_at_a_time(size, limit):
    running, most, lock = 0, 0, threading.Lock()

    def task(start, stop):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        return start

    def merge(a, b):
        nonlocal running
        with lock:
            running -= 1
        return a + b

    with Workers(2) as workers:
        workers.map_merge(task, [(i, i + 1) for i in range(500)], merge, size)
    assert most <= limit


def test_who_is_ahead_of_the_caller_need_not_wait_where_results_are_small():
    ahead, caller = threading.Event(), threading.get_ident()
    done = []

    def task(start, stop):
        if threading.get_ident() == caller:
            assert ahead.wait(10)
        else:
            done.append(start)
            if len(done) == 10:
                ahead.set()
        return start

    with Workers(2) as workers:
        workers.n_threads = 2
        assert workers.map_merge(task, [(i, i + 1) for i in range(40)], int.__add__, 1) == sum(range(40))


def test_blas_has_one_thread_inside_and_as_many_as_before_outside():
    with threadpool_limits(2, user_api="blas"):
        with Workers(2) as workers:
            inside = workers.map_merge(lambda a, b: blas_now(), TASKS, set.__or__)
        assert inside == {1}
        assert blas_now() == {2}


def test_workers_can_stand_inside_workers():
    with Workers(2) as outer:

        def task(start, stop):
            with Workers(2) as inner:
                return inner.map_merge(lambda a, b: a, TASKS, int.__add__)

        assert outer.map_merge(task, TASKS[:4], int.__add__) == 4 * sum(range(40))


# --- how many threads -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_jobs", "threads"), [(1, 1), (3, 3), (4, 4), (10_000, 4), (-1, 4), (-2, 3), (-4, 1), (-99, 1)]
)
def test_thread_count(n_jobs, threads):
    assert thread_count(n_jobs) == threads


def test_zero_threads_mean_nothing():
    with pytest.raises(ParameterError, match=r"n_jobs must be a positive number of threads.*got 0"):
        thread_count(0)
    with pytest.raises(ParameterError):
        Workers(0)


@pytest.mark.parametrize("limit", [1, 2])
def test_none_respects_the_limits_set_for_blas(limit):
    # OMP_NUM_THREADS and joblib's inner limits reach BLAS as the number of threads it says it has.
    with threadpool_limits(limit, user_api="blas"):
        assert blas_threads() == limit
        assert thread_count(None) == limit


def test_none_is_at_least_one(monkeypatch):
    monkeypatch.setattr(local, "blas_threads", lambda: 0)
    assert thread_count(None) == 1


def test_a_thread_that_cannot_be_started_is_done_without(monkeypatch):
    start, started = threading.Thread.start, []

    def refuse_the_second(thread):
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse_the_second)
    with Workers(4) as workers:
        assert workers.map_merge(lambda a, b: a, TASKS, int.__add__) == sum(range(40))
    assert len(started) == 1


def test_an_interrupt_before_the_pass_is_led_leaves_nobody_waiting(monkeypatch):
    def interrupted(self, merge):
        raise KeyboardInterrupt

    monkeypatch.setattr(SharedPass, "lead", interrupted)
    begun = []
    with pytest.raises(KeyboardInterrupt), Workers(3) as workers:
        workers.map_merge(lambda a, b: begun.append(a), TASKS, max)
    assert len(begun) < 40  # the threads have ended: leaving waits for them


def test_leaving_closes_a_pass_that_nobody_else_did(monkeypatch):
    monkeypatch.setattr(SharedPass, "lead", lambda self, merge: 1 / 0)
    closed, close = [], SharedPass.close

    def close_at_the_second_try(self):
        closed.append(self)
        if len(closed) == 1:
            raise KeyboardInterrupt
        close(self)

    monkeypatch.setattr(SharedPass, "close", close_at_the_second_try)
    with pytest.raises(KeyboardInterrupt), Workers(3) as workers:
        workers.map_merge(lambda a, b: a, TASKS, max)
    assert len(closed) == 2


def test_together_the_caller_leads_and_all_others_help(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    met, callers = threading.Barrier(4, timeout=60), []

    def meet():
        callers.append(threading.current_thread())
        met.wait()

    with Workers(4) as workers:
        workers.together(meet, meet, 9)
    assert len(set(callers)) == 4
    assert threading.current_thread() in callers


@pytest.mark.parametrize(("shares", "n_helpers"), [(1, 0), (2, 1), (3, 2), (9, 3)])
def test_together_no_more_are_called_than_there_are_shares(monkeypatch, shares, n_helpers):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    calls = []
    with Workers(4) as workers:
        met = threading.Barrier(n_helpers + 1, timeout=60)

        def take_part(what):
            calls.append(what)
            met.wait()

        workers.together(lambda: take_part("lead"), lambda: take_part("help"), shares)
        assert (workers._pool is None) == (n_helpers == 0)
    assert sorted(calls) == ["help"] * n_helpers + ["lead"]


def test_together_needs_nobody_else():
    calls = []
    with Workers(1) as workers:
        workers.together(lambda: calls.append("lead"), lambda: calls.append("help"), 4)
    assert calls == ["lead"]


def test_together_without_threads_the_caller_is_alone(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    calls = []
    with Workers(4) as workers:
        workers.together(lambda: calls.append("lead"), lambda: calls.append("help"), 4)
    assert calls == ["lead"]
