"""scikit-learn's own checks of an estimator, with no expected failures."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from gmmkit import (
    GaussianMixture,
    GaussianMixtureClassifier,
    GaussianMixtureDensity,
    GaussianMixtureGenerator,
    GaussianMixtureOutlierDetector,
    GaussianMixtureRegressor,
    GaussianMixtureSearch,
    MixtureOfFactorAnalyzers,
    MixtureOfFactorAnalyzersSearch,
    PosteriorFeatures,
    StudentMixture,
)

TYPES = ("full", "tied", "diag", "spherical")

#: Everything that is offered as a scikit-learn estimator.
ESTIMATORS = [
    *(GaussianMixture(k, covariance_type=covariance_type) for k in (1, 3) for covariance_type in TYPES),
    GaussianMixture(2, reg_covar=1e-6, n_init=2, init_params="random_from_data"),
    GaussianMixture(covariance_type="factor", n_factors=1),
    GaussianMixtureClassifier(),
    GaussianMixtureClassifier("MclustDA", n_components=[1, 2], covariance_type=["EII", "VVI"]),
    GaussianMixtureClassifier("pool", n_components=3, covariance_type="diag", shrinkage=0.1),
    GaussianMixtureSearch(),
    MixtureOfFactorAnalyzers(),
    MixtureOfFactorAnalyzers(2, noise="isotropic"),
    MixtureOfFactorAnalyzersSearch(n_factors=1, noise="isotropic", tol=1e-3),
    PosteriorFeatures(GaussianMixture(2, random_state=0)),
    GaussianMixtureDensity(),
    GaussianMixtureGenerator(GaussianMixture(2, random_state=0)),
    GaussianMixtureRegressor(),
    GaussianMixtureRegressor(GaussianMixture(2, random_state=0)),
    StudentMixture(2),
    StudentMixture(3, degrees_of_freedom="free", covariance_type="VEE"),
    GaussianMixtureOutlierDetector(),
    GaussianMixtureOutlierDetector(contamination=0.1),
    GaussianMixtureOutlierDetector(novelty=True, calibration="split"),
]


# The checks fit on few rows, and on constant ones: that such fits are repaired and said so is tested elsewhere.
@pytest.mark.filterwarnings("ignore::gmmkit.errors.SingularComponentWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::gmmkit.errors.IncompleteRowsWarning")
@pytest.mark.filterwarnings("ignore:no p-value from .* rows can be at most:gmmkit.errors.GmmkitWarning")
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_check(estimator, check):
    check(estimator)
