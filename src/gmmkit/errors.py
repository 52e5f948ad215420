"""Exceptions and warnings. Each message says what was received, what is expected, what to do."""

from __future__ import annotations

__all__ = [
    "DataError",
    "GmmkitError",
    "GmmkitWarning",
    "IncompleteRowsWarning",
    "MissingDependencyError",
    "ModelFormatError",
    "ParameterError",
    "PrecisionWarning",
    "SingularComponentError",
    "SingularComponentWarning",
    "UnlabelledRowsWarning",
]


class GmmkitError(Exception):
    """Base class of every error that gmmkit raises on purpose."""


class DataError(GmmkitError, ValueError):
    """The rows cannot be used: the message names the file, the row and the column."""


class ParameterError(GmmkitError, ValueError):
    """A parameter of a mixture or of a fit has a value that means nothing."""


class ModelFormatError(GmmkitError, ValueError):
    """A model file is damaged, of another format, or asks for more than it holds."""


class MissingDependencyError(GmmkitError, ImportError):
    """An optional package is needed; the message gives the command that installs it."""


class SingularComponentError(GmmkitError, ValueError):
    """A component collapsed and ``on_singular="raise"`` (or ``reg_covar=0``) asked not to repair it.

    Attributes
    ----------
    asked : bool
        Whether ``on_singular="raise"`` asked for the error by name.
    """

    def __init__(self, message: str, *, asked: bool = False) -> None:
        super().__init__(message)
        self.asked = asked


class GmmkitWarning(UserWarning):
    """Base class of gmmkit's warnings."""


class SingularComponentWarning(GmmkitWarning):
    """A component, column or direction was degenerate and was repaired.

    Attributes
    ----------
    repairs : tuple of gmmkit.inference.repairs.Repair
        One record for each repair: component, column or direction, row and pass where known.
    """

    def __init__(self, message: str, repairs: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.repairs = repairs


class PrecisionWarning(GmmkitWarning):
    """Float32 was asked for, but the fit was computed in float64; the message says why."""


class IncompleteRowsWarning(GmmkitWarning):
    """Rows with missing values were left out of a fit; the message says how many."""


class UnlabelledRowsWarning(GmmkitWarning):
    """Rows labelled −1 were taken for rows of no known class without being asked; the message says how many."""
