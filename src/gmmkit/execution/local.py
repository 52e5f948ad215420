"""Run the tasks of a pass on this machine: in the caller's thread, or on a pool of threads.

Results are merged in the order of the tasks whatever order they finish in, so sums have the same bits for any
number of threads. At most a few finished results wait to be merged, so memory does not grow with the tasks; as many as
take some megabytes, as whoever is ahead of the thread that merges would have to wait for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

from gmmkit.errors import ParameterError
from gmmkit.execution.shared import SharedPass
from gmmkit.numerics.arguments import is_whole, shown
from gmmkit.numerics.blas import blas_threads, one_blas_thread

__all__ = ["Workers", "thread_count"]

Result = TypeVar("Result")
Task = tuple[int, int]

_MOST_WAITING, _WAITING_BYTES = 16, 1 << 23


def thread_count(n_jobs: int | None) -> int:
    """Return the number of threads that `n_jobs` asks for.

    ``None`` means as many as BLAS would use now, so that OMP_NUM_THREADS, `threadpoolctl` and joblib's limits
    are respected; ``-1`` every core this process may use, ``-2`` all but one.
    """
    if n_jobs is None:
        return max(1, blas_threads())
    if not is_whole(n_jobs) or n_jobs == 0:
        raise ParameterError(
            "n_jobs must be a positive number of threads, -1 for all cores, -2 for all but one or None, but got "
            f"{shown(n_jobs)}"
        )
    n_jobs = int(n_jobs)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    # More threads than cores only fight; results are the same for any number.
    return min(n_jobs, cores) if n_jobs > 0 else max(1, cores + 1 + n_jobs)


class Workers:
    """Threads for the passes of one fit or prediction, with BLAS held at one thread; a context manager.

    Examples
    --------
    >>> with Workers(2) as workers:
    ...     workers.map_merge(lambda start, stop: sum(range(start, stop)), [(0, 5), (5, 10)], int.__add__)
    45
    """

    def __init__(self, n_jobs: int | None = None) -> None:
        self.n_threads = thread_count(n_jobs)
        self._pool: ThreadPoolExecutor | None = None
        self._shared: SharedPass[Any] | None = None
        self._limit = one_blas_thread()

    def __enter__(self) -> Self:
        self._limit.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shared is not None:
            self._shared.close()  # an interrupt may have come before anybody else could
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        self._limit.__exit__(kind, error, trace)

    def map_merge(
        self,
        task: Callable[[int, int], Result],
        tasks: Sequence[Task],
        merge: Callable[[Result, Result], Result],
        size: int | None = None,
        add: Callable[[Result, int, int], Result] | None = None,
    ) -> Result:
        """Return ``merge(… merge(task(t0), task(t1)) …, task(tn))``.

        Parameters
        ----------
        task, merge : callable
        tasks : sequence of (int, int)
        size : int, optional
            About how many numbers a result holds.
        add : callable, optional
            ``add(merged, *t)`` is ``merge(merged, task(*t))`` to the last bit, for less memory: for one thread.
        """
        if self.n_threads == 1 or len(tasks) == 1:
            merged = task(*tasks[0])
            for piece in tasks[1:]:
                merged = merge(merged, task(*piece)) if add is None else add(merged, *piece)
            return merged
        few = 1 if size is None else _WAITING_BYTES // (8 * max(size, 1))
        return self._threaded(task, tasks, merge, min(max(few, 1), _MOST_WAITING))

    def each(self, task: Callable[[int, int], None], tasks: Sequence[Task]) -> None:
        """Call `task` for each of the tasks, where there is nothing to be merged."""
        self.map_merge(task, tasks, lambda *_: None, 0)

    def together(self, lead: Callable[[], object], help_: Callable[[], object], shares: int) -> None:
        """Call `lead` here, and meanwhile `help_` in other threads: what they share they share among themselves.

        As many take part as there are `shares`, at most. Returns when `lead` does. Others may begin after that, and
        must then find nothing left to do.
        """
        self._call_in_others(help_, min(self.n_threads, shares) - 1)
        lead()

    def _call_in_others(self, work: Callable[[], object], times: int) -> None:
        try:
            if self._pool is None and times:
                self._pool = ThreadPoolExecutor(self.n_threads - 1, thread_name_prefix="gmmkit")
            for _ in range(times):
                self._pool.submit(work)  # type: ignore[union-attr]
        except RuntimeError:
            pass  # the system has no more threads: those there are, or this one alone, do it all

    def _threaded(
        self,
        task: Callable[[int, int], Result],
        tasks: Sequence[Task],
        merge: Callable[[Result, Result], Result],
        waiting: int,
    ) -> Result:
        self._shared = shared = SharedPass(task, tasks, self.n_threads + waiting)
        try:
            self._call_in_others(shared.help, min(self.n_threads, len(tasks)) - 1)
            merged = shared.lead(merge)
        except BaseException:
            shared.close()
            raise
        self._shared = None  # what its tasks hold may be let go
        return merged
