"""EM with rows of known classes: what is labelled is shared among its class's components only.

    objective = Σ_labelled w_i log Σ_k π_k s_k,c_i N(x_i; k)  +  Σ_unlabelled w_i log Σ_k π_k N(x_i; k)  −  penalty

With one component a class and every row labelled, the first refit is the answer: discriminant analysis with any of the
covariance structures (Bensmail & Celeux 1996). It follows from the moments of the classes: rows are read for them once,
however many priors are tried. Rows without a label then take part with their posterior (O'Neill 1978, JASA 73; Nigam et
al. 2000, Machine Learning 39). Where the shares s_kc of classes in components are free they are refitted too:
components are then a pool (Miller & Uyar 1997).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Block
from gmmkit.inference.algorithm import log_weights
from gmmkit.inference.diagnosis import diagnose
from gmmkit.inference.em import EM
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.loop import Run, run
from gmmkit.inference.prior import Prior, make_prior
from gmmkit.inference.problem import Assign, Begin, Problem, Totals, soft
from gmmkit.inference.repairs import Repair
from gmmkit.inference.result import FitResult
from gmmkit.inference.starts import FromPartition, Start, first_refit, gather_known
from gmmkit.model.covariance import Covariance
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import Scorer, Workspace
from gmmkit.numerics.logsumexp import log_normalise
from gmmkit.numerics.streams import generator
from gmmkit.statistics import Statistics

__all__ = [
    "LabelledEM",
    "Shares",
    "SupervisedEM",
    "fit_labelled",
    "fit_supervised",
    "from_labels",
    "log_likelihood_in_classes",
    "moments_of_classes",
]

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

_LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(slots=True)
class Shares:
    """The shares of classes in components (K, C) at the state a run has reached, and whether they are refitted."""

    values: Array
    free: bool = False


@dataclass(frozen=True)
class LabelledEM(EM):
    """Soft assignment of unlabelled rows; labelled rows are shared among components of their class.

    One for each run: it remembers the shares of the state it refitted last.

    Parameters
    ----------
    codes : ndarray of shape (n,)
        The class of each row, from 0; −1: not known.
    shares : Shares
    class_weights : ndarray of shape (C,), optional
        Probabilities of the classes that are held, where components are of one class each.
    """

    codes: Codes = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    shares: Shares = field(default_factory=lambda: Shares(np.ones((1, 1))))
    class_weights: Array | None = None

    def is_plain(self, state: Mixture) -> bool:
        return False

    def begin(self, state: Mixture) -> Begin:
        with np.errstate(divide="ignore"):
            log_shares = np.log(self.shares.values)
        n_classes = log_shares.shape[1]

        def assign(scorer: Scorer, block: Block, work: Workspace) -> tuple[Array, ...]:
            codes = self.codes[block.index : block.index + len(block.rows)]
            known = np.flatnonzero(codes >= 0)
            if len(known) == 0:
                responsibilities, log_density = soft(scorer, block, work)
            else:
                responsibilities = scorer.score(block.rows, work)
                term = scorer.row_term(work)
                responsibilities[:, known] += log_shares[:, codes[known]]
                log_density, lost = log_normalise(work.scored)
                if len(lost):
                    self._place_lost(scorer, work, codes, lost)
                if term is not None:
                    log_density += term
            if not self.shares.free:
                return responsibilities, log_density
            held = np.zeros((len(block.rows), n_classes))
            held[known, codes[known]] = 1.0 if block.weights is None else block.weights[known]
            return responsibilities, log_density, responsibilities @ held

        def begin(_: int) -> Assign:
            return assign

        return begin

    def maximise(self, totals: Totals, state: Mixture) -> tuple[Mixture, Array]:
        mixture, counts = super().maximise(totals, state)
        if self.class_weights is None:
            return mixture, counts
        of_class = mixture.weights @ self.shares.values
        with np.errstate(divide="ignore", invalid="ignore"):
            factors = np.where(of_class > 0, self.class_weights / of_class, 0.0)
        return mixture.changed(weights=mixture.weights * (self.shares.values @ factors)), counts

    def refit(self, totals: Totals, state: Mixture, iteration: int) -> tuple[Mixture, list[Repair]]:
        refitted = super().refit(totals, state, iteration)
        if self.shares.free:
            counts = totals.leaves[0]
            held = counts.sum(axis=1, keepdims=True)
            # A component that no labelled row has a part in says nothing of classes: it keeps what it had.
            self.shares.values = np.divide(counts, held, out=self.shares.values.copy(), where=held > 0)
        return refitted

    def _place_lost(self, scorer: Scorer, work: Workspace, codes: Codes, lost: NDArray[np.intp]) -> None:
        """Give rows too far for any finite score to the nearest component, or the heaviest of their class."""
        nearest = scorer.nearest(work.z[:, lost])
        for row, component in zip(lost, nearest, strict=True):
            c = codes[row]
            own = component if c < 0 or self.shares.values[component, c] > 0 else self.shares.values[:, c].argmax()
            work.scored[own, row] = 1.0


@dataclass(frozen=True)
class SupervisedEM(EM):
    """EM of rows that are all known to be one component's each: a pass needs nothing but their moments.

        Σ_i w_i log π_c N(x_i; μ_c, Σ_c) = Σ_c n_c (log π_c − ½ log |2π Σ_c|) − ½ Σ_c tr(S_c Σ_c⁻¹)

    with c the class of row i, and S_c the second moment of its rows about μ_c.

    Parameters
    ----------
    moments : Statistics
        Of each class, gathered in the problem's frame for its family.
    """

    moments: Statistics = field(kw_only=True)

    def is_plain(self, state: Mixture) -> bool:
        return False

    def sweep(self, state: Mixture) -> Totals:
        shares = log_weights(state.weights) - self._unseen(state)
        return Totals(self.moments, _row_sum(self.moments, state, shares))


def _row_sum(moments: Statistics, state: Mixture, log_shares: Array) -> float:
    """Return ``Σ_i w_i (log share_c + log N(x_i; μ_c, Σ_c))`` of moments and components in one frame."""
    about, held = moments.about(state.means), moments.counts > 0
    constants = log_shares - 0.5 * (state.n_features * _LOG_2PI + state.covariance.log_determinants)
    return float(about.counts[held] @ constants[held]) - 0.5 * _traces(state.covariance, about.second)


def _traces(covariance: Covariance, second: Array) -> float:
    """Return ``Σ_c tr(S_c Σ_c⁻¹)`` of second moments as the family keeps them: of each component, or their sum."""
    if second.ndim == len(covariance.contraction.scatter_shape(covariance.n_features)):
        return covariance.take([0]).trace_products(second)
    return sum(covariance.take([c]).trace_products(own) for c, own in enumerate(second))


def from_labels(codes: Codes, n_classes: int) -> FromPartition:
    """Return the start that gives each class one component, of its labelled rows."""
    membership = np.concatenate([np.eye(n_classes), np.zeros((1, n_classes))])  # −1 is the last row: of no class

    def known(block: Block) -> Array:
        return membership[codes[block.index : block.index + len(block.rows)]]

    return FromPartition(known, n_classes)


def moments_of_classes(problem: Problem, codes: Codes, n_classes: int) -> Statistics:
    """Return the moments of each class's rows, in the problem's frame for its family: two passes."""
    return gather_known(problem, from_labels(codes, n_classes).known, n_classes)


def log_likelihood_in_classes(problem: Problem, moments: Statistics, mixture: Mixture) -> float:
    """Return ``Σ_i w_i log N(x_i; μ_c, Σ_c)``, c the class of row i: no row is read.

    Parameters
    ----------
    problem : Problem
    moments : Statistics
        `moments_of_classes`.
    mixture : Mixture
        Of one component a class, in the data's units, as its log-likelihood is; of the problem's family.
    """
    state, frame = mixture.into(problem.frame), problem.frame
    return _row_sum(moments, state, np.zeros(state.n_components)) + float(moments.counts.sum()) * frame.log_volume


def fit_supervised(problem: Problem, moments: Statistics, settings: FitSettings) -> FitResult:
    """Fit one component to each class of rows that are all labelled.

    Parameters
    ----------
    problem : Problem
    moments : Statistics
        `moments_of_classes`.
    settings : FitSettings
        Its rule, passes, regularisation and prior.
    """
    prior = make_prior(problem, settings.reg_covar, settings.prior)
    algorithm = SupervisedEM(problem, prior, "floor", generator(settings.seed), moments=moments)
    state, repairs = first_refit(moments, problem, prior, "floor", algorithm.random)
    done = run(algorithm, problem, state, rule=settings.rule, max_iter=settings.max_iter)
    return _result(problem, done, done.state, prior, repairs, settings)


def fit_labelled(
    problem: Problem,
    start: Start,
    codes: Codes,
    shares: Shares,
    settings: FitSettings,
    *,
    class_weights: Array | None = None,
) -> FitResult:
    """Fit one mixture to rows of which some are labelled; the shares are set to those of the result.

    Parameters
    ----------
    problem : Problem
    start : Start
        Of K components.
    codes : ndarray of shape (n,)
        The class of each row, −1 where it is not known.
    shares : Shares
        Of classes in the K components.
    settings : FitSettings
        Its rule, passes, regularisation and prior.
    class_weights : ndarray of shape (C,), optional
        Probabilities of the classes that are held.
    """
    prior = make_prior(problem, settings.reg_covar, settings.prior)
    # Other repairs would change how many components there are, and whose they are.
    algorithm = LabelledEM(
        problem, prior, "floor", generator(settings.seed), codes=codes, shares=shares, class_weights=class_weights
    )
    state, repairs = start(problem, prior, "floor", algorithm.random)
    done = run(algorithm, problem, state, rule=settings.rule, max_iter=settings.max_iter)
    counted = done.state
    if class_weights is not None:
        # How well a component is supported is told by its rows, not by the weight that is held.
        counts = algorithm.sweep(done.state).statistics.counts
        counted = done.state.changed(weights=counts / counts.sum())
    return _result(problem, done, counted, prior, repairs, settings)


def _result(
    problem: Problem, done: Run, counted: Mixture, prior: Prior, repairs: Sequence[Repair], settings: FitSettings
) -> FitResult:
    health, found = diagnose(problem, counted, prior)
    return FitResult(
        mixture=done.state.out_of(problem.frame),
        objectives=done.objectives,
        reason=done.reason,
        repairs=(*repairs, *done.repairs, *found),
        health=health,
        starts_tried=1,
        total_weight=problem.total_weight,
        n_parameters=settings.n_parameters(done.state),
    )
