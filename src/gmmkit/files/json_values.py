"""JSON values in a model file: written plainly and exactly, read strictly.

JSON has no infinity and no NaN. Both happen in a fit record (a lower bound starts at minus infinity), so
they are written as ``{"$float": "-inf"}``, ``"inf"`` or ``"nan"`` and come back as floats.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import NoReturn, TypeAlias

import numpy as np

from gmmkit.errors import ParameterError

__all__ = ["Json", "dumps", "loads", "plain", "shown"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_TAG = "$float"
_NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
_MAX_DEPTH = 32


def plain(value: object, where: str, depth: int = 0) -> Json:
    """Copy a value into plain Python: NumPy scalars, arrays and tuples become numbers and lists.

    Parameters
    ----------
    value : object
        What to copy.
    where : str
        What the value is, for the message, such as ``settings['tol']``.
    depth : int
        How many lists and mappings are around it.

    Raises
    ------
    ParameterError
        The value, or one inside it, cannot be held by JSON exactly.

    Examples
    --------
    >>> plain({"tol": np.float64(0.001), "shape": (2, 3)}, "settings")
    {'tol': 0.001, 'shape': [2, 3]}
    """
    if depth > _MAX_DEPTH:
        raise ParameterError(f"{where[:40]}… is nested more than {_MAX_DEPTH} deep: flatten it or leave it out")
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise ParameterError(f"{where} is an integer of more than 64 bits: give a smaller one")
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{where}[{place}]", depth + 1) for place, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {_key(key, where): plain(value[key], f"{where}[{shown(key)}]", depth + 1) for key in value}
    raise ParameterError(
        f"{where} is a {type(value).__name__}, which a model file cannot hold: "
        "give None, a truth value, a number, a text, or a list or dict of these"
    )


def dumps(value: Json) -> str:
    """Write a plain value as compact JSON, in the order it has."""
    return json.dumps(_tagged(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def loads(text: str) -> Json:
    """Read JSON, refusing what Python's reader lets pass: repeated keys, ``NaN``, numbers such as ``1e999``.

    Raises
    ------
    ValueError
        The text is not such JSON, or is nested too deeply to be read.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return plain(value, "it")


def shown(value: object, limit: int = 60) -> str:
    """Show a value that comes from a file on one short line, without control characters."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _text(value: str, where: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ParameterError(f"{where} = {shown(value)} is not Unicode: replace the half pair") from None
    return str.__str__(value)


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise ParameterError(f"{where} has the key {shown(key)}: keys are texts")
    if key == _TAG:
        raise ParameterError(f"{where} has the key {_TAG!r}, which model files use themselves: rename it")
    return _text(key, where)


def _tagged(value: Json) -> Json:
    if isinstance(value, float) and not math.isfinite(value):
        return {_TAG: repr(value)}
    if isinstance(value, list):
        return [_tagged(item) for item in value]
    if isinstance(value, dict):
        return {key: _tagged(item) for key, item in value.items()}
    return value


def _object(pairs: list[tuple[str, Json]]) -> Json:
    content = dict(pairs)
    if len(content) < len(pairs):
        (repeated, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {shown(repeated)} stands twice")
    if _TAG not in content:
        return content
    name = content[_TAG]
    if len(content) > 1 or not isinstance(name, str) or name not in _NOT_FINITE:
        raise ValueError(f"{shown(content)} is not a number")
    return _NOT_FINITE[name]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {shown(text)} is too large")
    return value
