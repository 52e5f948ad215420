"""Components that would become singular: found, repaired as asked, and recorded.

A component is singular when its covariance has no Cholesky factor, or when it holds fewer effective rows than its
family needs and the caller asked not to live with that. The default, "floor", lets the prior hold the covariance
up (or raises its eigenvalues where there is no prior) and says so once, at the end of the fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import SingularComponentError
from gmmkit.inference.problem import Problem
from gmmkit.inference.sampling import draw_rows, sample_rows
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.cholesky import not_positive_definite

__all__ = ["ILL_DEFINED", "OnSingular", "Repair", "dependence", "describe", "repair", "singular_components"]

Array = NDArray[np.float64]
# "refuse" is what reg_covar=0 means: raise where there is no factor, as scikit-learn does, and only there.
OnSingular = Literal["floor", "reseed", "drop", "raise", "refuse"]

# scikit-learn's sentence, which its users and tests know.
ILL_DEFINED = (
    "Fitting the mixture model failed because some components have ill-defined empirical covariance (for instance "
    "caused by singleton or collapsed samples). Try to decrease the number of components, increase reg_covar, or "
    "scale the input data."
)
_FLOOR = 1e-10  # share of the pooled covariance to which a covariance without a factor is raised
# A row a million deviations away gives a component a variance beside which that is lost in rounding: then this share of
# the variance, the first with which there is a factor.
_SHARES = (0.0, *10.0 ** np.arange(-15, 1))
_MOST_RESEEDS = 3


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing that was degenerate, and what was done about it.

    Attributes
    ----------
    kind : str
        Done: "floor", "reseed", "drop", "annihilated". Found: "empty", "few rows", "collapsed", "constant column",
        "dependent columns".
    component : int or None
    column : int or None
    row : int or None
        The row on which the component rests, where there is one.
    direction : tuple of float or None
        Unit vector, in the data's columns, without spread.
    iteration : int
        The pass after which it happened; 0 before the first.
    effective_rows : float or None
    """

    kind: str
    component: int | None = None
    column: int | None = None
    row: int | None = None
    direction: tuple[float, ...] | None = None
    iteration: int = 0
    effective_rows: float | None = None


def repair(
    mixture: Mixture,
    counts: Array,
    problem: Problem,
    *,
    on_singular: OnSingular,
    iteration: int,
    random: np.random.Generator,
) -> tuple[Mixture, list[Repair]]:
    """Return a mixture whose covariances all have factors, and what was done to get there.

    `counts` (k,) are of the rows that its components were refitted with.
    """
    singular = singular_components(mixture, counts, problem, on_singular)
    if not singular:
        return mixture, []
    if on_singular == "floor":
        return _floored(mixture, singular, problem, iteration)
    if on_singular in ("raise", "refuse"):
        needed = problem.family.minimum_rows(problem.n_columns)
        # With a prior or a ridge, what is left to refuse is a component with too few rows.
        held = counts[singular[0]]
        raise SingularComponentError(
            f"{ILL_DEFINED} (Component {singular[0]} holds {held:.3g} effective rows after pass {iteration}; "
            f"a {problem.family.name} covariance of {problem.n_columns} columns needs {needed}.)",
            asked=on_singular == "raise",
        )
    if on_singular == "drop" or iteration > _MOST_RESEEDS * mixture.n_components:
        return _dropped(mixture, counts, singular, iteration)
    return _reseeded(mixture, counts, singular, problem, iteration, random)


def singular_components(mixture: Mixture, counts: Array, problem: Problem, on_singular: OnSingular) -> list[int]:
    """Return the components, which hold `counts` (k,), that `repair` would do something about."""
    broken = _without_factor(mixture, problem)
    if on_singular in ("floor", "refuse"):
        return broken
    needed = problem.family.minimum_rows(problem.n_columns)
    starved = np.flatnonzero(counts * problem.rows_per_weight < needed)
    return sorted({*broken, *starved.tolist()})


def _without_factor(mixture: Mixture, problem: Problem) -> list[int]:
    if not np.isfinite(mixture.covariance.values).all():
        # Where the likelihood of a constrained family has no bound, what it iterates runs out of float64.
        return list(range(mixture.n_components))
    try:
        mixture.covariance.whitening  # noqa: B018
    except np.linalg.LinAlgError:
        if problem.family.shares_covariance:
            return list(range(mixture.n_components))
        if mixture.covariance.values.ndim == 3:
            return not_positive_definite(mixture.covariance.values)
        return np.flatnonzero(~(mixture.covariance.smallest_eigenvalues() > 0)).tolist()
    return []


def _floored(mixture: Mixture, broken: list[int], problem: Problem, iteration: int) -> tuple[Mixture, list[Repair]]:
    repairs = [Repair("floor", component=j, iteration=iteration) for j in broken]
    floor = np.full(mixture.n_components, _FLOOR * float(problem.pooled.variances().max()))
    own = np.zeros(mixture.n_components)
    own[broken] = mixture.covariance.variances()[broken].max(axis=1)
    for share in _SHARES if np.isfinite(mixture.covariance.values).all() else ():
        lowest = np.maximum(floor, share * own)
        covariance, _ = mixture.covariance.lifted(lowest, lowest)
        raised = mixture.changed(covariance=covariance)
        if not _without_factor(raised, problem):
            return raised, repairs
    return mixture.changed(covariance=problem.pooled.take([0] * mixture.n_components)), repairs


def _dropped(mixture: Mixture, counts: Array, singular: list[int], iteration: int) -> tuple[Mixture, list[Repair]]:
    kept = [j for j in range(mixture.n_components) if j not in singular]
    if not kept:
        raise SingularComponentError(ILL_DEFINED)
    repairs = [Repair("drop", component=j, iteration=iteration, effective_rows=float(counts[j])) for j in singular]
    return mixture.take(kept), repairs


def _reseeded(
    mixture: Mixture,
    counts: Array,
    singular: list[int],
    problem: Problem,
    iteration: int,
    random: np.random.Generator,
) -> tuple[Mixture, list[Repair]]:
    """Put singular components on rows drawn by weight, with the pooled covariance and equal shares of the weight."""
    k = mixture.n_components
    rows = draw_rows(sample_rows(problem, random), len(singular), random)
    weights, means = mixture.weights.copy(), mixture.means.copy()
    weights[singular] = 1.0 / k
    means[singular] = rows
    repairs = [Repair("reseed", component=j, iteration=iteration, effective_rows=float(counts[j])) for j in singular]
    covariance = mixture.covariance.with_components(singular, problem.pooled)
    reseeded = mixture.changed(weights=weights / weights.sum(), means=means, covariance=covariance)
    if len(singular) == k or _without_factor(reseeded, problem):
        # Where components share a covariance, or its axes, what they share may be singular.
        reseeded = reseeded.changed(covariance=problem.pooled.take([0] * k))
    return reseeded, repairs


def dependence(repairs: tuple[Repair, ...], names: tuple[str, ...] | None) -> str | None:
    """Say which columns the repairs call linearly dependent, if any."""
    dependent = [r.direction for r in repairs if r.kind == "dependent columns" and r.direction is not None]
    if not dependent:
        return None
    terms = [f"{c:+.3g} {_column(j, names)}" for j, c in enumerate(dependent[0]) if c]
    shown = f"{' '.join(terms)} is constant" if len(terms) <= 6 else f"{len(terms)} of them together"
    more = f", and {len(dependent) - 1} more such combinations" if len(dependent) > 1 else ""
    return f"the columns are linearly dependent ({shown}{more})"


def _column(j: int, names: tuple[str, ...] | None) -> str:
    return f"column {names[j]!r}" if names else f"column {j}"


def describe(repairs: tuple[Repair, ...], names: tuple[str, ...] | None) -> str:
    """Return the repairs in plain words, one sentence for each kind."""
    sentences = []
    constant = [r for r in repairs if r.kind == "constant column"]
    if constant:
        listed = ", ".join(_column(r.column, names) for r in constant if r.column is not None)
        sentences.append(
            f"{listed} {'holds one value only and tells' if len(constant) == 1 else 'hold one value each and tell'} "
            "nothing of how rows differ: a tiny variance was assumed there; leave out what is constant"
        )
    dependent = dependence(repairs, names)
    if dependent is not None:
        sentences.append(
            f"{dependent}: a tiny variance was assumed in such directions; leave out what the other columns "
            "determine, or use fewer columns than rows"
        )
    empty = sorted({r.component for r in repairs if r.kind == "empty" and r.component is not None})
    if empty:
        sentences.append(
            f"{len(empty)} component(s) hold no rows ({_some(empty)}): there are fewer distinct rows, or clusters, "
            "than components; ask for fewer components"
        )
    few = [r for r in repairs if r.kind == "few rows"]
    for r in few[:5]:
        where = "" if r.row is None else f", in effect row {r.row}"
        sentences.append(
            f"component {r.component} rests on {r.effective_rows:.3g} effective rows{where}, too few for a covariance "
            "of its own: it was held up by the regularisation; look at those rows or ask for fewer components"
        )
    if len(few) > 5:
        sentences.append(f"{len(few) - 5} more components rest on too few rows")
    collapsed = [r.component for r in repairs if r.kind == "collapsed" and r.component is not None]
    if collapsed:
        sentences.append(
            f"component {_some(collapsed)} collapsed onto rows that agree in some direction (repeated or rounded "
            "values): only the regularisation gives it width there; ask for fewer components or a simpler structure"
        )
    for kind, verb in (
        ("floor", "was singular and its covariance was raised"),
        ("reseed", "collapsed and was moved"),
        ("drop", "collapsed and was dropped"),
        ("annihilated", "held fewer rows than the prior of the weights takes and was dropped"),
    ):
        found = [r for r in repairs if r.kind == kind]
        if found:
            passes = sorted({r.iteration for r in found})
            components = sorted({r.component for r in found if r.component is not None})
            sentences.append(f"component {_some(components)} {verb} (pass {_some(passes)})")
    return "; ".join(sentences)


def _some(numbers: list[int]) -> str:
    shown = ", ".join(str(j) for j in numbers[:5])
    return shown if len(numbers) <= 5 else f"{shown}, …"
