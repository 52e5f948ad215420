"""What a mixture is: its parameters, checked and frozen; its sizes; the frame in which it is scored.

What it answers is in `mixture.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import ParameterError
from gmmkit.model.covariance import LOW_RANK, Covariance, family
from gmmkit.model.noise import Noise
from gmmkit.model.scorer import Scorer
from gmmkit.model.validity import check_parameters, checked_degrees
from gmmkit.numerics.arguments import numbers
from gmmkit.numerics.frame import Frame, power_of_two
from gmmkit.numerics.lazy import lazy

__all__ = ["Parameters"]

Array = NDArray[np.float64]

_NAMES = ("weights", "means", "covariance", "degrees_of_freedom", "noise")


@dataclass(frozen=True, eq=False)
class Parameters:
    """The parameters of a mixture, described at `Mixture`."""

    weights: Array
    means: Array
    covariance: Covariance
    degrees_of_freedom: Array | None = None
    noise: Noise | None = None

    def __post_init__(self) -> None:
        arrays = {name: numbers(name, getattr(self, name)) for name in ("weights", "means")}
        check_parameters(arrays["weights"], arrays["means"], self.covariance, self.noise)
        if self.degrees_of_freedom is not None:
            arrays["degrees_of_freedom"] = checked_degrees(self.degrees_of_freedom, len(arrays["weights"]))
        for name, array in arrays.items():
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def trusted(
        cls,
        weights: Array,
        means: Array,
        covariance: Covariance,
        degrees_of_freedom: Array | None = None,
        noise: Noise | None = None,
    ) -> Self:
        """Return a mixture without checking anything: for parameters that a fit has just produced."""
        mixture = object.__new__(cls)
        for name, value in zip(_NAMES, (weights, means, covariance, degrees_of_freedom, noise), strict=True):
            object.__setattr__(mixture, name, value)
        return mixture

    def changed(self, **parameters: Any) -> Self:
        """Return the mixture with some of its parameters replaced, without checking anything."""
        return self.trusted(**{**self.__getstate__(), **parameters})

    @classmethod
    def from_arrays(
        cls,
        weights: ArrayLike,
        means: ArrayLike,
        covariances: ArrayLike,
        *,
        covariance_type: str = "full",
        degrees_of_freedom: ArrayLike | None = None,
        noise: Noise | None = None,
    ) -> Self:
        """Build a mixture from scikit-learn's arrays.

        Parameters
        ----------
        weights : array_like of shape (k,)
        means : array_like of shape (k, d)
        covariances : array_like
            (k, d, d) for "full", (d, d) for "tied", (k, d) for "diag", (k,) for "spherical". For mclust's other
            structures as they hold them: () for "EII", (d,) for "EEI", (k, d) for "VEI" and "EVI", (k, d, d) for
            the rest. Loadings and noise variances side by side, (k, d, q + 1), for "factor-VVI" and the other low-rank
            covariances, of q factors.
        covariance_type : str, default="full"
            scikit-learn's name or mclust's.
        degrees_of_freedom : array_like of shape (k,), optional
        noise : Noise, optional

        Raises
        ------
        ParameterError
            If the arrays are no mixture, or break the structure (relative 1e-6).

        Examples
        --------
        >>> from gmmkit.model.mixture import Mixture
        >>> Mixture.from_arrays([1.0], [[0.0, 0.0]], [[1.0, 4.0]], covariance_type="diag").covariance_matrix()
        array([[1., 0.],
               [0., 4.]])
        """
        means = numbers("means", means)
        if means.ndim != 2:
            raise ParameterError(f"means must have the shape (components, columns), but got {means.shape}")
        k, d = means.shape
        low_rank = LOW_RANK.get(covariance_type) if isinstance(covariance_type, str) else None
        structure: type[Covariance] = low_rank or family(covariance_type, d)
        values = numbers("covariances", covariances)
        expected = structure.expected_shape(k, d, values)
        if values.shape != expected:
            raise ParameterError(
                f"{covariance_type} covariances for means of shape {means.shape} must have the shape {expected}, "
                f"but got {values.shape}"
            )
        covariance = structure(values, n_components=k, n_features=d)
        mixture = cls(weights, means, covariance, degrees_of_freedom, noise)  # type: ignore[arg-type]
        violation = covariance.violation()
        if violation is not None:
            raise ParameterError(f"{covariance_type} covariances: {violation}; give what they share, or use 'full'")
        return mixture

    def __getstate__(self) -> dict[str, Any]:
        # The parameters only: what was computed from them is computed again.
        return {name: self.__dict__[name] for name in _NAMES}

    # --- what it is -----------------------------------------------------------------------------------

    @property
    def n_components(self) -> int:
        """Number of components, k."""
        return len(self.weights)

    @property
    def n_features(self) -> int:
        """Number of columns, d."""
        return int(self.means.shape[1])

    @property
    def covariance_type(self) -> str:
        """The name of the covariance family."""
        return self.covariance.name

    @property
    def covariances(self) -> Array:
        """The covariances in the family's own shape (scikit-learn's ``covariances_``)."""
        return self.covariance.values

    @property
    def n_parameters(self) -> int:
        """Number of free parameters: weights, means, covariances; weight and volume of noise.

        A value does not know how its degrees of freedom were found: a fit that estimated them counts them too
        (`FitResult.n_parameters`).
        """
        k, d = self.means.shape
        return int(k - 1 + k * d + self.covariance.free_parameters) + (0 if self.noise is None else 2)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parameters):
            return NotImplemented
        if (self.degrees_of_freedom is None) != (other.degrees_of_freedom is None):
            return False
        arrays = ("weights", "means") + (() if self.degrees_of_freedom is None else ("degrees_of_freedom",))
        same = all(np.array_equal(getattr(self, name), getattr(other, name)) for name in arrays)
        return same and self.covariance == other.covariance and self.noise == other.noise

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        kind = "" if self.degrees_of_freedom is None else ", Student-t"
        beside = "" if self.noise is None else f", noise {self.noise.weight:.3g}"
        sizes = f"{self.n_components} components, {self.n_features} columns"
        return f"Mixture({sizes}, {self.covariance_type}{kind}{beside})"

    # --- frames ---------------------------------------------------------------------------------------

    @lazy
    def frame(self) -> Frame:
        """The frame in which the mixture is near the origin and near unit size."""
        shift = self.weights @ self.means
        if self.noise is not None:
            shift = shift / self.weights.sum()
        spread = np.abs(self.means - shift).max(axis=0)
        spread = np.maximum(spread, np.sqrt(self.covariance.variances().max(axis=0)))
        if self.covariance.equivariance == "scalar":
            spread = np.full_like(spread, spread.max())
        return Frame(shift, power_of_two(spread))

    @lazy
    def scorer(self) -> Scorer:
        """The mixture made ready to score rows, in its own frame."""
        framed = self.into(self.frame)
        unshifted = Frame(np.zeros(self.n_features), self.frame.scale)
        exact = framed.changed(means=self.means * self.frame.scale).scorer_in(unshifted, centred=True)
        return framed.scorer_in(self.frame, exact=exact)

    @property
    def log_noise(self) -> float | None:
        """Log weight plus log-density of the noise, if there is any."""
        if self.noise is None:
            return None
        with np.errstate(divide="ignore"):
            return float(np.log(self.noise.weight)) + self.noise.log_density

    def scorer_in(self, frame: Frame, *, exact: Scorer | None = None, centred: bool = False) -> Scorer:
        """Return what scores rows read into a frame, in whose coordinates this mixture is."""
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights)
        return Scorer(
            log_weights,
            self.means,
            self.covariance,
            frame,
            exact=exact,
            centred=centred,
            degrees_of_freedom=self.degrees_of_freedom,
            log_noise=self.log_noise,
        )

    def into(self, frame: Frame) -> Self:
        """Return this mixture in the coordinates of a frame."""
        covariance = self.covariance.rescaled(frame.scale)
        noise = None if self.noise is None else self.noise.into(frame)
        return self.changed(means=frame.points_in(self.means), covariance=covariance, noise=noise)

    def out_of(self, frame: Frame) -> Self:
        """Return this mixture, given in a frame's coordinates, in the data's."""
        covariance = self.covariance.rescaled(1.0 / frame.scale)
        noise = None if self.noise is None else self.noise.out_of(frame)
        return self.changed(means=frame.points_out(self.means), covariance=covariance, noise=noise)
