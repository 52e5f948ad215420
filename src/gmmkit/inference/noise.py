"""A fit beside a uniform background: what is asked of it, and where it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gmmkit.inference.clutter import without_clutter
from gmmkit.inference.hull import Volume, region
from gmmkit.inference.problem import Problem
from gmmkit.model.noise import Noise

__all__ = ["Background", "open_background"]

# A background that starts with nothing stays nothing.
_LEAST = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """What is asked of a uniform background.

    Attributes
    ----------
    initial : True, float or array of bool (n,)
        Rows that are noise at first: those in sparse places; this share of them, the sparsest first; or these rows.
    volume : "auto", "hull", "box" or float
        See `gmmkit.inference.hull.region`.
    """

    initial: Any = True
    volume: Volume = "auto"


def open_background(problem: Problem, asked: Background) -> tuple[Problem, Noise]:
    """Return the problem of the rows that are not noise at first sight, and the noise, in the problem's frame.

    Raises
    ------
    ParameterError
        If flags are not one for each row, or leave nothing.
    DataError
        If the rows have no volume.
    """
    log_volume, corners = region(problem, asked.volume)
    clean, share = without_clutter(problem, asked.initial)
    return clean, Noise(max(share, _LEAST), -log_volume, corners)
