"""Sufficient statistics: values that add."""

from gmmkit.statistics.moments import Contraction, Statistics

__all__ = ["Contraction", "Statistics"]
