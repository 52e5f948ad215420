"""Starts that the caller gives: scikit-learn's `*_init` parameters, and labels, responsibilities or a mixture."""

from __future__ import annotations

import reprlib
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

from gmmkit.data.table import Block, Table
from gmmkit.errors import ParameterError
from gmmkit.inference.starts import FromMixture, FromPartition, Start
from gmmkit.model.covariance import Covariance, family
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.arguments import numbers

__all__ = [
    "checked_means",
    "checked_precisions",
    "checked_weights",
    "covariance_from_precisions",
    "partition_from",
    "start_from",
]

Array = NDArray[np.float64]


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


def start_from(start: Any, covariance_type: str, k: int, n: int, d: int) -> Start:
    """Return a start from labels (n,), responsibilities (n, k) or a `Mixture`."""
    if isinstance(start, Mixture):
        if (start.n_components, start.n_features, start.covariance_type) != (k, d, family(covariance_type, d).name):
            raise ParameterError(
                f"start is a {start!r}, but the fit is of {k} components, {d} columns, {covariance_type}"
            )
        return FromMixture(start)
    array = np.asarray(start)
    if array.ndim == 2:
        return _from_responsibilities(array, k, n)
    if array.ndim == 1:
        return _from_labels(array, k, n)
    received = f"an array of shape {array.shape}" if array.ndim else reprlib.repr(start)
    raise ParameterError(f"start must be labels ({n},), responsibilities ({n}, {k}) or a Mixture, but got {received}")


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
        array = np.asarray(start)
        if array.ndim not in (1, 2):
            received = f"an array of shape {array.shape}" if array.ndim else reprlib.repr(start)
            raise ParameterError(
                f"start must be labels ({n},), responsibilities ({n}, k) or a Mixture, but got {received}"
            )
        if array.ndim == 1:
            k = len(np.unique(array[array == array]))  # noqa: PLR0124 - NaN, whatever the type
            found = _from_labels(array, k, n)
        else:
            k = array.shape[1]
            found = _from_responsibilities(array, k, n)
    if k not in sizes:
        raise ParameterError(f"start has {k} groups, but n_components are {sorted(sizes)}: give {k} among them")
    return found


def _from_labels(labels: NDArray[Any], k: int, n: int) -> FromPartition:
    if len(labels) != n:
        raise ParameterError(f"start has {len(labels)} labels, but X has {n} rows: give one label a row")
    unknown = np.flatnonzero(labels != labels)  # noqa: PLR0124 - NaN, whatever the type
    if len(unknown):
        raise ParameterError(f"start: the label of row {unknown[0]} is NaN, but every row needs a label")
    names, codes = np.unique(labels, return_inverse=True)
    if len(names) != k:
        raise ParameterError(
            f"start has {len(names)} distinct labels, but n_components is {k}: give n_components={len(names)}"
        )

    def known(block: Block) -> Array:
        return np.eye(k)[codes[block.index : block.index + len(block.rows)]]

    return FromPartition(known, k)


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
