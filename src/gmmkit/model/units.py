"""Robust units: each column about its median, by a spread that a few values far away cannot change.

    z = (x − m) / s         |z| ≤ 100
    z = ± 100 (1 + log(|z| / 100))         beyond, so that no value is too large for a square

The spread is a one-step winsorised deviation: with a the distances from the median and c the median of those that are
not 0, ``s² = E min(a, 3c)²``, times what makes it the standard deviation of a Gaussian. A column that is mostly one
value has the spread of its other values, less the fewer they are: no share of zeros makes it jump, and a single value
of 1e9 counts as three times the others' median. (Winsorised scales: Huber & Ronchetti, Robust Statistics, 2009, 5.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["RobustUnits", "robust_units"]

Array = NDArray[np.float64]

_WINSORISED = 3.0
# √(E min(|x|, 3c)²) of a standard Gaussian, c = 0.6745 the median of |x|, is 1 / 1.0399.
_CONSISTENT = 1.0399
_FAR = 100.0
# What differs by less than this share of a column's value is rounding.
_ROUNDING = 1e-12
_LARGEST, _SMALLEST = float(np.finfo(np.float64).max), float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True, eq=False)
class RobustUnits:
    """Centres and spreads of d columns.

    Attributes
    ----------
    centre : ndarray of shape (d,)
    spread : ndarray of shape (d,)
        Above 0.

    Examples
    --------
    >>> units = RobustUnits(np.array([1.0]), np.array([2.0]))
    >>> units.into(np.array([[5.0], [1e300]])).round(-2)
    array([[    0.],
           [68600.]])
    >>> units.out_of(units.into(np.array([[5.0], [1e30]])))
    array([[5.e+00],
           [1.e+30]])
    """

    centre: Array
    spread: Array

    def into(self, rows: NDArray[np.generic]) -> Array:
        """Return rows (n, d) in these units, as float64."""
        with np.errstate(over="ignore"):
            z = (np.asarray(rows, dtype=np.float64) - self.centre) / self.spread
        far = np.abs(z) > _FAR
        if far.any():
            size = np.minimum(np.abs(z[far]), _LARGEST) / _FAR
            z[far] = np.copysign(_FAR * (1.0 + np.log(size)), z[far])
        return np.ascontiguousarray(z)

    def out_of(self, z: Array) -> Array:
        """Return values (n, d) of these units in the data's; where float64 cannot hold them, its largest number."""
        size = np.abs(z)
        with np.errstate(over="ignore"):
            linear = np.where(size <= _FAR, z, np.copysign(_FAR * np.exp(np.maximum(size / _FAR - 1.0, 0.0)), z))
            values = linear * self.spread + self.centre
        return np.clip(values, -_LARGEST, _LARGEST)


def robust_units(rows: Array) -> RobustUnits:
    """Return the units of rows (n, d).

    A column of one value has a spread that only rounding is below: any other value lies far away.

    Examples
    --------
    >>> many = np.concatenate([np.zeros(79), np.linspace(1, 2, 20), [1e9]])
    >>> robust_units(many[:, None]).spread.round(2)
    array([0.86])
    """
    with np.errstate(over="ignore"):
        centre = np.quantile(rows, 0.5, axis=0, method="lower")
        distances = np.minimum(np.abs(rows - centre), _LARGEST)
    spread = np.empty(rows.shape[1])
    for j, own in enumerate(distances.T):
        others = own[own > 0]
        typical = float(np.quantile(others, 0.5, method="lower")) if len(others) else 0.0
        if typical > 0.0:
            with np.errstate(over="ignore"):
                ratios = np.minimum(own / typical, _WINSORISED)
            typical *= _CONSISTENT * float(np.sqrt(np.mean(ratios**2)))
        spread[j] = min(max(typical, _ROUNDING * abs(centre[j]), _SMALLEST), _LARGEST)
    return RobustUnits(centre, spread)
