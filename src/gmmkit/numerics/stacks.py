"""Stacks of matrices, a part at a time: what is made of large ones takes several times their memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

__all__ = ["parts", "spans"]

_VALUES = 1 << 17  # a megabyte of doubles


def parts(stack: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield consecutive parts of an array along its first axis: of a megabyte, or of one item where that is larger.

    Examples
    --------
    >>> import numpy as np
    >>> [len(part) for part in parts(np.ones((5, 200, 200)))]
    [3, 2]
    """
    return (stack[here] for here in spans(stack))


def spans(stack: NDArray[Any]) -> Iterator[slice]:
    """Yield where the `parts` of an array are, for other arrays of the same length."""
    step = max(_VALUES * len(stack) // max(stack.size, 1), 1)
    return (slice(i, i + step) for i in range(0, len(stack), step))
