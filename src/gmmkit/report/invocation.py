"""What the command that made a model says of its data: the path, and options with a column's name."""

from __future__ import annotations

import os
import shlex

from gmmkit.files.record import ModelRecord

__all__ = ["option_of", "path_among", "path_of", "words_of"]


def words_of(record: ModelRecord) -> list[str]:
    """Return the words of the command that made a model; none if it is not known."""
    return _words(record.provenance.get("command"))


def option_of(record: ModelRecord, name: str) -> str | None:
    """Return what an option of that command was given."""
    words = words_of(record)
    for i, word in enumerate(words):
        if word == name and i + 1 < len(words):
            return words[i + 1]
        if word.startswith(f"{name}="):
            return word[len(name) + 1 :]
    return None


def path_of(record: ModelRecord) -> str | None:
    """Return the path of the data as that command has it, or else the file's name."""
    source = record.provenance.get("source")
    return path_among(record.provenance.get("command"), source) or source


def path_among(command: str | None, source: str | None) -> str | None:
    """Return the path of a file, by its name, as a command has it; None if it has none."""
    if source == "standard input":
        return "-"
    return next((word for word in _words(command)[2:] if os.path.basename(word) == source), None)


def _words(command: str | None) -> list[str]:
    try:
        return shlex.split(command or "")
    except ValueError:
        return []
