"""The tree of components merged into clusters: all ways to read a mixture's components as clusters, from k to one.

Made by the rules in `merging.py`; a value that can be asked for labels and probabilities, and written into a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data import as_table
from gmmkit.data.columns import check_names
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.arguments import whole

__all__ = ["Merge", "MergeTree"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Merge:
    """One step of the tree: group `second` joins group `first`.

    Attributes
    ----------
    first, second : tuple of int
        The components of each, in order; `first` holds the lower number.
    score : float
        Why they were next: what the rule says of the pair.
    fall : float
        What the step took off the entropy of the classification, in nats over all rows.
    rows : float
        Weight of the rows put in either of them.
    """

    first: tuple[int, ...]
    second: tuple[int, ...]
    score: float
    fall: float
    rows: float

    @property
    def fall_per_row(self) -> float:
        """What the step took off the entropy, in nats for each row merged."""
        return self.fall / self.rows if self.rows > 0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class MergeTree:
    """All ways to read a mixture's k components as clusters, from k to one.

    Attributes
    ----------
    mixture : Mixture
    rule : str
        "entropy" or "misclassification".
    merges : tuple of Merge
        In order: after the first m of them k − m clusters are left.
    curve : ndarray of shape (k,)
        Entropy of the classification into 1, …, k clusters, in nats over all rows.
    proposed : int
        The number of clusters that the rule proposes.
    reason : str
        Why, in a sentence.
    names : tuple of str or None
        Of the columns, where they are known: rows with others are refused.
    """

    mixture: Mixture
    rule: str
    merges: tuple[Merge, ...]
    curve: Array
    proposed: int
    reason: str
    names: tuple[str, ...] | None = None

    @property
    def heights(self) -> Array:
        """Scores of the merges (k − 1,), in order."""
        return np.array([merge.score for merge in self.merges])

    def groups(self, n_clusters: int | None = None) -> tuple[tuple[int, ...], ...]:
        """Return the components of each cluster, ordered by their lowest; by default of the proposed number.

        Raises
        ------
        ParameterError
            If `n_clusters` is not from 1 to k.
        """
        k = self.mixture.n_components
        n = (
            self.proposed
            if n_clusters is None
            else whole("n_clusters", n_clusters, 1, k, why="the number of components")
        )
        return _groups_after(self.merges[: k - n], k)

    def probabilities(self, rows: Any, n_clusters: int | None = None, *, n_jobs: int | None = None) -> Array:
        """Return the probability of each cluster given each row (n, n_clusters).

        Raises
        ------
        DataError
            If the rows have other columns than those of the tree, or have them in another order.
        """
        table = as_table(rows)
        check_names(table.names, self.names, table.origin, "the mixture")
        posterior = self.mixture.posterior(table, n_jobs=n_jobs)
        return np.stack([posterior[:, list(group)].sum(axis=1) for group in self.groups(n_clusters)], axis=1)

    def labels(self, rows: Any, n_clusters: int | None = None, *, n_jobs: int | None = None) -> Indices:
        """Return the most probable cluster of each row (n,); −1 where noise is the most probable."""
        shared = self.probabilities(rows, n_clusters, n_jobs=n_jobs)
        labels: Indices = shared.argmax(axis=1)
        if self.mixture.noise is not None:
            labels[shared.max(axis=1) < 1.0 - shared.sum(axis=1)] = -1
        return labels

    def as_rows(self) -> list[dict[str, Any]]:
        """Return a plain row for each number of clusters, from k down, with the merge that led there."""
        k = self.mixture.n_components
        rows: list[dict[str, Any]] = []
        for m in range(k):
            step = self.merges[m - 1] if m else None
            rows.append(
                {
                    "n_clusters": k - m,
                    "entropy": float(self.curve[k - m - 1]),
                    "first": None if step is None else list(step.first),
                    "second": None if step is None else list(step.second),
                    "score": None if step is None else step.score,
                    "fall": None if step is None else step.fall,
                    "fall_per_row": None if step is None else step.fall_per_row,
                    "rows": None if step is None else step.rows,
                    "proposed": k - m == self.proposed,
                }
            )
        return rows

    def as_record(self) -> dict[str, Any]:
        """Return the tree as plain values, for a model file."""
        return {"rule": self.rule, "reason": self.reason, "rows": self.as_rows()}

    @classmethod
    def from_record(cls, mixture: Mixture, record: Mapping[str, Any], names: Sequence[str] | None = None) -> MergeTree:
        """Return the tree that `as_record` wrote of a mixture of columns of these names.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is no such record.
        """
        rows = list(record["rows"])
        merges = tuple(
            Merge(
                tuple(int(j) for j in row["first"]), tuple(int(j) for j in row["second"]),
                float(row["score"]), float(row["fall"]), float(row["rows"]),
            )
            for row in rows[1:]
        )  # fmt: skip
        (proposed,) = (int(row["n_clusters"]) for row in rows if row["proposed"])
        curve = np.array([float(row["entropy"]) for row in reversed(rows)])
        k = mixture.n_components
        known = {j for merge in merges for j in (*merge.first, *merge.second)} | {0}
        if len(curve) != k or known != set(range(k)) or not 1 <= proposed <= k:
            raise ValueError(f"the merge tree is not of a mixture of {k} components")
        named = None if names is None else tuple(names)
        return cls(mixture, str(record["rule"]), merges, curve, proposed, str(record["reason"]), named)


def _groups_after(merges: Sequence[Merge], k: int) -> tuple[tuple[int, ...], ...]:
    group = np.arange(k)
    for merge in merges:
        group[list(merge.second)] = group[merge.first[0]]
    return tuple(tuple(int(j) for j in np.flatnonzero(group == name)) for name in dict.fromkeys(group.tolist()))
