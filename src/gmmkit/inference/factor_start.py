"""Where factors begin: each component's own principal axes, of a sample of the rows (Tipping & Bishop 1999).

Of one component every start by name is the same. Its likelihood with diagonal noise has several maxima, most often with
the noise of one column or another gone (Jöreskog 1967), so that further starts begin with loadings at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.algorithm import log_weights
from gmmkit.inference.prior import Prior
from gmmkit.inference.problem import Problem
from gmmkit.inference.repairs import OnSingular, Repair
from gmmkit.inference.sampling import sample_rows
from gmmkit.inference.starts import Named, Start, StartName
from gmmkit.model.covariance import FACTORS
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import Scorer
from gmmkit.numerics.frame import Frame

__all__ = ["RandomLoadings", "factor_starts", "local_components"]

Array = NDArray[np.float64]

# Rows of the sample for each factor, and values at least.
_ROWS_FOR_A_FACTOR, _VALUES = 20, 3 << 17
# Share of each column's variance that loadings at random explain, in the mean, and at most.
_EXPLAINED, _MOST_EXPLAINED = 0.5, 0.95
# Share of an axis's variance that is loaded at least, since loadings of 0 would stay so, and that noise keeps.
_LEAST_LOADED, _LEAST_NOISE = 0.05, 0.05


@dataclass(frozen=True, slots=True)
class RandomLoadings:
    """Another start, of as many factors for each component, with loadings at random in place of principal axes."""

    start: Start
    n_factors: int

    def __call__(
        self, problem: Problem, prior: Prior, policy: OnSingular, random: np.random.Generator
    ) -> tuple[Mixture, list[Repair]]:
        state, repairs = self.start(problem, prior, policy, random)
        variances = state.covariance.variances()
        drawn = random.standard_normal((*variances.shape, self.n_factors)) * np.sqrt(_EXPLAINED / self.n_factors)
        explained = np.einsum("kiq,kiq->ki", drawn, drawn)
        if problem.family.equivariance == "scalar":
            explained[:] = explained.mean()
        shrink = np.minimum(1.0, _MOST_EXPLAINED / explained)
        loadings = drawn * np.sqrt(shrink * variances)[:, :, None]
        noise = variances * (1.0 - shrink * explained)
        return state.changed(covariance=FACTORS[problem.family.structure].of(loadings, noise)), repairs


def factor_starts(name: StartName, k: int, n_init: int, n_factors: int) -> list[Start]:
    """Return starts of mixtures of k factor analysers, by one of `STARTS`; all different."""
    named = Named(name, k, metric="pooled")
    if k > 1:
        return [named] * n_init
    return [named, *[RandomLoadings(named, n_factors)] * (n_init - 1)]


def local_components(
    problem: Problem, state: Mixture, n_factors: int, random: np.random.Generator
) -> tuple[Array, Array]:
    """Return loadings (k, d, q) along the principal axes of each component's rows, and what variances are left (k, d).

    Axes are taken in units of the standard deviations that the state has: what scales columns, or turns them where
    these are equal, changes axes with them. Nothing larger than the sample is made.

    Parameters
    ----------
    problem : Problem
    state : Mixture
        In the problem's frame, of independent columns.
    n_factors : int
    random : numpy.random.Generator
        Draws the sample where there are many rows.
    """
    (k, d), q = state.means.shape, n_factors
    sample = sample_rows(problem, random, max(_VALUES // d, _ROWS_FOR_A_FACTOR * k * (q + 1)))
    at_home = Frame(np.zeros(d), np.ones(d))
    scorer = Scorer(log_weights(state.weights), state.means, state.covariance, at_home, centred=True)
    shares, _ = scorer.responsibilities(sample.rows, scorer.workspace(len(sample.rows)))
    shares *= sample.weights
    owners = shares.argmax(axis=0)
    variances = state.covariance.variances()
    roots = np.sqrt(variances)
    loadings, left = np.empty((k, d, q)), np.empty((k, d))
    for j in range(k):
        own = np.flatnonzero(owners == j)
        if len(own) <= q + 1:
            # Too few for axes of their own: those of all rows, about their centres.
            own = np.arange(len(owners))
        weights = sample.weights[own] / sample.weights[own].sum()
        white = (sample.rows[own] - state.means[owners[own]]) / roots[j]
        white -= weights @ white
        _, sizes, axes = np.linalg.svd(np.sqrt(weights)[:, None] * white, full_matrices=False)
        along = np.zeros(q)
        found = min(q, len(sizes))
        along[:found] = sizes[:found] ** 2
        rest = max(float((sizes[found:] ** 2).sum()), 0.0) / max(d - q, 1)
        loaded = np.sqrt(np.maximum(along - rest, _LEAST_LOADED * along))
        own_axes = np.zeros((d, q))
        own_axes[:, :found] = axes[:found].T
        largest = np.take_along_axis(own_axes, np.abs(own_axes).argmax(axis=0)[None], axis=0)
        loadings[j] = np.where(largest < 0, -own_axes, own_axes) * loaded * roots[j][:, None]
        explained = np.einsum("iq,iq->i", loadings[j], loadings[j])
        if problem.family.equivariance == "scalar":
            explained[:] = explained.mean()  # of which columns, is for no map of the data to change
        # No more than what noise leaves of the variance, of which a sample may see too much.
        most = (1.0 - _LEAST_NOISE) * variances[j]
        shrink = np.sqrt(np.minimum(1.0, most / np.maximum(explained, np.finfo(float).tiny)))
        loadings[j] *= shrink[:, None]
        left[j] = variances[j] - explained * shrink**2
    return loadings, left
