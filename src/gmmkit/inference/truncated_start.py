"""Starts of truncated fits of many components, which never compare every row with every component.

Seeds are drawn from a sample as k-means++ draws them, by short Markov chains instead of passes ("AFK-MC²": Bachem,
Lucic, Hassani & Krause 2016, "Fast and provably good seedings for k-means", Advances in Neural Information Processing
Systems 29); ``"kmeans"`` moves them by truncated passes of hard assignment over the sample. Every component begins with
the same covariance, that of the sample's rows about the centres nearest to them: own ones of a dozen rows would be
chance. The first pass over all rows gives each its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.data import as_table
from gmmkit.errors import ParameterError
from gmmkit.inference.loop import run
from gmmkit.inference.prior import DELTA, Prior
from gmmkit.inference.problem import Problem, Totals
from gmmkit.inference.repairs import OnSingular, Repair
from gmmkit.inference.sampling import Sample, draw_rows, sample_rows, whitened
from gmmkit.inference.starts import Named, Start
from gmmkit.inference.stopping import SmallChange
from gmmkit.inference.survey import survey
from gmmkit.inference.truncated_pass import TruncatedPass
from gmmkit.model.mixture import Mixture
from gmmkit.statistics import Statistics

__all__ = ["SPARSE_STARTS", "SparseStart", "chained_seeds", "named_start", "truncated_to"]

Array = NDArray[np.float64]

#: Starts of `STARTS` that need no pass over rows × components.
SPARSE_STARTS = ("kmeans", "k-means++", "random_from_data")

_ROWS_PER_COMPONENT, _FEWEST_ROWS = 10, 10_000
_CHAIN, _BATCH = 16, 64
_FEW_COMPONENTS = 256
_MOST_PASSES, _TOLERANCE = 7, 1e-3


def truncated_to(truncation: int | None, k: int) -> int | None:
    """Return the components of each row; None where that is all k of them, which is plain EM."""
    return None if truncation is None or truncation >= k else truncation


@dataclass(frozen=True, slots=True)
class SparseStart:
    """One of `SPARSE_STARTS`, for k components.

    Attributes
    ----------
    name : str
    k : int
    """

    name: str
    k: int

    def __post_init__(self) -> None:
        if self.name not in SPARSE_STARTS:
            *others, last = map(repr, SPARSE_STARTS)
            raise ParameterError(
                f"with truncation, starts are {', '.join(others)} or {last}, but got {self.name!r}, which compares "
                "every row with every component: give one of those, or leave truncation out"
            )

    def __call__(
        self, problem: Problem, prior: Prior, policy: OnSingular, random: np.random.Generator
    ) -> tuple[Mixture, list[Repair]]:
        sample = sample_rows(problem, random, max(_FEWEST_ROWS, _ROWS_PER_COMPONENT * self.k))
        table = as_table(problem.frame.points_out(sample.rows), weights=sample.weights)
        of_sample = Problem(table, problem.family, survey(table, problem.workers), problem.workers)
        rows = of_sample.frame.points_in(problem.frame.points_out(sample.rows))
        white = Sample(whitened(of_sample.pooled, rows), sample.weights)
        drawn = draw_rows if self.name == "random_from_data" else chained_seeds
        centres = of_sample.pooled.colour(drawn(white, self.k, random), 0)
        state = _spread(of_sample, centres, random, moving=self.name == "kmeans")
        return state.out_of(of_sample.frame).into(problem.frame), []


def named_start(name: str, k: int, truncation: int | None) -> Start:
    """Return the start of a name, for k components of which a row keeps `truncation`.

    Up to a few hundred components a pass over rows × components costs little, and begins where dense fits do.

    Raises
    ------
    ParameterError
        If it is no start of truncated fits, and one is asked for.
    """
    if truncated_to(truncation, k) is not None:
        sparse = SparseStart(name, k)  # refuses other names, whatever k is
        if k > _FEW_COMPONENTS:
            return sparse
    return Named(name, k)  # type: ignore[arg-type]


def chained_seeds(sample: Sample, k: int, random: np.random.Generator, chain: int = _CHAIN) -> Array:
    """Return k rows of a sample, each drawn about as k-means++ would; repeats only where it has few distinct rows.

    Parameters
    ----------
    sample : Sample
    k : int
    random : numpy.random.Generator
    chain : int, default=16
        Steps of each Markov chain: the more, the nearer to k-means++.
    """
    rows, weights = sample.rows, sample.weights / sample.weights.sum()
    first = int(np.searchsorted(np.cumsum(weights), random.random() * weights.sum()))
    first = min(first, len(rows) - 1)
    squares = ((rows - rows[first]) ** 2).sum(axis=1)
    spread = float(weights @ squares)
    proposal = 0.5 * weights + (0.5 * weights * squares / spread if spread > 0 else 0.5 * weights)
    cumulative = np.cumsum(proposal)
    seeds = np.empty((k, rows.shape[1]))
    seeds[0] = rows[first]
    for start in range(1, k, _BATCH):
        stop = min(start + _BATCH, k)
        draws = random.random((stop - start, chain)) * cumulative[-1]
        drawn = np.minimum(np.searchsorted(cumulative, draws, side="right"), len(rows) - 1)
        points = rows[drawn.ravel()]
        near = _squared_distances(points, seeds[:start]).reshape(drawn.shape)
        odds = weights[drawn] / proposal[drawn]
        uniforms = random.random(drawn.shape)
        for j in range(stop - start):
            # Metropolis–Hastings: what is proposed is taken by the ratio of its mass to that of where the chain is.
            mass = (odds[j] * near[j]).tolist()
            at = 0
            for step, uniform in enumerate(uniforms[j, 1:].tolist(), start=1):
                if mass[step] >= uniform * mass[at]:
                    at = step
            seeds[start + j] = points[j * chain + at]
            beyond = points[(j + 1) * chain :] - seeds[start + j]
            left = near[j + 1 :].reshape(-1)
            np.minimum(left, np.einsum("nd,nd->n", beyond, beyond), out=left)
    return seeds


def _squared_distances(points: Array, among: Array) -> Array:
    """Return squared distances (n,) to the nearest of some points."""
    products = points @ among.T
    nearest = (0.5 * (among**2).sum(axis=1) - products).min(axis=1)
    return np.asarray(np.maximum((points**2).sum(axis=1) + 2.0 * nearest, 0.0))


class _Hard:
    """k-means in the pooled metric by truncated passes: a row is wholly of the one component that it keeps."""

    def __init__(self, problem: Problem, key: int) -> None:
        self.problem, self._rows = problem, TruncatedPass(problem, 1, key)

    def sweep(self, state: Mixture) -> Totals:
        return self._rows.totals(state, np.zeros(state.n_components))

    def objective(self, totals: Totals, state: Mixture) -> float:
        return totals.row_sum / self.problem.total_weight

    def refit(self, totals: Totals, state: Mixture, iteration: int) -> tuple[Mixture, list[Repair]]:
        return Mixture.trusted(state.weights, totals.statistics.means(), state.covariance), []


def _spread(problem: Problem, centres: Array, random: np.random.Generator, *, moving: bool) -> Mixture:
    """Return components about centres, moved by k-means if so, with the covariance of the rows about the nearest."""
    k = len(centres)
    hard = _Hard(problem, int(random.integers(2**63)))
    state = Mixture.trusted(np.full(k, 1.0 / k), centres, problem.pooled.take([0] * k))
    if moving:
        done = run(hard, problem, state, rule=SmallChange(_TOLERANCE), max_iter=_MOST_PASSES)
        if done.reason == "interrupted":
            # Half a start is no model: the fit it was for must hear of it.
            raise KeyboardInterrupt
        state = done.state
    statistics = hard.sweep(state).statistics
    counts, total = statistics.counts, problem.total_weight
    # A mean takes one row of those that are about it.
    taken = np.count_nonzero(counts) / problem.rows_per_weight
    about_origin = np.zeros((1, problem.n_columns))
    held = Statistics(
        statistics.contraction,
        np.array([max(total - taken, total / _ROWS_PER_COMPONENT)]),
        about_origin,
        statistics.scatter().sum(axis=0, keepdims=True),
        about_origin,
    )
    nothing, tiny = np.zeros(problem.n_columns), DELTA * total * problem.pooled.as_scatter()
    within = type(problem.pooled).refit(held, tiny, nothing)
    weights = counts + 1.0 / problem.rows_per_weight
    means = statistics.means() if moving else state.means
    return Mixture.trusted(weights / weights.sum(), means, within.take([0] * k))
