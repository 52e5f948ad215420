"""Handwritten digits: wrong labels of rows that nothing was chosen on. `HandwritingClassifier` with its defaults,
whose shrinkage and temperature are chosen by cross-validation on the training rows; the best of scikit-learn's
mixtures, one for each class, on principal axes of the pixels (``sklearn_gmm_digits.csv``); and scikit-learn's
nearest neighbours (3) and support vector machine (radial kernel, defaults) on the pixels and, after a stroke, on the
coordinates that gmmkit's classes are of: most of the gain is the description's. "Held out in training" are errors of
the folds; the description's axes are of all training rows. scikit-learn's digits: the first 1000 train, 797 test, by
other writers. MNIST: of its 10,000 test images those with i mod 5 ≠ 4 train, 2000 test. Seconds of fit and prediction.
Then factor scores in place of principal axes; "reductions" measures that alone.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from gmmkit.applications.handwriting import HandwritingClassifier, read_images

SHARED = Path(__file__).parents[2] / "shared"


def sets() -> dict[str, tuple[NDArray[np.generic], NDArray[np.str_], NDArray[np.bool_], str]]:
    """Return images, labels, which are for training, and how the reference calls it."""
    small = load_digits()
    digits = (small.images, small.target.astype(str), np.arange(len(small.target)) < 1000, "sklearn_digits")
    read = read_images(SHARED / "data" / "digits" / "mnist_t10k-images-idx3-ubyte.gz")
    images, labels = np.array(read.images), np.array(read.labels)
    return {"digits": digits, "mnist": (images, labels, np.arange(len(labels)) % 5 != 4, "mnist_t10k")}


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    if not SHARED.exists():
        return ["skipped: ../shared is not there"]
    with (SHARED / "reference" / "sklearn_gmm_digits.csv").open(newline="") as file:
        known = list(csv.DictReader(file))
    lines = [
        "| images | train, test | gmmkit: wrong | held out in training | shrinkage, temperature | fit, s | predict, s "
        "| best mixture | 3 neighbours | SVM |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    wanted = {name: found for name, found in sets().items() if not {*names} - {"reductions"} or name in names}
    for name, (images, labels, train, reference) in wanted.items():
        if "reductions" in names:
            continue
        begun = time.perf_counter()
        found = HandwritingClassifier(n_jobs=1).fit(images[train], labels[train])
        fitted = time.perf_counter()
        wrong = np.mean(found.predict(images[~train]) != labels[~train])
        predicted = time.perf_counter()
        held_out = 1.0 - np.trace(found.classifier_.confusion_) / train.sum()
        best = min(float(row["test_error"]) for row in known if row["data"].startswith(reference))
        pixels = images.reshape(len(images), -1) / images.max()
        peers = []
        for peer in (KNeighborsClassifier(3), SVC()):
            told = [peer.fit(X[train], labels[train]).predict(X[~train]) for X in (pixels, found.coordinates(images))]
            peers.append(" / ".join(f"{np.mean(one != labels[~train]):.4f}" for one in told))
        classifier = found.classifier_
        lines.append(
            f"| {name} | {train.sum()}, {(~train).sum()} | **{wrong:.4f}** | {held_out:.4f} "
            f"| {classifier.shrinkage_:g}, {classifier.temperature_:.2f} "
            f"| {fitted - begun:.1f} | {predicted - fitted:.2f} | {best:.4f} | {peers[0]} | {peers[1]} |"
        )
        print(lines[-1], flush=True)
    lines = [] if "reductions" in names else [*lines, ""]
    lines += ["| images | reduced to | wrong | held out in training | shrinkage |", "|---|---|---|---|---|"]
    for name, (images, labels, train, _) in wanted.items():
        for reduction, title in (("pca", "principal axes"), ("factors", "factors")):
            found = HandwritingClassifier(reduction=reduction, n_jobs=1).fit(images[train], labels[train])
            wrong = np.mean(found.predict(images[~train]) != labels[~train])
            held_out = 1.0 - np.trace(found.classifier_.confusion_) / train.sum()
            q, shrinkage = len(found.basis_), found.classifier_.shrinkage_
            lines.append(f"| {name} | {q} {title} | {wrong:.4f} | {held_out:.4f} | {shrinkage:g} |")
            print(lines[-1], flush=True)
    return lines
