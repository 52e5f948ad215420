"""Covariance families: one small file each, and a catalogue of their names.

A covariance is ``Σ_k = λ_k D_k A_k D_kᵀ``: volume λ_k, shape A_k (diagonal, determinant 1), orientation D_k. mclust's
names say of each in turn whether it is equal in all components (E), each component's own (V), or absent (I).

=========  ==================  =================================================  ===================================
Structure  Covariance          Components are                                     Parameters, k components, d columns
=========  ==================  =================================================  ===================================
EII        λI                  equal spheres                                      1
VII        λ_k I               spheres (``spherical``)                            k
EEI        λA                  equal ellipsoids along the columns                 d
VEI        λ_k A               the same, each of its own size                     k + d − 1
EVI        λA_k              ellipsoids along the columns, of equal volume      1 + k(d − 1)
VVI        λ_k A_k             ellipsoids along the columns (``diag``)            kd
EEE        λDADᵀ               equal ellipsoids (``tied``)                        d(d + 1)/2
VEE        λ_k DADᵀ            equal ellipsoids, each of its own size             k + (d − 1) + d(d − 1)/2
EVE        λDA_k Dᵀ            of equal volume, with common axes                  1 + k(d − 1) + d(d − 1)/2
VVE        λ_k DA_k Dᵀ         ellipsoids with common axes                        kd + d(d − 1)/2
EEV        λD_k AD_kᵀ          one ellipsoid, turned                              d + kd(d − 1)/2
VEV        λ_k D_k AD_kᵀ       one shape, turned, each of its own size            k + (d − 1) + kd(d − 1)/2
EVV        λD_k A_k D_kᵀ       any ellipsoids of equal volume                     1 + k(d − 1) + kd(d − 1)/2
VVV        λ_k D_k A_k D_kᵀ    any ellipsoids (``full``)                          kd(d + 1)/2
=========  ==================  =================================================  ===================================

In one column there are two: E, equal variances, and V, own ones. VEI, VEE and VEV are found by cycles that each raise
the likelihood, until no volume changes by more than 1e-9 of itself, at most 200; EVE and VVE by turning the axes until
a turn promises less than 1e-12 per unit of weight, at most 30 times. Each begins where the last pass of the fit ended.
Beside them stand low-rank covariances, of a few factors and noise (`factor.py`), which fits of their own find.

Sources: Celeux & Govaert (1995), Gaussian parsimonious clustering models; Flury (1984) and Browne & McNicholas (2014)
for common axes.
"""

from gmmkit.model.covariance.axis_aligned import EEI, EVI, VEI
from gmmkit.model.covariance.base import Covariance
from gmmkit.model.covariance.catalogue import FAMILIES, NAMES, STRUCTURES, family, structures_for, unconstrained
from gmmkit.model.covariance.common_axes import EVE, VVE
from gmmkit.model.covariance.diagonal import Diagonal
from gmmkit.model.covariance.ellipsoidal import EEV, EVV, VEE, VEV
from gmmkit.model.covariance.factor import (
    FACTORS,
    LOW_RANK,
    EqualNoiseFactor,
    Factor,
    IsotropicFactor,
    SharedNoiseFactor,
)
from gmmkit.model.covariance.full import Full
from gmmkit.model.covariance.spherical import SharedSpherical, Spherical
from gmmkit.model.covariance.tied import Tied

__all__ = [
    "EEI",
    "EEV",
    "EVE",
    "EVI",
    "EVV",
    "FACTORS",
    "FAMILIES",
    "LOW_RANK",
    "NAMES",
    "STRUCTURES",
    "VEE",
    "VEI",
    "VEV",
    "VVE",
    "Covariance",
    "Diagonal",
    "EqualNoiseFactor",
    "Factor",
    "Full",
    "IsotropicFactor",
    "SharedNoiseFactor",
    "SharedSpherical",
    "Spherical",
    "Tied",
    "family",
    "structures_for",
    "unconstrained",
]
