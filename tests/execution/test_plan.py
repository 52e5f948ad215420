import itertools

import pytest

from gmmkit.execution.plan import MAX_TASKS, Plan, plan_blocks, plan_fused, plan_pass

SIZES = [1, 2, 255, 256, 257, 5_000, 32_768, 32_769, 1_000_000, 123_456_789]


@pytest.mark.parametrize("n_rows", SIZES)
@pytest.mark.parametrize("values", [1, 9, 300, 70_000, 10_000_000])
def test_tasks_cover_all_rows_once_on_edges_of_blocks(n_rows, values):
    plan = plan_pass(n_rows, values)
    tasks = plan.tasks()
    assert 1 <= len(tasks) <= MAX_TASKS
    assert (tasks[0][0], tasks[-1][1]) == (0, n_rows)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(tasks))
    assert all(start < stop and start % plan.block_rows == 0 for start, stop in tasks)
    # Tasks are as even as whole blocks allow.
    blocks = [-(-(stop - start) // plan.block_rows) for start, stop in tasks]
    assert max(blocks) - min(blocks) <= 1


@pytest.mark.parametrize("values", [1, 64, 1000, 10**7])
def test_blocks_are_powers_of_two_and_depend_on_the_width_only(values):
    sizes = {plan_pass(n, values).block_rows for n in SIZES}
    assert len(sizes) == 1
    (rows,) = sizes
    assert rows & (rows - 1) == 0
    assert rows >= 256


def test_wider_passes_have_shorter_blocks():
    rows = [plan_pass(10**6, values).block_rows for values in (1, 100, 1000, 10_000)]
    assert rows == sorted(rows, reverse=True)


def test_the_plan_does_not_know_of_threads(monkeypatch):
    expected = plan_pass(10**6, 50)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setattr("os.cpu_count", lambda: 96)
    assert plan_pass(10**6, 50) == expected


@pytest.mark.parametrize(("n_rows", "block_rows"), [(1, 1), (64, 1), (65, 1), (129, 2), (1000, 7)])
def test_any_block_size(n_rows, block_rows):
    tasks = Plan(n_rows, block_rows).tasks()
    assert [row for start, stop in tasks for row in range(start, stop)] == list(range(n_rows))
    assert len(tasks) <= MAX_TASKS


@pytest.mark.parametrize("n_rows", [1, 128, 129, 10_000, 1_000_000])
@pytest.mark.parametrize(("operations", "sums"), [(60, 3), (200, 35), (2_000, 5_000)])
def test_blocks_that_are_shared_are_whole_tiles_and_not_too_many(n_rows, operations, sums):
    rows = plan_blocks(n_rows, operations, sums)
    assert rows % 128 == 0
    blocks = -(-n_rows // rows)
    assert 1 <= blocks <= 64
    assert blocks == 1 or (rows - 128) * blocks * operations < 2 * n_rows * operations
    assert blocks * sums * 8 <= 2**23
    assert blocks < 4 or blocks % 4 == 0


@pytest.mark.parametrize("given", [(184769, 2072, 8461), (9349, 49606, 68081), (6194, 47686, 333), (1152, 10**6, 1)])
def test_shared_blocks_are_a_multiple_of_four_where_tiles_are_few_or_many(given):
    blocks = -(-given[0] // plan_blocks(*given))
    assert blocks % 4 == 0 or blocks < 4


def test_long_passes_and_large_sums_are_not_shared_so():
    assert plan_blocks(1_000_000, 5_760, 2_432) is None
    assert plan_blocks(10_000, 60_000, 1_000_000) is None
    assert plan_blocks(0 + 1, 60_000, 100) == 128


def test_what_takes_long_to_set_up_is_cut_into_longer_blocks():
    assert plan_fused(200_000, 668_000, 331_530).block_rows >= 12_500
    assert plan_fused(200_000, 668_000, 331_530, held=256).block_rows <= 4096  # read from a file
    assert plan_fused(200_000, 668_000, 60_000).block_rows < 6_400
    longest = plan_fused(10**8, 668_000, 331_530).block_rows
    assert longest == plan_fused(10**9, 668_000, 331_530).block_rows
    assert longest * 668_000 < 16e9
