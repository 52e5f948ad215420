import tracemalloc

import numpy as np
import pytest

from cases import blobs
from gmmkit.inference import agglomeration
from gmmkit.inference.hierarchy import WITHIN_GROUPS, agglomerate, sphered_within, transformed


def objective(criterion, rows, weights, variance):
    """Return one group's part of the criterion, from its rows."""
    count = weights.sum()
    deviations = rows - weights @ rows / count
    scatter = (weights[:, None] * deviations).T @ deviations
    if criterion == "EII":
        return np.trace(scatter)
    full = abs(np.linalg.det(scatter / count)) if len(rows) > rows.shape[1] else 0.0
    return count * np.log(full + (np.trace(scatter) + variance) / count)


def brute_force(criterion, rows, weights, variance, groups):
    """Merge by trying every pair at every step; return the partition (m,) after each."""
    groups = [sorted(np.flatnonzero(groups == label)) for label in dict.fromkeys(groups)]

    def value(members):
        return objective(criterion, rows[members], weights[members], variance)

    partitions = []
    while True:
        labels = np.empty(len(rows), dtype=int)
        for number, members in enumerate(groups):
            labels[members] = number
        partitions.append(labels)
        if len(groups) == 1:
            return partitions[::-1]
        pairs = [(a, b) for a in range(len(groups)) for b in range(a + 1, len(groups))]
        costs = [value(groups[a] + groups[b]) - value(groups[a]) - value(groups[b]) for a, b in pairs]
        a, b = pairs[int(np.argmax(np.array(costs) <= min(costs) + 1e-8))]
        groups[a] = sorted(groups[a] + groups.pop(b))


@pytest.mark.parametrize("criterion", ["VVV", "EII"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("begun", [False, True], ids=["from rows", "from groups"])
@pytest.mark.parametrize("d", [1, 2, 4, 9])
def test_every_partition_is_the_brute_force_one(criterion, weighted, begun, d):
    for seed in range(3):
        rows = transformed(blobs(40 if d > 4 else 30, d, 3, seed=seed))[:30]
        random = np.random.default_rng(seed)
        weights = random.integers(1, 4, 30) * 1.0 if weighted else np.ones(30)
        groups = random.integers(0, 15, 30) if begun else np.arange(30)
        variance = (
            1.0
            if seed
            else np.average((rows - np.average(rows, axis=0, weights=weights)) ** 2, axis=0, weights=weights).mean()
        )
        found = agglomerate(
            rows, weights, criterion=criterion, groups=groups if begun else None, variance=1.0 if seed else None
        )
        expected = brute_force(criterion, rows, weights, variance, groups)
        assert found.n_groups == len(expected)
        np.testing.assert_array_equal(found.labels(range(1, len(expected) + 1)), expected)


@pytest.mark.parametrize("flat", [False, True])
def test_determinants_of_wide_unions_with_few_rows(monkeypatch, flat):
    # Groups of three rows and of one beside a large one, whose width along the last column may be next to nothing.
    random = np.random.default_rng(0)
    rows = random.standard_normal((100, 12)) * np.append(np.ones(11), 1e-5 if flat else 1.0)
    groups = agglomeration.FreeMatrices(
        rows, random.integers(1, 4, 100) * 1.0, np.append(np.zeros(60), 1 + np.arange(40) // 3).astype(int), 1.0
    )
    asked = np.array([0]), np.arange(1, 15)
    total = groups.counts[0] + groups.counts[1:]
    assert (groups._enlarged(*asked, total) is None) == flat
    found = groups.of_unions(*asked)
    monkeypatch.setattr(agglomeration.FreeMatrices, "_enlarged", lambda *_: None)
    np.testing.assert_allclose(np.exp(found / total), np.exp(groups.of_unions(*asked) / total), rtol=1e-13)


def test_many_columns_take_little_memory():
    rows = np.random.default_rng(0).standard_normal((600, 80))
    tracemalloc.start()
    try:
        agglomerate(rows)
        # Scatters of each row would take 31 MB, costs of each two rows 3.
        assert tracemalloc.get_traced_memory()[1] < 12e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("criterion", ["VVV", "EII"])
def test_more_columns_than_values_at_once_change_nothing(monkeypatch, criterion):
    rows = blobs(30, 6, 2)
    expected = agglomerate(rows, criterion=criterion, variance=1.0).labels([2, 5])
    monkeypatch.setattr(agglomeration, "_VALUES_AT_ONCE", 5)
    found = agglomerate(rows, criterion=criterion, variance=1.0).labels([2, 5])
    np.testing.assert_array_equal(found, expected)


def test_ward_is_scipys():
    from scipy.cluster.hierarchy import fcluster, linkage

    rows = blobs(200, 3, 4)
    found = agglomerate(rows, criterion="EII").labels([2, 5, 9])
    tree = linkage(rows, "ward")
    for labels, k in zip(found, [2, 5, 9], strict=True):
        other = fcluster(tree, k, "maxclust")
        assert len(set(zip(labels, other, strict=True))) == len(set(labels)) == k


@pytest.mark.parametrize("criterion", ["VVV", "EII"])
def test_a_row_written_twice_is_merged_first_into_a_row_of_weight_two(criterion):
    rows = transformed(blobs(40, 2, 3))
    times = np.random.default_rng(0).integers(1, 4, 40)
    written = np.repeat(rows, times, axis=0)
    same = np.repeat(np.arange(40), times)
    found = agglomerate(written, criterion=criterion, groups=same).labels(range(1, 41))
    expected = agglomerate(rows, times, criterion=criterion).labels(range(1, 41))
    # A group of repetitions has no more directions than one row, which its determinant of rounding shows.
    np.testing.assert_array_equal(found, np.repeat(expected, times, axis=1))


def test_ties_go_to_the_earlier_groups_whatever_the_rounding():
    grid = np.stack(np.meshgrid(np.arange(6.0), np.arange(5.0)), axis=-1).reshape(-1, 2)
    expected = agglomerate(grid).labels(range(1, 31))
    for seed in range(5):
        shaken = grid + 1e-13 * np.random.default_rng(seed).standard_normal(grid.shape)
        np.testing.assert_array_equal(agglomerate(shaken).labels(range(1, 31)), expected)


def test_labels_are_nested_and_numbered_by_first_row():
    hierarchy = agglomerate(transformed(blobs(60, 2, 3)))
    labels = hierarchy.labels([1, 2, 3, 7, 60, 99])
    for finer, coarser in zip(labels[1:], labels[:-1], strict=True):
        assert len(set(zip(finer, coarser, strict=True))) == len(set(finer))
        assert list(dict.fromkeys(finer)) == list(range(len(set(finer))))
    np.testing.assert_array_equal(labels[-1], np.arange(60))


@pytest.mark.parametrize("criterion", ["VVV", "EII"])
def test_squares_that_overflow_still_lead_to_one_group(criterion):
    rows = np.zeros((5, 5))
    rows[:, 0] = [1e160, 5.0, 5.1, 5.2, -1e160]
    with np.errstate(all="ignore"):
        found = agglomerate(rows, criterion=criterion, variance=1.0)
    assert not found.labels([1]).any()


def test_one_row_and_rows_that_are_equal():
    np.testing.assert_array_equal(agglomerate(np.zeros((1, 2))).labels([1, 3]), [[0], [0]])
    assert agglomerate(np.zeros((5, 2))).labels([1, 2]).max() == 1


def test_transforms_have_the_variances_they_say():
    rows = blobs(100, 3, 2) * [1.0, 50.0, 1e-6] + 7.0
    correlation = np.corrcoef(rows.T)
    assert transformed(rows, transform="raw").var(axis=0).mean() == pytest.approx(1.0)
    np.testing.assert_allclose(transformed(rows, transform="standardised").var(axis=0), 1.0)
    np.testing.assert_allclose(np.cov(transformed(rows).T, bias=True), np.eye(3), atol=1e-12)
    found = np.cov(transformed(rows, transform="svd").T, bias=True)
    np.testing.assert_allclose(found, np.diag(np.sqrt(np.linalg.eigvalsh(correlation)[::-1])), atol=1e-12)


@pytest.mark.parametrize("transform", ["raw", "standardised", "svd", "sphered"])
def test_a_weight_is_a_repetition_in_a_transform(transform):
    rows, times = blobs(50, 3, 2), np.random.default_rng(0).integers(0, 4, 50)
    found = transformed(rows, times, transform)
    expected = transformed(np.repeat(rows, times, axis=0), transform=transform)
    distances = np.linalg.norm(np.repeat(found, times, axis=0), axis=1)
    np.testing.assert_allclose(distances, np.linalg.norm(expected, axis=1), rtol=1e-10)


@pytest.mark.parametrize("transform", ["svd", "sphered"])
def test_directions_without_spread_are_left_out(transform):
    rows = blobs(50, 2, 2)
    flat = np.column_stack([rows, rows @ [1.0, 2.0], np.full(50, 3.0)])
    assert transformed(flat, transform=transform).shape == (50, 2)
    assert transformed(np.ones((4, 2)), transform=transform).shape == (4, 0)


@pytest.mark.parametrize("weighted", [False, True])
def test_within_is_sphered_by_the_covariance_within_wards_groups(weighted):
    rows = blobs(120, 2, 3)
    weights = np.random.default_rng(0).integers(1, 4, 120) * 1.0 if weighted else np.ones(120)
    found = transformed(rows, weights, "within")
    groups = agglomerate(transformed(rows, weights), weights, criterion="EII").labels([WITHIN_GROUPS])[0]
    within = np.zeros((2, 2))
    for j in range(WITHIN_GROUPS):
        held = groups == j
        deviations = found[held] - np.average(found[held], axis=0, weights=weights[held])
        within += (weights[held, None] * deviations).T @ deviations
    np.testing.assert_allclose(within, within[0, 0] * np.eye(2), atol=1e-5 * within[0, 0])
    assert np.average((found**2).mean(axis=1), weights=weights) == pytest.approx(1.0)


def test_one_gross_outlier_does_not_change_the_scale_of_the_others():
    rows = blobs(120, 2, 3)
    expected = sphered_within(rows, np.ones(120))
    found = sphered_within(np.vstack([rows, [1e9, 1e9]]), np.ones(121))
    assert np.average((found[:-1] ** 2).mean(axis=1)) < 1.5
    assert agglomerate(found, variance=1.0).labels([2])[0].tolist() == [0] * 120 + [1]
    assert np.isfinite(expected).all()


def test_rows_in_few_places_have_no_width_within_and_are_sphered_by_all():
    found = transformed(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([5.0, 5.0, 5.0]), "within")
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.T @ found, (found.T @ found)[0, 0] * np.eye(2), atol=1e-8)
