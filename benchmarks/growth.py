"""How the time of a pass grows with rows, columns and components: one thread, processor seconds, medians.

One size is doubled, the others are held. The slope is that of log time against log size over the last doublings, where
fixed costs of a pass no longer show: 1 is proportional to the size. Operations of full covariances grow with the square
of the columns, all else is proportional.
"""

from __future__ import annotations

import warnings

import numpy as np

from benchmarks.passes import how_many, ours
from benchmarks.workloads import Workload

HELD = {"n": 100_000, "d": 8, "k": 16}
SIZES = {
    "n": [2**power for power in range(11, 21)],
    "d": [2**power for power in range(8)],
    "k": [2**power for power in range(10)],
}
#: How many of the last sizes the slope is taken from.
LAST = 4


def seconds(load: Workload) -> float:
    rows, start = load.data()
    return float(np.median(ours(rows, start, load, 1, min(how_many(load)[0], 50))[0]))


def slope(sizes: list[int], times: list[float]) -> float:
    return float(np.polyfit(np.log(sizes[-LAST:]), np.log(times[-LAST:]), 1)[0])


def main(names: list[str]) -> list[str]:
    """Return the tables' lines."""
    lines = ["| structure | grows | from | to | seconds a pass at each doubling | slope at the end |", "|---" * 6 + "|"]
    for structure in ("full", "diag"):
        for axis, sizes in SIZES.items():
            if names and axis not in names:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                times = [seconds(Workload(axis, covariance_type=structure, **HELD | {axis: size})) for size in sizes]
            cells = ", ".join(f"{one:.2g}" for one in times)
            lines.append(
                f"| {structure} | {axis} | {sizes[0]:,} | {sizes[-1]:,} | {cells} | {slope(sizes, times):.2f} |"
            )
            print(lines[-1], flush=True)
    held = ", ".join(f"{name} = {size:,}" for name, size in HELD.items())
    return [*lines, "", f"Held: {held}."]
