"""New rows drawn from a fitted mixture, beside the rows it was fitted to."""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris

from gmmkit import GaussianMixture


def main(output):
    iris = load_iris()
    X = iris.data
    gm = GaussianMixture(n_components=3, random_state=0).fit(X)
    drawn, component = gm.sample(len(X))

    print("mean of the data:  ", *X.mean(axis=0).round(2))
    print("mean of the sample:", *drawn.mean(axis=0).round(2))
    print(f"largest difference of a correlation: {np.abs(np.corrcoef(X.T) - np.corrcoef(drawn.T)).max():.3f}")

    _, axes = plt.subplots(1, 2, figsize=(8, 4), sharex=True, sharey=True, layout="constrained")
    axes[0].scatter(X[:, 2], X[:, 0], c=gm.predict(X), s=15, cmap="viridis")
    axes[1].scatter(drawn[:, 2], drawn[:, 0], c=component, s=15, cmap="viridis")
    axes[0].set(title="150 irises", xlabel=iris.feature_names[2], ylabel=iris.feature_names[0])
    axes[1].set(title="150 draws from the mixture", xlabel=iris.feature_names[2])
    plt.savefig(output, dpi=150)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sampling.png")
