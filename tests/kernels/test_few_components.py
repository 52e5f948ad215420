"""Few components of few columns, whose scores stay in registers: rows far from all of them, and incomplete vectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dense_cases import case, close, gathered

from gmmkit.kernels import native
from gmmkit.kernels.native import dense
from gmmkit.kernels.native.dense_blocks import BlockPass

pytestmark = pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))

FORMS = ("matrices", "matrices, floats")


def held(this, what=""):
    found, total = gathered(this)
    expected, row_sum = this.sums()
    close(found, expected, this.single, what)
    assert total == pytest.approx(row_sum, rel=1e-5 if this.single else 1e-12, abs=1e-4 if this.single else 1e-11)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", range(1, 10))
@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize("form", FORMS)
def test_numbers_of_rows_that_are_no_whole_vectors(form, d, k, weighted):
    this = case(form, n=600, d=d, k=k, weighted=weighted)
    for n in (1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 511, 513, 600):
        held(this.first(n), f"of {n} rows")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("far", [8.0, 12.0, 30.0, 38.0, 1e3, 1e9])
@pytest.mark.parametrize("k", [1, 2, 5, 8, 9])
@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("form", FORMS)
def test_rows_far_from_all_components_among_near_ones(form, d, k, far, weighted):
    # Of scores taken from the largest constant nothing would be left: their own largest counts.
    this = case(form, n=130, d=d, k=k, weighted=weighted)
    random = np.random.default_rng(int(far))
    away = random.random(130) < 0.2
    this.rows[away] += far * np.sign(random.normal(size=(away.sum(), d))) / this.components.scale
    if this.single and far > 30:  # floats have no digits for shares of what lies so far
        found, total = gathered(this)
        weights = np.ones(130) if this.weights is None else this.weights
        assert found["counts"].sum() == pytest.approx(weights.sum(), rel=1e-5)
        assert total == pytest.approx(this.sums()[1], rel=1e-5)
    else:
        held(this)


@pytest.mark.parametrize("form", FORMS)
def test_a_tile_of_fewer_rows_after_one_of_fewer_still(form):
    # 1000 rows leave an incomplete tile behind, and the 510 after them one that is longer, or shorter.
    this = case(form, n=1510, d=2, k=5)
    made = BlockPass(this.rows, None, this.components, 1000)
    made.lead()
    (counts, first, second), _ = made.merged()
    close({"counts": counts, "first": first, "second": second}, this.sums()[0], this.single)


def test_weights_of_one_are_none():
    this = case("matrices", n=777, d=2, k=5)
    (plain, total), ones = gathered(this), np.ones(777)
    found, again = gathered(replace(this, weights=ones))
    close(found, plain, False)
    assert again == pytest.approx(total, rel=1e-14)


# Of floats the weights that they hold.
@pytest.mark.parametrize(
    ("form", "far", "weight"), [(FORMS[0], 39.0, 1e45), (FORMS[0], 45.0, 1e300), (FORMS[1], 9.5, 1e24)]
)
def test_huge_weights_of_rows_far_from_all_components(form, far, weight):
    # What is left of them is little, and must not be divided by first.
    this = case(form, n=40, d=2, k=2)
    this.rows[:8] = this.components.shift + far / this.components.scale
    this = replace(this, weights=np.full(40, weight))
    found, total = gathered(this)
    plain, expected = gathered(replace(this, weights=np.ones(40)))
    assert total == pytest.approx(weight * expected, rel=1e-6)
    for name, values in found.items():
        np.testing.assert_allclose(values / weight, plain[name], rtol=1e-4 if this.single else 1e-10, atol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_rows_smaller_than_normal_floats_are_read_with_what_they_have(form):
    this = case(form, n=300, d=2, k=3)
    z = (this.rows - this.components.shift) * this.components.scale
    rows = (z * 2.0**-130).astype(np.float32)
    small = replace(this.components, shift=np.zeros(2), scale=np.full(2, 2.0**130))
    tiny = replace(this, rows=rows, components=small)
    found, _ = gathered(tiny)
    expected, _ = tiny.sums()
    close(found, expected, this.single)


def test_moments_of_correlated_components_keep_their_digits():
    # Deviations from the origin cancel within each component, and roundings do not.
    random = np.random.default_rng(0)
    near = 1 - 3e-4
    factor = np.linalg.cholesky([[1.0, near], [near, 1.0]])
    white, mean = np.linalg.inv(factor), np.array([20.0, 20.0])
    rows = mean + random.normal(size=(20_000, 2)) @ factor.T
    components = dense.centred(mean[None], white[None], np.zeros(1), np.zeros(2), np.ones(2))
    counts, first, second = np.zeros(1), np.zeros((1, 2)), np.zeros((1, 2, 2))
    dense.gather(rows, None, components, counts=counts, first=first, second=second)
    y = (rows - mean) @ white.T
    expected = y.T @ y / len(rows)
    np.testing.assert_allclose(white @ (second[0] / len(rows)) @ white.T, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [2, 9])
def test_a_component_whose_score_is_no_number_has_no_share(k, weighted):
    # One side of its whitening is infinite and the other minus infinity: the others share the row.
    white = np.tile(np.eye(2), (k, 1, 1))
    white[0] = [[1.0, 0.0], [1e308, -1e308]]
    components = dense.centred(np.zeros((k, 2)), white, np.zeros(k), np.zeros(2), np.ones(2))
    rows = np.full((40, 2), 5.0)
    counts, first, second = np.zeros(k), np.zeros((k, 2)), np.zeros((k, 2, 2))
    weights = np.ones(40) if weighted else None
    total = dense.gather(rows, weights, components, counts=counts, first=first, second=second)
    np.testing.assert_allclose(counts, [0.0, *[40 / (k - 1)] * (k - 1)], rtol=1e-12, atol=1e-250)
    assert np.isfinite(second).all()
    assert total == pytest.approx(40 * (np.log(k - 1) - 25.0), rel=1e-12)
