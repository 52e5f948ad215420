"""What the caller gives: `*_init` parameters of scikit-learn, groups or a mixture to start from, noise, factors."""

from __future__ import annotations

import contextlib
import reprlib
from collections.abc import Collection
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

from gmmkit.data.table import Block, Table
from gmmkit.errors import ParameterError
from gmmkit.inference.hull import Volume
from gmmkit.inference.noise import Background
from gmmkit.inference.starts import FromMixture, FromPartition, Start
from gmmkit.model.covariance import LOW_RANK, Covariance, Factor, family
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.arguments import numbers, shown

__all__ = [
    "agrees",
    "background_of",
    "check_factors",
    "checked_dtype",
    "checked_means",
    "checked_precisions",
    "checked_weights",
    "covariance_from_precisions",
    "missing_label",
    "partition_from",
    "start_from",
]

Array = NDArray[np.float64]


def background_of(noise: Any, volume: Volume) -> Background | None:
    """Return what the parameters `noise` and `noise_volume` ask for."""
    if noise is None or noise is False:
        return None
    if isinstance(noise, (Real, np.bool_)):
        noise = bool(noise) if isinstance(noise, (bool, np.bool_)) else float(noise)
    return Background(noise, volume)


def checked_weights(weights: Any, k: int) -> Array:
    """Return `weights_init` (k,), or raise with scikit-learn's messages."""
    weights = check_array(weights, dtype=[np.float64, np.float32], ensure_2d=False, input_name="weights_init")
    _check_shape(weights, (k,), "weights")
    if (weights < 0.0).any() or (weights > 1.0).any():
        # The two numbers stand as scikit-learn's message has them, which its tests read.
        raise ParameterError(
            "The parameter 'weights' should be in the range [0, 1], but got max value "
            f"{weights.min():.5f}, min value {weights.max():.5f}"
        )
    tolerance = 1e-6 if weights.dtype == np.float32 else 1e-8
    if abs(1.0 - weights.sum()) > tolerance:
        raise ParameterError(
            f"The parameter 'weights' should be normalized, but got sum(weights) = {weights.sum():.5f}"
        )
    return np.asarray(weights, dtype=np.float64)


def checked_dtype(dtype: Any) -> np.dtype[Any]:
    """Return `dtype` as NumPy's, or raise where it is neither float32 nor float64."""
    with contextlib.suppress(TypeError):
        known: np.dtype[Any] = np.dtype(dtype).newbyteorder("=")
        if known in (np.float32, np.float64):
            return known
    raise ParameterError(f"The 'dtype' parameter must be 'float32', 'float64' or None. Got {shown(dtype)} instead")


def checked_means(means: Any, k: int, d: int) -> Array:
    """Return `means_init` (k, d), or raise with scikit-learn's messages."""
    means = check_array(means, dtype=[np.float64, np.float32], ensure_2d=False, input_name="means_init")
    _check_shape(means, (k, d), "means")
    return np.asarray(means, dtype=np.float64)


def checked_precisions(precisions: Any, covariance_type: str, k: int, d: int) -> Array:
    """Return `precisions_init` in the family's shape, or raise with scikit-learn's messages."""
    structure = family(covariance_type, d)
    shape = structure.contraction.shape(k, d)
    precisions = check_array(
        precisions if shape else np.atleast_1d(precisions),
        dtype=[np.float64, np.float32],
        ensure_2d=False,
        allow_nd=len(shape) > 2,
        input_name="precisions_init",
    )
    if not shape and precisions.shape == (1,):
        precisions = precisions[0]
    _check_shape(precisions, shape, f"{covariance_type} precision")
    if not structure.independent_columns:
        for precision in precisions.reshape(-1, d, d):
            if not (np.allclose(precision, precision.T) and (np.linalg.eigvalsh(precision) > 0.0).all()):
                raise ParameterError(f"'{covariance_type} precision' should be symmetric, positive-definite")
    elif (precisions <= 0.0).any():
        raise ParameterError(f"'{covariance_type} precision' should be positive")
    return np.asarray(precisions, dtype=np.float64)


def covariance_from_precisions(precisions: Array, covariance_type: str, k: int, d: int) -> Covariance:
    """Return the covariances whose inverses are given."""
    structure = family(covariance_type, d)
    if structure.independent_columns:
        return structure(1.0 / precisions, n_components=k, n_features=d)
    values = np.linalg.inv(precisions)
    return structure((values + np.swapaxes(values, -1, -2)) / 2, n_components=k, n_features=d)


def check_factors(estimator: object, covariance_type: str, n_factors: int | None) -> None:
    """Raise unless factors were asked for and numbered, or neither; and if they are to be fitted beside what is not."""
    if (covariance_type in LOW_RANK) != (n_factors is not None):
        raise ParameterError(
            f"n_factors goes with covariance_type 'factor', but got covariance_type={covariance_type!r} and "
            f"n_factors={n_factors}: give n_factors=2, say, or leave both out (MixtureOfFactorAnalyzersSearch compares "
            "numbers of factors)"
        )
    beside = ("precisions_init", "prior", "noise", "warm_up", "truncation") if n_factors is not None else ()
    asked = [name for name in beside if getattr(estimator, name) is not None and getattr(estimator, name) is not False]
    if asked:
        raise ParameterError(
            f"covariance_type {covariance_type!r} cannot be fitted with {', '.join(asked)}: leave that out"
        )


def start_from(start: Any, covariance_type: str, k: int, n: int, d: int, n_factors: int | None = None) -> Start:
    """Return a start from labels (n,), responsibilities (n, k) or a `Mixture` of the structure, factors and all."""
    if isinstance(start, Mixture):
        if not agrees(start, covariance_type, k, d, n_factors):
            factors = "" if n_factors is None else f", {n_factors} factors"
            raise ParameterError(
                f"start is a {start!r}, but the fit is of {k} components, {d} columns, {covariance_type}{factors}"
            )
        return FromMixture(start)
    array = _array(start, n, str(k))
    if array.ndim == 2:
        return _from_responsibilities(array, k, n)
    if array.ndim == 1:
        found = _from_labels(array, n)
        if found.k != k:
            raise ParameterError(
                f"start has {found.k} distinct labels, but n_components is {k}: give n_components={found.k}"
            )
        return found
    received = f"an array of shape {array.shape}" if array.ndim else reprlib.repr(start)
    raise ParameterError(f"start must be labels ({n},), responsibilities ({n}, {k}) or a Mixture, but got {received}")


def agrees(mixture: Mixture, covariance_type: str, k: int, d: int, n_factors: int | None) -> bool:
    """Tell whether a mixture has such sizes and such covariances."""
    name = LOW_RANK[covariance_type].name if covariance_type in LOW_RANK else family(covariance_type, d).name
    factors = mixture.covariance.n_factors if isinstance(mixture.covariance, Factor) else None
    return (mixture.n_components, mixture.n_features, mixture.covariance_type, factors) == (k, d, name, n_factors)


def partition_from(start: Any, sizes: Collection[int], table: Table) -> FromPartition:
    """Return a start for any structure from labels (n,), responsibilities (n, k) or a `Mixture`."""
    n, d = table.n_rows, table.n_columns
    if isinstance(start, Mixture):
        if start.n_features != d:
            raise ParameterError(f"start is a {start!r}, but X has {d} columns")
        k = start.n_components

        def known(block: Block) -> Array:
            return start.posterior(block.rows)

        found = FromPartition(known, k)
    else:
        array = _array(start, n, "k")
        if array.ndim not in (1, 2):
            received = f"an array of shape {array.shape}" if array.ndim else reprlib.repr(start)
            raise ParameterError(
                f"start must be labels ({n},), responsibilities ({n}, k) or a Mixture, but got {received}"
            )
        if array.ndim == 1:
            found = _from_labels(array, n)
            k = found.k
        else:
            k = array.shape[1]
            found = _from_responsibilities(array, k, n)
    if k not in sizes:
        raise ParameterError(f"start has {k} groups, but n_components are {sorted(sizes)}: give {k} among them")
    return found


def _array(start: Any, n: int, k: str) -> NDArray[Any]:
    try:
        return np.asarray(start)
    except (TypeError, ValueError):
        raise ParameterError(
            f"start must be labels ({n},), responsibilities ({n}, {k}) or a Mixture, but got {shown(start)}, "
            "whose parts are of different lengths"
        ) from None


def _from_labels(labels: NDArray[Any], n: int) -> FromPartition:
    if len(labels) != n:
        raise ParameterError(f"start has {len(labels)} labels, but X has {n} rows: give one label a row")
    missing = missing_label(labels)
    if missing is not None:
        label = "None" if labels[missing] is None else "NaN"
        raise ParameterError(f"start: the label of row {missing} is {label}, but every row needs a label")
    try:
        names, codes = np.unique(labels, return_inverse=True)
    except (TypeError, ValueError):
        first = {type(labels[row]): row for row in reversed(range(n))}
        seen = " and ".join(f"{shown(labels[row])} in row {row}" for row in sorted(first.values())[:2])
        raise ParameterError(f"start: labels must be all numbers or all text, but there is {seen}") from None
    k = len(names)

    def known(block: Block) -> Array:
        return np.eye(k)[codes[block.index : block.index + len(block.rows)]]

    return FromPartition(known, k)


def missing_label(labels: NDArray[Any]) -> int | None:
    """Return the first row whose label is missing: None, NaN of whatever type, or pandas' NA."""
    if labels.dtype != object:
        return next(iter(np.flatnonzero(labels != labels).tolist()), None)  # noqa: PLR0124

    def is_missing(label: Any) -> bool:
        try:
            return label is None or bool(label != label)  # noqa: PLR0124
        except TypeError:
            # NA is neither true nor false.
            return True
        except ValueError:
            return False

    return next((row for row, label in enumerate(labels) if is_missing(label)), None)


def _from_responsibilities(responsibilities: NDArray[Any], k: int, n: int) -> FromPartition:
    if responsibilities.shape != (n, k):
        raise ParameterError(
            f"start has the shape {responsibilities.shape}, but responsibilities of {n} rows and {k} components "
            f"have the shape ({n}, {k})"
        )
    responsibilities = numbers("start", responsibilities)
    if not np.isfinite(responsibilities).all() or (responsibilities < 0).any():
        raise ParameterError("start holds responsibilities that are negative or not finite; they must lie in [0, 1]")
    sums = responsibilities.sum(axis=1)
    if np.abs(sums - 1.0).max() > 1e-6:
        row = int(np.abs(sums - 1.0).argmax())
        raise ParameterError(
            f"start: the responsibilities of row {row} sum to {sums[row]:.6g}, but must sum to 1 in every row"
        )

    def known(block: Block) -> Array:
        return np.asarray(responsibilities[block.index : block.index + len(block.rows)], dtype=np.float64)

    return FromPartition(known, k)


def _check_shape(array: NDArray[Any], shape: tuple[int, ...], name: str) -> None:
    if array.shape != shape:
        raise ParameterError(f"The parameter '{name}' should have the shape of {shape}, but got {array.shape}")
