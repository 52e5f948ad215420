"""Where results go: looked at before the work starts, so that no long fit ends with nowhere to write."""

from __future__ import annotations

import os
import shutil

from gmmkit.cli.boundary import UsageError

__all__ = ["MODEL", "PAGE", "check_output", "check_outputs", "check_room"]

#: How names of model files and of reports end.
MODEL, PAGE = (".gmm",), (".html", ".htm")


def check_output(option: str, path: str | None, *, ends: tuple[str, ...] = (), inputs: tuple[str, ...] = ()) -> None:
    """Raise if a file cannot be written at `path`, is named like another kind, or would replace one of the inputs.

    Parameters
    ----------
    option : str
        That gave the path.
    path : str or None
    ends : tuple of str
        Extensions of the kind of file that is written; none: any will do.
    inputs : tuple of str

    Raises
    ------
    UsageError
        The folder does not exist, the path is a folder or an input, or has another extension.
    OSError
        It may not be written.
    """
    if path is None:
        return
    if not path:
        raise UsageError(f"{option} is empty; give the name of a file")
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path) or path.endswith(os.sep):
        raise UsageError(f"{option} {path} is a folder; give the name of a file in it")
    if not os.path.isdir(folder):
        raise UsageError(f"{option} {path}: the folder {folder} does not exist; create it first")
    if os.path.exists(path) and not os.path.isfile(path):
        raise UsageError(f"{option} {path} is a device, pipe or socket; give the name of a file")
    for given in inputs:
        if given != "-" and os.path.exists(path) and os.path.exists(given) and os.path.samefile(path, given):
            raise UsageError(f"{option} {path} is also an input, which would be replaced; give another name")
    if ends and not path.lower().endswith(ends):
        raise UsageError(f"{option} {path}: unknown kind of file; expected a name that ends in {' or '.join(ends)}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(13, f"the folder {folder} may not be written; choose another for {option}", path)


def check_outputs(data: str, *, output: str | None, report: str | None, checkpoint: str | None = None) -> None:
    """Check every output of a command on some data; no two may be the same file."""
    used: dict[str, str] = {}
    for option, path, ends in (
        ("--output", output, MODEL),
        ("--report", report, PAGE),
        ("--checkpoint", checkpoint, MODEL),
    ):
        check_output(option, path, ends=ends, inputs=(data,))
        if path is not None and used.setdefault(os.path.realpath(path), option) != option:
            raise UsageError(f"{used[os.path.realpath(path)]} and {option} are both {path}; give them different names")


def check_room(path: str, n_bytes: int) -> None:
    """Raise OSError if the disk that `path` is on has less room than the file is sure to need."""
    free = shutil.disk_usage(os.path.dirname(os.path.realpath(path))).free
    if n_bytes > free:
        raise OSError(28, f"no room: at least {n_bytes:,} bytes are needed and {free:,} are free", path)
