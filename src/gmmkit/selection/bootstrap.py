"""Standard errors and intervals of a mixture's parameters by resampling.

Each replicate is fitted to

    nonparametric   the rows with multinomial weights, n draws with replacement (Efron 1979)
    weighted        the rows with weights n · Dirichlet(1, …, 1): the weighted likelihood bootstrap (Newton & Raftery
                    1994, "Approximate Bayesian inference with the weighted likelihood bootstrap", JRSS B 56), in which
                    no row is left out altogether
    parametric      n rows drawn from the fit

from the parameters of the fit to all rows, taken to convergence, with the same family, prior and settings (O'Hagan,
Murphy, Scrucca & Gormley 2019, "Investigation of parameter uncertainty in clustering using a Gaussian mixture model via
jackknife, bootstrap and weighted likelihood bootstrap", Computational Statistics 34). That start keeps the order of
the components; a replicate in which they nevertheless changed places is put in the order that shares most posterior
probability with the original. Replicates of which a component collapsed are left out, and counted.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from operator import add
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import ndtri

from gmmkit.data.table import Table
from gmmkit.errors import ParameterError
from gmmkit.execution import Workers
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.stopping import StoppingRule
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.arguments import number, one_of, share, whole
from gmmkit.numerics.streams import Seed, streams
from gmmkit.selection.parameters import Parameters, column_names, tabulated
from gmmkit.selection.refitting import Refit, Refitter, model_and_settings, rows_for

__all__ = ["Bootstrap", "BootstrapKind", "IntervalKind", "bootstrap"]

Array = NDArray[np.float64]
BootstrapKind = Literal["nonparametric", "weighted", "parametric"]
IntervalKind = Literal["percentile", "normal"]

# Components are matched on so many rows at most.
_MATCHED_ROWS = 2000
_AT_A_TIME = 16


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """Replicates of a fit, and what they say of its parameters.

    Attributes
    ----------
    kind : str
    estimate : Parameters
        Of the fit to all rows, taken to convergence.
    replicates : Parameters
        With a first axis: one entry for each replicate that counts.
    confidence : float
        Of the intervals.
    n_replicates : int
        How many were drawn.
    faults : dict of str to int
        How many do not count, by reason: "singular", "collapsed", "lost a component".
    unconverged : int
        How many count although they stopped at `max_iter`.
    relabelled : int
        In how many components had changed places.
    names : tuple of str
        Of the columns.
    """

    kind: BootstrapKind
    estimate: Parameters
    replicates: Parameters
    confidence: float
    n_replicates: int
    faults: dict[str, int]
    unconverged: int
    relabelled: int
    names: tuple[str, ...]

    @property
    def standard_errors(self) -> Parameters:
        """Standard deviations of the replicates."""
        return self.replicates.map(lambda values: values.std(axis=0, ddof=1))

    @property
    def bias(self) -> Parameters:
        """Mean of the replicates less the estimate."""
        return self.replicates.map(lambda values, estimate: values.mean(axis=0) - estimate, self.estimate)

    def intervals(
        self, kind: IntervalKind = "percentile", confidence: float | None = None
    ) -> tuple[Parameters, Parameters]:
        """Return the lower and the upper ends.

        Parameters
        ----------
        kind : {"percentile", "normal"}, default="percentile"
            Quantiles of the replicates; or the estimate ± z standard errors, which may leave the range of a parameter.
        confidence : float, optional
            Default: the bootstrap's own.
        """
        kind = one_of("kind of interval", kind, get_args(IntervalKind))
        tail = 0.5 * (1.0 - share("confidence", self.confidence if confidence is None else confidence))
        if kind == "percentile":
            low = self.replicates.map(lambda values: np.quantile(values, tail, axis=0))
            return low, self.replicates.map(lambda values: np.quantile(values, 1.0 - tail, axis=0))
        z, errors = -float(ndtri(tail)), self.standard_errors
        return (
            self.estimate.map(lambda value, error: value - z * error, errors),
            self.estimate.map(lambda value, error: value + z * error, errors),
        )

    def summary(self, kind: IntervalKind = "percentile") -> list[dict[str, Any]]:
        """Return a row for each weight, mean and covariance.

        Keys: parameter, component, column, other, estimate, standard_error, bias, low, high.
        """
        low, high = self.intervals(kind)
        errors, bias = self.standard_errors, self.bias
        columns = {"estimate": self.estimate, "standard_error": errors, "bias": bias, "low": low, "high": high}
        return tabulated(self.names, columns)

    def __repr__(self) -> str:
        left_out = sum(self.faults.values())
        said = f", {left_out} left out" if left_out else ""
        return f"Bootstrap({self.kind}, {self.n_replicates} replicates{said})"


def bootstrap(
    model: Any,
    X: Any,
    *,
    n_replicates: int = 999,
    kind: BootstrapKind = "nonparametric",
    sample_weight: Any = None,
    confidence: float = 0.95,
    seed: Seed = 0,
    n_jobs: int | None = None,
    tol: float = 1e-8,
    rule: StoppingRule | None = None,
    max_iter: int = 2000,
    settings: FitSettings | None = None,
) -> Bootstrap:
    """Return bootstrap standard errors and intervals of a fitted mixture's weights, means and covariances.

    Parameters
    ----------
    model : fitted estimator or Mixture
    X : array-like of shape (n, d), data frame or Table
        The rows it was fitted to.
    n_replicates : int, default=999
    kind : {"nonparametric", "weighted", "parametric"}, default="nonparametric"
    sample_weight : array-like of shape (n,), optional
        The weights it was fitted with; an integer weight is a repetition.
    confidence : float, default=0.95
    seed : int, SeedSequence, Generator or None, default=0
    n_jobs : int or None, default=None
        Threads; the answer has the same bits for any number.
    tol : float, default=1e-8
        Each replicate stops when less than this is to be gained, in log-likelihood per row.
    rule : StoppingRule, optional
        Instead of `tol`; replicates that stop early stay nearer to their start, and their standard errors are smaller.
    max_iter : int, default=2000
    settings : FitSettings, optional
        How the model was fitted; known of an estimator, the defaults for a Mixture.

    Raises
    ------
    ParameterError
        If a parameter means nothing, the model is not a Gaussian mixture, or too few replicates count.
    DataError
        If X has other columns than the model, or has them in another order.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(400, 1))
    >>> normal = Mixture.from_arrays([1.0], [[0.0]], [1.0], covariance_type="spherical")
    >>> found = bootstrap(normal, rows, n_replicates=200)
    >>> found
    Bootstrap(nonparametric, 200 replicates)
    >>> bool(abs(found.standard_errors.means[0, 0] - 0.05) < 0.01)  # 1 / √400
    True
    """
    mixture, settings = model_and_settings(model, settings)
    kind = one_of("kind", kind, get_args(BootstrapKind))
    confidence = share("confidence", confidence)
    fewest = math.ceil(round(2.0 / (1.0 - confidence), 9))
    n_replicates = whole("n_replicates", n_replicates, fewest, why=f"for intervals of {confidence:g} confidence")
    tol, max_iter = number("tol", tol, least=0), whole("max_iter", max_iter, 1)
    draws = list(islice(streams(seed), n_replicates))
    table = rows_for(model, X, sample_weight)
    with Workers(n_jobs) as workers, Workers(1) as alone:
        refitter = Refitter(table, mixture, settings, tol=tol, rule=rule, max_iter=max_iter, workers=alone)
        weights = np.ones(table.n_rows) if table.weights is None else table.weights
        fitted = refitter.to_weights(weights, mixture)
        if fitted.mixture is None:
            raise ParameterError(f"the model's own fit is {fitted.fault}: fit fewer components or use a prior")
        origin = fitted.mixture

        def task(start: int, stop: int) -> list[Refit]:
            return [_replicate(refitter, origin, kind, weights, random) for random in draws[start:stop]]

        tasks = [(start, min(start + _AT_A_TIME, n_replicates)) for start in range(0, n_replicates, _AT_A_TIME)]
        refits = workers.map_merge(task, tasks, add)
    counted = [refit.mixture for refit in refits if refit.mixture is not None]
    faults = Counter(refit.fault for refit in refits if refit.fault is not None)
    if len(counted) < fewest:
        raise ParameterError(
            f"only {len(counted)} of {n_replicates} replicates can be used ({_listed(faults)}): fit fewer components "
            "or use a prior"
        )
    matched = _matched(origin, counted, table)
    return Bootstrap(
        kind=kind,
        estimate=Parameters.of(origin),
        replicates=Parameters.stacked(matched),
        confidence=confidence,
        n_replicates=n_replicates,
        faults=dict(faults),
        unconverged=sum(not refit.converged for refit in refits if refit.fault is None),
        relabelled=sum(after is not before for after, before in zip(matched, counted, strict=True)),
        names=column_names(table.names, table.n_columns),
    )


def _replicate(
    refitter: Refitter, origin: Mixture, kind: BootstrapKind, weights: Array, random: np.random.Generator
) -> Refit:
    problem, n = refitter.problem, refitter.effective_rows
    if kind == "parametric":
        return refitter.to_rows(origin.sample(n, seed=random)[0], origin)
    if kind == "nonparametric":
        drawn = random.multinomial(n, weights / weights.sum()).astype(np.float64)
    else:
        # A row of weight w is w rows, whose Gamma(1) draws add to Gamma(w).
        drawn = random.standard_gamma(weights * problem.rows_per_weight)
    return refitter.to_weights(drawn * (problem.total_weight / drawn.sum()), origin)


def _matched(origin: Mixture, mixtures: list[Mixture], table: Table) -> list[Mixture]:
    """Return the mixtures with their components in the order of the original's: the same object where they were."""
    k, n = origin.n_components, table.n_rows
    if k == 1:
        return mixtures
    rows = table.take(np.unique(np.linspace(0, n - 1, min(n, _MATCHED_ROWS)).astype(np.intp)))
    belongs = origin.posterior(rows, n_jobs=1).T
    answer = []
    for mixture in mixtures:
        _, order = linear_sum_assignment(belongs @ mixture.posterior(rows, n_jobs=1), maximize=True)
        answer.append(mixture if (order == np.arange(k)).all() else mixture.take(order))
    return answer


def _listed(faults: Counter[str]) -> str:
    return ", ".join(f"{count} {fault}" for fault, count in faults.items()) or "none counted"
