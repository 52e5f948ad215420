"""What a tournament ends with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.stack import Index, StackRun

__all__ = ["Cell", "Winners"]

Array = NDArray[np.float64]
#: A structure and a number of components.
Cell = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Winners:
    """What a competition ended with: one mixture for each cell that has a sound start.

    Attributes
    ----------
    run : StackRun
        Of W mixtures.
    tried, reached : ndarray of shape (W,)
        Starts that each cell had, and how many of those that were run to the end came out at this optimum.
    relative_eigenvalues : ndarray of shape (K,)
        Smallest eigenvalue of each covariance in the metric of the data's.
    """

    run: StackRun
    tried: Index
    reached: Index
    relative_eigenvalues: Array

    def __len__(self) -> int:
        return len(self.run)

    @property
    def places(self) -> dict[Cell, int]:
        """Where each cell's winner stands."""
        return {cell: s for s, cell in enumerate(self.run.stack.cells)}
