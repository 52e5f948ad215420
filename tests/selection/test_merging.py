"""Merging against plain loops, against the published example, and by laws."""

import csv
from itertools import combinations
from math import log
from pathlib import Path

import numpy as np
import pytest

from gmmkit.data import as_table
from gmmkit.errors import ParameterError
from gmmkit.model.mixture import Mixture
from gmmkit.model.noise import Noise
from gmmkit.selection.merge_tree import MergeTree
from gmmkit.selection.merging import elbow, merge_by_entropy, merge_by_misclassification, merge_groups
from gmmkit.selection.overlap import measure_overlap, posteriors_of

SHARED = Path(__file__).parents[3] / "shared"


def some_mixture(k=5, d=2, seed=0, spread=3.0):
    random = np.random.default_rng(seed)
    factors = random.normal(size=(k, d, d))
    covariances = factors @ factors.transpose(0, 2, 1) + 0.5 * np.eye(d)
    weights = random.uniform(0.5, 1.5, k)
    return Mixture.from_arrays(
        weights / weights.sum(), random.normal(0.0, spread, (k, d)), covariances, covariance_type="full"
    )


def entropy_of(posterior, weights):
    total = 0.0
    for row, weight in zip(posterior, weights, strict=True):
        total -= weight * sum(p * log(p) for p in row if p > 0)
    return total


def joined(posterior, i, j):
    """Return posteriors with group j added to i and taken out."""
    merged = [[*row] for row in posterior.tolist()]
    for row in merged:
        row[i] += row.pop(j)
    return np.array(merged)


def by_entropy(posterior, weights):
    fall, i, j = max(
        (entropy_of(posterior, weights) - entropy_of(joined(posterior, i, j), weights), i, j)
        for i, j in combinations(range(posterior.shape[1]), 2)
    )
    return i, j, fall


def chance_of(posterior, weights, i, j):
    taken = sum(
        w * row[i]
        for row, w in zip(posterior, weights, strict=True)
        if max(range(len(row)), key=list(row).__getitem__) == j
    )
    return taken / sum(w * row[i] for row, w in zip(posterior, weights, strict=True))


def by_misclassification(posterior, weights):
    score, i, j = max(
        (max(chance_of(posterior, weights, i, j), chance_of(posterior, weights, j, i)), i, j)
        for i, j in combinations(range(posterior.shape[1]), 2)
    )
    return i, j, score


def plain_tree(posterior, weights, rule):
    """Return groups, score and entropy after each merge, by loops over rows and pairs."""
    groups = [(j,) for j in range(posterior.shape[1])]
    steps = []
    while len(groups) > 1:
        i, j, score = rule(posterior, weights)
        posterior = joined(posterior, i, j)
        groups[i] = tuple(sorted(groups[i] + groups.pop(j)))
        steps.append((sorted(groups), score, entropy_of(posterior, weights)))
    return steps


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("merge", "rule"), [(merge_by_entropy, by_entropy), (merge_by_misclassification, by_misclassification)]
)
def test_trees_are_those_of_plain_loops(merge, rule, seed):
    mixture = some_mixture(seed=seed)
    rows = mixture.sample(120, seed=seed)[0]
    weights = np.random.default_rng(seed).uniform(0.2, 3.0, len(rows))
    tree = merge(mixture, rows, weights=weights)
    posterior = mixture.posterior(rows)
    assert tree.curve[-1] == pytest.approx(entropy_of(posterior, weights))
    for m, (groups, score, entropy) in enumerate(plain_tree(posterior, weights, rule), start=1):
        assert sorted(tree.groups(mixture.n_components - m)) == groups
        assert tree.heights[m - 1] == pytest.approx(score, abs=1e-9)
        assert tree.curve[mixture.n_components - m - 1] == pytest.approx(entropy, abs=1e-9)


def test_the_entropy_falls_with_every_merge_and_ends_at_none():
    mixture = some_mixture(k=8, d=3, seed=7)
    rows = mixture.sample(400, seed=1)[0]
    for tree in (merge_by_entropy(mixture, rows), merge_by_misclassification(mixture, rows)):
        assert (np.diff(tree.curve) >= -1e-9).all()
        assert tree.curve[0] == pytest.approx(0.0, abs=1e-9)
        assert [merge.fall for merge in tree.merges] == pytest.approx(list(np.diff(tree.curve)[::-1]))
        assert all(0 <= merge.fall_per_row <= log(2) + 1e-12 for merge in tree.merges)


def test_merging_does_not_see_how_rows_are_cut_nor_a_weight_from_a_repetition():
    mixture = some_mixture(seed=3)
    posterior = mixture.posterior(mixture.sample(97, seed=2)[0])

    def in_blocks(size):
        return lambda: ((posterior[start : start + size], None) for start in range(0, 97, size))

    whole = measure_overlap(in_blocks(97), [(0, 2), (1,), (3, 4)], gains_of=range(3))
    cut = measure_overlap(in_blocks(10), [(0, 2), (1,), (3, 4)], gains_of=range(3))
    twice = measure_overlap(lambda: [(posterior, np.full(97, 2.0))], [(0, 2), (1,), (3, 4)], gains_of=range(3))
    for name in ("sizes", "assigned", "taken", "entropy", "total_weight", "gains"):
        assert getattr(cut, name) == pytest.approx(getattr(whole, name), abs=1e-10)
        assert getattr(twice, name) == pytest.approx(2.0 * getattr(whole, name), abs=1e-10)


def test_labels_and_probabilities_of_clusters():
    mixture = some_mixture(seed=5)
    rows = mixture.sample(60, seed=0)[0]
    tree = merge_by_entropy(mixture, rows)
    posterior = mixture.posterior(rows)
    for n in range(1, 6):
        shared = tree.probabilities(rows, n)
        assert shared == pytest.approx(np.stack([posterior[:, list(g)].sum(axis=1) for g in tree.groups(n)], axis=1))
        assert np.array_equal(tree.labels(rows, n), shared.argmax(axis=1))
    assert np.array_equal(tree.labels(rows, 5), mixture.classify(rows))
    assert np.array_equal(tree.labels(rows), tree.labels(rows, tree.proposed))
    with pytest.raises(ParameterError, match="n_clusters must be a whole number from 1 to 5, .* components, but got 6"):
        tree.groups(6)


def test_noise_stays_apart():
    square = [[-20.0, -20.0], [20.0, -20.0], [-20.0, 20.0], [20.0, 20.0]]
    mixture = some_mixture(seed=5).beside(Noise(0.2, -log(1600.0), square))
    rows = mixture.sample(300, seed=0)[0]
    tree = merge_by_entropy(mixture, rows)
    assert -1 in tree.labels(rows)
    assert np.array_equal(tree.labels(rows, 5), mixture.classify(rows))
    noise = mixture.noise_probability(rows)
    assert np.array_equal(tree.labels(rows, 1) == -1, noise > 0.5)
    # Whether rows are noise is no part of it: with one cluster nothing is left unsure.
    posterior = mixture.posterior(rows)
    within = posterior / posterior.sum(axis=1, keepdims=True)
    assert tree.curve[-1] == pytest.approx(entropy_of(within, 1.0 - noise))
    assert tree.curve[0] == pytest.approx(0.0, abs=1e-9)
    found = measure_overlap(posteriors_of(mixture, rows), [(j,) for j in range(5)])
    whole = np.column_stack([posterior, noise])
    put = whole.argmax(axis=1)
    taken = np.array([whole[put == b].sum(axis=0) for b in range(6)]).T
    np.fill_diagonal(taken, 0.0)
    assert found.confusion == pytest.approx(taken[:5, :5].sum() / 300)
    assert found.noise_confusion == pytest.approx((taken[5].sum() + taken[:, 5].sum()) / 300)
    assert found.assigned.sum() == (mixture.classify(rows) >= 0).sum()
    assert found.sizes.sum() == pytest.approx(300 - noise.sum())


def test_a_rule_is_a_function_of_what_groups_share():
    seen = []

    def largest_two(groups):
        i, j = sorted(np.argsort(-groups.sizes, kind="stable")[:2].tolist())
        seen.append(groups.gains)
        return i, j, float(groups.sizes[i])

    posterior = np.eye(3)[[0, 0, 0, 1, 1, 2]]
    merges, curve, total = merge_groups(lambda: [(posterior, None)], 3, largest_two, gains=False)
    assert [(merge.first, merge.second, merge.rows) for merge in merges] == [((0,), (1,), 5.0), ((0, 1), (2,), 6.0)]
    assert curve.tolist() == [0.0, 0.0, 0.0]
    assert total == 6.0
    assert seen == [None, None]


def test_what_is_clear_needs_no_merging():
    means = [[0.0, 0.0], [50.0, 0.0], [0.0, 50.0], [50.0, 50.0]]
    mixture = Mixture.from_arrays([0.25] * 4, means, [1.0] * 4, covariance_type="spherical")
    rows = mixture.sample(200, seed=0)[0]
    for merge in (merge_by_entropy, merge_by_misclassification):
        assert merge(mixture, rows).proposed == 4


def test_one_component_is_one_cluster():
    mixture = Mixture.from_arrays([1.0], [[0.0]], [1.0], covariance_type="spherical")
    for merge in (merge_by_entropy, merge_by_misclassification):
        tree = merge(mixture, [[0.0], [1.0]])
        assert (tree.proposed, tree.merges, tree.groups()) == (1, (), ((0,),))
        assert tree.labels([[0.0]]).tolist() == [0]


def test_the_threshold_decides():
    mixture = some_mixture(seed=1)
    rows = mixture.sample(300, seed=0)[0]
    sizes = [merge_by_misclassification(mixture, rows, threshold=t).proposed for t in (0.9, 0.2, 0.02, 1e-9)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 5
    assert sizes[-1] < 5
    with pytest.raises(ParameterError, match="threshold must be a number between 0 and 1"):
        merge_by_misclassification(mixture, rows, threshold=1.0)


@pytest.mark.parametrize(
    ("curve", "expected"),
    [([1.0], None), ([0.0, 1.0], None), ([0.0, 1.0, 2.0], None), ([0.0, 0.0, 5.0], 2), ([0, 1, 2, 3, 30, 60], 4)],
)
def test_elbows(curve, expected):
    assert elbow(curve) == expected


def test_a_tree_is_kept_and_found_again():
    mixture = some_mixture(seed=2)
    tree = merge_by_entropy(mixture, mixture.sample(100, seed=0)[0])
    again = MergeTree.from_record(mixture, tree.as_record())
    assert again.merges == tree.merges
    assert np.array_equal(again.curve, tree.curve)
    assert (again.proposed, again.rule, again.reason) == (tree.proposed, tree.rule, tree.reason)
    with pytest.raises(ValueError, match="is not of a mixture of 2 components"):
        MergeTree.from_record(mixture.take([0, 1]), tree.as_record())


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not there: no reference figures")
def test_the_published_example():
    """Baudry et al. (2010), example 4.1: six components by BIC, four clusters by the elbow (and by ICL)."""
    weights, means, covariances = np.zeros(6), np.zeros((6, 2)), np.zeros((6, 2, 2))
    with (SHARED / "reference" / "mclust_best_params_ex4.1.csv").open(newline="") as lines:
        for record in csv.DictReader(lines):
            g, i, j = (int(record[name]) - 1 for name in "gij")
            place = {"pro": (weights, g), "mean": (means, (g, i)), "sigma": (covariances, (g, i, j))}
            array, index = place[record["par"]]
            array[index] = float(record["value"])
    with (SHARED / "data" / "classic" / "baudry_ex4.1.csv").open(newline="") as lines:
        rows = np.array([[float(record["X1"]), float(record["X2"])] for record in csv.DictReader(lines)])
    with (SHARED / "reference" / "mclust_best_class_ex4.1.csv").open(newline="") as lines:
        labels = np.array([int(record["classification"]) - 1 for record in csv.DictReader(lines)])
    mixture = Mixture.from_arrays(weights / weights.sum(), means, covariances, covariance_type="full")
    assert np.array_equal(mixture.classify(rows), labels)
    tree = merge_by_entropy(mixture, as_table(rows))
    assert tree.proposed == 4
    assert merge_by_misclassification(mixture, rows).groups() == tree.groups()
    # The four: two crosses and two single Gaussians.
    assert sorted(len(group) for group in tree.groups()) == [1, 1, 2, 2]
    assert tree.curve[3] < 0.05 * tree.curve[5]
