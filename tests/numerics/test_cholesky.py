import numpy as np
import pytest
import scipy.linalg

from gmmkit.numerics.cholesky import cholesky, inverse_lower, not_positive_definite, whitening_of

SIZES = [1, 2, 5, 16, 17, 80]


def matrices(k, d, seed=0):
    roots = np.random.default_rng([seed, d]).standard_normal((k, d, 2 * d))
    return roots @ roots.transpose(0, 2, 1)


@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("k", [1, 3])
def test_cholesky_is_scipys(k, d):
    stack = matrices(k, d)
    factors = cholesky(stack)
    for factor, matrix in zip(factors, stack, strict=True):
        np.testing.assert_allclose(factor, scipy.linalg.cholesky(matrix, lower=True), rtol=1e-10, atol=1e-12)
        np.testing.assert_array_equal(factor, np.tril(factor))


@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("k", [1, 3])
def test_inverse_lower_is_scipys(k, d):
    factors = cholesky(matrices(k, d))
    before = factors.copy()
    inverses = inverse_lower(factors)
    for inverse, factor in zip(inverses, factors, strict=True):
        expected = scipy.linalg.solve_triangular(factor, np.eye(d), lower=True)
        np.testing.assert_allclose(inverse, expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(inverse, np.tril(inverse))
    np.testing.assert_array_equal(factors, before)


@pytest.mark.parametrize("d", SIZES)
def test_inverses_may_be_written_over_the_factors(d):
    factors = cholesky(matrices(3, d))
    expected = inverse_lower(factors)
    np.testing.assert_array_equal(inverse_lower(factors, overwrite=True), expected)


@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("k", [1, 3])
def test_whitening_makes_matrices_the_identity(k, d):
    stack = matrices(k, d)
    whitening = whitening_of(stack)
    np.testing.assert_array_equal(whitening, np.tril(whitening))
    np.testing.assert_allclose(
        whitening @ stack @ whitening.transpose(0, 2, 1), np.broadcast_to(np.eye(d), stack.shape), atol=1e-9
    )


@pytest.mark.parametrize("d", [2, 16, 17, 40])
def test_what_stands_above_the_diagonal_is_not_read(d):
    (factor,) = cholesky(matrices(1, d))
    np.testing.assert_array_equal(
        inverse_lower((factor + np.triu(np.full((d, d), 7.0), 1))[None]), inverse_lower(factor[None])
    )


@pytest.mark.parametrize("d", [2, 16, 17])
def test_badly_scaled_factors(d):
    scale = np.geomspace(1e-150, 1e150, d)
    (factor,) = cholesky(matrices(1, d))
    found = inverse_lower((scale[:, None] * factor)[None])[0]
    np.testing.assert_allclose(found * scale, inverse_lower(factor[None])[0], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("d", [1, 2, 17])
def test_a_matrix_without_a_factor(d):
    stack = matrices(4, d)
    stack[2] = -stack[2]
    stack[3, -1, -1] = -1.0
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        cholesky(stack)
    assert not_positive_definite(stack) == [2, 3]
    assert not_positive_definite(stack[:2]) == []


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_one_column_is_judged_alike(value):
    assert not_positive_definite(np.array([[[1.0]], [[value]]])) == [1]
