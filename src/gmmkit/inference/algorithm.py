"""The contract of an algorithm: pure functions over values; the loop owns everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.problem import Totals
from gmmkit.inference.repairs import Repair
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.frame import Frame

__all__ = ["Algorithm", "Progress", "log_weights"]


class Algorithm(Protocol):
    """One way to turn scores into assignments and statistics into parameters.

    The state is a `Mixture` in the problem's frame.
    """

    def sweep(self, state: Mixture) -> Totals:
        """Make one pass over the rows: score, assign, gather."""

    def objective(self, totals: Totals, state: Mixture) -> float:
        """Return what is maximised, per unit of weight, at the state the totals were gathered with."""

    def refit(self, totals: Totals, state: Mixture, iteration: int) -> tuple[Mixture, list[Repair]]:
        """Return the next state, and what had to be repaired in it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a callback is told after each pass.

    Attributes
    ----------
    restart : int
        Which start this is, from 0.
    iteration : int
        Passes made from this start, from 1.
    objective : float
        Penalised log-likelihood per unit of weight, at the parameters before this pass's refit.
    gain : float
        Objective less the one before; infinity in the first pass.
    converged : bool
    state : Mixture
        What this pass's refit gave, in the frame: complete, so that a fit can go on from it.
    frame : Frame
    """

    restart: int
    iteration: int
    objective: float
    gain: float
    converged: bool
    state: Mixture
    frame: Frame

    @property
    def mixture(self) -> Mixture:
        """The state in the data's units."""
        return self.state.out_of(self.frame)


def log_weights(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log weights, −inf for a weight of 0."""
    with np.errstate(divide="ignore"):
        return np.log(weights)
