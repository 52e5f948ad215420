"""Anomalies: the rows whose log-likelihood lies below a percentile of what the mixture has seen."""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

from gmmkit import GaussianMixture


def main(output):
    data = load_breast_cancer()
    X = np.log(data.data[:, [0, 4]])  # mean radius, mean smoothness
    benign, malignant = X[data.target == 1], X[data.target == 0]
    gm = GaussianMixture(n_components=2, random_state=0).fit(benign)

    threshold = np.percentile(gm.score_samples(benign), 5)
    caught = gm.score_samples(malignant) < threshold
    flagged = gm.score_samples(benign) < threshold
    print(f"log-likelihood below {threshold:.3f} is an anomaly")
    print(f"flagged: {flagged.mean():.1%} of the benign samples, {caught.mean():.1%} of the malignant")

    x, y = np.meshgrid(np.linspace(1.9, 3.4, 200), np.linspace(-3.0, -1.75, 200))
    score = gm.score_samples(np.column_stack([x.ravel(), y.ravel()])).reshape(x.shape)
    _, ax = plt.subplots(figsize=(6, 4.5), layout="constrained")
    ax.contour(x, y, score, levels=[threshold], colors="black", linestyles="solid")
    ax.scatter(*benign.T, s=10, color="tab:blue", label="benign (fitted)")
    ax.scatter(*malignant.T, s=14, color="tab:red", marker="x", linewidths=0.8, label="malignant (never seen)")
    ax.set(xlabel="log mean radius", ylabel="log mean smoothness")
    ax.legend(frameon=False, loc="lower right")
    plt.savefig(output, dpi=150)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "anomalies.png")
