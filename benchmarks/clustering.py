"""`MixtureClusterer(n_clusters=k)` with its defaults: mean adjusted Rand index over three seeds, the true k given.

Rows of label 0 are noise and left out of the index. Beside it: scikit-learn's best of four covariance types by BIC
(full where only it was run), and the best published result of any method and setting, which no single method reaches.
The labelled classic sets are compared with the best BIC of k components over the fourteen structures.
"""

from __future__ import annotations

import csv
import gzip
import time
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gmmkit import GaussianMixtureSearch, MixtureClusterer
from gmmkit.selection.agreement import adjusted_rand_index

SHARED = Path(__file__).parents[2] / "shared"
SEEDS = (0, 1, 2)
#: Labelled sets: the column of labels (from the end if negative), and columns that are no measurements.
CLASSIC = {
    "iris": (-1, ()),
    "diabetes": (-1, ()),
    "banknote": (-1, ()),
    "crabs": (-1, ()),
    "wdbc": (-1, ()),
    "pgmm_coffee": (0, (1,)),
    "ripley_synth_te": (-1, ()),
}


def index(labels: NDArray[np.intp], clusters: NDArray[np.intp]) -> float:
    kept = labels > 0
    counts = np.zeros((labels.max() + 1, clusters.max() + 1))
    np.add.at(counts, (labels[kept], clusters[kept]), 1.0)
    return adjusted_rand_index(counts)


def battery(name: str) -> tuple[NDArray[np.float64], dict[int, NDArray[np.intp]]]:
    with gzip.open(SHARED / "data" / "clustering" / f"{name}.csv.gz", "rt", newline="") as file:
        header, *rows = csv.reader(file)
    values = np.array(rows, dtype=float)
    columns = [j for j, column in enumerate(header) if column.startswith("x")]
    labels = {int(c[6:]): values[:, j].astype(np.intp) for j, c in enumerate(header) if c.startswith("labels")}
    return values[:, columns], labels


def classic(name: str) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    with (SHARED / "data" / "classic" / f"{name}.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    label, others = CLASSIC[name]
    label %= len(header)
    columns = [j for j in range(len(header)) if j != label and j not in others]
    codes = np.unique([row[label] for row in rows], return_inverse=True)[1] + 1
    return np.array([[float(row[j]) for j in columns] for row in rows]), codes


def references() -> tuple[dict[tuple[str, int], float], dict[tuple[str, int], float]]:
    """Return scikit-learn's index and the best published one of each labelling."""
    sklearn: dict[tuple[str, int], tuple[float, float]] = {}
    with (SHARED / "reference" / "sklearn_gmm_clustering.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            key = row["dataset"], int(row["labels_idx"])
            sklearn[key] = min(sklearn.get(key, (np.inf, 0.0)), (float(row["bic"]), float(row["ari"])))
    published: dict[tuple[str, int], float] = defaultdict(lambda: -1.0)
    with (SHARED / "reference" / "published_ar.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            key = row["dataset"], int(row["labels_idx"])
            published[key] = max(published[key], float(row["adjusted_rand"]))
    return {key: ari for key, (_, ari) in sklearn.items()}, published


def clustered(rows: NDArray[np.float64], labels: NDArray[np.intp]) -> tuple[float, float, str]:
    """Return the mean index, the seconds of one fit, and what was taken."""
    k = len(set(labels.tolist()) - {0})
    begun = time.perf_counter()
    fits = [MixtureClusterer(k, random_state=seed, n_jobs=1).fit(rows) for seed in SEEDS]
    seconds = (time.perf_counter() - begun) / len(SEEDS)
    taken = []
    for fit in fits:
        best = fit.candidates_[0]
        taken.append(
            f"{best['n_components']} {best['covariance_type']}" + (" t" if best["distribution"] == "t" else "")
        )
    return float(np.mean([index(labels, fit.labels_) for fit in fits])), seconds, ", ".join(dict.fromkeys(taken))


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    if not SHARED.exists():
        return ["skipped: ../shared is not there"]
    warnings.simplefilter("ignore")
    sklearn, published = references()
    lines = [
        "| data (labelling) | n × d | k | adjusted Rand | scikit-learn | best published | components | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    found = []
    for name, number in sorted(sklearn):
        if names and name not in names:
            continue
        rows, labellings = battery(name)
        labels = labellings[number]
        mean, seconds, taken = clustered(rows, labels)
        found.append((mean, sklearn[name, number], published[name, number], seconds))
        lines.append(
            f"| {name} ({number}) | {rows.shape[0]} × {rows.shape[1]} | {len(set(labels.tolist()) - {0})} | {mean:.3f} "
            f"| {sklearn[name, number]:.3f} | {published[name, number]:.3f} | {taken} | {seconds:.1f} |"
        )
        print(lines[-1], flush=True)
    if found:
        means = np.mean(found, axis=0)
        lines.append(
            f"| **mean of {len(found)}** | | | **{means[0]:.3f}** | {means[1]:.3f} | {means[2]:.3f} "
            f"| | {means[3]:.1f} |"
        )
        print(lines[-1], flush=True)
    lines += [
        "",
        "| classic data | k | adjusted Rand | k components of the best BIC | components |",
        "|---|---|---|---|---|",
    ]
    pairs = []
    for name in CLASSIC:
        if names and name not in names:
            continue
        rows, labels = classic(name)
        k = int(labels.max())
        mean, _, taken = clustered(rows, labels)
        direct = index(labels, GaussianMixtureSearch(k, n_jobs=1).fit(rows).predict(rows))
        pairs.append((mean, direct))
        lines.append(f"| {name} | {k} | {mean:.3f} | {direct:.3f} | {taken} |")
        print(lines[-1], flush=True)
    if pairs:
        means = np.mean(pairs, axis=0)
        lines.append(f"| **mean** | | **{means[0]:.3f}** | {means[1]:.3f} | |")
        print(lines[-1], flush=True)
    return lines
