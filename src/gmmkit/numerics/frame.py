"""The frame rows are read in: ``z = (x − shift) · scale``.

The shift takes away a common offset before any square is formed; the scale is a power of two, so that
multiplying by it is exact and the only thing it changes is that squares neither overflow nor vanish.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.numerics.lazy import lazy

__all__ = ["Frame", "power_of_two"]

Array = NDArray[np.float64]


def power_of_two(spread: Array) -> Array:
    """Return the powers of two that bring `spread` near 1; 1 where the spread is 0.

    Examples
    --------
    >>> power_of_two(np.array([5.0, 0.0, 1e-3]))
    array([2.500e-01, 1.000e+00, 1.024e+03])
    """
    _, exponent = np.frexp(spread)
    # 2**±1000 keeps the scale, its square's exponent and its inverse inside float64 for any finite spread.
    found: Array = np.ldexp(1.0, np.minimum(np.maximum(1 - exponent, -1000), 1000) * (spread > 0))
    return found


@dataclass(frozen=True)
class Frame:
    """An exact change of origin and unit.

    Parameters
    ----------
    shift : ndarray of shape (d,)
        Origin, in the data's units.
    scale : ndarray of shape (d,)
        Powers of two, in 1 / the data's units.
    """

    shift: Array
    scale: Array

    @property
    def n_columns(self) -> int:
        """Number of columns, d."""
        return len(self.shift)

    def read(self, rows: NDArray[np.generic], out: Array) -> Array:
        """Write the rows (B, d), of any real dtype, into `out` (d, B) as float64 in this frame."""
        with np.errstate(over="ignore"):
            # A float64 loop whatever the rows are: uint8 pixels must not wrap around, float16 must not overflow.
            np.subtract(rows.T, self.shift[:, None], out=out, dtype=np.float64, casting="unsafe")
            out *= self.scale[:, None]
        return out

    def points_in(self, points: Array) -> Array:
        """Map points (…, d) into the frame."""
        return (points - self.shift) * self.scale

    def points_out(self, points: Array) -> Array:
        """Map points (…, d) of the frame back to the data's units."""
        return points / self.scale + self.shift

    @lazy
    def log_volume(self) -> float:
        """Log-density in the data's units minus log-density in the frame: Σ log scale."""
        return float(np.log(self.scale).sum())
