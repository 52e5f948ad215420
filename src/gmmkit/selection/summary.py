"""Clusters in plain words: how large, where, how far from their neighbours, how sure their rows are.

Where a cluster lies is told by ``(c_j − c) / s``, column by column: its centre c_j, the weighted mean of its
components' centres, less the centre c of all of them, in standard deviations s of the whole mixture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import ParameterError
from gmmkit.model.holder import MixtureHolder, mixture_of, table_for
from gmmkit.model.mixture import Mixture
from gmmkit.model.separation import separation
from gmmkit.numerics.arguments import partition, shown
from gmmkit.selection.overlap import Overlap, measure_overlap, posteriors_of

__all__ = ["ClusterSummary", "clusters_in_words", "describe_clusters"]

Array = NDArray[np.float64]

# Standardised differences from which a column is worth a word, and a strong one.
_HIGH, _VERY_HIGH = 0.5, 1.5
_MOST_COLUMNS = 3
# Share of a cluster's rows put in another from which the two overlap, and overlap much.
_APART, _MUCH = 0.01, 0.1
# Standard deviations below which two are not apart, whatever their rows are taken for.
_NEAR = 2.0
_DRAWN = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class ClusterSummary:
    """One cluster.

    Attributes
    ----------
    cluster : int
    components : tuple of int
        Of the mixture, that the cluster is made of.
    size : float
        Expected weight of its rows.
    share : float
        Of all weight.
    centre : ndarray of shape (d,)
        In the data's units.
    deviation : ndarray of shape (d,)
        Of the centre from that of all clusters, in standard deviations of the mixture.
    neighbour : int or None
        The cluster that most of its rows are taken for, or else of which most rows are taken for its own, or else the
        nearest; None if there is no other.
    mistaken : float
        Share of its rows that are put in the neighbour.
    received : float
        Share of the neighbour's rows that are put in this one.
    separation : float
        Smallest distance of their components, in standard deviations; infinity without a neighbour.
    certainty : float
        Mean probability of the cluster over the rows put in it.
    names : tuple of str
        Of the columns.
    """

    cluster: int
    components: tuple[int, ...]
    size: float
    share: float
    centre: Array
    deviation: Array
    neighbour: int | None
    mistaken: float
    received: float
    separation: float
    certainty: float
    names: tuple[str, ...]

    @property
    def outstanding(self) -> tuple[int, ...]:
        """The columns in which it stands out, the furthest first; none of a cluster near the middle."""
        order = np.argsort(-np.abs(self.deviation), kind="stable")[:_MOST_COLUMNS]
        return tuple(int(c) for c in order if abs(self.deviation[c]) >= _HIGH)

    @property
    def place(self) -> str:
        """Where it lies: the columns in which it stands out most, or "near the middle"."""
        if self.neighbour is None:
            return "everything"
        words = [
            f"{'very ' if abs(self.deviation[c]) >= _VERY_HIGH else ''}"
            f"{'high' if self.deviation[c] > 0 else 'low'} {self.names[c]}"
            for c in self.outstanding
        ]
        return ", ".join(words) or "near the middle of every column"

    @property
    def company(self) -> str:
        """How it lies to its neighbour."""
        if self.neighbour is None:
            return "there is no other cluster"
        if self.mistaken >= _APART:
            there = f"{_percent(self.mistaken)} of its rows would be put there"
            return f"{_met(self.mistaken)} cluster {self.neighbour}: {there}"
        if self.received >= _APART:
            here = f"{_percent(self.received)} of that one's rows would be put here"
            return f"cluster {self.neighbour} {_met(self.received)} it: {here}"
        distance = "" if np.isinf(self.separation) else f", {self.separation:.1f} standard deviations away"
        if self.separation < _NEAR:
            return f"next to cluster {self.neighbour}{distance}"
        return f"well apart from its nearest, cluster {self.neighbour}{distance}"

    @property
    def sentence(self) -> str:
        """All of it."""
        made = f", made of {len(self.components)} components" if len(self.components) > 1 else ""
        parts = [self.place, self.company]
        if self.neighbour is not None:
            parts.append(f"its rows are {_percent(self.certainty)} sure on average")
        return f"Cluster {self.cluster} holds {_percent(self.share)} of the rows{made}: {'; '.join(parts)}."

    def as_row(self) -> dict[str, Any]:
        """Return the cluster as plain values."""
        return {
            "cluster": self.cluster,
            "components": list(self.components),
            "size": self.size,
            "share": self.share,
            "centre": dict(zip(self.names, self.centre.tolist(), strict=True)),
            "deviation": dict(zip(self.names, self.deviation.tolist(), strict=True)),
            "place": self.place,
            "neighbour": self.neighbour,
            "mistaken": self.mistaken,
            "received": self.received,
            "separation": None if np.isinf(self.separation) else self.separation,
            "certainty": self.certainty,
            "sentence": self.sentence,
        }


def describe_clusters(
    model: Mixture | MixtureHolder,
    rows: Any = None,
    *,
    weights: ArrayLike | None = None,
    groups: Sequence[Sequence[int]] | None = None,
    names: Sequence[str] | None = None,
) -> tuple[ClusterSummary, ...]:
    """Describe the clusters of a mixture in words and numbers: one pass over the rows.

    Parameters
    ----------
    model : Mixture or fitted estimator
    rows : array-like of shape (n, d), data frame or Table, optional
        Default: 20,000 rows drawn from the mixture.
    weights : array-like of shape (n,), optional
    groups : sequence of sequences of int, optional
        The components of each cluster, as `MergeTree.groups` gives them. Default: every component is a cluster.
    names : sequence of str, optional
        Of the columns; data frames, tables and estimators that were fitted to one have their own.

    Returns
    -------
    tuple of ClusterSummary

    Raises
    ------
    ParameterError
        If the groups do not hold each component once, or there are too few names.
    DataError
        If the rows have other columns than those the model was fitted on, or have them in another order.

    Examples
    --------
    >>> mixture = Mixture.from_arrays([0.4, 0.6], [[0.0, 5.0], [9.0, 5.0]], [1.0, 1.0], covariance_type="spherical")
    >>> for cluster in describe_clusters(mixture, names=["length", "width"]):
    ...     print(cluster.sentence)
    Cluster 0 holds 40 % of the rows: low length; well apart from its nearest, cluster 1, 9.0 standard deviations
    away; its rows are over 99 % sure on average.
    Cluster 1 holds 60 % of the rows: high length; well apart from its nearest, cluster 0, 9.0 standard deviations
    away; its rows are over 99 % sure on average.
    """
    mixture = mixture_of(model)
    k = mixture.n_components
    chosen = partition([[j] for j in range(k)] if groups is None else groups, k)
    if rows is None:
        mixture_alone = mixture.without_noise() if mixture.noise is not None else mixture
        rows, weights = mixture_alone.sample(_DRAWN, seed=0)[0], None
    table = table_for(model, rows, weights=weights)
    found = measure_overlap(posteriors_of(mixture, table), chosen)
    return clusters_in_words(mixture, found, chosen, names if names is not None else table.names)


def clusters_in_words(
    mixture: Mixture, overlap: Overlap, groups: Sequence[Sequence[int]], names: Sequence[str] | None = None
) -> tuple[ClusterSummary, ...]:
    """Describe clusters whose overlap is measured already; see `describe_clusters`."""
    d = mixture.n_features
    if isinstance(names, str) or not isinstance(names, Iterable | None):
        raise ParameterError(f"names must be a list of {d}, one for each column, but got {shown(names)}")
    given = tuple(f"column {j}" for j in range(d)) if names is None else tuple(str(name) for name in names)
    if len(given) != d:
        raise ParameterError(f"names must be one for each of the {d} columns, but got {len(given)}")
    shares = mixture.weights / mixture.weights.sum()
    middle = shares @ mixture.means
    spread = np.sqrt(shares @ (mixture.covariance.variances() + (mixture.means - middle) ** 2))
    of_group = [shares[list(group)] for group in groups]
    centres = np.array(
        [
            (w / w.sum() if w.sum() > 0 else np.full(len(w), 1.0 / len(w))) @ mixture.means[list(group)]
            for w, group in zip(of_group, groups, strict=True)
        ]
    )
    between = separation(mixture)
    chance, sure = overlap.misclassification, 1.0 - overlap.uncertainties
    summaries = []
    for a, group in enumerate(groups):
        distance = np.array(
            [np.inf if b == a else between[np.ix_(group, other)].min() for b, other in enumerate(groups)]
        )
        neighbour = None
        if len(groups) > 1:
            touched = next((met for met in (chance[a], chance[:, a]) if met.max() >= _APART), -distance)
            neighbour = int(touched.argmax())
        mistaken, received = (0.0, 0.0) if neighbour is None else (chance[a, neighbour], chance[neighbour, a])
        summaries.append(
            ClusterSummary(
                a, tuple(group), float(overlap.sizes[a]), float(overlap.sizes[a] / overlap.total_weight),
                centres[a], (centres[a] - middle) / spread, neighbour,
                float(mistaken), float(received), np.inf if neighbour is None else float(distance[neighbour]),
                float(sure[a]), given,
            )
        )  # fmt: skip
    return tuple(summaries)


def _met(share: float) -> str:
    return "runs into" if share >= _MUCH else "touches"


def _percent(share: float) -> str:
    if 0 < share < 0.001:
        return "under 0.1 %"
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{100 * share:.1f} %" if 0 < share < 0.0995 else f"{100 * share:.0f} %"
