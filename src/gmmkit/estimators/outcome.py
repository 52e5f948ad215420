"""What a fit leaves to be said, in scikit-learn's ways: the interrupt that goes on, and the warnings."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import DTypeLike
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


NOT_SINGLE = (
    "dtype='float32' was asked for, but the fit was computed in float64: float32 takes the compiled kernel "
    "(gmmkit.show_config() says whether there is one), Gaussian components whose covariances are not all the same "
    "(not tied, EEE, EEI or EII), no noise, and no rows more than some hundred standard deviations from the data's mean"
)


def tell(result: FitResult, table: Table, *, max_iter: int, interrupted: bool, dtype: DTypeLike | None = None) -> None:
    """Warn the caller of `fit` of what was repaired and of a fit that did not converge.

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
    if dtype is not None and np.dtype(dtype) == np.float32 and result.precision != "float32" and max_iter > 0:
        warnings.warn(NOT_SINGLE, PrecisionWarning, stacklevel=3)
    if not result.converged and max_iter > 0:
        warnings.warn(NOT_CONVERGED, ConvergenceWarning, stacklevel=3)
