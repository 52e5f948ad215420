"""How well clusters agree with labels that are known: the cross-table and the adjusted Rand index.

    ARI = (Σ_ij C(n_ij, 2) − e) / (½ (Σ_i C(a_i, 2) + Σ_j C(b_j, 2)) − e),   e = Σ_i C(a_i, 2) Σ_j C(b_j, 2) / C(n, 2)

with n_ij the rows of cluster i and label j, a_i and b_j its margins (Hubert & Arabie 1985, equation 5): 1 for the
same partition, 0 on average for one drawn by chance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table
from gmmkit.model.evaluation import evaluate_blocks
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.frame import power_of_two

__all__ = ["adjusted_rand_index", "cross_table"]


def cross_table(mixture: Mixture, table: Table, groups: Sequence[Sequence[int]] | None = None) -> NDArray[np.float64]:
    """Return the weight of the rows of each cluster (k) and label (m), shape (k, m); one pass, nothing kept.

    The table must have labels. Clusters are components, or groups of them. Rows that are noise come last, (k + 1, m),
    where the mixture has noise.
    """
    assert table.labels is not None
    codes, m = table.labels.codes, len(table.labels.names)
    k = mixture.n_components if groups is None else len(groups)
    counts = np.zeros((k + (mixture.noise is not None)) * m)
    for block, answer in evaluate_blocks(mixture, table):
        clusters = answer.labels
        if groups is not None:
            shared = np.stack([answer.posterior[:, list(group)].sum(axis=1) for group in groups], axis=1)
            clusters = shared.argmax(axis=1)
            if mixture.noise is not None:
                clusters[shared.max(axis=1) < 1.0 - shared.sum(axis=1)] = -1
        cells = np.where(clusters < 0, k, clusters) * m + codes[block.index : block.index + len(block.rows)]
        counts += np.bincount(cells, weights=block.weights, minlength=len(counts))
    return counts.reshape(-1, m)


def adjusted_rand_index(counts: NDArray[np.float64]) -> float:
    """Return the adjusted Rand index of a cross-table (k, m); 1 where both partitions are trivial.

    Examples
    --------
    >>> adjusted_rand_index(np.array([[50.0, 0.0], [0.0, 50.0]]))
    1.0
    >>> round(adjusted_rand_index(np.array([[2.0, 1.0], [1.0, 2.0]])), 4)
    -0.1111
    """
    # A power of two, which rounds nothing, keeps squares of huge weights in range.
    unit = float(power_of_two(counts.sum()))

    def pairs(n: NDArray[np.float64]) -> float:
        return float((n * unit * (n * unit - unit)).sum() / 2.0)

    together, rows, columns = pairs(counts), pairs(counts.sum(axis=1)), pairs(counts.sum(axis=0))
    everything = pairs(counts.sum(keepdims=True))
    if everything == 0.0:
        return 1.0
    expected = rows * columns / everything
    most = (rows + columns) / 2.0
    return 1.0 if most == expected else (together - expected) / (most - expected)
