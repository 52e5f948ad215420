import gc

import numpy as np
import pytest

from gmmkit.numerics import memory


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (130, 1024)])
def test_zeros_may_be_written_to(shape):
    found = memory.zeros(shape)
    np.testing.assert_array_equal(found, np.zeros(shape))
    assert found.dtype == np.float64
    assert found.flags.c_contiguous
    found += 1.0
    np.testing.assert_array_equal(found, np.ones(shape))


def test_large_ones_are_let_go_with_the_last_who_holds_a_part():
    part = memory.zeros((200, 1024))[3]
    part[...] = 2.0
    gc.collect()
    np.testing.assert_array_equal(part, np.full(1024, 2.0))


def test_without_memory_of_its_own(monkeypatch):
    monkeypatch.setattr(memory, "_PRIVATE", 0)
    np.testing.assert_array_equal(memory.zeros((200, 1024)), np.zeros((200, 1024)))
