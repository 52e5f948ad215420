"""Rows in a binary file, read by position into fresh memory.

Reading by position needs no lock and moves no file pointer, so any number of threads can do it at once;
and, unlike the pages of a memory map, what has been read and dropped does not count as memory in use.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
import weakref
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["FileRows", "Spool"]


class FileRows:
    """Rows stored one after the other in a file.

    Parameters
    ----------
    file : binary file
        Open for reading; closed when the source is dropped.
    offset : int
        Bytes before row 0.
    n_rows, n_columns : int
        Shape of the rows.
    dtype : dtype
        Type of each value.
    """

    def __init__(self, file: BinaryIO, offset: int, n_rows: int, n_columns: int, dtype: np.dtype[Any]) -> None:
        self._file = file
        self._offset = offset
        self._lock = threading.Lock()
        self.n_rows = n_rows
        self.n_columns = n_columns
        self.dtype = dtype
        weakref.finalize(self, file.close)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows ``start`` to ``stop - 1`` in an array of their own."""
        start, stop, _ = slice(start, stop).indices(self.n_rows)
        rows = np.empty((max(0, stop - start), self.n_columns), self.dtype)
        if rows.size:
            position = self._offset + start * self.n_columns * self.dtype.itemsize
            self._fill(rows.data.cast("B"), position)
        return rows

    def _fill(self, buffer: memoryview, position: int) -> None:
        while buffer:
            n_bytes = self._read_into(buffer, position)
            if n_bytes == 0:
                raise OSError(
                    errno.EIO,
                    f"the file of rows ends at byte {position}; it was shortened while it was being read",
                )
            buffer = buffer[n_bytes:]
            position += n_bytes

    def _read_into(self, buffer: memoryview, position: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [buffer], position)
        with self._lock:  # Windows
            self._file.seek(position)
            return self._file.readinto(buffer)  # type: ignore[attr-defined,no-any-return]


class Spool(FileRows):
    """A temporary, unnamed file that rows are appended to once and read from many times.

    The file has no name, so nothing is left behind however the process ends.

    Parameters
    ----------
    n_columns : int
        Number of columns of every block appended.
    expected_rows : int
        Rows to come, where it is known: they are refused before the work starts if there is no room for them.

    Raises
    ------
    OSError
        If the temporary directory cannot be used or is too small; the message names it.

    Examples
    --------
    >>> spool = Spool(2)
    >>> spool.append(np.array([[1, 2], [3, 4]]))
    >>> spool.append(np.array([[5.0, 6.0]]))
    >>> spool.read(1, 3)
    array([[3., 4.],
           [5., 6.]])
    """

    def __init__(self, n_columns: int, expected_rows: int = 0) -> None:
        try:
            _check_room(8 * n_columns * expected_rows)
            file = tempfile.TemporaryFile(prefix="gmmkit-")  # noqa: SIM115 - closed with the source
        except OSError as error:
            raise _explained(error, 0) from error
        super().__init__(file, 0, 0, n_columns, np.dtype(np.float64))

    def expect(self, n_rows: int) -> None:
        """Refuse rows that are still to come if there is no room for them.

        Raises
        ------
        OSError
            If the temporary directory is too small; the message names it.
        """
        try:
            _check_room(8 * self.n_columns * n_rows)
        except OSError as error:
            raise _explained(error, self.n_rows) from error

    def append(self, rows: NDArray[Any]) -> None:
        """Write rows of shape (b, n_columns) after those already there.

        Raises
        ------
        OSError
            If the temporary directory is full; the message names it.
        """
        try:
            self._file.write(np.ascontiguousarray(rows, dtype=np.float64).data.cast("B"))
            # Reads go past Python's buffer.
            self._file.flush()
        except OSError as error:
            raise _explained(error, self.n_rows) from error
        self.n_rows += len(rows)


def _check_room(n_bytes: int) -> None:
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if n_bytes > free:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} ({n_bytes:,} bytes are needed, {free:,} are free)")


def _explained(error: OSError, n_rows: int) -> OSError:
    return OSError(
        error.errno,
        f"{error.strerror} while writing rows to a temporary file "
        f"in {tempfile.gettempdir()} (after {n_rows} rows); free some space there, or set the environment "
        "variable TMPDIR to a directory with more room",
    )
