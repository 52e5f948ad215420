"""Covariance families: one small file each, and a catalogue of their names."""

from gmmkit.model.covariance.base import Covariance
from gmmkit.model.covariance.catalogue import FAMILIES, NAMES, STRUCTURES, family, structures_for
from gmmkit.model.covariance.diagonal import Diagonal
from gmmkit.model.covariance.full import Full
from gmmkit.model.covariance.spherical import SharedSpherical, Spherical
from gmmkit.model.covariance.tied import Tied

__all__ = [
    "FAMILIES",
    "NAMES",
    "STRUCTURES",
    "Covariance",
    "Diagonal",
    "Full",
    "SharedSpherical",
    "Spherical",
    "Tied",
    "family",
    "structures_for",
]
