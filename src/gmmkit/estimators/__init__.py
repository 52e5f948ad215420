"""The scikit-learn face of the engine: validation, messages, warnings, trailing underscores."""

from gmmkit.estimators.gaussian_mixture import GaussianMixture
from gmmkit.estimators.search import GaussianMixtureSearch

__all__ = ["GaussianMixture", "GaussianMixtureSearch"]
