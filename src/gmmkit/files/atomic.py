"""Writing a file so that a reader sees the old one or the new one, whole, and never anything else."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable
from typing import NoReturn

__all__ = ["write_atomically"]


def write_atomically(path: str | os.PathLike[str], parts: Iterable[bytes | memoryview]) -> None:
    """Write the parts, one after the other, as the whole content of a file.

    They go to a temporary file in the same directory, which is flushed to the disk and then takes the
    place of `path`. On any failure the temporary file is removed and what stood at `path` is untouched.
    Permissions follow the umask; a symbolic link stays and its target is replaced.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write.
    parts : iterable of bytes or memoryview
        Its content, in order.

    Raises
    ------
    OSError
        The directory is missing or not writable, `path` is a directory or a device, the disk is full …;
        `errno` and `filename` are set, and the message is one line.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = pathlib.Path(folder) / "note.txt"
    ...     write_atomically(target, [b"one ", b"two"])
    ...     target.read_bytes()
    b'one two'
    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    _check_target(target, folder, os.fspath(path))
    # The name does not contain the target's, which may already be as long as the file system allows.
    temporary = os.path.join(folder, f".gmmkit-{os.urandom(8).hex()}.tmp")
    try:
        # Plain open, not mkstemp: the mode is 0666 less the umask, as for any file a user makes.
        with open(temporary, "xb") as stream:
            stream.writelines(parts)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            _refuse(error.errno or errno.EIO, error.strerror or str(error), os.fspath(path), error)
        raise
    _flush_directory(folder)


def _check_target(target: str, folder: str, path: str) -> None:
    if not os.path.isdir(folder):
        _refuse(errno.ENOENT, f"the folder {folder!r} does not exist; create it first", path)
    try:
        mode = os.stat(target).st_mode
    except OSError:
        return
    if stat.S_ISDIR(mode):
        _refuse(errno.EISDIR, "it is a folder; give the name of a file", path)
    if not stat.S_ISREG(mode):
        # Replacing a device or a pipe by a file is never what was meant.
        _refuse(errno.EINVAL, "it is a device, pipe or socket; give the name of a file", path)


def _refuse(number: int, what: str, path: str, cause: OSError | None = None) -> NoReturn:
    raise OSError(number, f"cannot write the file: {what}", path) from cause


def _flush_directory(folder: str) -> None:
    """Make the new name itself survive a power cut, where the system can: the file is whole either way."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
