"""Criteria by which fits are compared. scikit-learn's sign everywhere: lower is better.

    bic = −2 log L + p log n          (Schwarz 1978)
    aic = −2 log L + 2 p              (Akaike 1974)
    icl = bic − 2 Σ_i log max_k p(k | x_i)    (Biernacki, Celeux & Govaert 2000)

with p the number of free parameters and n the sum of weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from gmmkit.model.evaluation import Likelihood

__all__ = ["CRITERIA", "aic", "bic", "icl"]


def bic(found: Likelihood, n_parameters: int) -> float:
    """Return the Bayesian information criterion.

    Examples
    --------
    >>> round(bic(Likelihood(-100.0, -3.0, 50.0), 5), 3)
    219.56
    """
    return -2.0 * found.log_likelihood + n_parameters * math.log(found.total_weight)


def aic(found: Likelihood, n_parameters: int) -> float:
    """Return Akaike's information criterion.

    Examples
    --------
    >>> aic(Likelihood(-100.0, -3.0, 50.0), 5)
    210.0
    """
    return -2.0 * found.log_likelihood + 2.0 * n_parameters


def icl(found: Likelihood, n_parameters: int) -> float:
    """Return the integrated completed likelihood: BIC plus the price of unsure classifications.

    Examples
    --------
    >>> round(icl(Likelihood(-100.0, -3.0, 50.0), 5), 3)
    225.56
    """
    return bic(found, n_parameters) - 2.0 * found.log_certainty


CRITERIA: dict[str, Callable[[Likelihood, int], float]] = {"bic": bic, "aic": aic, "icl": icl}
