"""Truncated EM: each row is shared among the few components that are best for it, for very many components.

    objective = Σ_i w_i log Σ_{j in K_i} w_j N(x_i; μ_j, Σ_j) − penalty,    |K_i| = C

a lower bound of the penalised log-likelihood. A pass finds better components for some rows, which cannot lower it, and
then shares rows among them, which maximises it for these K_i (Lücke & Forster 2019, "k-means as a variational EM
approximation of Gaussian mixture models", Pattern Recognition Letters 125); the refit maximises it as ever. So it never
falls. How rows search is told in `kernels/truncated.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.algorithm import log_weights
from gmmkit.inference.em import EM
from gmmkit.inference.problem import Totals
from gmmkit.inference.repairs import Repair
from gmmkit.inference.truncated_pass import TruncatedPass
from gmmkit.model.covariance import Diagonal, Full, Spherical
from gmmkit.model.mixture import Mixture

__all__ = ["TRUNCATED", "TruncatedEM", "peaks"]

Array = NDArray[np.float64]

#: Families whose refits cost nothing beside a truncated pass, and whose components each have their own covariance.
TRUNCATED = (Diagonal, Spherical, Full)
_LOG_2PI = float(np.log(2 * np.pi))
# Stands for log 0 where −inf would turn products with zeros into NaN.
_LOG_ZERO = -1e250


@dataclass(frozen=True)
class TruncatedEM(EM):
    """Soft assignment to the C best components of each row; EM where there are no more than C.

    One for each run: it remembers the components of its problem's rows.

    Parameters
    ----------
    truncation : int
        C.
    """

    truncation: int = 16

    def __post_init__(self) -> None:
        key = int(self.random.integers(2**63))
        object.__setattr__(self, "_pass", TruncatedPass(self.problem, self.truncation, key))

    def is_plain(self, state: Mixture) -> bool:
        return state.noise is None and state.n_components <= self.truncation

    def sweep(self, state: Mixture) -> Totals:
        if self.is_plain(state):
            return super().sweep(state)
        return self._rows.totals(state, peaks(state) - self._unseen(state))

    def refit(self, totals: Totals, state: Mixture, iteration: int) -> tuple[Mixture, list[Repair]]:
        refitted, repairs = super().refit(totals, state, iteration)
        k = state.n_components
        for kind in ("drop", "annihilated"):
            gone = np.array([r.component for r in repairs if r.kind == kind], dtype=np.intp)
            if len(gone):
                self._rows.without(gone, k)
                k -= len(gone)
        if any(repair.kind == "reseed" for repair in repairs):
            self._rows.search_again()
        return refitted, repairs

    @property
    def _rows(self) -> TruncatedPass:
        return self.__dict__["_pass"]  # type: ignore[no-any-return]


def peaks(state: Mixture) -> Array:
    """Return log weight plus log-density at the means (k,)."""
    weights = np.maximum(log_weights(state.weights), _LOG_ZERO)
    return np.asarray(weights - 0.5 * (state.n_features * _LOG_2PI + state.covariance.log_determinants))
