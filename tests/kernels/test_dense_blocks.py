"""A dense pass whose blocks are shared: the sums of all rows, whoever takes which block, and the same bits."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from dense_cases import FORMS, case, close, gathered

from gmmkit.kernels import native
from gmmkit.kernels.native import dense
from gmmkit.kernels.native.dense_blocks import BlockPass

pytestmark = pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))

EXPANDED = ("linear", "radial", "squares")


def block_pass(this, block_rows):
    d = this.components.d
    scatter = (d, d) if this.form in EXPANDED else ()
    return BlockPass(this.rows, this.weights, this.components, block_rows, scatter=scatter)


def named(this, found):
    names = ("origin", "scatter") if this.form in EXPANDED else ("counts", "first", "second")
    return dict(zip(names, found, strict=True))


@pytest.mark.parametrize("block_rows", [1, 7, 128, 999, 1000, 5000])
@pytest.mark.parametrize("d", [1, 2, 9, 20])
@pytest.mark.parametrize("form", FORMS)
def test_blocks_come_to_the_sums_of_all_rows(form, d, block_rows):
    this = case(form, n=1000, d=d, k=3, weighted=d == 9)
    made = block_pass(this, block_rows)
    assert made.n_blocks == -(-1000 // block_rows)
    made.lead()
    found, total = made.merged()
    expected, row_sum = this.sums()
    close(named(this, found), expected, this.single, f"in blocks of {block_rows}")
    assert total == pytest.approx(row_sum, rel=1e-4 if this.single else 1e-11)


@pytest.mark.parametrize("form", FORMS)
def test_one_block_has_the_bits_of_a_call_without_blocks(form):
    this = case(form, n=700, d=3, k=4)
    made = block_pass(this, 700)
    made.lead()
    found, total = made.merged()
    expected, row_sum = gathered(this)
    assert total == row_sum
    for name, values in named(this, found).items():
        np.testing.assert_array_equal(values, expected[name])


@pytest.mark.parametrize("change", ["strided", "floats", "by columns"])
@pytest.mark.parametrize("form", ["matrices", "squares"])
def test_blocks_of_rows_wherever_they_lie(form, change):
    this = case(form, n=600, d=3, k=2, dtype=np.float32 if change == "floats" else np.float64)
    rows = this.rows
    if change == "strided":
        rows = np.zeros((1200, 7))
        rows[::2, ::-1][:, 1:4] = this.rows
        rows = rows[::2, ::-1][:, 1:4]
    elif change == "by columns":
        rows = np.asfortranarray(rows)
    np.testing.assert_array_equal(rows, this.rows)
    a, b = (BlockPass(given, None, this.components, 130) for given in (this.rows, rows))
    a.lead(), b.lead()
    assert a.merged()[1] == b.merged()[1]
    for one, other in zip(a.merged()[0], b.merged()[0], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", [(4, 4), (4,), ()])
def test_the_scatter_that_is_asked_for(shape):
    this = case("linear", n=300, d=4, k=2, weighted=True)
    made = BlockPass(this.rows, this.weights, this.components, 100, scatter=shape)
    made.lead()
    found = made.merged()[0]
    z = this.z
    whole = (z.T * this.weights) @ z
    assert len(found) == (2 if shape else 1)
    if shape:
        np.testing.assert_allclose(found[1], whole if len(shape) == 2 else np.diag(whole), rtol=1e-11)


@pytest.mark.parametrize("form", FORMS)
def test_many_threads_have_the_bits_of_one(form):
    this = case(form, n=20_000, d=4, k=5, weighted=True)
    alone = block_pass(this, 256)
    alone.lead()
    for n_helpers in (1, 3, 7):
        made = block_pass(this, 256)
        helpers = [threading.Thread(target=made.help) for _ in range(n_helpers)]
        for helper in helpers:
            helper.start()
        made.lead()
        found, total = made.merged()  # before the others have said that they are done
        assert total == alone.merged()[1]
        for one, other in zip(found, alone.merged()[0], strict=True):
            np.testing.assert_array_equal(one, other)
        for helper in helpers:
            helper.join()


def test_who_comes_late_finds_nothing_to_do():
    this = case("matrices", n=500, d=2, k=2)
    made = block_pass(this, 128)
    made.lead()
    found, total = made.merged()
    for _ in range(3):
        made.help()
    again, same = made.merged()
    assert total == same
    for one, other in zip(found, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_who_leads_waits_for_the_others():
    this = case("matrices", n=500, d=2, k=2)
    made = block_pass(this, 128)
    made._blocks.taken = 1  # the first block, by another, who takes his time
    done = []

    def finish():
        time.sleep(0.05)
        done.append(True)
        made._blocks.done += 1

    other = threading.Thread(target=finish)
    other.start()
    made.lead()
    assert done
    other.join()


def test_too_little_memory_of_one_is_told_by_who_leads():
    made = block_pass(case("matrices", n=500, d=2, k=2), 128)
    made._blocks.taken, made._blocks.failed = 1, 1
    with pytest.raises(MemoryError, match="not enough memory for the compiled kernel"):
        made.lead()


@pytest.mark.parametrize("form", ["matrices", "squares", "deviations, floats"])
def test_a_row_too_far_is_told(form):
    this = case(form, n=500, d=2, k=2)
    this.rows[333] = 1e300
    made = block_pass(this, 128)
    made.lead()
    found, total = made.merged()
    assert np.isnan(total)
    assert all(np.isfinite(values).all() for values in found)


def test_rows_that_are_not_taken_are_refused():
    this = case("matrices", n=10, d=2, k=2)
    with pytest.raises(ValueError, match="rows must be float64 or float32 of 2 columns"):
        BlockPass(this.rows.astype(np.float16), None, this.components, 5)
    with pytest.raises(ValueError, match="weights must be a C-contiguous array"):
        BlockPass(this.rows, np.ones(9), this.components, 5)
    assert dense.takes(this.rows)
