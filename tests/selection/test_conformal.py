"""p-values, thresholds and discoveries."""

import numpy as np
import pytest

from gmmkit.selection.conformal import (
    benjamini_hochberg,
    conformal_p_values,
    error_of_count,
    fewest_scores,
    ranks_as_p_values,
    threshold_at,
)


@pytest.mark.parametrize("n", [1, 5, 19, 20, 100, 999])
@pytest.mark.parametrize("level", [0.01, 0.05, 0.29, 0.5])
def test_scores_below_the_threshold_are_those_with_small_p_values(n, level):
    reference = np.sort(np.random.default_rng(n).normal(size=n).round(1))  # with ties
    scores = np.concatenate([reference, np.linspace(-4, 4, 200)])
    p = conformal_p_values(reference, scores)
    threshold = threshold_at(reference, level)
    np.testing.assert_array_equal(scores < threshold, p <= level * (1 + 1e-12))
    assert np.isfinite(threshold) == (n >= fewest_scores(level))


@pytest.mark.parametrize("level", [0.0003, 0.01, 0.05, 0.07, 0.1, 1 / 3, 0.5, 0.9, *(1 / np.arange(2, 200))])
def test_so_many_scores_p_values_take_and_no_fewer(level):
    n = fewest_scores(level)
    assert 1 / (n + 1) <= level * (1 + 1e-12)
    assert n == 0 or 1 / n > level


def test_p_values_of_the_same_law_are_uniform():
    random = np.random.default_rng(0)
    shares = [
        (conformal_p_values(np.sort(random.gamma(1.0, size=99)), random.gamma(1.0, size=400)) <= 0.05).mean()
        for _ in range(300)
    ]
    assert np.mean(shares) == pytest.approx(0.05, abs=3 * np.std(shares) / np.sqrt(300))


def test_ranks_are_p_values_beside_the_others():
    scores = np.random.default_rng(1).normal(size=50)
    for i, p in enumerate(ranks_as_p_values(scores)):
        others = np.sort(np.delete(scores, i))
        assert p == pytest.approx(conformal_p_values(others, scores[i : i + 1])[0])


def benjamini_hochberg_by_loops(p, rate):
    m, found = len(p), 0
    for rank, i in enumerate(np.argsort(p), start=1):
        if p[i] <= rate * rank / m:
            found = rank
    kept = np.zeros(m, dtype=bool)
    kept[np.argsort(p)[:found]] = True
    return kept


@pytest.mark.parametrize("seed", range(20))
def test_discoveries_are_the_largest_step_up(seed):
    random = np.random.default_rng(seed)
    p = np.concatenate([random.random(40), random.random(seed) ** 6])
    np.testing.assert_array_equal(benjamini_hochberg(p, 0.2), benjamini_hochberg_by_loops(p, 0.2))


def test_no_p_values_no_discoveries():
    assert benjamini_hochberg(np.ones(5), 0.1).tolist() == [False] * 5
    assert benjamini_hochberg(np.full(5, 0.1), 0.1).tolist() == [True] * 5


@pytest.mark.parametrize(("n", "m"), [(20, 999), (500, 99), (5000, 39)])
def test_counts_of_small_p_values_scatter_as_is_said(n, m):
    random = np.random.default_rng([n, m])
    counts = [
        (conformal_p_values(np.sort(random.normal(size=m)), random.normal(size=n)) <= 0.05).sum() for _ in range(2000)
    ]
    assert np.mean(counts) == pytest.approx(0.05 * n, abs=4 * error_of_count(n, 0.05, m) / np.sqrt(2000))
    assert np.std(counts) == pytest.approx(error_of_count(n, 0.05, m), rel=0.08)
