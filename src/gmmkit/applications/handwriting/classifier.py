"""Handwritten characters, classified by the densities of their classes: upright, described, reduced, shrunken.

Images are made upright (`upright.py`), described (`description.py`) and reduced (`reduction.py`); there the classes are
Gaussian (or mixtures). Because a description holds the image itself, what classes mean and what is drawn from them can
be shown as images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gmmkit.applications.handwriting.description import CELLS, DIRECTIONS, directions, smoothed
from gmmkit.applications.handwriting.reduction import (
    REDUCTIONS,
    Reduction,
    factor_loadings,
    principal_axes,
    projection,
)
from gmmkit.applications.handwriting.upright import INKS, Ink, ink_of, upright
from gmmkit.errors import DataError, ParameterError
from gmmkit.estimators.classifier import GaussianMixtureClassifier
from gmmkit.numerics.arguments import one_of, whole
from gmmkit.selection.class_choice import ClassChoice
from gmmkit.selection.class_validation import tempered

__all__ = ["SIZE", "HandwritingClassifier"]

Array = NDArray[np.float64]

#: Pixels a side of upright images.
SIZE = 28
# The spread of the ink's part beside that of directions: chosen, with the size and the number of axes, by
# cross-validation on the training rows of two sets of digits (benchmarks/digits.py); from 0 to 1 it changes little.
_INK_SHARE = 0.5
# Images that are described at once, and pixels that are made upright at once: some megabytes while they are.
_AT_ONCE, _PIXELS_AT_ONCE = 256, 1 << 18
# More would not fit into the record of a model file, which holds one megabyte.
_MOST_AXES = 150
_FLAT = 1e-12


class HandwritingClassifier:
    """Classify images of handwritten characters.

    Parameters
    ----------
    axes : int, default=60
        Principal axes, or factors, that descriptions are reduced to, at most 150; fewer where there are fewer images.
    reduction : {"pca", "factors"}, default="pca"
        Coordinates along principal axes, or factor scores, of a factor analysis in which no column has less noise than
        the mean column's variance. On both sets of digits that were tried these have a few errors more
        (``python -m benchmarks digits``).
    deskew : bool, default=True
        Take out the slant.
    ink : {"auto", "light", "dark"}, default="auto"
        Whether ink is brighter than paper; "auto": image by image, paper is what the border shows most of.
    **classes
        Parameters of :class:`gmmkit.GaussianMixtureClassifier`, beside or in place of ``covariance_type="VVV"``,
        ``shrinkage="cv"``, ``calibration="temperature"`` and ``folds=5``.

    Attributes
    ----------
    classifier_ : GaussianMixtureClassifier
    classes_ : ndarray of str, shape (C,)
    centre_ : ndarray of shape (D,)
        Mean of the descriptions.
    basis_ : ndarray of shape (q, D)
        Principal axes, or the factors' loadings.
    noise_ : ndarray of shape (D,) or None
        Noise variances beside the factors.
    spreads_ : ndarray of shape (2,)
        What the two parts of a description are divided by.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> images, labels = [], []
    >>> for n in range(60):
    ...     image = np.zeros((16, 16))
    ...     if n % 2:
    ...         image[2:14, 7:9] = 1.0
    ...     else:
    ...         image[3:13, 3:13] = 1.0
    ...         image[5:11, 5:11] = 0.0
    ...     images.append(image + 0.2 * rng.random((16, 16)))
    ...     labels.append("1" if n % 2 else "0")
    >>> found = HandwritingClassifier(axes=5).fit(images[:40], labels[:40])
    >>> found.predict(images[40:44]).tolist()
    ['0', '1', '0', '1']
    >>> found.mean_image("1").shape
    (28, 28)
    """

    def __init__(
        self,
        *,
        axes: int = 60,
        reduction: Reduction = "pca",
        deskew: bool = True,
        ink: Ink = "auto",
        **classes: Any,
    ) -> None:
        self.axes = whole("axes", axes, 1, _MOST_AXES)
        self.reduction: Reduction = one_of("reduction", reduction, REDUCTIONS)
        self.deskew = deskew
        self.ink: Ink = one_of("ink", ink, INKS)
        self.parameters = {
            "covariance_type": "VVV",
            "shrinkage": "cv",
            "calibration": "temperature",
            "folds": 5,
            **classes,
        }

    def fit(self, images: Sequence[NDArray[Any]] | NDArray[Any], labels: Sequence[Any]) -> Self:
        """Fit the classes of labelled images.

        Parameters
        ----------
        images : sequence of ndarray (h, w), or ndarray of shape (n, h, w)
        labels : sequence of n labels
            Text, or numbers, which become text.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are not as many labels as images, all images are alike or without ink, or a class has too few
            (the message names it).
        """
        if len(images) != len(labels):
            raise DataError(f"{len(images)} images have {len(labels)} labels: give one label an image")
        parts = self._parts(images)
        if len(images) < 2 or not any(part.var(axis=0).sum() > _FLAT for part in parts):
            raise DataError("the images are all alike: give images of at least two characters")
        spreads = np.array([np.sqrt(max(part.var(axis=0).sum(), _FLAT)) for part in parts])
        self.spreads_ = spreads * np.array([1.0, 1.0 / _INK_SHARE])
        described = self._joined(parts)
        del parts  # of many images each of the two takes much memory
        centre = described.mean(axis=0)
        described -= centre
        noise: Array | None = None
        if self.reduction == "pca":
            basis = principal_axes(described, self.axes)
        else:
            basis, noise = factor_loadings(described, self.axes, n_jobs=self.parameters.get("n_jobs"))
        # As precise as a model file keeps them, so that a model that is loaded gives the same answers.
        self.centre_, self.basis_ = _as_kept(centre), _as_kept(basis)
        self.noise_ = None if noise is None else _as_kept(noise)
        self.classifier_ = GaussianMixtureClassifier(**self.parameters)
        coordinates = described @ projection(self.basis_, self.noise_)
        del described
        self.classifier_.fit(coordinates, np.array([str(label) for label in labels]))
        self.classes_ = self.classifier_.classes_
        return self

    @property
    def held_out(self) -> Array:
        """What models of the other folds said of each image that was fitted (n, C); not in a model file."""
        self._check_fitted()
        choice: ClassChoice = self.classifier_.class_choice_
        if choice.held_out is None:
            raise ParameterError("nothing was held out: fit with shrinkage='cv' or calibration='temperature'")
        return np.asarray(tempered(choice.held_out.posterior, choice.temperature))

    def coordinates(self, images: Sequence[NDArray[Any]] | NDArray[Any]) -> Array:
        """Return images along the principal axes, or their factor scores (n, q): what the classes are Gaussian in."""
        self._check_fitted()
        onto = projection(self.basis_, self.noise_)
        found = np.empty((len(images), len(self.basis_)))
        for first in range(0, len(images), _AT_ONCE):
            own = slice(first, first + _AT_ONCE)
            found[own] = (self._joined(self._parts(images[own])) - self.centre_) @ onto
        return found

    def predict_proba(self, images: Sequence[NDArray[Any]] | NDArray[Any]) -> Array:
        """Return the probability of each class given each image (n, C)."""
        coordinates = self.coordinates(images)
        probabilities: Array = self.classifier_.predict_proba(coordinates)
        return probabilities

    def predict(self, images: Sequence[NDArray[Any]] | NDArray[Any]) -> NDArray[np.str_]:
        """Return the most probable class of each image (n,)."""
        coordinates = self.coordinates(images)
        labels: NDArray[np.str_] = self.classifier_.predict(coordinates)
        return labels

    def mean_image(self, label: str) -> Array:
        """Return the image at the mean of a class (28, 28), ink from 0 to 1 or so."""
        mean = self.classifier_.class_mixture_.of_class(self._place(label)).mean()
        return np.asarray(self._drawn(mean[None])[0])

    def draw(self, label: str, n_images: int = 1) -> Array:
        """Return images drawn from a class's density (n, 28, 28)."""
        self._place(label)
        return self._drawn(self.classifier_.sample(label, n_images))

    def _drawn(self, coordinates: Array) -> Array:
        ink = (coordinates @ self.basis_ + self.centre_)[:, -SIZE * SIZE :] * self.spreads_[1]
        return np.asarray(ink.reshape(-1, SIZE, SIZE))

    def _place(self, label: str) -> int:
        self._check_fitted()
        known = np.flatnonzero(self.classes_ == label)
        if not len(known):
            raise ParameterError(f"unknown class {label!r}: expected one of {', '.join(self.classes_.tolist())}")
        return int(known[0])

    def _check_fitted(self) -> None:
        if not hasattr(self, "classifier_"):
            raise ParameterError("this HandwritingClassifier is not fitted yet: call fit with images and labels")

    def _parts(self, images: Sequence[NDArray[Any]] | NDArray[Any]) -> tuple[Array, Array]:
        strokes, ink = np.empty((len(images), DIRECTIONS * CELLS**2)), np.empty((len(images), SIZE**2))
        for first in range(0, len(images), _AT_ONCE):
            own = slice(first, first + _AT_ONCE)
            made = self._upright(images[own], first)
            strokes[own], ink[own] = directions(made), smoothed(made)
        return strokes, ink

    def _upright(self, images: Sequence[NDArray[Any]] | NDArray[Any], first: int) -> Array:
        """Return images upright (n, 28, 28), those of a size together; messages number them from `first`."""
        places = dict[tuple[int, ...], list[int]]()
        for n, image in enumerate(images):
            if image.ndim != 2 or not image.size:
                raise DataError(f"image {first + n} has the shape {image.shape}; expected grey values (height, width)")
            places.setdefault(image.shape, []).append(n)
        made = np.empty((len(images), SIZE, SIZE))
        for (h, w), alike in places.items():
            few = max(1, _PIXELS_AT_ONCE // (h * w))
            for some in (alike[start : start + few] for start in range(0, len(alike), few)):
                stack = np.stack([images[n] for n in some])
                made[some] = upright(ink_of(stack, self.ink), SIZE, deskew=self.deskew)
        return made

    def _joined(self, parts: tuple[Array, Array]) -> Array:
        strokes, ink = parts
        joined = np.empty((len(ink), strokes.shape[1] + ink.shape[1]))
        np.divide(strokes, self.spreads_[0], out=joined[:, : strokes.shape[1]])
        np.divide(ink, self.spreads_[1], out=joined[:, strokes.shape[1] :])
        return joined


def _as_kept(values: Array) -> Array:
    return values.astype(np.float32).astype(np.float64)
