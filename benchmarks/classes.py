"""`GaussianMixtureClassifier` beside mclust's discriminant analyses (MclustDA 6.0.0): one structure for all classes
(EDDA) and a mixture for each. Likelihoods are of all rows, whatever their class; errors of ten-fold cross-
validation are means over ten partitions into folds, in rows (mclust's is one partition; over the seeds 1 to 12 its
`cvMclustDA` has 9.2 wrong rows of crabs with EDDA and 11.8 with MclustDA, `peers/mclust_classes.R`), of the models
chosen on all rows, as mclust does it. scikit-learn's best of linear and quadratic discriminant analysis by the same
folds stands beside them.
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

SHARED = Path(__file__).parents[2] / "shared"
PARTITIONS = 10


def data(name: str) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    with (SHARED / "data" / "classic" / f"{name}.csv").open(newline="") as file:
        _, *rows = csv.reader(file)
    return np.array([row[:-1] for row in rows], dtype=float), np.array([row[-1] for row in rows])


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
        "| data | n × d | model | chosen | log-likelihood | mclust's | parameters | mclust's | wrong of n, 10-fold "
        "| mclust's | LDA or QDA | seconds of a fit |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
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
        begun = time.perf_counter()
        GaussianMixtureClassifier(row["type"], n_jobs=1).fit(rows, labels)
        seconds = time.perf_counter() - begun
        parts = [f"{name} {k}" for name, k in zip(found.covariance_type_, found.n_components_, strict=True)]
        chosen = ", ".join(dict.fromkeys(parts)) if row["type"] == "EDDA" else ", ".join(parts)
        lines.append(
            f"| {row['dataset']} | {rows.shape[0]} × {rows.shape[1]} | {row['type']} | {chosen} "
            f"| {found.score_samples(rows).sum():.2f} | {float(row['loglik']):.2f} "
            f"| {found.candidates_[0]['n_parameters']} | {row['df']} "
            f"| {np.mean(wrong):.1f} | {float(row['cv10_error']) * len(rows):.0f} | {discriminant(rows, labels):.1f} "
            f"| {seconds:.2f} |"
        )
        print(lines[-1], flush=True)
    return lines
