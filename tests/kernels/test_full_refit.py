"""The compiled refit of matrices against array operations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gmmkit.kernels import native
from gmmkit.kernels.native import full_refit
from gmmkit.model.covariance import Full
from gmmkit.statistics import Contraction, Statistics

pytestmark = pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))

COLUMNS = (1, 2, 3, 8, full_refit.MOST_COLUMNS)


def moments(k, d, seed=0, n=200):
    """Return moments of n rows about points that are not their means."""
    rng = np.random.default_rng(seed)
    z, shares = rng.normal(size=(n, d)) * 3.0 + 1.0, rng.dirichlet(np.ones(k), size=n).T
    points = rng.normal(size=(k, d))
    away = z - points[:, None]
    second = np.einsum("kn,kna,knb->kab", shares, away, away)
    first = np.einsum("kn,kna->ka", shares, away)
    return Statistics(Contraction.FULL, shares.sum(axis=1), first, second, points)


def by_arrays(monkeypatch, *arguments):
    monkeypatch.setenv("GMMKIT_NATIVE", "0")
    found = Full.refit(*arguments)
    monkeypatch.delenv("GMMKIT_NATIVE")
    return found


@pytest.mark.parametrize("own_pseudo", [False, True])
@pytest.mark.parametrize("k", [1, 2, 9])
@pytest.mark.parametrize("d", COLUMNS)
def test_is_what_array_operations_make(monkeypatch, d, k, own_pseudo):
    rng = np.random.default_rng(1)
    pseudo, ridge = np.cov(rng.normal(size=(d, 50))).reshape(d, d), rng.uniform(size=d)
    given = moments(k, d), np.tile(pseudo, (k, 1, 1)) if own_pseudo else pseudo, ridge
    expected, found = by_arrays(monkeypatch, *given), Full.refit(*given)
    np.testing.assert_allclose(found.values, expected.values, rtol=0, atol=1e-13 * np.abs(expected.values).max())
    assert {"whitening", "log_determinants"} <= vars(found).keys()
    for name in ("whitening", "log_determinants"):
        here, there = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(here, there, rtol=0, atol=1e-10 * np.abs(there).max())
    assert not found.asymmetry()
    np.testing.assert_array_equal(found.whitening, np.tril(found.whitening))


def test_more_columns_are_left_to_array_operations(monkeypatch):
    d = full_refit.MOST_COLUMNS + 1
    given = moments(3, d), np.zeros((d, d)), np.ones(d)
    monkeypatch.setattr(full_refit, "refit", None)
    np.testing.assert_array_equal(Full.refit(*given).values, by_arrays(monkeypatch, *given).values)


@pytest.mark.parametrize("factor", [1e280, 1e-280])
def test_weights_may_be_huge_or_tiny(factor):
    total, nothing = moments(3, 4), (np.zeros((4, 4)), np.zeros(4))
    scaled = {name: factor * getattr(total, name) for name in ("counts", "first", "second")}
    found, expected = Full.refit(replace(total, **scaled), *nothing), Full.refit(total, *nothing)
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-12)


@pytest.mark.parametrize("prior", [0.0, 2.0])
def test_a_component_without_rows_has_what_the_prior_gives_it(monkeypatch, prior):
    total = moments(3, 2)
    counts, first, second = total.counts.copy(), total.first.copy(), total.second.copy()
    counts[1], first[1], second[1] = 0.0, 0.0, 0.0
    given = Statistics(Contraction.FULL, counts, first, second, total.reference), prior * np.eye(2), np.zeros(2)
    found, expected = Full.refit(*given), by_arrays(monkeypatch, *given)
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-12)
    assert np.isfinite(found.values).all()


@pytest.mark.parametrize("broken", [np.zeros((2, 2)), [[1.0, 2.0], [2.0, 1.0]], np.full((2, 2), np.nan)])
def test_what_has_no_factor_is_given_none(broken):
    second = np.stack([np.eye(2), broken])
    total = Statistics(Contraction.FULL, np.ones(2), np.zeros((2, 2)), second, np.zeros((2, 2)))
    found = Full.refit(total, np.zeros((2, 2)), np.zeros(2))
    np.testing.assert_array_equal(found.values[1], broken / total.positive_counts()[1])
    assert "whitening" not in vars(found)  # what asks for it finds out, and repairs


def test_what_is_not_as_expected_is_refused():
    total = moments(2, 3)
    with pytest.raises(ValueError, match="expected a C-contiguous float64 array of shape"):
        full_refit.refit(total.counts, total.counts, total.first, total.second[:, :2], np.eye(3), np.zeros(3))
