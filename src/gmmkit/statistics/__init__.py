"""Sufficient statistics: values that add."""

from gmmkit.statistics.moments import Compact, Contraction, Statistics

__all__ = ["Compact", "Contraction", "Statistics"]
