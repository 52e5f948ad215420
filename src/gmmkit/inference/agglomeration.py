"""Groups of rows that are merged two by two, and what each merge costs: see `hierarchy`.

Only a group of more rows than columns has a determinant. Of many columns only the scatters of such groups are held, of
which there are few at a time; other groups hold their rows, of which a scatter is made where a union has a determinant.
So for m rows in d columns memory is that of m²/2 costs, of some m d numbers and of a few megabytes.
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
# From so many columns on, determinants of unions with at most a share of as many rows are told by these; but not those
# of groups whose factor has so small a diagonal element beside its largest.
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
        alone = self.sizes[member] == 1
        self.means[member[alone]] = rows[alone]
        squares = ((rows - self.means[member]) ** 2).sum(axis=1)
        self.traces = np.bincount(member, weights=weights * squares).astype(np.float64)

    def values(self) -> Array:
        """Return the value of each group (g,)."""
        return np.array(self.traces)

    def of_unions(self, first: Indices, second: Indices) -> Array:
        """Return the values of the unions of groups (p,) with others (p,); one may be the same for all, (1,)."""
        return self._apart(first, second)[2]

    def merge(self, i: int, j: int) -> float:
        """Let group j join group i, and return the value of that; j must not be asked for again."""
        self._join(i, j, self._apart(np.array([i]), np.array([j]))[2][0])
        return float(self.traces[i])

    def _join(self, i: int, j: int, trace: float) -> None:
        total = self.counts[i] + self.counts[j]
        self.means[i] += (self.means[j] - self.means[i]) * (self.counts[j] / total)
        self.sizes[i] += self.sizes[j]
        self.counts[i], self.traces[i] = total, trace

    def _apart(self, first: Indices, second: Indices) -> tuple[Array, Array, Array]:
        """Return the steps (p, d) between means, what each counts (p,), and the traces (p,) of the unions."""
        apart = self.means[second] - self.means[first]
        own, others = self.counts[first], self.counts[second]
        between = others * (own / (others + own))
        traces = self.traces[second] + self.traces[first]
        traces += between * np.einsum("ij,ij->i", apart, apart)
        return apart, between, traces


class FreeMatrices(OneVariance):
    """Groups whose value is n log( |W / n| + (tr W + T) / n ) (VVV); `variance`: T."""

    def __init__(self, rows: Array, weights: Array, member: Indices, variance: float) -> None:
        super().__init__(rows, weights, member)
        (m, d), g = rows.shape, len(self.sizes)
        self._rows, self._roots, self._variance = rows, np.sqrt(weights)[:, None], variance
        # Groups of more rows than these hold a scatter: all, or those with a determinant; the others, their rows.
        self._fewest = d if d >= _WIDE else 0
        self._scatters = np.zeros((min(m // (self._fewest + 1), g), d, d))
        self._places = np.full(g, -1)
        self._free = list(range(len(self._scatters)))
        self._held = np.zeros((g, self._fewest), dtype=np.intp)
        order, starts = np.argsort(member, kind="stable"), np.cumsum(self.sizes) - self.sizes
        for j, (start, size) in enumerate(zip(starts, self.sizes, strict=True)):
            own = order[start : start + size]
            if size <= self._fewest:
                self._held[j, :size] = own
                continue
            self._places[j] = self._free.pop()
            if size > 1:
                self._scatters[self._places[j]] = self._gathered(own[None], self.means[[j]], np.array([size]))[0]

    def values(self) -> Array:
        spread = (self.traces + self._variance) / self.counts
        full = np.flatnonzero(self.sizes > self.means.shape[1])
        if len(full):
            spread[full] += _determinants(self._scatters[self._places[full]], self.counts[full])
        return np.asarray(self.counts * np.log(spread))

    def of_unions(self, first: Indices, second: Indices) -> Array:
        apart, between, spread = self._apart(first, second)
        total = self.counts[second] + self.counts[first]
        spread = (spread + self._variance) / total
        d = self.means.shape[1]
        full = np.flatnonzero(self.sizes[second] + self.sizes[first] > d)
        if self._fewest and len(first) == 1 and self._places[first[0]] >= 0:
            few = full[self.sizes[second[full]] <= d // _FEW]
            found = self._enlarged(first, second[few], total[few]) if len(few) else None
            if found is not None:
                spread[few] += found
                full = np.setdiff1d(full, few, assume_unique=True)
        step = max(1, _VALUES_AT_ONCE // max(d * d, 1))
        if len(full) == len(second) <= step:
            spread += _determinants(self._unions(first, second, apart, between), total)
            full = full[:0]
        for start in range(0, len(full), step):
            piece = full[start : start + step]
            own = first if len(first) == 1 else first[piece]
            union = self._unions(own, second[piece], apart[piece], between[piece])
            spread[piece] += _determinants(union, total[piece])
        return np.asarray(total * np.log(spread))

    def merge(self, i: int, j: int) -> float:
        size, determinant, ids = self.sizes[i] + self.sizes[j], 0.0, (np.array([i]), np.array([j]))
        apart, between, trace = self._apart(*ids)
        if size > self._fewest:
            union = self._unions(*ids, apart, between)
            own, other = self._places[[i, j]]
            place = own if own >= 0 else other if other >= 0 else self._free.pop()
            if own >= 0 and other >= 0:
                self._free.append(other)
            self._places[i], self._places[j] = place, -1
            self._scatters[place] = union[0]
            if size > self.means.shape[1]:
                determinant = float(_determinants(union, self.counts[[i]] + self.counts[j])[0])
        else:
            self._held[i, self.sizes[i] : size] = self._held[j, : self.sizes[j]]
        self._join(i, j, trace[0])
        return float(self.counts[i] * np.log((trace[0] + self._variance) / self.counts[i] + determinant))

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
            apart, between, _ = self._apart(first, ids)
            white = np.concatenate([(np.sqrt(between)[:, None] * apart)[:, None], rows], axis=1) @ inverse
            inner = white @ np.swapaxes(white, 1, 2) + np.eye(white.shape[1])
            logarithms[piece] += np.linalg.slogdet(inner)[1]
        return np.asarray(np.exp(logarithms))

    def _unions(self, first: Indices, second: Indices, apart: Array, between: Array) -> Array:
        added = apart[:, :, None] * (between[:, None, None] * apart[:, None])
        return np.asarray(self._scatter(second) + self._scatter(first) + added)

    def _scatter(self, ids: Indices) -> Array:
        """Return the scatters (p, d, d) of groups, a new array."""
        places = self._places[ids]
        if not self._fewest:
            return np.asarray(self._scatters[places])
        sizes = self.sizes[ids]
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
    (g, d), own = groups.means.shape, groups.values()
    costs = _Costs(g)
    pairs = max(1, _VALUES_AT_ONCE // max(d, 1))
    for start in range(0, len(costs.values), pairs):
        piece = costs.values[start : start + pairs]
        first, second = costs.pairs(start, start + len(piece))
        piece[...] = groups.of_unions(first, second) - own[second] - own[first]
    least = np.array([costs.after(i).min(initial=np.inf) for i in range(g)])
    alive = np.arange(g)
    merges = np.empty((g - 1, 2), dtype=np.intp)
    for step in range(g - 1):
        limit = least.min() + _TIED
        # Where squares overflow no merge is cheaper than another, and the first two are as good as any.
        some = bool(limit < np.inf)
        i = int(np.argmax(least <= limit)) if some else int(alive[0])
        of_i = costs.after(i)
        j = i + 1 + int(np.argmax(of_i <= limit)) if some else int(alive[1])
        merges[step] = i, j
        at_i, at_j = np.searchsorted(alive, (i, j))
        alive = np.concatenate([alive[:at_j], alive[at_j + 1 :]])
        others = np.concatenate([alive[:at_i], alive[at_i + 1 :]])
        before_i, after_i, before_j = others[:at_i], others[at_i:], others[: at_j - 1]
        with_i, with_j = costs.places(before_i, i), costs.places(before_j, j)
        # Whose cheapest merge was with one of the two must look again; others only at the union.
        lost = costs.values[with_j] <= least[before_j]
        lost[:at_i] |= costs.values[with_i] <= least[before_i]
        costs.values[with_j] = of_i[j - i - 1] = least[j] = np.inf
        own[i] = groups.merge(i, j)
        new = groups.of_unions(np.array([i]), others)
        new -= own[others]
        new -= own[i]
        costs.values[with_i] = new[:at_i]
        of_i[after_i - i - 1] = new[at_i:]
        least[i] = new[at_i:].min(initial=np.inf)
        least[before_i] = np.minimum(least[before_i], new[:at_i])
        for one in before_j[lost]:
            least[one] = costs.after(one).min()
    return merges


def _determinants(scatter: Array, counts: Array) -> Array:
    return np.asarray(np.abs(np.linalg.det(scatter / counts[:, None, None])))
