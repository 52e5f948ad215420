"""A photograph segmented in Lab space, where distances are those the eye sees."""

import sys

import matplotlib.pyplot as plt
import numpy as np
from skimage.color import label2rgb, rgb2lab
from skimage.data import coffee

from gmmkit import GaussianMixture


def main(output):
    image = coffee()[::2, ::2]
    pixels = rgb2lab(image).reshape(-1, 3)
    sample = np.random.default_rng(0).choice(pixels, 10_000, replace=False)
    gm = GaussianMixture(n_components=4, random_state=0).fit(sample)
    segments = gm.predict(pixels).reshape(image.shape[:2])

    share = np.bincount(segments.ravel(), minlength=4) / segments.size
    print("share of the pixels:", *share.round(3))
    print(f"pixels less than 90 % sure: {(gm.predict_proba(pixels).max(axis=1) < 0.9).mean():.1%}")

    _, axes = plt.subplots(1, 2, figsize=(9, 3.3), layout="constrained")
    axes[0].imshow(image)
    axes[0].set_title("photograph")
    axes[1].imshow(label2rgb(segments, image, kind="avg", bg_label=-1))
    axes[1].set_title("segments, each in its mean colour")
    for ax in axes:
        ax.axis("off")
    plt.savefig(output, dpi=150)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "photograph_lab.png")
