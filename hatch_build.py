"""Compile the optional kernel while gmmkit is built; without a C++ compiler, say so and go on.

The library is loaded by ctypes: it needs no Python headers and serves every Python version. Each instruction set has
an object file of its own; the plain one is linked first, so that code they share is code that every processor runs.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = Path(__file__).parent / "src" / "gmmkit" / "kernels" / "native"
LIBRARY = NATIVE / "_stack.so"
FLAGS = ["-std=c++17", "-O3", "-fPIC", "-fno-math-errno", "-ffp-contract=fast", "-Wno-psabi", "-pthread"]
# Compiled once for each instruction set.
SOURCES = ("dense", "dense_run", "stack", "truncated")
TARGETS = {
    "baseline": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512": ["-mavx512f", "-mavx512dq", "-mavx512vl", "-mfma", "-mprefer-vector-width=512"],
}


class NativeKernel(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the compiled kernel to a wheel, or leaves it out."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, if that can be done."""
        if self.target_name != "wheel":
            return
        reason = compile_library()
        if reason is not None:
            self.app.display_warning(f"gmmkit: no compiled kernel ({reason}); the NumPy engine does its work, slower")
            return
        build_data["artifacts"] += [
            str(place.relative_to(Path(self.root))) for place in (LIBRARY, checksum_of(LIBRARY))
        ]
        build_data["pure_python"] = False
        # Any Python 3, this platform: nothing of Python is linked.
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def compile_library(library: Path = LIBRARY, options: Sequence[str] = FLAGS) -> str | None:
    """Compile the library, by default beside its sources; return why not, or None."""
    try:
        for place in (library, checksum_of(library)):
            place.unlink(missing_ok=True)
    except OSError as error:
        return f"{library} cannot be written: {error}"
    compiler = find_compiler()
    if compiler is None:
        return "no C++ compiler was found; set CXX to one"
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    targets = TARGETS if x86 else {"baseline": []}
    flags = [*options, f'-DGMMKIT_SOURCES="{digest()}"', *(["-DGMMKIT_X86"] if x86 else [])]
    with tempfile.TemporaryDirectory() as folder:
        # Of functions that several objects hold the linker takes the first: plain ones stand before others.
        jobs = {"dispatch": [*compiler, *flags, "-c", str(NATIVE / "dispatch.cpp")]}
        jobs |= {
            f"{source}_{name}": [*compiler, *flags, *extra, f"-DTARGET={name}", "-c", str(NATIVE / f"{source}.cpp")]
            for name, extra in targets.items()
            for source in SOURCES
        }
        objects = [Path(folder) / f"{name}.o" for name in jobs]
        try:
            running = [
                subprocess.Popen([*command, "-o", str(place)], stderr=subprocess.PIPE, text=True)
                for command, place in zip(jobs.values(), objects, strict=True)
            ]
            messages = [process.communicate()[1] for process in running]
            if any(process.returncode for process in running):
                said = [message for process, message in zip(running, messages, strict=True) if process.returncode]
                lines = "".join(said).strip().splitlines() or ["no reason given"]
                return f"the compiler failed: {lines[0]}"
            built = Path(folder) / library.name
            link = [*compiler, *options, "-shared", *map(str, objects), "-o", str(built)]
            linked = subprocess.run(link, capture_output=True, text=True, check=False)
            if linked.returncode:
                return f"the linker failed: {(linked.stderr.strip().splitlines() or ['no reason given'])[0]}"
        except OSError as error:
            return f"the compiler could not be run: {error}"
        checksum = f"{zlib.crc32(built.read_bytes()):08x}\n"
        shutil.move(built, library)
        checksum_of(library).write_text(checksum)
    return None


def checksum_of(library: Path) -> Path:
    """Return where a library's checksum stands: one that is damaged would end the process that loads it."""
    return library.with_suffix(".crc")


def find_compiler() -> list[str] | None:
    """Return the command of a C++ compiler, or None."""
    if sys.platform == "win32":
        return None
    if os.environ.get("CXX"):
        return shlex.split(os.environ["CXX"])
    for name in ("g++", "clang++", "c++"):
        if (found := shutil.which(name)) is not None:
            return [found]
    return None


def digest() -> str:
    """Return what the sources are, so that a library of others is not used."""
    total = hashlib.sha256()
    for source in sorted(NATIVE.glob("*.?pp")):
        total.update(source.read_bytes())
    return total.hexdigest()[:16]
