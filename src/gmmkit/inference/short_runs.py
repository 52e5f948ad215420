"""Starts that compete on a sample: many short runs of EM, of which the best goes on, and moves on the best.

Biernacki, Celeux & Govaert (2003, "Choosing starting values for the EM algorithm", Computational Statistics & Data
Analysis 41) found that most of a fixed number of passes is best spent on many starts of a few passes each. Moves take
an optimum to a better one: split and merge (Ueda et al. 2000), or put a component elsewhere at random.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from gmmkit.data import as_table
from gmmkit.inference.diagnosis import health_of
from gmmkit.inference.em import EM, mixture_of
from gmmkit.inference.hierarchy import HierarchyCriterion, agglomerate, sphered_within
from gmmkit.inference.kmeans import nearest, plus_plus
from gmmkit.inference.loop import Run, run
from gmmkit.inference.moves import score_sample, split_and_merge, swapped
from gmmkit.inference.prior import make_prior
from gmmkit.inference.problem import Problem
from gmmkit.inference.repairs import repair
from gmmkit.inference.sampling import Sample, draw_rows, gather_sample, in_rows, sample_rows, thinned, whitened
from gmmkit.inference.stopping import AitkenGain
from gmmkit.inference.survey import survey
from gmmkit.model.mixture import Mixture
from gmmkit.statistics import Statistics

__all__ = ["Trials", "from_hierarchy"]

Array = NDArray[np.float64]
Members = NDArray[np.bool_]

# From so many columns on a hierarchy of free covariances begins with groups of so many rows on average.
_WIDE, _ROWS_OF_A_GROUP = 20, 4
# Distinct rows that a hierarchy is made of, and that trials are run on; of more, as many are drawn.
_MOST_IN_HIERARCHY = 2000
_MOST_IN_TRIALS = 1000
# Runs of a few passes, of which the best few go on for more.
_RUNS, _FEW = 24, 5
_LEADERS, _MORE = 4, 25
# Moves tried in a round, and rounds that may fail before the search for a better optimum ends.
_SPLITS, _SWAPS = 4, 2
_FAILURES, _ROUNDS = 2, 12
_GAIN = 1e-5
# A run begins to collapse long before it has: the smallest share of the data's variance that a trial may have.
_SOUND = 1e-3


def from_hierarchy(
    problem: Problem, sample: Sample, k: int, random: np.random.Generator, *, criterion: HierarchyCriterion
) -> Statistics:
    """Gather a sample with the partition of a hierarchy, as invariant as the family's pooled covariance."""
    sample = thinned(sample, _MOST_IN_HIERARCHY, random)
    return gather_sample(problem, sample, _memberships(problem, sample, k, criterion))


class Trials:
    """Short runs of EM for k components on a sample of at most 1,000 distinct rows of a problem.

    A run that collapsed loses to every one that did not. Their prior is always ``"auto"``: they make starts only.
    """

    def __init__(self, problem: Problem, k: int, random: np.random.Generator) -> None:
        self._given, self.k, self.random = problem, k, random
        sample = thinned(sample_rows(problem, random), _MOST_IN_TRIALS, random)
        table = as_table(sample.rows, weights=in_rows(problem, sample))
        # A problem of its own, whose data's units are the frame of the given one.
        self.problem = Problem(table, problem.family, survey(table, problem.workers), problem.workers)
        self.sample = sample_rows(self.problem, random)
        self.prior = make_prior(self.problem, "auto")

    def best_of_many(self) -> Run:
        """Return the best of many short runs, from rows drawn at random and by k-means++."""
        return self._best(self._drawn() for _ in range(_RUNS))

    def best_of_all(self) -> Run:
        """Return the best of many short runs and of those from two hierarchies."""
        criteria: tuple[HierarchyCriterion, ...] = ("VVV", "EII")
        known = (_memberships(self.problem, self.sample, self.k, criterion) for criterion in criteria)
        # A partition that is nearly right may need many passes: on iris it overtakes the others after ten.
        runs = [self._run(self._begun(shares), _FEW + _MORE) for shares in known]
        return max(self.best_of_many(), *runs, key=self._rank)

    def moved(self, best: Run) -> Run:
        """Return the best that moves lead to from a run."""
        failures = 0
        for _ in range(_ROUNDS if self.k > 1 else 0):
            candidates: list[Array | Members] = []
            candidates += islice(split_and_merge(self.problem, self.sample, best.state), _SPLITS)
            candidates += [swapped(self.problem, self.sample, best.state, self.random) for _ in range(_SWAPS)]
            challenger = self._best(candidates)
            (sound, objective), (before_sound, before) = self._rank(challenger), self._rank(best)
            if (sound, objective) > (before_sound, before + _GAIN):
                best, failures = challenger, 0
            else:
                failures += 1
            if failures == _FAILURES:
                break
        return best

    def gather(self, done: Run) -> Statistics:
        """Gather the sample with a run's responsibilities, for the given problem."""
        rows = self.problem.frame.points_out(self.sample.rows)
        return gather_sample(self._given, Sample(rows, self.sample.weights), score_sample(done.state, self.sample)[0])

    def _drawn(self) -> Members:
        """Return memberships (k, m) of the rows nearest to k rows of the sample, in the pooled metric."""
        white = Sample(whitened(self.problem.pooled, self.sample.rows), self.sample.weights)
        draw = plus_plus if self.random.random() < 0.5 else draw_rows
        centres = draw(white, self.k, self.random)
        return _one_hot(nearest(white.rows, centres), self.k)

    def _best(self, candidates: Iterable[Array | Members]) -> Run:
        """Run from responsibilities (k, m) for a few passes, the best of them for more, and return the best."""
        runs = sorted((self._run(self._begun(shares), _FEW) for shares in candidates), key=self._rank, reverse=True)
        return max((self._run(short.state, _MORE) for short in runs[:_LEADERS]), key=self._rank)

    def _begun(self, responsibilities: Array | Members) -> Mixture:
        statistics = gather_sample(self.problem, self.sample, responsibilities)
        state = mixture_of(statistics, self.problem, self.prior)
        return repair(state, statistics.counts, self.problem, on_singular="floor", iteration=0, random=self.random)[0]

    def _run(self, state: Mixture, passes: int) -> Run:
        try:
            done = run(EM(self.problem, self.prior), self.problem, state, rule=AitkenGain(_GAIN), max_iter=passes)
        except np.linalg.LinAlgError:
            # A component between a gross outlier and a few rows has no factor, and the trial is lost.
            return Run(state, (), "max_iter", ())
        if done.reason == "interrupted":
            # Half a start is no model: the fit it was for must hear of it.
            raise KeyboardInterrupt
        return done

    def _rank(self, done: Run) -> tuple[bool, float]:
        if not done.objectives:
            return False, done.objective
        return health_of(self.problem, done.state).spurious(_SOUND) is None, done.objective


def _memberships(problem: Problem, sample: Sample, k: int, criterion: HierarchyCriterion) -> Members:
    rows, weights = whitened(problem.pooled, sample.rows), in_rows(problem, sample)
    if criterion == "VVV":
        within, groups = sphered_within(rows, weights), None
        if within.shape[1] >= _WIDE:
            # A determinant takes more rows than columns: from single rows on it would come too late to tell anything.
            ward = agglomerate(within, weights, criterion="EII")
            groups = ward.labels([max(len(within) // _ROWS_OF_A_GROUP, 2 * k)])[0]
        hierarchy = agglomerate(within, weights, groups=groups, variance=1.0)
    else:
        hierarchy = agglomerate(rows, weights, criterion=criterion)
    return _one_hot(hierarchy.labels([k])[0], k)


def _one_hot(labels: NDArray[np.intp], k: int) -> Members:
    return np.asarray(labels == np.arange(k)[:, None])
