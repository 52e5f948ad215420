"""One pass shared among threads: each takes the next task when it has done one, the caller's among them.

The caller's thread merges what is done, in the order of the tasks, between tasks of its own. Nobody takes a task that
is more than a few beyond what is merged: so few results wait. What a task raises comes out when all before it are
merged, as if there were one thread; what comes after it is not begun.

An interrupt may come at any place of the caller's thread, also where it lets the others know: nobody waits for long
without looking again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Condition, Lock
from typing import Generic, TypeVar

__all__ = ["SharedPass"]

Result = TypeVar("Result")
Task = tuple[int, int]

_LOOK_AGAIN = 0.2  # seconds


class SharedPass(Generic[Result]):
    """The tasks of a pass, and which of them are taken, done and merged.

    Parameters
    ----------
    task : callable
        Called with the two numbers of each task.
    tasks : sequence of (int, int)
        At least one.
    most : int
        How many tasks may be taken and not yet merged.
    """

    def __init__(self, task: Callable[[int, int], Result], tasks: Sequence[Task], most: int) -> None:
        self._task, self._tasks, self._most = task, tasks, most
        # Taken by itself: what Condition does to take it, in Python, an interrupt could leave half done.
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._done: dict[int, tuple[Result | None, BaseException | None]] = {}
        self._taken = self._merged = 0
        self._end = len(tasks)
        self._closed = False

    def help(self) -> None:
        """Do tasks until none is left to take: what the other threads do."""
        while True:
            with self._lock:
                while self._taken < self._end and not self._closed and not self._may_take():
                    self._changed.wait(_LOOK_AGAIN)
                if self._closed or self._taken >= self._end:
                    return
                index = self._take()
            self._do(index)

    def lead(self, merge: Callable[[Result, Result], Result]) -> Result:
        """Do tasks and merge all results: what the caller's thread does."""
        merged = self._next_result()
        while self._merged < len(self._tasks):
            merged = merge(merged, self._next_result())
        return merged

    def close(self) -> None:
        """Begin no more tasks: after an interrupt or a bad row."""
        self._closed = True
        self._done = {}

    def _next_result(self) -> Result:
        """Return the result of the next task to be merged, doing tasks as long as it is not there."""
        while True:
            with self._lock:
                while self._merged not in self._done and not self._may_take():
                    self._changed.wait(_LOOK_AGAIN)
                if self._merged in self._done:
                    result, error = self._done.pop(self._merged)
                    if error is not None:
                        try:
                            raise error
                        finally:
                            del error  # or it would hold this frame, and this frame it
                    self._merged += 1
                    self._changed.notify_all()
                    return result  # type: ignore[return-value]
                index = self._take()
            self._do(index)

    def _may_take(self) -> bool:
        return self._taken < min(self._end, self._merged + self._most)

    def _take(self) -> int:
        self._taken += 1
        return self._taken - 1

    def _do(self, index: int) -> None:
        try:
            done: tuple[Result | None, BaseException | None] = self._task(*self._tasks[index]), None
        except BaseException as raised:  # noqa: BLE001 (whoever leads raises it)
            done = None, raised
        with self._lock:
            self._done[index] = done
            if done[1] is not None:
                self._end = min(self._end, index)
            self._changed.notify_all()
        del done
