"""What a model file holds of a classifier: its mixture, shares of classes in components, what it was chosen from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from gmmkit.files import ModelRecord
from gmmkit.model.class_mixture import ClassMixture
from gmmkit.selection.class_choice import ClassChoice
from gmmkit.selection.class_recipes import ClassFit, Recipe

__all__ = ["CLASSIFIER", "classes_of_record", "record_of_classes"]

#: The class that classifies from Python.
CLASSIFIER = "GaussianMixtureClassifier"

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def record_of_classes(
    choice: ClassChoice,
    labels: Sequence[Any],
    settings: Mapping[str, Any],
    *,
    feature_names: Sequence[str] | None = None,
    known: Mapping[str, Any] = _NOTHING,
    provenance: Mapping[str, str] = _NOTHING,
) -> ModelRecord:
    """Return what a model file holds of a classifier.

    Parameters
    ----------
    choice : ClassChoice
    labels : sequence
        Of the classes, in order: numbers or text.
    settings : mapping
        The classifier's parameters.
    feature_names : sequence of str, optional
    known : mapping
        What else is known of the fit.
    provenance : mapping of str to str
    """
    best = choice.best
    return ModelRecord(
        best.classes.mixture,
        feature_names=feature_names,
        estimator=CLASSIFIER,
        settings=settings,
        fit={
            "classes": list(labels),
            "shares": best.classes.shares.tolist(),
            "structures": list(best.structures),
            "n_components": list(best.n_components),
            "shrinkage": best.recipe.shrinkage,
            "model": best.recipe.model,
            "log_likelihood": best.log_likelihood,
            "n_parameters": best.n_parameters,
            "converged": best.converged,
            "n_iter": best.n_iter,
            "spurious": best.spurious,
            "temperature": choice.temperature,
            "confusion": None if choice.confusion is None else choice.confusion.tolist(),
            "class_candidates": list(choice.candidates),
            **known,
        },
        provenance=provenance,
    )


def classes_of_record(record: ModelRecord) -> tuple[ClassChoice, list[Any]]:
    """Return what `record_of_classes` was made of, and the labels of the classes.

    Raises
    ------
    LookupError, TypeError, ValueError
        If the record is incomplete.
    """
    fit = record.fit
    classes = ClassMixture(record.mixture, fit["shares"])
    labels = list(fit["classes"])
    if len(labels) != classes.n_classes:
        raise ValueError(f"it names {len(labels)} classes, but components have shares of {classes.n_classes}")
    structures, sizes = tuple(map(str, fit["structures"])), tuple(map(int, fit["n_components"]))
    best = ClassFit(
        Recipe(fit["model"], structures, sizes, float(fit["shrinkage"])),
        classes,
        structures,
        sizes,
        float(fit["log_likelihood"]),
        int(fit["n_parameters"]),
        fit["spurious"],
        bool(fit["converged"]),
        int(fit["n_iter"]),
        (),
    )
    confusion = None if fit["confusion"] is None else np.array(fit["confusion"], dtype=np.float64)
    candidates = tuple(dict(row) for row in fit["class_candidates"])
    return ClassChoice(best, candidates, None, confusion, float(fit["temperature"])), labels
