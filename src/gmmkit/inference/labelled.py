"""EM with rows of known classes: what is labelled is shared among its class's components only.

    objective = Σ_labelled w_i log Σ_k π_k s_k,c_i N(x_i; k)  +  Σ_unlabelled w_i log Σ_k π_k N(x_i; k)  −  penalty

With one component a class and every row labelled, the first refit is the answer: discriminant analysis with any of the
covariance structures (Bensmail & Celeux 1996). Rows without a label then take part with their posterior (O'Neill 1978,
JASA 73; Nigam et al. 2000, Machine Learning 39). Where the shares s_kc of classes in components are free they are
refitted too: components are then a pool (Miller & Uyar 1997).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Block
from gmmkit.inference.diagnosis import diagnose
from gmmkit.inference.em import EM
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.loop import run
from gmmkit.inference.prior import make_prior
from gmmkit.inference.problem import Assign, Begin, Problem, Totals, soft
from gmmkit.inference.repairs import Repair
from gmmkit.inference.result import FitResult
from gmmkit.inference.starts import FromPartition, Start
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import Scorer, Workspace
from gmmkit.numerics.logsumexp import log_normalise
from gmmkit.numerics.streams import generator
from gmmkit.statistics import Statistics

__all__ = ["LabelledEM", "Shares", "fit_labelled", "from_labels"]

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


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

    def maximise(self, totals: Totals, state: Mixture) -> tuple[Mixture, Statistics]:
        mixture, statistics = super().maximise(totals, state)
        if self.class_weights is None:
            return mixture, statistics
        of_class = mixture.weights @ self.shares.values
        with np.errstate(divide="ignore", invalid="ignore"):
            factors = np.where(of_class > 0, self.class_weights / of_class, 0.0)
        return mixture.changed(weights=mixture.weights * (self.shares.values @ factors)), statistics

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


def from_labels(codes: Codes, n_classes: int) -> FromPartition:
    """Return the start that gives each class one component, of its labelled rows."""
    membership = np.concatenate([np.eye(n_classes), np.zeros((1, n_classes))])  # −1 is the last row: of no class

    def known(block: Block) -> Array:
        return membership[codes[block.index : block.index + len(block.rows)]]

    return FromPartition(known, n_classes)


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
