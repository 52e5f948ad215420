"""A fit beside a uniform background: what is asked of it, and where it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gmmkit.inference.clutter import without_clutter
from gmmkit.inference.hull import Volume, region
from gmmkit.inference.problem import Problem
from gmmkit.model.noise import Noise

__all__ = ["Background", "OpenedBackground", "open_background"]

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


@dataclass(frozen=True, slots=True, eq=False)
class OpenedBackground:
    """A background for the rows of a problem: the noise, in its frame, and the problem of the other rows."""

    noise: Noise
    clean: Problem


def open_background(problem: Problem, asked: Background) -> OpenedBackground:
    """Return the noise that a fit begins with, and the rows that its start is made of.

    Raises
    ------
    ParameterError
        If flags are not one for each row, or leave nothing.
    DataError
        If the rows have no volume.
    """
    log_volume, corners = region(problem, asked.volume)
    clean, share = without_clutter(problem, asked.initial)
    return OpenedBackground(Noise(max(share, _LEAST), -log_volume, corners), clean)
