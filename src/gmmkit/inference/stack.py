"""Many small fits over the same rows, run together: candidates of a search, restarts, bootstrap replicates.

A stack is S independent mixtures whose components lie one after the other in flat arrays, so that a round of EM is a
few array operations for all of them:

    scores = Θ ψ (all components)      softmax mixture by mixture      sums = R ψᵀ      refit structure by structure

The compiled kernel (`kernels.native`) runs the same algorithm; `StackEngine` chooses. Statistics are extrapolated by
SQUAREM (Varadhan & Roland 2008), with the step taken from the objective alone, which no linear map of the data
changes: with gains g₁, g₂ of two plain passes, λ = √(g₂/g₁) is the rate of convergence and

    T' = T₁ + 2a (T₂ − T₁) + a² (T₃ − 2T₂ + T₁),   a = 1 / (1 − λ),

taken back where the objective falls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONVERGED", "SINGULAR", "UNFINISHED", "Index", "Stack", "StackRows", "StackRun"]

Array = NDArray[np.float64]
Index = NDArray[np.intp]

#: How a run of a mixture ended.
CONVERGED, UNFINISHED, SINGULAR = 0, 1, 2


@dataclass(frozen=True, slots=True)
class StackRows:
    """What all mixtures of a stack are fitted to.

    Attributes
    ----------
    z : ndarray of shape (d, n)
        Rows in a frame; contiguous columns.
    weights : ndarray of shape (n,) or (S, n)
        Of the rows: for all mixtures of a stack, or for each its own.
    pooled : dict of str to ndarray of shape (d, d)
        For each structure the prior's scatter of one row: Π(T).
    pseudo_rows : float
        The prior's weight, shared by a mixture's components: each has ``pseudo_rows / k`` rows of Π(T).
    units : ndarray of shape (d,)
        What each column of z is multiplied by to give all columns one scale; powers of two.
    sphering : ndarray of shape (d, d), optional
        Where columns are nearly dependent: turns columns of z into ones of variance 1 without correlation.
    """

    z: Array
    weights: Array
    pooled: dict[str, Array]
    pseudo_rows: float
    units: Array
    sphering: Array | None = None

    @property
    def total_weight(self) -> float:
        """Sum of the weights; of the first mixture's where each has its own, which must have the same."""
        return float(self.weights.sum() if self.weights.ndim == 1 else self.weights[0].sum())

    def take(self, chosen: NDArray[np.intp]) -> StackRows:
        """Return the rows of some of a stack's mixtures."""
        return self if self.weights.ndim == 1 else replace(self, weights=self.weights[chosen])

    def pseudo(self, structures: Sequence[str], sizes: Index) -> Array:
        """Return the pseudo-scatter (S, d, d) that is added to each component of each mixture."""
        names = list(self.pooled)
        place = {name: i for i, name in enumerate(names)}
        scatters = np.stack([self.pooled[name] for name in names])[[place[name] for name in structures]]
        return np.asarray(scatters * (self.pseudo_rows / sizes)[:, None, None])


@dataclass(frozen=True, slots=True)
class Stack:
    """Parameters of S mixtures, flat.

    Attributes
    ----------
    structures : tuple of str
        Each mixture's covariance structure.
    sizes : ndarray of shape (S,)
        Each mixture's number of components.
    weights : ndarray of shape (K,)
        K the sum of the sizes.
    means : ndarray of shape (K, d)
    covariances : ndarray of shape (K, d, d)
    """

    structures: tuple[str, ...]
    sizes: Index
    weights: Array
    means: Array
    covariances: Array

    def __len__(self) -> int:
        return len(self.structures)

    @property
    def cells(self) -> list[tuple[str, int]]:
        """Each mixture's structure and number of components."""
        return list(zip(self.structures, self.sizes.tolist(), strict=True))

    @property
    def offsets(self) -> Index:
        """Where each mixture's components begin, and where the last one's end (S + 1,)."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    def mixture(self, s: int) -> tuple[Array, Array, Array]:
        """Return the weights, means and covariances of one mixture."""
        part = slice(*self.offsets[s : s + 2])
        return self.weights[part], self.means[part], self.covariances[part]

    def components(self, chosen: Index) -> Index:
        """Return where the components of some mixtures lie, one mixture after the other."""
        sizes, starts = self.sizes[chosen], self.offsets[chosen]
        # Each mixture's run of places, written as one range less what lies before each run.
        before = np.concatenate([[0], np.cumsum(sizes)])[:-1]
        return np.asarray(np.arange(int(sizes.sum())) + np.repeat(starts - before, sizes), dtype=np.intp)

    def take(self, chosen: Sequence[int] | Index) -> Stack:
        """Return some of the mixtures, in the given order (repeats allowed)."""
        chosen = np.asarray(chosen, dtype=np.intp)
        flat = self.components(chosen)
        return Stack(
            tuple(self.structures[s] for s in chosen),
            self.sizes[chosen],
            self.weights[flat],
            self.means[flat],
            self.covariances[flat],
        )

    @classmethod
    def join(cls, stacks: Sequence[Stack]) -> Stack:
        """Return the mixtures of several stacks as one."""
        return cls(
            tuple(name for stack in stacks for name in stack.structures),
            np.concatenate([stack.sizes for stack in stacks]),
            np.concatenate([stack.weights for stack in stacks]),
            np.concatenate([stack.means for stack in stacks]),
            np.concatenate([stack.covariances for stack in stacks]),
        )

    def replaced(self, chosen: Index, other: Stack) -> Stack:
        """Return this stack with some mixtures' parameters replaced by those of `other`, of the same sizes."""
        flat = self.components(chosen)
        weights, means, covariances = self.weights.copy(), self.means.copy(), self.covariances.copy()
        weights[flat], means[flat], covariances[flat] = other.weights, other.means, other.covariances
        return replace(self, weights=weights, means=means, covariances=covariances)


@dataclass(frozen=True, slots=True)
class StackRun:
    """What a run made of a stack.

    Attributes
    ----------
    stack : Stack
        The parameters at which `objective` and the likelihoods were found.
    objective : ndarray of shape (S,)
        Penalised log-likelihood per unit of weight, in the frame of the rows.
    log_likelihood : ndarray of shape (S,)
        ``Σ_i w_i log p(z_i)``.
    log_certainty : ndarray of shape (S,)
        ``Σ_i w_i log max_k p(k | z_i)``.
    status : ndarray of shape (S,)
        `CONVERGED`, `UNFINISHED` or `SINGULAR`.
    passes : ndarray of shape (S,)
        Passes that were made.
    traces : ndarray of shape (S, m)
        The objective before each pass's refit; after the last pass, anything.
    """

    stack: Stack
    objective: Array
    log_likelihood: Array
    log_certainty: Array
    status: NDArray[np.intp]
    passes: NDArray[np.intp]
    traces: Array

    def __len__(self) -> int:
        return len(self.stack)

    def take(self, chosen: Sequence[int] | Index) -> StackRun:
        """Return some of the mixtures, in the given order."""
        at = np.asarray(chosen, dtype=np.intp)
        return StackRun(
            self.stack.take(at),
            self.objective[at],
            self.log_likelihood[at],
            self.log_certainty[at],
            self.status[at],
            self.passes[at],
            self.traces[at],
        )

    @classmethod
    def nothing(cls, d: int) -> StackRun:
        """Return a run of no mixtures in d columns."""
        none = np.empty(0, dtype=np.intp)
        stack = Stack((), none, np.empty(0), np.empty((0, d)), np.empty((0, d, d)))
        return cls(stack, np.empty(0), np.empty(0), np.empty(0), none, none, np.empty((0, 0)))

    @classmethod
    def join(cls, runs: Sequence[StackRun]) -> StackRun:
        """Return the mixtures of several runs as one."""
        runs = [run for run in runs if len(run)] or list(runs[:1])
        widest = max(run.traces.shape[1] for run in runs)
        return cls(
            Stack.join([run.stack for run in runs]),
            np.concatenate([run.objective for run in runs]),
            np.concatenate([run.log_likelihood for run in runs]),
            np.concatenate([run.log_certainty for run in runs]),
            np.concatenate([run.status for run in runs]),
            np.concatenate([run.passes for run in runs]),
            np.concatenate([np.pad(run.traces, ((0, 0), (0, widest - run.traces.shape[1]))) for run in runs]),
        )
