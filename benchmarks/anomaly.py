"""`GaussianMixtureOutlierDetector` with its defaults beside other detectors: unsupervised, fitted to all rows of a set
and scoring them, one setting for all sets, mean of three seeds. Columns are standardised for the others; ours has units
of its own. AUROC: how often an anomaly is ranked above a normal row; AP: average precision. Seconds are of fitting and
scoring, processor time of one thread; ours include calibrating p-values by five more fits. Below: the same with one
structure for all sets instead of the one that left-out rows choose; how the p-values of clean fresh rows fall, also
where few rows of many columns were fitted, as clean or as perhaps contaminated; and false discoveries among them and
planted anomalies, over 200 simulations.
"""

from __future__ import annotations

import importlib
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.mixture import GaussianMixture as ScikitLearnMixture
from sklearn.neighbors import LocalOutlierFactor
from threadpoolctl import threadpool_limits

from gmmkit import GaussianMixtureOutlierDetector
from gmmkit.selection import normal_model

DATA = Path(__file__).parents[2] / "shared" / "data" / "anomaly"
SEEDS = (0, 1, 2)
OURS = "gmmkit"
Array = NDArray[np.float64]
#: From rows and a seed to scores that are higher the more unusual a row is.
Detector = Callable[[Array, int], Array]


def standardised(rows: Array) -> Array:
    spread = rows.std(axis=0)
    return (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def ours(rows: Array, seed: int) -> Array:
    return -GaussianMixtureOutlierDetector(random_state=seed, n_jobs=1).fit(rows).score_samples(rows)


def forest(rows: Array, seed: int) -> Array:
    return -IsolationForest(random_state=seed).fit(rows).score_samples(rows)


def local_outlier_factor(rows: Array, seed: int) -> Array:
    return -LocalOutlierFactor().fit(standardised(rows)).negative_outlier_factor_


def one_gaussian(rows: Array, seed: int) -> Array:
    z = standardised(rows)
    return -ScikitLearnMixture(random_state=seed).fit(z).score_samples(z)


def pyod(module: str, name: str, **settings: Any) -> Detector:
    kind = getattr(importlib.import_module(f"pyod.models.{module}"), name)

    def scored(rows: Array, seed: int) -> Array:
        seeded = {"random_state": seed} if name == "GMM" else {}
        return kind(**settings, **seeded).fit(standardised(rows)).decision_scores_

    return scored


def detectors() -> tuple[dict[str, tuple[Detector, bool]], list[str]]:
    """Return detectors by name, with whether they have a seed, and a line for what is missing."""
    known = {
        OURS: (ours, True),
        "IsolationForest": (forest, True),
        "LocalOutlierFactor": (local_outlier_factor, False),
        "one Gaussian": (one_gaussian, False),
    }
    try:
        pyod("ecod", "ECOD")
    except ImportError:
        return known, ["", "Skipped ECOD, COPOD, KNN, HBOS and GMM: PyOD is not installed (pip install pyod)."]
    known |= {
        "ECOD": (pyod("ecod", "ECOD"), False),
        "COPOD": (pyod("copod", "COPOD"), False),
        "KNN": (pyod("knn", "KNN"), False),
        "HBOS": (pyod("hbos", "HBOS"), False),
        "GMM (PyOD)": (pyod("gmm", "GMM"), True),
    }
    return known, []


def measured(detector: Detector, seeded: bool, rows: Array, labels: NDArray[np.intp]) -> tuple[float, float, float]:
    """Return AUROC, AP and seconds."""
    found = []
    detector(rows[:100], 0)  # what is compiled or imported at the first call is no part of it
    for seed in SEEDS if seeded else SEEDS[:1]:
        begun = time.process_time()
        scores = np.nan_to_num(detector(rows, seed), posinf=1e300)
        seconds = time.process_time() - begun
        found.append((roc_auc_score(labels, scores), average_precision_score(labels, scores), seconds))
    return tuple(np.mean(found, axis=0).tolist())


def detection(names: list[str]) -> list[str]:
    known, missing = detectors()
    sets = [path for path in sorted(DATA.glob("*.npz")) if not names or path.stem.split("_", 1)[1] in names]
    lines = [f"| set | n × d | anomalies | {' | '.join(known)} | {OURS}, s |", "|---" * (len(known) + 4) + "|"]
    results = []
    for path in sets:
        with np.load(path) as file:
            rows, labels = file["X"].astype(np.float64), file["y"].astype(np.intp)
        found = [measured(detector, seeded, rows, labels) for detector, seeded in known.values()]
        results.append(found)
        cells = " | ".join(f"{auroc:.3f} / {ap:.3f}" for auroc, ap, _ in found)
        size = f"{rows.shape[0]} × {rows.shape[1]} | {labels.mean():.1%}"
        lines.append(f"| {path.stem.split('_', 1)[1]} | {size} | {cells} | {found[0][2]:.1f} |")
        print(lines[-1], flush=True)
    table = np.array(results)
    means = table.mean(axis=0)
    cells = " | ".join(f"{auroc:.3f} / {ap:.3f}" for auroc, ap, _ in means)
    lines.append(f"| **mean of {len(sets)}** | | | {cells} | {means[0, 2]:.1f} |")
    lines.append(f"| seconds | | | {' | '.join(f'{seconds:.2f}' for seconds in means[:, 2])} | |")
    print(lines[-2], lines[-1], sep="\n", flush=True)
    if len(sets) > 1:
        lines += ["", *paired(table, list(known))]
    return lines + missing


def paired(table: Array, names: list[str]) -> list[str]:
    """Return how ours compares with each other, set by set: Wilcoxon's signed-rank test, two-sided."""
    lines = [
        f"| {OURS} beside | AUROC: mean difference | better on | p | AP: mean difference | better on | p |",
        "|---|---|---|---|---|---|---|",
    ]
    for j, name in enumerate(names[1:], start=1):
        cells = []
        for quantity in (0, 1):
            difference = table[:, 0, quantity] - table[:, j, quantity]
            better = f"{int((difference > 0).sum())} of {len(difference)}"
            cells.append(f"{difference.mean():+.3f} | {better} | {wilcoxon(difference).pvalue:.3f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return lines


def structures() -> list[str]:
    """Return what one structure for all sets gives, mean over sets and seeds."""
    lines = ["| structure, always | AUROC | AP | s |", "|---|---|---|---|"]
    for structure in normal_model._STRUCTURES:
        found = []
        with patch.object(normal_model, "_STRUCTURES", (structure,)):
            for path in sorted(DATA.glob("*.npz")):
                with np.load(path) as file:
                    found.append(measured(ours, True, file["X"].astype(np.float64), file["y"].astype(np.intp)))
        auroc, ap, seconds = np.mean(found, axis=0)
        lines.append(f"| {structure.__name__.lower()} | {auroc:.3f} | {ap:.3f} | {seconds:.1f} |")
        print(lines[-1], flush=True)
    return lines


def drawn(kind: str, n: int, random: np.random.Generator) -> Array:
    """Return n clean rows of a kind."""
    if kind == "5 correlated Gaussians":
        return random.normal(size=(n, 5)) @ np.tri(5)
    if kind == "3 clusters in 2 columns":
        return random.normal(size=(n, 2)) + 6.0 * np.array([[0, 0], [1, 0], [0, 1]])[random.integers(0, 3, n)]
    if kind == "4 log-normal columns":
        return np.exp(random.normal(size=(n, 4)))
    return np.column_stack(
        [
            random.integers(0, 3, n),
            random.poisson(0.3, n),
            random.exponential(size=n),
            random.standard_t(3, n),
            random.uniform(size=n),
        ]
    )


KINDS = (
    "5 correlated Gaussians",
    "3 clusters in 2 columns",
    "4 log-normal columns",
    "counts, categories, heavy tails",
)


def calibration() -> list[str]:
    lines = [
        "| clean rows | fitted | calibration | simulations | p ≤ 0.05 (± standard error) | p ≤ 0.01 |",
        "|---|---|---|---|---|---|",
    ]
    for kind in KINDS:
        for n, simulations in ((200, 40), (1000, 20)):
            for how in ("cross", "split"):
                shares = []
                for seed in range(simulations):
                    random = np.random.default_rng(seed)
                    detector = GaussianMixtureOutlierDetector(
                        novelty=True, calibration=how, random_state=seed, n_jobs=1
                    )
                    p = detector.fit(drawn(kind, n, random)).p_values(drawn(kind, 2000, random))
                    shares.append(((p <= 0.05).mean(), (p <= 0.01).mean()))
                mean, error = np.mean(shares, axis=0), np.std(shares, axis=0) / np.sqrt(simulations)
                lines.append(
                    f"| {kind} | {n} | {how} | {simulations} | {mean[0]:.4f} ± {error[0]:.4f} | {mean[1]:.4f} |"
                )
                print(lines[-1], flush=True)
    return lines


def wide(kind: str, n: int, d: int, random: np.random.Generator) -> Array:
    """Return n clean rows of d columns."""
    z = random.normal(size=(n, d))
    if kind == "log-normal":
        return np.exp(0.7 * z)
    if kind == "3 clusters":
        return z + 4.0 * np.eye(d)[random.integers(0, 3, n)]
    return z @ (np.eye(d) + 0.5 * np.tri(d) / np.sqrt(d))


def few_rows() -> list[str]:
    lines = [
        "| clean rows | fitted, n × d | as | simulations | p ≤ 0.05 (± standard error) | p ≤ 0.01 |",
        "|---|---|---|---|---|---|",
    ]
    for n, d, simulations in ((60, 10, 24), (100, 20, 16), (200, 30, 12)):
        for kind in ("correlated Gaussians", "3 clusters", "log-normal"):
            for clean in (True, False):
                shares = []
                for seed in range(simulations):
                    random = np.random.default_rng(seed)
                    detector = GaussianMixtureOutlierDetector(novelty=clean, random_state=seed, n_jobs=1)
                    p = detector.fit(wide(kind, n, d, random)).p_values(wide(kind, 2000, d, random))
                    shares.append(((p <= 0.05).mean(), (p <= 0.01).mean()))
                mean, error = np.mean(shares, axis=0), np.std(shares, axis=0) / np.sqrt(simulations)
                how = "clean" if clean else "perhaps contaminated"
                lines.append(
                    f"| {kind} | {n} × {d} | {how} | {simulations} | {mean[0]:.4f} ± {error[0]:.4f} | {mean[1]:.4f} |"
                )
                print(lines[-1], flush=True)
    return lines


def discoveries() -> list[str]:
    lines = [
        "| false-discovery rate asked | simulations | realised | standard error | anomalies found |",
        "|---|---|---|---|---|",
    ]
    rates = (0.05, 0.1, 0.2)
    found = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        detector = GaussianMixtureOutlierDetector(novelty=True, random_state=seed, n_jobs=1)
        detector.fit(drawn(KINDS[0], 400, random))
        new = drawn(KINDS[0], 200, random)
        new[:20] += random.choice([-6.0, 6.0], (20, 5))
        taken = [detector.discoveries(new, rate) for rate in rates]
        found.append([(own[20:].sum() / max(own.sum(), 1), own[:20].mean()) for own in taken])
    for j, rate in enumerate(rates):
        own = np.array(found)[:, j]
        error = own[:, 0].std() / np.sqrt(len(own))
        lines.append(f"| {rate} | {len(own)} | {own[:, 0].mean():.4f} | {error:.4f} | {own[:, 1].mean():.1%} |")
        print(lines[-1], flush=True)
    return lines


def main(names: list[str]) -> list[str]:
    """Return the tables' lines."""
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        if not DATA.exists():
            return ["skipped: ../shared is not there"]
        lines = detection(names)
        if names:
            return lines
        for table in (structures, calibration, few_rows, discoveries):
            lines += ["", *table()]
        return lines
