"""What is kept of a fit: the model file's record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gmmkit.cli.fitting import Asked
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord
    from gmmkit.inference.fit import FitResult
    from gmmkit.model.evaluation import Likelihood
    from gmmkit.model.mixture import Mixture
    from gmmkit.selection.search import SearchResult

__all__ = ["record_of", "settings_of"]


def record_of(
    table: Table,
    asked: Asked,
    result: FitResult,
    likelihood: Likelihood,
    found: SearchResult | None,
    provenance: Mapping[str, str],
) -> ModelRecord:
    """Return the record of a finished fit, or of the best of a search."""
    from gmmkit.files import ModelRecord
    from gmmkit.selection.criteria import CRITERIA, Fitted

    mixture = result.mixture
    fitted = Fitted(likelihood, mixture, result.n_parameters)
    fit: dict[str, Any] = {
        **result.as_record(),
        "dtype": "float64",
        "converged": result.converged,
        "n_iter": len(result.objectives),
        "n_rows": table.n_rows,
        "log_likelihood": likelihood.log_likelihood,
        **{name: criterion(fitted) for name, criterion in CRITERIA.items()},
    }
    if found is not None:
        fit |= {"criterion": found.criterion, "margin": found.margin, "spurious": found.best.spurious}
        fit["interrupted"] = found.interrupted
    if table.labels is not None:
        fit["labels"] = _agreement(table, mixture)
    return ModelRecord(
        mixture,
        feature_names=table.names,
        settings=settings_of(asked, mixture),
        fit=fit,
        table=None if found is None else [candidate.as_row() for candidate in found.candidates],
        provenance={"source": table.origin, **provenance},
    )


def settings_of(asked: Asked, mixture: Mixture) -> dict[str, Any]:
    """Return the settings as GaussianMixture's parameters."""
    return {
        "n_components": mixture.n_components,
        "covariance_type": mixture.covariance_type,
        "tol": asked.option("tol"),
        "reg_covar": asked.reg_covar,
        "max_iter": asked.option("max_iter"),
        "n_init": asked.option("n_init"),
        "init_params": asked.init,
        "random_state": asked.seed,
    }


def _agreement(table: Table, mixture: Mixture) -> dict[str, Any]:
    from gmmkit.selection.agreement import adjusted_rand_index, cross_table

    assert table.labels is not None
    counts = cross_table(mixture, table)
    return {
        "names": list(table.labels.names),
        "counts": counts.tolist(),
        "adjusted_rand_index": adjusted_rand_index(counts),
    }
