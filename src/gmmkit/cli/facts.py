"""What is known of a model, as plain values: for JSON, and for the words made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gmmkit.cli.classes import classes_of_model
from gmmkit.cli.models import targets_of
from gmmkit.selection.doubts import Doubts, doubts_of, evidence

if TYPE_CHECKING:
    from gmmkit.files import ModelRecord
    from gmmkit.model.covariance.base import Covariance

__all__ = ["facts_of", "warnings_of"]


def facts_of(record: ModelRecord) -> dict[str, Any]:
    """Return everything about a model that can be told without its data."""
    import numpy as np

    from gmmkit.model.separation import separation

    mixture, fit = record.mixture, record.fit
    doubts = doubts_of(record)
    distances = separation(mixture)
    np.fill_diagonal(distances, np.inf)
    standard_deviations = np.sqrt(mixture.covariance.variances())
    effective = fit.get("effective_rows")
    degrees = mixture.degrees_of_freedom
    components = []
    for j in range(mixture.n_components):
        alone = mixture.n_components == 1
        components.append(
            {
                "component": j,
                "weight": float(mixture.weights[j]),
                "degrees_of_freedom": None if degrees is None else float(degrees[j]),
                "effective_rows": effective[j] if isinstance(effective, list) and j < len(effective) else None,
                "mean": mixture.means[j].tolist(),
                "standard_deviation": standard_deviations[j].tolist(),
                "nearest_component": None if alone else int(distances[j].argmin()),
                "separation": None if alone else float(distances[j].min()),
            }
        )
    return {
        "n_components": mixture.n_components,
        "covariance_type": record.structure,
        "fitted_structure": _fitted_structure(record),
        **_factors(mixture.covariance),
        "n_features": mixture.n_features,
        "n_parameters": fit.get("n_parameters", mixture.n_parameters),
        "feature_names": record.feature_names,
        "targets": targets_of(record),
        "components": components,
        "degrees_of_freedom": None if degrees is None else degrees.tolist(),
        "noise_weight": None if mixture.noise is None else float(mixture.noise.weight),
        "covariances": mixture.covariances.tolist(),
        **{name: fit.get(name) for name in _OF_FIT},
        "evidence": _evidence(record, doubts),
        "warnings": warnings_of(record, doubts),
        **{name: fit.get(name) for name in _ANSWERS},
        "classification": classes_of_model(record),
        "search": record.table,
        "settings": record.settings,
        "provenance": record.provenance,
        "library_version": record.library_version,
    }


_ANSWERS = ("labels", "merging", "clusters", "information", "bootstrap", "likelihood_ratio")
_OF_FIT = (
    "n_rows",
    "total_weight",
    "log_likelihood",
    "bic",
    "aic",
    "icl",
    "sabic",
    "mml",
    "criterion",
    "margin",
    "spurious",
    "interrupted",
    "converged",
    "reason",
    "n_iter",
    "starts_tried",
    "held_out",
    "held_out_error",
    "members",
)


def _fitted_structure(record: ModelRecord) -> str:
    """Return the structure that was fitted: of clusters, to columns of one scale, whose own may not keep it."""
    candidates = record.fit.get("candidates")
    if isinstance(candidates, list) and candidates and isinstance(candidates[0], dict):
        return str(candidates[0].get("covariance_type", record.structure))
    return record.structure


def _factors(covariance: Covariance) -> dict[str, Any]:
    """Return how many factors a low-rank covariance has, and what its noise is called; None of any other."""
    from gmmkit.inference.factor_fit import factors_of

    n_factors, noise = factors_of(covariance) or (None, None)
    return {"n_factors": n_factors, "noise": noise}


def warnings_of(record: ModelRecord, doubts: Doubts) -> list[str]:
    """Return what there is to beware of, a sentence each."""
    from gmmkit.inference.fit import FitResult
    from gmmkit.inference.repairs import describe

    notes = record.fit.get("notes")
    found = [*doubts.sentences, *(map(str, notes) if isinstance(notes, list) else ())]
    try:
        repairs = FitResult.from_record(record.mixture, record.fit).repairs
    except (KeyError, TypeError, ValueError):
        # A record of another program, or none.
        return found
    names = None if record.feature_names is None else tuple(record.feature_names)
    return [*([describe(repairs, names)] if repairs else []), *found]


def _evidence(record: ModelRecord, doubts: Doubts) -> str | None:
    """Return what the margin in BIC is called, where it is evidence."""
    margin = record.fit.get("margin")
    if not record.table or doubts.few_rows or record.fit.get("criterion", "bic") != "bic":
        return None
    return evidence(margin) if isinstance(margin, (int, float)) else None
