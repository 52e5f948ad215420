"""What is kept of a fit or a search: the one record of it, whoever asks.

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
from gmmkit.selection.criteria import CRITERIA, Fitted
from gmmkit.selection.ranking import SearchResult

__all__ = ["record_of_fit"]

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
