import numpy as np
import pytest

from cases import opened
from gmmkit.inference import sampling
from gmmkit.inference.sampling import Sample, draw_rows, sample_rows


def sampled(rows, weights=None, seed=0):
    with opened(rows, weights=weights) as problem:
        sample = sample_rows(problem, np.random.default_rng(seed))
        return problem.frame.points_out(sample.rows), sample.weights


ROWS = np.array([[1.0, 2.0], [0.0, 5.0], [1.0, 2.0], [0.0, -1.0], [1.0, 1.0], [1.0, 2.0]])


def in_order(rows):
    return rows[np.lexsort(rows.T[::-1])]


def test_rows_are_merged_by_value_in_the_order_of_their_distance():
    rows, weights = sampled(ROWS)
    expected = np.unique(ROWS, axis=0)
    whitening = np.linalg.cholesky(np.linalg.inv(np.cov(ROWS.T, bias=True)))
    order = np.argsort((((expected - ROWS.mean(axis=0)) @ whitening) ** 2).sum(axis=1))
    np.testing.assert_allclose(rows, expected[order], atol=1e-15)
    np.testing.assert_array_equal(weights, np.array([1, 1, 1, 3])[order])


@pytest.mark.parametrize("few", [0, 10**6], ids=["many", "few"])
@pytest.mark.parametrize("distinct", [1, 3, 1000], ids=["constant", "ties", "none alike"])
def test_rows_are_in_the_order_of_all_their_values(monkeypatch, distinct, few):
    monkeypatch.setattr(sampling, "_FEW_TO_SORT", few)
    random = np.random.default_rng(3)
    z = np.stack([random.integers(0, distinct, 300), random.integers(0, 4, 300), random.integers(0, 4, 300)]) * 1.0
    rows, weights = sampling._merged(z, np.ones(300))
    expected, counts = np.unique(z, axis=1, return_counts=True)
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_array_equal(weights, counts)


def test_weights_are_added_and_zeros_left_out():
    rows, weights = sampled(ROWS, [0.5, 0.0, 2.0, 1.0, 0.25, 0.0])
    np.testing.assert_allclose(in_order(rows), [[0, -1], [1, 1], [1, 2]], atol=1e-15)
    assert weights[(rows == [1.0, 2.0]).all(axis=1)] == 2.5
    assert sorted(weights) == [0.25, 1.0, 2.5]


@pytest.mark.parametrize("whole", [False, True], ids=["real", "rounded"])
def test_the_order_survives_linear_maps(whole):
    random = np.random.default_rng(0)
    rows = random.integers(0, 9, (300, 3)) * 1.0 if whole else random.standard_normal((300, 3))
    expected, weights = sampled(rows)
    for _ in range(20):
        axes = [np.linalg.qr(random.standard_normal((3, 3)))[0] for _ in range(2)]
        A = axes[0] * 10.0 ** random.uniform(-2, 2, 3) @ axes[1]
        found, found_weights = sampled(rows @ A.T)
        np.testing.assert_array_equal(found_weights, weights)
        back = np.linalg.solve(A, found.T).T
        np.testing.assert_allclose(back, expected, atol=1e-8)


@pytest.mark.parametrize("name", ["diag", "spherical"])
def test_the_order_survives_the_maps_of_the_family(name):
    random = np.random.default_rng(1)
    rows = random.standard_normal((200, 3))
    with opened(rows, name) as problem:
        expected = problem.frame.points_out(sample_rows(problem, random).rows)
    A = np.diag([1e-3, 7.0, 1e4]) if name == "diag" else 37.0 * np.linalg.qr(random.standard_normal((3, 3)))[0]
    with opened(rows @ A.T, name) as problem:
        found = problem.frame.points_out(sample_rows(problem, random).rows)
    np.testing.assert_allclose(np.linalg.solve(A, found.T).T, expected, atol=1e-10)


def test_the_order_of_rows_does_not_matter():
    rows = np.random.default_rng(1).integers(0, 4, (200, 3)).astype(float)
    expected = sampled(rows)
    for seed in range(3):
        found = sampled(np.random.default_rng(seed).permutation(rows), seed=seed)
        np.testing.assert_allclose(found[0], expected[0], atol=1e-14)
        np.testing.assert_array_equal(found[1], expected[1])


def test_a_repetition_is_a_weight():
    rows = np.random.default_rng(1).standard_normal((50, 2))
    times = np.random.default_rng(2).integers(0, 4, 50)
    found, expected = sampled(rows, times), sampled(np.repeat(rows, times, axis=0))
    np.testing.assert_allclose(found[0], expected[0], atol=1e-14)
    np.testing.assert_array_equal(found[1], expected[1])


def test_of_many_columns_fewer_rows_are_taken(monkeypatch):
    monkeypatch.setattr(sampling, "_MOST_VALUES", 6_000)
    for d, most in ((3, 2_000), (30, 200), (60, 240)):  # four for each column at least
        found, weights = sampled(np.random.default_rng(3).standard_normal((3_000, d)))
        assert 0.5 * most < len(found) <= most  # rows may be drawn twice
        assert weights.sum() == pytest.approx(most)


@pytest.mark.parametrize("most_to_merge", [0, 10**6], ids=["too many rows to merge", "merged"])
@pytest.mark.parametrize("weighted", [False, True])
def test_of_many_distinct_rows_a_weighted_sample_is_taken(monkeypatch, most_to_merge, weighted):
    monkeypatch.setattr(sampling, "_MOST", 4000)
    monkeypatch.setattr(sampling, "_MOST_TO_MERGE", most_to_merge)
    rows = np.random.default_rng(3).standard_normal((9000, 1))
    weights = np.where(rows[:, 0] > 0, 3.0, np.where(rows[:, 0] > -1, 1.0, 0.0)) if weighted else None
    found, found_weights = sampled(rows, weights)
    assert len(found) <= 4000
    assert found_weights.sum() == pytest.approx(4000)
    assert set(found[:, 0].round(9)) <= set(rows[:, 0].round(9))
    share = found_weights[found[:, 0] > 0].sum() / 4000
    held = np.ones(9000) if weights is None else weights
    assert share == pytest.approx(held[rows[:, 0] > 0].sum() / held.sum(), abs=0.03)
    if weighted:
        assert found.min() > -1
    again = sampled(rows, weights)
    np.testing.assert_array_equal(again[0], found)
    assert not np.array_equal(sampled(rows, weights, seed=1)[0], found)


def test_drawn_rows_are_distinct_until_there_are_no_more():
    sample = Sample(np.arange(5.0)[:, None], np.array([1.0, 1.0, 1e-9, 1.0, 1.0]))
    for seed in range(20):
        drawn = draw_rows(sample, 5, np.random.default_rng(seed))
        assert sorted(drawn[:, 0]) == [0, 1, 2, 3, 4]
        assert 2.0 not in draw_rows(sample, 4, np.random.default_rng(seed))
        assert draw_rows(sample, 12, np.random.default_rng(seed)).shape == (12, 1)


def test_rows_are_drawn_by_weight():
    sample = Sample(np.arange(3.0)[:, None], np.array([1.0, 2.0, 7.0]))
    random = np.random.default_rng(0)
    drawn = np.array([draw_rows(sample, 1, random)[0, 0] for _ in range(4000)])
    np.testing.assert_allclose(np.bincount(drawn.astype(int)) / 4000, [0.1, 0.2, 0.7], atol=0.03)
