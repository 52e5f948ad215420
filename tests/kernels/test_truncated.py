"""Truncated passes: the oracle's choice of components, the two engines alike, and arguments that are refused."""

import math

import numpy as np
import pytest

import oracle
from cases import random_mixture
from gmmkit.inference.truncated import peaks
from gmmkit.kernels import native, truncated
from gmmkit.kernels.native import truncated as compiled
from gmmkit.kernels.truncated_values import Components, Search

NAMES = ("diag", "spherical", "full")
ENGINES = [
    pytest.param(truncated, id="numpy"),
    pytest.param(
        compiled, id="compiled", marks=pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
    ),
]


def padded(values, width):
    return np.concatenate([values, np.zeros((*values.shape[:-1], width - values.shape[-1]))], axis=-1)


def prepared(mixture):
    white = mixture.covariance.whitening
    forms = white[:, None] if white.ndim == 2 else np.swapaxes(white, 1, 2)
    width = -(-mixture.n_features // 8) * 8
    parameters = padded(np.concatenate([mixture.means[:, None], forms], axis=1), width)
    return Components(peaks(mixture), parameters, mixture.n_features)


def searching(neighbours, n_hops=0, beam=0, n_random=0, key=5, cells=()):
    starts = np.cumsum([0, *map(len, cells)]).astype(np.int32)
    members = np.array([j for cell in cells for j in cell], dtype=np.int32)
    return Search(np.array(neighbours, dtype=np.int32), starts, members, n_hops, beam, n_random, key)


def case(name, k=12, d=3, n=40, c=4, seed=0):
    """Return a mixture, rows with weights and keys, and what they have kept: any components, some of them missing."""
    mixture = random_mixture(name, k, d, seed, spread=2.0)
    random = np.random.default_rng(seed)
    rows = mixture.sample(n, seed=seed)[0]
    kept = np.array([random.permutation(k)[:c] for _ in range(n)], dtype=np.int32)
    kept[random.random(kept.shape) < 0.2] = -1
    kept[:, 0] = random.integers(k, size=n)
    weights = random.integers(0, 4, n) * 0.5
    keys = random.integers(2**63, size=n).astype(np.uint64)
    neighbours = np.array([random.permutation(k)[:3] for _ in range(k)], dtype=np.int32)
    neighbours[random.random(neighbours.shape) < 0.1] = -1
    return mixture, rows, weights, keys, kept, neighbours


def by_hand(mixture, x, kept, neighbours, entered, drawn, n_hops, beam):
    """Return the best components of a row and its truncated bound, as the algorithm is told in words."""
    score = {}

    def attempt(components):
        for j in components:
            if 0 <= j < mixture.n_components and j not in score:
                density = oracle.component_log_density(x, mixture.means[j], mixture.covariance.dense()[j])
                score[j] = math.log(mixture.weights[j]) + density

    attempt([*kept, *entered, *drawn])
    opened = set()
    for _ in range(n_hops):
        first = sorted(score, key=score.get, reverse=True)[: min(beam, len(kept))]
        closed = [j for j in first if j not in opened]
        if not closed:
            break
        opened.add(closed[0])
        attempt(neighbours[closed[0]])
    best = sorted(score, key=score.get, reverse=True)[: len(kept)]
    top = score[best[0]]
    # Who has 1e-10 of what the best has leaves it to that.
    relative = [math.exp(score[j] - top) if score[j] - top > -23 else 0.0 for j in best]
    total = math.fsum(relative)
    return best, top + math.log(total), [share / total for share in relative]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("d", "n_hops", "beam"), [(1, 0, 0), (3, 2, 1), (3, 5, 3), (9, 3, 2), (19, 3, 9), (33, 1, 1)])
def test_a_block_is_the_oracles(engine, name, d, n_hops, beam):
    mixture, rows, weights, keys, kept, neighbours = case(name, d=d)
    components, before = prepared(mixture), kept.copy()
    cells = [[0, 5], [], [7, 3, 11]]
    entries = np.random.default_rng(1).integers(-1, 4, size=(len(rows), 2)).astype(np.int32)
    search = searching(neighbours, n_hops, beam, n_random=2, cells=cells)
    counts, sums = np.zeros(mixture.n_components), np.zeros(components.parameters.shape)
    z = padded(rows, components.parameters.shape[2])

    values = engine.assign(components, search, z, weights, keys, entries, kept, counts, sums)

    expected_counts, first = np.zeros_like(counts), np.zeros((len(counts), d))
    second = np.zeros((len(counts), d, d))
    drawn = truncated.drawn(keys, search, mixture.n_components)
    for i, x in enumerate(rows):
        if weights[i] == 0:
            assert values[i] == 0
            assert (kept[i] == before[i]).all()
            continue
        entered = [j for e in entries[i] if 0 <= e < 3 for j in cells[e]]
        found = by_hand(mixture, x, before[i], neighbours, entered, drawn[i], n_hops, beam)
        assert [j for j in kept[i] if j >= 0] == found[0]
        assert values[i] == pytest.approx(found[1], rel=1e-11)
        assert (
            values[i] <= oracle.log_density([x], mixture.weights, mixture.means, mixture.covariance.dense())[0] + 1e-9
        )
        for j, share in zip(found[0], found[2], strict=True):
            deviation = x - mixture.means[j]
            expected_counts[j] += weights[i] * share
            first[j] += weights[i] * share * deviation
            second[j] += weights[i] * share * np.outer(deviation, deviation)
    np.testing.assert_allclose(counts, expected_counts, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(sums[:, 0, :d], first, rtol=1e-9, atol=1e-12)
    if components.full:
        for j in range(len(counts)):
            np.testing.assert_allclose(np.tril(sums[j, 1:, :d]), np.tril(second[j]), rtol=1e-9, atol=1e-12)
    else:
        squares = np.diagonal(second, axis1=1, axis2=2)
        np.testing.assert_allclose(sums[:, 1, :d], squares, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("d", [1, 3, 16, 30])
def test_neighbours_are_those_of_the_largest_mean_score(engine, name, d):
    mixture, *_, neighbours = case(name, d=d, k=14)
    components, width = prepared(mixture), -(-d // 8) * 8
    dense = mixture.covariance.dense()
    if components.full:
        spread, precisions = padded(dense, width), padded(np.linalg.inv(dense), width)
    else:
        spread, precisions = padded(mixture.covariance.variances(), width), None
    search = searching(neighbours, n_random=1, cells=[[1, 2]])
    entries = np.zeros((14, 1), dtype=np.int32)

    found = engine.connect(components, search, spread, precisions, entries, 4, 2, 9)

    drawn = truncated.drawn(truncated._mixed(np.arange(14, dtype=np.uint64)), search, 14)
    for i in range(2, 9):
        near = [j for j in neighbours[i] if j >= 0]
        tried = {*near, 1, 2, drawn[i, 0], *(j for near_by in near for j in neighbours[near_by] if j >= 0)} - {i}

        def mean_score(j, i=i):
            at_mean = oracle.component_log_density(mixture.means[i], mixture.means[j], dense[j])
            return math.log(mixture.weights[j]) + at_mean - 0.5 * np.trace(np.linalg.solve(dense[j], dense[i]))

        assert [j for j in found[i - 2] if j >= 0] == sorted(tried, key=mean_score, reverse=True)[:4]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_no_component_is_no_candidate(engine):
    mixture, rows, _, keys, kept, _ = case("diag")
    components = prepared(mixture)
    wild = np.full((12, 3), 2**31 - 1, dtype=np.int32)
    kept[:, 1:] = [-(2**31), 12, 99]
    counts, sums = np.zeros(12), np.zeros(components.parameters.shape)
    engine.assign(components, searching(wild, 3, 2), padded(rows, 8), None, keys, None, kept, counts, sums)
    assert (kept[:, 0] >= 0).all()
    assert (kept[:, 1:] == -1).all()
    assert counts.sum() == pytest.approx(len(rows))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_row_too_far_for_any_score_is_of_one_component(engine):
    mixture, *_ = case("diag")
    components = prepared(mixture)
    z, kept = np.zeros((1, 8)), np.array([[3, 4]], dtype=np.int32)
    z[0, :3] = 1e200
    counts, sums = np.zeros(12), np.zeros(components.parameters.shape)
    with np.errstate(over="ignore"):
        values = engine.assign(
            components, searching(np.full((12, 1), -1)), z, None, np.zeros(1, np.uint64), None, kept, counts, sums
        )
    assert values[0] == -np.inf
    assert counts.sum() == 1.0


@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
@pytest.mark.parametrize("d", [1, 3, 16, 19, 40])
@pytest.mark.parametrize(("c", "n_hops", "beam"), [(1, 4, 1), (5, 1, 1), (16, 4, 1), (16, 3, 2), (20, 4, 1)])
def test_floats_choose_what_doubles_do(d, c, n_hops, beam):
    # Twins, and components that floats cannot tell apart; what is nearly a point is far from all the others.
    mixture = random_mixture("diag", 90, d, 0, spread=2.0)
    means = mixture.means.copy()
    means[60:75], means[75:85] = means[:15], means[15:25] + 1e-8
    mixture = mixture.changed(means=means)
    rows, random = mixture.sample(500, seed=1)[0], np.random.default_rng(2)
    components, z = prepared(mixture), padded(rows, -(-d // 8) * 8)
    components.parameters[89, 1, :d] = 1e5
    kept = np.array([random.permutation(90)[:c] for _ in rows], dtype=np.int32)
    kept[:20, -1] = -1
    keys = random.integers(2**63, size=len(rows)).astype(np.uint64)
    neighbours = np.array([random.permutation(90)[:20] for _ in range(90)])
    answers = []
    for narrow in (components, components.narrowed(np.abs(rows).max(axis=0))):
        best, counts, sums = kept.copy(), np.zeros(90), np.zeros(components.parameters.shape)
        for key in range(3):
            search = searching(neighbours, n_hops, beam, n_random=1, key=key)
            values = compiled.assign(narrow, search, z, None, keys, None, best, counts, sums)
        answers.append((best, values, counts, sums))
    assert narrow.narrow is not None
    for ours, theirs in zip(*answers, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    assert (answers[0][0] == answers[1][0]).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("m", "size"), [(5, 5), (16, 3), (37, 16), (100, 1), (803, 8)])
def test_the_largest_few(engine, m, size):
    values = np.random.default_rng(0).standard_normal((50, m)).astype(np.float32)
    found = engine.largest(values, size)
    assert (np.sort(found, axis=1) == np.sort(np.argsort(-values, axis=1)[:, :size], axis=1)).all()


@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
def test_no_more_of_the_largest_than_there_is_room_for():
    with pytest.raises(ValueError, match="size must be from 1 to 16, but got 17"):
        compiled.largest(np.zeros((2, 40), dtype=np.float32), 17)


@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"z": np.zeros((40, 3))}, "z must be a C-contiguous array of float64 of shape"),
        ({"z": np.zeros((40, 8), dtype=np.float32)}, "z must be"),
        ({"weights": np.ones(3)}, "weights must be"),
        ({"keys": np.zeros(40)}, "keys must be"),
        ({"entries": np.zeros((3, 1), dtype=np.int32)}, "entries must be"),
        ({"kept": np.zeros((40, 4), dtype=np.int64)}, "kept must be"),
        ({"kept": np.zeros((40, 0), dtype=np.int32)}, "room for at least 1"),
        ({"counts": np.zeros(3)}, "counts must be"),
        ({"sums": np.zeros((12, 2, 3))}, "sums must be"),
        ({"search": searching(np.zeros((3, 1)))}, "neighbours must be"),
        ({"search": searching(np.zeros((12, 1)), n_hops=-1)}, "must not be negative"),
        ({"search": searching(np.zeros((12, 1)), key=2**64)}, "must not be negative"),
        ({"search": Search(*[np.zeros((12, 1), np.int32), *[np.array([0, 9], np.int32)] * 2, 0, 0, 0, 1])}, "starts"),
    ],
)
def test_the_library_is_given_what_it_expects(change, said):
    mixture, rows, weights, keys, kept, neighbours = case("diag")
    components = prepared(mixture)
    given = {
        "components": components,
        "search": searching(neighbours),
        "z": padded(rows, 8),
        "weights": weights,
        "keys": keys,
        "entries": None,
        "kept": kept,
        "counts": np.zeros(12),
        "sums": np.zeros(components.parameters.shape),
    }
    with pytest.raises(ValueError, match=said):
        compiled.assign(**{**given, **change})


@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
def test_neighbours_are_asked_for_within_bounds():
    mixture, *_, neighbours = case("diag")
    components, spread = prepared(mixture), padded(np.ones((12, 3)), 8)
    with pytest.raises(ValueError, match="start and stop must lie in"):
        compiled.connect(components, searching(neighbours), spread, None, None, 2, 0, 13)
    with pytest.raises(ValueError, match="size must be at least 1"):
        compiled.connect(components, searching(neighbours), spread, None, None, 0, 0, 12)
    with pytest.raises(ValueError, match="spread must be"):
        compiled.connect(components, searching(neighbours), np.ones((12, 3)), None, None, 2, 0, 12)
