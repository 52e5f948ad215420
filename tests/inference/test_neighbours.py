"""Partitions one split or merge away, and the cuts of a hierarchy that a tournament opens with."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import adjusted_rand_score

from gmmkit.inference.neighbours import merged, split
from gmmkit.inference.opening import _cut
from gmmkit.inference.stack import Stack

# Four groups along a line, at 0, 1, 5 and 9, the last two stretched; and the first two again.
MEANS = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0], [9.0, 0.0]])
COVARIANCES = np.array([np.eye(2) * 0.01, np.eye(2) * 0.01, np.diag([0.01, 1.0]), np.diag([0.01, 1.0])])


def two_mixtures():
    sizes = np.array([4, 2], dtype=np.intp)
    weights = np.array([0.25] * 4 + [0.5, 0.5])
    means, covariances = np.concatenate([MEANS, MEANS[:2]]), np.concatenate([COVARIANCES, COVARIANCES[:2]])
    stack = Stack(("VVV", "VVV"), sizes, weights, means, covariances)
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(4, dtype=np.int32), 25)
    z = (MEANS[truth] + rng.normal(size=(100, 2)) * np.sqrt(COVARIANCES[truth][:, [0, 1], [0, 1]])).T
    return (
        stack,
        np.ascontiguousarray(z),
        np.stack([truth, np.minimum(truth, 1)]),
        np.broadcast_to(np.eye(2), (2, 2, 2)),
    )


def test_every_group_is_cut_once_across_its_widest_direction():
    stack, z, labels, white = two_mixtures()
    owner, partitions = split(stack, z, labels, white)
    np.testing.assert_array_equal(owner, [0, 0, 0, 0, 1, 1])
    for j, partition in enumerate(partitions[:4]):
        assert (partition[labels[0] != j] == labels[0][labels[0] != j]).all()
        assert set(partition[labels[0] == j]) == {j, 4}
    upper = z[1, labels[0] == 2] > 0.0
    assert len(set(zip(upper, partitions[2][labels[0] == 2], strict=True))) == 2
    assert set(partitions[5]) == {0, 1, 2}


def test_a_group_whose_component_lies_beside_it_is_not_cut():
    stack, z, labels, white = two_mixtures()
    far = Stack(stack.structures, stack.sizes, stack.weights, stack.means + 1000.0, stack.covariances)
    owner, partitions = split(far, z, labels, white)
    assert len(owner) == len(partitions) == 0


def test_the_nearest_groups_are_merged_first_and_names_close_up():
    stack, _, labels, white = two_mixtures()
    owner, partitions = merged(stack, labels, white, 2)
    np.testing.assert_array_equal(owner, [0, 0, 1])
    np.testing.assert_array_equal(partitions[0], np.array([0, 0, 1, 2])[labels[0]])
    assert set(partitions[1]) == {0, 1, 2}
    np.testing.assert_array_equal(partitions[2], 0)


def test_the_metric_decides_what_is_near():
    stack, _, labels, _ = two_mixtures()
    tall = Stack(
        stack.structures, stack.sizes, stack.weights, stack.means + np.arange(6)[:, None] * [0, 3.0], stack.covariances
    )
    flat = np.broadcast_to(np.diag([1.0, 1e-9]), (2, 2, 2))
    np.testing.assert_array_equal(merged(tall, labels, flat, 1)[1][0], np.array([0, 0, 1, 2])[labels[0]])


@pytest.mark.parametrize("m", [1, 2, 9, 60])
def test_a_cut_is_scipys(m):
    points = np.random.default_rng(m).normal(size=(m + 1, 3))
    tree, sizes = linkage(points, "ward"), [k for k in (1, 2, 3, 7, 40) if k <= m + 1]
    for k, partition in zip(sizes, _cut(tree, sizes), strict=True):
        assert set(partition) == set(range(k))
        assert adjusted_rand_score(partition, fcluster(tree, k, "maxclust")) == 1.0


@pytest.mark.parametrize("k", [1, 2])
def test_a_linear_map_of_the_rows_cuts_alike_even_where_the_covariance_is_that_of_all(k):
    rng = np.random.default_rng(3)
    rows = np.concatenate([rng.gamma(2.0, size=(80, 3)), rng.gamma(2.0, size=(60, 3)) + 5.0 * np.eye(3)[0]])
    labels = np.repeat([0, k - 1], [80, 60]).astype(np.int32)[None]
    cuts = []
    for matrix in (np.eye(3), np.linalg.qr(rng.normal(size=(3, 3)))[0] * [1.0, 10.0, 1e3]):
        z = rows @ matrix.T
        means = np.array([z[labels[0] == j].mean(axis=0) for j in range(k)])
        within = sum((labels[0] == j).mean() * np.cov(z[labels[0] == j].T, bias=True) for j in range(k))
        weights = np.bincount(labels[0]) / len(z)
        stack = Stack(("EEE",), np.array([k]), weights, means, np.tile(within, (k, 1, 1)))
        white = np.linalg.inv(np.linalg.cholesky(np.cov(z.T, bias=True)))
        cuts.append(split(stack, np.ascontiguousarray(z.T), labels, white[None])[1])
    assert cuts[0].shape == cuts[1].shape
    for first, second in zip(*cuts, strict=True):
        assert adjusted_rand_score(first, second) == 1.0
