"""What a model file holds of a generator of rows: its mixtures side by side, shapes of columns, classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

import numpy as np

from gmmkit.files import ModelRecord
from gmmkit.files.record import GENERATOR
from gmmkit.model.class_mixture import ClassMixture
from gmmkit.model.noise import Noise
from gmmkit.selection.column_shapes import ColumnShape
from gmmkit.selection.synthesis import Synthesizer

__all__ = ["generator_of_record", "record_of_generator"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def record_of_generator(
    found: Synthesizer,
    labels: Sequence[Any] | None,
    settings: Mapping[str, Any],
    *,
    feature_names: Sequence[str] | None = None,
    known: Mapping[str, Any] = _NOTHING,
    provenance: Mapping[str, str] = _NOTHING,
) -> ModelRecord:
    """Return what a model file holds of a generator.

    The mixtures of several classes stand side by side as one. Its arrays have room for one background, so that the
    noise of each class, which has a region of its own, is kept with the record.

    Parameters
    ----------
    found : Synthesizer
    labels : sequence, or None
        Of the classes, in order: numbers or text.
    settings : mapping
        The generator's parameters.
    feature_names : sequence of str, optional
    known : mapping
        What else is known of the fit.
    provenance : mapping of str to str
    """
    mixture, noises = found.mixtures[0], [part.noise for part in found.mixtures]
    several = len(noises) > 1
    if several:
        mixture = ClassMixture.of_classes([part.without_noise() for part in found.mixtures], found.shares).mixture
    return ModelRecord(
        mixture,
        feature_names=feature_names,
        estimator=GENERATOR,
        settings=settings,
        fit={
            "shapes": [asdict(shape) for shape in found.shapes],
            "classes": None if labels is None else list(labels),
            "shares": found.shares,
            "n_components": [part.n_components for part in found.mixtures],
            **({"noises": [_kept(noise) for noise in noises]} if several and noises != [None] * len(noises) else {}),
            **known,
        },
        provenance=provenance,
    )


def generator_of_record(record: ModelRecord) -> tuple[Synthesizer, list[Any] | None]:
    """Return what `record_of_generator` was made of: what rows are drawn from, and the labels of the classes.

    Raises
    ------
    LookupError, TypeError, ValueError
        If the record is incomplete, or its numbers mean nothing.
    """
    fit, mixture = record.fit, record.mixture
    shapes = tuple(_shape(known) for known in fit["shapes"])
    if len(shapes) != mixture.n_features:
        raise ValueError(f"it has shapes of {len(shapes)} columns, but its mixture has {mixture.n_features}")
    shares, sizes = np.array(fit["shares"], dtype=np.float64), [int(size) for size in fit["n_components"]]
    if shares.shape != (len(sizes),) or not (shares > 0).all() or not math.isclose(shares.sum(), 1.0, rel_tol=1e-6):
        raise ValueError("the shares of its classes are not as many numbers above 0 that sum to 1")
    if min(sizes, default=0) < 1 or sum(sizes) != mixture.n_components:
        raise ValueError(f"its classes have {sizes} components, but its mixture has {mixture.n_components}")
    labels = None if fit["classes"] is None else list(fit["classes"])
    if len(sizes) != (1 if labels is None else len(labels)):
        raise ValueError(f"it has mixtures of {len(sizes)} classes, but their labels are {labels}")
    names = None if record.feature_names is None else tuple(record.feature_names)
    if len(sizes) == 1:
        return Synthesizer(shapes, (mixture,), shares, names), labels
    classes = ClassMixture(mixture, np.repeat(np.eye(len(sizes)), sizes, axis=0))
    noises = [_noise(known, mixture.n_features) for known in fit.get("noises", [None] * len(sizes))]
    if len(noises) != len(sizes):
        raise ValueError(f"it has the noise of {len(noises)} classes, but {len(sizes)} mixtures")
    parts = (classes.of_class(c) for c in range(len(sizes)))
    mixtures = tuple(part if noise is None else part.beside(noise) for part, noise in zip(parts, noises, strict=True))
    return Synthesizer(shapes, mixtures, shares, names), labels


def _kept(noise: Noise | None) -> dict[str, Any] | None:
    if noise is None:
        return None
    region = None if noise.region is None else noise.region.tolist()
    return {"weight": noise.weight, "log_density": noise.log_density, "region": region}


def _noise(known: Any, d: int) -> Noise | None:
    if known is None:
        return None
    noise = Noise(known["weight"], known["log_density"], known["region"])
    if noise.region is not None and noise.region.shape[1] != d:
        raise ValueError(f"the region of a class's noise has {noise.region.shape[1]} columns, but its mixture has {d}")
    return noise


def _shape(known: Mapping[str, Any]) -> ColumnShape:
    low, high, step, anchor, offset = (float(known[name]) for name in ("low", "high", "step", "anchor", "offset"))
    below, above = (float(width) for width in known["beyond"])
    ends = math.isfinite(low) or math.isfinite(high)
    sound = (
        low - step <= anchor <= high + step
        and math.isfinite(anchor)
        and 0 <= step < math.inf
        and 0 <= offset < math.inf
    )
    if not (sound and (offset > 0 or not ends) and 0 <= below < math.inf and 0 <= above < math.inf):
        raise ValueError(f"the shape of a column means nothing: {dict(known)}")
    return ColumnShape(low, high, step, anchor, offset, (below, above))
