"""Soft clustering: every wine has a probability of each cluster, shown as a mix of three colours."""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine

from gmmkit import GaussianMixture

COLOURS = np.array([[0.85, 0.25, 0.15], [0.10, 0.55, 0.30], [0.15, 0.30, 0.80]])


def main(output):
    wine = load_wine()
    X = wine.data[:, [6, 9]]  # flavanoids, colour intensity
    gm = GaussianMixture(n_components=3, n_init=5, random_state=0).fit(X)
    probability = gm.predict_proba(X)
    certainty = probability.max(axis=1)

    cultivars = [np.bincount(wine.target[gm.predict(X) == j], minlength=3).max() for j in range(3)]
    print(f"wines in a cluster of mostly their own cultivar: {sum(cultivars)} of {len(X)}")
    print(f"wines less than 90 % sure: {(certainty < 0.9).sum()}")

    _, ax = plt.subplots(figsize=(6, 4.5), layout="constrained")
    ax.scatter(*X.T, c=(probability @ COLOURS).clip(0, 1), s=30)
    unsure = certainty < 0.9
    ax.scatter(*X[unsure].T, s=90, facecolors="none", edgecolors="black", label="less than 90 % sure")
    ax.set(xlabel=wine.feature_names[6], ylabel=wine.feature_names[9].replace("_", " "))
    ax.legend(frameon=False)
    plt.savefig(output, dpi=150)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "soft_clustering.png")
