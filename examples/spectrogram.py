"""Loud and quiet parts of a spectrogram, from its values as they are: around 1e-7, far below any fixed ridge."""

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cbook import get_sample_data
from scipy.signal import spectrogram

from gmmkit import GaussianMixture


def main(output):
    # Potential across the membrane of a nerve cell that fires, sampled at 2 kHz.
    potential = np.fromfile(get_sample_data("membrane.dat", asfileobj=False), np.float32).astype(float)
    frequency, time, power = spectrogram(potential, fs=2000, nperseg=128, noverlap=96)
    values = power.reshape(-1, 1)
    gm = GaussianMixture(n_components=4, random_state=0).fit(values)

    # The components in order of loudness.
    rank = gm.means_[:, 0].argsort().argsort()
    loudness = rank[gm.predict(values)].reshape(power.shape)
    print(f"power from {power.min():.1e} to {power.max():.1e}, median {np.median(power):.1e}")
    print("median power of the segments:", *(f"{np.median(power[loudness == j]):.1e}" for j in np.unique(loudness)))

    _, axes = plt.subplots(3, 1, figsize=(7, 6.5), sharex=True, layout="constrained")
    axes[0].plot(np.arange(len(potential)) / 2000, potential, linewidth=0.7)
    axes[0].set(ylabel="potential", xlim=(time[0], time[-1]))
    axes[1].pcolormesh(time, frequency, np.log10(power), cmap="magma")
    axes[1].set_ylabel("log power\nfrequency (Hz)")
    axes[2].pcolormesh(time, frequency, loudness, cmap="magma")
    axes[2].set(ylabel="component\nfrequency (Hz)", xlabel="time (s)")
    plt.savefig(output, dpi=150)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "spectrogram.png")
