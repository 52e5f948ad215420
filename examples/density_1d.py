"""The density of one column, drawn over its histogram."""

import sys

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import trapezoid
from sklearn.datasets import load_iris

from gmmkit import GaussianMixture


def main(output):
    X = load_iris().data[:, [2]]  # petal length in cm, of three species
    gm = GaussianMixture(n_components=3, random_state=0).fit(X)

    grid = np.linspace(0, 8, 800).reshape(-1, 1)
    density = np.exp(gm.score_samples(grid))
    parts = gm.predict_proba(grid) * density[:, None]

    print(f"area under the density: {trapezoid(density, grid[:, 0]):.4f}")
    print("means (cm):", *np.sort(gm.means_[:, 0]).round(2))

    _, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    ax.hist(X[:, 0], bins=np.arange(0.9, 7.2, 0.2), density=True, color="0.85")
    ax.plot(grid, density, color="black", label="mixture")
    ax.plot(grid, parts, "--", label=[f"component {j}" for j in range(3)])
    ax.set(xlabel="petal length (cm)", ylabel="density", xlim=(0, 8))
    ax.legend(frameon=False)
    plt.savefig(output, dpi=150)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "density_1d.png")
