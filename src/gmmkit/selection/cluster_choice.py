"""What a search for clusters compares and what it answers, and its choice in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.model.mixture import Mixture
from gmmkit.selection.cluster_models import ClusterModel, Distribution
from gmmkit.selection.merge_tree import MergeTree

__all__ = ["ClusterCandidate", "ClusterResult", "reason_for"]

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class ClusterCandidate:
    """A mixture, and the clusters that it comes to.

    Attributes
    ----------
    model : ClusterModel
    n_clusters : int
    bic : float
        Of the rows that clusters were sought on; lower is better.
    n_parameters : int
    agreement : float or None
        None where the BIC alone told that others are better, or where the fit failed on half of the rows.
    cost : float
        ``BIC / n + (1 − agreement)``; infinity without an agreement.
    """

    model: ClusterModel
    n_clusters: int
    bic: float
    n_parameters: int
    agreement: float | None = None
    cost: float = math.inf

    @property
    def merged(self) -> bool:
        """Whether clusters may have several components."""
        return self.model.n_components > self.n_clusters

    def as_row(self) -> dict[str, Any]:
        """Return the row as plain values."""
        return {
            "n_components": self.model.n_components,
            "covariance_type": self.model.structure,
            "distribution": self.model.distribution,
            "merged": self.merged,
            "n_parameters": self.n_parameters,
            "bic": self.bic,
            "agreement": self.agreement,
            "cost": None if math.isinf(self.cost) else self.cost,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any], n_clusters: int) -> ClusterCandidate:
        """Return the candidate that `as_row` was made of.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is no such row.
        """
        distribution: Distribution = "t" if row["distribution"] == "t" else "normal"
        return cls(
            ClusterModel(str(row["covariance_type"]), int(row["n_components"]), distribution),
            n_clusters,
            float(row["bic"]),
            int(row["n_parameters"]),
            None if row["agreement"] is None else float(row["agreement"]),
            math.inf if row["cost"] is None else float(row["cost"]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class ClusterResult:
    """The clusters that were found.

    Attributes
    ----------
    mixture : Mixture
        In the data's units.
    clusters : ndarray of shape (K,)
        The cluster of each component.
    tree : MergeTree
        From components to one cluster; it proposes k.
    candidates : tuple of ClusterCandidate
        By cost, those without one by BIC; the first was taken.
    reason : str
        Why, in a sentence.
    """

    mixture: Mixture
    clusters: Indices
    tree: MergeTree
    candidates: tuple[ClusterCandidate, ...]
    reason: str

    @property
    def n_clusters(self) -> int:
        """Number of clusters, k."""
        return int(self.clusters.max()) + 1


def reason_for(candidates: tuple[ClusterCandidate, ...], n: float) -> str:
    """Say why the first of the candidates, on rows of weight n in all, was taken."""
    best = candidates[0]
    k = best.n_clusters
    groups = f"{k} clusters"
    if k == 1:
        # All halves agree on one cluster.
        return f"{best.model.words()}, the smallest BIC"
    if best.agreement is None:
        return f"{best.model.words()}, the smallest BIC; half of the rows are too few to tell whether they reproduce it"
    found = f"halves of the rows find the same {groups} again with an adjusted Rand index of {best.agreement:.2f}"
    others = [c for c in candidates if c.merged != best.merged]
    if not others:
        return f"{best.model.words()}: {found}"
    other = min(others, key=lambda c: (c.cost, c.bic))
    per_row = (other.bic - best.bic) / n
    compared = f"a BIC {abs(per_row):.2f} a row {'higher' if per_row > 0 else 'lower'}"
    again = "" if other.agreement is None else f" and an index of {other.agreement:.2f}"
    way = f"merged to {groups}" if best.merged else "one to each cluster"
    return (
        f"{best.model.words()}, {way}: {found}; {other.model.words()} {'merged ' * other.merged}had {compared}{again}"
    )
