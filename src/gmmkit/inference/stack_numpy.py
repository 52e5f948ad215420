"""Run a stack of mixtures by array operations: one round of EM for all of them at a time.

    scores = Θ ψ (all components)      softmax mixture by mixture      T = R ψᵀ      refit structure by structure

The sums T are extrapolated by SQUAREM (Varadhan & Roland 2008), valid for every structure because statistics, not
parameters, form a linear space. The step is taken from the objective alone, which no linear map of the data changes:
with gains g₁, g₂ of two plain passes, the rate of convergence is λ = √(g₂/g₁), and

    T' = T₁ + 2a (T₂ − T₁) + a² (T₃ − 2T₂ + T₁),   a = 1 / (1 − λ).

A step is taken back where counts or scatters stop being positive or the objective falls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.stack import CONVERGED, SINGULAR, UNFINISHED, Stack, StackRows, StackRun
from gmmkit.kernels.expanded import Features, pack, unpack
from gmmkit.model.covariance import family

__all__ = ["begin", "labels_of", "run"]

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_LOG_2PI = float(np.log(2.0 * np.pi))
_BLOCK_VALUES = 1 << 18  # scores of one block: two megabytes
_FIRST_LONGEST_STEP = 4.0
_SLOWEST = 0.9999
_NOTHING = -690.0


def begin(
    rows: StackRows, structures: tuple[str, ...], sizes: Index, labellings: NDArray[np.integer]
) -> tuple[Stack, Array]:
    """Return the mixtures whose components are the groups of rows with equal labels, and how likely they are with them.

    Parameters
    ----------
    rows : StackRows
    structures : tuple of S str
    sizes : ndarray of shape (S,)
    labellings : ndarray of shape (S, n)
        Labels 0 … k − 1 of the rows, for each mixture.
    """
    psi = _features(rows)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    sums = np.empty((int(offsets[-1]), len(psi)))
    known: dict[bytes, int] = {}
    for s, labels in enumerate(labellings):
        own = rows.weights if rows.weights.ndim == 1 else rows.weights[s]
        key = labels.tobytes() if rows.weights.ndim == 1 else bytes(str(s), "ascii")
        if key in known:
            first = known[key]
            sums[offsets[s] : offsets[s + 1]] = sums[offsets[first] : offsets[first] + sizes[s]]
            continue
        known[key] = s
        member = (labels == np.arange(sizes[s])[:, None]) * own
        sums[offsets[s] : offsets[s + 1]] = member @ psi.T
    refit = _Refit(rows, structures, sizes)
    stack = refit(sums, None)
    theta, precisions, singular = _natural(stack)
    # Σ_k [n_k (log w_k + log N(μ_k)) − ½ tr(W_k P_k)], W_k with the prior's share.
    _, _, scatter = refit.moments(sums)
    linear = theta[:, 1 : 1 + len(rows.z)]
    constants = theta[:, 0] + 0.5 * np.einsum("ki,ki->k", stack.means, linear)
    values = sums[:, 0] * constants - 0.5 * np.einsum("kij,kij->k", scatter + refit.pseudo, precisions)
    objective = np.add.reduceat(values, offsets[:-1]) / rows.total_weight
    return stack, np.where(singular, -np.inf, objective)


def labels_of(rows: StackRows, stack: Stack) -> NDArray[np.int32]:
    """Return the most probable component of each row (S, n) in each mixture."""
    psi = _features(rows)
    theta, _, _ = _natural(stack)
    labels = np.empty((len(stack), psi.shape[1]), dtype=np.int32)
    for chosen, flat in _by_size(stack):
        k = int(stack.sizes[chosen[0]])
        for part, at in _parts(flat, k, psi.shape[1]):
            labels[chosen[part]] = (theta[at] @ psi).reshape(len(part), k, -1).argmax(axis=1)
    return labels


def run(rows: StackRows, stack: Stack, *, max_iter: int, tol: float, n_threads: int = 1) -> StackRun:  # noqa: ARG001
    """Make passes until Aitken's estimate of the objective still to be gained is below `tol`, or `max_iter` are made.

    Every mixture ends by itself; what has ended takes no further part.
    """
    found = _Found(stack)
    active = _Active(rows, stack)
    for _ in range(max_iter):
        active.evaluate()
        ended = active.step(tol)
        if ended.any():
            found.keep(active, ended)
            if ended.all():
                return found.as_run()
            active = active.without(ended)
    # What has not converged is left where it was last evaluated.
    found.keep(active, np.ones(len(active.origin), dtype=bool))
    return found.as_run()


@dataclass(slots=True)
class _Evaluation:
    """One pass at a stack: sums and objectives there."""

    stack: Stack
    sums: Array
    objective: Array
    log_likelihood: Array
    log_certainty: Array
    singular: NDArray[np.bool_]


class _Active:
    """The mixtures still running, in step with each other: three plain passes, then an extrapolated one."""

    def __init__(self, rows: StackRows, stack: Stack) -> None:
        self.rows, self.psi = rows, _features(rows)
        self.origin: Index = np.arange(len(stack), dtype=np.intp)
        self.next = stack
        self.refit = _Refit(rows, stack.structures, stack.sizes)
        self.at: _Evaluation | None = None
        self.status: Index = np.full(len(stack), UNFINISHED, dtype=np.intp)
        self.history: list[tuple[Array, Array]] = []
        self.longest: Array = np.full(len(stack), _FIRST_LONGEST_STEP)
        self.fallback: tuple[Array, _Evaluation, NDArray[np.bool_]] | None = None
        self.traces: list[list[float]] = [[] for _ in range(len(stack))]

    def evaluate(self) -> None:
        """Score the next stack; where an extrapolated step fell, or is singular, go back to the plain one."""
        now = _evaluate(self.rows, self.psi, self.next)
        if self.fallback is not None:
            plain_sums, before, tried = self.fallback
            # A plain step cannot fall, so what falls was stretched.
            worse = tried & (now.singular | ~(now.objective >= before.objective))
            self.longest = np.where(
                worse, np.maximum(self.longest / 4.0, 1.0), np.where(tried, self.longest * 4, self.longest)
            )
            if worse.any():
                chosen = np.flatnonzero(worse)
                refitted = self.refit(plain_sums, self.next).take(chosen)
                self.next = self.next.replaced(chosen, refitted)
                again = _evaluate(self.rows.take(chosen), self.psi, refitted)
                now = _mended(now, chosen, again, self.next)
            self.fallback = None
        self.at = now
        for trace, value in zip(self.traces, now.objective, strict=True):
            trace.append(float(value))

    def step(self, tol: float) -> NDArray[np.bool_]:
        """Refit, plainly or stretched; return which mixtures have ended."""
        now = self.at
        assert now is not None
        self.history.append((now.sums, now.objective))
        ended = now.singular.copy()
        self.status[ended] = SINGULAR
        if len(self.history) < 3:
            self.next = self.refit(now.sums, now.stack)
            return ended
        (t1, f1), (t2, f2), (t3, f3) = self.history
        self.history = []
        first, last = f2 - f1, f3 - f2
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = last / first
            to_come = np.where(rate < 1.0, last * rate / (1.0 - rate), np.inf)
        done = np.where((first <= 0) | (last <= 0), np.abs(last) < tol, to_come < tol) & ~ended
        self.status[done] = CONVERGED
        ended |= done
        if ended.all():
            return ended
        with np.errstate(invalid="ignore"):
            slow = np.sqrt(np.clip(np.nan_to_num(rate, nan=0.0), 0.0, _SLOWEST**2))
        a = np.minimum(1.0 / (1.0 - slow), self.longest)
        tried = (a > 1.01) & (last > 0)
        a = np.repeat(np.where(tried, a, 1.0), now.stack.sizes)[:, None]
        stretched = t1 + 2.0 * a * (t2 - t1) + a * a * (t3 - 2.0 * t2 + t1)
        # With a = 1 this is T₃; rounding apart, and that must not leave the plain path.
        stretched = np.where(np.repeat(tried, now.stack.sizes)[:, None], stretched, t3)
        sound = self.refit.sound(stretched)
        tried &= sound
        stretched = np.where(np.repeat(tried, now.stack.sizes)[:, None], stretched, t3)
        self.next = self.refit(stretched, now.stack)
        self.fallback = (t3, now, tried)
        return ended

    def without(self, ended: NDArray[np.bool_]) -> _Active:
        """Return the rest, where they are."""
        left = np.flatnonzero(~ended)
        flat = self.next.components(left)
        rest = _Active.__new__(_Active)
        rest.rows, rest.psi, rest.origin = self.rows.take(left), self.psi, self.origin[left]
        rest.next, rest.at = self.next.take(left), None
        rest.refit = _Refit(rest.rows, rest.next.structures, rest.next.sizes)
        rest.status, rest.longest = self.status[left], self.longest[left]
        rest.history = [(sums[flat], objective[left]) for sums, objective in self.history]
        rest.traces = [self.traces[s] for s in left]
        rest.fallback = None
        if self.fallback is not None:
            sums, before, tried = self.fallback
            rest.fallback = (sums[flat], _part(before, left, flat), tried[left])
        return rest


class _Found:
    """Where each mixture ended."""

    def __init__(self, stack: Stack) -> None:
        n = len(stack)
        self.stack = Stack(
            stack.structures, stack.sizes, stack.weights.copy(), stack.means.copy(), stack.covariances.copy()
        )
        self.values = np.full((3, n), -np.inf)
        self.status = np.full(n, UNFINISHED, dtype=np.intp)
        self.traces: list[list[float]] = [[] for _ in range(n)]

    def keep(self, active: _Active, ended: NDArray[np.bool_]) -> None:
        now = active.at
        assert now is not None
        here = np.flatnonzero(ended)
        there = active.origin[here]
        a, b = now.stack.components(here), self.stack.components(there)
        self.stack.weights[b], self.stack.means[b] = now.stack.weights[a], now.stack.means[a]
        self.stack.covariances[b] = now.stack.covariances[a]
        self.values[:, there] = np.stack([now.objective, now.log_likelihood, now.log_certainty])[:, here]
        self.status[there] = active.status[here]
        for s, t in zip(here, there, strict=True):
            self.traces[t] = active.traces[s]

    def as_run(self) -> StackRun:
        objective, log_likelihood, log_certainty = self.values
        passes = np.array([len(trace) for trace in self.traces], dtype=np.intp)
        traces = np.zeros((len(passes), int(passes.max())))
        for row, trace in zip(traces, self.traces, strict=True):
            row[: len(trace)] = trace
        return StackRun(self.stack, objective, log_likelihood, log_certainty, self.status, passes, traces)


class _Refit:
    """Turns sums into parameters for a fixed list of mixtures: the M-step of every structure, all at once."""

    def __init__(self, rows: StackRows, structures: tuple[str, ...], sizes: Index) -> None:
        self.rows, self.structures, self.sizes = rows, structures, sizes
        self.offsets = np.concatenate([[0], np.cumsum(sizes)])
        self.owner = np.repeat(np.arange(len(sizes)), sizes)
        self.pseudo = rows.pseudo(structures, sizes)[self.owner]
        self.groups: list[tuple[str, Index]] = []
        widest = int(sizes.max())
        slots = np.arange(widest)
        for name in dict.fromkeys(structures):
            which = np.flatnonzero([s == name for s in structures])
            # Mixtures of fewer components are padded with one that holds nothing.
            at = np.where(slots < sizes[which, None], self.offsets[which, None] + slots, int(self.offsets[-1]))
            self.groups.append((name, at))

    def __call__(self, sums: Array, previous: Stack | None) -> Stack:
        d = len(self.rows.z)
        counts, means, scatter = self.moments(sums)
        counts = counts + 10.0 * np.finfo(np.float64).eps * min(1.0, float(self.rows.weights.mean()))
        total = np.add.reduceat(counts, self.offsets[:-1])
        weights = counts / total[self.owner]
        scatter = np.concatenate([scatter + self.pseudo, np.zeros((1, d, d))])
        counts = np.append(counts, 0.0)
        covariances = np.empty_like(scatter)
        before = None if previous is None else np.concatenate([previous.covariances, np.eye(d)[None]])
        diagonal = np.arange(d)
        for name, at in self.groups:
            structure = family(name)
            # Both scales are powers of two: going from one to the other rounds nothing.
            units = self.rows.units if structure.equivariance == "scalar" else np.ones(d)
            outer = np.outer(units, units)
            if structure.independent_columns:
                square = units**2
                then = None if before is None else before[at][..., diagonal, diagonal] * square
                variances = structure.solve(counts[at], scatter[at][..., diagonal, diagonal] * square, then)
                covariances[at] = (variances / square)[..., None] * np.eye(d)
            else:
                then = None if before is None else before[at] * outer
                covariances[at] = structure.solve(counts[at], scatter[at] * outer, then) / outer
        return Stack(self.structures, self.sizes, weights, means, covariances[:-1])

    def sound(self, sums: Array) -> NDArray[np.bool_]:
        """Tell for which mixtures all counts and scatters are positive."""
        fine = sums[:, 0] > 0
        _, _, scatter = self.moments(np.where(fine[:, None], sums, 0.0))
        scatter = scatter + self.pseudo
        # Columns in very different units must not look dependent.
        size = np.diagonal(scatter, axis1=1, axis2=2)
        fine &= (size > 0).all(axis=1)
        size = np.sqrt(np.where(fine[:, None], size, 1.0))
        fine &= np.linalg.eigvalsh(scatter / (size[:, :, None] * size[:, None, :]))[:, 0] > 0
        return np.asarray(np.logical_and.reduceat(fine, self.offsets[:-1]))

    def moments(self, sums: Array) -> tuple[Array, Array, Array]:
        """Return counts, means and scatters."""
        d = len(self.rows.z)
        counts, first = sums[:, 0], sums[:, 1 : 1 + d]
        means = first / np.maximum(counts, 1e-300)[:, None]
        second = unpack(sums[:, 1 + d :], d)
        return counts, means, second - first[:, :, None] * means[:, None, :]


def _features(rows: StackRows) -> Array:
    d, n = rows.z.shape
    return Features.FULL.build(rows.z, np.empty((Features.FULL.size(d), n)))


def _natural(stack: Stack) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Return Θ (K, p), the precisions, and which mixtures cannot be scored."""
    d = stack.means.shape[1]
    singular: NDArray[np.bool_] = np.asarray(~np.isfinite(stack.covariances).all(axis=(1, 2)))
    covariances = stack.covariances
    if singular.any():
        covariances = np.where(singular[:, None, None], np.eye(d), covariances)
    try:
        factors = np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError:
        singular |= np.linalg.eigvalsh(covariances)[:, 0] <= 0
        covariances = np.where(singular[:, None, None], np.eye(d), covariances)
        factors = np.linalg.cholesky(covariances)
    log_determinants = 2.0 * np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
    precisions = np.asarray(np.linalg.inv(covariances), dtype=np.float64)
    linear = np.einsum("kij,kj->ki", precisions, stack.means)
    with np.errstate(divide="ignore"):
        constants = np.maximum(np.log(stack.weights), -1e300)
    constants = constants - 0.5 * (d * _LOG_2PI + log_determinants + np.einsum("ki,ki->k", stack.means, linear))
    theta = np.concatenate([constants[:, None], linear, pack(precisions)], axis=1)
    return theta, precisions, np.logical_or.reduceat(singular, stack.offsets[:-1])


def _evaluate(rows: StackRows, psi: Array, stack: Stack) -> _Evaluation:
    theta, precisions, singular = _natural(stack)
    sums = np.empty((len(theta), len(psi)))
    log_likelihood, log_certainty = np.empty(len(stack)), np.empty(len(stack))
    for chosen, flat in _by_size(stack):
        k = int(stack.sizes[chosen[0]])
        for part, at in _parts(flat, k, psi.shape[1]):
            scores = (theta[at] @ psi).reshape(len(part), k, -1)
            top = scores.max(axis=1)
            scores -= top[:, None]
            # Shares under 1e-300 are nothing, and subnormal numbers are many times slower.
            np.copyto(scores, -np.inf, where=scores < _NOTHING)
            np.exp(scores, out=scores)
            total = scores.sum(axis=1)
            weights = rows.weights if rows.weights.ndim == 1 else rows.weights[chosen[part]]
            scores *= (weights / total)[:, None]
            log_total = np.log(total)
            log_likelihood[chosen[part]] = ((top + log_total) * weights).sum(axis=1)
            # The largest share of each row is 1 / Σ exp(score − top).
            log_certainty[chosen[part]] = -(log_total * weights).sum(axis=1)
            sums[at] = (psi @ scores.reshape(len(at), -1).T).T
    owner = np.repeat(np.arange(len(stack)), stack.sizes)
    pseudo = rows.pseudo(stack.structures, stack.sizes)
    penalty = 0.5 * np.einsum("kij,kij->k", pseudo[owner], precisions)
    objective = (log_likelihood - np.add.reduceat(penalty, stack.offsets[:-1])) / rows.total_weight
    objective[singular] = -np.inf
    return _Evaluation(stack, sums, objective, log_likelihood, log_certainty, singular)


def _by_size(stack: Stack) -> list[tuple[Index, Index]]:
    """Return the mixtures of each size, and where their components lie (S_k, k)."""
    offsets = stack.offsets
    groups = []
    for k in np.unique(stack.sizes):
        chosen = np.flatnonzero(stack.sizes == k)
        groups.append((chosen, offsets[chosen, None] + np.arange(k)))
    return groups


def _parts(flat: Index, k: int, n: int) -> list[tuple[Index, Index]]:
    """Cut the mixtures of one size into parts whose scores stay in cache."""
    most = max(1, _BLOCK_VALUES // (k * n))
    parts = []
    for start in range(0, len(flat), most):
        part = np.arange(start, min(start + most, len(flat)))
        parts.append((part, flat[part].ravel()))
    return parts


def _part(evaluation: _Evaluation, chosen: Index, flat: Index) -> _Evaluation:
    return _Evaluation(
        evaluation.stack.take(chosen),
        evaluation.sums[flat],
        evaluation.objective[chosen],
        evaluation.log_likelihood[chosen],
        evaluation.log_certainty[chosen],
        evaluation.singular[chosen],
    )


def _mended(now: _Evaluation, chosen: Index, again: _Evaluation, stack: Stack) -> _Evaluation:
    flat = stack.components(chosen)
    sums = now.sums.copy()
    sums[flat] = again.sums
    fields = []
    for name in ("objective", "log_likelihood", "log_certainty", "singular"):
        values = getattr(now, name).copy()
        values[chosen] = getattr(again, name)
        fields.append(values)
    return _Evaluation(stack, sums, *fields)
