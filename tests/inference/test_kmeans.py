import numpy as np
import pytest

from cases import blobs, opened
from gmmkit.inference.kmeans import KMeans, lloyd, plus_plus
from gmmkit.inference.loop import run
from gmmkit.inference.sampling import Sample, sample_rows
from gmmkit.inference.stopping import SmallChange
from gmmkit.model.covariance import SharedSpherical
from gmmkit.model.mixture import Mixture


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


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("k", "d"), [(1, 1), (2, 1), (3, 2), (5, 3)])
def test_lloyd_ends_where_the_oracle_ends(k, d, weighted):
    rows = blobs(120, d, max(k, 2), seed=k)
    weights = np.random.default_rng(1).integers(1, 4, 120).astype(float) if weighted else np.ones(120)
    with opened(rows, "EII", weights=weights) as problem:
        frame = problem.frame
        seeds = plus_plus(sample_rows(problem, np.random.default_rng(0)), k, np.random.default_rng(0))
        found = frame.points_out(lloyd(problem, seeds))
        start = frame.points_out(seeds)
    expected = distance(rows, weights, settled(rows, weights, start))
    # Lloyd stops when a pass gains less than a millionth of the total spread.
    spread = distance(rows, weights, [np.average(rows, axis=0, weights=weights)])
    assert distance(rows, weights, found) == pytest.approx(expected, abs=2e-5 * spread)
    assert distance(rows, weights, found) <= distance(rows, weights, start)


def test_the_objective_is_the_oracles_and_never_falls():
    rows = blobs(150, 2, 4, seed=3)
    with opened(rows, "EII") as problem:
        z = problem.frame.points_in(rows)
        seeds = z[:4]
        covariance = SharedSpherical(1.0, n_components=4, n_features=2)
        start = Mixture.trusted(np.full(4, 0.25), seeds, covariance)
        done = run(KMeans(problem), problem, start, rule=SmallChange(0.0), max_iter=12)
    trace = np.array(done.objectives)
    assert np.diff(trace).min() >= -1e-12
    constant = np.log(0.25) - np.log(2 * np.pi)
    assert trace[0] == pytest.approx(constant - 0.5 * distance(z, np.ones(150), seeds) / 150)


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


def test_plus_plus_is_greedy_and_so_better_than_rows_at_random():
    rows = blobs(400, 2, 8, seed=2)
    weights = np.ones(400)
    greedy = [distance(rows, weights, plus_plus(Sample(rows, weights), 8, np.random.default_rng(s))) for s in range(5)]
    chance = [distance(rows, weights, rows[np.random.default_rng(s).choice(400, 8)]) for s in range(5)]
    assert np.mean(greedy) < np.mean(chance)


def test_lloyd_with_more_centres_than_distinct_rows():
    rows = np.repeat([[0.0, 0.0], [5.0, 1.0]], 10, axis=0)
    with opened(rows, "EII") as problem:
        seeds = problem.frame.points_in(np.array([[0.0, 0.0], [5.0, 1.0], [0.0, 0.0], [5.0, 1.0], [9.0, 9.0]]))
        found = problem.frame.points_out(lloyd(problem, seeds))
    assert np.isfinite(found).all()
    assert {tuple(x) for x in rows} <= {tuple(c) for c in found.round(12)}
