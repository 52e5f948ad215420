"""Where errors end: the exit code of each kind, and the one line a person reads.

A user's mistake never shows a traceback; a bug shows one line, and the traceback with ``GMMKIT_DEBUG=1``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from enum import IntEnum
from functools import wraps
from typing import ParamSpec

import typer

from gmmkit.errors import (
    DataError,
    GmmkitError,
    GmmkitWarning,
    MissingDependencyError,
    ModelFormatError,
    ParameterError,
    SingularComponentError,
)

__all__ = [
    "Exit",
    "Interrupted",
    "NotConverged",
    "UsageError",
    "complain",
    "guarded",
    "hush",
    "plain_warnings",
    "remark",
]

P = ParamSpec("P")


class Exit(IntEnum):
    """Exit codes, the same for every verb."""

    DONE = 0
    BUG = 1
    USAGE = 2
    DATA = 3
    MODEL = 4
    NOT_CONVERGED = 5
    RESOURCES = 6
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class UsageError(GmmkitError):
    """The command cannot mean anything: an option's value, or a path to write to."""


class NotConverged(GmmkitError):  # noqa: N818 - an outcome that was asked to be an error
    """The fit did not converge and ``--strict`` was given."""


class Interrupted(GmmkitError):  # noqa: N818 - an outcome, not an error
    """Ctrl-C; what was saved is in the message."""


# The first class that fits decides.
_CODES: tuple[tuple[type[BaseException], Exit], ...] = (
    (NotConverged, Exit.NOT_CONVERGED),
    (Interrupted, Exit.INTERRUPTED),
    (ModelFormatError, Exit.MODEL),
    (DataError, Exit.DATA),
    (SingularComponentError, Exit.DATA),
    (UsageError, Exit.USAGE),
    (ParameterError, Exit.USAGE),
    (MissingDependencyError, Exit.USAGE),
    (MemoryError, Exit.RESOURCES),
    (OSError, Exit.RESOURCES),
)


def guarded(verb: Callable[P, None]) -> Callable[P, None]:
    """Return the verb with every error turned into one line on stderr and an exit code."""

    @wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            verb(*args, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:
            _silence(sys.stdout)
            raise typer.Exit(Exit.BROKEN_PIPE) from None
        except KeyboardInterrupt:
            complain("interrupted; nothing was written")
            raise typer.Exit(Exit.INTERRUPTED) from None
        except Exception as error:  # noqa: BLE001 - the last place where one can be caught
            if os.environ.get("GMMKIT_DEBUG"):
                traceback.print_exc()
            code = next((code for kind, code in _CODES if isinstance(error, kind)), Exit.BUG)
            complain(_in_words(error, code))
            raise typer.Exit(code) from None

    return run


class _Remarks:
    """Whether what is no error is said: not where --quiet was given."""

    hushed = False


def hush(quiet: bool) -> bool:
    """Say nothing but errors for the rest of the command, if `quiet`; returns it, as the option's callback."""
    _Remarks.hushed = quiet
    return quiet


def remark(message: str) -> None:
    """Write one line that is no error, a warning or a note, to stderr: nothing with --quiet."""
    if not _Remarks.hushed:
        complain(message)


def complain(message: str) -> None:
    """Write one line to stderr: an error."""
    # A name that is not UTF-8 must not hide the message that names it.
    line = f"gmmkit: {' '.join(message.split())}\n".encode(errors="backslashreplace").decode()
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(line)
        sys.stderr.flush()


@contextlib.contextmanager
def plain_warnings() -> Iterator[None]:
    """Show gmmkit's warnings as lines of their own, unless --quiet is given, and no others: not the user's business."""

    def show(message: Warning | str, category: type[Warning], *_place: object, **_more: object) -> None:
        if issubclass(category, GmmkitWarning):
            remark(f"warning: {message}")
        elif os.environ.get("GMMKIT_DEBUG"):
            complain(f"{category.__name__}: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _in_words(error: Exception, code: Exit) -> str:
    if code is Exit.BUG:
        return (
            f"a bug in gmmkit: {type(error).__name__}: {error}. Please report it with the command and the "
            "traceback, which GMMKIT_DEBUG=1 shows"
        )
    if isinstance(error, MemoryError):
        return (
            f"out of memory ({error or 'no more to be had'}): use fewer columns or components, or a simpler structure"
        )
    if isinstance(error, OSError) and not isinstance(error, GmmkitError):
        where = f"{error.filename}: " if error.filename is not None else ""
        full = " (the disk is full)" if error.errno == errno.ENOSPC and "space" not in str(error.strerror) else ""
        return f"{where}{error.strerror or error}{full}"
    return str(error)


def _silence(stream: object) -> None:
    """Point a stream whose reader has gone to nowhere, so that Python's last flush is silent too."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[attr-defined]
        os.close(nowhere)
