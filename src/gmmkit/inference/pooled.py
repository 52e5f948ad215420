"""Shrinkage toward one covariance: pseudo-rows of it in every component, a conjugate prior without a say in means.

    Σ_k = (W_k + m S) / (n_k + m)

with S the pooled covariance within classes and m the rows that it counts for: regularised discriminant analysis
(Friedman 1989, JASA 84, 165–175), where m = λ / (1 − λ) · n; m = λ / (1 − λ) · n / C makes λ the share of S in a class
of average size. As a prior it is an inverse Wishart with exponent m, which for few pseudo-rows is improper: its mode is
what counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError
from gmmkit.inference.conjugate import Conjugate, ConjugatePrior
from gmmkit.inference.problem import Problem

__all__ = ["PooledPrior"]


@dataclass(frozen=True, slots=True)
class PooledPrior(ConjugatePrior):
    """Pseudo-rows of a known covariance in each component.

    Parameters
    ----------
    pooled : ndarray of shape (d, d)
        S, in the data's units.
    pseudo_rows : float
        m, in rows.
    """

    pooled: NDArray[np.float64] | None = None
    pseudo_rows: float = 0.0

    def framed(self, problem: Problem) -> Conjugate:
        """Return the prior in a problem's frame, for its family."""
        family, frame, d = problem.family, problem.frame, problem.n_columns
        if self.pooled is None or self.pooled.shape != (d, d):
            raise ParameterError(f"the pooled covariance must have the shape ({d}, {d})")
        matrix = self.pooled * frame.scale[:, None] * frame.scale
        free = len(family.contraction.scatter_shape(d))
        scatter = {2: matrix, 1: np.diagonal(matrix), 0: np.asarray(np.trace(matrix))}[free]
        m = self.pseudo_rows / problem.rows_per_weight
        return Conjugate(
            mean=np.zeros(d),
            shrinkage=0.0,
            mean_exponent=0.0,
            exponent=m,
            scatter=m * np.asarray(scatter, dtype=np.float64),
            power=0.0,
            shared=family.shares_covariance,
            log_volume=frame.log_volume,
        )
