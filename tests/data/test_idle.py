"""Which columns tell nothing about clusters."""

from __future__ import annotations

import numpy as np
import pytest

from gmmkit.data import as_table
from gmmkit.data.idle import idle_columns

N = 50


@pytest.mark.parametrize(
    ("column", "idle"),
    [
        (np.arange(N), "counting"),
        (1900.0 + np.random.default_rng(0).permutation(N), "counting"),
        (-np.arange(N), "counting"),
        (np.full(N, 7.5), "constant"),
        (np.arange(N) * 2, None),
        (np.r_[np.arange(N - 1), N], None),
        (np.r_[0, np.arange(N - 1)], None),
        (np.arange(N) + 0.5, None),
        (np.r_[np.arange(N - 1), np.nan], None),
        (np.r_[np.zeros(N - 1), 1.0], None),
    ],
)
@pytest.mark.parametrize("block", [2, 2**17])
def test_columns_that_tell_nothing(column, idle, block, monkeypatch):
    monkeypatch.setattr("gmmkit.data.idle.TAKE_VALUES", block)
    rows = np.column_stack([np.random.default_rng(1).normal(size=N), column])
    expected = {None: ((), ()), "constant": ((1,), ()), "counting": ((), (1,))}
    assert idle_columns(as_table(rows)) == expected[idle]


def test_rows_of_no_weight_have_no_say():
    rows = np.column_stack([np.r_[np.arange(9), 3], np.r_[np.ones(9), 2]])
    assert idle_columns(as_table(rows)) == ((), ())
    assert idle_columns(as_table(rows, weights=np.r_[np.ones(9), 0])) == ((1,), (0,))


def test_few_whole_numbers_are_numbers():
    assert idle_columns(as_table([[1, 0.5], [2, 0.1], [3, 0.2]])) == ((), ())


def test_other_rows_are_not_read():
    read = []

    class Rows:
        n_rows, n_columns, dtype = 10**9, 2, np.dtype(float)

        def read(self, start, stop):
            read.append(stop)
            return np.random.default_rng(start).normal(size=(stop - start, 2))

    from gmmkit.data.table import Table

    assert idle_columns(Table(Rows())) == ((), ())
    assert len(read) == 1
