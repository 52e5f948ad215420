"""Statistics add: in any grouping, in any order up to rounding, however rows are cut, about any point."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from gmmkit.inference.combination import combined
from gmmkit.inference.problem import Totals
from gmmkit.numerics import stacks
from gmmkit.statistics import Compact, Contraction, Statistics

CONTRACTIONS = list(Contraction)
HALVES = slice(0, 10), slice(10, 24)


def contracted(contraction, second):
    return {
        Contraction.FULL: lambda: second,
        Contraction.TIED: lambda: second.sum(axis=0),
        Contraction.DIAGONAL: lambda: np.diagonal(second, axis1=1, axis2=2),
        Contraction.SHARED_DIAGONAL: lambda: np.diagonal(second.sum(axis=0)),
        Contraction.SPHERICAL: lambda: np.trace(second, axis1=1, axis2=2),
        Contraction.SHARED: lambda: np.trace(second, axis1=1, axis2=2).sum(),
    }[contraction]()


def of_rows(contraction, rows, shares, reference):
    counts, first, second = oracle.moments(rows, shares, reference)
    return Statistics(contraction, counts, first, contracted(contraction, second), np.asarray(reference))


def assert_same(one, other, rtol=1e-12, atol=1e-12):
    other = other.about(one.reference)
    for leaf in ("counts", "first", "second"):
        np.testing.assert_allclose(getattr(one, leaf), getattr(other, leaf), rtol=rtol, atol=atol, err_msg=leaf)


@pytest.fixture
def sample():
    random = np.random.default_rng(11)
    rows = random.standard_normal((24, 3)) * [1.0, 2.0, 0.5] + [0.0, 1.0, -2.0]
    return (
        rows,
        random.dirichlet(np.ones(2), 24) * random.integers(0, 3, (24, 1)),
        random.standard_normal((2, 3)),
    )


@pytest.mark.parametrize("contraction", CONTRACTIONS)
def test_merge_is_blind_to_how_rows_are_cut(contraction, sample):
    rows, shares, reference = sample
    whole = of_rows(contraction, rows, shares, reference)
    for edges in ([0, 24], [0, 1, 24], [0, 5, 5, 23, 24], range(25)):
        pieces = [of_rows(contraction, rows[a:b], shares[a:b], reference) for a, b in itertools.pairwise(edges)]
        assert_same(functools.reduce(Statistics.__add__, pieces), whole)


@pytest.mark.parametrize("contraction", CONTRACTIONS)
def test_merge_is_associative_and_commutative(contraction, sample):
    rows, shares, reference = sample
    # References differ: the sum is about the first's.
    a, b, c = (
        of_rows(contraction, rows[piece], shares[piece], reference + i)
        for i, piece in enumerate((slice(0, 7), slice(7, 12), slice(12, 24)))
    )
    assert_same((a + b) + c, a + (b + c))
    assert_same(a + b, b + a)
    np.testing.assert_array_equal((a + b).reference, a.reference)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("contraction", CONTRACTIONS)
def test_what_is_kept_compactly_adds_as_what_it_was_made_of(contraction, several, sample, monkeypatch):
    if several:
        monkeypatch.setattr(stacks, "_VALUES", 1)  # components one by one
    rows, shares, reference = sample
    one, other = (of_rows(contraction, rows[piece], shares[piece], reference + i) for i, piece in enumerate(HALVES))
    kept = Compact.of(other)
    assert kept.second.size == (12 if contraction is Contraction.FULL else other.second.size)
    total = Statistics.empty(contraction, reference)
    total.add(one)
    total.add(kept, -0.5)
    minus = Statistics(contraction, -0.5 * other.counts, -0.5 * other.first, -0.5 * other.second, other.reference)
    assert_same(total, one + minus)


@pytest.mark.parametrize("contraction", CONTRACTIONS)
def test_nothing_added_changes_no_bit(contraction, sample):
    rows, shares, reference = sample
    whole = of_rows(contraction, rows, shares, reference)
    assert_same(whole + Statistics.empty(contraction, reference), whole, rtol=0, atol=0)


@pytest.mark.parametrize("contraction", CONTRACTIONS)
def test_about_is_what_the_rows_say_about_the_other_point(contraction, sample):
    rows, shares, reference = sample
    elsewhere = reference + np.array([[1.0, -3.0, 2.0], [0.25, 8.0, -1.0]])
    moved = of_rows(contraction, rows, shares, reference).about(elsewhere)
    assert_same(moved, of_rows(contraction, rows, shares, elsewhere), atol=1e-11)
    assert moved.about(elsewhere) is moved


@pytest.mark.parametrize("contraction", CONTRACTIONS)
def test_about_is_exact_where_arithmetic_is(contraction):
    # Small integers: every product and sum is exact, so moving the point and coming back changes no bit.
    random = np.random.default_rng(1)
    rows = random.integers(-9, 10, (20, 3)).astype(float)
    shares = random.integers(0, 4, (20, 2)).astype(float)
    here, there = np.zeros((2, 3)), random.integers(-9, 10, (2, 3)).astype(float)
    statistics = of_rows(contraction, rows, shares, here)
    assert_same(statistics.about(there), of_rows(contraction, rows, shares, there), rtol=0, atol=0)
    assert_same(statistics.about(there).about(here), statistics, rtol=0, atol=0)


@pytest.mark.parametrize("contraction", CONTRACTIONS)
def test_means_and_scatter_do_not_depend_on_the_reference(contraction, sample):
    rows, shares, reference = sample
    one = of_rows(contraction, rows, shares, reference)
    other = one.about(reference + 3.0)
    np.testing.assert_allclose(one.means(), other.means(), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(one.scatter(), other.scatter(), rtol=1e-11, atol=1e-12)
    _, _, about_means = oracle.moments(rows, shares, one.means())
    np.testing.assert_allclose(one.scatter(), contracted(contraction, about_means), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("contraction", CONTRACTIONS)
def test_a_weight_is_a_repetition(contraction, sample):
    rows, shares, reference = sample
    once, thrice = (of_rows(contraction, rows, times * shares, reference) for times in (1.0, 3.0))
    assert_same(thrice, once + once + once)
    np.testing.assert_allclose(thrice.means(), once.means(), rtol=1e-14)


@pytest.mark.parametrize("contraction", CONTRACTIONS)
def test_combinations_are_about_the_points_of_the_last(contraction, sample):
    rows, shares, reference = sample
    parts = [of_rows(contraction, rows, times * shares, reference + times) for times in (1.0, 2.0, 4.0)]
    before = [(part.counts.copy(), part.first.copy(), part.second.copy()) for part in parts]
    found = combined([Totals(part, 0.0) for part in parts], [5.0, -1.5, 0.25]).statistics
    # 5 · 1 − 1.5 · 2 + 0.25 · 4 = 3
    assert_same(found, of_rows(contraction, rows, 3.0 * shares, reference + 4.0), rtol=1e-9, atol=1e-9)
    for part, kept in zip(parts, before, strict=True):
        for array, value in zip((part.counts, part.first, part.second), kept, strict=True):
            np.testing.assert_array_equal(array, value)


@pytest.mark.parametrize("contraction", CONTRACTIONS)
def test_a_component_that_holds_nothing_stays_at_its_reference(contraction):
    statistics = Statistics.empty(contraction, np.array([[1.0, 2.0], [3.0, 4.0]]))
    np.testing.assert_array_equal(statistics.means(), [[1.0, 2.0], [3.0, 4.0]])
    assert not statistics.scatter().any()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    cuts=st.lists(st.integers(0, 24), max_size=6),
    contraction=st.sampled_from(CONTRACTIONS),
    offset=st.floats(-1e3, 1e3),
    seed=st.integers(0, 2**16),
)
def test_any_cut_about_any_point(cuts, contraction, offset, seed):
    random = np.random.default_rng(seed)
    rows, shares = random.standard_normal((24, 2)), random.dirichlet(np.ones(2), 24)
    reference = np.zeros((2, 2))
    edges = [0, *sorted(cuts), 24]
    pieces = [
        of_rows(contraction, rows[a:b], shares[a:b], reference + offset * (i % 2))
        for i, (a, b) in enumerate(itertools.pairwise(edges))
    ]
    # Moving the point by `offset` costs offset² roundings of the second moment.
    total = functools.reduce(Statistics.__add__, pieces)
    assert_same(total, of_rows(contraction, rows, shares, reference), atol=1e-13 * (1 + offset**2))
