"""`StudentMixture`: heavy tails in place of Gaussian ones, on the same engine."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar, Literal

from sklearn.utils._param_validation import Interval, StrOptions

from gmmkit.estimators.em_mixture import EMMixture
from gmmkit.inference.algorithm import Progress
from gmmkit.inference.conjugate import ConjugatePrior
from gmmkit.inference.hull import Volume
from gmmkit.inference.student import Degrees

__all__ = ["StudentMixture"]


class StudentMixture(EMMixture):
    """Mixture of Student-t components fitted by expectation–maximisation (Peel & McLachlan 2000).

        p(x) = Σ_k w_k t_ν_k(x; μ_k, Σ_k)

    A row counts for a component the less, the farther it lies: means and scales hold where outliers drag a Gaussian's.
    Starts by name are made of the rows that do not lie in sparse places (Byers & Raftery 1998), so that none begins
    with a component on outliers.

    Parameters
    ----------
    n_components : int, default=1
    degrees_of_freedom : "common", "free", float or array-like of shape (k,), default="common"
        ν, the heaviness of tails: estimated, one for all components or one for each, between 1 (below, a component
        may fall for a few rows that coincide) and 1000 (as good as Gaussian); or these values, infinity for Gaussian
        components. Criteria count what is estimated.
    covariance_type, tol, reg_covar, max_iter, n_init, init_params, weights_init, means_init, precisions_init, \
    random_state, warm_start, verbose, verbose_interval, n_jobs, callback, on_singular, prior, equal_weights, noise, \
    noise_volume, acceleration, warm_up, n_init_stop
        See :class:`GaussianMixture`; of the scales where it says covariances. A prior's are taken for the scales'.

    Attributes
    ----------
    degrees_of_freedom_ : ndarray of shape (k,)
    covariances_, precisions_, precisions_cholesky_ : ndarray
        Of the scales Σ: a component's own covariance is ``ν / (ν − 2)`` times that, where ν > 2
        (``mixture_.covariance_matrix()`` is the whole mixture's).
    weights_, means_, noise_weight_, converged_, n_iter_, lower_bound_, lower_bounds_, mixture_, fit_result_
        See :class:`GaussianMixture`.

    Examples
    --------
    >>> import numpy as np
    >>> from gmmkit import GaussianMixture, StudentMixture
    >>> X = np.append(np.linspace(-1.0, 1.0, 41), 30.0)[:, None]
    >>> GaussianMixture().fit(X).means_.round(2), StudentMixture().fit(X).means_.round(2)
    (array([[0.71]]), array([[0.]]))
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **EMMixture._parameter_constraints,
        "degrees_of_freedom": [
            StrOptions({"common", "free"}),
            Interval(Real, 0.0, None, closed="neither"),
            "array-like",
        ],
    }

    def __init__(
        self,
        n_components: int = 1,
        *,
        degrees_of_freedom: Degrees = "common",
        covariance_type: str = "full",
        tol: float = 1e-3,
        reg_covar: float | Literal["auto"] = "auto",
        max_iter: int = 100,
        n_init: int = 1,
        init_params: str = "kmeans",
        weights_init: Any = None,
        means_init: Any = None,
        precisions_init: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
        n_jobs: int | None = None,
        callback: Callable[[Progress], object] | None = None,
        on_singular: str = "auto",
        prior: Literal["conjugate"] | ConjugatePrior | None = None,
        equal_weights: bool = False,
        noise: Any = None,
        noise_volume: Volume = "auto",
        acceleration: Literal["squarem"] | None = None,
        warm_up: Literal["mini-batch"] | None = None,
        n_init_stop: Literal["dominated"] | None = None,
    ) -> None:
        super().__init__(
            n_components,
            covariance_type=covariance_type,
            tol=tol,
            reg_covar=reg_covar,
            max_iter=max_iter,
            n_init=n_init,
            init_params=init_params,
            weights_init=weights_init,
            means_init=means_init,
            precisions_init=precisions_init,
            random_state=random_state,
            warm_start=warm_start,
            verbose=verbose,
            verbose_interval=verbose_interval,
            n_jobs=n_jobs,
            callback=callback,
            on_singular=on_singular,
            prior=prior,
            equal_weights=equal_weights,
            noise=noise,
            noise_volume=noise_volume,
            acceleration=acceleration,
            warm_up=warm_up,
            n_init_stop=n_init_stop,
        )
        self.degrees_of_freedom = degrees_of_freedom
