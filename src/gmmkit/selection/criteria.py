"""Criteria by which fits are compared. scikit-learn's sign everywhere: lower is better.

    bic   = −2 log L + p log n                      (Schwarz 1978)
    aic   = −2 log L + 2 p                          (Akaike 1974)
    icl   = bic − 2 Σ_i log max_k p(k | x_i)        (Biernacki, Celeux & Govaert 2000)
    sabic = −2 log L + p log((n + 2) / 24)          (Sclove 1987)
    mml   = −2 log L + q Σ_k log(n w_k / 12) + s log(n / 12) + k q + s     (Figueiredo & Jain 2002)

with p the number of free parameters, n the sum of weights, q the parameters of one component alone and s the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gmmkit.model.evaluation import Likelihood
from gmmkit.model.mixture import Mixture

__all__ = ["CRITERIA", "Criterion", "Fitted", "aic", "bic", "icl", "mml", "sabic"]


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What criteria are functions of.

    Attributes
    ----------
    likelihood : Likelihood
        Of the rows the mixture was fitted to.
    mixture : Mixture
    n_parameters : int
        Parameters that were free in the fit (`FitResult.n_parameters`).

    Examples
    --------
    >>> mixture = Mixture.from_arrays([0.2, 0.8], [[0.0], [4.0]], [1.0, 4.0], covariance_type="spherical")
    >>> fitted = Fitted(Likelihood(-100.0, -3.0, 50.0), mixture, mixture.n_parameters)
    >>> {name: round(criterion(fitted), 2) for name, criterion in CRITERIA.items()}
    {'bic': 219.56, 'aic': 210.0, 'icl': 225.56, 'sabic': 203.87, 'mml': 210.9}
    """

    likelihood: Likelihood
    mixture: Mixture
    n_parameters: int


Criterion = Callable[[Fitted], float]


def bic(fitted: Fitted) -> float:
    """Return the Bayesian information criterion."""
    return _penalised(fitted, math.log(fitted.likelihood.total_weight))


def aic(fitted: Fitted) -> float:
    """Return Akaike's information criterion."""
    return _penalised(fitted, 2.0)


def icl(fitted: Fitted) -> float:
    """Return the integrated completed likelihood: BIC plus the price of unsure classifications."""
    return bic(fitted) - 2.0 * fitted.likelihood.log_certainty


def sabic(fitted: Fitted) -> float:
    """Return the sample-size adjusted BIC, which asks less of a parameter."""
    return _penalised(fitted, math.log((fitted.likelihood.total_weight + 2.0) / 24.0))


def mml(fitted: Fitted) -> float:
    """Return twice the message length, the two-part code of parameters and rows.

    Figueiredo & Jain (2002, "Unsupervised learning of finite mixture models", IEEE PAMI 24, equation 15) price each of
    a component's q parameters at the rows that estimate it, n w_k, and the k weights at all n; components of weight 0
    cost nothing. Numbers of parameters are q k + s, so that q is what one component more would add, its weight left
    out. Parameters that components share (and degrees of freedom, or what else a fit estimates) are priced at all n as
    well. Where weights are held equal, the weights' k are 1: a constant that changes no comparison.

    A parameter costs log(n w_k / 12) + 1: less than AIC's 2 where a component holds fewer than 33 rows, so that few
    rows are given many components.
    """
    mixture, n = fitted.mixture, fitted.likelihood.total_weight
    weights = mixture.weights[mixture.weights > 0]
    one, two = (mixture.covariance.take([0] * k).free_parameters for k in (1, 2))
    own = mixture.n_features + two - one
    empty = mixture.n_components - len(weights)
    shared = fitted.n_parameters + 1 - own * mixture.n_components - empty
    price = own * (np.log(n * weights / 12.0) + 1.0).sum() + shared * (math.log(n / 12.0) + 1.0)
    return float(-2.0 * fitted.likelihood.log_likelihood + price)


def _penalised(fitted: Fitted, price: float) -> float:
    return -2.0 * fitted.likelihood.log_likelihood + price * fitted.n_parameters


CRITERIA: dict[str, Criterion] = {"bic": bic, "aic": aic, "icl": icl, "sabic": sabic, "mml": mml}
