"""Where a fit begins: k-means, a hierarchy, short runs, random rows, random responsibilities, or what the caller knows.

Every start ends the same way: rows are assigned, statistics gathered, and the family refitted from them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Block
from gmmkit.inference.em import mixture_of
from gmmkit.inference.kmeans import hard, lloyd, plus_plus, with_nearest
from gmmkit.inference.prior import Prior
from gmmkit.inference.problem import Assign, Problem
from gmmkit.inference.repairs import OnSingular, Repair, repair
from gmmkit.inference.sampling import Sample, draw_rows, sample_rows, whitened
from gmmkit.inference.short_runs import Trials, from_hierarchy
from gmmkit.model.covariance import EEI, Covariance, Tied
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import Scorer, Workspace
from gmmkit.model.sums import Sums
from gmmkit.numerics.frame import power_of_two
from gmmkit.statistics import Statistics

__all__ = ["STARTS", "FromMixture", "FromPartition", "Metric", "Named", "Overridden", "Start", "StartName"]

Array = NDArray[np.float64]
StartName = Literal[
    "kmeans", "k-means++", "random", "random_from_data", "hierarchical", "hierarchical-ward", "short-runs", "swap"
]
#: Distances between rows: in the data's own units (scikit-learn's), or in the pooled covariance of the family.
Metric = Literal["raw", "pooled"]

STARTS: tuple[StartName, ...] = get_args(StartName)

# Rows × components that are assigned at once: two megabytes.
_MOST_SHARES = 1 << 18


class Start(Protocol):
    """Makes the first state of a fit, in the problem's frame, and says what had to be repaired in it."""

    def __call__(
        self, problem: Problem, prior: Prior, policy: OnSingular, random: np.random.Generator
    ) -> tuple[Mixture, list[Repair]]: ...


@dataclass(frozen=True, slots=True)
class Named:
    """One of `STARTS`, for k components.

    ``"kmeans"``, ``"k-means++"``, ``"random"`` and ``"random_from_data"`` are scikit-learn's. The others are as
    invariant as the family's pooled covariance: ``"hierarchical"`` and ``"hierarchical-ward"``, the partition of a
    model-based hierarchy (`hierarchy`); ``"short-runs"``, the best of many short runs of EM (`short_runs`); ``"swap"``,
    the best of those, moved (`moves`).

    Attributes
    ----------
    name : str
    k : int
    metric : {"raw", "pooled"}
        Of k-means and of the distances to chosen rows.
    """

    name: StartName
    k: int
    metric: Metric = "raw"

    def __call__(
        self, problem: Problem, prior: Prior, policy: OnSingular, random: np.random.Generator
    ) -> tuple[Mixture, list[Repair]]:
        statistics = _gather_start(problem, self.name, self.k, random, self.metric)
        return first_refit(statistics, problem, prior, policy, random)


@dataclass(frozen=True, slots=True)
class FromPartition:
    """Responsibilities of each row that the caller knows: `known` returns (B, k) for a block."""

    known: Callable[[Block], Array]
    k: int

    def __call__(
        self, problem: Problem, prior: Prior, policy: OnSingular, random: np.random.Generator
    ) -> tuple[Mixture, list[Repair]]:
        statistics = gather_known(problem, self.known, self.k)
        return first_refit(statistics, problem, prior, policy, random)


@dataclass(frozen=True, slots=True)
class FromMixture:
    """Parameters in the data's units; the covariance must be of the problem's family.

    Attributes
    ----------
    mixture : Mixture or callable
        Or what makes it, where that need not be kept.
    reached : bool
        Whether a fit has led there, so that no warm-up has anything to add.
    """

    mixture: Mixture | Callable[[], Mixture]
    reached: bool = False

    def __call__(
        self, problem: Problem, prior: Prior, policy: OnSingular, random: np.random.Generator
    ) -> tuple[Mixture, list[Repair]]:
        mixture = self.mixture() if callable(self.mixture) else self.mixture
        return mixture.into(problem.frame), []


@dataclass(frozen=True, slots=True)
class Overridden:
    """Another start with some of its parameters replaced, in the data's units; the covariance when it is asked for."""

    start: Start
    weights: Array | None = None
    means: Array | None = None
    covariance: Callable[[], Covariance] | None = None

    def __call__(
        self, problem: Problem, prior: Prior, policy: OnSingular, random: np.random.Generator
    ) -> tuple[Mixture, list[Repair]]:
        state, repairs = self.start(problem, prior, policy, random)
        frame = problem.frame
        return Mixture.trusted(
            state.weights if self.weights is None else self.weights,
            state.means if self.means is None else frame.points_in(self.means),
            state.covariance if self.covariance is None else self.covariance().rescaled(frame.scale),
        ), repairs


def first_refit(
    statistics: Statistics, problem: Problem, prior: Prior, policy: OnSingular, random: np.random.Generator
) -> tuple[Mixture, list[Repair]]:
    """Return the state that statistics lead to, and what had to be repaired in it."""
    state = mixture_of(statistics, problem, prior)
    # Starts may well begin with few rows a component; only what cannot be scored is repaired here.
    lenient: OnSingular = policy if policy in ("refuse", "raise") else "floor"
    lenient = "refuse" if lenient == "raise" else lenient
    return repair(state, statistics.counts, problem, on_singular=lenient, iteration=0, random=random)


def _gather_start(problem: Problem, name: StartName, k: int, random: np.random.Generator, metric: Metric) -> Statistics:
    if name == "random":
        return _random_responsibilities(problem, k, random)
    if name == "short-runs":
        trials = Trials(problem, k, random)
        return trials.gather(trials.best_of_many())
    if name == "swap":
        trials = Trials(problem, k, random)
        return trials.gather(trials.moved(trials.best_of_all()))
    sample = sample_rows(problem, random)
    if name in ("hierarchical", "hierarchical-ward"):
        return from_hierarchy(problem, sample, k, random, criterion="VVV" if name == "hierarchical" else "EII")
    measure = _metric_covariance(problem, metric)
    white = Sample(whitened(measure, sample.rows), sample.weights)
    centres = (draw_rows if name == "random_from_data" else plus_plus)(white, k, random)
    if name == "kmeans":
        centres = lloyd(white, centres, problem.workers)
    framed = measure.colour(centres, 0)
    if not sample.complete or k * len(white.rows) > _MOST_SHARES:
        return gather_hard(problem, framed, metric)
    # The sample is all rows: no need to read them again.
    sums = Sums(problem.family, framed)
    sums.gather_centred(np.ascontiguousarray(sample.rows.T), with_nearest(white, centres))
    return sums.statistics()


def gather_hard(problem: Problem, centres: Array, metric: Metric) -> Statistics:
    """Assign every row to the nearest of the centres (k, d) and gather about the centres."""
    k = len(centres)
    covariance = _metric_covariance(problem, metric).take([0] * k)
    nearest = Scorer(np.zeros(k), centres, covariance, problem.frame)

    def begin(block_rows: int) -> Assign:
        buffers = nearest.workspace(block_rows)

        def assign(scorer: Scorer, block: Block, work: Workspace) -> tuple[Array, Array]:
            scorer.read(block.rows, work)
            return hard(nearest, block, buffers)

        return assign

    return problem.sweep(problem.gatherer(centres), begin).statistics


def gather_known(problem: Problem, known: Callable[[Block], Array], k: int) -> Statistics:
    """Gather with responsibilities (B, k) that are known for each block.

    Two passes: the first finds the means, the second gathers about them, so that clusters far from each other
    keep their digits.
    """

    def begin(block_rows: int) -> Assign:  # noqa: ARG001
        def assign(scorer: Scorer, block: Block, work: Workspace) -> tuple[Array, Array]:
            scorer.read(block.rows, work)
            return np.array(known(block).T, dtype=np.float64, order="C"), np.zeros(len(block.rows))

        return assign

    origin = np.zeros((k, problem.n_columns))
    means = problem.sweep(problem.gatherer(origin), begin).statistics.means()
    return problem.sweep(problem.gatherer(means), begin).statistics


def _random_responsibilities(problem: Problem, k: int, random: np.random.Generator) -> Statistics:
    key = int(random.integers(2**63))

    def drawn(block: Block) -> Array:
        # One generator a block, keyed by its first row: the same numbers whichever thread asks.
        uniform = np.random.default_rng([key, block.index]).random((len(block.rows), k))
        return np.asarray(uniform / uniform.sum(axis=1, keepdims=True))

    return gather_known(problem, drawn, k)


def _metric_covariance(problem: Problem, metric: Metric) -> Covariance:
    """Return the covariance, of one component, in whose metric distances between rows of the frame are measured."""
    if metric == "pooled" and problem.family.independent_columns:
        return EEI(problem.pooled.variances()[0], n_components=1)
    if metric == "pooled":
        return Tied(problem.pooled.dense()[0], n_components=1)
    return EEI(_unit_of_length(problem) ** 2, n_components=1)


def _unit_of_length(problem: Problem) -> Array:
    """Return, in the frame, one unit of length for all columns of the data: the frame scaled each by its own."""
    spread = problem.surveyed.high - problem.surveyed.low
    ratio = problem.frame.scale / power_of_two(spread.max())
    return np.asarray(np.minimum(np.maximum(ratio, 1e-140), 1e140))
