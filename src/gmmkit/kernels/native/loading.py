"""The compiled kernel's library: found, checked and loaded once, or why not.

What is not whole, not of these sources, or not for this processor is left where it is, told, and NumPy does the work.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import struct
import warnings
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from gmmkit.errors import GmmkitWarning

__all__ = ["INSTRUCTION_SETS", "LIBRARY", "load"]

#: What the kernel is compiled for, each a part of the next; codes are places in this list.
INSTRUCTION_SETS = ("baseline", "avx2", "avx512")
LIBRARY = Path(__file__).with_name("_stack.so")

_AGAIN = "build gmmkit again (pip install --force-reinstall, or make clean demo in a clone)"


@lru_cache(maxsize=1)
def load(declare: Callable[[ctypes.CDLL], None]) -> tuple[ctypes.CDLL | None, str | None]:
    """Return the library, its functions declared, or None and the reason.

    Where there is a library that cannot be used, somebody believes that it is: they are warned, once.
    """
    if not LIBRARY.exists():
        return None, f"{LIBRARY.name} is missing (built without a C++ compiler?): install one and {_AGAIN}"
    library, reason = _opened(declare)
    if reason is not None:
        warnings.warn(GmmkitWarning(f"{reason}; until then NumPy does the work"), stacklevel=2)
        return None, reason
    return library, None


def _opened(declare: Callable[[ctypes.CDLL], None]) -> tuple[ctypes.CDLL | None, str | None]:
    try:
        if (reason := _damage(LIBRARY)) is not None:
            return None, f"the compiled kernel cannot be loaded ({LIBRARY} {reason}): {_AGAIN}"
        library = ctypes.CDLL(str(LIBRARY))
        library.gmmkit_sources.restype = ctypes.c_char_p
        if library.gmmkit_sources().decode() != _digest():
            return None, f"the compiled kernel is of other sources than these: {_AGAIN}"
        declare(library)
        library.gmmkit_instruction_set.restype = library.gmmkit_use_instruction_set.restype = ctypes.c_int
    except (OSError, AttributeError) as error:
        return None, f"the compiled kernel cannot be loaded ({error}): {_AGAIN}"
    return library, _use(library, os.environ.get("GMMKIT_INSTRUCTION_SET", ""))


def _damage(path: Path) -> str | None:
    """Tell what is wrong with a file that the loader would map and then die of, where some of it is missing."""
    checksum = path.with_suffix(".crc")  # of the file as it was built; who changes it leaves that out
    if (cut := _cut(path)) is not None or not checksum.exists():
        return cut
    return None if checksum.read_text().strip() == f"{zlib.crc32(path.read_bytes()):08x}" else "is damaged"


def _cut(path: Path) -> str | None:
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(64)
        if head[:5] != b"\x7fELF\x02":  # of other systems' libraries their loaders say what is wrong
            return None
        if len(head) < 64:
            return "is cut short"
        order = "<" if head[5] == 1 else ">"
        (at,), (each, count) = struct.unpack_from(f"{order}Q", head, 32), struct.unpack_from(f"{order}2H", head, 54)
        stream.seek(at)
        table = stream.read(each * count)
    if each < 56 or len(table) < each * count:
        return "is cut short"
    # Of each segment: where it begins in the file, and how long it is there.
    segments = (struct.unpack_from(f"{order}8xQ16xQ", table, i * each) for i in range(count))
    return "is cut short" if max(map(sum, segments), default=0) > size else None


def _digest() -> str:
    total = hashlib.sha256()
    for source in sorted(LIBRARY.parent.glob("*.?pp")):
        total.update(source.read_bytes())
    return total.hexdigest()[:16]


def _use(library: ctypes.CDLL, asked: str) -> str | None:
    """Choose the form that was asked for, if one was; return why that cannot be."""
    if not asked:
        return None
    wrong, asked = f"GMMKIT_INSTRUCTION_SET is {asked!r}, but ", asked.lower()
    if asked not in INSTRUCTION_SETS:
        return f"{wrong}must be one of {', '.join(INSTRUCTION_SETS)}: correct it, or unset it for the best"
    if library.gmmkit_use_instruction_set(INSTRUCTION_SETS.index(asked)):
        best = INSTRUCTION_SETS[library.gmmkit_instruction_set()]
        return f"{wrong}this processor has {best} at most: ask for that, or unset it for the best"
    return None
