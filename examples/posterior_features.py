"""Posterior probabilities as features: 64 pixels become 30 numbers that a linear classifier can use."""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from gmmkit import GaussianMixture


def main(output):
    digits = load_digits()
    train, test, y_train, y_test = train_test_split(digits.data, digits.target, test_size=0.5, random_state=0)
    pca = PCA(n_components=15, random_state=0).fit(train)
    gm = GaussianMixture(n_components=30, covariance_type="tied", random_state=0).fit(pca.transform(train))
    features, test_features = (gm.predict_proba(pca.transform(X)) for X in (train, test))

    classifier = LogisticRegression(max_iter=1000).fit(features, y_train)
    print(f"accuracy on {features.shape[1]} posteriors: {classifier.score(test_features, y_test):.1%}")

    # How often each component speaks for each digit.
    table = np.array([test_features[y_test == c].mean(axis=0) for c in range(10)])
    order = np.lexsort((-table.max(axis=0), table.argmax(axis=0)))
    _, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
    picture = ax.imshow(table[:, order], cmap="Blues", aspect="auto")
    ax.set(xlabel="component, sorted by its digit", ylabel="digit", yticks=range(10))
    plt.colorbar(picture, label="mean posterior")
    plt.savefig(output, dpi=150)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "posterior_features.png")
