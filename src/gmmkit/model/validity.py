"""What the parameters of a mixture must be.

    w_k ≥ 0,   Σ_k w_k = 1        Σ_k = Σ_kᵀ,   xᵀ Σ_k x > 0 for all x ≠ 0        ν_k > 0

Shapes that agree and values that are finite besides; a message says which component is wrong, and what it has. And
what is asked of a mixture that has no answer there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import ParameterError
from gmmkit.model.covariance import Covariance
from gmmkit.model.noise import Noise
from gmmkit.numerics.arguments import numbers
from gmmkit.numerics.cholesky import not_positive_definite
from gmmkit.numerics.frame import power_of_two

if TYPE_CHECKING:
    from gmmkit.model.mixture import Mixture

__all__ = [
    "check_parameters",
    "check_positive_definite",
    "checked_degrees",
    "gaussian_only",
    "refuse_noise",
]

Array = NDArray[np.float64]

_SUM_TOLERANCE = 1e-6


def check_parameters(weights: Array, means: Array, covariance: Covariance, noise: Noise | None = None) -> None:
    """Raise a ParameterError unless weights (k,), means (k, d), k covariances and noise make a mixture."""
    if weights.ndim != 1 or not len(weights):
        raise ParameterError(f"weights must be one number for each component, but got the shape {weights.shape}")
    if means.ndim != 2 or len(means) != len(weights):
        raise ParameterError(
            f"means must have the shape ({len(weights)}, columns) to go with {len(weights)} weights, "
            f"but got {means.shape}"
        )
    if not isinstance(covariance, Covariance):
        raise ParameterError(
            "covariance must be a family, such as Full(array) or Diagonal(array), "
            f"but got {type(covariance).__name__}; Mixture.from_arrays takes plain arrays"
        )
    if (covariance.n_components, covariance.n_features) != means.shape:
        raise ParameterError(
            f"covariance is for {covariance.n_components} components and {covariance.n_features} columns, "
            f"but means have the shape {means.shape}"
        )
    for name, array in (("weights", weights), ("means", means), ("covariances", covariance.values)):
        if not np.isfinite(array).all():
            raise ParameterError(f"{name} must be finite, but got {array[~np.isfinite(array)][0]}")
    if (weights < 0).any():
        j = int(weights.argmin())
        raise ParameterError(f"weights must not be negative, but component {j} has {weights[j]:g}")
    if noise is None:
        if abs(weights.sum() - 1.0) > _SUM_TOLERANCE:
            raise ParameterError(f"weights must sum to 1, but sum to {weights.sum():.9g}; divide them by their sum")
    else:
        _check_noise(noise, weights, means.shape[1])
    check_positive_definite(covariance)


def _check_noise(noise: Noise, weights: Array, d: int) -> None:
    if not isinstance(noise, Noise):
        raise ParameterError(f"noise must be a Noise or None, but got {type(noise).__name__}")
    if noise.region is not None and noise.region.shape[1] != d:
        raise ParameterError(f"the noise's region is of {noise.region.shape[1]} columns, but the means are of {d}")
    if abs(weights.sum() + noise.weight - 1.0) > _SUM_TOLERANCE:
        raise ParameterError(
            f"weights must sum to 1 less the noise's, {1.0 - noise.weight:.9g}, but sum to {weights.sum():.9g}"
        )


def checked_degrees(degrees: ArrayLike, k: int) -> Array:
    """Return degrees of freedom (k,) from one number or k of them, or raise a ParameterError."""
    array = numbers("degrees_of_freedom", degrees)
    if array.ndim == 0:
        array = np.full(k, float(array))
    if array.shape != (k,):
        raise ParameterError(f"degrees_of_freedom must be one number or {k}, but got the shape {array.shape}")
    if not (array > 0).all():
        j = int(np.argmin(array > 0))
        raise ParameterError(f"degrees_of_freedom must be positive, but component {j} has {array[j]:g}")
    return array


def refuse_noise(mixture: Mixture, asked: str) -> None:
    """Raise a ParameterError where a uniform background makes what is asked undefined."""
    if mixture.noise is not None:
        raise ParameterError(
            f"{asked} is not defined for a mixture with noise, whose density does not end with the data: "
            "take the components alone, mixture.without_noise()"
        )


def gaussian_only(mixture: Mixture, asked: str) -> None:
    """Raise a ParameterError where what is asked has an answer for Gaussian components only."""
    refuse_noise(mixture, asked)
    if mixture.degrees_of_freedom is not None:
        raise ParameterError(f"{asked} is defined for Gaussian components only, but these are Student-t")


def check_positive_definite(covariance: Covariance) -> None:
    """Raise a ParameterError unless all covariances are symmetric and positive definite."""
    if covariance.asymmetry() > 1e-8 * np.abs(covariance.values).max():
        raise ParameterError(
            f"covariances must be symmetric, but mirrored entries differ by up to {covariance.asymmetry():g}"
        )
    # Judged at unit scale, so that variances of 1e-300 are as good as any.
    scale = power_of_two(np.sqrt(np.maximum(covariance.variances().max(axis=0), 0.0)))
    if covariance.equivariance == "scalar":
        scale = np.full_like(scale, scale.min())
    unit = covariance.rescaled(scale)
    try:
        unit.whitening  # noqa: B018
    except np.linalg.LinAlgError:
        bad = not_positive_definite(unit.dense())
        j = bad[0] if bad else int(np.argmin(unit.smallest_eigenvalues()))
        smallest = np.linalg.eigvalsh(covariance.dense()[j])[0]
        raise ParameterError(
            f"component {j}: the covariance is not positive definite (smallest eigenvalue {smallest:g})"
        ) from None
