"""Truncated assignment: each row is scored with few components, and keeps the best of them.

A row i has kept its C best components K_i so far. It is tried with these, with some drawn at random, and with the
neighbours of the best of all that, one component's after the other's (`n_hops` at most), until those of the `beam` best
have all been tried. The best C of what it was tried with are kept, and share the row:

    r_ij = exp(score_ij − value_i),  j in K_i        value_i = log Σ_{j in K_i} exp(score_ij) ≤ log p(x_i)

value_i is the truncated bound (Lücke & Eggert 2010, "Expectation truncation and the benefits of preselection in
training generative models", Journal of Machine Learning Research 11), the log-density where C is all components. As
what was kept is always tried again, no search lowers it. The search is that of Hirschberger, Forster & Lücke (2022, "A
variational EM acceleration for efficient clustering at very large scales", IEEE TPAMI 44) and Salwig et al. (2025,
arXiv 2501.12299), but for the neighbours of a component, which are those under which its rows have the largest mean
score: Gaussians tell it in closed form, so that lists improve by themselves, as neighbours of neighbours are tried
(Dong, Moses & Li 2011, "Efficient k-nearest neighbor graph construction for generic similarity measures").

These are the array forms of what `native/truncated.py` compiles; the same answers up to rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.kernels.truncated_values import Components, Search

__all__ = ["assign", "connect", "drawn", "largest", "points"]

Array = NDArray[np.float64]
Integers = NDArray[np.int32]
Keys = NDArray[np.uint64]

# Temporaries of 4 MB.
_MOST_VALUES = 2**19
_SHIFTS, _FACTORS = (30, 27), (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_GOLDEN = 0x9E3779B97F4A7C15
# A component that has 1e-10 of what the best has leaves it to that: the next ten or so have that little where clusters
# lie apart, and each costs a pass as much as the first.
_NEGLIGIBLE = -23.0


def assign(
    components: Components,
    search: Search,
    z: Array,
    weights: Array | None,
    keys: Keys,
    entries: Integers | None,
    kept: Integers,
    counts: Array,
    sums: Array,
) -> Array:
    """Find the best components of each row, share the row among them and add what it gives them.

    Parameters
    ----------
    components : Components
    search : Search
    z : ndarray of shape (n, width)
    weights : ndarray of shape (n,), or None
        Rows of weight 0 are left alone.
    keys : ndarray of uint64, shape (n,)
        Of the rows' random components.
    entries : ndarray of int32, shape (n, m), or None
        Cells whose components are tried with each row, too.
    kept : ndarray of int32, shape (n, C)
        Best first, −1: none; overwritten.
    counts : ndarray of shape (k,)
    sums : ndarray of the shape of the parameters
        First moments about the means, then second ones, of matrices the lower triangle; added to.

    Returns
    -------
    ndarray of shape (n,)
        Log normalisers; 0 for rows of weight 0.
    """
    values = np.zeros(len(z))
    held = np.arange(len(z)) if weights is None else np.flatnonzero(weights > 0)
    cells = int(np.diff(search.starts).max(initial=0)) * (0 if entries is None else entries.shape[1])
    most = kept.shape[1] + cells + search.n_random + search.n_hops * search.neighbours.shape[1]
    step = max(1, _MOST_VALUES // (most * components.parameters[0].size))
    for start in range(0, len(held), step):
        rows = held[start : start + step]
        some = None if entries is None else entries[rows]
        best, scores = _best(components, search, z[rows], keys[rows], some, kept[rows])
        kept[rows] = best
        values[rows], shares = _shared(scores)
        if weights is not None:
            shares *= weights[rows, None]
        _gather(components, z[rows], best, shares, counts, sums)
    return values


def points(rows: NDArray[Any], order: NDArray[np.int64] | None, shift: Array, scale: Array, z: Array) -> None:
    """Write rows, moved and scaled, as the points of a pass.

    Parameters
    ----------
    rows : ndarray of shape (N, d)
        Of any real dtype and memory order.
    order : ndarray of int64, shape (n,), or None
        Which rows are wanted; None: the first n.
    shift, scale : ndarray of shape (d,)
    z : ndarray of shape (n, width)
        Its first d columns are overwritten by ``(rows - shift) * scale``; what overflows is infinite.
    """
    chosen = rows[: len(z)] if order is None else rows[order]
    own = z[:, : rows.shape[1]]
    with np.errstate(over="ignore"):
        np.subtract(chosen, shift, out=own, dtype=np.float64, casting="unsafe")
        own *= scale


def connect(
    components: Components,
    search: Search,
    spread: Array,
    precisions: Array | None,
    entries: Integers | None,
    size: int,
    start: int,
    stop: int,
) -> Integers:
    """Return better neighbours (stop − start, size) of the components `start` to ``stop − 1``.

    Tried are their neighbours, the neighbours of the first `size` of those, components of their cells `entries`
    (k, m) and some drawn at random.

    Parameters
    ----------
    components : Components
    search : Search
    spread : ndarray of shape (k, width) or (k, d, width)
        Variances or covariances.
    precisions : ndarray of shape (k, d, width), or None
        Of matrices.
    entries : ndarray of int32, shape (k, m), or None
    size, start, stop : int
    """
    known, k = search.neighbours, len(components.constants)
    cells = int(np.diff(search.starts).max(initial=0)) * (0 if entries is None else entries.shape[1])
    most = known.shape[1] * (size + 1) + cells + search.n_random
    found = np.full((stop - start, size), -1, dtype=np.int32)
    step = max(1, _MOST_VALUES // (most * components.parameters[0].size))
    for first in range(start, stop, step):
        own = np.arange(first, min(first + step, stop))
        near = known[own][:, :size]
        further = np.where((near >= 0)[:, :, None], known[near], -1).reshape(len(own), -1)
        random = drawn(_mixed(own.astype(np.uint64)), search, k)
        given = search.entered(None if entries is None else entries[own])
        candidates = np.concatenate([known[own], *given, further, random], axis=1)
        candidates[candidates == own[:, None]] = -1
        candidates = _distinct(candidates, k)
        scores = _scores(components, components.parameters[own, 0], candidates)
        scores -= 0.5 * _traces(components, spread[own], precisions, candidates)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :size]
        found[own - start, : order.shape[1]] = np.take_along_axis(candidates, order, axis=1)
    return found


def largest(values: NDArray[np.float32], size: int) -> Integers:
    """Return where the `size` largest of each row of values (n, m) are, 16 at most, in any order."""
    part = np.argpartition(values, values.shape[1] - size, axis=1)[:, values.shape[1] - size :]
    return part.astype(np.int32)


def drawn(keys: Keys, search: Search, k: int) -> Integers:
    """Return the components that are drawn for rows of these keys (n, n_random)."""
    draws = np.arange(1, search.n_random + 1, dtype=np.uint64)
    stream = _mixed(np.uint64(search.key) + np.uint64(_GOLDEN) * draws)
    bits = _mixed(keys[:, None] ^ stream)
    return np.asarray((bits >> np.uint64(32)) * np.uint64(k) >> np.uint64(32)).astype(np.int32)


def _mixed(x: Keys) -> Keys:
    """SplitMix64's finaliser (Steele, Lea & Flood 2014); integers wrap around."""
    for shift, factor in zip(_SHIFTS, _FACTORS, strict=True):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(x ^ (x >> np.uint64(31)))


def _best(
    components: Components, search: Search, z: Array, keys: Keys, entries: Integers | None, kept: Integers
) -> tuple[Integers, Array]:
    """Return the best components (n, C) that rows were tried with and their scores; −1 and −inf: no more."""
    k, n = len(components.constants), len(z)
    tried = _distinct(np.concatenate([kept, *search.entered(entries), drawn(keys, search, k)], axis=1), k)
    scores = _scores(components, z, tried)
    opened, every = np.zeros(tried.shape, dtype=bool), np.arange(n)
    for _ in range(search.n_hops):
        first = np.argsort(-scores, axis=1, kind="stable")[:, : min(search.beam, kept.shape[1])]
        shut = np.take_along_axis(opened | (tried < 0), first, axis=1)
        place = first[every, shut.argmin(axis=1)]
        rows = np.flatnonzero(~shut.all(axis=1))
        if not len(rows):
            break
        opened[rows, place[rows]] = True
        near = _distinct(search.neighbours[tried[rows, place[rows]]], k)
        near[(near[:, :, None] == tried[rows][:, None, :]).any(axis=2)] = -1
        more = np.full((n, search.neighbours.shape[1]), -1, dtype=np.int32)
        found = np.full(more.shape, -np.inf)
        more[rows], found[rows] = near, _scores(components, z[rows], near)
        tried, scores = np.concatenate([tried, more], axis=1), np.concatenate([scores, found], axis=1)
        opened = np.concatenate([opened, np.zeros(more.shape, dtype=bool)], axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")[:, : kept.shape[1]]
    return np.take_along_axis(tried, order, axis=1), np.take_along_axis(scores, order, axis=1)


def _distinct(candidates: Integers, k: int) -> Integers:
    """Return candidates (n, m) with −1 for what is no component, or came before in its row."""
    order = np.argsort(candidates, axis=1, kind="stable")
    ordered = np.take_along_axis(candidates, order, axis=1)
    again = np.zeros(candidates.shape, dtype=bool)
    np.put_along_axis(again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return np.where(again | (candidates < 0) | (candidates >= k), np.int32(-1), candidates)


def _scores(components: Components, z: Array, candidates: Integers) -> Array:
    """Return scores (n, m) of rows with their candidates, −inf where there is none."""
    d = components.d
    deviations = z[:, None, :d] - components.parameters[candidates, 0, :d]
    if components.full:
        white = np.einsum("nmp,nmpq->nmq", deviations, components.parameters[candidates, 1:, :d])
    else:
        white = deviations * components.parameters[candidates, 1, :d]
    with np.errstate(over="ignore"):
        distances = np.einsum("nmp,nmp->nm", white, white)
    return np.where(candidates < 0, -np.inf, components.constants[candidates] - 0.5 * distances)


def _traces(components: Components, spread: Array, precisions: Array | None, candidates: Integers) -> Array:
    if precisions is None:
        return np.asarray(np.einsum("nmp,np->nm", components.parameters[candidates, 1] ** 2, spread))
    return np.asarray(np.einsum("nmpq,npq->nm", precisions[candidates], spread))


def _shared(scores: Array) -> tuple[Array, Array]:
    """Return log normalisers (n,) and responsibilities (n, C) of scores, best first."""
    top = scores[:, 0]
    far = ~np.isfinite(top)
    below = scores - np.where(far, 0.0, top)[:, None]
    shares = np.where(below < _NEGLIGIBLE, 0.0, np.exp(below))
    # Too far for any finite score: the first, which is as good as any.
    shares[far, 0] = 1.0
    total = shares.sum(axis=1)
    shares /= total[:, None]
    return np.where(far, top, np.log(total) + np.where(far, 0.0, top)), shares


def _gather(components: Components, z: Array, best: Integers, shares: Array, counts: Array, sums: Array) -> None:
    rows, places = np.nonzero((shares > 0) & (best >= 0))
    if not len(rows):
        return
    owners, held = best[rows, places], shares[rows, places]
    order = np.argsort(owners, kind="stable")
    rows, owners, held = rows[order], owners[order], held[order]
    deviations = z[rows] - components.parameters[owners, 0]
    weighted = held[:, None] * deviations
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    own = owners[starts]
    counts[own] += np.add.reduceat(held, starts)
    sums[own, 0] += np.add.reduceat(weighted, starts)
    if components.full:
        for first, last, j in zip(starts, np.append(starts[1:], len(owners)), own, strict=True):
            products = weighted[first:last, : components.d].T @ deviations[first:last]
            sums[j, 1:] += np.tril(products)
    else:
        sums[own, 1] += np.add.reduceat(weighted * deviations, starts)
