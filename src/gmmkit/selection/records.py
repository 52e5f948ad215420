"""What is kept of a fit, a search or clusters: the one record of it, whoever asks.

The command line knows the rows and what was asked for, an estimator its parameters; each adds what it knows to what
follows from the fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.files import ModelRecord
from gmmkit.files.record import DETECTOR
from gmmkit.inference.fit import FitResult
from gmmkit.model.column_mixtures import ColumnMixtures
from gmmkit.model.evaluation import Likelihood
from gmmkit.model.normality import Normality
from gmmkit.model.units import RobustUnits
from gmmkit.selection.cluster_choice import ClusterCandidate, ClusterResult
from gmmkit.selection.criteria import CRITERIA, Fitted
from gmmkit.selection.merge_tree import MergeTree
from gmmkit.selection.misclassification import clusters_after
from gmmkit.selection.ranking import SearchResult

__all__ = [
    "CLUSTERER",
    "clusters_of_record",
    "normality_of_record",
    "record_of_clusters",
    "record_of_fit",
    "record_of_normality",
]

#: The class that finds clusters from Python.
CLUSTERER = "MixtureClusterer"

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def record_of_fit(
    result: FitResult,
    estimator: str,
    settings: Mapping[str, Any],
    *,
    likelihood: Likelihood | None = None,
    found: SearchResult | None = None,
    feature_names: Sequence[str] | None = None,
    dtype: str = "float64",
    known: Mapping[str, Any] = _NOTHING,
    provenance: Mapping[str, str] = _NOTHING,
) -> ModelRecord:
    """Return what a model file or a report holds of a finished fit, or of the best of a search.

    Parameters
    ----------
    result : FitResult
    estimator : str
        The class that makes it from Python.
    settings : mapping
        That class's parameters.
    likelihood : Likelihood, optional
        Of the rows, from which the criteria follow.
    found : SearchResult, optional
        The search that `result` is the best of.
    feature_names : sequence of str, optional
    dtype : str
        Of the attributes and answers of an estimator that is made of the record.
    known : mapping
        What else is known of the fit.
    provenance : mapping of str to str
    """
    fit: dict[str, Any] = {
        **result.as_record(),
        "dtype": dtype,
        "converged": result.converged,
        "n_iter": len(result.objectives),
    }
    if likelihood is not None:
        fitted = Fitted(likelihood, result.mixture, result.n_parameters)
        fit |= {"log_likelihood": likelihood.log_likelihood}
        fit |= {name: criterion(fitted) for name, criterion in CRITERIA.items()}
    if found is not None:
        fit |= {"criterion": found.criterion, "margin": found.margin, "spurious": found.best.spurious}
        fit["interrupted"] = found.interrupted
    return ModelRecord(
        result.mixture,
        feature_names=feature_names,
        estimator=estimator,
        settings=settings,
        fit={**fit, **known},
        table=None if found is None else [candidate.as_row() for candidate in found.candidates],
        provenance=provenance,
    )


def record_of_clusters(
    found: ClusterResult,
    settings: Mapping[str, Any],
    *,
    feature_names: Sequence[str] | None = None,
    known: Mapping[str, Any] = _NOTHING,
    provenance: Mapping[str, str] = _NOTHING,
) -> ModelRecord:
    """Return what a model file or a report holds of clusters: the mixture, its tree, and what competed.

    Parameters
    ----------
    found : ClusterResult
    settings : mapping
        The clusterer's parameters.
    feature_names : sequence of str, optional
    known : mapping
        What else is known of the clusters.
    provenance : mapping of str to str
    """
    return ModelRecord(
        found.mixture,
        feature_names=feature_names,
        estimator=CLUSTERER,
        settings=settings,
        fit={
            "reason": found.reason,
            "candidates": [candidate.as_row() for candidate in found.candidates],
            "merging": found.tree.as_record(),
            "n_parameters": found.candidates[0].n_parameters,
            **known,
        },
        provenance=provenance,
    )


def clusters_of_record(record: ModelRecord) -> ClusterResult:
    """Return the clusters that `record_of_clusters` was made of.

    Raises
    ------
    LookupError, TypeError, ValueError
        If the record is incomplete.
    """
    mixture = record.mixture
    tree = MergeTree.from_record(mixture, record.fit["merging"], record.feature_names)
    clusters = clusters_after(tree.merges, mixture.n_components, tree.proposed)
    candidates = tuple(ClusterCandidate.from_row(row, tree.proposed) for row in record.fit["candidates"])
    found = ClusterResult(mixture, clusters, tree, candidates, str(record.fit["reason"]))
    if found.n_clusters != tree.proposed:
        raise ValueError(f"its tree leads to {found.n_clusters} clusters, not to {tree.proposed}")
    return found


def record_of_normality(
    normality: Normality,
    reference: NDArray[np.float64],
    offset: float,
    settings: Mapping[str, Any],
    *,
    feature_names: Sequence[str] | None = None,
) -> ModelRecord:
    """Return what a model file holds of a detector: its joint mixture, and beside it units, columns and scores.

    Parameters
    ----------
    normality : Normality
    reference : ndarray of shape (r,)
        Scores out of sample, sorted.
    offset : float
        The score below which rows are outliers.
    settings : mapping
        The detector's parameters.
    feature_names : sequence of str, optional
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
        },
    )


def normality_of_record(record: ModelRecord) -> tuple[Normality, NDArray[np.float64], float]:
    """Return what `record_of_normality` was made of: normality, reference and offset.

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
    if not np.isfinite(offset):
        raise ValueError(f"its offset is {offset}")
    return Normality(units, record.mixture, ColumnMixtures(weights, means, variances, degrees)), reference, offset


def _numbers(values: Mapping[str, Any], name: str, *shape: int | None) -> NDArray[np.float64]:
    """Return a list of a record as an array of finite numbers whose sides, where given, are as expected."""
    array = np.array(values[name], dtype=np.float64)
    fits = array.ndim == len(shape) and all(side in (None, own) for own, side in zip(array.shape, shape, strict=True))
    if not (fits and np.isfinite(array).all()):
        raise ValueError(f"its {name} are not as many finite numbers as they should be")
    return array
