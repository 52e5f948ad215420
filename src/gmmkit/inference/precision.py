"""Which fits may be computed in floats, and why others are not."""

from __future__ import annotations

from gmmkit.data import Table
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.plain import is_small
from gmmkit.kernels import native
from gmmkit.model.covariance import Covariance
from gmmkit.model.fused import HAVE_FLOATS

__all__ = ["FAR", "SMALL", "why_double"]

# Weights multiply shares down to 1e-35 and are added up with squares of deviations, in floats.
_LEAST_WEIGHT, _LARGEST_WEIGHT = 1e-12, 1e12

#: What needs no telling.
SMALL = "small fits are"
#: Why no pass of a fit was in floats, where nothing else was: what passes find out.
FAR = "rows lie more than some hundred standard deviations from the data's mean"


def why_double(table: Table, family: type[Covariance], settings: FitSettings, n_components: int) -> str | None:
    """Return why a fit is computed in doubles, as far as that is known before it begins; None: it may be in floats."""
    if (reason := native.why_not()) is not None:
        return f"float32 takes the compiled kernel, which is not used ({reason})"
    if settings.truncation is not None:
        return "truncated fits are"
    if settings.n_factors is not None:
        return "fits of factors are"
    if settings.noise is not None or settings.degrees_of_freedom is not None:
        return "fits with noise or Student-t components are"
    if settings.acceleration is not None:
        return "accelerated fits are"
    if family.contraction not in HAVE_FLOATS:
        return f"fits of covariance_type {family.name!r}, which all components share, are"
    weights = table.weights
    if weights is not None:
        held = weights[weights > 0]
        if held.min() < _LEAST_WEIGHT or held.max() > _LARGEST_WEIGHT:
            return f"row weights must be from {_LEAST_WEIGHT:g} to {_LARGEST_WEIGHT:g}: multiply them by a constant"
    if is_small(table.n_rows, table.n_columns, n_components):
        return SMALL
    return None
