"""Handwritten digits: one mixture for each class; a digit belongs to the class that finds it most likely."""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from gmmkit import GaussianMixture


def main(output):
    digits = load_digits()
    train, test, y_train, y_test = train_test_split(
        digits.data, digits.target, test_size=0.5, stratify=digits.target, random_state=0
    )
    pca = PCA(n_components=20, random_state=0).fit(train)
    reduced = pca.transform(train)
    mixtures = [
        GaussianMixture(n_components=3, covariance_type="tied", random_state=0).fit(reduced[y_train == c])
        for c in range(10)
    ]
    score = np.column_stack([gm.score_samples(pca.transform(test)) for gm in mixtures])
    predicted = score.argmax(axis=1)
    wrong = np.flatnonzero(predicted != y_test)
    print(f"test error: {len(wrong) / len(test):.1%} ({len(wrong)} of {len(test)})")

    _, axes = plt.subplots(3, 10, figsize=(9, 3), layout="constrained")
    for c, gm in enumerate(mixtures):
        for ax, mean in zip(axes[:, c], pca.inverse_transform(gm.means_), strict=True):
            ax.imshow(mean.reshape(8, 8), cmap="gray_r")
            ax.axis("off")
    plt.suptitle("The three means of each class")
    plt.savefig(output, dpi=150)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "digits.png")
