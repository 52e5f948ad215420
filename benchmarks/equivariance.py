"""Do maps of the data that leave a structure unchanged change a label? 100 random cases for each structure.

Linear maps of condition number 1e4 for structures closed under them; scales from 1e-4 to 1e4 for each column where a
structure is closed under those; a rotation and one scale for the rest. Each case is a mixture of three overlapping
clusters drawn anew, fitted with the search's own starts and ``reg_covar="auto"``.
"""

from __future__ import annotations

import warnings

import numpy as np

from gmmkit import GaussianMixtureSearch
from gmmkit.model.covariance.catalogue import STRUCTURES, family

KINDS = {
    "linear": ("linear", "column", "rotation"),
    "column": ("column",),
    "scalar": ("rotation",),
}


def case(random: np.random.Generator, d: int = 3) -> np.ndarray:
    """Return the rows of one case (300, d)."""
    rows = []
    for size in random.multinomial(300, [0.5, 0.3, 0.2]):
        shape = random.normal(size=(d, d)) + np.eye(d)
        rows.append(random.normal(size=(size, d)) @ shape.T + 6.0 * random.normal(size=d))
    return np.concatenate(rows)


def mapped(X: np.ndarray, kind: str, random: np.random.Generator) -> np.ndarray:
    """Return the rows under a random map of one kind."""
    d = X.shape[1]
    rotation = np.linalg.qr(random.normal(size=(d, d)))[0]
    if kind == "linear":
        other = np.linalg.qr(random.normal(size=(d, d)))[0]
        return X @ (rotation * np.geomspace(1.0, 1e4, d)) @ other + 10.0 * random.normal(size=d)
    if kind == "column":
        return X * 10.0 ** random.uniform(-4, 4, size=d)
    return X @ rotation * 10.0 ** random.uniform(-4, 4)


def labels(X: np.ndarray, structure: str) -> np.ndarray:
    """Return the partition that the search finds with three components, named by first appearance."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = GaussianMixtureSearch([3], covariance_type=structure).fit(X).predict(X)
    _, first, names = np.unique(found, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[names]


def changed(structure: str, kind: str, cases: int, seed: int = 0) -> list[int]:
    """Return the cases in which a map of the kind changed a label."""
    bad = []
    for i in range(cases):
        random = np.random.default_rng([seed, i])
        X = case(random)
        if (labels(X, structure) != labels(mapped(X, kind, random), structure)).any():
            bad.append(i)
    return bad


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    lines = ["| structure | map | cases in which a label changed, of 100 |", "|---|---|---|"]
    for structure in STRUCTURES:
        for kind in KINDS[family(structure).equivariance]:
            if not names or structure in names:
                lines.append(f"| {structure} | {kind} | {len(changed(structure, kind, 100))} |")
                print(lines[-1], flush=True)
    return lines
