"""`GaussianMixtureGenerator`: as many new rows as there are real ones, and how like them they are.

Beside it, rows of scikit-learn's mixture of 1 to 9 full components with the best BIC, as they come. Margins and rank
correlations: the largest difference of any column or pair. Classifier: nearest neighbours, share of real and drawn rows
told rightly on rows not seen, one half where they cannot be told apart. Distance to the nearest real row over that of
real rows from theirs (well below 1: learnt by heart), copies among the drawn (rows recorded coarsely repeat in the data
as well, as many as told), and values no row could have (below 0 in a column that is not, or off the recorded step).
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture

from gmmkit import GaussianMixtureGenerator
from gmmkit.selection.column_shapes import shape_of
from gmmkit.selection.fidelity import fidelity_of

SHARED = Path(__file__).parents[2] / "shared"
SETS = ("banknote_auth", "boston_housing", "protein_first10000", "winequality-red")
Array = NDArray[np.float64]


def impossible(real: Array, drawn: Array) -> float:
    """Return the share of values that a column could not have."""
    wrong = []
    for column, new in zip(real.T, drawn.T, strict=True):
        shape = shape_of(column)
        off = np.zeros(len(new), dtype=bool)
        if shape.step:
            steps = (new - shape.anchor) / shape.step
            off = np.abs(steps - np.round(steps)) > 1e-3
        wrong.append(off | (new < shape.low) | (new > shape.high))
    return float(np.mean(wrong))


def row_of(name: str, real: Array, drawn: Array, seconds: float) -> str:
    found = fidelity_of(real, drawn, [str(j) for j in range(real.shape[1])])
    return (
        f"{name} | {max(column.distance for column in found.columns):.3f} | {found.largest_correlation_difference:.3f} "
        f"| {100 * found.accuracy:.1f} % | {found.distance_ratio:.2f} | {found.copies} ({found.real_copies}) "
        f"| {100 * impossible(real, drawn):.0f} % | {seconds:.1f} |"
    )


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    if not SHARED.exists():
        return ["skipped: ../shared is not there"]
    warnings.simplefilter("ignore")
    lines = [
        "| data | n × d | rows of | margins | correlations | classifier | nearest real | copies | impossible "
        "| seconds |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in SETS:
        if names and name not in names:
            continue
        with np.load(SHARED / "data" / "density" / f"prepared_{name}.npz") as file:
            real = file["X"].astype(np.float64)
        begun = time.process_time()
        drawn, _ = GaussianMixtureGenerator().fit(real).sample(len(real), random_state=1)
        ours = time.process_time() - begun
        begun = time.process_time()
        fits = [GaussianMixture(k, random_state=0).fit(real) for k in range(1, 10)]
        theirs, _ = min(fits, key=lambda fit: fit.bic(real)).sample(len(real))
        for who, rows, seconds in (("gmmkit", drawn, ours), ("scikit-learn", theirs, time.process_time() - begun)):
            lines.append(f"| {name} | {real.shape[0]} × {real.shape[1]} | {row_of(who, real, rows, seconds)}")
            print(lines[-1], flush=True)
    return lines
