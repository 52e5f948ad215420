"""`GaussianMixtureRegressor` beside scikit-learn: the last column of each set predicted from the others.

A fifth of the rows (folds 0 and 1 of the density figures) is predicted, the others are fitted. R², the share of rows in
the central 90 % interval, nats a row of the target given its inputs (for least squares, normal with its residual
variance), and R² where 30 % of the inputs are missing: integrated out, or for the others the mean of the column put in
their place (gradient boosting takes missing values itself).
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from gmmkit import GaussianMixtureDensity, GaussianMixtureRegressor

SHARED = Path(__file__).parents[2] / "shared"
SETS = ("banknote_auth", "boston_housing", "protein_first10000", "winequality-red")
MISSING, NORMAL = 0.3, 1.6448536269514722
Array = NDArray[np.float64]


def row_of(name: str, r2: float, covered: float | None, nats: float | None, gaps: float, seconds: float) -> str:
    share = "–" if covered is None else f"{100 * covered:.0f} %"
    return f"{name} | {r2:.3f} | {share} | {'–' if nats is None else f'{nats:.3f}'} | {gaps:.3f} | {seconds:.1f} |"


def ours(name: str, estimator: object, X: Array, y: Array, new: Array, gaps: Array, truth: Array) -> str:
    begun = time.process_time()
    model = GaussianMixtureRegressor(estimator).fit(X, y)
    seconds = time.process_time() - begun
    low, high = model.predict_interval(new, 0.9).T
    covered = float(((low <= truth) & (truth <= high)).mean())
    nats = float(model.log_density(new, truth).mean())
    return row_of(name, model.score(new, truth), covered, nats, r2_score(truth, model.predict(gaps)), seconds)


def theirs(X: Array, y: Array, new: Array, gaps: Array, truth: Array) -> list[str]:
    begun = time.process_time()
    linear = LinearRegression().fit(X, y)
    seconds = time.process_time() - begun
    variance = ((y - linear.predict(X)) ** 2).mean()
    error = truth - linear.predict(new)
    covered = float((np.abs(error) <= NORMAL * np.sqrt(variance)).mean())
    nats = float((-0.5 * (np.log(2 * np.pi * variance) + error**2 / variance)).mean())
    filled = np.where(np.isnan(gaps), X.mean(axis=0), gaps)
    rows = [row_of("least squares", linear.score(new, truth), covered, nats, linear.score(filled, truth), seconds)]
    begun = time.process_time()
    boosted = HistGradientBoostingRegressor(random_state=0).fit(X, y)
    seconds = time.process_time() - begun
    rows.append(row_of("gradient boosting", boosted.score(new, truth), None, None, boosted.score(gaps, truth), seconds))
    return rows


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    if not SHARED.exists():
        return ["skipped: ../shared is not there"]
    warnings.simplefilter("ignore")
    lines = [
        "| data | inputs | model | R² | in 90 % | nats | R², 30 % missing | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in SETS:
        if names and name not in names:
            continue
        with np.load(SHARED / "data" / "density" / f"prepared_{name}.npz") as file:
            rows, seen = file["X"].astype(np.float64), file["fold"] > 1
        X, y, new, truth = rows[seen, :-1], rows[seen, -1], rows[~seen, :-1], rows[~seen, -1]
        gaps = np.where(np.random.default_rng(0).random(new.shape) < MISSING, np.nan, new)
        found = [
            ours("gmmkit, search by BIC", None, X, y, new, gaps, truth),
            ours("gmmkit, `GaussianMixtureDensity`", GaussianMixtureDensity(n_jobs=1), X, y, new, gaps, truth),
            *theirs(X, y, new, gaps, truth),
        ]
        lines += [f"| {name} | {X.shape[1]} | {row}" for row in found]
        print("\n".join(lines[-len(found) :]), flush=True)
    return lines
