import numpy as np
import pytest
from scipy.special import logsumexp, softmax

from gmmkit.numerics.logsumexp import log_normalise


@pytest.mark.parametrize("k", [1, 2, 17])
@pytest.mark.parametrize("size", [1.0, 30.0, 1e5])
def test_is_scipys_softmax(k, size):
    scores = size * np.random.default_rng(k).standard_normal((k, 40))
    shares = scores.copy()
    normaliser, lost = log_normalise(shares)
    np.testing.assert_allclose(normaliser, logsumexp(scores, axis=0), rtol=1e-14)
    np.testing.assert_allclose(shares, softmax(scores, axis=0), rtol=1e-12, atol=0)
    assert lost.size == 0


def test_works_in_place_on_views():
    buffer = np.zeros((2, 8))
    view = buffer[:, :3]
    log_normalise(view)
    np.testing.assert_array_equal(buffer[:, :3], 0.5)
    np.testing.assert_array_equal(buffer[:, 3:], 0.0)


def test_scores_far_below_give_exactly_zero():
    scores = np.array([[0.0], [-746.0], [-1e250], [-np.inf]])
    normaliser, lost = log_normalise(scores)
    np.testing.assert_array_equal(scores[:, 0], [1.0, 0.0, 0.0, 0.0])
    assert (normaliser[0], lost.size) == (0.0, 0)


def test_sums_near_the_limits_of_float64_do_not_overflow():
    scores = np.full((4, 2), [1e308, -1e308])
    normaliser, _ = log_normalise(scores)
    np.testing.assert_array_equal(scores, 0.25)
    np.testing.assert_allclose(normaliser, [1e308, -1e308])


def test_rows_without_a_finite_score_are_given_back():
    scores = np.array([[0.0, -np.inf, 1.0, -np.inf], [0.0, -np.inf, -np.inf, -np.inf]])
    normaliser, lost = log_normalise(scores)
    np.testing.assert_array_equal(lost, [1, 3])
    np.testing.assert_array_equal(scores, [[0.5, 0.0, 1.0, 0.0], [0.5, 0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(normaliser, [np.log(2), -np.inf, 1.0, -np.inf])
