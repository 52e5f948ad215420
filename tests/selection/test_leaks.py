"""Nearest real rows are those of a search through all of them."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from gmmkit.selection import leaks
from gmmkit.selection.leaks import nearest_rows


@pytest.mark.parametrize("d", [1, 3, 12])
def test_distances_are_those_of_a_tree(d, monkeypatch):
    monkeypatch.setattr(leaks, "_MOST_VALUES", 700)
    random = np.random.default_rng(d)
    real, drawn = random.normal(5.0, [1.0 + j for j in range(d)], (120, d)), random.normal(5.0, 2.0, (90, d))
    found = nearest_rows(real, drawn, most=5)
    units = real.std(axis=0)
    np.testing.assert_allclose(found.own, cKDTree(real / units).query(real / units, k=2)[0][:, 1], rtol=1e-12)
    # As many others as a real row has: without the first.
    np.testing.assert_allclose(found.away, cKDTree(real[1:] / units).query(drawn / units)[0], rtol=1e-12)
    distances, places = cKDTree(real / units).query(drawn / units)
    close = np.quantile(found.own, 0.05)
    for i, j, distance in found.pairs:
        assert (j, distance) == (places[i], pytest.approx(distances[i]))
    assert [pair[0] for pair in found.pairs] == [i for i in np.argsort(distances)[:5] if distances[i] < close]


def test_copies_are_found_far_from_the_origin_and_nothing_is_where_rows_are_new():
    random = np.random.default_rng(0)
    real = random.normal(1e6, 1.0, (500, 2))
    real = np.c_[real, np.full(500, 3.0)]  # a column of one value has no unit
    copied = nearest_rows(real, np.r_[real[[17, 4]], random.normal(1e6, 1.0, (3, 3))])
    assert {pair[:2] for pair in copied.pairs if pair[2] == 0.0} == {(0, 17), (1, 4)}
    assert nearest_rows(real, real[:5] + np.array([50.0, 50.0, 0.0])).pairs == ()


def test_rows_that_are_there_twice_stand_on_each_other():
    found = nearest_rows(np.repeat([[0.0], [1.0], [2.0]], 2, axis=0), np.array([[1.0], [1.5]]))
    assert not found.own.any()
    assert found.pairs == ((0, 2, 0.0),)
