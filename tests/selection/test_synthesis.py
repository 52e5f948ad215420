"""Kinds of columns, rows drawn by them, and how like the real ones they are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gmmkit import GaussianMixture
from gmmkit.errors import DataError, ParameterError
from gmmkit.selection.column_shapes import shape_of
from gmmkit.selection.fidelity import fidelity_of, thinned
from gmmkit.selection.synthesis import synthesizer_of


def one(table):
    return GaussianMixture(1, reg_covar=1e-4).fit(table).mixture_


def few(table):
    return GaussianMixture(4, random_state=0).fit(table).mixture_


COLUMNS = {
    "real": np.random.default_rng(0).normal(size=400),
    "positive": np.random.default_rng(1).exponential(3.0, 400),
    "count": np.random.default_rng(2).poisson(2.0, 400).astype(float),
    "tenths": np.round(np.random.default_rng(3).normal(5, 2, 400), 1),
    "zeros": np.where(np.random.default_rng(4).random(400) < 0.6, 0.0, np.random.default_rng(5).exponential(1.0, 400)),
    "capped": np.minimum(np.random.default_rng(6).exponential(10.0, 400), 12.0),
    "flag": np.random.default_rng(7).integers(0, 2, 400).astype(float),
    "grade": np.random.default_rng(8).integers(1, 6, 400).astype(float),
    "large": 1e9 + np.random.default_rng(9).integers(0, 1000, 400).astype(float),
    "tiny": 1e-9 * np.random.default_rng(10).exponential(1.0, 400),
}


# --- columns ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COLUMNS)
def test_values_come_back_from_the_scale_without_ends(name):
    column = COLUMNS[name]
    shape = shape_of(column)
    for moved in (shape.forward(column), shape.scattered(column, np.random.default_rng(0))):
        assert np.isfinite(moved).all()
        np.testing.assert_allclose(shape.back(moved), column, rtol=1e-9, atol=1e-9 * np.ptp(column))


@pytest.mark.parametrize("name", COLUMNS)
def test_whatever_is_drawn_is_a_value_of_the_column(name):
    column = COLUMNS[name]
    shape = shape_of(column)
    drawn = shape.back(np.r_[np.random.default_rng(0).normal(0, 50, 500), -1e4, 1e4])
    drawn = drawn[np.isfinite(drawn)]
    assert drawn.min() >= shape.low
    assert drawn.max() <= shape.high
    if column.min() >= 0:
        assert shape.low >= 0
    if shape.step:
        near = drawn[np.abs(drawn) < 1e12]
        apart = (near - shape.anchor) / shape.step
        np.testing.assert_allclose(apart, np.round(apart), atol=1e-4)


def test_ends_are_where_many_values_are():
    shapes = {name: shape_of(column) for name, column in COLUMNS.items()}
    assert (shapes["real"].low, shapes["real"].high) == (-math.inf, math.inf)
    assert (shapes["positive"].low, shapes["positive"].high) == (0.0, math.inf)
    assert (shapes["count"].low, shapes["count"].step) == (0.0, 1.0)
    assert shapes["zeros"].beyond[0] > 0 == shapes["zeros"].beyond[1]
    assert shapes["capped"].high == 12.0
    assert (shapes["flag"].low, shapes["flag"].high, shapes["flag"].step) == (0.0, 1.0, 1.0)
    assert (shapes["grade"].low, shapes["grade"].high) == (1.0, 5.0)
    assert shape_of(np.full(5, 3.0)).constant


def test_bounds_of_the_caller_come_first():
    column = COLUMNS["positive"]
    shape = shape_of(column, (-1.0, 100.0))
    assert (shape.low, shape.high) == (-1.0, 100.0)
    assert shape_of(column, (None, None)).low == -math.inf
    assert shape_of(-column, (None, 0)).back(np.array([50.0]))[0] == 0.0
    with pytest.raises(DataError, match=r"column 'a' has the value .*outside the bounds 0 to 1: widen them"):
        shape_of(column, (0, 1), name="column 'a'")
    for wrong in ((1.0, 0.0), 3, ("a", 2), (math.nan, 1.0)):
        with pytest.raises(ParameterError, match="must be two numbers"):
            shape_of(column, wrong)


@pytest.mark.parametrize(
    ("column", "bounds", "ends"),
    [
        (COLUMNS["count"], (-0.5, 11.5), (0.0, 11.0)),
        (COLUMNS["count"], (0, None), (0.0, math.inf)),
        (COLUMNS["tenths"], (-3.25, 20.05), (-3.2, 20.0)),
        (COLUMNS["count"] + 0.5, None, (0.5, math.inf)),
        (COLUMNS["count"] * 3 + 2, (1, 100), (2.0, 98.0)),
        (COLUMNS["positive"], (-0.5, 111.5), (-0.5, 111.5)),
    ],
)
def test_ends_are_values_of_the_columns_steps(column, bounds, ends):
    shape = shape_of(column, bounds)
    assert (shape.low, shape.high) == pytest.approx(ends, abs=1e-12)
    drawn = shape.back(np.linspace(-40.0, 40.0, 4001))
    assert set(drawn[[0, -1]]) >= {end for end in (shape.low, shape.high) if math.isfinite(end)}
    if shape.step:
        apart = (drawn[drawn < 1e9] - column.min()) / shape.step
        np.testing.assert_allclose(apart, np.round(apart), atol=1e-4)


@pytest.mark.parametrize("name", COLUMNS)
def test_an_integer_weight_is_a_repetition_for_shapes(name):
    column = COLUMNS[name]
    weights = np.random.default_rng(11).integers(1, 5, len(column))
    weights[column == column.min()] = 100  # which makes it an end
    weighted = shape_of(column, weights=weights.astype(float))
    repeated = shape_of(np.repeat(column, weights))
    for field in ("low", "high", "step", "anchor", "offset", "beyond"):
        assert getattr(weighted, field) == pytest.approx(getattr(repeated, field), rel=1e-12), field
    assert weighted.low == column.min()
    assert repr(shape_of(column, weights=np.full(400, 1.0))) == repr(shape_of(column))


# --- rows -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows():
    return np.column_stack(list(COLUMNS.values()))


def test_drawn_rows_have_the_kinds_and_the_margins_of_the_real_ones(rows):
    drawn, classes = synthesizer_of(rows, few, seed=0).sample(4000, seed=1)
    assert not classes.any()
    for j, (name, column) in enumerate(COLUMNS.items()):
        assert drawn[:, j].mean() == pytest.approx(column.mean(), abs=0.35 * column.std()), name
    assert set(drawn[:, 6]) == {0.0, 1.0}
    assert set(drawn[:, 7]) <= {1.0, 2.0, 3.0, 4.0, 5.0}
    assert (drawn[:, 4] == 0).mean() == pytest.approx(0.6, abs=0.15)
    assert (drawn[:, 5] == 12.0).mean() == pytest.approx((COLUMNS["capped"] == 12.0).mean(), abs=0.1)
    found = fidelity_of(rows, drawn, list(COLUMNS))
    assert max(column.distance for column in found.columns) < 0.12
    again, _ = synthesizer_of(rows, few, seed=0).sample(4000, seed=1)
    np.testing.assert_array_equal(drawn, again)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({2: 2.5}, "column 2 is given as 2.5, but takes values in steps of 1: give 2 or 3"),
        ({3: 4.97}, r"in steps of 0\.1: give 4\.9 or 5"),
        ({6: 0.5}, "give 0 or 1"),
        ({8: 1e9 + 2.5}, "given as 1000000002.5, .* give 1000000002 or 1000000003"),
    ],
)
def test_a_given_value_between_two_steps_is_refused(rows, given, said):
    found = synthesizer_of(rows, one, seed=0)
    with pytest.raises(ParameterError, match=said):
        found.sample(3, given=given)
    assert (found.sample(3, given={3: 0.1 * 3, 2: 2}, seed=0)[0][:, 2] == 2.0).all()


def test_an_integer_weight_is_a_repetition_for_rows(rows):
    random = np.random.default_rng(0)
    weights, classes = random.integers(0, 4, len(rows)), random.integers(0, 2, len(rows))

    def both(rows):
        return (
            synthesizer_of(rows, one, weights=weights.astype(float), classes=classes, seed=0),
            synthesizer_of(np.repeat(rows, weights, axis=0), one, classes=np.repeat(classes, weights), seed=0),
        )

    weighted, repeated = both(rows[:, [2, 3, 6, 7]])  # all with steps
    np.testing.assert_array_equal(weighted.shares, repeated.shares)
    np.testing.assert_allclose(weighted.sample(50, seed=1)[0], repeated.sample(50, seed=1)[0], rtol=1e-6)
    weighted, repeated = both(rows[:, [0, 1]])  # none
    np.testing.assert_allclose(weighted.sample(50, seed=1)[0], repeated.sample(50, seed=1)[0], rtol=1e-6)
    weighted, repeated = both(rows)  # where places within cells differ
    for here, there in zip(weighted.mixtures, repeated.mixtures, strict=True):
        np.testing.assert_allclose(here.means[0, :2], there.means[0, :2], rtol=1e-9)


def test_a_class_of_one_heavy_row_is_as_many_as_it_weighs(rows):
    classes = np.r_[1, np.zeros(len(rows) - 1, int)]
    weights = np.r_[4.0, np.ones(len(rows) - 1)]
    found = synthesizer_of(rows[:, :2], one, weights=weights, classes=classes, seed=0)
    assert found.shares[1] == pytest.approx(4.0 / (len(rows) + 3))
    np.testing.assert_allclose(found.sample_counts([0, 9], seed=0)[0], np.tile(rows[0, :2], (9, 1)), atol=0.2)


def test_rows_of_no_weight_are_not_there(rows):
    weights = np.r_[np.ones(len(rows)), 0.0, 0.0]
    outside = np.vstack([rows, np.full(10, -1e6), np.full(10, 1e6 + 0.5)])
    found, plain = synthesizer_of(outside, one, weights=weights, seed=0), synthesizer_of(rows, one, seed=0)
    assert found.shapes == plain.shapes
    np.testing.assert_allclose(found.sample(20, seed=1)[0], plain.sample(20, seed=1)[0], rtol=1e-9)
    with pytest.raises(DataError, match=r"class 1 has 0 row\(s\)"):
        synthesizer_of(outside, one, weights=weights, classes=(weights == 0).astype(int))


def test_given_columns_are_conditioned_on():
    random = np.random.default_rng(0)
    x = random.normal(size=2000)
    rows = np.c_[x, np.exp(x + 0.1 * random.normal(size=2000)), np.ones(2000)]
    found = synthesizer_of(rows, one, seed=0)
    drawn, _ = found.sample(500, given={0: 1.0, 2: 1.0}, seed=0)
    assert (drawn[:, 0] == 1.0).all()
    assert (drawn[:, 2] == 1.0).all()
    assert np.median(drawn[:, 1]) == pytest.approx(math.e, rel=0.15)
    for given, said in (({3: 0.0}, "from 0 to 2"), ({1: -1.0}, "takes values from 0"), ({0: np.nan}, "finite")):
        with pytest.raises(ParameterError, match=said):
            found.sample(1, given=given)
    with pytest.raises(ParameterError, match="all 3 columns"):
        found.sample(1, given={0: 0.0, 1: 1.0, 2: 1.0})


def test_classes_come_as_they_are_balanced_or_as_what_is_given_asks_for():
    random = np.random.default_rng(0)
    classes = (random.random(1000) < 0.1).astype(int)
    rows = random.normal(size=(1000, 2)) + 6.0 * classes[:, None]
    found = synthesizer_of(rows, one, classes=classes, seed=0)
    assert found.shares[1] == pytest.approx(classes.mean())
    drawn, own = found.sample(2000, seed=0)
    assert own.mean() == pytest.approx(0.1, abs=0.03)
    assert ((drawn[:, 0] > 3) == own).mean() > 0.98
    assert np.bincount(found.sample(1001, balanced=True, seed=0)[1]).tolist() in ([501, 500], [500, 501])
    assert found.sample(200, given={0: 6.0}, seed=0)[1].mean() > 0.95
    assert np.bincount(found.sample_counts([3, 7], seed=0)[1]).tolist() == [3, 7]
    with pytest.raises(DataError, match=r"class rare has 2 row\(s\), but needs at least 3"):
        synthesizer_of(rows, one, classes=np.r_[1, 1, np.zeros(998, int)], class_names=["common", "rare"])


def test_rows_that_do_not_differ_are_refused():
    with pytest.raises(DataError, match="no column has two values"):
        synthesizer_of(np.ones((10, 2)), one)
    with pytest.raises(ParameterError, match="from 0 to 1"):
        synthesizer_of(np.ones((10, 2)), one, bounds={2: (0, 1)})


# --- fidelity ---------------------------------------------------------------------------------------------------


def test_rows_of_the_same_law_cannot_be_told_apart_and_others_can():
    random = np.random.default_rng(0)
    shape = np.array([[1.0, 0.8], [0.0, 0.6]])
    real, alike = (random.normal(size=(1000, 2)) @ shape for _ in range(2))
    same = fidelity_of(real, alike, "ab")
    assert same.p_value > 0.01
    assert abs(same.accuracy - 0.5) < 0.06
    assert same.distance_ratio == pytest.approx(1.0, abs=0.1)
    assert same.close_share == pytest.approx(0.05, abs=0.03)
    assert (same.copies, same.real_copies, same.too_near) == (0, 0, False)
    other = fidelity_of(real, random.normal(size=(1000, 2)), "ab")
    assert other.p_value < 1e-6
    assert other.largest_correlation_difference == pytest.approx(0.8, abs=0.1)
    assert other.worst_pair == ("a", "b")
    moved = fidelity_of(real, alike + 0.5, "ab")
    assert moved.columns[0].distance == pytest.approx(0.197, abs=0.05)
    assert moved.columns[0].drawn_mean - moved.columns[0].real_mean == pytest.approx(0.5, abs=0.1)


def test_rows_that_were_learnt_by_heart_are_found():
    random = np.random.default_rng(0)
    real = random.normal(size=(500, 3))
    drawn = real[random.integers(0, 500, 500)] + 1e-4 * random.normal(size=(500, 3))
    found = fidelity_of(real, drawn, "abc")
    assert found.distance_ratio < 0.01
    assert found.close_share > 0.95
    assert found.too_near
    some = np.where(random.random((500, 1)) < 0.2, drawn, random.normal(size=(500, 3)))
    assert fidelity_of(real, some, "abc").too_near  # a fifth of them
    same = fidelity_of(real, real, "abc")
    assert (same.copies, same.too_near) == (500, True)
    assert same.accuracy < 0.5
    # Two-sided: nearer than new rows would be; which half a copy falls into is drawn.
    assert np.median([fidelity_of(real, real, "abc", seed=seed).p_value for seed in range(9)]) < 0.01
    assert fidelity_of(np.repeat(real, 2, axis=0), real, "abc").real_copies == 1000


def test_units_change_nothing_and_the_record_is_plain():
    random = np.random.default_rng(0)
    real, drawn = random.normal(size=(300, 2)), random.normal(size=(200, 2))
    units = np.array([1e-9, 1e12])
    here, there = fidelity_of(real, drawn, "ab").as_record(), fidelity_of(real * units, drawn * units, "ab").as_record()
    assert there["accuracy"] == here["accuracy"]
    assert there["distance_ratio"] == pytest.approx(here["distance_ratio"])
    assert (here["n_real"], here["n_drawn"]) == (300, 200)


def test_constant_and_single_columns_and_too_few_rows():
    random = np.random.default_rng(0)
    found = fidelity_of(np.c_[random.normal(size=50), np.ones(50)], np.c_[random.normal(size=50), np.ones(50)], "ab")
    assert found.largest_correlation_difference == 0.0
    assert fidelity_of(random.normal(size=(50, 1)), random.normal(size=(50, 1)), "a").worst_pair is None
    with pytest.raises(DataError, match="at least 10"):
        fidelity_of(random.normal(size=(9, 1)), random.normal(size=(50, 1)), "a")
    with pytest.raises(DataError, match="columns"):
        fidelity_of(random.normal(size=(20, 1)), random.normal(size=(20, 2)), "a")


def test_real_rows_are_thinned_as_their_weights_say():
    random = np.random.default_rng(0)
    rows = np.r_[random.normal(0, 1, (3000, 1)), random.normal(6, 1, (3000, 1))]
    weights = np.r_[np.full(3000, 0.5), np.full(3000, 2.0)]
    kept = thinned(rows, weights, seed=0)
    assert (kept > 3).mean() == pytest.approx(0.8, abs=0.02)
    assert len(np.unique(kept)) == len(kept)  # none is its own neighbour
    np.testing.assert_array_equal(kept, thinned(rows, weights, seed=0))
    assert thinned(rows, None) is rows
    np.testing.assert_array_equal(thinned(rows, np.ones(6000)), rows)


def test_equal_rows_of_coarse_data_are_no_leak_but_only_copies_are():
    random = np.random.default_rng(0)
    counts, others = random.poisson(2.0, (2, 500, 2)).astype(float)
    assert fidelity_of(counts, others, "ab").copies > 400
    assert not fidelity_of(counts, others, "ab").too_near
    tenths, alike = np.round(random.normal(size=(2, 500, 2)), 1)
    assert fidelity_of(tenths, alike, "ab").copies > 50
    assert not fidelity_of(tenths, alike, "ab").too_near
    assert fidelity_of(tenths, tenths[random.integers(0, 500, 500)], "ab").too_near
    assert fidelity_of(tenths, tenths, "ab").as_record()["too_near"] is True
