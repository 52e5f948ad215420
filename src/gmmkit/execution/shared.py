"""One pass shared among threads: each takes the next task when it has done one, the caller's among them.

The caller's thread merges what is done, in the order of the tasks, between tasks of its own. Nobody takes a task that
is more than a few beyond what is merged: so few results wait. What a task raises comes out when all before it are
merged, as if there were one thread; what comes after it is not begun.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Condition
from typing import Generic, TypeVar

__all__ = ["SharedPass"]

Result = TypeVar("Result")
Task = tuple[int, int]


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
        self._changed = Condition()
        self._done: dict[int, tuple[Result | None, BaseException | None]] = {}
        self._taken = self._merged = 0
        self._end = len(tasks)

    def help(self) -> None:
        """Do tasks until none is left to take: what the other threads do."""
        while True:
            with self._changed:
                while self._taken < self._end and not self._may_take():
                    self._changed.wait()
                if self._taken >= self._end:
                    return
                index = self._take()
            self._do(index)

    def lead(self, merge: Callable[[Result, Result], Result]) -> Result:
        """Do tasks and merge all results: what the caller's thread does."""
        try:
            merged = self._next_result()
            while self._merged < len(self._tasks):
                merged = merge(merged, self._next_result())
            return merged
        except BaseException:
            # An interrupt or a bad row: what has not begun is dropped.
            with self._changed:
                self._end = 0
                self._changed.notify_all()
            raise

    def _next_result(self) -> Result:
        """Return the result of the next task to be merged, doing tasks as long as it is not there."""
        while True:
            with self._changed:
                while self._merged not in self._done and not self._may_take():
                    self._changed.wait()
                if self._merged in self._done:
                    result, error = self._done.pop(self._merged)
                    if error is not None:
                        raise error
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
        result: Result | None = None
        error: BaseException | None = None
        try:
            result = self._task(*self._tasks[index])
        except BaseException as raised:  # noqa: BLE001 (whoever leads raises it)
            error = raised
        with self._changed:
            self._done[index] = result, error
            if error is not None:
                self._end = min(self._end, index)
            self._changed.notify_all()
