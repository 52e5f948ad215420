"""The command that was given, as it can be given again."""

from __future__ import annotations

import shlex

import typer

__all__ = ["command_line"]


def command_line(context: typer.Context) -> str:
    """Return the command in the words of a shell."""
    return shlex.join(["gmmkit", *(context.obj or [])])
