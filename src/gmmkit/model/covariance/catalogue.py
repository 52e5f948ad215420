"""Names of the covariance families: the only list of them."""

from __future__ import annotations

from gmmkit.errors import ParameterError
from gmmkit.model.covariance.axis_aligned import EEI, EVI, VEI
from gmmkit.model.covariance.base import Covariance
from gmmkit.model.covariance.common_axes import EVE, VVE
from gmmkit.model.covariance.diagonal import Diagonal
from gmmkit.model.covariance.ellipsoidal import EEV, EVV, VEE, VEV
from gmmkit.model.covariance.factor import LOW_RANK
from gmmkit.model.covariance.full import Full
from gmmkit.model.covariance.spherical import SharedSpherical, Spherical
from gmmkit.model.covariance.tied import Tied
from gmmkit.numerics.arguments import shown
from gmmkit.statistics import Contraction

__all__ = ["FAMILIES", "NAMES", "STRUCTURES", "family", "structures_for", "unconstrained"]

#: Every family by its own name: scikit-learn's, where it has one, or mclust's.
FAMILIES: dict[str, type[Covariance]] = {
    cls.name: cls
    for cls in (Full, Tied, Diagonal, Spherical, SharedSpherical, EEI, VEI, EVI, VEE, EVE, VVE, EEV, VEV, EVV)
}

#: mclust's fourteen structures, in its order.
STRUCTURES = ("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV")

# In one column, equal and own variances.
_ONE_COLUMN = {"E": "EII", "V": "VII"}
_BY_STRUCTURE = {cls.structure: cls for cls in FAMILIES.values()}

#: Every name that `family` takes.
NAMES = tuple(dict.fromkeys((*FAMILIES, *STRUCTURES, *_ONE_COLUMN)))


def family(name: str, n_features: int | None = None) -> type[Covariance]:
    """Return the family of a name, scikit-learn's or mclust's.

    Parameters
    ----------
    name : str
    n_features : int, optional
        Number of columns, where it is known: "E" and "V" are names for one column.

    Raises
    ------
    ParameterError
        If there is no family of that name, or none for so many columns.

    Examples
    --------
    >>> family("diag") is family("VVI")
    True
    """
    if not isinstance(name, str):
        raise ParameterError(f"covariance_type must be one name, such as 'VVV' or 'full', but got {shown(name)}")
    if name in _ONE_COLUMN and n_features not in (None, 1):
        raise ParameterError(
            f"covariance_type {name!r} is for one column, but there are {n_features}: "
            f"give {_ONE_COLUMN[name]!r}, or another of {', '.join(STRUCTURES)}"
        )
    known = FAMILIES.get(name) or _BY_STRUCTURE.get(_ONE_COLUMN.get(name, name))
    if known is None and name in LOW_RANK:
        raise ParameterError(
            f"covariance_type {name!r} needs a number of factors, which only "
            "GaussianMixture(covariance_type='factor', n_factors=...) and MixtureOfFactorAnalyzers take: take one of "
            f"these, or another of {', '.join(NAMES)}"
        )
    if known is None:
        raise ParameterError(f"covariance_type must be one of {', '.join(NAMES)}, but got {name!r}")
    return known


def structures_for(d: int) -> tuple[str, ...]:
    """Return mclust's structures for d columns.

    Examples
    --------
    >>> structures_for(1)
    ('E', 'V')
    """
    return tuple(_ONE_COLUMN) if d == 1 else STRUCTURES


def unconstrained(structure: type[Covariance]) -> type[Covariance]:
    """Return the family that allows whatever a family gathers: one covariance each, of its kind.

    Examples
    --------
    >>> unconstrained(family("VVE")).name, unconstrained(family("EEE")).name
    ('full', 'tied')
    """
    kin: dict[Contraction, type[Covariance]] = {Contraction.FULL: Full, Contraction.DIAGONAL: Diagonal}
    return kin.get(structure.contraction, structure)
