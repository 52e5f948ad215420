"""How rows are cut into blocks, and blocks into tasks: a function of sizes only, never of threads.

A block is as many rows as keep its features, scores and temporaries in a core's cache; a task is a run of
consecutive blocks accumulated in place. At most 64 tasks are merged, in order.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MAX_TASKS", "Plan", "plan_pass"]

MAX_TASKS = 64
# Measured: about 1 MB of temporaries a block is best from d = 2 to 64; fewer than 256 rows starve the matrix
# products, more than 8192 gain nothing and leave small data without a second task.
_BLOCK_BYTES = 1 << 20
_FEWEST_ROWS, _MOST_ROWS = 256, 8192


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

    def tasks(self) -> list[tuple[int, int]]:
        """Return the row ranges [start, stop) of the tasks; each starts on a block's first row."""
        blocks = -(-self.n_rows // self.block_rows)
        count = min(MAX_TASKS, blocks)
        edges = [min(blocks * i // count * self.block_rows, self.n_rows) for i in range(count + 1)]
        return list(zip(edges[:-1], edges[1:], strict=True))


def plan_pass(n_rows: int, values_per_row: int) -> Plan:
    """Plan a pass whose temporaries hold `values_per_row` float64 values for each row."""
    rows = max(_BLOCK_BYTES // (8 * values_per_row), _FEWEST_ROWS)
    block_rows = min(1 << (rows.bit_length() - 1), _MOST_ROWS)
    return Plan(n_rows, block_rows)
