"""A uniform background beside the components: rows that belong to none of them.

    p(x) = Σ_k w_k N(x; μ_k, Σ_k) + w₀ / V

V is the volume of the region that the rows fill. The density is w₀ / V everywhere, outside the region as well, so
that a row beyond it is noise for sure; what is drawn lies inside.

Source: Fraley & Raftery, "Model-based clustering, discriminant analysis, and density estimation", Journal of the
American Statistical Association 97 (2002), section 3.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError
from gmmkit.numerics.arguments import number, numbers
from gmmkit.numerics.frame import Frame

__all__ = ["Noise"]

Array = NDArray[np.float64]

# The logarithm of the largest volume, and of one over the smallest, that is written out.
_MOST_LOG = 700.0


@dataclass(frozen=True, eq=False)
class Noise:
    """A uniform background.

    Parameters
    ----------
    weight : float
        Its share of the rows, w₀: from 0 up to, but not including, 1.
    log_density : float
        ``−log V``, in the data's units.
    region : array_like of shape (m, d), optional
        Corners whose convex hull the noise fills; without them no noise can be drawn.

    Raises
    ------
    ParameterError
        If the weight is outside [0, 1), or a value is not finite.

    Examples
    --------
    >>> square = [[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]]
    >>> Noise(0.25, -np.log(16.0), square)
    Noise(weight 0.25, volume 16)
    """

    weight: float
    log_density: float
    region: Array | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", number("the noise's weight", self.weight, least=0, below=1))
        object.__setattr__(self, "log_density", number("the noise's log_density", self.log_density))
        if self.region is not None:
            region = numbers("the noise's region", self.region)
            if region.ndim != 2 or not np.isfinite(region).all():
                raise ParameterError("the noise's region must be finite corners (m, columns)")
            region.setflags(write=False)
            object.__setattr__(self, "region", region)

    def __repr__(self) -> str:
        # Of many columns, or of columns in small units, the volume itself may leave float64.
        written = abs(self.log_density) < _MOST_LOG
        volume = f"volume {math.exp(-self.log_density):.4g}" if written else f"log volume {-self.log_density:.4g}"
        return f"Noise(weight {self.weight:.4g}, {volume})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Noise):
            return NotImplemented
        if (self.weight, self.log_density) != (other.weight, other.log_density):
            return False
        if self.region is None or other.region is None:
            return self.region is other.region
        return np.array_equal(self.region, other.region)

    __hash__ = None  # type: ignore[assignment]

    def weighing(self, weight: float) -> Noise:
        """Return the same background with another weight."""
        return self._changed(weight=float(weight))

    def into(self, frame: Frame) -> Noise:
        """Return the noise in the coordinates of a frame."""
        region = None if self.region is None else frame.points_in(self.region)
        return self._changed(log_density=self.log_density - frame.log_volume, region=region)

    def out_of(self, frame: Frame) -> Noise:
        """Return the noise, given in a frame's coordinates, in the data's."""
        region = None if self.region is None else frame.points_out(self.region)
        return self._changed(log_density=self.log_density + frame.log_volume, region=region)

    def mapped(self, matrix: Array, offset: Array, log_volume: float) -> Noise:
        """Return the noise of ``A x + b`` for a regular A (d, d) with ``log |det A| = log_volume``."""
        region = None if self.region is None else self.region @ matrix.T + offset
        return self._changed(log_density=self.log_density - log_volume, region=region)

    def sample(self, n_rows: int, random: np.random.Generator) -> Array:
        """Draw rows (n, d) from the region.

        Raises
        ------
        ParameterError
            If the region is not known.
        """
        if self.region is None:
            raise ParameterError(
                "the noise's region is not known, so no noise can be drawn: give Noise(…, region=corners), "
                "or draw from mixture.without_noise()"
            )
        # Only this needs qhull.
        from gmmkit.model.polytope import draw_inside

        return draw_inside(self.region, n_rows, random)

    def _changed(self, **fields: Any) -> Noise:
        return replace(self, **fields)
