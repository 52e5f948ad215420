"""The loop every algorithm runs in: passes, convergence, callbacks, interruption."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gmmkit.errors import SingularComponentError
from gmmkit.inference.acceleration import PlainSteps, Steps
from gmmkit.inference.algorithm import Algorithm, Progress
from gmmkit.inference.problem import Problem
from gmmkit.inference.repairs import Repair
from gmmkit.inference.stopping import Dominated, StoppingRule
from gmmkit.model.mixture import Mixture

__all__ = ["Run", "run"]


# Floats round a row's score by up to some 1e-6, in much the same way for all rows.
_TOLD_BY_FLOATS = 1e-5


@dataclass(frozen=True, slots=True)
class Run:
    """One run from one start; the state is in the problem's frame."""

    state: Mixture
    objectives: tuple[float, ...]
    reason: str
    repairs: tuple[Repair, ...]

    @property
    def objective(self) -> float:
        """The last objective; −inf if no pass was made."""
        return self.objectives[-1] if self.objectives else -np.inf


def run(
    algorithm: Algorithm,
    problem: Problem,
    start: Mixture | Callable[[], Mixture],
    *,
    rule: StoppingRule,
    max_iter: int,
    steps: Steps | None = None,
    rival: Dominated | None = None,
    before: float = -np.inf,
    so_far: Sequence[float] = (),
    restart: int = 0,
    callback: Callable[[Progress], object] | None = None,
) -> Run:
    """Make passes from `start`, or what it returns, until the rule is met or `max_iter` passes are made.

    `steps` go from state to state (plainly, if None). A pass whose state they give up counts, and repeats the objective
    before it: the run goes on from the plain step there, which is also what it returns and what callbacks are told.

    Passes `so_far` were made elsewhere and count among them.

    A run that `rival` tells to end below another ends with the reason "dominated".

    A KeyboardInterrupt ends the run with the last complete state and the reason "interrupted"; the caller sets
    its model and lets the interrupt go on.
    """
    state = tried = start() if callable(start) else start
    steps, reason = steps or PlainSteps(), "max_iter"
    objectives = list(so_far)
    problem.refining = False
    repairs: list[Repair] = []

    def tell(converged: bool) -> None:
        if callback is not None:
            gain = objectives[-1] - (objectives[-2] if len(objectives) > 1 else before)
            callback(Progress(restart, len(objectives), objectives[-1], gain, converged, state, problem.frame))

    try:
        for iteration in range(len(objectives) + 1, max_iter + 1):
            # Of many columns what is held here takes megabytes: nothing is, once there is no use for it.
            gathered = [algorithm.sweep(tried)]
            objective = algorithm.objective(gathered[0], tried)
            if steps.taken_back(objective):
                tried = state
                del gathered
                objectives.append(objectives[-1])
                tell(converged=False)
                continue
            # Who keeps the state keeps its parameters: of many columns what was computed of them takes twice as much.
            tried.covariance.forget()
            steps.remember(gathered[0], tried)
            try:
                next_state, repaired = algorithm.refit(gathered.pop(), tried, iteration)
            except SingularComponentError as error:
                if error.asked or iteration < max_iter:
                    raise
                # No pass is left that would score it: the last state that can be scored is the result.
                next_state, repaired = tried, []
            tried = state = next_state
            del next_state
            objectives.append(objective)
            known = {(repair.kind, repair.component) for repair in repairs}
            repairs += [repair for repair in repaired if (repair.kind, repair.component) not in known]
            # After a pass that moved or dropped a component the next one's objective is of another mixture.
            moved = any(repair.kind in ("reseed", "drop", "annihilated") for repair in repaired)
            converged = not moved and steps.reached(rule, objectives, before)
            problem.refining |= len(objectives) > 1 and abs(objectives[-1] - objectives[-2]) < _TOLD_BY_FLOATS
            tell(converged)
            if converged:
                reason = "converged"
                break
            if rival is not None and rival.surpasses(objectives):
                reason = "dominated"
                break
            if repaired:
                steps.begin_anew()
            elif iteration < max_iter:
                tried = steps.next(state)
                tried.covariance.rest()
    except KeyboardInterrupt:
        reason = "interrupted"
    return Run(state, tuple(objectives), reason, tuple(repairs))
