"""Plain EM of a small problem in one call of the compiled kernel: what the loop does pass by pass, without its price.

A pass over a few hundred rows costs a quarter of a millisecond in array operations, nearly all of it between them.
Where nothing has to happen between passes but the refit of a Gaussian mixture, the kernel makes them all. States,
objectives and the number of passes are the array engine's up to rounding. What the kernel finds no ordinary answer
for (a state without factors, a component with too few rows) the array engine does, from the same start: what is to be
repaired is found and said in one place. Which problems are small follows from sizes alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.em import EM
from gmmkit.inference.loop import Run
from gmmkit.inference.stopping import SmallChange, StoppingRule
from gmmkit.kernels import native
from gmmkit.kernels.native.plain import CONVERGED, SINGULAR, run_plain
from gmmkit.model.mixture import Mixture

__all__ = ["run_compiled"]

Array = NDArray[np.float64]

# Products of a pass whose time is about what array operations cost beside theirs; and of a call, some milliseconds:
# Ctrl-C is heard between calls.
_SMALL, _ONE_CALL = 1 << 20, 1 << 24
# Families whose refit has one answer. Common axes are sought from where each engine's last search for them ended, and
# EVV divides by determinants, of which nearly dependent columns leave few digits, each engine's own.
_STRUCTURES = frozenset(native.STRUCTURES) - {"EVE", "VVE", "EVV"}
_ONE_ROW = 1.5


def run_compiled(algorithm: EM, start: Mixture, *, rule: StoppingRule, max_iter: int, before: float) -> Run | None:
    """Do what `loop.run` does, or return None where that has to."""
    if not (isinstance(rule, SmallChange) and max_iter > 0 and _plain(algorithm, start)):
        return None
    problem, k, d = algorithm.problem, start.n_components, start.n_features
    n = problem.table.n_rows
    work = n * k * (d + 1) * (d + 2) // 2
    if work > _SMALL or d > native.MOST_COLUMNS or native.why_not() is not None:
        return None
    block = next(problem.table.blocks(n))
    rows = problem.frame.read(block.rows, np.empty((d, n)))
    row_weights = np.ones(n) if block.weights is None else np.ascontiguousarray(block.weights)
    pseudo = problem.pooled.dense()[0] * (algorithm.prior.pseudo_rows / k)
    units = np.ones(d)  # the frame has one scale for all columns where the family is defined in one
    weights, means, covariances = (
        np.array(values, order="C") for values in (start.weights, start.means, start.covariance.dense())
    )
    volume = problem.frame.log_volume
    state, reason = start, "max_iter"
    objectives: list[float] = []
    try:
        while reason == "max_iter" and len(objectives) < max_iter:
            trace, status = run_plain(
                rows,
                row_weights,
                problem.family.structure,
                pseudo,
                units,
                (weights, means, covariances),
                max_iter=min(max_iter - len(objectives), max(_ONE_CALL // work, 1)),
                tol=rule.tol,
                before=(objectives[-1] if objectives else before) - volume,
            )
            found = Mixture.trusted(weights.copy(), means.copy(), problem.family.from_dense(covariances))
            if status == SINGULAR or _starved(found, algorithm):
                return None
            state, reason = found, "converged" if status == CONVERGED else reason
            objectives += (trace + volume).tolist()
    except KeyboardInterrupt:
        reason = "interrupted"
    return Run(state, tuple(objectives), reason, ())


def _plain(algorithm: EM, start: Mixture) -> bool:
    """Tell whether a pass is no more than Gaussian responsibilities and the refit to penalised moments."""
    prior = algorithm.prior
    return (
        type(algorithm) is EM
        and algorithm.on_singular in ("floor", "refuse")
        and algorithm.problem.family.structure in _STRUCTURES
        and prior.conjugate is None
        and not prior.pseudo_counts
        and not prior.ridge.any()
        and not prior.null.any()
        and start.degrees_of_freedom is None
        and start.noise is None
    )


def _starved(state: Mixture, algorithm: EM) -> bool:
    """Tell whether a component holds fewer rows than its family needs."""
    problem = algorithm.problem
    rows = float(state.weights.min()) * problem.total_weight * problem.rows_per_weight
    return rows < max(problem.family.minimum_rows(problem.n_columns), _ONE_ROW)
