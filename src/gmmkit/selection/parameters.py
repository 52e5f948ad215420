"""Weights, means and covariances as arrays: what standard errors, biases and intervals are given of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.model.mixture import Mixture

__all__ = ["Parameters", "column_names", "tabulated"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """A value for each weight, mean and covariance of k components in d columns, in the data's units.

    Attributes
    ----------
    weights : ndarray of shape (..., k)
    means : ndarray of shape (..., k, d)
    covariances : ndarray of shape (..., k, d, d)
        Written out as matrices, whatever the family.

    Examples
    --------
    >>> mixture = Mixture.from_arrays([0.5, 0.5], [[0.0], [4.0]], [1.0, 2.0], covariance_type="spherical")
    >>> Parameters.of(mixture).covariances.ravel()
    array([1., 2.])
    """

    weights: Array
    means: Array
    covariances: Array

    @classmethod
    def of(cls, mixture: Mixture) -> Parameters:
        """Return a mixture's parameters."""
        return cls(mixture.weights, mixture.means, mixture.covariance.dense())

    @classmethod
    def stacked(cls, mixtures: Sequence[Mixture]) -> Parameters:
        """Return the parameters of several mixtures of one size, along a first axis."""
        return cls(
            np.stack([mixture.weights for mixture in mixtures]),
            np.stack([mixture.means for mixture in mixtures]),
            np.stack([mixture.covariance.dense() for mixture in mixtures]),
        )

    def map(self, function: Callable[..., Any], *others: Parameters) -> Parameters:
        """Return a function of the weights, of the means and of the covariances, here and in `others`."""
        return Parameters(
            np.asarray(function(self.weights, *(other.weights for other in others))),
            np.asarray(function(self.means, *(other.means for other in others))),
            np.asarray(function(self.covariances, *(other.covariances for other in others))),
        )


def column_names(names: Sequence[str] | None, d: int) -> tuple[str, ...]:
    """Return names for d columns: those known, or their numbers."""
    return tuple(names) if names is not None else tuple(str(j) for j in range(d))


def tabulated(names: Sequence[str], columns: dict[str, Parameters]) -> list[dict[str, Any]]:
    """Return a row for each weight, mean and covariance (i ≤ j), with what `columns` say of it.

    Rows have the keys "parameter" (weight, mean or covariance), "component" (from 0), "column" and "other" (names of
    columns, "" where there is none), and those of `columns`.
    """
    first = next(iter(columns.values()))
    k, d = first.means.shape

    def row(parameter: str, component: int, column: str, other: str, at: tuple[int, ...]) -> dict[str, Any]:
        values = {key: float(getattr(value, f"{parameter}s")[at]) for key, value in columns.items()}
        return {"parameter": parameter, "component": component, "column": column, "other": other, **values}

    rows = [row("weight", c, "", "", (c,)) for c in range(k)]
    rows += [row("mean", c, names[i], "", (c, i)) for c in range(k) for i in range(d)]
    rows += [
        row("covariance", c, names[i], names[j], (c, i, j)) for c in range(k) for i in range(d) for j in range(i, d)
    ]
    return rows
