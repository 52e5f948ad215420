"""Stacked densities: many mixtures averaged, with the weights that rows no fit has seen ask for.

    p(x) = Σ_m a_m p_m(x),     a = argmax Σ_i w_i log Σ_m a_m p_m^(−f(i))(x_i)

p_m is a mixture of one size, structure and ridge, p_m^(−f(i)) the same fitted without row i's fold. Source: Smyth &
Wolpert, "Linearly combining density estimators via stacking", Machine Learning 36 (1999). The objective is concave in
a, and EM finds its maximum; it is within ``max_m Σ_i w_i p_m(x_i) / p(x_i) / Σ w − 1`` nats a row of it (Lindsay, "The
geometry of mixture likelihoods", Annals of Statistics 11 (1983)), by which the iteration stops.

An average of mixtures is a mixture: what comes out is a value like any other. Columns are brought to one scale before;
the ridge is a share of a column's variance, below which no component's variance falls. Likelihoods of rounded or
repeated values grow without bound as components narrow, held-out ones too: the least ridge is what bounds them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data import as_table
from gmmkit.data.table import Table
from gmmkit.errors import DataError, GmmkitError, ParameterError
from gmmkit.execution import Workers
from gmmkit.inference.fit import FitSettings, fit
from gmmkit.inference.problem import Problem
from gmmkit.inference.starts import Named
from gmmkit.inference.stopping import SmallChange
from gmmkit.inference.survey import survey
from gmmkit.model.covariance import Diagonal, Full, family
from gmmkit.model.evaluation import Likelihood
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.arguments import number, whole
from gmmkit.numerics.streams import generator
from gmmkit.selection.cluster_models import deviations, in_units
from gmmkit.selection.held_out import HeldOut, fold_of_rows

__all__ = ["DENSITY_DEFAULTS", "Member", "StackSettings", "StackedDensity", "stack_densities", "stacking_weights"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

#: What a density does unless told otherwise, whoever asks for it.
DENSITY_DEFAULTS: dict[str, Any] = {
    "n_components": (1, 2, 4, 8, 16, 32, 64),
    "covariance_type": ("full", "diag"),
    "reg_covar": (1e-3, 1e-2, 1e-1),
    "folds": 5,
    "tol": 1e-3,
    "max_iter": 200,
}

# A component of fewer rows than this on average describes the rows that it has seen.
_ROWS_PER_COMPONENT = 3
# Rows that sizes and weights are chosen on; all rows are fitted then.
_MOST_ROWS = 20_000
# Nats a row that weights may be short of the best, steps, and the weight below which a member is left out.
_GAP, _MOST_STEPS, _LEAST_WEIGHT = 1e-4, 5000, 0.01


@dataclass(frozen=True, slots=True)
class StackSettings:
    """What is averaged, and how each mixture is fitted.

    Attributes
    ----------
    n_components : sequence of int
    covariance_types : sequence of str
    ridges : sequence of float
        Added to each component's variances, in units of the columns' own.
    folds : int
        As many as there are distinct rows, where they are fewer.
    tol : float
        Gain of log-likelihood a row below which a fit stops.
    max_iter : int
    seed : int
    callback : callable, optional
        Called with how many fits are done, and of how many, after each.
    """

    n_components: Sequence[int]
    covariance_types: Sequence[str]
    ridges: Sequence[float]
    folds: int
    tol: float
    max_iter: int
    seed: int
    callback: Callable[[int, int], object] | None = None

    @classmethod
    def default(cls, seed: int, callback: Callable[[int, int], object] | None = None) -> StackSettings:
        """Return the settings of `DENSITY_DEFAULTS`."""
        known = DENSITY_DEFAULTS
        sizes, structures, ridges = (known[name] for name in ("n_components", "covariance_type", "reg_covar"))
        return cls(sizes, structures, ridges, known["folds"], known["tol"], known["max_iter"], seed, callback)


@dataclass(frozen=True, slots=True)
class Member:
    """One of the mixtures that compete for a place in the average.

    Attributes
    ----------
    covariance_type : str
    n_components : int
    reg_covar : float
    held_out : float or None
        Mean log-density of rows that it was fitted without, in nats and the data's units; None where a fit failed.
    weight : float
        Its share of the average; 0 where others say all that it could.
    error : str or None
        Why a fit failed.
    """

    covariance_type: str
    n_components: int
    reg_covar: float
    held_out: float | None = None
    weight: float = 0.0
    error: str | None = None

    def as_row(self) -> dict[str, Any]:
        """Return the row as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class StackedDensity:
    """An average of mixtures, and what it was chosen from.

    Attributes
    ----------
    mixture : Mixture
        In the data's units: the components of all members with weight.
    members : tuple of Member
        By weight, then by held-out log-density.
    held_out : HeldOut
        Of the average. Its weights were chosen on the same rows: a little hopeful, by about the number of members with
        weight over that of rows.
    """

    mixture: Mixture
    members: tuple[Member, ...]
    held_out: HeldOut


def stack_densities(table: Table, settings: StackSettings, *, n_jobs: int | None = None) -> StackedDensity:
    """Fit mixtures of every size, structure and ridge to all folds but one, and average them.

    Rows are read into memory. Of more than 20,000, as many are drawn to choose by; members are then fitted to all.

    Raises
    ------
    ParameterError
        If a setting means nothing.
    DataError
        If all rows are equal.
    GmmkitError
        If not one mixture could be fitted: the first one's reason.
    """
    _check(settings)
    with Workers(n_jobs) as workers:
        surveyed = survey(table, workers)
        rows, weights = _held(table)
        if surveyed.constant.all():
            raise DataError(f"{table.origin} has no two rows that differ, so there is no density to estimate")
        chosen = np.arange(len(rows))
        if len(rows) > _MOST_ROWS:
            chosen = np.sort(generator(settings.seed).permutation(len(rows))[:_MOST_ROWS])
        # Of the values themselves: what units leave of equal rows may differ by rounding.
        folds = min(settings.folds, len(np.unique(rows[chosen], axis=0)))
        fold = fold_of_rows(as_table(rows[chosen]), folds, 0, workers)
        units = deviations(rows, weights)
        rows = rows / units
        candidates, densities = _tried(rows[chosen], weights[chosen], fold, settings, workers)
        members, log_density = _weighed(candidates, densities, weights[chosen])
        fits = _Fits(rows, weights, settings, workers)
        kept = [(member, fits.mixture(member)) for member in members if member.weight > 0]
    log_volume = -float(np.log(units).sum())
    return StackedDensity(
        in_units(_average(kept), units),
        tuple(replace(m, held_out=None if m.held_out is None else m.held_out + log_volume) for m in members),
        _held_out(log_density + log_volume, weights[chosen], fold),
    )


def stacking_weights(log_densities: Array, weights: Array) -> Array:
    """Return the weights a (m,) that maximise ``Σ_i w_i log Σ_m a_m p_m(x_i)``.

    Parameters
    ----------
    log_densities : ndarray of shape (n, m)
        ``log p_m(x_i)``, in nats; −∞ allowed where another member's is finite.
    weights : ndarray of shape (n,)

    Examples
    --------
    >>> rows = np.log([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]])
    >>> stacking_weights(rows, np.ones(3)).round(2)
    array([0.71, 0.29])
    """
    shares = np.exp(log_densities - log_densities.max(axis=1, keepdims=True))
    weights = weights / weights.sum()
    found = np.full(shares.shape[1], 1.0 / shares.shape[1])
    for _ in range(_MOST_STEPS):
        gains = (weights / (shares @ found)) @ shares
        found *= gains
        if gains.max() < 1.0 + _GAP:
            break
    return np.asarray(found / found.sum())


class _Fits:
    """Fits of members to the same rows."""

    def __init__(self, rows: Array, weights: Array, settings: StackSettings, workers: Workers) -> None:
        self.table = as_table(rows, weights=weights)
        self.settings, self.workers = settings, workers
        self.surveyed = survey(self.table, workers)
        self._problems: dict[str, Problem] = {}

    def mixture(self, member: Member) -> Mixture:
        name = member.covariance_type
        if name not in self._problems:
            self._problems[name] = Problem(self.table, family(name), self.surveyed, self.workers)
        settings = FitSettings(
            rule=SmallChange(self.settings.tol),
            max_iter=self.settings.max_iter,
            reg_covar=member.reg_covar,
            seed=self.settings.seed,
        )
        found = fit(self._problems[name], [Named("kmeans", member.n_components)], settings)
        if found.interrupted:
            raise KeyboardInterrupt
        return found.mixture


def _tried(
    rows: Array, weights: Array, fold: Indices, settings: StackSettings, workers: Workers
) -> tuple[list[Member], Array]:
    """Return the candidates, and the log-density (n, m) of each row under fits without its fold."""
    folds = int(fold.max()) + 1
    least = len(rows) - int(np.bincount(fold).max())
    sizes = [k for k in sorted(set(settings.n_components)) if k == 1 or k * _ROWS_PER_COMPONENT <= least]
    if not sizes:
        raise ParameterError(
            f"n_components are {', '.join(map(str, settings.n_components))}, but {least} rows, which are fitted "
            f"without a fold, support at most {max(1, least // _ROWS_PER_COMPONENT)}: give smaller ones"
        )
    names = list(dict.fromkeys(settings.covariance_types))
    # One column has one structure whose components have variances of their own.
    names = names if rows.shape[1] > 1 else list({family(name).structure[0]: name for name in reversed(names)}.values())
    candidates = [Member(s, k, r) for s, k, r in itertools.product(names, sizes, sorted(set(settings.ridges)))]
    densities = np.full((len(rows), len(candidates)), -np.inf)
    errors: dict[int, str] = {}
    done = 0
    for f in range(folds):
        seen, unseen = fold != f, fold == f
        fits = _Fits(rows[seen], weights[seen], settings, workers)
        for j, candidate in enumerate(candidates):
            try:
                densities[unseen, j] = fits.mixture(candidate).log_density(rows[unseen], n_jobs=workers.n_threads)
            except GmmkitError as error:
                errors.setdefault(j, str(error))
            done += 1
            if settings.callback is not None:
                settings.callback(done, folds * len(candidates))
    if len(errors) == len(candidates):
        raise DataError(f"not one mixture could be fitted to every fold; the first: {errors[0]}")
    return [replace(m, error=errors.get(j)) for j, m in enumerate(candidates)], densities


def _weighed(candidates: Sequence[Member], densities: Array, weights: Array) -> tuple[list[Member], Array]:
    """Return the members with their weights, best first, and the average's log-density of each row (n,)."""
    sound = [j for j, member in enumerate(candidates) if member.error is None]
    shares = np.zeros(len(candidates))
    held = sound
    while True:
        found = stacking_weights(densities[:, held], weights)
        if found.min() >= _LEAST_WEIGHT or len(held) == 1:
            break
        # Those that say little are left out together, and the rest weighed anew.
        held = [j for j, share in zip(held, found, strict=True) if share >= min(_LEAST_WEIGHT, found.max())]
    shares[held] = found
    with np.errstate(divide="ignore"):
        log_density = np.logaddexp.reduce(densities[:, held] + np.log(found), axis=1)
    means = weights @ densities[:, sound] / weights.sum()
    own = dict(zip(sound, means.tolist(), strict=True))
    members = [replace(m, weight=float(shares[j]), held_out=own.get(j)) for j, m in enumerate(candidates)]
    members.sort(key=lambda m: (-m.weight, -np.inf if m.held_out is None else -m.held_out))
    return members, log_density


def _average(kept: Sequence[tuple[Member, Mixture]]) -> Mixture:
    if len(kept) == 1:
        return kept[0][1]
    weights = np.concatenate([member.weight * mixture.weights for member, mixture in kept])
    means = np.concatenate([mixture.means for _, mixture in kept])
    if all(mixture.covariance.independent_columns for _, mixture in kept):
        variances = np.concatenate([mixture.covariance.variances() for _, mixture in kept])
        average = Mixture(weights / weights.sum(), means, Diagonal(variances))
    else:
        matrices = np.concatenate([mixture.covariance.dense() for _, mixture in kept])
        average = Mixture(weights / weights.sum(), means, Full(matrices))
    return average.take(np.flatnonzero(average.weights > 0))


def _held_out(log_density: Array, weights: Array, fold: Indices) -> HeldOut:
    parts: Iterator[NDArray[np.bool_]] = (fold == f for f in range(int(fold.max()) + 1))
    return HeldOut.of([Likelihood(float(weights[p] @ log_density[p]), 0.0, float(weights[p].sum())) for p in parts])


def _held(table: Table) -> tuple[Array, Array]:
    """Return the rows with weight, and their weights."""
    held = np.arange(table.n_rows) if table.weights is None else np.flatnonzero(table.weights > 0)
    return table.take(held), np.ones(len(held)) if table.weights is None else table.weights[held]


def _check(settings: StackSettings) -> None:
    for name, given in (("n_components", settings.n_components), ("reg_covar", settings.ridges)):
        if not len(given):
            raise ParameterError(f"{name} is empty: give at least one")
    for k in settings.n_components:
        whole("n_components", k, 1)
    for ridge in settings.ridges:
        number("reg_covar", ridge, above=0.0)
    if not settings.covariance_types:
        raise ParameterError("covariance_type is empty: give at least one structure")
