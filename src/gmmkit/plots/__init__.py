"""Pictures of mixtures and of fits: matplotlib Axes for a notebook, SVG for a page.

No picture touches pyplot, a window or the global settings; each takes ``theme="light"`` or ``"dark"``.
"""

from __future__ import annotations

from gmmkit.plots.classification import plot_classification
from gmmkit.plots.compared import plot_compared
from gmmkit.plots.confusion import plot_confusion
from gmmkit.plots.convergence import plot_convergence
from gmmkit.plots.criterion import plot_criterion
from gmmkit.plots.density import plot_density
from gmmkit.plots.factors import plot_factors
from gmmkit.plots.intervals import plot_intervals
from gmmkit.plots.likelihood_ratio import plot_likelihood_ratio
from gmmkit.plots.merging import plot_merge_curve, plot_merge_tree
from gmmkit.plots.predicted import plot_predicted
from gmmkit.plots.reasons import plot_reasons
from gmmkit.plots.regression import plot_regression
from gmmkit.plots.scores import plot_scores
from gmmkit.plots.style import DARK, LIGHT, THEMES, Theme, ThemeName, component_style
from gmmkit.plots.svg import to_svg
from gmmkit.plots.uncertainty import plot_uncertainty
from gmmkit.plots.uniform import plot_uniform

__all__ = [
    "DARK",
    "LIGHT",
    "THEMES",
    "Theme",
    "ThemeName",
    "component_style",
    "plot_classification",
    "plot_compared",
    "plot_confusion",
    "plot_convergence",
    "plot_criterion",
    "plot_density",
    "plot_factors",
    "plot_intervals",
    "plot_likelihood_ratio",
    "plot_merge_curve",
    "plot_merge_tree",
    "plot_predicted",
    "plot_reasons",
    "plot_regression",
    "plot_scores",
    "plot_uncertainty",
    "plot_uniform",
    "to_svg",
]
