"""C++ programs of the benchmarks, compiled for this processor when they are needed."""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-DNDEBUG")


class MissingError(Exception):
    """Something this machine does not have; the message says what, and how to get it."""


@functools.cache
def folder() -> tempfile.TemporaryDirectory[str]:
    """Return this process's folder of programs, which goes when the process ends."""
    return tempfile.TemporaryDirectory(prefix="gmmkit-benchmarks-")


@functools.cache
def program(source: Path, *libraries: str) -> Path:
    """Return the program that `source` compiles to; raise `MissingError` where it does not."""
    asked = os.environ.get("CXX")
    compiler = shlex.split(asked) if asked else [name for name in ("g++", "clang++", "c++") if shutil.which(name)][:1]
    if not compiler:
        raise MissingError("no C++ compiler was found; install g++ or clang++, or set CXX to one")
    built = Path(folder().name, source.stem)
    command = [*compiler, *FLAGS, str(source), "-o", str(built), *libraries]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise MissingError(f"the compiler could not be run: {error}") from None
    if done.returncode:
        complaints = [line for line in done.stderr.splitlines() if "error" in line]
        raise MissingError(f"{source.name} does not compile: {(complaints or ['no reason given'])[0]}")
    return built
