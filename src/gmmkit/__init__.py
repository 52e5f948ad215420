"""gmmkit: Gaussian mixture models, right, fast and pleasant.

Public names are imported when they are first used, so that ``import gmmkit`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "ConjugatePrior": "gmmkit.inference.conjugate",
    "Diagonal": "gmmkit.model.covariance",
    "Factor": "gmmkit.model.covariance",
    "Full": "gmmkit.model.covariance",
    "GaussianMixture": "gmmkit.estimators",
    "GaussianMixtureDensity": "gmmkit.estimators.stacked_density",
    "GaussianMixtureGenerator": "gmmkit.estimators.generator",
    "GaussianMixtureRegressor": "gmmkit.estimators.regressor",
    "GaussianMixtureClassifier": "gmmkit.estimators.classifier",
    "GaussianMixtureOutlierDetector": "gmmkit.estimators.outlier_detector",
    "GaussianMixtureSearch": "gmmkit.estimators",
    "Mixture": "gmmkit.model.mixture",
    "Noise": "gmmkit.model.noise",
    "MixtureClusterer": "gmmkit.estimators.clusterer",
    "MixtureOfFactorAnalyzers": "gmmkit.estimators.factor_analyzers",
    "MixtureOfFactorAnalyzersSearch": "gmmkit.estimators.factor_search",
    "PosteriorFeatures": "gmmkit.estimators.posterior_features",
    "SharedSpherical": "gmmkit.model.covariance",
    "Spherical": "gmmkit.model.covariance",
    "StudentMixture": "gmmkit.estimators",
    "Table": "gmmkit.data",
    "Tied": "gmmkit.model.covariance",
    "bootstrap": "gmmkit.selection.bootstrap",
    "discriminant_subspace": "gmmkit.model.discriminant",
    "describe_clusters": "gmmkit.selection.summary",
    "likelihood_ratio_test": "gmmkit.selection.likelihood_ratio",
    "load": "gmmkit.estimators.persistence",
    "merge_by_entropy": "gmmkit.selection.merging",
    "merge_by_misclassification": "gmmkit.selection.merging",
    "observed_information": "gmmkit.selection.information",
    "open_old_faithful": "gmmkit.data.faithful",
    "open_table": "gmmkit.data",
    "save": "gmmkit.estimators.persistence",
    "show_config": "gmmkit.configuration",
}

__all__ = [*_HOME, "__version__"]  # noqa: PLE0604

if TYPE_CHECKING:
    from gmmkit.configuration import show_config as show_config
    from gmmkit.data import Table as Table
    from gmmkit.data import open_table as open_table
    from gmmkit.data.faithful import open_old_faithful as open_old_faithful
    from gmmkit.estimators import GaussianMixture as GaussianMixture
    from gmmkit.estimators import GaussianMixtureSearch as GaussianMixtureSearch
    from gmmkit.estimators import StudentMixture as StudentMixture
    from gmmkit.estimators.classifier import GaussianMixtureClassifier as GaussianMixtureClassifier
    from gmmkit.estimators.clusterer import MixtureClusterer as MixtureClusterer
    from gmmkit.estimators.factor_analyzers import MixtureOfFactorAnalyzers as MixtureOfFactorAnalyzers
    from gmmkit.estimators.factor_search import MixtureOfFactorAnalyzersSearch as MixtureOfFactorAnalyzersSearch
    from gmmkit.estimators.generator import GaussianMixtureGenerator as GaussianMixtureGenerator
    from gmmkit.estimators.outlier_detector import GaussianMixtureOutlierDetector as GaussianMixtureOutlierDetector
    from gmmkit.estimators.persistence import load as load
    from gmmkit.estimators.persistence import save as save
    from gmmkit.estimators.posterior_features import PosteriorFeatures as PosteriorFeatures
    from gmmkit.estimators.regressor import GaussianMixtureRegressor as GaussianMixtureRegressor
    from gmmkit.estimators.stacked_density import GaussianMixtureDensity as GaussianMixtureDensity
    from gmmkit.inference.conjugate import ConjugatePrior as ConjugatePrior
    from gmmkit.model.covariance import Diagonal as Diagonal
    from gmmkit.model.covariance import Factor as Factor
    from gmmkit.model.covariance import Full as Full
    from gmmkit.model.covariance import SharedSpherical as SharedSpherical
    from gmmkit.model.covariance import Spherical as Spherical
    from gmmkit.model.covariance import Tied as Tied
    from gmmkit.model.discriminant import discriminant_subspace as discriminant_subspace
    from gmmkit.model.mixture import Mixture as Mixture
    from gmmkit.model.noise import Noise as Noise
    from gmmkit.selection.bootstrap import bootstrap as bootstrap
    from gmmkit.selection.information import observed_information as observed_information
    from gmmkit.selection.likelihood_ratio import likelihood_ratio_test as likelihood_ratio_test
    from gmmkit.selection.merging import merge_by_entropy as merge_by_entropy
    from gmmkit.selection.merging import merge_by_misclassification as merge_by_misclassification
    from gmmkit.selection.summary import describe_clusters as describe_clusters


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("gmmkit")
    if name not in _HOME:
        raise AttributeError(f"module 'gmmkit' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
