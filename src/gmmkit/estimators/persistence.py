"""Save fitted estimators to model files and load them back: thin on `gmmkit.files`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator, clone

from gmmkit.errors import ModelFormatError, ParameterError
from gmmkit.estimators.classifier import GaussianMixtureClassifier
from gmmkit.estimators.clusterer import MixtureClusterer
from gmmkit.estimators.em_mixture import EMMixture
from gmmkit.estimators.factor_analyzers import MixtureOfFactorAnalyzers
from gmmkit.estimators.factor_search import MixtureOfFactorAnalyzersSearch
from gmmkit.estimators.gaussian_mixture import GaussianMixture
from gmmkit.estimators.generator import GaussianMixtureGenerator
from gmmkit.estimators.outlier_detector import GaussianMixtureOutlierDetector
from gmmkit.estimators.regressor import GaussianMixtureRegressor
from gmmkit.estimators.search import GaussianMixtureSearch
from gmmkit.estimators.settings import generator_parameters, generator_settings, parameters_of, settings_of
from gmmkit.estimators.stacked_density import GaussianMixtureDensity
from gmmkit.estimators.student_mixture import StudentMixture
from gmmkit.files import ModelRecord, read_model, write_model
from gmmkit.files.record import DETECTOR, GENERATOR, REGRESSOR
from gmmkit.inference.fit import FitResult
from gmmkit.selection.class_choice import ClassChoice
from gmmkit.selection.class_records import CLASSIFIER, classes_of_record, record_of_classes
from gmmkit.selection.cluster_choice import ClusterResult
from gmmkit.selection.generator_records import generator_of_record, record_of_generator
from gmmkit.selection.normality_records import normality_of_record, record_of_normality
from gmmkit.selection.ranking import SearchResult
from gmmkit.selection.records import (
    CLUSTERER,
    DENSITY,
    clusters_of_record,
    density_of_record,
    record_of_clusters,
    record_of_density,
    record_of_fit,
)
from gmmkit.selection.stacking import StackedDensity

__all__ = ["load", "record_of", "save"]

Fitted: TypeAlias = EMMixture | MixtureOfFactorAnalyzers
Loaded: TypeAlias = (
    Fitted
    | MixtureClusterer
    | GaussianMixtureClassifier
    | GaussianMixtureDensity
    | GaussianMixtureGenerator
    | GaussianMixtureOutlierDetector
    | GaussianMixtureRegressor
)
Savable: TypeAlias = Loaded | GaussianMixtureSearch | MixtureOfFactorAnalyzersSearch
_CLASSES: dict[str, type[Fitted]] = {
    cls.__name__: cls for cls in (GaussianMixture, StudentMixture, MixtureOfFactorAnalyzers)
}


def save(estimator: Savable, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator to a `.gmm` file, atomically.

    Parameters
    ----------
    estimator : GaussianMixture, StudentMixture, or another fitted estimator of gmmkit
        Of a search, the winner is written, with the whole table beside it. What belongs to the rows, as the labels of a
        clusterer or the p-values of a detector, is not.
    path : path-like

    Raises
    ------
    ParameterError
        If the estimator is of another class.
    OSError
        If the file cannot be written; a file that was there is left as it was.

    Examples
    --------
    >>> import tempfile, gmmkit
    >>> gm = gmmkit.GaussianMixture(covariance_type="diag").fit([[0.0], [1.0], [2.0], [3.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     gmmkit.save(gm, f"{folder}/model.gmm")
    ...     gmmkit.load(f"{folder}/model.gmm").means_
    array([[1.5]])
    """
    write_model(record_of(estimator), path)


def record_of(estimator: Savable) -> ModelRecord:
    """Return what a model file or a report holds of a fitted estimator."""
    found: SearchResult | None = None
    settings: dict[str, Any] = {}
    if isinstance(estimator, MixtureClusterer):
        clusters: ClusterResult = _result_of(estimator, "cluster_result_")
        return record_of_clusters(clusters, settings_of(estimator), feature_names=_names(estimator))
    if isinstance(estimator, GaussianMixtureRegressor):
        return _record_of_regression(estimator)
    if isinstance(estimator, GaussianMixtureDensity):
        density: StackedDensity = _result_of(estimator, "density_result_")
        return record_of_density(density, settings_of(estimator), feature_names=_names(estimator))
    if isinstance(estimator, GaussianMixtureClassifier):
        choice: ClassChoice = _result_of(estimator, "class_choice_")
        labels = estimator.classes_.tolist()
        return record_of_classes(choice, labels, settings_of(estimator), feature_names=_names(estimator))
    if isinstance(estimator, GaussianMixtureGenerator):
        drawn_from, classes = _result_of(estimator, "synthesizer_"), estimator.classes_
        return record_of_generator(
            drawn_from,
            None if classes is None else classes.tolist(),
            generator_settings(estimator),
            feature_names=_names(estimator),
        )
    if isinstance(estimator, GaussianMixtureOutlierDetector):
        normality, names = _result_of(estimator, "normality_"), _names(estimator)
        return record_of_normality(
            normality,
            estimator.reference_scores_,
            estimator.offset_,
            estimator.novelty_,
            settings_of(estimator),
            feature_names=names,
        )
    if isinstance(estimator, GaussianMixtureSearch):
        found = _result_of(estimator, "search_result_")
        settings = {"n_init": estimator.n_init, "min_eigenvalue": estimator.min_eigenvalue}
        if estimator.criterion == "held_out":
            settings["folds"] = estimator.folds
        estimator = estimator.best_estimator_
    if isinstance(estimator, MixtureOfFactorAnalyzersSearch):
        found = _result_of(estimator, "search_result_")
        estimator = estimator.best_estimator_
    if not isinstance(estimator, EMMixture | MixtureOfFactorAnalyzers):
        expected = ", ".join((*_CLASSES, *_MAKERS, GaussianMixtureSearch.__name__))
        raise ParameterError(f"expected one of {expected}, but got {type(estimator).__name__}")
    result: FitResult = _result_of(estimator, "fit_result_")
    return record_of_fit(
        # Attributes that were changed by hand are kept as they are.
        replace(result, mixture=estimator.mixture_),
        next(name for name, cls in _CLASSES.items() if isinstance(estimator, cls)),
        {**settings_of(estimator), **settings},
        likelihood=None if found is None else found.best.likelihood,
        found=found,
        feature_names=_names(estimator),
        dtype=str(np.asarray(estimator.means_).dtype),
    )


def load(path: str | os.PathLike[str]) -> Loaded:
    """Read a model file and return the fitted estimator: of a search, the winner.

    Raises
    ------
    ModelFormatError
        If the file is damaged, of another format, or of an estimator this version does not know.
    OSError
        If it cannot be opened.
    """
    record = read_model(path)
    known = (*_CLASSES, *_MAKERS)
    if record.estimator not in known:
        raise ModelFormatError(
            f"{os.fspath(path)} holds a {record.estimator}, which this gmmkit cannot load; expected one of "
            f"{', '.join(known)}: gmmkit.files.read_model gives its mixture and what is known of it"
        )
    try:
        return _made(record)
    except (LookupError, TypeError, ValueError) as error:
        raise ModelFormatError(f"{os.fspath(path)}: its record of the fit is incomplete ({error!r})") from error


def _made(record: ModelRecord) -> Loaded:
    estimator = _MAKERS.get(record.estimator, _mixture_of)(record)
    if isinstance(estimator, GaussianMixtureRegressor):
        return estimator  # its inputs are not all of the mixture's columns
    estimator.n_features_in_ = record.mixture.n_features
    if record.feature_names is not None:
        estimator.feature_names_in_ = np.array(record.feature_names, dtype=object)
    return estimator


def _mixture_of(record: ModelRecord) -> Fitted:
    loaded = _CLASSES[record.estimator]
    settings = _known(record, loaded)
    if issubclass(loaded, EMMixture):
        settings["covariance_type"] = record.structure
    estimator: Fitted = loaded(**settings)
    estimator.n_components = record.mixture.n_components
    result = FitResult.from_record(record.mixture, record.fit)
    return estimator.set_result(result, np.float32 if record.fit.get("dtype") == "float32" else np.float64)


def _clusterer_of(record: ModelRecord) -> MixtureClusterer:
    return MixtureClusterer(**_known(record, MixtureClusterer)).set_result(clusters_of_record(record))


def _detector_of(record: ModelRecord) -> GaussianMixtureOutlierDetector:
    detector = GaussianMixtureOutlierDetector(**_known(record, GaussianMixtureOutlierDetector))
    return detector.set_normality(*normality_of_record(record))


def _classifier_of(record: ModelRecord) -> GaussianMixtureClassifier:
    choice, labels = classes_of_record(record)
    return GaussianMixtureClassifier(**_known(record, GaussianMixtureClassifier)).set_result(choice, np.array(labels))


def _density_of(record: ModelRecord) -> GaussianMixtureDensity:
    return GaussianMixtureDensity(**_known(record, GaussianMixtureDensity)).set_result(density_of_record(record))


def _generator_of(record: ModelRecord) -> GaussianMixtureGenerator:
    found, labels = generator_of_record(record)
    generator = GaussianMixtureGenerator(**generator_parameters(record.settings))
    return generator.set_result(found, None if labels is None else np.array(labels))


def _record_of_regression(estimator: GaussianMixtureRegressor) -> ModelRecord:
    """Return the record of the joint mixture, with what makes a regression of it."""
    joint = record_of(_result_of(estimator, "estimator_"))
    known = {
        "joint": joint.estimator,
        "n_targets": estimator.n_targets_,
        "one_column": estimator.one_column_,
        "named": hasattr(estimator, "feature_names_in_"),
    }
    return replace(joint, estimator=REGRESSOR, fit={**joint.fit, "regression": known})


def _regressor_of(record: ModelRecord) -> GaussianMixtureRegressor:
    known = record.fit["regression"]
    joint = str(known["joint"])
    if joint == REGRESSOR:
        raise ValueError("a regression of a regression")
    fitted = _made(replace(record, estimator=joint))
    q = int(known["n_targets"])
    estimator = GaussianMixtureRegressor(clone(fitted))
    estimator.estimator_, estimator.n_targets_, estimator.one_column_ = fitted, q, bool(known["one_column"])
    estimator.n_features_in_ = record.mixture.n_features - q
    if known["named"]:
        estimator.feature_names_in_ = fitted.feature_names_in_[:-q]
    return estimator


_MAKERS: dict[str, Callable[[ModelRecord], Loaded]] = {
    CLUSTERER: _clusterer_of,
    CLASSIFIER: _classifier_of,
    DENSITY: _density_of,
    GENERATOR: _generator_of,
    DETECTOR: _detector_of,
    REGRESSOR: _regressor_of,
}


def _known(record: ModelRecord, loaded: type[Loaded]) -> dict[str, Any]:
    """Return those of a record's settings that an estimator has today."""
    return parameters_of(record.settings, loaded)


def _names(estimator: BaseEstimator) -> list[str] | None:
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def _result_of(estimator: object, attribute: str) -> Any:
    if not hasattr(estimator, attribute):
        raise ParameterError("the estimator has no record of a fit to save: fit it first")
    return getattr(estimator, attribute)
