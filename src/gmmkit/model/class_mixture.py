"""A mixture whose components belong to classes: what generative classifiers are, as a value.

    p(x, c) = Σ_k w_k s_kc N(x; μ_k, Σ_k)        p(c | x) = Σ_k p(k | x) s_kc

with s_kc = p(c | k), the share of component k that is of class c. Where every share is 0 or 1 a component is one
class's own: one component a class is discriminant analysis (Bensmail & Celeux 1996, JASA 91), some a class are mixture
discriminant analysis (Hastie & Tibshirani 1996, JRSS B 58; Fraley & Raftery 2002, JASA 97). Shares between make a pool
of components that classes draw on (Miller & Uyar 1997, "A mixture of experts classifier with learning based on both
labelled and unlabelled data", NIPS 9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import ParameterError
from gmmkit.model.covariance import Covariance, Diagonal, Factor, Full, IsotropicFactor, Spherical
from gmmkit.model.evaluation import group_posterior
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.arguments import numbers

__all__ = ["ClassMixture", "checked_priors", "given_priors", "listed_labels"]

Array = NDArray[np.float64]

# Families whose components know nothing of each other: those of several mixtures are one family's.
_SEPARATE = (Full, Diagonal, Spherical, Factor, IsotropicFactor)
_SUM_TO_ONE = 1e-6


@dataclass(frozen=True, eq=False)
class ClassMixture:
    """A mixture of K components, each with its shares of C classes.

    Parameters
    ----------
    mixture : Mixture
        Without noise.
    shares : array_like of shape (K, C)
        p(c | k); rows sum to 1.

    Raises
    ------
    ParameterError
        If the shares are none of these components, are negative or do not sum to 1, or a class has none.

    Examples
    --------
    >>> m = Mixture([0.5, 0.5], [[0.0], [4.0]], Full([[[1.0]], [[1.0]]]))
    >>> classes = ClassMixture(m, [[1.0, 0.0], [0.0, 1.0]])
    >>> classes.posterior([[0.0], [2.0]]).round(3)
    array([[1. , 0. ],
           [0.5, 0.5]])
    >>> classes.with_priors([0.9, 0.1]).posterior([[2.0]]).round(3)
    array([[0.9, 0.1]])
    """

    mixture: Mixture
    shares: Array

    def __post_init__(self) -> None:
        shares = numbers("shares", self.shares)
        k = self.mixture.n_components
        if shares.ndim != 2 or len(shares) != k or not shares.shape[1]:
            raise ParameterError(f"shares must have the shape ({k}, classes), but got {shares.shape}")
        if not np.isfinite(shares).all() or (shares < 0).any() or np.abs(shares.sum(axis=1) - 1.0).max() > _SUM_TO_ONE:
            raise ParameterError("shares must not be negative, and those of each component must sum to 1")
        if not (self.mixture.weights @ shares > 0).all():
            empty = int((self.mixture.weights @ shares).argmin())
            raise ParameterError(f"class {empty} has a share of no component: every class needs one")
        if self.mixture.noise is not None:
            raise ParameterError("the components of classes stand beside no noise: give the mixture without it")
        shares.setflags(write=False)
        object.__setattr__(self, "shares", shares)

    @classmethod
    def of_classes(cls, mixtures: Sequence[Mixture], priors: ArrayLike) -> ClassMixture:
        """Return the classes whose densities are the given mixtures (C of them), with priors (C,).

        Families of components that know nothing of each other are kept where all classes have the same; the rest become
        "diag" where columns are independent, and "full". Student-t components stay so.

        Raises
        ------
        ParameterError
            If a mixture has noise, whose region is its own.
        """
        priors = checked_priors(priors, len(mixtures))
        if any(mixture.noise is not None for mixture in mixtures):
            raise ParameterError("the components of classes stand beside no noise: give the mixtures without it")
        sizes = [mixture.n_components for mixture in mixtures]
        joint = Mixture(
            np.concatenate([prior * mixture.weights for prior, mixture in zip(priors, mixtures, strict=True)]),
            np.concatenate([mixture.means for mixture in mixtures]),
            _side_by_side([mixture.covariance for mixture in mixtures]),
            degrees_of_freedom=_degrees(mixtures),
        )
        return cls(joint, np.repeat(np.eye(len(mixtures)), sizes, axis=0))

    @property
    def n_classes(self) -> int:
        """Number of classes, C."""
        return int(self.shares.shape[1])

    @property
    def priors(self) -> Array:
        """The probability of each class (C,)."""
        return np.asarray(self.mixture.weights @ self.shares)

    def of_class(self, c: int) -> Mixture:
        """Return ``p(x | c)``, the density of one class."""
        joint = self.mixture.weights * self.shares[:, c]
        held = np.flatnonzero(joint)
        mixture = self.mixture.reordered(held)
        return mixture.changed(weights=joint[held] / joint[held].sum())

    def with_priors(self, priors: ArrayLike) -> ClassMixture:
        """Return the same densities of classes with other probabilities of the classes (C,)."""
        wanted = checked_priors(priors, self.n_classes)
        joint = self.mixture.weights[:, None] * self.shares * (wanted / self.priors)
        weights = joint.sum(axis=1)
        # What no class of any probability draws on keeps its shares, whose sum must be 1.
        shares = np.divide(joint, weights[:, None], out=self.shares.copy(), where=weights[:, None] > 0)
        return ClassMixture(self.mixture.changed(weights=weights / weights.sum()), shares)

    def posterior(self, rows: Any, *, n_jobs: int | None = None) -> Array:
        """Return the probability of each class given each row (n, C); every row sums to 1, however far it is."""
        return group_posterior(self.mixture, rows, self.shares, n_jobs=n_jobs)


def checked_priors(priors: ArrayLike, n_classes: int) -> Array:
    """Return probabilities of classes (C,), or raise.

    Examples
    --------
    >>> checked_priors([0.25, 0.75], 2)
    array([0.25, 0.75])
    """
    values = numbers("priors", priors)
    if values.shape != (n_classes,):
        raise ParameterError(
            f"priors must be {n_classes} numbers, one for each class, but got the shape {values.shape}"
        )
    if not np.isfinite(values).all() or (values <= 0).any():
        raise ParameterError(f"priors must be above 0, but got {values.min():g}: leave out classes that cannot occur")
    if abs(values.sum() - 1.0) > _SUM_TO_ONE:
        raise ParameterError(f"priors must sum to 1, but sum to {values.sum():g}")
    return np.asarray(values / values.sum())


def given_priors(
    priors: ArrayLike | Mapping[Any, float] | Literal["equal"] | None, labels: Sequence[Any]
) -> Array | None:
    """Return the probabilities of classes (C,) in the order of their labels, given so or by label; None of None.

    Examples
    --------
    >>> given_priors({"b": 0.25, "a": 0.75}, ["a", "b"])
    array([0.75, 0.25])
    >>> given_priors("equal", ["a", "b"])
    array([0.5, 0.5])
    """
    if priors is None:
        return None
    if isinstance(priors, str) and priors == "equal":
        return np.full(len(labels), 1.0 / len(labels))
    if not isinstance(priors, Mapping):
        return checked_priors(priors, len(labels))
    odd = [label for label in priors if label not in labels]
    missing = [label for label in labels if label not in priors]
    if odd or missing:
        what = f"unknown class {odd[0]!r}" if odd else f"no prior of class {missing[0]!r}"
        raise ParameterError(f"priors: {what}; expected one for each of {listed_labels(labels)}")
    return checked_priors([priors[label] for label in labels], len(labels))


def listed_labels(labels: Sequence[Any]) -> str:
    """Return the labels of classes for a message, not all of very many."""
    shown = ", ".join(map(repr, labels[:6]))
    return shown if len(labels) <= 6 else f"{shown}, … ({len(labels)})"


def _side_by_side(covariances: Sequence[Covariance]) -> Covariance:
    # Of as many factors, if they have any.
    kinds = {(type(covariance), covariance.values.shape[2:]) for covariance in covariances}
    kind = type(covariances[0])
    if len(kinds) == 1 and kind in _SEPARATE:
        values = np.concatenate([covariance.values for covariance in covariances])
        return kind(values, n_features=covariances[0].n_features)
    if all(covariance.independent_columns for covariance in covariances):
        return Diagonal(np.concatenate([covariance.variances() for covariance in covariances]))
    return Full(np.concatenate([covariance.dense() for covariance in covariances]))


def _degrees(mixtures: Sequence[Mixture]) -> Array | None:
    if all(mixture.degrees_of_freedom is None for mixture in mixtures):
        return None
    degrees = (mixture.degrees_of_freedom for mixture in mixtures)
    each = [
        np.full(mixture.n_components, np.inf) if own is None else own
        for mixture, own in zip(mixtures, degrees, strict=True)
    ]
    return np.concatenate(each)
