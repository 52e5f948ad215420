"""Clusters are not components: a given number of clusters, each of one component or of several.

Candidates are mixtures of k components, of several structures, and of more components than that, merged down to k
(`misclassification.py`). Each is judged by

    BIC / n + (1 − agreement)

in BIC's units per row: how well it describes the rows, and how far its clusters are found again when it is fitted to
one half of them. The agreement is the adjusted Rand index (Hubert & Arabie 1985) between the clusters of all rows and
those that fits to random halves assign the same rows to, on average; the idea is that of prediction strength
(Tibshirani & Walther 2005, Journal of Computational and Graphical Statistics 14). BIC alone is blind to how components
form clusters; separation, as posteriors tell it, is blind in many columns, where those of any fit are near 0 and 1.

The agreement is at most 1, so that a candidate whose BIC alone is worse than another's sum needs no second fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.data import as_table
from gmmkit.data.table import Table
from gmmkit.errors import DataError, ParameterError
from gmmkit.execution import Workers
from gmmkit.inference.problem import Problem
from gmmkit.inference.sampling import sample_rows
from gmmkit.inference.survey import survey
from gmmkit.model.covariance import Full, family
from gmmkit.numerics.streams import generator
from gmmkit.selection.agreement import adjusted_rand_index
from gmmkit.selection.cluster_choice import ClusterCandidate, ClusterResult, reason_for
from gmmkit.selection.cluster_models import (
    HEAVY_TAILED,
    ClusterModel,
    FittedModel,
    deviations,
    fit_models,
    in_units,
    n_parameters,
)
from gmmkit.selection.merge_tree import MergeTree
from gmmkit.selection.misclassification import clusters_after, merge_components, posterior_of_clusters
from gmmkit.selection.resolution import recorded_step, spread_over_cells

__all__ = ["ClusterSettings", "find_clusters"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Rows that clusters are sought on; beyond, a weighted sample of so many stands for all.
_MOST_ROWS = 2000
# A mixture with fewer rows than this for each parameter describes the rows that it has seen.
_ROWS_PER_PARAMETER = 2
# Numbers of components beyond k + 2 grow by this factor, up to so many.
_GROWTH, _MOST_COMPONENTS = 1.4, 100
_SPLITS = 4
# Candidates that are fitted to halves together: what one fit learns, others start from.
_TOGETHER = 4
# Agreements that differ by less than this do so by the halves' chance; below the other, more is lost than found again.
_ALIKE, _FOUND_AGAIN = 0.03, 0.5
_MOST_CLUSTERS = 9


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """What to look for.

    Attributes
    ----------
    n_clusters : int or None
        None: the number that halves of the rows agree on most.
    structures : sequence of str
        Of mixtures with one component a cluster. Those with more are of the one with most parameters.
    seed : int
    """

    n_clusters: int | None
    structures: Sequence[str]
    seed: int


def find_clusters(table: Table, settings: ClusterSettings, *, n_jobs: int | None = None) -> ClusterResult:
    """Return the clusters of a table's rows.

    Raises
    ------
    ParameterError
        If there are fewer distinct rows than clusters, or no candidate can be fitted.
    DataError
        If all rows are equal.
    """
    with Workers(n_jobs) as workers:
        random = generator(settings.seed)
        whole = Problem(table, Full, survey(table, workers), workers)
        sample = sample_rows(whole, random)
        k = settings.n_clusters
        if k is not None and k > len(sample.weights):
            raise ParameterError(
                f"{k} clusters need at least as many distinct rows, but {table.origin} has {len(sample.weights)}: "
                "ask for fewer"
            )
        if len(sample.weights) < 2:
            raise DataError(f"{table.origin} has no two rows that differ, so there are no clusters to find")
        steps = np.array([recorded_step(column, sample.weights) for column in sample.rows.T])
        # Drawn without replacement: a row drawn twice would look like two that agree.
        chosen = np.sort(random.permutation(len(sample.weights))[:_MOST_ROWS])
        # Weights below 1 are shares of a row, of which each is one.
        counts = sample.weights[chosen] * max(1.0, len(sample.weights) / sample.weights.sum())
        rows, weights = spread_over_cells(sample.rows[chosen], counts, steps, _MOST_ROWS, random)
        units = deviations(rows, weights)
        search = _Search(rows / units, weights, settings, workers, random)
        k = search.propose() if k is None else k
        candidates = search.ranked(k)
        best = candidates[0]
        found = search.fitted(best.model).mixture
        merges, curve = merge_components(found.posterior(search.rows), weights)
        reason = reason_for(candidates, float(weights.sum()))
        mixture = in_units(found, units).out_of(whole.frame)
        tree = MergeTree(mixture, "misclassification", merges, curve, k, reason, table.names)
    clusters = clusters_after(merges, mixture.n_components, k)
    return ClusterResult(mixture, clusters, tree, candidates, reason)


class _Search:
    """Models of the same rows, fitted when they are asked for, and what their clusters are on halves of the rows."""

    def __init__(
        self, rows: Array, weights: Array, settings: ClusterSettings, workers: Workers, random: np.random.Generator
    ) -> None:
        self.rows, self.weights, self.settings, self.workers = rows, weights, settings, workers
        self.n, self.d = float(weights.sum()), rows.shape[1]
        self.general = max(settings.structures, key=lambda s: n_parameters(ClusterModel(s, 2), self.d))
        self._known: dict[ClusterModel, FittedModel] = {}
        self._halves = [half for _ in range(_SPLITS) for half in _halved(len(rows), random)]
        self._on_halves: dict[ClusterModel, list[Array]] = {}

    def propose(self) -> int:
        """Return the number of clusters, of the best mixture's, that halves of the rows agree on most."""
        most = min(_MOST_CLUSTERS, len(self.rows))
        models = [ClusterModel(s, k) for k in range(1, most + 1) for s in self.settings.structures]
        models += [ClusterModel(self.general, k) for k in self._sizes(most)]
        best = min(self._fitted(models), key=self.bic)
        self._fit_halves([best])
        agreements = {k: self._agreement(best, k) or 0.0 for k in range(2, best.n_components + 1)}
        highest = max(agreements.values(), default=0.0)
        if highest < _FOUND_AGAIN:
            return 1
        return max(k for k, agreement in agreements.items() if agreement >= highest - _ALIKE)

    def ranked(self, k: int) -> tuple[ClusterCandidate, ...]:
        """Return the candidates for k clusters, best first."""
        models = [ClusterModel(s, k) for s in self.settings.structures]
        if k > 1:
            models += [ClusterModel(self.general, size) for size in self._sizes(k)]
        heavy = (s for s in self.settings.structures if family(s, self.d).structure in HEAVY_TAILED)
        models += [ClusterModel(s, k, "t") for s in heavy]
        supported = sorted(self._fitted(models), key=self.bic)
        done: list[ClusterCandidate] = []
        least = math.inf
        for together in _chunks(supported, _TOGETHER):
            if self.bic(together[0]) / self.n >= least:
                break
            self._fit_halves(together)
            for model in together:
                agreement = self._agreement(model, k)
                cost = math.inf if agreement is None else self.bic(model) / self.n + 1.0 - agreement
                done.append(self._candidate(model, k, agreement, cost))
                least = min(least, cost)
        done += [self._candidate(model, k) for model in supported[len(done) :]]
        return tuple(sorted(done, key=lambda c: (c.cost, c.bic)))

    def fitted(self, model: ClusterModel) -> FittedModel:
        return self._known[model]

    def bic(self, model: ClusterModel) -> float:
        known = self._known[model]
        return -2.0 * known.log_likelihood + known.n_parameters * math.log(self.n)

    def _candidate(
        self, model: ClusterModel, k: int, agreement: float | None = None, cost: float = math.inf
    ) -> ClusterCandidate:
        return ClusterCandidate(model, k, self.bic(model), self._known[model].n_parameters, agreement, cost)

    def _sizes(self, k: int) -> list[int]:
        """Return the numbers of components beyond k that the rows support."""
        sizes = [k + 1, k + 2]
        while sizes[-1] <= _MOST_COMPONENTS:
            sizes.append(math.ceil(sizes[-1] * _GROWTH))
        return [size for size in sizes[:-1] if size <= len(self.rows)]

    def _fitted(self, models: Sequence[ClusterModel]) -> list[ClusterModel]:
        """Fit those of the models that the rows support, and return them."""
        parameters = {model: n_parameters(model, self.d) for model in models}
        # With less than a row for each parameter of any model, the one with fewest is the least wrong.
        fewest = len(self.rows) / max(min(parameters.values()), 1)
        for rows_per_parameter in (_ROWS_PER_PARAMETER, min(1.0, fewest)):
            few = [model for model in models if parameters[model] * rows_per_parameter <= len(self.rows)]
            missing = [model for model in few if model not in self._known]
            table = as_table(self.rows, weights=self.weights)
            self._known.update(fit_models(table, missing, self.settings.seed, self.workers))
            found = [model for model in few if model in self._known]
            if found:
                return found
        raise ParameterError(
            f"no mixture could be fitted to {len(self.rows)} distinct rows of {self.d} columns: "
            "give more rows, or ask for fewer clusters"
        )

    def _fit_halves(self, models: Sequence[ClusterModel]) -> None:
        """Keep the posterior of all rows under fits to each half; nothing where a half cannot be fitted."""
        missing = [model for model in models if model not in self._on_halves]
        found: list[dict[ClusterModel, FittedModel]] = []
        for i, half in enumerate(self._halves):
            table = as_table(self.rows[half], weights=self.weights[half])
            found.append(fit_models(table, missing, self.settings.seed + 1 + i, self.workers))
        for model in missing:
            mixtures = [known[model].mixture for known in found if model in known]
            complete = len(mixtures) == len(self._halves)
            self._on_halves[model] = [m.posterior(self.rows) for m in mixtures] if complete else []

    def _agreement(self, model: ClusterModel, k: int) -> float | None:
        posteriors = self._on_halves[model]
        if not posteriors:
            return None
        own = self._labels(self._known[model].mixture.posterior(self.rows), k)
        return float(np.mean([self._same(own, self._labels(posterior, k), k) for posterior in posteriors]))

    def _labels(self, posterior: Array, k: int) -> Indices:
        merges, _ = merge_components(posterior, self.weights)
        clusters = clusters_after(merges, posterior.shape[1], k)
        return np.asarray(posterior_of_clusters(posterior, clusters).argmax(axis=1))

    def _same(self, first: Indices, second: Indices, k: int) -> float:
        counts = np.bincount(first * k + second, weights=self.weights, minlength=k * k).reshape(k, k)
        return adjusted_rand_index(counts.astype(np.float64))


def _halved(n: int, random: np.random.Generator) -> tuple[Indices, Indices]:
    order = random.permutation(n)
    return np.sort(order[: n // 2]), np.sort(order[n // 2 :])


def _chunks(models: Sequence[ClusterModel], size: int) -> Iterator[Sequence[ClusterModel]]:
    for start in range(0, len(models), size):
        yield models[start : start + size]
