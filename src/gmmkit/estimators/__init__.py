"""The scikit-learn face of the engine: validation, messages, warnings, trailing underscores."""

from gmmkit.estimators.gaussian_mixture import GaussianMixture
from gmmkit.estimators.search import GaussianMixtureSearch
from gmmkit.estimators.student_mixture import StudentMixture

__all__ = ["GaussianMixture", "GaussianMixtureSearch", "StudentMixture"]
