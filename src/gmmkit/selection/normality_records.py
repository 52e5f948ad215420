"""What a model file holds of an outlier detector, and the detector's model made of it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.files import ModelRecord
from gmmkit.files.record import DETECTOR
from gmmkit.model.column_mixtures import ColumnMixtures
from gmmkit.model.normality import Normality
from gmmkit.model.units import RobustUnits

__all__ = ["normality_of_record", "record_of_normality"]


def record_of_normality(
    normality: Normality,
    reference: NDArray[np.float64],
    offset: float,
    clean: bool,
    settings: Mapping[str, Any],
    *,
    feature_names: Sequence[str] | None = None,
    provenance: Mapping[str, str] | None = None,
) -> ModelRecord:
    """Return what a model file holds of a detector: its joint mixture, and beside it units, columns and scores.

    Parameters
    ----------
    normality : Normality
    reference : ndarray of shape (r,)
        Scores out of sample, sorted.
    offset : float
        The score below which rows are outliers.
    clean : bool
        Whether the fitted rows were.
    settings : mapping
        The detector's parameters.
    feature_names : sequence of str, optional
    provenance : mapping of str to str, optional
        Where the rows came from.
    """
    units, columns = normality.units, normality.columns
    return ModelRecord(
        normality.joint,
        feature_names=feature_names,
        estimator=DETECTOR,
        settings=settings,
        fit={
            "units": {"centre": units.centre, "spread": units.spread},
            "columns": {
                "weights": columns.weights,
                "means": columns.means,
                "variances": columns.variances,
                "degrees_of_freedom": columns.degrees_of_freedom,
            },
            "reference": reference,
            "offset": offset,
            "clean": clean,
        },
        provenance=provenance or {},
    )


def normality_of_record(record: ModelRecord) -> tuple[Normality, NDArray[np.float64], float, bool]:
    """Return what `record_of_normality` was made of: normality, reference, offset and whether rows were clean.

    Raises
    ------
    LookupError, TypeError, ValueError
        If the record is incomplete, or its numbers mean nothing.
    """
    d, fit = record.mixture.n_features, record.fit
    if record.mixture.degrees_of_freedom is None:
        raise ValueError("its components have no degrees of freedom")
    units = RobustUnits(*(_numbers(fit["units"], name, d) for name in ("centre", "spread")))
    weights, means, variances = (_numbers(fit["columns"], name, d, None) for name in ("weights", "means", "variances"))
    degrees = float(fit["columns"]["degrees_of_freedom"])
    same = weights.shape == means.shape == variances.shape
    if not (same and (units.spread > 0).all() and (variances > 0).all() and (weights >= 0).all() and degrees > 0):
        raise ValueError("its units or columns mean nothing")
    if not np.allclose(weights.sum(axis=1), 1.0):
        raise ValueError("weights of its columns do not sum to 1")
    reference = _numbers(fit, "reference", None)
    if not (len(reference) and (np.diff(reference) >= 0).all()):
        raise ValueError("its reference scores are not sorted, or there are none")
    offset = float(fit["offset"])
    if not offset < np.inf:  # −∞ is below every row
        raise ValueError(f"its offset is {offset}")
    clean = fit["clean"]
    if not isinstance(clean, bool):
        raise TypeError(f"whether its rows were clean is {clean!r}")
    columns = ColumnMixtures(weights, means, variances, degrees)
    return Normality(units, record.mixture, columns), reference, offset, clean


def _numbers(values: Mapping[str, Any], name: str, *shape: int | None) -> NDArray[np.float64]:
    """Return a list of a record as an array of finite numbers whose sides, where given, are as expected."""
    array = np.array(values[name], dtype=np.float64)
    fits = array.ndim == len(shape) and all(side in (None, own) for own, side in zip(array.shape, shape, strict=True))
    if not (fits and np.isfinite(array).all()):
        raise ValueError(f"its {name} are not as many finite numbers as they should be")
    return array
