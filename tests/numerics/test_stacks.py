import numpy as np
import pytest

from gmmkit.numerics import stacks
from gmmkit.numerics.stacks import parts


@pytest.mark.parametrize(("length", "expected"), [(1, [1]), (4, [4]), (5, [4, 1]), (9, [4, 4, 1])])
def test_parts_are_consecutive_and_take_no_more_than_they_may(length, expected, monkeypatch):
    monkeypatch.setattr(stacks, "_VALUES", 4 * 9)
    stack = np.arange(length * 9.0).reshape(length, 3, 3)
    found = list(parts(stack))
    assert [len(part) for part in found] == expected
    np.testing.assert_array_equal(np.concatenate(found), stack)
    assert all(np.shares_memory(part, stack) for part in found)


def test_an_item_larger_than_that_is_a_part(monkeypatch):
    monkeypatch.setattr(stacks, "_VALUES", 1)
    assert [len(part) for part in parts(np.ones((3, 2, 2)))] == [1, 1, 1]
