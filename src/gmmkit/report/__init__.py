"""The report of a model: one HTML file, for people who were not there."""

from __future__ import annotations

from gmmkit.report.page import render_report, write_report
from gmmkit.report.reproduce import python_of

__all__ = ["python_of", "render_report", "write_report"]
