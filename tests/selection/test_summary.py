import numpy as np
import pytest

from gmmkit.errors import ParameterError
from gmmkit.model.mixture import Mixture
from gmmkit.model.noise import Noise
from gmmkit.selection.overlap import measure_overlap, posteriors_of
from gmmkit.selection.summary import clusters_in_words, describe_clusters

MEANS = [[0.0, 0.0, 5.0], [2.0, 0.0, 5.0], [12.0, 9.0, 5.0]]
MIXTURE = Mixture.from_arrays([0.3, 0.2, 0.5], MEANS, [1.0, 1.0, 1.0], covariance_type="spherical")
ROWS = MIXTURE.sample(2000, seed=0)[0]
NAMES = ["length", "width", "height"]


def test_numbers_are_those_of_the_rows():
    posterior = MIXTURE.posterior(ROWS)
    labels = posterior.argmax(axis=1)
    for j, cluster in enumerate(describe_clusters(MIXTURE, ROWS, names=NAMES)):
        assert cluster.size == pytest.approx(posterior[:, j].sum())
        assert cluster.share == pytest.approx(posterior[:, j].mean())
        assert cluster.certainty == pytest.approx(posterior[labels == j, j].mean())
        assert cluster.centre == pytest.approx(MEANS[j])
    first, second, third = describe_clusters(MIXTURE, ROWS, names=NAMES)
    assert (first.neighbour, second.neighbour, third.neighbour) == (1, 0, 1)
    assert first.mistaken == pytest.approx(posterior[labels == 1, 0].sum() / posterior[:, 0].sum())
    assert first.separation == pytest.approx(2.0)
    assert third.separation == pytest.approx(np.hypot(10.0, 9.0))


def test_words_follow_from_the_numbers():
    first, _, third = describe_clusters(MIXTURE, ROWS, names=NAMES)
    assert first.place == "low length, low width"
    assert third.place == "high length, high width"
    assert "height" not in third.sentence
    assert "runs into cluster 1" in first.sentence
    assert "well apart from its nearest, cluster 1, 13.5 standard deviations away" in third.sentence
    row = third.as_row()
    assert row["centre"] == {"length": 12.0, "width": 9.0, "height": 5.0}
    assert row["sentence"] == third.sentence


def test_who_is_touched_is_not_apart():
    # Of many rows few, of few rows many are taken for the other's.
    means = [[0.0], [3.0], [40.0]]
    uneven = Mixture.from_arrays([0.9, 0.02, 0.08], means, [1.0, 1.0, 1.0], covariance_type="spherical")
    large, small, far = describe_clusters(uneven)
    assert (large.neighbour, small.neighbour) == (1, 0)
    assert large.mistaken == small.received < 0.01 <= large.received == small.mistaken
    assert "; cluster 1 runs into it: " in large.sentence
    assert "% of that one's rows would be put here; " in large.sentence
    assert "; runs into cluster 0: " in small.sentence
    assert max(far.mistaken, far.received) < 0.01
    assert "; well apart from its nearest, cluster 1, 37.0 standard deviations away; " in far.sentence
    assert large.as_row()["received"] == large.received


def test_the_neighbour_is_the_one_whose_distance_is_told():
    for cluster in describe_clusters(MIXTURE, ROWS):
        assert cluster.neighbour is not None
        between = np.linalg.norm(np.subtract(MEANS[cluster.cluster], MEANS[cluster.neighbour]))
        assert cluster.separation == pytest.approx(between)


def test_next_to_another_is_not_apart():
    near = Mixture.from_arrays([0.5, 0.5], [[0.0], [0.5]], [1.0, 1.0], covariance_type="spherical")
    sure = measure_overlap(lambda: [(np.eye(2), None)], [(0,), (1,)])
    first, second = clusters_in_words(near, sure, [(0,), (1,)])
    assert first.company == "next to cluster 1, 0.5 standard deviations away"
    assert second.company == "next to cluster 0, 0.5 standard deviations away"


def test_groups_are_one_cluster():
    pair, other = describe_clusters(MIXTURE, ROWS, groups=[(0, 1), (2,)], names=NAMES)
    assert pair.components == (0, 1)
    assert pair.centre == pytest.approx([0.8, 0.0, 5.0])
    assert "made of 2 components" in pair.sentence
    assert pair.mistaken < 0.01
    assert other.separation == pytest.approx(np.hypot(10.0, 9.0))
    with pytest.raises(ParameterError, match="component 1 comes twice|component 2 is in none"):
        describe_clusters(MIXTURE, ROWS, groups=[(0, 1)])


def test_one_cluster_has_no_neighbour():
    (only,) = describe_clusters(MIXTURE, ROWS, groups=[(0, 1, 2)], names=NAMES)
    assert only.neighbour is None
    assert only.as_row()["separation"] is None
    assert "there is no other cluster" in only.sentence


def test_weights_are_repetitions():
    weights = np.arange(len(ROWS)) % 3
    weighted = describe_clusters(MIXTURE, ROWS, weights=weights)
    repeated = describe_clusters(MIXTURE, np.repeat(ROWS, weights, axis=0))
    assert [c.sentence for c in weighted] == [c.sentence for c in repeated]


def test_noise_and_heavy_tails_have_words():
    heavy = MIXTURE.changed(degrees_of_freedom=np.ones(3)).beside(Noise(0.2, -8.0))
    clusters = describe_clusters(heavy, names=NAMES)
    assert [c.place for c in clusters][2] == "high length, high width"
    found = measure_overlap(posteriors_of(heavy, ROWS), [(0,), (1,), (2,)])
    assert found.sizes.sum() < found.total_weight


def test_names_must_fit():
    with pytest.raises(ParameterError, match="names must be one for each of the 3 columns, but got 2"):
        describe_clusters(MIXTURE, ROWS, names=["a", "b"])
