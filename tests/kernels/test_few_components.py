"""Few components of few columns, whose scores stay in registers: rows far from all of them, and incomplete vectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dense_cases import case, close, gathered

from gmmkit.kernels import native
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
    made.run()
    (counts, first, second), _ = made.merged()
    close({"counts": counts, "first": first, "second": second}, this.sums()[0], this.single)


@pytest.mark.parametrize("weighted", [False, True])
def test_weights_of_one_are_none(weighted):
    this = case("matrices", n=777, d=2, k=5)
    (plain, total), ones = gathered(this), np.ones(777)
    found, again = gathered(replace(this, weights=ones))
    close(found, plain, False)
    assert again == pytest.approx(total, rel=1e-14)
