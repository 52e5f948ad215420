"""How good predictions are, where what was predicted is known: errors, and whether intervals hold what they promise.

Of each row the probability that its prediction gives to values below the observed one is uniform where predictions are
as sure as they ought to be (Dawid 1984, Journal of the Royal Statistical Society A 147): how often intervals hold the
observed value follows from these alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.files import ModelRecord
from gmmkit.model.mixture import Mixture
from gmmkit.model.predictive import Predictive

__all__ = ["Predicted", "TargetErrors", "predict_rows", "targets_of_record"]

Array = NDArray[np.float64]

# Rows whose inputs are less probable than those of so many drawn from the model are unlike those that it knows.
_DRAWN = 20_000


@dataclass(frozen=True, slots=True)
class TargetErrors:
    """Errors of one target, over the rows where it is known.

    Attributes
    ----------
    n_rows : int
    root_mean_square, mean_absolute : float
        Of the mean as a prediction, in the target's units.
    explained : float
        R²: one less the sum of squares over that about the mean of these rows. Below 0: worse than that mean; NaN where
        all rows have one value.
    """

    n_rows: int
    root_mean_square: float
    mean_absolute: float
    explained: float


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """Predictions of rows.

    Attributes
    ----------
    means, deviations : ndarray of shape (n, q)
    intervals : ndarray of shape (n, q, 2)
        Central ones that hold 90 %.
    observed : ndarray of shape (n, q)
        NaN where unknown.
    below : ndarray of shape (n, q)
        The probability that predictions give to values below the observed; NaN where unknown.
    rare : ndarray of shape (n,)
        Which rows have inputs that are less probable than those of any of 20,000 rows drawn from the model.
    """

    means: Array
    deviations: Array
    intervals: Array
    observed: Array
    below: Array
    rare: NDArray[np.bool_]

    def errors(self, target: int) -> TargetErrors | None:
        """Return the errors of a target; None where it is known of no row."""
        known = ~np.isnan(self.observed[:, target])
        if not known.any():
            return None
        y, off = self.observed[known, target], self.observed[known, target] - self.means[known, target]
        spread = float(((y - y.mean()) ** 2).sum())
        return TargetErrors(
            int(known.sum()),
            float(np.sqrt((off**2).mean())),
            float(np.abs(off).mean()),
            1.0 - float((off**2).sum()) / spread if spread > 0 else float("nan"),
        )

    def coverage(self, target: int, probability: float) -> float:
        """Return the share of known values that lie in their central intervals of a probability."""
        below = self.below[~np.isnan(self.below[:, target]), target]
        return float((np.abs(below - 0.5) <= 0.5 * probability).mean())


def targets_of_record(record: ModelRecord) -> list[int] | None:
    """Return the columns that a regressor predicts, the last of its mixture; None of another model."""
    regression, d = record.fit.get("regression"), record.mixture.n_features
    q = regression.get("n_targets") if isinstance(regression, dict) else None
    return list(range(d - q, d)) if isinstance(q, int) and 0 < q < d else None


def predict_rows(joint: Mixture, inputs: Array, observed: Sequence[Array | None]) -> Predicted:
    """Predict the last columns of a joint mixture from the first, and look at what was observed.

    Parameters
    ----------
    joint : Mixture
        Of the inputs, then the q targets.
    inputs : ndarray of shape (n, d − q)
        NaN where a value is missing.
    observed : sequence of q arrays of shape (n,), or None
        Of each target, NaN where unknown.

    Returns
    -------
    Predicted

    Examples
    --------
    >>> from gmmkit.model.covariance import Full
    >>> joint = Mixture([1.0], [[0.0, 0.0]], Full([[[1.0, 0.8], [0.8, 1.0]]]))
    >>> found = predict_rows(joint, np.array([[1.0], [9.0]]), [np.array([0.8, np.nan])])
    >>> found.below[:, 0].round(2).tolist(), found.rare.tolist()
    ([0.5, nan], [False, True])
    """
    n, q = len(inputs), len(observed)
    d = joint.n_features - q
    found = Predictive(joint, range(d, d + q), inputs)
    values = np.column_stack([np.full(n, np.nan) if own is None else own for own in observed])
    below = np.full((n, q), np.nan)
    known = ~np.isnan(values)
    if known.any():
        # Where a value is unknown, any will do: its probability is not kept.
        below = np.where(known, found.cdf(np.where(known, values, found.mean())), np.nan)
    rare = np.zeros(n, dtype=bool)
    whole = ~np.isnan(inputs).any(axis=1)
    if whole.any():
        alone = joint.marginal(range(d))
        usual = alone.log_density(alone.sample(_DRAWN, seed=0)[0])
        rare[whole] = alone.log_density(inputs[whole]) < usual.min()
    deviations = np.sqrt(np.diagonal(found.covariance_matrices(), axis1=1, axis2=2))
    return Predicted(found.mean(), deviations, found.interval(0.9), values, below, rare)
