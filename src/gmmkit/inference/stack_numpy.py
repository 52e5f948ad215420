"""Run a stack of mixtures by array operations: one round of EM for all of them at a time.

    scores = Θ ψ (all components)      softmax mixture by mixture      T = R ψᵀ      refit structure by structure

The sums T are extrapolated by SQUAREM (Varadhan & Roland 2008), valid for every structure because statistics, not
parameters, form a linear space. The step is taken from the objective alone, which no linear map of the data changes:
with gains g₁, g₂ of two plain passes, the rate of convergence is λ = √(g₂/g₁), and

    T' = T₁ + 2a (T₂ − T₁) + a² (T₃ − 2T₂ + T₁),   a = 1 / (1 − λ).

A step is taken back where counts or scatters stop being positive or the objective falls. It takes most of what is slow,
so that the gains next to it are of what is fast: after one, three estimates of little left to gain must follow each
other, of plain passes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.stack import CONVERGED, SINGULAR, UNFINISHED, Stack, StackRows, StackRun
from gmmkit.inference.stack_pass import Evaluation, by_size, evaluate, features, natural, parts
from gmmkit.inference.stack_refit import Refit

__all__ = ["begin", "labels_of", "partition_keys", "run"]

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_FIRST_LONGEST_STEP = 4.0
_SLOWEST = 0.9999
_CONFIRMATIONS = 2


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
    psi = features(rows)
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
    refit = Refit(rows, structures, sizes)
    stack = refit(sums, None)
    theta, precisions, singular = natural(rows, stack)
    # Σ_k [n_k (log w_k + log N(μ_k)) − ½ tr(W_k P_k)], W_k with the prior's share.
    _, _, scatter = refit.moments(sums)
    linear = theta[:, 1 : 1 + len(rows.z)]
    constants = theta[:, 0] + 0.5 * np.einsum("ki,ki->k", stack.means, linear)
    values = sums[:, 0] * constants - 0.5 * np.einsum("kij,kij->k", scatter + refit.pseudo, precisions)
    objective = np.add.reduceat(values, offsets[:-1]) / rows.total_weight
    return stack, np.where(singular, -np.inf, objective)


def labels_of(rows: StackRows, stack: Stack) -> NDArray[np.int32]:
    """Return the most probable component of each row (S, n) in each mixture."""
    psi = features(rows)
    theta, _, _ = natural(rows, stack)
    labels = np.empty((len(stack), psi.shape[1]), dtype=np.int32)
    for chosen, flat in by_size(stack):
        k = int(stack.sizes[chosen[0]])
        for part, at in parts(flat, k, psi.shape[1]):
            labels[chosen[part]] = (theta[at] @ psi).reshape(len(part), k, -1).argmax(axis=1)
    return labels


def partition_keys(labels: NDArray[np.int32], marks: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a number for each partition (S, n) that does not depend on how its groups are numbered."""
    keys = np.zeros(len(labels), dtype=np.uint64)
    for group in range(int(labels.max(initial=-1)) + 1):
        # Integers that wrap around: groups in any order give the same number (mixed by SplitMix64's finaliser).
        x = np.where(labels == group, marks, np.uint64(0)).sum(axis=1, dtype=np.uint64)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        keys += x ^ (x >> np.uint64(31))
    return keys


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


class _Active:
    """The mixtures still running: each takes a stretched step after three passes that plain steps link."""

    def __init__(self, rows: StackRows, stack: Stack) -> None:
        self.rows, self.psi = rows, features(rows)
        self.origin: Index = np.arange(len(stack), dtype=np.intp)
        self.next = stack
        self.refit = Refit(rows, stack.structures, stack.sizes)
        self.at: Evaluation | None = None
        self.status: Index = np.full(len(stack), UNFINISHED, dtype=np.intp)
        self.history: list[tuple[Array, Array]] = []
        self.longest: Array = np.full(len(stack), _FIRST_LONGEST_STEP)
        # Passes linked by plain steps, estimates of little left in a row, and stretched steps that held.
        self.linked, self.confirmed, self.stretches = (np.zeros(len(stack), dtype=np.intp) for _ in range(3))
        self.fallback: tuple[Array, Evaluation, NDArray[np.bool_]] | None = None
        self.traces: list[list[float]] = [[] for _ in range(len(stack))]

    def evaluate(self) -> None:
        """Score the next stack; where an extrapolated step fell, or is singular, go back to the plain one."""
        now = evaluate(self.rows, self.psi, self.next)
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
                again = evaluate(self.rows.take(chosen), self.psi, refitted)
                now = _mended(now, chosen, again, self.next)
            held = tried & ~worse
            self.stretches = self.stretches + held
            self.linked = np.where(held, 0, self.linked)
            self.fallback = None
        self.at = now
        for trace, value in zip(self.traces, now.objective, strict=True):
            trace.append(float(value))

    def step(self, tol: float) -> NDArray[np.bool_]:
        """Refit, plainly or stretched; return which mixtures have ended."""
        now = self.at
        assert now is not None
        self.history = [*self.history[-2:], (now.sums, now.objective)]
        self.linked = self.linked + 1
        ended = now.singular.copy()
        self.status[ended] = SINGULAR
        if len(self.history) < 3:
            self.next = self.refit(now.sums, now.stack)
            return ended
        ready = self.linked >= 3
        (t1, f1), (t2, f2), (t3, f3) = self.history
        first, last = f2 - f1, f3 - f2
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = last / first
            to_come = np.where(rate < 1.0, last * rate / (1.0 - rate), np.inf)
        little = np.where((first <= 0) | (last <= 0), np.abs(last) < tol, to_come < tol)
        self.confirmed = np.where(ready, np.where(little, self.confirmed + 1, 0), self.confirmed)
        done = ready & (self.confirmed > np.where(self.stretches, _CONFIRMATIONS, 0)) & ~ended
        self.status[done] = CONVERGED
        ended |= done
        if ended.all():
            return ended
        with np.errstate(invalid="ignore"):
            slow = np.sqrt(np.clip(np.nan_to_num(rate, nan=0.0), 0.0, _SLOWEST**2))
        a = np.minimum(1.0 / (1.0 - slow), self.longest)
        tried = ready & (self.confirmed == 0) & (a > 1.01) & (last > 0)
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
        rest.next = self.next.take(left)
        rest.at = None if self.at is None else _part(self.at, left, flat)
        rest.refit = Refit(rest.rows, rest.next.structures, rest.next.sizes)
        rest.status, rest.longest = self.status[left], self.longest[left]
        rest.linked, rest.confirmed, rest.stretches = self.linked[left], self.confirmed[left], self.stretches[left]
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


def _part(evaluation: Evaluation, chosen: Index, flat: Index) -> Evaluation:
    return Evaluation(
        evaluation.stack.take(chosen),
        evaluation.sums[flat],
        evaluation.objective[chosen],
        evaluation.log_likelihood[chosen],
        evaluation.log_certainty[chosen],
        evaluation.singular[chosen],
    )


def _mended(now: Evaluation, chosen: Index, again: Evaluation, stack: Stack) -> Evaluation:
    flat = stack.components(chosen)
    sums = now.sums.copy()
    sums[flat] = again.sums
    fields = []
    for name in ("objective", "log_likelihood", "log_certainty", "singular"):
        values = getattr(now, name).copy()
        values[chosen] = getattr(again, name)
        fields.append(values)
    return Evaluation(stack, sums, *fields)
