"""How far components, or groups of them, run into each other on rows.

    t_ab = Σ_x w(x) r_a(x) [x is put in b]      e = −Σ_x w(x) Σ_a r_a(x) log (r_a(x) / r(x)),   r = Σ_a r_a

r_a is the posterior probability of group a, the sum of its components'; a row is put in the group of the largest. r is
1 where there is no noise, which joins no group: how unsure rows are of it is no part of the entropy.
``t_ab / Σ_x w(x) r_a(x)`` estimates the probability that a row of a is taken for one of b (Hennig 2010, "Methods for
merging Gaussian mixture components", Advances in Data Analysis and Classification 4: the direct estimate of DEMP), and
e is the entropy of the classification (Celeux & Soromenho 1996, Journal of Classification 13). Joining two groups
takes off it

    g_ab = Σ_x w(x) [h(r_a + r_b) − h(r_a) − h(r_b)],   h(r) = r log r        (Baudry et al. 2010)

All are sums over rows: one pass, and only tables of groups × groups are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from gmmkit.model.evaluation import evaluate_blocks
from gmmkit.model.mixture import Mixture

__all__ = ["Overlap", "Posteriors", "measure_overlap", "posteriors_of"]

Array = NDArray[np.float64]

#: Gives, as often as it is called, blocks of posteriors (b, k) with the weights (b,) of their rows, or None.
Posteriors: TypeAlias = Callable[[], Iterable[tuple[Array, Array | None]]]

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """Sums over rows that tell how far g groups run into each other.

    Attributes
    ----------
    sizes : ndarray of shape (g,)
        Expected weight of the rows of each group, ``Σ w r_a``.
    assigned : ndarray of shape (g,)
        Weight of the rows put in each.
    taken : ndarray of shape (g, g)
        ``t_ab``: expected weight of the rows of a that are put in b.
    entropy : float
        Of the classification into the groups, in nats: over all rows.
    total_weight : float
    gains : ndarray of shape (g, g), or None
        ``g_ab``, symmetric, 0 on the diagonal, where it was asked for.
    """

    sizes: Array
    assigned: Array
    taken: Array
    entropy: float
    total_weight: float
    gains: Array | None = None

    @property
    def misclassification(self) -> Array:
        """Probability (g, g) that a row of a is put in b; 0 on the diagonal, and for a group without rows."""
        sizes = np.where(self.sizes > 0, self.sizes, 1.0)
        chance = self.taken / sizes[:, None]
        np.fill_diagonal(chance, 0.0)
        return chance

    @property
    def uncertainties(self) -> Array:
        """Mean of ``1 − max_a r_a`` over the rows put in each group (g,); 0 for a group without rows."""
        unsure = np.maximum(self.assigned - self.taken.diagonal(), 0.0)
        return np.divide(unsure, self.assigned, out=np.zeros_like(unsure), where=self.assigned > 0)

    @property
    def confusion(self) -> float:
        """Share of the rows that are of one group and put in another; noise is none."""
        return self._share(float(self.taken.sum() - self.taken.trace()))

    @property
    def noise_confusion(self) -> float:
        """Share of the rows that are noise and put in a group, or of a group and put in the noise."""
        return self._share(float(self.sizes.sum() + self.assigned.sum() - 2.0 * self.taken.sum()))

    def _share(self, weight: float) -> float:
        return max(0.0, weight / self.total_weight) if self.total_weight > 0 else 0.0


def posteriors_of(mixture: Mixture, rows: Any) -> Posteriors:
    """Return the posteriors of a mixture's components, scored again in each pass: nothing of their size is kept."""

    def blocks() -> Iterable[tuple[Array, Array | None]]:
        for block, answer in evaluate_blocks(mixture, rows):
            yield answer.posterior, block.weights

    return blocks


def measure_overlap(
    posteriors: Posteriors,
    groups: Sequence[Sequence[int]],
    *,
    gains_of: Sequence[int] = (),
) -> Overlap:
    """Return how far groups of components run into each other: one pass.

    Parameters
    ----------
    posteriors : callable
        Where posteriors sum to less than 1, the rest is the probability of noise.
    groups : sequence of sequences of int
        The components of each group; together all k, each once.
    gains_of : sequence of int
        Groups whose gains with all others are wanted; those of other pairs are 0.

    Examples
    --------
    >>> posterior = np.array([[0.9, 0.1, 0.0], [0.4, 0.6, 0.0], [0.0, 0.0, 1.0]])
    >>> found = measure_overlap(lambda: [(posterior, None)], [[0], [1], [2]])
    >>> found.misclassification.round(2)
    array([[0.  , 0.31, 0.  ],
           [0.14, 0.  , 0.  ],
           [0.  , 0.  , 0.  ]])
    >>> measure_overlap(lambda: [(posterior, None)], [[0, 1], [2]]).entropy
    0.0
    """
    g = len(groups)
    members = np.zeros((g, sum(len(group) for group in groups)))
    for a, group in enumerate(groups):
        members[a, list(group)] = 1.0
    sizes, assigned, taken = np.zeros(g), np.zeros(g), np.zeros((g, g))
    gains = np.zeros((g, g)) if len(gains_of) else None
    entropy = total = 0.0
    for posterior, given in posteriors():
        shared = members @ posterior.T
        weights = np.ones(shared.shape[1]) if given is None else given
        rest = 1.0 - shared.sum(axis=0)
        rest[rest < _ROUNDING] = 0.0
        labels = shared.argmax(axis=0)
        own = shared.max(axis=0) >= rest
        put = np.zeros((g, len(labels)))
        put[labels[own], np.flatnonzero(own)] = weights[own]
        taken += shared @ put.T
        assigned += put.sum(axis=1)
        sizes += shared @ weights
        surprise = xlogy(shared, shared)
        entropy -= float(weights @ (surprise.sum(axis=0) - xlogy(1.0 - rest, 1.0 - rest)))
        total += float(weights.sum())
        if gains is not None:
            _add_gains(gains, shared, surprise, weights, gains_of)
    # A sum of terms that are at least 0; what rounding leaves below is none.
    return Overlap(sizes, assigned, taken, max(0.0, entropy), total, gains)


def _add_gains(gains: Array, shared: Array, surprise: Array, weights: Array, wanted: Sequence[int]) -> None:
    done: set[int] = set()
    for a in wanted:
        done.add(a)
        others = np.array([b for b in range(len(shared)) if b not in done], dtype=np.intp)
        joined = shared[a] + shared[others]
        more = (xlogy(joined, joined) - surprise[a] - surprise[others]) @ weights
        gains[a, others] += more
        gains[others, a] += more
