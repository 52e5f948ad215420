"""Peak memory of a fit above its data, in MB: each in a process of its own, from the kernel's high-water mark.

From given parameters with one and with two threads; from its own start by k-means, and by a hierarchy of the
classification likelihood; scikit-learn from given parameters. Three passes, scikit-learn one. With SQUAREM ten passes
over clusters that overlap, two standard deviations apart, or it would find nothing to stretch.

What the process holds free before is given back first, of which a fit would seem to need less, and what is freed goes
back at once (glibc with a fixed threshold): that is what a fit uses, of which at most 32 MB a thread are allowed. In
parentheses with glibc as it is, which keeps holes between matrices that come and go.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.workloads import SEVEN, Workload

ALLOWED = 32
SCRIPT = """
import ctypes, sys, warnings
import numpy as np
from {package} import GaussianMixture
warnings.simplefilter("ignore")
folder, k, structure, passes, given, options = sys.argv[1:]
rows, start, options = np.load(folder + "/rows.npy"), {}, eval(options)
if given == "given":
    with np.load(folder + "/start.npz") as file:
        start = dict(file)
def fit(rows, k, **start):
    settings = {"covariance_type": structure, "max_iter": int(passes), "tol": 0.0, "random_state": 0}
    GaussianMixture(int(k), **settings, **options, **start).fit(rows)
def status(field):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field)) / 1024
fit(np.random.default_rng(0).normal(size=(1000, rows.shape[1])), 2)  # everything imported and loaded
if hasattr(ctypes.CDLL(None), "malloc_trim"):
    ctypes.CDLL(None).malloc_trim(0)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the high-water mark begins again
base = status("VmRSS")
fit(rows, k, **start)
print(status("VmHWM") - base)
"""
#: Heading → package, options, passes, whether it begins from given parameters.
CASES: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "gmmkit": ("gmmkit", {"n_jobs": 1}, 3, "given"),
    "2 threads": ("gmmkit", {"n_jobs": 2}, 3, "given"),
    "SQUAREM": ("gmmkit", {"n_jobs": 1, "acceleration": "squarem"}, 10, "given"),
    "own start": ("gmmkit", {"n_jobs": 1}, 3, "own"),
    "hierarchy": ("gmmkit", {"n_jobs": 1, "init_params": "hierarchical"}, 3, "own"),
    "scikit-learn": ("sklearn.mixture", {}, 1, "given"),
}
#: Measured with glibc as it is too.
AS_IT_IS = ("gmmkit", "SQUAREM")


def above(folder: Path, load: Workload, case: str, **environment: str) -> float:
    package, options, passes, given = CASES[case]
    words = [str(folder), str(load.k), load.covariance_type, str(passes), given, repr(options)]
    command = [sys.executable, "-c", SCRIPT.replace("{package}", package), *words]
    found = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **environment})
    return float(found.stdout)


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    if not Path("/proc/self/clear_refs").exists():
        return ["Skipped: this system keeps no high-water mark of a process in /proc."]
    lines = [f"| workload | data | allowed a thread | {' | '.join(CASES)} |", "|---" * (len(CASES) + 3) + "|"]
    for load in SEVEN:
        if names and load.name not in names:
            continue
        cells = dict.fromkeys(CASES, "")
        for overlapping in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                rows, start = load.data((2 / load.d) ** 0.5) if overlapping else load.data()
                np.save(Path(folder, "rows.npy"), rows)
                np.savez(Path(folder, "start.npz"), **start)
                megabytes = rows.nbytes / 2**20
                del rows
                for case in CASES:
                    if (case == "SQUAREM") == overlapping:
                        used = above(Path(folder), load, case, MALLOC_MMAP_THRESHOLD_="131072")
                        cells[case] = f"{used:.0f}"
                        if case in AS_IT_IS:
                            cells[case] += f" ({above(Path(folder), load, case):.0f})"
        lines.append(f"| {load} | {megabytes:.0f} | {ALLOWED} | {' | '.join(cells.values())} |")
        print(lines[-1], flush=True)
    return lines
