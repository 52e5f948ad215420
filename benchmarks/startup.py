"""What a user waits for: importing, asking for help, the demo; whole processes, medians."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

import numpy as np

CASES = (
    ("`import gmmkit`", ["-c", "import gmmkit"], 0.2, 9),
    ("`gmmkit --help`", ["-m", "gmmkit", "--help"], 0.3, 9),
    ("`gmmkit demo`", ["-m", "gmmkit", "demo"], 3.0, 5),
)


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    lines = ["| what | seconds | allowed |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for what, arguments, allowed, rounds in CASES:
            seconds = []
            for _ in range(rounds + 1):
                begun = time.perf_counter()
                subprocess.run([sys.executable, *arguments], cwd=folder, check=True, capture_output=True)
                seconds.append(time.perf_counter() - begun)
            lines.append(f"| {what} | {np.median(seconds[1:]):.2f} | {allowed} |")
            print(lines[-1], flush=True)
    return lines
