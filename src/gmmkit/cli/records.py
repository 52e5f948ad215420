"""What the command line adds to the record of a fit: settings from the options, rows, labels, where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gmmkit.cli.asked import Asked
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord
    from gmmkit.inference.fit import FitResult
    from gmmkit.model.evaluation import Likelihood
    from gmmkit.model.mixture import Mixture
    from gmmkit.selection.ranking import SearchResult

__all__ = ["agreement_of", "record_of", "settings_of"]


def record_of(
    table: Table,
    asked: Asked,
    result: FitResult,
    likelihood: Likelihood,
    found: SearchResult | None,
    notes: Sequence[str],
    provenance: Mapping[str, str],
) -> ModelRecord:
    """Return the record of a finished fit, or of the best of a search."""
    from gmmkit.selection.records import record_of_fit

    known: dict[str, Any] = {"n_rows": table.n_rows, **({"notes": list(notes)} if notes else {})}
    labels = agreement_of(table, result.mixture)
    return record_of_fit(
        result,
        asked.kind,
        settings_of(asked, result.mixture, None if found is None else found.best.covariance_type),
        likelihood=likelihood,
        found=found,
        feature_names=table.names,
        known={**known, **({} if labels is None else {"labels": labels})},
        provenance={"source": table.origin, **provenance},
    )


def settings_of(asked: Asked, mixture: Mixture, structure: str | None = None) -> dict[str, Any]:
    """Return the settings as the parameters of GaussianMixture or StudentMixture.

    The structure has the name it was asked for by: that of the only one, or `structure`, the winner's.
    """
    given = asked.structures[0] if asked.is_one_fit and asked.structures is not None else structure
    settings = {
        "n_components": mixture.n_components,
        "covariance_type": given or mixture.covariance_type,
        "tol": asked.option("tol"),
        "reg_covar": asked.reg_covar,
        "max_iter": asked.option("max_iter"),
        "n_init": asked.option("n_init"),
        "init_params": asked.init,
        "random_state": asked.seed,
        "prior": asked.prior,
        "equal_weights": asked.equal_weights,
        "noise": True if asked.noise else None,
        "noise_volume": asked.noise_volume,
        "acceleration": asked.acceleration,
        "warm_up": asked.warm_up,
        "n_init_stop": asked.n_init_stop,
    }
    if asked.criterion == "held_out" and not asked.is_one_fit:
        settings["folds"] = asked.folds
    if asked.min_eigenvalue is not None:
        settings["min_eigenvalue"] = asked.min_eigenvalue
    if asked.truncation is not None:
        settings["truncation"] = asked.truncation
    if asked.degrees_of_freedom is not None:
        settings["degrees_of_freedom"] = asked.degrees_of_freedom
    return settings


def agreement_of(
    table: Table, mixture: Mixture, groups: Sequence[Sequence[int]] | None = None
) -> dict[str, Any] | None:
    """Return how clusters, of one component each or of groups, agree with a table's labels; None without labels."""
    from gmmkit.selection.agreement import adjusted_rand_index, cross_table

    if table.labels is None:
        return None
    counts = cross_table(mixture, table, groups)
    return {
        "names": list(table.labels.names),
        "counts": counts.tolist(),
        "adjusted_rand_index": adjusted_rand_index(counts),
    }
