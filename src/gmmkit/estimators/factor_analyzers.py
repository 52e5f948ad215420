"""`MixtureOfFactorAnalyzers`: clusters, each with a few directions of its own; one of them is factor analysis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from gmmkit.data import Table
from gmmkit.errors import ParameterError
from gmmkit.estimators import given
from gmmkit.estimators.em_estimator import EMEstimator
from gmmkit.estimators.factor_transformer import FactorTransformer
from gmmkit.execution import Workers
from gmmkit.inference.algorithm import Progress
from gmmkit.inference.factor_fit import NOISES, NoiseName, check_sizes, fit_factors
from gmmkit.inference.factor_start import factor_starts
from gmmkit.inference.result import FitResult
from gmmkit.inference.starts import Start
from gmmkit.model.covariance import FACTORS, Factor
from gmmkit.model.mixture import Mixture

__all__ = ["MixtureOfFactorAnalyzers"]


class MixtureOfFactorAnalyzers(FactorTransformer, EMEstimator):
    """A mixture of Gaussians with low-rank covariances, ``Λ_k Λ_kᵀ + Ψ_k``: dimension reduction and clusters at once.

    Each component has `n_factors` directions of its own, and noise. Nothing of columns × columns is made, so that
    images, spectra and gene expressions of thousands of columns can be fitted. With one component it is factor analysis
    (``noise="diagonal"``) or probabilistic principal component analysis (``noise="isotropic"``).

    Parameters
    ----------
    n_components : int, default=1
    n_factors : int, default=1
        Fewer than there are columns.
    noise : {"diagonal", "isotropic", "shared-diagonal", "shared-isotropic"}, default="diagonal"
        What each column varies by itself: a variance for each column and component (factor analysers; nothing changes
        where columns are scaled), one variance for each component (principal component analysers, for columns of one
        unit; nothing changes where they are turned), or the same in all components. Where columns are constant within
        some components, as pixels are, diagonal noise shrinks to what the regularisation leaves and says so:
        "isotropic" noise does not.
    tol : float, default=1e-3
        Convergence: change of the objective, per row.
    reg_covar : "auto" or float, default="auto"
        What holds noise variances up. "auto": a millionth of the data's variances, as a prior. A number is added to
        them after each pass.
    max_iter : int, default=100
    n_init : int, default=1
        Starts; the best is kept. Of one component every start by name is the same: the further ones begin with
        loadings at random, since factor analysis may end in one of several optima.
    init_params : str, default="kmeans"
        As of :class:`GaussianMixture`, with columns in units of their standard deviations where noise is diagonal;
        loadings begin along each component's principal axes.
    random_state : int, RandomState or None, default=None
    verbose : int, default=0
    verbose_interval : int, default=10
    n_jobs : int or None, default=None
        Threads; the answer is the same for any number.
    callback : callable, optional
        Called with a `Progress` after each pass.
    on_singular : {"auto", "floor", "reseed", "drop", "raise"}, default="auto"
    acceleration : "squarem" or None, default=None
        "squarem": every third step is stretched where that raises the objective. Factor analysis is slow where a noise
        variance goes to zero: there it saves most of the passes.

    Attributes
    ----------
    weights_ : ndarray of shape (k,)
    means_ : ndarray of shape (k, d)
    loadings_ : ndarray of shape (k, d, q)
        Λ, with ``Λᵀ Ψ⁻¹ Λ`` diagonal, the largest first.
    noise_variance_ : ndarray of shape (k, d)
        The diagonals of Ψ.
    communalities_ : ndarray of shape (k, d)
        The share of each column's variance that factors explain.
    mixture_ : Mixture
    converged_ : bool
    n_iter_ : int
    lower_bound_ : float
        Penalised log-likelihood per unit of weight at the last pass, in nats.
    lower_bounds_ : list of float
    fit_result_ : FitResult
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    See Also
    --------
    MixtureOfFactorAnalyzersSearch : the numbers of components and factors by BIC.

    Notes
    -----
    `transform` gives posterior means: of c_k, whether the row is of component k, and of c_k f, its factors if it is. In
    these the model is linear, so that `inverse_transform` gives the posterior mean of the row without its noise.

    Examples
    --------
    >>> import numpy as np
    >>> from gmmkit import MixtureOfFactorAnalyzers
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2)) @ rng.normal(size=(2, 20)) + 0.1 * rng.normal(size=(500, 20))
    >>> fa = MixtureOfFactorAnalyzers(n_factors=2).fit(X)
    >>> Z = fa.transform(X)
    >>> Z.shape, bool(abs(fa.inverse_transform(Z) - X).std() < 0.11)
    ((500, 2), True)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **EMEstimator._parameter_constraints,
        "n_factors": [Interval(Integral, 1, None, closed="left")],
        "noise": [StrOptions(set(NOISES))],
    }

    def __init__(
        self,
        n_components: int = 1,
        n_factors: int = 1,
        *,
        noise: NoiseName = "diagonal",
        tol: float = 1e-3,
        reg_covar: float | Literal["auto"] = "auto",
        max_iter: int = 100,
        n_init: int = 1,
        init_params: str = "kmeans",
        random_state: Any = None,
        verbose: int = 0,
        verbose_interval: int = 10,
        n_jobs: int | None = None,
        callback: Callable[[Progress], object] | None = None,
        on_singular: str = "auto",
        acceleration: Literal["squarem"] | None = None,
    ) -> None:
        self.n_components = n_components
        self.n_factors = n_factors
        self.noise = noise
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.random_state = random_state
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.n_jobs = n_jobs
        self.callback = callback
        self.on_singular = on_singular
        self.acceleration = acceleration

    def _fitted(self, table: Table, start: Any) -> tuple[FitResult, str | None]:
        check_sizes(table, self.n_components, self.n_factors)
        settings, starts = replace(self._settings(), n_factors=self.n_factors), self._starts(table, start)
        with Workers(self.n_jobs) as workers:
            result = fit_factors(table, NOISES[self.noise], starts, settings, workers, reorder=start is None)
        return result, None

    @property
    def mixture_(self) -> Mixture:
        """The fitted mixture as a value."""
        check_is_fitted(self)
        mixture: Mixture = self.fit_result_.mixture
        return mixture

    def set_result(self, result: FitResult, dtype: type[np.floating[Any]] = np.float64) -> Self:
        """Set the attributes of a fit made elsewhere (a search, a model file); returns self."""
        covariance = result.mixture.covariance
        if not isinstance(covariance, Factor):
            raise ParameterError(
                f"the result is of {result.mixture.covariance_type!r} covariances, which have no factors"
            )
        super().set_result(result, dtype)
        self.loadings_ = covariance.loadings.astype(dtype)
        self.noise_variance_ = covariance.noise.astype(dtype)
        return self

    def _starts(self, table: Table, start: Any) -> list[Start]:
        k, d = self.n_components, table.n_columns
        if start is None:
            return factor_starts(self.init_params, k, self.n_init, self.n_factors)  # type: ignore[arg-type]
        if self.n_init > 1:
            raise ParameterError("start cannot be combined with n_init > 1: give one of them")
        return [given.start_from(start, FACTORS[NOISES[self.noise]].name, k, table.n_rows, d, self.n_factors)]
