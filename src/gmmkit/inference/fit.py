"""Fit one mixture: starts, restarts, EM, repairs, and what is to be said of the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from gmmkit.errors import ParameterError, SingularComponentError
from gmmkit.inference.acceleration import Squarem
from gmmkit.inference.algorithm import Progress
from gmmkit.inference.clutter import without_clutter
from gmmkit.inference.conjugate import ConjugatePrior
from gmmkit.inference.diagnosis import diagnose, health_of
from gmmkit.inference.em import EM
from gmmkit.inference.factor_analysis import FactorAnalysis
from gmmkit.inference.loop import Run, run
from gmmkit.inference.noise import Background, open_background
from gmmkit.inference.order import ordered
from gmmkit.inference.plain import LEFT, run_compiled
from gmmkit.inference.prior import RegCovar, make_prior
from gmmkit.inference.problem import Problem
from gmmkit.inference.repairs import ILL_DEFINED, OnSingular, Repair, describe
from gmmkit.inference.result import FitResult
from gmmkit.inference.starts import FromMixture, FromPartition, Start
from gmmkit.inference.stopping import Dominated, SmallChange, StoppingRule
from gmmkit.inference.student import Degrees, StudentEM, n_estimated
from gmmkit.inference.truncated import TRUNCATED, TruncatedEM
from gmmkit.inference.warm_up import MiniBatches, WarmedUp
from gmmkit.model.mixture import Mixture
from gmmkit.model.noise import Noise
from gmmkit.numerics.arguments import whole
from gmmkit.numerics.streams import Seed, streams

__all__ = ["FitResult", "FitSettings", "fit"]

# Starts of what the caller knows, of all rows.
_KNOWN = (FromMixture, FromPartition)
_ALL = 1.0 - 1e-6


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How to fit, apart from the data, the family and the starts.

    Attributes
    ----------
    rule : StoppingRule
    max_iter : int
    reg_covar : "auto" or float
    on_singular : {"auto", "floor", "reseed", "drop", "raise"}
        "auto" floors, unless ``reg_covar=0`` asked for no repair: then it raises as scikit-learn does.
    seed : int, SeedSequence, Generator or None
    before : float
        The objective known before the first pass; −inf if none (a warm start knows its own).
    callback : callable, optional
        Called with a `Progress` after each pass.
    prior : ConjugatePrior, optional
        Of means, covariances and weights; ``reg_covar="auto"`` then only helps where the data have no spread.
    equal_weights : bool
        Hold every weight at 1/k.
    admissible_eigenvalue : float, optional
        If given, a start whose components are all supported (`Health.spurious`) beats any that is not.
    degrees_of_freedom : "common", "free", float or sequence of float, optional
        Student-t components: one ν for all or one each, estimated, or these values.
    noise : Background, optional
        A uniform background beside the components.
    acceleration : Squarem, optional
        Fewer passes to the same optimum; None: plain EM.
    warm_up : MiniBatches, optional
        Before the first exact pass from each start, where there are enough rows; None: exact passes only.
    stop_dominated : bool
        Stop a start that is to end clearly below the best of those before it (`Dominated`).
    truncation : int, optional
        Components that each row is shared among at most: truncated EM, where there are more.
    n_factors : int, optional
        Mixtures of factor analysers, of so many factors each; the problem's family is that of the noise.
    """

    rule: StoppingRule = field(default_factory=lambda: SmallChange(1e-3))
    max_iter: int = 100
    reg_covar: RegCovar = "auto"
    on_singular: Literal["auto", "floor", "reseed", "drop", "raise"] = "auto"
    seed: Seed = None
    before: float = -np.inf
    callback: Callable[[Progress], object] | None = None
    admissible_eigenvalue: float | None = None
    prior: ConjugatePrior | None = None
    equal_weights: bool = False
    degrees_of_freedom: Degrees | None = None
    noise: Background | None = None
    acceleration: Squarem | None = None
    warm_up: MiniBatches | None = None
    stop_dominated: bool = False
    truncation: int | None = None
    n_factors: int | None = None

    @property
    def policy(self) -> OnSingular:
        """What `on_singular` comes to."""
        if self.on_singular == "auto":
            return "refuse" if self.reg_covar == 0 else "floor"
        return self.on_singular

    def n_parameters(self, mixture: Mixture) -> int:
        """Return how many parameters of a mixture these settings leave free."""
        held = mixture.n_components - 1 if self.equal_weights else 0
        return mixture.n_parameters - held + n_estimated(self.degrees_of_freedom, mixture.n_components)

    def algorithm(self, problem: Problem, random: np.random.Generator) -> EM:
        """Return what fits a problem by these settings."""
        prior = make_prior(problem, self.reg_covar, self.prior, equal_weights=self.equal_weights)
        if self.truncation is not None:
            return TruncatedEM(problem, prior, self.policy, random, self.truncation)
        if self.n_factors is not None:
            return FactorAnalysis(problem, prior, self.policy, random, self.n_factors)
        if self.degrees_of_freedom is None:
            return EM(problem, prior, self.policy, random)
        return StudentEM(problem, prior, self.policy, random, self.degrees_of_freedom)


def fit(problem: Problem, starts: Sequence[Start], settings: FitSettings, *, reorder: bool = True) -> FitResult:
    """Run EM from each start and keep the best.

    Parameters
    ----------
    problem : Problem
    starts : sequence of Start
        Tried in order, each with a random stream of its own; the first stream is the same however many there are.
    settings : FitSettings
    reorder : bool, default=True
        Put the components in an order that depends on the data only (see `ordered`); not where the caller gave
        the components, whose order is the caller's.

    Raises
    ------
    ParameterError
        If all rows became noise, or truncation is asked for where there is none.
    SingularComponentError
        If a component, column or direction is degenerate and `on_singular` is "raise" (or ``reg_covar=0``).
    """
    _refuse_flat(problem, settings)
    _refuse_truncation(problem, settings)
    outset, noise = _outset(problem, starts, settings)

    def rank(done: Run) -> tuple[bool, float]:
        smallest = settings.admissible_eigenvalue
        sound = smallest is None or health_of(problem, done.state).spurious(smallest) is None
        return sound, done.objective

    best: Run | None = None
    best_warmed: WarmedUp | None = None
    tried = stopped = 0
    for restart, (start, random) in enumerate(zip(starts, streams(settings.seed), strict=False)):
        algorithm = settings.algorithm(problem, random)
        # What is not sound is no match for any other.
        rival = Dominated(best.objective) if settings.stop_dominated and best is not None and rank(best)[0] else None
        try:
            done, warmed = _run_from(start, algorithm, outset, noise, settings, restart, rival)
        except KeyboardInterrupt:
            if best is None:
                raise
            best = _interrupted(best)
            break
        tried += 1
        stopped += done.reason == "dominated"
        interrupted = done.reason == "interrupted"
        if best is None or rank(done) > rank(best):
            best, best_warmed = done, warmed
        if interrupted:
            best = _interrupted(best)
            break
    assert best is not None, "fit needs at least one start"
    _refuse_all_noise(best.state)
    state = ordered(best.state) if reorder else best.state
    # Of many columns each state, and what was computed of it, takes megabytes: from here on there is one.
    best = replace(best, state=state)
    del done
    health, found = diagnose(problem, state, algorithm.prior, sparing=settings.truncation is not None)
    if found and settings.policy == "raise" and best.reason != "interrupted":
        # Each pass refuses what cannot be scored; what only the prior holds up is known at the end.
        raise SingularComponentError(f"{ILL_DEFINED} ({describe(tuple(found), problem.table.names)})", asked=True)
    state.covariance.forget()
    return FitResult(
        mixture=state.out_of(problem.frame),
        objectives=best.objectives,
        reason=best.reason,
        repairs=(*best.repairs, *found),
        health=health,
        starts_tried=tried,
        total_weight=problem.total_weight,
        n_parameters=settings.n_parameters(state),
        precision="float32" if problem.used_single else "float64",
        warm_up=best_warmed,
        starts_stopped=stopped,
    )


def _run_from(
    start: Start,
    algorithm: EM,
    outset: Problem,
    noise: Noise | None,
    settings: FitSettings,
    restart: int,
    rival: Dominated | None,
) -> tuple[Run, WarmedUp | None]:
    """Run from a start, with what goes before the first exact pass."""
    state, repairs = _first_state(start, algorithm, outset, noise, settings)
    warmed: WarmedUp | None = None
    algorithm.problem.refining = False
    if settings.warm_up is not None and not (isinstance(start, FromMixture) and start.reached):
        try:
            for reached, by in settings.warm_up.steps(algorithm, state, algorithm.random):
                state, warmed = reached, by
        except KeyboardInterrupt:
            return Run(state, (), "interrupted", tuple(repairs)), warmed
    options: dict[str, Any] = {
        "rule": settings.rule,
        "max_iter": settings.max_iter,
        # A warm-up leaves the state whose objective was known.
        "before": settings.before if warmed is None else -np.inf,
        "restart": restart,
        "callback": settings.callback,
    }
    so_far: tuple[float, ...] = ()
    if settings.acceleration is None:
        compiled = run_compiled(algorithm, state, rival=rival, **options)
        if compiled is not None and compiled.reason != LEFT:
            return replace(compiled, repairs=(*repairs, *compiled.repairs)), warmed
        if compiled is not None:
            state, so_far = compiled.state, compiled.objectives
    steps = None if settings.acceleration is None else settings.acceleration.begin(algorithm)
    # Only the run knows when the first state is no more needed: of many columns it takes up much memory.
    first = [state]
    del state
    done = run(algorithm, algorithm.problem, first.pop, steps=steps, rival=rival, so_far=so_far, **options)
    return replace(done, repairs=(*repairs, *done.repairs)), warmed


def _refuse_flat(problem: Problem, settings: FitSettings) -> None:
    """Refuse columns without spread of their own where nothing holds covariances up: rounding would."""
    unaided = settings.reg_covar == 0 and settings.prior is None and settings.policy in ("raise", "refuse")
    if unaided and len(problem.null_directions):
        why = "columns are constant or linearly dependent"
        raise SingularComponentError(f"{ILL_DEFINED} ({why})", asked=settings.on_singular == "raise")


def _refuse_truncation(problem: Problem, settings: FitSettings) -> None:
    if settings.truncation is None:
        return
    whole("truncation", settings.truncation, 1)
    if settings.noise is not None or settings.degrees_of_freedom is not None:
        what = "noise" if settings.degrees_of_freedom is None else "Student-t components"
        raise ParameterError(f"truncation is for Gaussian components without noise: leave {what} or truncation out")
    if settings.acceleration is not None or settings.warm_up is not None:
        what = "acceleration" if settings.acceleration is not None else "warm_up"
        raise ParameterError(f"truncated passes are made one by one: leave {what} or truncation out")
    if problem.family not in TRUNCATED:
        raise ParameterError(
            "truncation is for covariance_type 'diag', 'spherical' or 'full', each component its own, but got "
            f"{problem.family.name!r}: take one of those, or leave truncation out"
        )


def _refuse_all_noise(state: Mixture) -> None:
    if state.noise is not None and state.noise.weight > _ALL:
        raise ParameterError(
            "the noise took all the rows: its volume is smaller than what they fill; "
            "give one in the data's units, not its reciprocal, or noise_volume='auto'"
        )


def _outset(problem: Problem, starts: Sequence[Start], settings: FitSettings) -> tuple[Problem, Noise | None]:
    """Return the problem whose rows starts are made of, and the noise that the fit begins with, if any.

    Outliers have no say in a start beside noise or of heavy tails.
    """
    if settings.noise is not None:
        return open_background(problem, settings.noise)
    if settings.degrees_of_freedom is None or all(isinstance(start, _KNOWN) for start in starts):
        return problem, None
    return without_clutter(problem)[0], None


def _first_state(
    start: Start, algorithm: EM, outset: Problem, noise: Noise | None, settings: FitSettings
) -> tuple[Mixture, list[Repair]]:
    problem, prior = algorithm.problem, algorithm.prior
    if noise is None and isinstance(start, _KNOWN):
        outset = problem
    if outset is not problem:
        prior = settings.algorithm(outset, algorithm.random).prior
    state, repairs = start(outset, prior, settings.policy, algorithm.random)
    if outset is not problem:
        state = state.out_of(outset.frame).into(problem.frame)
    if noise is None:
        return algorithm.started(state.without_noise()), repairs
    share = noise.weight if state.noise is None else state.noise.weight
    return algorithm.started(state.beside(noise.weighing(share))), repairs


def _interrupted(done: Run) -> Run:
    return Run(done.state, done.objectives, "interrupted", done.repairs)
