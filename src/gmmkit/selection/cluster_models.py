"""The mixtures that clusters are sought among, and how they are fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table
from gmmkit.errors import GmmkitError
from gmmkit.execution import Workers
from gmmkit.inference.candidates import fit_candidates
from gmmkit.inference.fit import FitResult, FitSettings, fit
from gmmkit.inference.problem import Problem
from gmmkit.inference.starts import FromMixture, Metric, Named, Start
from gmmkit.inference.stopping import AitkenGain
from gmmkit.inference.survey import survey
from gmmkit.model.covariance import Full, family
from gmmkit.model.evaluation import likelihood
from gmmkit.model.mixture import Mixture

__all__ = [
    "HEAVY_TAILED",
    "ClusterModel",
    "Distribution",
    "FittedModel",
    "deviations",
    "fit_models",
    "in_units",
    "n_parameters",
]

Array = NDArray[np.float64]
Distribution = Literal["normal", "t"]

#: Structures whose components may be t: common or own, round, along the columns, or free.
HEAVY_TAILED = ("EII", "VII", "EEI", "VVI", "EEE", "VVV")

# Log-likelihood per unit of weight that may be left to gain: far less than BIC per row differs by.
_TOL = 1e-5
_MAX_ITER = 300
# Degrees of freedom settle slowly, and change few rows' clusters while they do.
_T_TOL, _T_MAX_ITER, _SHORT_PASSES = 1e-4, 100, 15
_METRICS: tuple[Metric, Metric] = ("raw", "pooled")
# Lines and rings are made of thin components, which do no harm once merged; rounding is seen to elsewhere.
_SMALLEST_EIGENVALUE = 0.0


@dataclass(frozen=True, slots=True)
class ClusterModel:
    """A mixture's kind.

    Attributes
    ----------
    structure : str
    n_components : int
    distribution : {"normal", "t"}
        Of the components; t: with degrees of freedom in common.
    """

    structure: str
    n_components: int
    distribution: Distribution = "normal"

    def words(self) -> str:
        """Say what it is."""
        name = "normal" if self.distribution == "normal" else "t"
        return f"{self.n_components} {self.structure} {name} component{'s' * (self.n_components > 1)}"


@dataclass(frozen=True, slots=True, eq=False)
class FittedModel:
    """A fit, and what its BIC is made of."""

    mixture: Mixture
    log_likelihood: float
    n_parameters: int


def n_parameters(model: ClusterModel, d: int) -> int:
    """Return how many parameters a model of d columns has."""
    k = model.n_components
    return k - 1 + k * d + family(model.structure).n_parameters(k, d) + (model.distribution == "t")


def fit_models(
    table: Table, models: Sequence[ClusterModel], seed: int, workers: Workers
) -> dict[ClusterModel, FittedModel]:
    """Return those of the models that can be fitted.

    Normal ones compete together. Ones of t components begin from k-means, in the units of the rows and in the metric
    of all of them, and from the normal fit, if it is among the models.
    """
    settings = FitSettings(rule=AitkenGain(_TOL), max_iter=_MAX_ITER, seed=seed)
    found: dict[ClusterModel, FittedModel] = {}
    for done in fit_candidates(
        table,
        [(model.structure, model.n_components) for model in models if model.distribution == "normal"],
        settings,
        tol=_TOL,
        smallest_eigenvalue=_SMALLEST_EIGENVALUE,
        n_random=0,
        workers=workers,
    ):
        if done.result is not None and done.likelihood is not None:
            found[ClusterModel(*done.cell)] = FittedModel(
                done.result.mixture, done.likelihood.log_likelihood, done.result.n_parameters
            )
    heavy = [model for model in models if model.distribution == "t" and model.n_components <= table.n_rows]
    surveyed = survey(table, workers) if heavy else None
    heavy_tailed = replace(settings, rule=AitkenGain(_T_TOL), max_iter=_T_MAX_ITER, degrees_of_freedom="common")
    for model in heavy:
        assert surveyed is not None
        problem = Problem(table, family(model.structure), surveyed, workers)
        k = model.n_components
        starts: list[Start] = [Named("kmeans", k, metric) for metric in _METRICS[: 1 if k == 1 else 2]]
        normal = found.get(replace(model, distribution="normal"))
        if normal is not None:
            starts.append(FromMixture(normal.mixture))
        try:
            fitted = _fitted_t(problem, starts, heavy_tailed)
        except GmmkitError:
            continue
        known = likelihood(fitted.mixture, table, n_jobs=workers.n_threads)
        found[model] = FittedModel(fitted.mixture, known.log_likelihood, fitted.n_parameters)
    return found


def _fitted_t(problem: Problem, starts: Sequence[Start], settings: FitSettings) -> FitResult:
    """Let starts compete over a few passes, and run the best on."""
    short = fit(problem, starts, replace(settings, max_iter=_SHORT_PASSES))
    done = fit(problem, [FromMixture(short.mixture)], settings)
    if done.interrupted:
        raise KeyboardInterrupt
    return done


def deviations(rows: Array, weights: Array) -> Array:
    """Return the standard deviation of each column (d,), 1 where it has none: units in which all columns are alike."""
    mean = np.average(rows, axis=0, weights=weights)
    spread = np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=weights))
    return np.where(spread > 0, spread, 1.0)


def in_units(mixture: Mixture, units: Array) -> Mixture:
    """Return a mixture of columns measured in `units` (d,) as one of the columns themselves.

    A structure that other units for each column lead out of becomes a full one.
    """
    if mixture.covariance.equivariance == "scalar" and len(units) > 1:
        mixture = replace(mixture, covariance=Full(mixture.covariance.dense()))
    return replace(mixture, means=mixture.means * units, covariance=mixture.covariance.rescaled(units))
