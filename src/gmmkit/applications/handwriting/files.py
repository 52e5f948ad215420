"""Classifiers of handwriting in model files: the classes' mixture, and the axes that images are reduced to.

The axes are single precision numbers, base64 in the record: a model file holds the arrays of one mixture and no others.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.applications.handwriting.classifier import HandwritingClassifier
from gmmkit.errors import ModelFormatError
from gmmkit.estimators.classifier import GaussianMixtureClassifier
from gmmkit.estimators.persistence import record_of
from gmmkit.files import ModelRecord, read_model, write_model
from gmmkit.selection.class_records import classes_of_record

__all__ = ["HANDWRITING", "load_handwriting", "save_handwriting"]

#: The class that is made of such a file.
HANDWRITING = "HandwritingClassifier"

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def save_handwriting(
    model: HandwritingClassifier,
    path: str | os.PathLike[str],
    *,
    known: Mapping[str, Any] = _NOTHING,
    provenance: Mapping[str, str] = _NOTHING,
) -> None:
    """Write a fitted classifier to a `.gmm` file, atomically.

    Parameters
    ----------
    model : HandwritingClassifier
    path : path-like
    known : mapping
        What else is known of the fit.
    provenance : mapping of str to str

    Raises
    ------
    OSError
        If the file cannot be written; a file that was there is left as it was.
    """
    record = record_of(model.classifier_)
    images = {"axes": model.axes, "deskew": model.deskew, "ink": model.ink}
    arrays = {"centre": _text(model.centre_), "basis": _text(model.basis_), "spreads": model.spreads_.tolist()}
    if model.noise_ is not None:
        arrays |= {"reduction": model.reduction, "noise": _text(model.noise_)}
    fit = {**record.fit, "images": {**images, **arrays}, **known}
    called = "axis" if model.reduction == "pca" else "factor"
    named = [f"{called} {q + 1}" for q in range(record.mixture.n_features)]
    record = replace(record, estimator=HANDWRITING, feature_names=named, fit=fit, provenance=dict(provenance))
    write_model(record, path)


def load_handwriting(path: str | os.PathLike[str]) -> HandwritingClassifier:
    """Read a model file that `save_handwriting` wrote.

    Raises
    ------
    ModelFormatError
        If the file is damaged, or holds another kind of model.
    OSError
        If it cannot be opened.
    """
    record = read_model(path)
    if record.estimator != HANDWRITING:
        raise ModelFormatError(
            f"{os.fspath(path)} holds a {record.estimator}; expected a {HANDWRITING}, as gmmkit digits train writes it"
        )
    try:
        return _made(record)
    except (LookupError, TypeError, ValueError) as error:
        raise ModelFormatError(f"{os.fspath(path)}: its record of the fit is incomplete ({error!r})") from error


def _made(record: ModelRecord) -> HandwritingClassifier:
    images = record.fit["images"]
    choice, labels = classes_of_record(record)
    known = GaussianMixtureClassifier().get_params()
    settings = {name: value for name, value in record.settings.items() if name in known}
    # Files of before there was a choice are of principal axes.
    own = {"axes": images["axes"], "reduction": images.get("reduction", "pca")}
    model = HandwritingClassifier(**own, deskew=images["deskew"], ink=images["ink"], **settings)
    d = record.mixture.n_features
    model.centre_, model.spreads_ = _numbers(images["centre"]), np.array(images["spreads"], dtype=np.float64)
    model.basis_ = _numbers(images["basis"]).reshape(d, len(model.centre_))
    model.noise_ = None if model.reduction == "pca" else _numbers(images["noise"])
    if model.noise_ is not None and (model.noise_.shape != model.centre_.shape or not (model.noise_ > 0).all()):
        raise ValueError("its noise variances are not above 0, one for each number of a description")
    if model.spreads_.shape != (2,) or not (model.spreads_ > 0).all() or not np.isfinite(model.spreads_).all():
        raise ValueError("its two spreads are not above 0")
    model.classifier_ = GaussianMixtureClassifier(**settings).set_result(choice, np.array(labels))
    model.classifier_.n_features_in_ = d
    model.classes_ = model.classifier_.classes_
    return model


def _text(values: NDArray[np.float64]) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def _numbers(text: Any) -> NDArray[np.float64]:
    try:
        values = np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float64)
    except binascii.Error as error:
        raise ValueError(f"its arrays cannot be read: {error}") from error
    if not np.isfinite(values).all():
        raise ValueError("its arrays hold infinite values or NaN")
    return values
