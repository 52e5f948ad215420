"""How many components? The Bayesian information criterion for 1 to 5 of them, and four covariance types."""

import sys

import matplotlib.pyplot as plt
from sklearn.datasets import load_iris

from gmmkit import GaussianMixture


def main(output):
    X = load_iris().data
    counts = range(1, 6)
    bic = {
        covariance_type: [
            GaussianMixture(k, covariance_type=covariance_type, n_init=3, random_state=0).fit(X).bic(X) for k in counts
        ]
        for covariance_type in ("spherical", "diag", "tied", "full")
    }
    value, k, covariance_type = min((b, k, name) for name in bic for k, b in zip(counts, bic[name], strict=True))
    print(f"lowest BIC: {value:.1f} with {k} {covariance_type} components")

    _, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, values in bic.items():
        ax.plot(counts, values, "o-", label=name)
    ax.plot(k, value, "o", markersize=14, markerfacecolor="none", markeredgecolor="black")
    ax.set(xlabel="number of components", ylabel="BIC (lower is better)")
    ax.legend(frameon=False, title="covariance_type")
    plt.savefig(output, dpi=150)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "number_of_components.png")
