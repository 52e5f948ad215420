"""`GaussianMixtureClassifier` beside mclust's discriminant analyses (MclustDA 6.0.0): one structure for all classes
(EDDA) and a mixture for each. Likelihoods are of all rows, whatever their class. Wrong rows, in cross-validation by ten
folds, are of the models chosen on all rows, as mclust does it: first on mclust's own folds (those of seed 1, on which
its `cvMclustDA` has the reference's errors: `peers/mclust_folds.csv`), then the mean over ten partitions of ours. One
partition says little: over the seeds 1 to 12 mclust has 9.2 wrong rows of crabs with EDDA and 11.8 with MclustDA
(`peers/mclust_classes.R`). scikit-learn's best of linear and quadratic discriminant analysis by ten partitions stands
beside them.
"""

from __future__ import annotations

import csv
import time
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from gmmkit import GaussianMixtureClassifier
from gmmkit.data import as_table
from gmmkit.execution import Workers
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.stopping import AitkenGain
from gmmkit.selection.class_models import fit_recipe
from gmmkit.selection.class_rows import LabelledRows
from gmmkit.selection.class_validation import hold_out

SHARED = Path(__file__).parents[2] / "shared"
FOLDS = Path(__file__).parent / "peers" / "mclust_folds.csv"
PARTITIONS = 10


def data(name: str) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    with (SHARED / "data" / "classic" / f"{name}.csv").open(newline="") as file:
        _, *rows = csv.reader(file)
    return np.array([row[:-1] for row in rows], dtype=float), np.array([row[-1] for row in rows])


def folds_of_mclust(name: str) -> NDArray[np.intp]:
    """Return the fold of each row (n,) in mclust's cross-validation with seed 1."""
    with FOLDS.open(newline="") as file:
        (digits,) = (row["folds"] for row in csv.DictReader(file) if row["dataset"] == name)
    return np.array([int(digit) for digit in digits], dtype=np.intp)


def wrong_of_folds(
    found: GaussianMixtureClassifier, rows: NDArray[np.float64], labels: NDArray[np.str_], folds: NDArray[np.intp]
) -> int:
    """Return how many rows the model that was chosen on all rows tells wrongly, fitted without one fold at a time."""
    codes = np.searchsorted(found.classes_, labels).astype(np.intp)
    recipe, how = found.class_choice_.best.settled, FitSettings(rule=AitkenGain(found.tol), max_iter=found.max_iter)
    with Workers(1) as workers:
        told = hold_out(
            LabelledRows(as_table(rows), codes, tuple(found.classes_.tolist())),
            folds,
            lambda seen, _: fit_recipe(seen, recipe, how, workers).classes,
        )
    return int((told.posterior.argmax(axis=1) != told.codes).sum())


def discriminant(rows: NDArray[np.float64], labels: NDArray[np.str_]) -> float:
    """Return scikit-learn's mean wrong rows over partitions, of the better of two analyses."""
    found = []
    for model in (LinearDiscriminantAnalysis(), QuadraticDiscriminantAnalysis()):
        folds = [StratifiedKFold(10, shuffle=True, random_state=seed) for seed in range(PARTITIONS)]
        found.append(np.mean([(cross_val_predict(model, rows, labels, cv=fold) != labels).sum() for fold in folds]))
    return float(min(found))


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    if not SHARED.exists():
        return ["skipped: ../shared is not there"]
    warnings.simplefilter("ignore")
    with (SHARED / "reference" / "mclust_da.csv").open(newline="") as file:
        known = [row for row in csv.DictReader(file) if row["type"] in ("EDDA", "MclustDA")]
    lines = [
        "| data | n × d | model | chosen | log-likelihood | mclust's | parameters | mclust's | wrong, mclust's folds "
        "| mclust's | wrong, mean of ten | LDA or QDA | processor seconds of a fit |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in known:
        if names and row["dataset"] not in names:
            continue
        rows, labels = data(row["dataset"])
        wrong = []
        for seed in range(PARTITIONS):
            model = GaussianMixtureClassifier(row["type"], calibration="temperature", random_state=seed, n_jobs=1)
            found = model.fit(rows, labels)
            wrong.append(len(rows) - np.trace(found.confusion_))
        begun = time.process_time()
        GaussianMixtureClassifier(row["type"], n_jobs=1).fit(rows, labels)
        seconds = time.process_time() - begun
        parts = [f"{name} {k}" for name, k in zip(found.covariance_type_, found.n_components_, strict=True)]
        chosen = ", ".join(dict.fromkeys(parts)) if row["type"] == "EDDA" else ", ".join(parts)
        lines.append(
            f"| {row['dataset']} | {rows.shape[0]} × {rows.shape[1]} | {row['type']} | {chosen} "
            f"| {found.score_samples(rows).sum():.2f} | {float(row['loglik']):.2f} "
            f"| {found.candidates_[0]['n_parameters']} | {row['df']} "
            f"| {wrong_of_folds(found, rows, labels, folds_of_mclust(row['dataset']))} "
            f"| {float(row['cv10_error']) * len(rows):.0f} | {np.mean(wrong):.1f} | {discriminant(rows, labels):.1f} "
            f"| {seconds:.2f} |"
        )
        print(lines[-1], flush=True)
    return lines
