"""How rows are cut into blocks, and blocks into tasks: a function of sizes only, never of threads.

A block's features, scores and temporaries take about 8 MB; a task is a run of consecutive blocks accumulated in
place. At most 64 tasks are merged, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

__all__ = ["MAX_TASKS", "Plan", "plan_blocks", "plan_fused", "plan_pass"]

MAX_TASKS = 64
# Measured from d = 2 to 64: one thread is as fast with 8 MB of temporaries as with 1 MB, and two threads are 1.7×
# instead of 0.9× as fast, because short array operations fight over the interpreter lock. Fewer than 256 rows
# starve the matrix products; more than 32768 gain nothing.
_BLOCK_BYTES = 1 << 23
# Softmax goes over a block's scores six times: where there are many components they should stay in a core's second
# cache. With few, their rows are too short for that to pay for the lock.
_SCORE_BYTES, _MANY_SCORES = 1 << 20, 64
_FEWEST_ROWS, _MOST_ROWS = 256, 32768
_BLOCK_OPERATIONS, _FEWEST_FUSED_ROWS, _MOST_FUSED_ROWS = 60_000_000, 4096, 1 << 18
_TOGETHER, _TILE_ROWS = 4, 128
_MANY_BLOCKS, _MANY_SUMS, _FEW_BLOCKS = 32, 1 << 16, 16
_LONG_OPERATIONS = 15_000_000_000
# Of one call of the kernel for a whole pass: some tenth of a second, in which no interrupt is heard; a block's share,
# some tenth of a millisecond; and what the sums of all blocks may take.
_ONE_CALL, _LEAST_SHARED, _SHARED_BYTES = 3_000_000_000, 4_000_000, 1 << 23
_MOST_SHARED, _FEWEST_SHARED = 64, 4


@dataclass(frozen=True, slots=True)
class Plan:
    """Tasks of consecutive blocks.

    Examples
    --------
    >>> Plan(n_rows=10, block_rows=4).tasks()
    [(0, 4), (4, 8), (8, 10)]
    """

    n_rows: int
    block_rows: int
    max_tasks: int = MAX_TASKS

    def tasks(self) -> list[tuple[int, int]]:
        """Return the row ranges [start, stop) of the tasks; each starts on a block's first row."""
        blocks = -(-self.n_rows // self.block_rows)
        count = min(self.max_tasks, blocks)
        edges = [min(blocks * i // count * self.block_rows, self.n_rows) for i in range(count + 1)]
        return list(pairwise(edges))

    @property
    def by_block(self) -> bool:
        """Whether each task is one block."""
        return self.n_rows <= self.max_tasks * self.block_rows


def plan_fused(n_rows: int, operations_per_row: int, sums: int, held: int = 0) -> Plan:
    """Plan a pass by a kernel that adds to so many `sums`, and for which a block holds `held` numbers of each row.

    Blocks of some two milliseconds of work: longer ones would leave threads idle at the end of a pass, shorter ones
    spend their time in Python. Longer ones all the same where there are many, and where fewer rows would not make up
    for setting the components up anew. Where sums are large, blocks take up to half a second: of 256 columns setting up
    and writing down takes as long as 300 rows. Each is a task then: one thread adds it to what it has, and needs no
    sums beside those. Of rows that are read from a file, and of what is written of them, a block holds 8 MB at most.
    """
    rows = max(_BLOCK_OPERATIONS // operations_per_row, _FEWEST_FUSED_ROWS)
    rows = max(rows, min(4 * rows, n_rows // _MANY_BLOCKS))
    if sums > _MANY_SUMS:
        rows = max(rows, min(-(-n_rows // _FEW_BLOCKS), _LONG_OPERATIONS // operations_per_row))
    rows = max(min(rows, _BLOCK_BYTES // (8 * max(held, 1)), _MOST_FUSED_ROWS), _FEWEST_ROWS)
    # Threads come in powers of two: as many blocks that each has as much to do, of whole tiles.
    blocks = -(-n_rows // rows)
    blocks = blocks if blocks < _TOGETHER else -(-blocks // _TOGETHER) * _TOGETHER
    rows = -(-n_rows // (blocks * _TILE_ROWS)) * _TILE_ROWS
    return Plan(n_rows, rows, MAX_TASKS if sums <= _MANY_SUMS else blocks)


def plan_blocks(n_rows: int, operations_per_row: int, sums: int) -> int | None:
    """Return the rows of the blocks in which threads share a pass over rows in memory; each has `sums` of its own.

    Threads come in powers of two: of more than a few blocks there are a multiple of four, of whole tiles.

    None where the pass takes too long to be one call, or blocks would be too few to share: see `plan_fused`.

    Examples
    --------
    >>> plan_blocks(1_000_000, 190, 35)
    22784
    """
    operations = n_rows * operations_per_row
    most = min(_MOST_SHARED, _SHARED_BYTES // (8 * sums))
    if operations > _ONE_CALL or most < _FEWEST_SHARED:
        return None
    blocks = min(max(operations // _LEAST_SHARED, 1), most)
    while True:
        rows = -(-n_rows // (blocks * _TILE_ROWS)) * _TILE_ROWS
        count = -(-n_rows // rows)
        if count < _TOGETHER or count % _TOGETHER == 0:
            return rows
        blocks -= 1


def plan_pass(n_rows: int, values_per_row: int, scores_per_row: int = 1) -> Plan:
    """Plan a pass whose temporaries hold `values_per_row` float64 values for each row, scores among them."""
    rows = _BLOCK_BYTES // (8 * values_per_row)
    if scores_per_row >= _MANY_SCORES:
        rows = min(rows, _SCORE_BYTES // (8 * scores_per_row))
    rows = max(rows, _FEWEST_ROWS)
    block_rows = min(1 << (rows.bit_length() - 1), _MOST_ROWS)
    return Plan(n_rows, block_rows)
