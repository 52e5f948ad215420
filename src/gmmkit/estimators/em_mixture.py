"""What mixtures of the catalogue's covariances share, Gaussian or Student: parameters, starts, and attributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from gmmkit.data import Table
from gmmkit.errors import ParameterError
from gmmkit.estimators import given
from gmmkit.estimators.em_estimator import EMEstimator
from gmmkit.estimators.validation import float_type
from gmmkit.execution import Workers
from gmmkit.inference.algorithm import Progress
from gmmkit.inference.conjugate import ConjugatePrior
from gmmkit.inference.factor_fit import check_sizes
from gmmkit.inference.factor_start import factor_starts
from gmmkit.inference.fit import FitResult, fit
from gmmkit.inference.hull import Volume
from gmmkit.inference.precision import FAR, SMALL, why_double
from gmmkit.inference.problem import Problem
from gmmkit.inference.starts import FromMixture, Overridden, Start
from gmmkit.inference.student import Degrees
from gmmkit.inference.survey import survey
from gmmkit.inference.truncated_start import named_start, truncated_to
from gmmkit.inference.warm_up import MiniBatches
from gmmkit.model.covariance import LOW_RANK, NAMES, Factor, family
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.lazy import lazy

__all__ = ["EMMixture"]


class EMMixture(EMEstimator):
    """An estimator whose mixture is fitted by EM; `GaussianMixture` tells the parameters and attributes."""

    degrees_of_freedom_: NDArray[np.floating[Any]]

    # In the order of the parameters, in which scikit-learn looks at them.
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **EMEstimator._parameter_constraints,
        "covariance_type": [StrOptions(set(NAMES))],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "weights_init": ["array-like", None],
        "means_init": ["array-like", None],
        "precisions_init": ["array-like", None],
        "warm_start": ["boolean"],
        "prior": [StrOptions({"conjugate"}), ConjugatePrior, None],
        "equal_weights": ["boolean"],
        "noise": ["boolean", Interval(Real, 0.0, 1.0, closed="neither"), "array-like", None],
        "noise_volume": [StrOptions({"auto", "hull", "box"}), Interval(Real, 0.0, None, closed="neither")],
        "warm_up": [StrOptions({"mini-batch"}), None],
        "n_init_stop": [StrOptions({"dominated"}), None],
        "truncation": [Interval(Integral, 1, None, closed="left"), None],
        "n_factors": [Interval(Integral, 1, None, closed="left"), None],
        "dtype": [object],  # checked by `given.checked_dtype`
    }
    #: What components are: None for Gaussians.
    degrees_of_freedom: Degrees | None = None

    def __init__(
        self,
        n_components: int = 1,
        *,
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
        truncation: int | None = None,
        n_factors: int | None = None,
        dtype: Any = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.n_jobs = n_jobs
        self.callback = callback
        self.on_singular = on_singular
        self.prior = prior
        self.equal_weights = equal_weights
        self.noise = noise
        self.noise_volume = noise_volume
        self.acceleration = acceleration
        self.warm_up = warm_up
        self.n_init_stop = n_init_stop
        self.truncation = truncation
        self.n_factors = n_factors
        self.dtype = dtype

    def _fitted(self, table: Table, start: Any) -> tuple[FitResult, str | None]:
        if table.n_rows < self.n_components:
            raise ParameterError(
                f"Expected n_samples >= n_components but got n_components = {self.n_components}, "
                f"n_samples = {table.n_rows}"
            )
        given.check_factors(self, self.covariance_type, self.n_factors)
        if self.n_factors is not None:
            check_sizes(table, self.n_components, self.n_factors)
        dtype = float_type(table) if self.dtype is None else given.checked_dtype(self.dtype)
        starts, reorder, before = self._starts(table, start)
        if np.ndim(self.degrees_of_freedom):  # type: ignore[arg-type]
            reorder = False  # each component keeps the one that it was given
        settings = replace(
            self._settings(),
            before=before,
            prior=ConjugatePrior() if self.prior == "conjugate" else self.prior,
            equal_weights=self.equal_weights,
            degrees_of_freedom=self.degrees_of_freedom,
            noise=given.background_of(self.noise, self.noise_volume),
            warm_up=None if self.warm_up is None else MiniBatches(),
            stop_dominated=self.n_init_stop is not None,
            truncation=truncated_to(self.truncation, self.n_components),
            n_factors=self.n_factors,
        )
        # Of factors, the problem is that of fitting their noise.
        gathers = self.covariance_type if self.n_factors is None else LOW_RANK[self.covariance_type].structure
        structure = family(gathers, table.n_columns)
        why = why_double(table, structure, settings, self.n_components)
        with Workers(self.n_jobs) as workers:
            single = dtype == np.float32 and why is None
            problem = Problem(table, structure, survey(table, workers), workers, single=single)
            result = fit(problem, starts, settings, reorder=reorder)
        asked = self.dtype is not None and dtype == np.float32 and self.max_iter > 0
        return result, (why or FAR) if asked and result.precision != "float32" and why is not SMALL else None

    @property
    def mixture_(self) -> Mixture:
        """The fitted mixture as a value; built anew if the attributes were changed by hand."""
        check_is_fitted(self)
        known: Mixture | None = getattr(self, "_mixture", None)
        if known is not None and self._agrees(known):
            return known
        result: FitResult | None = getattr(self, "fit_result_", None)
        self._mixture = Mixture.from_arrays(
            self.weights_,
            self.means_,
            self._covariance_values(),
            covariance_type=self.covariance_type,
            degrees_of_freedom=getattr(self, "degrees_of_freedom_", None),
            noise=None if result is None else result.mixture.noise,
        )
        return self._mixture

    # Computed where they are asked for: they would take as much memory again as the model, and time of a tiny fit.

    @lazy
    def covariances_(self) -> NDArray[np.floating[Any]]:
        """Covariances, in the family's shape; of factors written out, (k, d, d), once they are asked for."""
        if "loadings_" not in vars(self):
            raise AttributeError(f"this {type(self).__name__} has no covariances_: fit it, or set them")
        return self.mixture_.covariance.dense().astype(np.asarray(self.loadings_).dtype)

    @lazy
    def precisions_cholesky_(self) -> NDArray[np.floating[Any]]:
        """U with ``U Uᵀ = Σ⁻¹`` for each component, in the shape of ``covariances_``."""
        return self.mixture_.covariance.precision_factor().astype(np.asarray(self.means_).dtype)

    @lazy
    def precisions_(self) -> NDArray[np.floating[Any]]:
        """Inverse covariances, in the shape of ``covariances_``."""
        factor = self.precisions_cholesky_
        independent = self.mixture_.covariance.independent_columns
        return np.asarray(factor**2 if independent else factor @ np.swapaxes(factor, -1, -2))

    @property
    def noise_weight_(self) -> float:
        """The share of the rows that is noise: 0 where none was asked for."""
        noise = self.mixture_.noise
        return 0.0 if noise is None else noise.weight

    def _starts(self, table: Table, start: Any) -> tuple[list[Start], bool, float]:
        """Return the starts to try, whether components may be put in order, and the bound known before."""
        k, d = self.n_components, table.n_columns
        inits = (self.weights_init, self.means_init, self.precisions_init)
        if self.equal_weights and self.weights_init is not None:
            raise ParameterError("equal_weights=True holds every weight at 1/k: leave out weights_init")
        weights = None if inits[0] is None else given.checked_weights(inits[0], k)
        means = None if inits[1] is None else given.checked_means(inits[1], k, d)
        covariance = None
        if inits[2] is not None:
            precisions = given.checked_precisions(inits[2], self.covariance_type, k, d)
            # Made when it is needed: the fit keeps it in other units.
            covariance = partial(given.covariance_from_precisions, precisions, self.covariance_type, k, d)
        if start is not None:
            if any(init is not None for init in inits) or self.n_init > 1 or self.warm_start:
                raise ParameterError(
                    "start cannot be combined with weights_init, means_init, precisions_init, n_init > 1 "
                    "or warm_start: give one of them"
                )
            known = given.start_from(start, self.covariance_type, k, table.n_rows, d, self.n_factors)
            return [known], False, -np.inf
        if self.warm_start and hasattr(self, "converged_"):
            mixture = self.mixture_
            if not given.agrees(mixture, self.covariance_type, k, d, self.n_factors):
                raise ParameterError(
                    f"warm_start cannot go on from {mixture!r} with {k} {self.covariance_type} components in "
                    f"{d} columns: fit a new estimator, or set warm_start=False"
                )
            return [FromMixture(mixture, reached=True)], False, self.lower_bound_
        if weights is not None and means is not None and covariance is not None:
            return [FromMixture(lambda: Mixture.trusted(weights, means, covariance()))], False, -np.inf
        named = [named_start(self.init_params, k, self.truncation)] * self.n_init
        if self.n_factors is not None:
            named = factor_starts(self.init_params, k, self.n_init, self.n_factors)  # type: ignore[arg-type]
        if weights is None and means is None and covariance is None:
            return named[: 1 if self.warm_start else None], True, -np.inf
        return [Overridden(one, weights, means, covariance) for one in named], False, -np.inf

    def set_result(self, result: FitResult, dtype: type[np.floating[Any]] = np.float64) -> Self:
        """Set the attributes of a fit made elsewhere (a search, a model file); returns self."""
        super().set_result(result, dtype)
        mixture = result.mixture
        self._mixture = mixture
        for name in ("covariances_", "precisions_cholesky_", "precisions_", "loadings_", "noise_variance_"):
            self.__dict__.pop(name, None)  # of the model before
        if isinstance(mixture.covariance, Factor):
            self.loadings_ = mixture.covariance.loadings.astype(dtype)
            self.noise_variance_ = mixture.covariance.noise.astype(dtype)
        else:
            self.covariances_ = _held(mixture.covariances, dtype)
        if mixture.degrees_of_freedom is not None:
            self.degrees_of_freedom_ = mixture.degrees_of_freedom.astype(dtype)
        return self

    def _covariance_values(self) -> NDArray[np.floating[Any]]:
        """Return the covariances' parameters as they stand in the attributes."""
        if self.covariance_type in LOW_RANK:
            return np.concatenate([self.loadings_, np.asarray(self.noise_variance_)[:, :, None]], axis=2)
        return np.asarray(self.covariances_)

    def _agrees(self, mixture: Mixture) -> bool:
        pairs = [
            (self.weights_, mixture.weights),
            (self.means_, mixture.means),
            (self._covariance_values(), mixture.covariances),
        ]
        if mixture.degrees_of_freedom is not None:
            pairs.append((self.degrees_of_freedom_, mixture.degrees_of_freedom))
        return all(
            np.shape(ours) == known.shape and np.array_equal(ours, known.astype(np.asarray(ours).dtype))
            for ours, known in pairs
        )

    def _n_parameters(self) -> int:
        """Return the number of parameters that were free in the fit (scikit-learn's name)."""
        result: FitResult | None = getattr(self, "fit_result_", None)
        held = 0 if result is None else result.mixture.n_parameters - result.n_parameters
        return self.mixture_.n_parameters - held


def _held(values: NDArray[np.float64], dtype: type[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return values as `dtype`, or as they are where it makes infinities or zeros of them."""
    with np.errstate(over="ignore", under="ignore"):
        found = values.astype(dtype)
    return found if np.isfinite(found).all() and np.array_equal(found == 0, values == 0) else values
