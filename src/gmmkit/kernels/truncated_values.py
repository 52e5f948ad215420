"""What a truncated pass is given: components, prepared for scores, and where candidates come from."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["LANES", "Components", "Search"]

Array = NDArray[np.float64]
Integers = NDArray[np.int32]

#: Columns are padded with zeros to a multiple of this.
LANES = 8
_FLOATS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """What scores need of a mixture.

    Attributes
    ----------
    constants : ndarray of shape (k,)
        Scores at the means.
    parameters : ndarray of shape (k, 1 + f, width)
        Of each component its mean, then its inverse standard deviations (f = 1) or the transpose of its whitening
        matrix, which is lower triangular (f = d); columns are padded with zeros.
    d : int
    narrow : ndarray of float32, shape (k, 2, wide), or None
        Means and inverse standard deviations, columns padded to a multiple of 16: the compiled form looks at distances
        in single precision first, and leaves out what is too far by more than their error.
    errors : ndarray of float32, shape (k,), or None
        √d δ of each component, δ how far a whitened deviation in single precision is off, but for a share of itself.
    slack : float
        Half of the error of all of them (`narrowed`).
    """

    constants: Array
    parameters: Array
    d: int
    narrow: NDArray[np.float32] | None = None
    errors: NDArray[np.float32] | None = None
    slack: float = 0.0

    @property
    def full(self) -> bool:
        """Whether components have matrices; in one column, the two forms are the same."""
        return self.parameters.shape[1] == 1 + self.d and self.d > 1

    def narrowed(self, reach: Array) -> Components:
        """Return these with `narrow`, for rows with ``|z| ≤ reach`` (d,); the same where they have matrices."""
        if self.full:
            return self
        k, d = len(self.constants), self.d
        narrow = np.zeros((k, 2, -(-d // _FLOATS) * _FLOATS), dtype=np.float32)
        with np.errstate(over="ignore"):
            narrow[:, :, :d] = self.parameters[:, :2, :d]
            kappas = ((np.abs(self.parameters[:, 0, :d]) + reach) * self.parameters[:, 1, :d]).max(axis=1)
            # Of y its own rounding and that of z, the mean and 1 / σ.
            errors = (math.sqrt(d) * 2.0**-23 * kappas).astype(np.float32)
            slack = 0.5 * d * (2.0**-23 * float(kappas.max())) ** 2 * (1.0 + 2.0**9)
            told = np.isfinite(slack) and np.isfinite(narrow).all() and np.isfinite(reach.astype(np.float32)).all()
        return replace(self, narrow=narrow, errors=errors, slack=slack) if told else self


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """Where candidates come from.

    Attributes
    ----------
    neighbours : ndarray of int32, shape (k, G)
        Of each component; −1: none.
    starts, members : ndarray of int32, shapes (m + 1,) and (l,)
        Cells of components: those of cell c are ``members[starts[c] : starts[c + 1]]``.
    n_hops : int
        Components whose neighbours are tried with a row, at most.
    beam : int
        Of how many of the best, at most C, neighbours are tried.
    n_random : int
        Components drawn for each row, by its key and this one.
    key : int
        From 0 to 2⁶⁴ − 1.
    """

    neighbours: Integers
    starts: Integers
    members: Integers
    n_hops: int
    beam: int
    n_random: int
    key: int

    def entered(self, entries: Integers | None) -> list[Integers]:
        """Return the components of the cells (n, m) of each row, −1 where there is none; nothing for no cells."""
        if entries is None:
            return []
        sizes = np.append(np.diff(self.starts), 0)
        cells = np.where((entries < 0) | (entries >= len(sizes) - 1), len(sizes) - 1, entries)
        places = np.arange(max(1, sizes.max(initial=0)))
        held = places < sizes[cells][:, :, None]
        numbers = np.where(held, self.starts[np.minimum(cells, len(self.starts) - 1)][:, :, None] + places, 0)
        found = self.members[numbers] if len(self.members) else np.zeros(numbers.shape, dtype=np.int32)
        return [np.where(held, found, np.int32(-1)).reshape(len(entries), -1)]
