"""The parameters of an estimator as a model file keeps them: plain values, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from gmmkit.errors import ParameterError
from gmmkit.estimators.density import MixtureDensity
from gmmkit.estimators.factor_analyzers import MixtureOfFactorAnalyzers
from gmmkit.estimators.factor_search import MixtureOfFactorAnalyzersSearch
from gmmkit.estimators.gaussian_mixture import GaussianMixture
from gmmkit.estimators.generator import GaussianMixtureGenerator
from gmmkit.estimators.search import GaussianMixtureSearch
from gmmkit.estimators.stacked_density import GaussianMixtureDensity
from gmmkit.estimators.student_mixture import StudentMixture
from gmmkit.inference.conjugate import ConjugatePrior

__all__ = ["generator_parameters", "generator_settings", "parameters_of", "settings_of"]

# What is not a value, or belongs to the machine rather than the model.
_NOT_KEPT = ("callback", "n_jobs", "verbose", "verbose_interval")

# What may fit the mixtures of a generator.
_FITTERS: dict[str, type[MixtureDensity]] = {
    cls.__name__: cls
    for cls in (
        GaussianMixture,
        StudentMixture,
        MixtureOfFactorAnalyzers,
        GaussianMixtureDensity,
        GaussianMixtureSearch,
        MixtureOfFactorAnalyzersSearch,
    )
}


def settings_of(estimator: BaseEstimator) -> dict[str, Any]:
    """Return an estimator's parameters as plain values, without those that belong to a machine or to the rows."""
    kept = {name: value for name, value in estimator.get_params(deep=False).items() if name not in _NOT_KEPT}
    if not isinstance(estimator.random_state, (int, np.integer)):
        kept["random_state"] = None  # a generator's state is not a setting
    if isinstance(kept.get("n_components"), range):
        kept["n_components"] = list(kept["n_components"])
    if np.ndim(kept.get("noise", 0)):
        kept["noise"] = True  # flags belong to the rows
    if isinstance(kept.get("prior"), ConjugatePrior):
        kept["prior"] = asdict(kept["prior"])
    return kept


def parameters_of(settings: Mapping[str, Any], loaded: Callable[[], BaseEstimator]) -> dict[str, Any]:
    """Return those of a record's settings that an estimator has today."""
    known = loaded().get_params()
    found = {name: value for name, value in settings.items() if name in known}
    if isinstance(found.get("prior"), Mapping):
        found["prior"] = ConjugatePrior(**found["prior"])
    return found


def generator_settings(estimator: GaussianMixtureGenerator) -> dict[str, Any]:
    """Return a generator's parameters; bounds as pairs, since columns may be positions, which are no names in JSON."""
    fitter, bounds = estimator.estimator, estimator.bounds
    return {
        **settings_of(estimator),
        "estimator": None if fitter is None else {"name": _fitter_name(fitter), "settings": settings_of(fitter)},
        "bounds": None if bounds is None else [[column, list(ends)] for column, ends in bounds.items()],
    }


def generator_parameters(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that `generator_settings` was made of."""
    found = parameters_of(settings, GaussianMixtureGenerator)
    if found.get("estimator") is not None:
        fitter = _FITTERS[found["estimator"]["name"]]
        found["estimator"] = fitter(**parameters_of(found["estimator"]["settings"], fitter))
    if found.get("bounds") is not None:
        found["bounds"] = {column: tuple(ends) for column, ends in found["bounds"]}
    return found


def _fitter_name(fitter: MixtureDensity) -> str:
    found = next((name for name, cls in _FITTERS.items() if isinstance(fitter, cls)), None)
    if found is None:
        raise ParameterError(
            f"a generator whose estimator is a {type(fitter).__name__} cannot be saved; expected {', '.join(_FITTERS)}"
        )
    return found
