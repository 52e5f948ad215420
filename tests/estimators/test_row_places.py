"""Rows are answered in their own places, however kernels read blocks of them."""

from __future__ import annotations

import numpy as np
import pytest

from gmmkit import GaussianMixture


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("d", [1, 2, 3, 4, 5])
def test_each_row_is_answered_in_its_own_place(covariance_type, d):
    # Sums over rows, and so fits, do not show it where rows of a block change places.
    random = np.random.default_rng(d)
    rows, weights = random.normal(size=(101, d)), random.random(101) + 0.1
    gm = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(rows, sample_weight=weights)
    alone = np.array([gm.score_samples(row[None])[0] for row in rows])
    np.testing.assert_allclose(gm.score_samples(rows), alone, rtol=1e-9)
    again = GaussianMixture(2, covariance_type=covariance_type, random_state=0)
    again.fit(np.asfortranarray(rows), sample_weight=weights)
    np.testing.assert_allclose(gm.means_, again.means_, rtol=1e-7, atol=1e-9)
