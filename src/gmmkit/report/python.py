"""Values, calls and settings as Python writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from gmmkit.inference.conjugate import ConjugatePrior

__all__ = ["INDENT", "WIDE", "as_python", "call", "differing", "quoted", "sizes_of"]

#: How long a line may be, and how far the next are set in.
WIDE, INDENT = 88, "    "
_PRIOR = {field.name for field in fields(ConjugatePrior)}


def sizes_of(sizes: list[int]) -> str:
    """Return numbers as a range where they are one."""
    if len(sizes) == 1:
        return str(sizes[0])
    if sizes == list(range(sizes[0], sizes[-1] + 1)):
        return f"range({sizes[0]}, {sizes[-1] + 1})"
    return str(sizes)


def differing(settings: dict[str, Any], defaults: dict[str, Any]) -> list[str]:
    """Return the arguments of settings that are not the defaults, in their order."""
    return [
        f"{key}={as_python(settings[key])}"
        for key, default in defaults.items()
        if key in settings and _is_plain(settings[key]) and settings[key] != default
    ]


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return set(value) <= _PRIOR and all(map(_is_plain, value.values()))
    return all(map(_is_plain, value)) if isinstance(value, list) else isinstance(value, (str, int, float, type(None)))


def call(function: str, arguments: list[str]) -> str:
    """Return a call, an argument a line where it is long."""
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= WIDE:
        return line
    return "\n".join([f"{function}(", *(f"{INDENT}{argument}," for argument in arguments), ")"])


def as_python(value: Any) -> str:
    """Return a plain value, or a prior's settings, as Python writes it."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(map(as_python, value))}]"
    if isinstance(value, Mapping):
        return f"ConjugatePrior({', '.join(f'{name}={as_python(part)}' for name, part in value.items())})"
    return repr(value)


def quoted(text: str) -> str:
    """Return a text as Python writes it, in double quotes where that needs no escape."""
    written = repr(text)
    return f'"{written[1:-1]}"' if written[0] == "'" and '"' not in written and "\\'" not in written else written
