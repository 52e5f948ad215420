import numpy as np
import pytest

from cases import blobs
from gmmkit.execution import Workers, plan
from gmmkit.inference.kmeans import assign_nearest, lloyd, plus_plus, with_nearest
from gmmkit.inference.sampling import Sample
from gmmkit.kernels import native


def distance(rows, weights, centres):
    """Return the weighted sum of squared distances to the nearest centre, one row at a time."""
    return sum(
        w * min(sum((a - b) ** 2 for a, b in zip(x, c, strict=True)) for c in centres)
        for x, w in zip(rows, weights, strict=True)
    )


def settled(rows, weights, centres):
    """Iterate Lloyd's two steps in plain Python until nothing changes."""
    while True:
        nearest = [int(np.argmin([((x - c) ** 2).sum() for c in centres])) for x in rows]
        moved = np.array(centres)
        for j in range(len(centres)):
            held = [i for i, near in enumerate(nearest) if near == j]
            if held:
                moved[j] = np.average(rows[held], axis=0, weights=weights[held])
        if np.allclose(moved, centres, rtol=0, atol=1e-14):
            return moved
        centres = moved


def reached(rows, weights, seeds, n_jobs=1):
    with Workers(n_jobs) as workers:
        return lloyd(Sample(rows, weights), seeds, workers)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("k", "d"), [(1, 1), (2, 1), (3, 2), (5, 3)])
def test_lloyd_ends_where_the_oracle_ends(k, d, weighted):
    rows = blobs(120, d, max(k, 2), seed=k)
    weights = np.random.default_rng(1).integers(1, 4, 120).astype(float) if weighted else np.ones(120)
    start = plus_plus(Sample(rows, weights), k, np.random.default_rng(0))
    found = reached(rows, weights, start)
    expected = distance(rows, weights, settled(rows, weights, start))
    # Lloyd stops when a pass gains less than a millionth of the total spread.
    spread = distance(rows, weights, [np.average(rows, axis=0, weights=weights)])
    assert distance(rows, weights, found) == pytest.approx(expected, abs=2e-5 * spread)
    assert distance(rows, weights, found) <= distance(rows, weights, start)


def test_rows_are_with_their_nearest_centre_near_the_origin_and_far():
    rows, weights = blobs(150, 2, 4, seed=3), np.random.default_rng(0).uniform(0.5, 2.0, 150)
    centres = rows[:4]
    squares = ((rows[None] - centres[:, None]) ** 2).sum(axis=2)
    expected = np.where(squares.argmin(axis=0) == np.arange(4)[:, None], weights, 0.0)
    shares, value = assign_nearest(np.ascontiguousarray(rows.T), weights, centres, near=False)
    np.testing.assert_array_equal(shares, expected)
    assert value == pytest.approx(-0.5 * weights @ squares.min(axis=0))
    shares, value = assign_nearest(np.ascontiguousarray(rows.T), weights, centres, near=True)
    np.testing.assert_array_equal(shares, expected)
    assert value - 0.5 * weights @ (rows**2).sum(axis=1) == pytest.approx(-0.5 * weights @ squares.min(axis=0))


def test_a_row_far_away_costs_the_others_no_digits_and_ends_nothing_early():
    rows = np.concatenate([blobs(200, 2, 3, seed=1), [[1e12, 0.0]]])
    seeds = rows[[0, 1, 2, -1]]
    found = reached(rows, np.ones(201), seeds)
    np.testing.assert_allclose(found[:3], reached(rows[:-1], np.ones(200), seeds[:3]), rtol=1e-9)
    np.testing.assert_array_equal(found[3], rows[-1])


@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
@pytest.mark.parametrize(("n", "k", "d"), [(1, 1, 1), (255, 2, 1), (257, 5, 3), (700, 3, 9)])
def test_the_compiled_iteration_is_the_array_engines(n, k, d, monkeypatch):
    rows = blobs(n, d, 3, seed=n)
    weights = np.random.default_rng(1).integers(1, 4, n).astype(float)
    seeds = plus_plus(Sample(rows, weights), k, np.random.default_rng(0))
    compiled = reached(rows, weights, seeds)
    monkeypatch.setenv("GMMKIT_NATIVE", "0")
    np.testing.assert_allclose(compiled, reached(rows, weights, seeds), rtol=1e-10, atol=1e-12)


@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
@pytest.mark.parametrize(("n", "k", "d"), [(1, 1, 1), (3, 8, 2), (255, 2, 1), (257, 5, 3), (700, 12, 9)])
def test_compiled_seeds_are_the_array_engines(n, k, d, monkeypatch):
    rows = blobs(n, d, 3, seed=n)
    weights = np.random.default_rng(1).integers(1, 4, n).astype(float)
    compiled = [plus_plus(Sample(rows, weights), k, np.random.default_rng(s)) for s in range(5)]
    monkeypatch.setattr("gmmkit.kernels.native.kmeans._ONE_CALL", 1)  # a call for each seed
    apart = [plus_plus(Sample(rows, weights), k, np.random.default_rng(s)) for s in range(5)]
    np.testing.assert_array_equal(apart, compiled)
    monkeypatch.setenv("GMMKIT_NATIVE", "0")
    arrays = [plus_plus(Sample(rows, weights), k, np.random.default_rng(s)) for s in range(5)]
    np.testing.assert_array_equal(compiled, arrays)


@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
@pytest.mark.parametrize(("n", "k", "d"), [(1, 1, 1), (256, 2, 1), (513, 7, 3)])
def test_compiled_rows_are_with_the_array_engines_nearest_centre(n, k, d, monkeypatch):
    rows, weights = blobs(n, d, 3, seed=n), np.random.default_rng(1).integers(1, 4, n).astype(float)
    centres = rows[np.random.default_rng(0).integers(n, size=k)]  # some of them twice: the first counts
    compiled = with_nearest(Sample(rows, weights), centres)
    monkeypatch.setenv("GMMKIT_NATIVE", "0")
    np.testing.assert_array_equal(compiled, with_nearest(Sample(rows, weights), centres))


def test_any_number_of_threads_and_blocks(monkeypatch):
    monkeypatch.setenv("GMMKIT_NATIVE", "0")
    rows = blobs(2000, 3, 4, seed=2)
    whole = reached(rows, np.ones(2000), rows[:4])
    monkeypatch.setattr(plan, "_MOST_ROWS", 256)
    one, two = (reached(rows, np.ones(2000), rows[:4], n_jobs) for n_jobs in (1, 2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(one, whole, rtol=1e-12)


def test_plus_plus_takes_rows_apart_from_each_other():
    centres = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0], [100.0, 100.0]])
    rows = np.repeat(centres, 30, axis=0) + np.random.default_rng(0).standard_normal((120, 2))
    for seed in range(10):
        seeds = plus_plus(Sample(rows, np.ones(120)), 4, np.random.default_rng(seed))
        assert {tuple(s) for s in seeds} <= {tuple(x) for x in rows}
        assert len({int(np.argmin(((centres - s) ** 2).sum(axis=1))) for s in seeds}) == 4


def test_plus_plus_never_takes_a_row_twice_while_there_are_others():
    rows = np.arange(6.0)[:, None]
    for seed in range(30):
        seeds = plus_plus(Sample(rows, np.full(6, 1.0)), 6, np.random.default_rng(seed))
        assert sorted(seeds[:, 0]) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("m", [1, 2, 3])
def test_plus_plus_with_more_components_than_rows(m):
    rows = np.arange(float(m))[:, None]
    seeds = plus_plus(Sample(rows, np.ones(m)), 7, np.random.default_rng(0))
    assert seeds.shape == (7, 1)
    assert set(seeds[:, 0]) == set(rows[:, 0])


@pytest.mark.parametrize("engine", ["1", "0"])
def test_plus_plus_where_all_other_rows_weigh_nothing(engine, monkeypatch):
    monkeypatch.setenv("GMMKIT_NATIVE", engine)
    rows, weights = np.array([[0.0], [0.1], [0.2], [0.3]]), np.array([1.0, 5e-324, 5e-324, 5e-324])
    np.testing.assert_array_equal(plus_plus(Sample(rows, weights), 3, np.random.default_rng(0)), np.zeros((3, 1)))


def test_plus_plus_is_greedy_and_so_better_than_rows_at_random():
    rows = blobs(400, 2, 8, seed=2)
    weights = np.ones(400)
    greedy = [distance(rows, weights, plus_plus(Sample(rows, weights), 8, np.random.default_rng(s))) for s in range(5)]
    chance = [distance(rows, weights, rows[np.random.default_rng(s).choice(400, 8)]) for s in range(5)]
    assert np.mean(greedy) < np.mean(chance)


def test_lloyd_with_more_centres_than_distinct_rows():
    rows = np.repeat([[0.0, 0.0], [5.0, 1.0]], 10, axis=0)
    seeds = np.array([[0.0, 0.0], [5.0, 1.0], [0.0, 0.0], [5.0, 1.0], [9.0, 9.0]])
    found = reached(rows, np.ones(20), seeds)
    assert {tuple(x) for x in rows} <= {tuple(c) for c in found.round(12)}
    np.testing.assert_array_equal(found[4], seeds[4])


def test_rows_that_are_all_alike_end_at_once():
    np.testing.assert_array_equal(reached(np.ones((30, 2)), np.ones(30), np.ones((2, 2))), np.ones((2, 2)))
