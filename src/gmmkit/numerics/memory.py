"""Memory that is given back when it is let go."""

from __future__ import annotations

import math
import mmap

import numpy as np
from numpy.typing import NDArray

__all__ = ["zeros"]

# What is smaller comes and goes too often to be asked of the system each time.
_LARGE = 1 << 20
_PRIVATE = getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0)


def zeros(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return zeros whose memory goes back to the system when nobody holds them, where they are large.

    An allocator keeps what is let go for the next who asks in the same thread: with two threads that add up matrices
    of 5 MB, four of them more than are ever in use.

    Examples
    --------
    >>> zeros((2, 3)).sum()
    np.float64(0.0)
    """
    size = 8 * math.prod(shape)
    if size < _LARGE or not _PRIVATE:
        return np.zeros(shape)
    return np.frombuffer(mmap.mmap(-1, size, flags=_PRIVATE), dtype=np.float64).reshape(shape)
