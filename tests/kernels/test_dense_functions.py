"""The dense kernels' powers and logarithms, as far as they are seen through what two components make of a row."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gmmkit.kernels import native
from gmmkit.kernels.expanded import Features
from gmmkit.kernels.native import dense

pytestmark = pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))

#: A score of 0, and one of −x.
BESIDE = dense.expanded(Features.LINEAR, np.array([[0.0, 0.0], [0.0, -1.0]]), np.zeros(1), np.ones(1))
DISTANCES = np.concatenate([np.linspace(0.0, 690.0, 20_001), 2.0 ** np.arange(-60, 9), np.arange(1, 990) * math.log(2)])


def told(distances):
    posterior, log_sums, certainty = np.empty((len(distances), 2)), np.empty(len(distances)), np.empty(len(distances))
    dense.answer(distances[:, None], BESIDE, posterior=posterior, log_sums=log_sums, certainty=certainty)
    return posterior, log_sums, certainty


def test_a_share_is_the_exponential():
    posterior, log_sums, certainty = told(DISTANCES)
    beside = np.array([math.exp(-x) for x in DISTANCES])
    # The last bit of x is worth 1.1e-16 x of its exponential; without fused products x loses one more on the way.
    allowed = 1e-15 + 2.3e-16 * DISTANCES
    assert (np.abs(posterior[:, 1] * (1 + beside) / beside - 1) <= allowed).all()
    np.testing.assert_allclose(posterior[:, 0], 1 / (1 + beside), rtol=1e-15)
    np.testing.assert_allclose(log_sums, np.log1p(beside), rtol=0, atol=4e-16)
    np.testing.assert_array_equal(certainty, -log_sums)


def test_what_is_nothing_beside_one_is_0():
    posterior, log_sums, _ = told(np.array([690.0, 700.0, 745.0, 1e4, 1e150, 1e300]))
    assert posterior[0, 1] > 0
    # Where numbers lose digits, between 690 and 745, it may be either.
    assert posterior[1, 1] == 0 or abs(posterior[1, 1] / math.exp(-700.0) - 1) <= 2e-13
    assert (posterior[2:, 1] == 0).all()
    assert (posterior[1:, 0] == 1).all()
    assert (log_sums[1:] == 0).all()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [1, 3, 8, 256, 5000])
@pytest.mark.parametrize("k", [1, 2, 17, 300])
def test_logarithms_of_many_rows_are_added_up(n, k, weighted):
    # Where all components are alike, a row's sum is k: the product of many is taken before its logarithm.
    theta = np.tile([0.25, 1.0], (k, 1))
    components = dense.expanded(Features.LINEAR, theta, np.zeros(1), np.ones(1))
    rows = np.random.default_rng(n).normal(size=(n, 1))
    weights = np.random.default_rng(k).random(n) if weighted else np.ones(n)
    expected = math.fsum(w * (0.25 + x + math.log(k)) for w, x in zip(weights, rows[:, 0], strict=True))
    found = dense.gather(rows, weights if weighted else None, components, origin=np.zeros((k, 2)))
    size = math.fsum(w * abs(0.25 + x + math.log(k)) for w, x in zip(weights, rows[:, 0], strict=True))
    assert abs(found - expected) <= 1e-14 * size


def test_the_logarithm_to_its_last_bits():
    shares = np.concatenate([[0.0], 2.0 ** -np.arange(0.0, 60.0), np.linspace(0, 40, 3001)])
    for x in shares:
        found = dense.gather(np.array([[x]]), np.ones(1), BESIDE, origin=np.zeros((2, 2)))
        assert abs(found - math.log1p(math.exp(-x))) <= 4e-16


def test_a_share_in_floats():
    distances = np.concatenate([np.linspace(0.0, 80.0, 2001), 2.0 ** np.arange(-20, 6)]).astype(np.float32)
    # Squared deviations from two means: 0 at the row itself, and 2 x at the other.
    white = np.ones((2, 1))
    for x in distances.astype(np.float64):
        components = dense.centred(np.zeros((2, 1)), white, np.array([0.0, -x]), np.zeros(1), np.ones(1), single=True)
        counts = np.zeros(2)
        dense.gather(np.zeros((1, 1)), None, components, counts=counts, first=np.zeros((2, 1)), second=np.zeros((2, 1)))
        beside = math.exp(-float(np.float32(x)))
        assert abs(counts[1] * (1 + beside) / beside - 1) <= 4e-7 + 6e-8 * x
    for x in (88.0, 1e3, 1e30, 1e38):
        components = dense.centred(np.zeros((2, 1)), white, np.array([0.0, -x]), np.zeros(1), np.ones(1), single=True)
        counts = np.zeros(2)
        dense.gather(np.zeros((1, 1)), None, components, counts=counts, first=np.zeros((2, 1)), second=np.zeros((2, 1)))
        np.testing.assert_array_equal(counts, [1.0, 0.0])
