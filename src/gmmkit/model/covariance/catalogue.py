"""Names of the covariance families: the only list of them."""

from __future__ import annotations

from gmmkit.errors import ParameterError
from gmmkit.model.covariance.base import Covariance
from gmmkit.model.covariance.diagonal import Diagonal
from gmmkit.model.covariance.full import Full
from gmmkit.model.covariance.spherical import SharedSpherical, Spherical
from gmmkit.model.covariance.tied import Tied

__all__ = ["FAMILIES", "family"]

FAMILIES: dict[str, type[Covariance]] = {cls.name: cls for cls in (Full, Tied, Diagonal, Spherical, SharedSpherical)}


def family(name: str) -> type[Covariance]:
    """Return the family of a name.

    Examples
    --------
    >>> family("diag").__name__
    'Diagonal'
    """
    if name not in FAMILIES:
        raise ParameterError(f"covariance_type must be one of {', '.join(FAMILIES)}, but got {name!r}")
    return FAMILIES[name]
