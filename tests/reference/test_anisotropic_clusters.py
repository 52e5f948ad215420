"""scikit-learn's issue 34842: k-means starts fail on clusters that lie apart in a narrow direction.

The clusters are round; a linear map squeezes the direction they lie apart in and stretches the one that says nothing.
However many k-means starts, EM stays where they are: between halves of the long direction.
"""

import numpy as np
import pytest

from gmmkit import GaussianMixture, GaussianMixtureSearch


@pytest.fixture(params=[2, 3])
def elongated(request):
    k = request.param
    random = np.random.default_rng(0)
    labels = random.integers(0, k, 450)
    rows = random.standard_normal((450, 2)) + 6.0 * labels[:, None] * [1.0, 0.0]
    return rows @ np.array([[0.2, 0.1], [-20.0, 40.0]]), labels, k


def agreement(found, labels, k):
    """Return the share of rows in the largest label of their cluster; 0 unless each cluster has its own label."""
    table = np.array([np.bincount(labels[found == j], minlength=k) for j in range(k)])
    if len(set(table.argmax(axis=1))) < k:
        return 0.0
    return table.max(axis=1).sum() / len(labels)


def test_ten_kmeans_starts_fail(elongated):
    rows, labels, k = elongated
    found = GaussianMixture(k, n_init=10, random_state=0, max_iter=1000).fit(rows)
    assert agreement(found.predict(rows), labels, k) < 0.9


# Three in a row are narrow beside the distance of the outer two: no hierarchy shows them, moves do.
@pytest.mark.parametrize(
    ("elongated", "start"),
    [(2, "hierarchical"), (2, "hierarchical-ward"), (2, "short-runs"), (3, "short-runs"), (2, "swap"), (3, "swap")],
    indirect=["elongated"],
)
def test_the_other_starts_find_the_clusters(elongated, start):
    rows, labels, k = elongated
    found = GaussianMixture(k, init_params=start, random_state=0, max_iter=1000).fit(rows)
    assert agreement(found.predict(rows), labels, k) > 0.98


def test_the_search_finds_them_and_their_number(elongated):
    rows, labels, k = elongated
    found = GaussianMixtureSearch(range(1, 6), covariance_type=["full", "tied"], random_state=0).fit(rows)
    assert found.best_estimator_.n_components == k
    assert agreement(found.predict(rows), labels, k) > 0.98
