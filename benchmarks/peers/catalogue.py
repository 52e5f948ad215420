"""The programs beside which gmmkit is timed: how each is run, and how to get it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.compiled import MissingError, program
from benchmarks.workloads import Workload

HERE = Path(__file__).parent
#: Seconds that a peer may take for a workload: start-up and all its fits.
PATIENCE = float(os.environ.get("GMMKIT_BENCH_PATIENCE", "240"))
#: Passes of its fits: one to warm up, and two whose difference is timed.
PASSES = (1, 1, 3)
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Peer:
    """A program that fits a mixture with a given number of passes and prints processor seconds."""

    name: str
    command: Callable[[], list[str]]
    get: str
    structures: tuple[str, ...] = ("full", "diag")
    bits: int = 64

    def version(self) -> str:
        """Return its name and version; raise `MissingError` where it is not installed."""
        done = self._run(["version"])
        if done.returncode:
            raise MissingError(f"{self.name}: not installed; {self.get}")
        return done.stdout.strip()

    def passes(self, rows: np.ndarray, start: dict[str, Any], load: Workload) -> float:
        """Return processor seconds of a pass, from the difference of fits with few and with more passes.

        Raises
        ------
        MissingError
            If it has no such structure, fails, or takes longer than `PATIENCE`.
        """
        if load.covariance_type not in self.structures:
            raise MissingError("–")
        with given(rows, start) as folder:
            sizes = [str(size) for size in (load.n, load.d, load.k)]
            try:
                done = self._run([folder, *sizes, load.covariance_type, *map(str, PASSES)])
            except subprocess.TimeoutExpired:
                raise MissingError(f"> {PATIENCE / sum(PASSES):.0f}") from None
        if done.returncode:
            said = done.stderr.lower()
            without = "memory" in said or "alloc" in said or done.returncode < 0
            raise MissingError("out of memory" if without else "failed")
        seconds = dict(map(float, line.split()) for line in done.stdout.splitlines())
        _, few, more = PASSES
        return (seconds[more] - seconds[few]) / (more - few)

    def _run(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        try:
            command = [sys.executable, str(HERE / "alone.py"), *self.command(), *words]
        except MissingError as reason:
            raise MissingError(f"{self.name}: {reason}; {self.get}") from None
        environment = os.environ | ONE_THREAD
        return subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, env=environment, cwd=HERE, check=False
        )


@contextmanager
def given(rows: np.ndarray, start: dict[str, Any]) -> Iterator[str]:
    """Write what a peer's program reads into a folder."""
    with tempfile.TemporaryDirectory() as folder:
        for name, values in (("rows", rows), ("weights", start["weights_init"]), ("means", start["means_init"])):
            np.ascontiguousarray(values, dtype=np.float64).tofile(Path(folder, f"{name}.f64"))
        yield folder


def python_of(module: str) -> Callable[[], list[str]]:
    """Return the command of a peer in Python; PEERS_PYTHON names an interpreter that has it, if this one has not."""
    return lambda: [os.environ.get("PEERS_PYTHON", sys.executable), str(HERE / module)]


def rscript() -> list[str]:
    found = shutil.which("Rscript")
    if found is None:
        raise MissingError("Rscript was not found")
    return [found, str(HERE / "mclust.R")]


PEERS = (
    Peer(
        "Armadillo",
        lambda: [str(program(HERE / "armadillo.cpp", "-larmadillo"))],
        "install it with a C++ compiler (Debian: libarmadillo-dev)",
    ),
    Peer(
        "VLFeat",
        lambda: [str(program(HERE / "vlfeat.cpp", "-lvl"))],
        "install it with a C++ compiler (Debian: libvlfeat-dev)",
        ("diag",),
    ),
    Peer("pomegranate", python_of("pomegranate_fit.py"), "pip install pomegranate, or set PEERS_PYTHON", bits=32),
    Peer("gmmx", python_of("gmmx_fit.py"), "pip install gmmx, or set PEERS_PYTHON", bits=32),
    Peer("mclust", rscript, "install R and mclust (Debian: r-cran-mclust)"),
)
