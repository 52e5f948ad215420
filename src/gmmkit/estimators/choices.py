"""What an estimator is given to choose from: one value or several, structures by their names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gmmkit.errors import ParameterError
from gmmkit.model.covariance import LOW_RANK
from gmmkit.model.covariance.catalogue import NAMES, family, structures_for
from gmmkit.numerics.arguments import shown

__all__ = ["listed", "structures_of"]


def listed(name: str, given: Any) -> list[Any]:
    """Return one value, or several, as a list.

    Raises
    ------
    ParameterError
        If they can be read only once: a fit must leave parameters as they were.

    Examples
    --------
    >>> listed("n_components", range(1, 4)), listed("n_components", 3)
    ([1, 2, 3], [3])
    """
    if hasattr(given, "__next__"):
        raise ParameterError(f"{name} is a {type(given).__name__}, which can be read only once: give a list or a range")
    return list(given) if isinstance(given, Iterable) else [given]


def structures_of(given: Any, n_columns: int, *, every: bool = True) -> list[str]:
    """Return the names of structures that are asked for, once each; "all" are all there are for so many columns.

    Parameters
    ----------
    given : str, or iterable of str
    n_columns : int
    every : bool, default=True
        Whether "all" may be asked for.

    Raises
    ------
    ParameterError
        If there are none, or one is unknown or not for so many columns.

    Examples
    --------
    >>> structures_of("full", 2), structures_of("all", 1)
    (['full'], ['E', 'V'])
    """
    expected = ("'all' or " if every else "") + f"some of {', '.join(NAMES)}"
    if every and isinstance(given, str) and given == "all":
        return list(structures_for(n_columns))
    wanted = [given] if isinstance(given, str) else list(given)
    if not wanted:
        raise ParameterError(f"covariance_type is empty: give {expected}")
    for name in wanted:
        # Those of low rank `family` refuses, and says what they need.
        if not isinstance(name, str) or name not in (*NAMES, *LOW_RANK):
            raise ParameterError(f"covariance_type must be {expected}, but got {shown(name)}")
        family(name, n_columns)
    return list(dict.fromkeys(wanted))
