"""What callers pass, checked before any work: numbers, shares, one of some names, numbers of columns and components.

Every message is one line that says what is expected, what was received and, where it is plain, what to give instead.
True and False are no numbers here: one that is passed for a number stands in the wrong place.
"""

from __future__ import annotations

import math
import operator
import reprlib
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError

__all__ = ["indices", "is_whole", "number", "numbers", "one_of", "partition", "share", "shown", "sizes", "whole"]

Name = TypeVar("Name", bound=str)

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


def shown(value: object) -> str:
    """Return how a value is written in a message: on one line, and not long."""
    return " ".join(_SHORT.repr(value).split())


def is_whole(value: object) -> bool:
    """Tell whether a value is a whole number by its type: 3.0 and True are not."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def whole(name: str, value: Any, least: int, most: int | None = None, *, why: str = "") -> int:
    """Return a whole number of at least `least`, and of at most `most`.

    Raises
    ------
    ParameterError
        If it is none; `why` tells where the bounds come from.

    Examples
    --------
    >>> whole("folds", "3", 2)
    Traceback (most recent call last):
    gmmkit.errors.ParameterError: folds must be a whole number of at least 2, but got '3': give 3
    """
    if is_whole(value) and value >= least and (most is None or value <= most):
        return int(value)
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    said = f", {why}," if why else ","
    raise ParameterError(f"{name} must be a whole number {bounds}{said} but got {shown(value)}{_instead(value, least)}")


def sizes(name: str, values: Iterable[Any]) -> list[int]:
    """Return whole numbers of at least 1 in order, each once.

    Raises
    ------
    ParameterError
        If there are none, or one is no such number.

    Examples
    --------
    >>> sizes("n_components", [3, 1, 3])
    [1, 3]
    """
    found = sorted({whole(name, value, 1) for value in values})
    if not found:
        raise ParameterError(f"{name} is empty: give at least one number")
    return found


def number(
    name: str, value: Any, *, least: float | None = None, above: float | None = None, below: float | None = None
) -> float:
    """Return a finite number within bounds.

    Raises
    ------
    ParameterError
        If it is none.

    Examples
    --------
    >>> number("tol", -1, least=0)
    Traceback (most recent call last):
    gmmkit.errors.ParameterError: tol must be a finite number of at least 0, but got -1
    """
    if (
        _is_real(value)
        and math.isfinite(value)
        and (least is None or value >= least)
        and (above is None or value > above)
        and (below is None or value < below)
    ):
        return float(value)
    bounds = [f"of at least {least:g}"] if least is not None else []
    bounds += [f"above {above:g}"] if above is not None else []
    bounds += [f"below {below:g}"] if below is not None else []
    within = f" {' and '.join(bounds)}" if bounds else ""
    raise ParameterError(f"{name} must be a finite number{within}, but got {shown(value)}")


def share(name: str, value: Any) -> float:
    """Return a number between 0 and 1, both excluded.

    Raises
    ------
    ParameterError
        If it is none.
    """
    if not (_is_real(value) and 0.0 < value < 1.0):
        raise ParameterError(f"{name} must be a number between 0 and 1, both excluded, but got {shown(value)}")
    return float(value)


def one_of(name: str, value: Any, options: Sequence[Name]) -> Name:
    """Return the one of some names that the value is.

    Raises
    ------
    ParameterError
        If it is none of them.
    """
    for option in options:
        if isinstance(value, str) and value == option:
            return option
    *others, last = (repr(str(option)) for option in options)
    raise ParameterError(f"{name} must be {', '.join(others)} or {last}, but got {shown(value)}")


def numbers(name: str, values: Any) -> NDArray[np.float64]:
    """Return an array of float64, a copy, of anything NumPy can read as numbers; they need not be finite.

    Raises
    ------
    ParameterError
        If it is text, or lists of unequal lengths.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind in "biufO":
            return np.array(array, dtype=np.float64)
    except (TypeError, ValueError):
        pass
    raise ParameterError(f"{name} must be numbers, in lists of equal lengths or an array, but got {shown(values)}")


def indices(name: str, values: Any, count: int) -> list[int]:
    """Return whole numbers from 0 to ``count - 1`` as a list.

    Raises
    ------
    ParameterError
        If one is none, or there is no list of them.
    """
    expected = f"{name} must be whole numbers from 0 to {count - 1}"
    try:
        listed = list(values)
    except TypeError:
        raise ParameterError(f"{expected}, in a list, but got {shown(values)}") from None
    for value in listed:
        if not is_whole(value):
            raise ParameterError(f"{expected}, but got {shown(value)}")
        if not 0 <= value < count:
            raise ParameterError(f"{name} must be from 0 to {count - 1}, but got {value}")
    return [int(value) for value in listed]


def partition(groups: Any, count: int) -> list[list[int]]:
    """Return groups that hold each of the components 0, …, ``count - 1`` once, as lists.

    Raises
    ------
    ParameterError
        If they do not, or one is empty.
    """
    example = "groups must be lists of component numbers, such as [[0, 2], [1]], but"
    try:
        listed = list(groups)
    except TypeError:
        raise ParameterError(f"{example} got {shown(groups)}") from None
    seen: dict[int, int] = {}
    parts = []
    for place, group in enumerate(listed):
        try:
            part = [_component(component) for component in group]
        except TypeError:
            raise ParameterError(f"{example} group {place} is {shown(group)}") from None
        if not part:
            raise ParameterError(f"group {place} is empty: leave it out")
        for component in part:
            if not 0 <= component < count:
                raise ParameterError(f"group {place} names component {component}, but there are 0 to {count - 1}")
            if component in seen:
                raise ParameterError(
                    f"each component must be in one group, but component {component} comes twice "
                    f"(groups {seen[component]} and {place})"
                )
            seen[component] = place
        parts.append(part)
    missing = sorted(set(range(count)) - set(seen))
    if missing:
        raise ParameterError(
            f"each component must be in one group, but component {missing[0]} is in none: "
            f"a group of its own, [{missing[0]}], keeps it as it is"
        )
    return parts


def _is_real(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _component(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError("True and False number no component")
    return operator.index(value)


def _instead(value: object, least: int) -> str:
    """Return what to give for a number of another type: 99.0 and "99" mean 99."""
    if isinstance(value, bool) or not isinstance(value, (str, Real)):
        return ""
    try:
        meant = float(value)
    except ValueError:
        return ""
    return f": give {int(meant)}" if meant.is_integer() and meant >= least and not is_whole(value) else ""
