"""Regions from a grid beside exact ones."""

import numpy as np
import pytest

from gmmkit.model.covariance import Diagonal
from gmmkit.model.mixture import Mixture
from gmmkit.model.regions import region_on_grid


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("nu", [None, 12.0])
def test_a_grid_tells_the_region_roughly(seed, nu):
    random = np.random.default_rng(seed)
    k = 1 + seed % 4
    deviations = random.uniform(0.5, 2.0, k)
    mixture = Mixture(
        random.dirichlet(4 * np.ones(k)), random.normal(0, 9, (k, 1)), Diagonal((deviations**2)[:, None]),
        None if nu is None else np.full(k, nu),
    )  # fmt: skip
    exact, found = mixture.highest_density_region(0.95), region_on_grid(mixture, 0.95)
    inside = np.linspace(-40, 40, 8001)
    held = [np.any([(a <= inside) & (inside <= b) for a, b in region], axis=0) for region in (exact, found)]
    assert (held[0] != held[1]).sum() * 0.01 < 0.15 * deviations.max() * 2 * len(exact)
