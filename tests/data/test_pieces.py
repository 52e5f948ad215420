"""Pieces of a table: every row once, whatever is read together."""

import numpy as np
import pytest

from gmmkit.data import as_table
from gmmkit.data.arrays import ArrayRows
from gmmkit.data.pieces import Pieces, shuffled


@pytest.mark.parametrize("seed", range(5))
def test_pieces_read_as_their_rows_one_after_the_other(seed):
    random = np.random.default_rng(seed)
    rows = random.standard_normal((50, 3)).astype(np.float32)
    edges = np.unique(np.concatenate([[0, 50], random.integers(1, 50, 8)]))
    chosen = random.permutation(len(edges) - 1)[:5]
    pieces = Pieces(ArrayRows(rows), edges[chosen], edges[chosen + 1])
    expected = np.concatenate([rows[edges[i] : edges[i + 1]] for i in chosen])
    assert (pieces.n_rows, pieces.n_columns, pieces.dtype) == (len(expected), 3, np.float32)
    for start in range(len(expected)):
        for stop in range(start + 1, len(expected) + 1):
            np.testing.assert_array_equal(pieces.read(start, stop), expected[start:stop])


@pytest.mark.parametrize(
    ("n", "d", "batch"), [(1, 1, 10), (1000, 2, 300), (5000, 1, 1024), (300, 700, 128), (129, 3, 128)]
)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_sweep_reads_every_row_once_with_its_own_weight(n, d, batch, weighted):
    rows = np.arange(n * d, dtype=float).reshape(n, d)
    weights = rows[:, 0] + 1.0 if weighted else None
    batches = list(shuffled(as_table(rows, weights=weights), batch, np.random.default_rng(1)))
    seen = [block for table in batches for block in table.blocks(100)]
    found = np.concatenate([block.rows for block in seen])
    np.testing.assert_array_equal(np.sort(found, axis=0), rows)
    if weighted:
        np.testing.assert_array_equal(np.concatenate([block.weights for block in seen]), found[:, 0] + 1.0)
    sizes = [table.n_rows for table in batches]
    assert max(sizes) <= 1.6 * batch or len(sizes) == 1


def test_batches_are_drawn_from_all_over_the_table():
    rows = np.arange(100_000.0)[:, None]
    for table in shuffled(as_table(rows), 2000, np.random.default_rng(0)):
        held = np.histogram(table.source.read(0, table.n_rows), bins=10, range=(0, 100_000))[0]
        assert held.min() > 50
