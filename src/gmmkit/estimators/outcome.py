"""What a fit leaves to be said, in scikit-learn's ways: the interrupt that goes on, and the warnings."""

from __future__ import annotations

import warnings

from sklearn.exceptions import ConvergenceWarning

from gmmkit.data import Table
from gmmkit.errors import PrecisionWarning, SingularComponentWarning
from gmmkit.inference.fit import FitResult
from gmmkit.inference.repairs import describe

__all__ = ["NOT_CONVERGED", "tell"]

NOT_CONVERGED = (
    "Best performing initialization did not converge. Try different init parameters, or increase max_iter, tol, "
    "or check for degenerate data."
)


def tell(result: FitResult, table: Table, *, max_iter: int, interrupted: bool, unmet: str | None = None) -> None:
    """Warn the caller of `fit` of what was repaired, of a fit that did not converge, and why floats were not used.

    Raises
    ------
    KeyboardInterrupt
        If one ended the fit: the model it left is set by now.
    """
    if interrupted:
        raise KeyboardInterrupt
    if result.repairs:
        message = describe(result.repairs, table.names)
        warnings.warn(SingularComponentWarning(message, result.repairs), stacklevel=3)
    if unmet is not None:
        message = f"dtype='float32' was asked for, but the fit was computed in float64: {unmet}"
        warnings.warn(PrecisionWarning(message), stacklevel=3)
    if not result.converged and max_iter > 0:
        warnings.warn(NOT_CONVERGED, ConvergenceWarning, stacklevel=3)
