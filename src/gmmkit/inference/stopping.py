"""When to stop: rules over the trace of objectives (per unit of weight, so free of the data's size)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["AitkenGain", "Dominated", "SmallChange", "StoppingRule"]

# Passes between the objectives that are compared: a stretched step and the plain ones around it count together.
_STRIDE = 3
# How far beyond Aitken's estimate the best must lie, and for how many passes: estimates early in a run are of what is
# fast, and on a plateau of the plateau. Of 480 fits with six starts each, stopping lost the best one of 76 with 10 and
# 2, of 9 with 50 and 5 (benchmarks/restarts.py).
_MARGIN, _IN_A_ROW = 50.0, 5


class StoppingRule(Protocol):
    """Tells from the objectives so far whether to stop."""

    @property
    def tol(self) -> float:
        """The gain per unit of weight that is not worth a pass."""

    def reached(self, objectives: Sequence[float], before: float) -> bool:
        """Return whether to stop; `before` is the objective known before the first pass, −inf if none."""


@dataclass(frozen=True, slots=True)
class SmallChange:
    """scikit-learn's rule: the last pass changed the objective by less than `tol`.

    Examples
    --------
    >>> SmallChange(1e-3).reached([-2.0, -1.9995], -float("inf"))
    True
    """

    tol: float

    def reached(self, objectives: Sequence[float], before: float) -> bool:
        previous = objectives[-2] if len(objectives) > 1 else before
        return abs(objectives[-1] - previous) < self.tol


@dataclass(frozen=True, slots=True)
class AitkenGain:
    """The gain still to come, by Aitken's estimate, is less than `tol` (Böhning et al. 1994).

    With gains g₁, g₂ of the last two passes and rate a = g₂ / g₁, what is still to come is g₂ a / (1 − a).
    """

    tol: float

    def reached(self, objectives: Sequence[float], before: float) -> bool:
        if len(objectives) < 3:
            return False
        first, last = objectives[-2] - objectives[-3], objectives[-1] - objectives[-2]
        if last <= 0 or first <= 0:
            return abs(last) < self.tol
        rate = last / first
        return rate < 1 and last * rate / (1 - rate) < self.tol


@dataclass(frozen=True, slots=True)
class Dominated:
    """Tells a run that is to end clearly below the best that another has reached.

    Aitken's estimate of what is still to come, from every third pass, fifty times over, must not lead to `best`, five
    passes in a row. Gains that grow, as on the way off a plateau, have no such estimate.

    Attributes
    ----------
    best : float
        Objective of the best run that has ended.

    Examples
    --------
    >>> climb = [-2.0 - 0.5**i for i in range(20)]
    >>> Dominated(-1.0).surpasses(climb), Dominated(-1.0).surpasses(climb[:9]), Dominated(-2.0).surpasses(climb)
    (True, False, False)
    """

    best: float

    def surpasses(self, objectives: Sequence[float]) -> bool:
        """Return whether a run with these objectives so far is to end below."""
        last = len(objectives)
        return last >= 2 * _STRIDE + _IN_A_ROW and all(self._below(objectives, last - i) for i in range(_IN_A_ROW))

    def _below(self, objectives: Sequence[float], passes: int) -> bool:
        first, second, last = (objectives[passes - 1 - i * _STRIDE] for i in (2, 1, 0))
        before, gain = second - first, last - second
        if not 0.0 <= gain < before:
            return False
        to_come = gain * max(1.0, gain / (before - gain))
        return last + _MARGIN * to_come < self.best
