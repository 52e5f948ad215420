"""Groups of rows that are merged two by two, and what each merge costs: see `hierarchy`.

Only a group of more rows than columns has a determinant. Of those there are few at a time, and their scatters are held;
other groups hold their rows, of which a scatter is made where a union has a determinant. So for m rows in d columns
memory is that of m²/2 costs and of some m d numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["FreeMatrices", "OneVariance", "merge_all"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Costs as near as this are tied and the earlier groups are merged: rows that are rounded hold many ties, which
# must not be broken by what a change of units does to the last digit.
_TIED = 1e-8
# Pairs are compared in pieces that stay in a cache.
_VALUES_AT_ONCE = 1 << 16
# In so many columns, determinants of unions with at most a share of as many rows are told by these; but not those of
# groups whose factor has so small a diagonal element beside its largest.
_WIDE, _FEW, _FLAT = 8, 4, 1e-4


class OneVariance:
    """Groups whose value is the trace of their scatter (EII).

    Attributes
    ----------
    sizes : ndarray of shape (g,)
        Numbers of rows.
    counts, means, traces : ndarrays of shapes (g,), (g, d) and (g,)
        Weight, mean and trace of the scatter of each group.
    """

    def __init__(self, rows: Array, weights: Array, member: Indices) -> None:
        self.sizes = np.bincount(member)
        self.counts = np.bincount(member, weights=weights).astype(np.float64)
        self.means = np.zeros((len(self.sizes), rows.shape[1]))
        np.add.at(self.means, member, weights[:, None] * rows)
        self.means /= self.counts[:, None]
        squares = ((rows - self.means[member]) ** 2).sum(axis=1)
        self.traces = np.bincount(member, weights=weights * squares).astype(np.float64)

    def values(self) -> Array:
        """Return the value of each group (g,)."""
        return np.array(self.traces)

    def of_unions(self, first: Indices, second: Indices) -> Array:
        """Return the values of the unions of groups (p,) with others (p,); one may be the same for all, (1,)."""
        return self._traces(first, second)

    def merge(self, i: int, j: int) -> None:
        """Let group j join group i; it must not be asked for again."""
        total = self.counts[i] + self.counts[j]
        self.traces[i] = self._traces(np.array([i]), np.array([j]))[0]
        self.means[i] += (self.means[j] - self.means[i]) * (self.counts[j] / total)
        self.sizes[i] += self.sizes[j]
        self.counts[i] = total

    def _traces(self, first: Indices, second: Indices) -> Array:
        traces, shared = self.traces[second] + self.traces[first], self._shared(first, second)
        step = max(1, _VALUES_AT_ONCE // max(self.means.shape[1], 1))
        for start in range(0, len(second), step):
            piece = slice(start, start + step)
            apart = self.means[second[piece]] - self.means[first if len(first) == 1 else first[piece]]
            traces[piece] += shared[piece] * np.einsum("ij,ij->i", apart, apart)
        return np.asarray(traces)

    def _shared(self, first: Indices, second: Indices) -> Array:
        return np.asarray(self.counts[second] * (self.counts[first] / (self.counts[second] + self.counts[first])))


class FreeMatrices(OneVariance):
    """Groups whose value is n log( |W / n| + (tr W + T) / n ) (VVV); `variance`: T."""

    def __init__(self, rows: Array, weights: Array, member: Indices, variance: float) -> None:
        super().__init__(rows, weights, member)
        (m, d), g = rows.shape, len(self.sizes)
        self._rows, self._roots, self._variance = rows, np.sqrt(weights)[:, None], variance
        # The scatters of groups of more than d rows, and which is whose; rows of the others.
        self._scatters = np.zeros((m // (d + 1), d, d))
        self._places = np.full(g, -1)
        self._free = list(range(len(self._scatters)))
        self._held = np.zeros((g, d), dtype=np.intp)
        order, starts = np.argsort(member, kind="stable"), np.cumsum(self.sizes) - self.sizes
        for j, (start, size) in enumerate(zip(starts, self.sizes, strict=True)):
            own = order[start : start + size]
            if size > d:
                self._places[j] = self._free.pop()
                self._scatters[self._places[j]] = self._gathered(own[None], self.means[[j]], np.array([size]))[0]
            else:
                self._held[j, :size] = own

    def values(self) -> Array:
        spread = (self.traces + self._variance) / self.counts
        full = np.flatnonzero(self._places >= 0)
        if len(full):
            spread[full] += _determinants(self._scatters[self._places[full]], self.counts[full])
        return np.asarray(self.counts * np.log(spread))

    def of_unions(self, first: Indices, second: Indices) -> Array:
        total = self.counts[second] + self.counts[first]
        spread = (self._traces(first, second) + self._variance) / total
        d = self.means.shape[1]
        full = np.flatnonzero(self.sizes[second] + self.sizes[first] > d)
        if len(first) == 1 and self._places[first[0]] >= 0 and d >= _WIDE:
            few = full[self.sizes[second[full]] <= d // _FEW]
            found = self._enlarged(first, second[few], total[few]) if len(few) else None
            if found is not None:
                spread[few] += found
                full = np.setdiff1d(full, few, assume_unique=True)
        step = max(1, _VALUES_AT_ONCE // max(d * d, 1))
        for start in range(0, len(full), step):
            piece = full[start : start + step]
            own, others = (ids if len(ids) == 1 else ids[piece] for ids in (first, second))
            spread[piece] += _determinants(self._unions(own, others), total[piece])
        return np.asarray(total * np.log(spread))

    def merge(self, i: int, j: int) -> None:
        size = self.sizes[i] + self.sizes[j]
        if size > len(self._held[i]):
            union = self._unions(np.array([i]), np.array([j]))[0]
            place = self._places[i] if self._places[i] >= 0 else self._places[j]
            if place < 0:
                place = self._free.pop()
            elif self._places[j] not in (place, -1):
                self._free.append(self._places[j])
            self._places[i], self._places[j] = place, -1
            self._scatters[place] = union
        else:
            self._held[i, self.sizes[i] : size] = self._held[j, : self.sizes[j]]
        super().merge(i, j)

    def _enlarged(self, first: Indices, others: Indices, total: Array) -> Array | None:
        """Return |W / n| (p,) of the unions of a group that has a factor with others of few rows.

        ``|W + V Vᵀ| = |W| |I + Y Yᵀ|`` with ``Y = Vᵀ L⁻ᵀ`` for W = L Lᵀ: V are the others' rows about their mean, and
        the step between the means. None where W is so flat that this would lose digits.
        """
        d = self.means.shape[1]
        try:
            factor = np.linalg.cholesky(self._scatter(first)[0])
        except np.linalg.LinAlgError:
            return None
        widths = np.diagonal(factor)
        if not widths.min() > _FLAT * widths.max():
            return None
        logarithms = 2.0 * np.log(widths).sum() - d * np.log(total)
        order = np.argsort(self.sizes[others], kind="stable")
        inverse = np.linalg.inv(factor).T
        most = int(self.sizes[others].max())
        step = max(1, _VALUES_AT_ONCE // (d * (most + 1)))
        for start in range(0, len(order), step):
            piece = order[start : start + step]
            ids, sizes = others[piece], self.sizes[others[piece]]
            rows = self._deviations(self._held[ids, : sizes.max()], self.means[ids], sizes)
            between = np.sqrt(self._shared(first, ids))[:, None] * (self.means[ids] - self.means[first])
            white = np.concatenate([between[:, None], rows], axis=1) @ inverse
            inner = white @ np.swapaxes(white, 1, 2) + np.eye(white.shape[1])
            logarithms[piece] += np.linalg.slogdet(inner)[1]
        return np.asarray(np.exp(logarithms))

    def _unions(self, first: Indices, second: Indices) -> Array:
        apart = self.means[second] - self.means[first]
        between = self._shared(first, second)[:, None, None]
        return np.asarray(self._scatter(second) + self._scatter(first) + apart[:, :, None] * (between * apart[:, None]))

    def _scatter(self, ids: Indices) -> Array:
        """Return the scatters (p, d, d) of groups, a new array."""
        places, sizes = self._places[ids], self.sizes[ids]
        scatter = self._scatters[places] if len(self._scatters) else np.zeros((len(ids), *self._scatters.shape[1:]))
        scatter[places < 0] = 0.0
        some = np.flatnonzero((places < 0) & (sizes > 1))
        if len(some):
            held = self._held[ids[some], : sizes[some].max()]
            scatter[some] = self._gathered(held, self.means[ids[some]], sizes[some])
        return scatter

    def _gathered(self, held: Indices, means: Array, sizes: Indices) -> Array:
        """Return the scatters (p, d, d) of the first so many rows of those held (p, most)."""
        deviations = self._deviations(held, means, sizes)
        return np.asarray(np.swapaxes(deviations, 1, 2) @ deviations)

    def _deviations(self, held: Indices, means: Array, sizes: Indices) -> Array:
        """Return rows about means (p, most, d), times the roots of their weights; 0 beyond the first so many."""
        there = np.arange(held.shape[1]) < sizes[:, None]
        return np.asarray((self._rows[held] - means[:, None]) * (self._roots[held] * there[:, :, None]))


class _Costs:
    """What merging each two of g groups costs; that of each with those after it lies side by side."""

    def __init__(self, g: int) -> None:
        self.g, self.values = g, np.empty(g * (g - 1) // 2)
        self._starts = np.arange(g) * (2 * g - np.arange(g) - 1) // 2

    def pairs(self, start: int, stop: int) -> tuple[Indices, Indices]:
        """Return the earlier and the later group of each of some pairs, in their order."""
        pairs = np.arange(start, stop)
        earlier = np.searchsorted(self._starts, pairs, side="right") - 1
        return earlier, pairs - self._starts[earlier] + earlier + 1

    def after(self, i: int) -> Array:
        """Return the costs of group i with all that come after it, to be changed in place."""
        return self.values[self._starts[i] : self._starts[i] + self.g - 1 - i]

    def places(self, earlier: Indices, j: int) -> Indices:
        """Return where the costs of groups that come before group j with it are held."""
        return np.asarray(self._starts[earlier] + j - earlier - 1)


def merge_all(groups: OneVariance) -> Indices:
    """Merge groups until one is left; return what was merged, (g − 1, 2).

    Each group's cheapest merge with a later one is remembered, so that a step costs as many evaluations as there are
    groups.
    """
    g, own = len(groups.counts), groups.values()
    costs = _Costs(g)
    for start in range(0, len(costs.values), _VALUES_AT_ONCE):
        piece = costs.values[start : start + _VALUES_AT_ONCE]
        first, second = costs.pairs(start, start + len(piece))
        piece[...] = groups.of_unions(first, second) - own[second] - own[first]
    least = np.array([costs.after(i).min(initial=np.inf) for i in range(g)])
    alive = np.arange(g)
    merges = np.empty((g - 1, 2), dtype=np.intp)
    for step in range(g - 1):
        limit = least.min() + _TIED
        i = int(np.argmax(least <= limit))
        of_i = costs.after(i)
        j = i + 1 + int(np.argmax(of_i <= limit))
        merges[step] = i, j
        others = alive[(alive != i) & (alive != j)]
        before_i, after_i, before_j = others[others < i], others[others > i], others[others < j]
        with_i, with_j = costs.places(before_i, i), costs.places(before_j, j)
        # Whose cheapest merge was with one of the two must look again; others only at the union.
        lost = costs.values[with_j] <= least[before_j]
        lost[: len(before_i)] |= costs.values[with_i] <= least[before_i]
        costs.values[with_j] = of_i[j - i - 1] = least[j] = np.inf
        own[i] = groups.of_unions(np.array([i]), np.array([j]))[0]
        groups.merge(i, j)
        alive = alive[alive != j]
        new = groups.of_unions(np.array([i]), others) - own[others] - own[i]
        costs.values[with_i] = new[: len(before_i)]
        of_i[after_i - i - 1] = new[len(before_i) :]
        least[i] = new[len(before_i) :].min(initial=np.inf)
        least[before_i] = np.minimum(least[before_i], new[: len(before_i)])
        for one in before_j[lost]:
            least[one] = costs.after(one).min()
    return merges


def _determinants(scatter: Array, counts: Array) -> Array:
    return np.asarray(np.abs(np.linalg.det(scatter / counts[:, None, None])))
