"""When to stop: rules over the trace of objectives (per unit of weight, so free of the data's size)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["AitkenGain", "SmallChange", "StoppingRule"]


class StoppingRule(Protocol):
    """Tells from the objectives so far whether to stop."""

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
