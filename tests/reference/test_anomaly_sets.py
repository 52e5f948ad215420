"""Public sets with known anomalies: no worse than measured, with room for other machines' rounding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from gmmkit import GaussianMixtureOutlierDetector

DATA = Path(__file__).parents[3] / "shared" / "data" / "anomaly"


@pytest.mark.skipif(not DATA.exists(), reason="the sets of anomalies are not here")
@pytest.mark.parametrize(
    ("name", "auroc", "precision"),
    [
        ("2_annthyroid", 0.90, 0.50),
        ("4_breastw", 0.97, 0.95),
        ("21_Lymphography", 0.97, 0.80),
        ("23_mammography", 0.84, 0.15),
        ("37_Stamps", 0.87, 0.28),
        ("42_WBC", 0.97, 0.80),
    ],
)
def test_anomalies_are_ranked_above_normal_rows(name, auroc, precision):
    with np.load(DATA / f"{name}.npz") as file:
        rows, labels = file["X"], file["y"]
    scores = -GaussianMixtureOutlierDetector(n_jobs=1).fit(rows).score_samples(rows)
    assert roc_auc_score(labels, scores) > auroc
    assert average_precision_score(labels, scores) > precision
