"""Calm and turbulent months of the stock market: a mixture on the last three monthly returns."""

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cbook import get_sample_data

from gmmkit import GaussianMixture


def main(output):
    # S&P 500, monthly; rows without a price are dividends.
    path = get_sample_data("Stocks.csv", asfileobj=False)
    table = np.genfromtxt(path, delimiter=",", skip_header=2, usecols=(0, 9), dtype=None)
    table = table[np.isfinite(table["f1"])]
    month, price = table["f0"].astype("datetime64[D]"), table["f1"]
    returns = np.diff(np.log(price))
    lagged = np.lib.stride_tricks.sliding_window_view(returns, 3)  # r(t-2), r(t-1), r(t)

    gm = GaussianMixture(n_components=2, n_init=10, random_state=0).fit(lagged)
    spread = np.trace(gm.covariances_, axis1=1, axis2=2)
    turbulent = gm.predict_proba(lagged)[:, spread.argmax()]
    for name, j in (("calm", spread.argmin()), ("turbulent", spread.argmax())):
        volatility = np.sqrt(12 * spread[j] / 3)
        print(f"{name}: {gm.weights_[j]:.0%} of the months, volatility {volatility:.0%} a year")

    _, axes = plt.subplots(2, 1, figsize=(7, 4.5), sharex=True, layout="constrained")
    axes[0].semilogy(month, price, color="black", linewidth=0.8)
    axes[0].set_yticks([500, 1000, 2000, 4000], ["500", "1000", "2000", "4000"])
    axes[0].minorticks_off()
    axes[0].set_ylabel("S&P 500")
    axes[1].fill_between(month[3:], turbulent, color="tab:red", alpha=0.6, linewidth=0)
    axes[1].set(ylabel="P(turbulent)", ylim=(0, 1))
    plt.savefig(output, dpi=150)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "regimes.png")
