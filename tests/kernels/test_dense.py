"""Dense passes of the compiled kernel against plain arithmetic, form by form, size by size."""

from __future__ import annotations

import numpy as np
import pytest
from dense_cases import FORMS, answered, case, close, gathered
from scipy.special import logsumexp

from gmmkit.kernels import native
from gmmkit.kernels.expanded import Features
from gmmkit.kernels.native import dense

pytestmark = pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))

COLUMNS = (*range(1, 21), 31, 40, 70)
#: About the widths of vectors (2 to 16), of strips of them and of tiles (64 to 2048).
COUNTS = (1, 7, 8, 9, 127, 128, 129, 1000, 2100)
TOLD = [form for form in FORMS if not form.endswith("floats")]


def assert_answers(this, what=""):
    told, scores = answered(this), this.scores
    sums = logsumexp(scores, axis=1)
    size = np.abs(scores).max(initial=1.0)
    for name, values in {"scores": scores, "log_sums": sums, "certainty": scores.max(axis=1) - sums}.items():
        np.testing.assert_allclose(told[name], values, rtol=0, atol=1e-13 * size, err_msg=f"{name} {what}")
    np.testing.assert_allclose(told["posterior"], np.exp(scores - sums[:, None]), rtol=1e-11, atol=1e-290)
    np.testing.assert_allclose(told["posterior"].sum(axis=1), 1.0, rtol=1e-14)
    np.testing.assert_array_equal(told["labels"], told["scores"].argmax(axis=1))
    np.testing.assert_array_equal(told["largest"], np.abs(this.z).max(axis=0, initial=0.0))
    assert told["lost"] == 0


# --- sums and answers are what they stand for -------------------------------------------------------------


@pytest.mark.parametrize("d", COLUMNS)
@pytest.mark.parametrize("form", FORMS)
def test_sums_in_any_number_of_columns(form, d):
    whole = case(form, max(COUNTS), d, k=3, weighted=d % 2 == 0)
    for n in COUNTS:
        this = whole.first(n)
        found, total = gathered(this)
        expected, likelihood = this.sums()
        close(found, expected, this.single, f"of {n} rows")
        assert total == pytest.approx(
            likelihood, rel=1e-5 if this.single else 1e-12, abs=1e-4 if this.single else 1e-11
        )


@pytest.mark.parametrize("d", COLUMNS)
@pytest.mark.parametrize("form", TOLD)
def test_answers_in_any_number_of_columns(form, d):
    whole = case(form, max(COUNTS), d, k=3)
    for n in COUNTS:
        assert_answers(whole.first(n), f"of {n} rows")


@pytest.mark.parametrize("k", [1, 2, 5, 6, 7, 11, 300])
@pytest.mark.parametrize("d", [1, 2, 9, 17])
@pytest.mark.parametrize("form", FORMS)
def test_any_number_of_components(form, d, k):
    this = case(form, 130, d, k, weighted=True)
    found, total = gathered(this)
    expected, likelihood = this.sums()
    close(found, expected, this.single)
    assert total == pytest.approx(likelihood, rel=1e-5 if this.single else 1e-12)
    if not this.single:
        assert_answers(this)


@pytest.mark.parametrize("form", FORMS)
def test_no_rows_are_nothing(form):
    this = case(form, 0)
    found, total = gathered(this, 2.0)
    assert total == 0.0
    assert all((values == 2.0).all() for values in found.values())
    if not this.single:
        assert answered(this)["lost"] == 0


@pytest.mark.parametrize("d", [2, 9, 20])
@pytest.mark.parametrize("form", FORMS)
def test_sums_are_added_to_what_is_there(form, d):
    this = case(form, 300, d, k=3, weighted=True)
    once, again = gathered(this)[0], gathered(this, 5.0)[0]
    for name, values in once.items():
        np.testing.assert_allclose(again[name], values + 5.0, rtol=1e-12, atol=1e-12)
        if values.shape in ((3, d, d), (d, d)) and form != "deviations, floats":
            np.testing.assert_array_equal(values, values.swapaxes(-1, -2))


@pytest.mark.parametrize("d", [1, 3, 18])
def test_squares_alone_of_the_scatter(d):
    this = case("linear", 700, d, weighted=True)
    origin, squares = np.zeros((2, this.components.p)), np.ones(d)
    dense.gather(this.rows, this.weights, this.components, origin=origin, scatter=squares)
    np.testing.assert_allclose(squares, 1.0 + this.weights @ this.z**2, rtol=1e-12)
    none = np.zeros_like(origin)
    dense.gather(this.rows, this.weights, this.components, origin=none)
    np.testing.assert_array_equal(none, origin)


# --- rows as they lie in memory ---------------------------------------------------------------------------


def layouts(rows):
    n, d = rows.shape
    wide, long = np.full((n, 3 * d), np.nan, rows.dtype), np.full((3 * n, d), np.nan, rows.dtype)
    wide[:, ::3], long[::3] = rows, rows
    record = np.zeros(n, dtype=[("beside", rows.dtype, 2), ("rows", rows.dtype, d)])
    record["rows"] = rows
    turned = np.empty((n, 2 * d), rows.dtype)
    turned[:, 1::2] = rows[:, ::-1]
    return {
        "Fortran": np.asfortranarray(rows), "every third column": wide[:, ::3], "every third row": long[::3],
        "rows backwards": rows[::-1].copy()[::-1], "columns backwards": turned[:, ::-2],
        "both backwards": np.asfortranarray(rows[::-1, ::-1])[::-1, ::-1], "fields of a record": record["rows"],
    }  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("d", [1, 2, 4, 8, 16, 19])
@pytest.mark.parametrize("form", ["matrices", "matrices, floats", "deviations, floats", "squares"])
def test_where_rows_lie_changes_no_bit(form, d, dtype):
    this = case(form, 600, d, weighted=True, dtype=dtype)
    sums, total = gathered(this)
    close(sums, this.sums()[0], this.single)
    for name, rows in layouts(this.rows).items():
        assert dense.takes(rows), name
        np.testing.assert_array_equal(rows, this.rows)
        other = type(this)(this.form, rows, this.weights, this.components, this.means, this.score)
        found, other_total = gathered(other)
        assert other_total == total, name
        for key, values in found.items():
            np.testing.assert_array_equal(values, sums[key], err_msg=name)
        if not this.single:
            for key, values in answered(other).items():
                np.testing.assert_array_equal(values, answered(this)[key], err_msg=name)


def test_one_row_many_times():
    this = case("matrices", 1, 9)
    many = type(this)(this.form, np.broadcast_to(this.rows, (1000, 9)), None, this.components, this.means, this.score)
    close(gathered(many)[0], {name: 1000 * sums for name, sums in this.sums()[0].items()}, single=False)


ODD = np.frombuffer(bytes(1 + 4 * 3 * 8), np.uint8)[1:].view("f8").reshape(4, 3)


@pytest.mark.parametrize(
    "rows",
    [
        np.ones((4, 3), dtype=">f8"), np.ones((4, 3), dtype=np.float16), np.ones((4, 3), dtype=np.int64),
        np.ones((4, 3), dtype=np.longdouble), ODD,
        np.zeros(4, dtype=np.dtype([("a", "u1"), ("rows", "f8", 3)]))["rows"],
    ],
    ids=["big-endian", "half", "integers", "long", "at an odd address", "at odd distances"],
)  # fmt: skip
def test_what_is_not_taken_is_told_and_refused(rows):
    assert not dense.takes(rows)
    with pytest.raises(ValueError, match="rows must be float64 or float32 of 3 columns"):
        dense.answer(rows, case("matrices").components)


# --- weights, distances, ties -----------------------------------------------------------------------------


@pytest.mark.parametrize("where", [1e300, -1e300, np.inf, np.nan])
@pytest.mark.parametrize("d", [1, 3, 9, 20])
@pytest.mark.parametrize("form", FORMS)
def test_rows_without_weight_do_not_count_wherever_they_lie(form, d, where):
    this = case(form, 900, d, weighted=True)
    this.weights[::7] = 0.0
    here, total = gathered(this)
    this.rows[::7] = where
    there, other = gathered(this)
    assert other == total
    for name, values in there.items():
        np.testing.assert_array_equal(values, here[name])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("form", [form for form in FORMS if form != "linear"])
@pytest.mark.parametrize("place", [0, 77, 899])
def test_of_a_row_too_far_nothing_is_added(form, weighted, place):
    this = case(form, 900, 3, weighted=weighted)
    if weighted:
        this.weights[place] = 0.5
    this.rows[place] = 1e300
    found, total = gathered(this, 3.0)
    assert not np.isfinite(total)
    assert all((values == 3.0).all() for values in found.values())
    if not this.single:
        assert answered(this)["lost"] == 1


def test_a_row_beyond_one_components_reach_is_the_others():
    # Its distance from the first is no number, or infinite: a share of nothing.
    white = np.array([np.diag([1e200, 1e200]), np.eye(2), np.eye(2)])
    means = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    components = dense.centred(means, white, np.zeros(3), np.zeros(2), np.ones(2))
    rows, told = np.array([[0.5, 1.0]]), np.empty((1, 3))
    assert dense.answer(rows, components, posterior=told).lost == 0
    np.testing.assert_allclose(told, [[0.0, np.e / (1 + np.e), 1 / (1 + np.e)]], rtol=1e-14)
    counts, first, second = np.zeros(3), np.zeros((3, 2)), np.zeros((3, 2, 2))
    dense.gather(rows, None, components, counts=counts, first=first, second=second)
    np.testing.assert_allclose(counts, told[0], rtol=1e-14)
    assert np.isfinite(second).all()


@pytest.mark.parametrize("d", [1, 4, 9, 20])
@pytest.mark.parametrize("k", [2, 7, 14])
@pytest.mark.parametrize("form", TOLD)
def test_of_equal_components_the_first_is_the_label(form, d, k):
    this = case(form, 150, d, k)
    order = np.arange(k) // 2 * 2
    arrays = tuple(None if array is None else array[order] for array in this.components.arrays)
    doubled = type(this.components)(
        this.components.form, False, k, this.components.p, this.components.shift, this.components.scale, arrays
    )
    labels, scores = np.empty(150, dtype=np.int64), np.empty((150, k))
    dense.answer(this.rows, doubled, labels=labels, scores=scores)
    assert not (labels % 2).any()
    np.testing.assert_array_equal(labels, scores.argmax(axis=1))


def test_only_what_is_asked_for_is_written():
    this = case("matrices", 140, 9)
    told = answered(this)
    for name in ("log_sums", "certainty", "posterior", "scores", "labels"):
        alone = np.full_like(told[name], -3)
        dense.answer(this.rows, this.components, **{name: alone})
        np.testing.assert_array_equal(alone, told[name])
    np.testing.assert_array_equal(dense.answer(this.rows, this.components).largest, told["largest"])


# --- what is given ----------------------------------------------------------------------------------------


def given():
    this = case("matrices", 20, 3)
    return this, {"counts": np.zeros(2), "first": np.zeros((2, 3)), "second": np.zeros((2, 3, 3))}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": np.ones((20, 4))}, "rows must be float64 or float32 of 3 columns"),
        ({"rows": np.ones((20, 3), dtype=np.int32)}, "rows must be"),
        ({"weights": np.ones(19)}, r"weights must be a C-contiguous array of float64 of shape \(20,\)"),
        ({"weights": np.ones(20, dtype=np.float32)}, "weights must be .* but got float32"),
        ({"weights": np.ones(40)[::2]}, "weights must be"),
        ({"counts": None}, "counts must be .* but got nothing"),
        ({"counts": np.zeros(3)}, "counts must be"),
        ({"first": np.zeros((3, 2))}, "first must be"),
        ({"second": np.zeros((2, 3))}, "second must be"),
        ({"second": np.zeros((2, 3, 3), dtype=np.float32)}, "second must be"),
        ({"second": np.zeros((3, 3, 2)).T}, "second must be"),
    ],
)
def test_sums_of_other_shapes_are_refused(change, said):
    this, sums = given()
    rows, weights = change.pop("rows", this.rows), change.pop("weights", None)
    with pytest.raises(ValueError, match=said):
        dense.gather(rows, weights, this.components, **{**sums, **change})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"origin": None}, "origin must be .* but got nothing"),
        ({"origin": np.zeros((2, 3))}, "origin must be"),
        ({"scatter": np.zeros((3, 2))}, "scatter must be"),
        ({"scatter": np.zeros(4)}, "scatter must be"),
    ],
)
def test_sums_of_features_of_other_shapes_are_refused(change, said):
    this = case("linear", 20, 3)
    with pytest.raises(ValueError, match=said):
        dense.gather(this.rows, None, this.components, **{"origin": np.zeros((2, 4)), **change})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"log_sums": np.zeros(19)}, "log_sums must be"),
        ({"certainty": np.zeros((20, 1))}, "certainty must be"),
        ({"posterior": np.zeros((20, 3))}, "posterior must be"),
        ({"posterior": np.zeros((2, 20)).T}, "posterior must be"),
        ({"scores": np.zeros((20, 2), dtype=np.float32)}, "scores must be"),
        ({"labels": np.zeros(20, dtype=np.int32)}, "labels must be a contiguous array of 20 int64, but got int32"),
        ({"labels": np.zeros(21, dtype=np.int64)}, "labels must be"),
    ],
)
def test_answers_of_other_shapes_are_refused(asked, said):
    this, _ = given()
    with pytest.raises(ValueError, match=said):
        dense.answer(this.rows, this.components, **asked)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: dense.centred(np.ones((2, 3)), np.ones((2, 3)), np.ones(2), np.ones(3), np.ones(3)), "are for floats"),
        (lambda: dense.centred(np.ones((2, 3)), np.ones((2, 3, 2)), np.ones(2), np.ones(3), np.ones(3)), "not agree"),
        (lambda: dense.centred(np.ones((2, 3)), np.ones((2, 3, 3)), np.ones(3), np.ones(3), np.ones(3)), "not agree"),
        (lambda: dense.centred(np.ones((2, 3)), np.ones((2, 3, 3)), np.ones(2), np.ones(2), np.ones(3)), "shift and"),
        (lambda: dense.centred(np.ones((2, 3)), np.ones((2, 3, 3)), np.ones(2), np.ones(3), np.ones(4)), "shift and"),
        (lambda: dense.expanded(Features.LINEAR, np.ones((2, 5)), np.ones(3), np.ones(3)), "5 columns, but .* 4 feat"),
    ],
)
def test_components_that_do_not_agree_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
