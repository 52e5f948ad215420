"""What a user waits for: importing, asking for help, the demo, the first fit; whole processes, medians.

The second table is of calls in a fresh process, 150 rows in four columns and three components: the first call brings in
what had not been needed before, the second is what a call costs from then on.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

import numpy as np

CASES = (
    ("`import gmmkit`", ["-c", "import gmmkit"], 0.2, 9),
    ("`from gmmkit import GaussianMixture`", ["-c", "from gmmkit import GaussianMixture"], None, 9),
    ("`from sklearn.mixture import GaussianMixture`", ["-c", "from sklearn.mixture import GaussianMixture"], None, 9),
    ("`gmmkit --help`", ["-m", "gmmkit", "--help"], 0.3, 9),
    ("`gmmkit demo`", ["-m", "gmmkit", "demo"], 3.0, 5),
)
CALLS = ("import of the class", "first fit", "second fit", "first predict", "second predict")
FRESH = """
import sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
rows = rng.normal(size=(150, 4)) + 4.0 * rng.integers(3, size=(150, 1))
def timed(call):
    begun = time.perf_counter(); found = call(); print(time.perf_counter() - begun)
    return found
def imported():
    from {package} import GaussianMixture
    return GaussianMixture
model = timed(imported)(3, random_state=0)
for call in (model.fit, model.fit, model.predict, model.predict):
    timed(lambda: call(rows))
"""
ROUNDS = 7


def processes() -> list[str]:
    lines = ["| what | seconds | allowed |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for what, arguments, allowed, rounds in CASES:
            seconds = []
            for _ in range(rounds + 1):
                begun = time.perf_counter()
                subprocess.run([sys.executable, *arguments], cwd=folder, check=True, capture_output=True)
                seconds.append(time.perf_counter() - begun)
            lines.append(f"| {what} | {np.median(seconds[1:]):.2f} | {allowed or '–'} |")
            print(lines[-1], flush=True)
    return lines


def first_calls() -> list[str]:
    packages = {"gmmkit": "gmmkit", "scikit-learn": "sklearn.mixture"}
    found: dict[str, list[list[float]]] = {name: [] for name in packages}
    for _ in range(ROUNDS):
        for name, package in packages.items():
            command = [sys.executable, "-c", FRESH.replace("{package}", package)]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found[name].append(list(map(float, out.split())))
    middle = {name: 1e3 * np.median(times, axis=0) for name, times in found.items()}
    lines = [f"| in a fresh process, ms | {' | '.join(middle)} |", "|---|---|---|"]
    for i, what in enumerate(CALLS):
        lines.append(f"| {what} | {' | '.join(f'{times[i]:.1f}' for times in middle.values())} |")
        print(lines[-1], flush=True)
    return lines


def main(names: list[str]) -> list[str]:
    """Return the tables' lines."""
    return [*processes(), "", *first_calls()]
