"""Kernels against the arithmetic they stand for; whole passes are held to the oracle in tests/laws."""

import numpy as np
import pytest

from gmmkit.kernels import centred, expanded
from gmmkit.kernels.expanded import Features


@pytest.mark.parametrize("d", [1, 5, 16, 63, 64, 65, 128, 150])
@pytest.mark.parametrize("columns", [1, 7])
def test_triangular_product_is_the_product(d, columns):
    random = np.random.default_rng(d)
    lower = np.tril(random.standard_normal((d, d)))
    z = random.standard_normal((d, columns))
    out = np.full((d, columns), np.nan)
    assert centred.triangular_product(lower, z, out) is out
    np.testing.assert_allclose(out, lower @ z, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("features", Features)
def test_features_have_the_size_they_say_and_fill_it(features, d):
    z = np.random.default_rng(0).standard_normal((d, 4))
    psi = features.build(z, np.full((features.size(d), 4), np.nan))
    np.testing.assert_array_equal(psi[0], 1.0)
    np.testing.assert_array_equal(psi[1 : 1 + d], z)
    squares = {
        Features.LINEAR: np.empty((0, 4)),
        Features.RADIAL: (z**2).sum(axis=0, keepdims=True),
        Features.DIAGONAL: z**2,
        Features.FULL: np.array([z[i] * z[j] for i in range(d) for j in range(i, d)]),
    }[features]
    np.testing.assert_allclose(psi[1 + d :], squares, rtol=1e-15)


@pytest.mark.parametrize("d", [1, 2, 6])
def test_pack_is_the_quadratic_form(d):
    random = np.random.default_rng(d)
    root = random.standard_normal((3, d, d))
    precision = root @ root.transpose(0, 2, 1)
    z = random.standard_normal((d, 8))
    psi = Features.FULL.build(z, np.empty((Features.FULL.size(d), 8)))[1 + d :]
    expected = -0.5 * np.einsum("ib,kij,jb->kb", z, precision, z)
    np.testing.assert_allclose(expanded.pack(precision) @ psi, expected, rtol=1e-11, atol=1e-12)


def test_gather_adds():
    random = np.random.default_rng(4)
    shares, psi = random.random((2, 6)), random.random((3, 6))
    sums = np.ones((2, 3))
    expanded.gather(shares, psi, sums)
    expanded.gather(shares, psi, sums)
    np.testing.assert_allclose(sums, 1 + 2 * shares @ psi.T)


@pytest.mark.parametrize("shared", [False, True])
def test_gather_matrix_adds_and_is_symmetric(shared):
    random = np.random.default_rng(5)
    z, means, shares = random.standard_normal((3, 9)), random.standard_normal((2, 3)), random.random((2, 9))
    first, second = np.zeros((2, 3)), np.zeros((3, 3) if shared else (2, 3, 3))
    for _ in range(2):
        centred.gather_matrix(z, means, shares, first, second)
    y = z.T - means[:, None]
    outer = 2 * np.einsum("kb,kbi,kbj->kij", shares, y, y)
    np.testing.assert_allclose(second, outer.sum(axis=0) if shared else outer, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(first, 2 * np.einsum("kb,kbi->ki", shares, y), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(second, np.swapaxes(second, -1, -2))


def test_gather_diagonal_is_the_matrix_ones_diagonal():
    random = np.random.default_rng(6)
    z, means, shares = random.standard_normal((3, 9)), random.standard_normal((2, 3)), random.random((2, 9))
    first, second = np.zeros((2, 3)), np.zeros((2, 3, 3))
    centred.gather_matrix(z, means, shares, first, second)
    alike, squares = np.zeros((2, 3)), np.zeros((2, 3))
    centred.gather_diagonal(z, means, shares, alike, squares)
    np.testing.assert_allclose(alike, first, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(squares, np.diagonal(second, axis1=1, axis2=2), rtol=1e-12)


def test_inputs_are_left_alone():
    random = np.random.default_rng(7)
    z, means, shares = random.standard_normal((3, 9)), random.standard_normal((2, 3)), random.random((2, 9))
    white = np.tile(np.eye(3), (2, 1, 1))
    copies = [a.copy() for a in (z, means, shares, white)]
    centred.score_matrix(z, means, white, np.zeros(2), np.empty((2, 9)))
    centred.score_diagonal(z, means, np.ones((2, 3)), np.zeros(2), np.empty((2, 9)))
    centred.gather_matrix(z, means, shares, np.zeros((2, 3)), np.zeros((2, 3, 3)))
    centred.gather_diagonal(z, means, shares, np.zeros((2, 3)), np.zeros((2, 3)))
    for array, copy in zip((z, means, shares, white), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
