import numpy as np
import pytest

from gmmkit.kernels.expanded import Features
from gmmkit.numerics.triangles import packed, unpacked


@pytest.mark.parametrize("d", [1, 2, 6])
def test_what_is_unpacked_is_symmetric_and_packs_to_the_same(d):
    triangles = np.arange(2 * (d * (d + 1) // 2), dtype=float).reshape(2, -1)
    matrices = unpacked(triangles, d)
    np.testing.assert_array_equal(matrices, matrices.transpose(0, 2, 1))
    np.testing.assert_array_equal(packed(matrices), triangles)


@pytest.mark.parametrize("d", [1, 2, 6])
def test_the_order_is_that_of_the_features(d):
    z = np.random.default_rng(d).standard_normal((d, 1))
    psi = Features.FULL.build(z, np.empty((Features.FULL.size(d), 1)))
    np.testing.assert_array_equal(packed((z * z.T)[None])[0], psi[1 + d :, 0])
