"""A photograph in six colours: its 8-bit pixels go in as they are."""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

from gmmkit import GaussianMixture


def main(output):
    image = load_sample_image("china.jpg")[::2, ::2]
    pixels = image.reshape(-1, 3)  # uint8
    gm = GaussianMixture(n_components=6, random_state=0).fit(pixels)
    labels = gm.predict(pixels)

    painted = gm.means_[labels].reshape(image.shape).clip(0, 255).astype(np.uint8)
    error = np.sqrt(np.mean((painted.astype(float) - image) ** 2))
    print(f"{len(pixels)} pixels, {len(np.unique(pixels, axis=0))} colours; painted in {len(np.unique(labels))}")
    print(f"mean log-likelihood {gm.score(pixels):.3f}, root mean square error {error:.1f} of 255")

    _, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for ax, picture, title in zip(axes, (image, painted), ("photograph", "mean colour of the component"), strict=True):
        ax.imshow(picture)
        ax.set_title(title)
        ax.axis("off")
    plt.savefig(output, dpi=150)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "photograph_rgb.png")
