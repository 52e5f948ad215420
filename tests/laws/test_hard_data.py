"""What must hold on data that break other programs: every row of the table in the notes, at the engine.

The data of the table: 600×2 rows, two clusters 6 standard deviations apart.
"""

import math

import mpmath
import numpy as np
import pytest

from cases import FAMILY_NAMES, fitted, random_mixture, two_clusters
from gmmkit.errors import DataError, SingularComponentError
from gmmkit.inference.repairs import describe
from gmmkit.inference.starts import Named
from gmmkit.model.covariance import FAMILIES, Full
from gmmkit.model.evaluation import likelihood
from gmmkit.model.mixture import Mixture

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
EPS = np.finfo(np.float64).eps


@pytest.fixture(scope="module")
def clusters():
    return two_clusters()


def kinds(result):
    return {r.kind for r in result.repairs}


def assert_sound(result):
    """Nothing in a result is NaN or infinite, and its parameters make a mixture."""
    mixture = result.mixture
    for array in (mixture.weights, mixture.means, mixture.covariance.dense(), result.objectives):
        assert np.isfinite(array).all()
    assert np.isfinite(result.health.effective_rows).all()
    assert np.isfinite(result.health.relative_eigenvalues).all()
    assert mixture.weights.sum() == pytest.approx(1.0)
    Mixture(mixture.weights, mixture.means, mixture.covariance)


def assert_right(rows, labels, result, objective=None, tol=1e-6):
    """Both clusters are found, and the likelihood is what it should be."""
    found = result.mixture.classify(rows)
    assert max((found == labels).mean(), (found != labels).mean()) > 0.98
    if objective is not None:
        assert result.objective == pytest.approx(objective, abs=tol)


# --- dtypes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*INTEGERS, "bool", "float16", "float32", ">f8", ">i4"])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_every_dtype_is_read_as_the_float64_it_stands_for(name, dtype, clusters):
    rows = clusters[0] * 10 + 60
    stored = (rows > 60) if dtype == "bool" else np.clip(rows, 0, 120).astype(dtype)
    same = stored.astype(np.float64)
    mixture = random_mixture(name, 3, 2, spread=50.0)
    for quantity in ("log_density", "component_log_density", "posterior", "classify"):
        answer, expected = getattr(mixture, quantity)(stored), getattr(mixture, quantity)(same)
        np.testing.assert_array_equal(answer, expected)
    assert likelihood(mixture, stored) == likelihood(mixture, same)
    one, other = fitted(stored, name, max_iter=5), fitted(same, name, max_iter=5)
    assert one.mixture == other.mixture
    assert one.objectives == other.objectives


@pytest.mark.parametrize("dtype", INTEGERS)
def test_the_ends_of_integer_types(dtype):
    ends = np.iinfo(dtype)
    rows = np.array([[ends.min, ends.max], [ends.max, ends.min], [ends.max, ends.max]] * 4, dtype=dtype)
    mixture = Mixture([1.0], [[0.0, 0.0]], Full([[[1.0, 0.0], [0.0, 2.0]]]))
    np.testing.assert_array_equal(mixture.log_density(rows), mixture.log_density(rows.astype(np.float64)))
    assert fitted(rows, k=2, max_iter=3).mixture == fitted(rows.astype(np.float64), k=2, max_iter=3).mixture


@pytest.mark.parametrize("order", ["C", "F", "reversed", "read-only"])
def test_memory_order(order, clusters):
    rows = clusters[0]
    stored = {
        "C": rows,
        "F": np.asfortranarray(rows),
        "reversed": rows[::-1, ::-1].copy()[::-1, ::-1],
        "read-only": rows.copy(),
    }[order]
    stored.setflags(write=order != "read-only")
    assert fitted(stored).mixture == fitted(rows).mixture


# --- offsets and scales -----------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e8, 1e10])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_offsets(name, offset, clusters):
    rows, labels = clusters
    moved = rows + offset
    np.testing.assert_array_equal(moved - offset, rows)
    expected = fitted(rows, name)
    found = fitted(moved, name)
    assert_right(moved, labels, found, expected.objective, tol=1e-10)
    # What is left of a mean after the offset is added to it: ε × offset, of clusters of width 1.
    lost = 4 * EPS * offset
    np.testing.assert_allclose(found.mixture.means - offset, expected.mixture.means, rtol=0, atol=1e-9 + lost)
    np.testing.assert_allclose(
        found.mixture.log_density(moved), expected.mixture.log_density(rows), rtol=0, atol=1e-8 + 20 * lost
    )


@pytest.mark.parametrize("start", ["kmeans", "k-means++", "random_from_data", "random"])
def test_offsets_from_every_start(start, clusters):
    rows, labels = clusters
    expected = fitted(rows, start=start, tol=1e-8, max_iter=500)
    found = fitted(rows + 1e10, start=start, tol=1e-8, max_iter=500)
    assert found.objective == pytest.approx(expected.objective, abs=1e-7)
    np.testing.assert_array_equal(found.mixture.classify(rows + 1e10), expected.mixture.classify(rows))
    if start != "random":  # from random responsibilities EM may well end on another optimum
        assert_right(rows + 1e10, labels, found)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_float32_with_an_offset(name, clusters):
    rows, labels = clusters
    moved = (rows + 1e3).astype(np.float32)
    expected = fitted(rows, name)
    found = fitted(moved, name)
    assert_right(moved, labels, found, expected.objective, tol=1e-4)
    np.testing.assert_allclose(found.mixture.means - 1e3, expected.mixture.means, atol=1e-4)


@pytest.mark.parametrize("power", [-500, -100, -27, 27, 100, 498])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_powers_of_two_change_no_digit(name, power, clusters):
    rows, labels = clusters
    expected, found = fitted(rows, name), fitted(np.ldexp(rows, power), name)
    assert_right(
        np.ldexp(rows, power), labels, found, expected.objective - 2 * power * math.log(2), tol=1e-12 * abs(power)
    )
    np.testing.assert_array_equal(found.mixture.weights, expected.mixture.weights)
    np.testing.assert_array_equal(found.mixture.means, np.ldexp(expected.mixture.means, power))
    np.testing.assert_array_equal(found.mixture.covariances, np.ldexp(expected.mixture.covariances, 2 * power))


@pytest.mark.parametrize("start", ["kmeans", "k-means++", "random_from_data", "random"])
@pytest.mark.parametrize("scale", [1e-150, 1e-8, 1e8, 1e150])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_scales(name, scale, start, clusters):
    rows, labels = clusters
    expected = fitted(rows, name, start, tol=1e-8, max_iter=500)
    found = fitted(rows * scale, name, start, tol=1e-8, max_iter=500)
    assert_sound(found)
    assert found.objective == pytest.approx(expected.objective - 2 * math.log(scale), abs=1e-6)
    if start != "random":
        assert_right(rows * scale, labels, found)
    np.testing.assert_array_equal(found.mixture.classify(rows * scale), expected.mixture.classify(rows))
    likelihoods = [likelihood(r.mixture, x).log_likelihood for r, x in ((expected, rows), (found, rows * scale))]
    assert likelihoods[1] == pytest.approx(likelihoods[0] - 1200 * math.log(scale), abs=1e-3)


@pytest.mark.parametrize("name", ["full", "tied", "diag"])
def test_columns_of_very_different_scales(name, clusters):
    rows, labels = clusters
    scales = np.array([1e-140, 1e140])
    for pair in (scales, scales[::-1]):
        # Measured together, the widest column is the distance: both orders must still be fits of the same rows.
        start = Named("kmeans", 2, "pooled")
        expected, found = fitted(rows, name, start), fitted(rows * pair, name, start)
        assert_sound(found)
        assert_right(rows * pair, labels, found, expected.objective, tol=1e-6)


# --- far rows ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("far", [1e10, 1e100, 1e155, 1e200, 1e300, 1.7e308])
def test_posterior_of_any_finite_row_sums_to_one(name, far):
    mixture = random_mixture(name, 3, 2)
    rows = far * np.array([[1, 0], [-1, 0], [0, 1], [1, 1], [-1, 1], [1e-3, -1]]) * (1 - EPS)
    posterior = mixture.posterior(rows)
    np.testing.assert_allclose(posterior.sum(axis=1), 1.0, rtol=1e-15)
    assert (posterior >= 0).all()
    np.testing.assert_array_equal(posterior.argmax(axis=1), mixture.classify(rows))
    densities = mixture.log_density(rows)
    assert not np.isnan(densities).any()
    # −inf only where the log-density itself is beyond float64.
    assert np.isfinite(densities).all() == (far <= 1e100)


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_far_rows_of_mixtures_of_any_size(name, scale):
    unit = random_mixture(name, 3, 2)
    mixture = Mixture(unit.weights, unit.means * scale, unit.covariance.rescaled(np.full(2, scale)))
    rows = np.array([[1e300, 0.0], [-1e300, 1e300], [1e-300, 0.0], [0.0, 0.0], [1e150, -1e150]])
    np.testing.assert_allclose(mixture.posterior(rows).sum(axis=1), 1.0, rtol=1e-15)
    assert not np.isnan(mixture.log_density(rows)).any()


@pytest.mark.parametrize("far", [1e155, 1e300])
def test_a_far_row_goes_to_the_component_nearest_in_its_own_metric(far):
    # The wide component is 100 times nearer, wherever the means are.
    wide = Mixture.from_arrays([0.01, 0.99], [[0.0, 0.0], [5.0, 5.0]], [1e4, 1.0], covariance_type="spherical")
    np.testing.assert_array_equal(wide.posterior([[far, far], [-far, 0.0]]), [[1.0, 0.0], [1.0, 0.0]])
    long = Mixture.from_arrays(
        [0.5, 0.5], [[0.0, 0.0], [0.0, 0.0]], [[1.0, 100.0], [100.0, 1.0]], covariance_type="diag"
    )
    np.testing.assert_array_equal(long.classify([[far, 0.0], [0.0, far]]), [1, 0])


@pytest.mark.parametrize("name", ["tied", "EII", "full", "spherical", "diag"])
@pytest.mark.parametrize("far", [1e3, 1e6, 1e155, 1e300])
def test_a_far_row_between_components_of_one_shape_goes_to_its_own_side(name, far):
    values = {
        "full": np.tile(np.eye(2), (2, 1, 1)),
        "tied": np.eye(2),
        "diag": np.ones((2, 2)),
        "spherical": np.ones(2),
        "EII": np.array(1.0),
    }[name]
    mixture = Mixture.from_arrays([0.5, 0.5], [[-3.0, 0.0], [3.0, 0.0]], values, covariance_type=name)
    np.testing.assert_array_equal(mixture.classify([[far, 0.0], [-far, 0.0]]), [1, 0])
    np.testing.assert_allclose(mixture.posterior([[far, 0.0], [-far, 0.0]]), [[0.0, 1.0], [1.0, 0.0]], atol=1e-12)


def test_a_far_row_never_goes_to_a_component_of_weight_zero():
    mixture = Mixture.from_arrays([1.0, 0.0], [[0.0], [1.0]], [[1.0], [100.0]], covariance_type="diag")
    np.testing.assert_array_equal(mixture.posterior([[1e200], [0.5]]), [[1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_array_equal(mixture.classify([[1e200], [1e3]]), [0, 0])


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_one_far_row_does_not_spoil_the_rows_scored_with_it(name):
    mixture = random_mixture(name, 3, 2)
    rows = mixture.sample(50, seed=0)[0]
    rows_and_far = np.vstack([rows[:25], [[1e200, -1e200]], rows[25:]])
    near = np.delete(np.arange(51), 25)
    np.testing.assert_allclose(
        mixture.log_density(rows_and_far)[near], mixture.log_density(rows), rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(mixture.posterior(rows_and_far)[near], mixture.posterior(rows), atol=1e-12)


def test_a_row_at_1e15_is_named(clusters):
    rows = np.insert(clusters[0], 417, [1e15, -1e15], axis=0)
    for name in FAMILY_NAMES:
        result = fitted(rows, name, k=3)
        assert_sound(result)
        alone = int(np.argmax(np.abs(result.mixture.means[:, 0])))
        assert result.mixture.means[alone] == pytest.approx([1e15, -1e15])
        assert result.health.effective_rows[alone] == pytest.approx(1.0, abs=1e-6)
        (found,) = [r for r in result.repairs if r.component == alone]
        assert (found.kind, found.row) == ("few rows", 417)
        assert f"component {alone} rests on 1 effective rows, in effect row 417" in describe(result.repairs, None)


# --- condition --------------------------------------------------------------------------------------------


def exact_log_density(rows, mixture):
    """Return log p(x) to 50 digits."""
    with mpmath.workdps(50):
        answer = []
        inverses, determinants = [], []
        for matrix in mixture.covariance.dense():
            exact = mpmath.matrix(matrix.tolist())
            inverses.append(exact**-1)
            determinants.append(mpmath.det(exact))
        for x in rows:
            total = mpmath.mpf(0)
            for w, mean, inverse, determinant in zip(
                mixture.weights, mixture.means, inverses, determinants, strict=True
            ):
                y = mpmath.matrix(
                    [mpmath.mpf(a) - mpmath.mpf(b) for a, b in zip(x.tolist(), mean.tolist(), strict=True)]
                )
                power = -(y.T * inverse * y)[0] / 2
                total += w * mpmath.exp(power) / mpmath.sqrt((2 * mpmath.pi) ** len(x) * determinant)
            answer.append(mpmath.log(total))
        return answer


@pytest.mark.parametrize("condition", [1e3, 1e6, 1e9, 1e12])
@pytest.mark.parametrize("d", [2, 5])
@pytest.mark.parametrize("name", ["full", "tied"])
def test_condition_number_against_fifty_digits(name, d, condition):
    random = np.random.default_rng(d)
    axes = np.linalg.qr(random.standard_normal((d, d)))[0]
    matrix = (axes * np.geomspace(1.0, 1.0 / condition, d)) @ axes.T
    matrix = (matrix + matrix.T) / 2
    values = matrix if name == "tied" else np.array([matrix, matrix * 2])
    mixture = Mixture.from_arrays([0.4, 0.6], random.standard_normal((2, d)) * 0.1, values, covariance_type=name)
    rows = mixture.sample(10, seed=1)[0]
    exact = exact_log_density(rows, mixture)
    error = max(abs(float(e - float(v))) for e, v in zip(exact, mixture.log_density(rows), strict=True))
    # A backward stable factorisation moves the covariance by ε d, hence yᵀ P y by ε d cond × its size.
    size = max(1.0, float(np.abs([float(e) for e in exact]).max()))
    assert error <= 4 * d * EPS * condition * size


@pytest.mark.parametrize("name", ["full", "tied"])
def test_condition_number_is_not_felt_along_columns(name):
    # Badly scaled columns are no ill condition: the frame takes their scale away, exactly.
    values = np.diag([1.0, 1e-18])
    values = values if name == "tied" else values[None]
    mixture = Mixture.from_arrays([1.0], [[1.0, 1.0]], values, covariance_type=name)
    rows = np.array([[1.5, 1.0 + 2**-30], [0.5, 1.0 - 2**-29]])
    for value, exact in zip(mixture.log_density(rows), exact_log_density(rows, mixture), strict=True):
        assert value == pytest.approx(float(exact), rel=1e-14)


def test_clusters_far_apart_keep_their_digits():
    # 1e6 standard deviations apart: expanded about one origin the covariances would be lost to 2e-3.
    random = np.random.default_rng(1)
    rows = np.round(random.standard_normal((400, 2)) * 2**20) / 2**20
    far = rows + np.repeat([0.0, 2.0**20], 200)[:, None]
    for name in FAMILY_NAMES:
        found = fitted(far, name, k=2, reg_covar=0).mixture
        halves = [np.cov(half.T, bias=True) for half in (rows[:200], rows[200:])]
        dense = found.covariance.dense()
        np.testing.assert_allclose(np.sort(found.means[:, 0])[1] - 2.0**20, rows[200:, 0].mean(), atol=1e-9)
        if name == "full":
            np.testing.assert_allclose(dense, halves, atol=1e-8)
        elif name == "tied":
            np.testing.assert_allclose(dense[0], sum(halves) / 2, atol=1e-8)


# --- degenerate data --------------------------------------------------------------------------------------


def degenerate(case):
    random = np.random.default_rng(2)
    rows, _ = two_clusters()
    if case == "duplicates":
        return np.repeat(rows[:3], 50, axis=0)
    if case == "one value":
        return np.full((40, 2), 7.25)
    if case == "two rows":
        return rows[:2]
    if case == "one row":
        return rows[:1]
    if case == "constant column":
        return np.column_stack([rows, np.full(600, 1e3)])
    if case == "dependent columns":
        return np.column_stack([rows, rows @ [1.0, -2.0]])
    if case == "more columns than rows":
        return random.standard_normal((10, 30))
    if case == "half repeated":
        return np.vstack([rows[:300], np.repeat(rows[300:301], 300, axis=0)])
    return rows[:, :1] // 3  # "rounded"


CASES = [
    "duplicates",
    "one value",
    "two rows",
    "one row",
    "constant column",
    "dependent columns",
    "more columns than rows",
    "half repeated",
    "rounded",
]


@pytest.mark.parametrize("start", ["kmeans", "k-means++", "random_from_data", "random"])
@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("case", CASES)
def test_degenerate_rows_are_fitted_and_it_is_said(case, name, start):
    rows = degenerate(case)
    result = fitted(rows, name, start, 3)
    assert_sound(result)
    posterior = result.mixture.posterior(rows)
    np.testing.assert_allclose(posterior.sum(axis=1), 1.0, rtol=1e-12)
    assert np.isfinite(result.mixture.log_density(rows)).all()
    sphere = name in ("spherical", "EII")
    matrix = not FAMILIES[name].independent_columns
    singular = {
        # Where all components stay on all three rows, nothing shared is singular.
        "duplicates": not sphere and not (start == "random" and "E" in FAMILIES[name].structure[1:]),
        "one value": True,
        "one row": True,
        "constant column": not sphere,
        "dependent columns": matrix,
    }
    if singular.get(case):
        assert result.repairs
        assert describe(result.repairs, None)


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("policy", ["floor", "drop", "reseed"])
@pytest.mark.parametrize("reg_covar", ["auto", 0, 1e-6])
@pytest.mark.parametrize("case", ["duplicates", "one value", "constant column", "half repeated"])
def test_every_policy_ends_with_a_sound_mixture_or_says_why_not(case, reg_covar, policy, name):
    rows = degenerate(case)
    try:
        result = fitted(rows, name, k=3, reg_covar=reg_covar, on_singular=policy, max_iter=40)
    except SingularComponentError:
        # Dropping everything that is singular may leave nothing.
        assert policy in ("drop", "reseed")
        return
    assert_sound(result)
    assert kinds(result) <= {
        "floor",
        "reseed",
        "drop",
        "empty",
        "few rows",
        "collapsed",
        "constant column",
        "dependent columns",
    }


@pytest.mark.parametrize("name", ["full", "diag"])
def test_raise_raises(name):
    for case in ("duplicates", "half repeated", "one value"):
        with pytest.raises(SingularComponentError, match=r"ill-defined empirical covariance"):
            fitted(degenerate(case), name, k=3, reg_covar=0)
    with pytest.raises(SingularComponentError, match=r"Component \d+ holds .* effective rows after pass \d+"):
        fitted(degenerate("two rows"), name, k=2, on_singular="raise")


@pytest.mark.parametrize("name", ["full", "tied", "diag"])
def test_a_constant_column_is_named(name):
    rows = degenerate("constant column")
    result = fitted(rows, name)
    (found,) = [r for r in result.repairs if r.kind == "constant column"]
    assert found.column == 2
    assert "column 'c' holds one value only" in describe(result.repairs, ("a", "b", "c"))
    assert kinds(result) == {"constant column"}
    # It changes nothing about the clusters.
    without = fitted(rows[:, :2], name).mixture
    np.testing.assert_allclose(result.mixture.means[:, :2], without.means, atol=1e-9)
    np.testing.assert_array_equal(result.mixture.classify(rows), without.classify(rows[:, :2]))
    np.testing.assert_array_equal(result.mixture.means[:, 2], 1e3)
    # Nor does it make a sound fit look spurious.
    assert result.health.spurious() is None
    np.testing.assert_allclose(
        result.health.relative_eigenvalues, fitted(rows[:, :2], name).health.relative_eigenvalues, atol=1e-4
    )


@pytest.mark.parametrize("columns", [1, 20])
@pytest.mark.parametrize("name", ["full", "tied", "diag"])
def test_constant_columns_do_not_let_one_component_swallow_another(name, columns):
    # Of unequal, overlapping clusters the larger one gained from each constant column until the other was gone.
    random = np.random.default_rng(0)
    rows = np.vstack([random.standard_normal((900, 2)), random.standard_normal((300, 2)) + np.array([2.5, 0.0])])
    expected = fitted(rows, name, tol=1e-7, max_iter=2000)
    found = fitted(np.column_stack([rows, np.full((1200, columns), 3.0)]), name, tol=1e-7, max_iter=2000)
    np.testing.assert_allclose(found.mixture.weights, expected.mixture.weights, atol=1e-3)
    np.testing.assert_allclose(found.mixture.means[:, :2], expected.mixture.means, atol=1e-3)
    assert np.diff(found.objectives).min() > -1e-10
    assert found.health.spurious() is None


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("case", ["constant column", "dependent columns", "more columns than rows"])
def test_objective_never_falls_on_rows_without_full_rank(case, name):
    for start in ("kmeans", "random_from_data"):
        trace = fitted(degenerate(case), name, start, 3, tol=1e-9).objectives
        # Tiny variances in many directions make objectives of hundreds.
        assert np.diff(trace).min(initial=0.0) > -1e-11 * max(10.0, np.abs(trace).max())


@pytest.mark.parametrize("name", ["full", "tied"])
@pytest.mark.parametrize("units", [1.0, 1e-6, 1e9])
def test_a_dependent_column_is_named_with_its_direction(name, units):
    rows = degenerate("dependent columns") * [1.0, 1.0, units]
    result = fitted(rows, name)
    (found,) = [r for r in result.repairs if r.kind == "dependent columns"]
    direction = np.array(found.direction)
    # x − 2y − z = 0, in the data's units.
    expected = np.array([1.0, -2.0, -1.0 / units])
    expected /= expected[np.abs(expected).argmax()]
    direction /= direction[np.abs(direction).argmax()]
    np.testing.assert_allclose(direction, expected, atol=1e-6)
    said = describe(result.repairs, None)
    assert "linearly dependent" in said
    for column in range(3):
        assert f"column {column}" in said


@pytest.mark.parametrize("start", ["kmeans", "k-means++", "random_from_data"])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_fewer_distinct_points_than_components(name, start):
    rows = np.repeat(two_clusters()[0][[0, 1, 599]], 40, axis=0)
    result = fitted(rows, name, start, 5)
    assert_sound(result)
    assert result.mixture.n_components == 5
    np.testing.assert_allclose(result.health.effective_rows.sum(), 120.0, rtol=1e-9)
    # Whatever components share or do not, what is said about them says how many rows each holds.
    for r in result.repairs:
        if r.kind == "empty":
            assert r.effective_rows < 1e-3
    assert result.repairs
    assert np.isfinite(result.mixture.log_density(rows)).all()


# --- not numbers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "-infinity")])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_a_value_that_is_no_number_is_named_by_row_and_column(value, word, dtype, clusters):
    rows = clusters[0].astype(dtype)
    rows[123, 1] = value
    mixture = random_mixture("full", 2, 2)
    for ask in (fitted, mixture.log_density, mixture.posterior, mixture.classify, lambda x: likelihood(mixture, x)):
        with pytest.raises(DataError, match=rf"row 123, column 1 is {word}"):
            ask(rows)


def test_a_span_that_float64_cannot_square_is_named(clusters):
    rows = clusters[0].copy()
    rows[5, 1] = 1e160
    with pytest.raises(DataError, match=r"column 1 spans .*1e\+160.* divide"):
        fitted(rows)
    rows[6, 1] = -1.7e308
    rows[5, 1] = 1.7e308
    with pytest.raises(DataError, match="column 1 spans"):
        fitted(rows)


# --- order of components ----------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["kmeans", "k-means++", "random_from_data"])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_labels_are_the_same_for_the_same_rows(name, start, clusters):
    rows, _ = clusters
    expected = fitted(rows, name, start).mixture
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(rows))
        found = fitted(rows[order], name, start).mixture
        np.testing.assert_array_equal(found.classify(rows), expected.classify(rows))
        if start != "random_from_data":  # two rows of one cluster may well lead to another optimum
            other_seed = fitted(rows, name, start, seed=seed + 1).mixture
            np.testing.assert_array_equal(other_seed.classify(rows), expected.classify(rows))
