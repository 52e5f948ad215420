"""One BLAS thread in every pass, for the whole process, counted by reference.

Threads work on blocks of rows; a BLAS that started threads of its own inside them would fight over the cores
and make the last bits depend on their number. Entering `threadpoolctl` afresh costs 0.8 ms, more than a tiny
fit, so its controller is made once. Concurrent fits share the limit: the first in sets it, the last out
restores what was there.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import scipy.linalg  # noqa: F401  (its BLAS must be loaded before the controller looks for libraries)

__all__ = ["blas_threads", "one_blas_thread"]

_lock = threading.Lock()
_users = 0
_libraries: list[Any] | None = None
_before: list[int] = []


def _blas_libraries() -> list[Any]:
    global _libraries  # noqa: PLW0603
    if _libraries is None:
        from threadpoolctl import ThreadpoolController

        _libraries = list(ThreadpoolController().select(user_api="blas").lib_controllers)
    return _libraries


def blas_threads() -> int:
    """Return how many threads BLAS may use now: cores, or what OMP_NUM_THREADS and others allow."""
    with _lock:
        if _users:
            return max(_before, default=1)
        return max((library.num_threads for library in _blas_libraries()), default=1)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS at one thread while any caller is inside."""
    global _users, _before  # noqa: PLW0603
    with _lock:
        if _users == 0:
            _before = [library.num_threads for library in _blas_libraries()]
            for library in _blas_libraries():
                _set_threads(library, 1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                for library, threads in zip(_blas_libraries(), _before, strict=True):
                    _set_threads(library, threads)


def _set_threads(library: Any, threads: int) -> None:
    # threadpoolctl 3.8 lets only one Python thread at a time limit OpenBLAS and ignores the others without a word:
    # a fit in a second thread would not be limited, and if it ended last the limit would never be taken back.
    # Fits are counted here instead, whichever thread they are in.
    getattr(library, "_real_set_num_threads", library.set_num_threads)(threads)


def _after_fork() -> None:
    """Begin anew in a child: fits of the parent's other threads do not go on here, nor is their lock let go."""
    global _lock, _users  # noqa: PLW0603
    _lock = threading.Lock()
    if _users:
        _users = 0
        for library, threads in zip(_blas_libraries(), _before, strict=True):
            _set_threads(library, threads)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
