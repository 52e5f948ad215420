"""What is kept of a fit, a search or clusters: the one record of it, whoever asks.

The command line knows the rows and what was asked for, an estimator its parameters; each adds what it knows to what
follows from the fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gmmkit.files import ModelRecord
from gmmkit.inference.fit import FitResult
from gmmkit.model.evaluation import Likelihood
from gmmkit.selection.cluster_choice import ClusterCandidate, ClusterResult
from gmmkit.selection.criteria import CRITERIA, Fitted
from gmmkit.selection.held_out import HeldOut
from gmmkit.selection.merge_tree import MergeTree
from gmmkit.selection.misclassification import clusters_after
from gmmkit.selection.ranking import SearchResult
from gmmkit.selection.stacking import Member, StackedDensity

__all__ = [
    "CLUSTERER",
    "DENSITY",
    "clusters_of_record",
    "density_of_record",
    "record_of_clusters",
    "record_of_density",
    "record_of_fit",
]

#: The classes that find clusters, and densities, from Python.
CLUSTERER, DENSITY = "MixtureClusterer", "GaussianMixtureDensity"

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


def record_of_density(
    found: StackedDensity,
    settings: Mapping[str, Any],
    *,
    feature_names: Sequence[str] | None = None,
    known: Mapping[str, Any] = _NOTHING,
    provenance: Mapping[str, str] = _NOTHING,
) -> ModelRecord:
    """Return what a model file holds of a density: the mixture, and what it is an average of.

    Parameters
    ----------
    found : StackedDensity
    settings : mapping
        The parameters of the estimator.
    feature_names : sequence of str, optional
    known : mapping
        What else is known of the density.
    provenance : mapping of str to str
    """
    return ModelRecord(
        found.mixture,
        feature_names=feature_names,
        estimator=DENSITY,
        settings=settings,
        fit={
            "held_out": found.held_out.log_density,
            "held_out_error": found.held_out.standard_error,
            "held_out_weight": found.held_out.total_weight,
            "members": [member.as_row() for member in found.members],
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


def density_of_record(record: ModelRecord) -> StackedDensity:
    """Return the density that `record_of_density` was made of.

    Raises
    ------
    LookupError, TypeError, ValueError
        If the record is incomplete.
    """
    fit = record.fit
    held_out = HeldOut(*(float(fit[name]) for name in ("held_out", "held_out_error", "held_out_weight")))
    return StackedDensity(record.mixture, tuple(Member(**row) for row in fit["members"]), held_out)
