"""Plain EM in calls of the compiled kernel: what the loop does pass by pass, without its price.

A pass over a few hundred rows costs a quarter of a millisecond in array operations, nearly all of it between them;
over a million rows of two columns that is a tenth of it, and other threads wait. Where nothing has to happen between
passes but the refit of a Gaussian mixture, the kernel makes them all, some in each call (`plain_calls.py`). States,
objectives and the number of passes are the array engine's up to rounding. What the kernel finds no ordinary answer for
(a state without factors, a component with too few rows) the array engine does, from the last ordinary state on: what
is to be repaired is found and said in one place. Which problems are made so, and in which of two ways, follows from
sizes and settings alone: neither threads nor a callback nor what is to be done about singular components that do not
occur changes a bit of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gmmkit.inference.algorithm import Progress
from gmmkit.inference.em import EM
from gmmkit.inference.loop import Run
from gmmkit.inference.plain_calls import Calls, over_blocks, stacked
from gmmkit.inference.stopping import Dominated, SmallChange, StoppingRule
from gmmkit.kernels import native
from gmmkit.kernels.native.plain import CONVERGED, SINGULAR
from gmmkit.model.mixture import Mixture

__all__ = ["LEFT", "is_small", "run_compiled"]

# Products of a pass whose time is about what array operations cost beside theirs.
_SMALL = 1 << 20
#: Why a run ended that `loop.run` has to go on with.
LEFT = "left"


def is_small(n: int, d: int, k: int) -> bool:
    """Tell whether n rows of d columns with k components are fitted as one of a stack, where that can be done."""
    return n * k * (d + 1) * (d + 2) // 2 <= _SMALL and d <= native.MOST_COLUMNS


def run_compiled(
    algorithm: EM,
    start: Mixture,
    *,
    rule: StoppingRule,
    max_iter: int,
    before: float = -np.inf,
    rival: Dominated | None = None,
    restart: int = 0,
    callback: Callable[[Progress], object] | None = None,
) -> Run | None:
    """Do what `loop.run` does; what cannot be done so has to be done by that, from None or a run that is `LEFT` on.

    The passes of a run that is left are those that `loop.run` would have made.
    """
    problem, k, d = algorithm.problem, start.n_components, start.n_features
    if not (isinstance(rule, SmallChange) and max_iter > 0 and _is_plain(algorithm, start)):
        return None
    if native.why_not() is not None:
        return None
    state, reason = start, "max_iter"
    objectives: list[float] = []
    try:
        calls = stacked(algorithm, start) if is_small(problem.table.n_rows, d, k) else None
        calls = calls or over_blocks(algorithm, start)
        if calls is None:
            return None
        # Who watches sees each pass when it is made.
        at_once = calls.at_once if callback is None and rival is None else 1
        for step in _steps(calls, start, rule.tol, before, problem.frame.log_volume, max_iter, at_once):
            state, reason, made = step.state, step.reason, len(step.objectives)
            objectives += step.objectives
            if callback is not None and made:
                gain = objectives[-1] - (objectives[-2] if len(objectives) > 1 else before)
                converged = reason == "converged"
                callback(Progress(restart, len(objectives), objectives[-1], gain, converged, state, problem.frame))
            if rival is not None and reason == "max_iter" and rival.surpasses(objectives):
                reason = "dominated"
                break
    except KeyboardInterrupt:
        reason = "interrupted"
    return Run(state, tuple(objectives), reason, ())


@dataclass(frozen=True, slots=True)
class _Step:
    """Some passes: the state after them, the objectives before them, and why they ended."""

    state: Mixture
    objectives: list[float]
    reason: str


def _steps(
    calls: Calls, start: Mixture, tol: float, before: float, volume: float, max_iter: int, at_once: int
) -> Iterator[_Step]:
    """Make at most `max_iter` passes, some at once; a last step without any is where the kernel has to leave off."""
    state, before, left = start, before - volume, max_iter
    while left > 0:
        reached, trace, status = calls.make(state, min(left, at_once), tol, before)
        if status == SINGULAR and at_once == 1:
            yield _Step(state, [], LEFT)
            return
        if status == SINGULAR:
            # One of these is not ordinary: those before it are made one by one.
            at_once = 1
            continue
        state = reached
        yield _Step(state, (trace + volume).tolist(), "converged" if status == CONVERGED else "max_iter")
        if status == CONVERGED:
            return
        before, left = float(trace[-1]), left - len(trace)


def _is_plain(algorithm: EM, start: Mixture) -> bool:
    """Tell whether a pass is no more than Gaussian responsibilities and the refit to penalised moments."""
    prior = algorithm.prior
    return algorithm.is_plain(start) and prior.conjugate is None and not prior.pseudo_counts and not prior.has_null
