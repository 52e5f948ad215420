"""Marginals, affine maps and conditionals obey their laws, for every family, at any offset and unit."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import oracle
from cases import FAMILY_NAMES, random_mixture
from gmmkit.errors import DataError, ParameterError
from gmmkit.model.affine import affine
from gmmkit.model.conditioning import Conditional, marginal
from gmmkit.model.covariance import Diagonal, Full, SharedSpherical, Spherical, Tied
from gmmkit.model.mixture import Mixture
from gmmkit.model.row_mixtures import RowMixtures

FAMILIES_OF_MATRICES = ("full", "tied")
#: The family of some of the columns, where it is another.
PART_OF = {"EVI": "diag", **dict.fromkeys(("EVE", "VVE", "EEV", "VEV", "EVV"), "full")}
MOVES = [(0.0, 1.0), (1e8, 1.0), (0.0, 1e150), (0.0, 1e-150), (-3e4, 1e3)]


def parts(mixture):
    return mixture.weights, mixture.means, mixture.covariance.dense()


def by_definition(mixture, given, values):
    """Return weights, means and covariances of the others given the values, with plain inverses."""
    others = [i for i in range(mixture.n_features) if i not in given]
    scores, means, covariances = [], [], []
    for weight, mean, covariance in zip(*parts(mixture), strict=True):
        gain = covariance[np.ix_(others, given)] @ np.linalg.inv(covariance[np.ix_(given, given)])
        scores.append(
            np.log(weight) + multivariate_normal(mean[given], covariance[np.ix_(given, given)]).logpdf(values)
        )
        means.append(mean[others] + gain @ (values - mean[given]))
        covariances.append(covariance[np.ix_(others, others)] - gain @ covariance[np.ix_(given, others)])
    weights = np.exp(np.array(scores) - np.max(scores))
    return weights / weights.sum(), np.array(means), np.array(covariances)


def moved(mixture, offset, unit):
    """Return the mixture of ``x · unit + offset``, built by hand, and the map."""
    covariance = mixture.covariance.rescaled(np.full(mixture.n_features, unit))
    return Mixture(mixture.weights, mixture.means * unit + offset, covariance)


# --- marginal -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_marginal_takes_columns_in_the_order_given_and_keeps_the_family(name):
    mixture = random_mixture(name, 3, 4)
    part = mixture.marginal([3, 1])
    assert part.covariance_type == PART_OF.get(name, name)
    np.testing.assert_array_equal(part.means, mixture.means[:, [3, 1]])
    np.testing.assert_array_equal(part.covariance.dense(), mixture.covariance.dense()[:, [[3], [1]], [3, 1]])


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_marginal_of_a_marginal_is_a_marginal(name):
    mixture = random_mixture(name, 2, 5)
    assert mixture.marginal([4, 0, 2]).marginal([2, 0]) == mixture.marginal([2, 4])


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_marginal_is_the_integral_of_the_joint(name):
    mixture = random_mixture(name, 3, 2, condition=4.0)
    grid = np.linspace(-40, 40, 4001)
    joint = mixture.log_density(np.column_stack([np.full_like(grid, 1.3), grid]))
    expected = np.exp(joint).sum() * (grid[1] - grid[0])
    assert np.exp(mixture.marginal([0]).log_density([[1.3]])[0]) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], "columns must name at least one column from 0 to 2, but it is empty"),
        ([3], "columns must be from 0 to 2, but got 3"),
        ([-1], "columns must be from 0 to 2, but got -1"),
        ([1, 0, 1], "columns must name each column once, but column 1 comes twice"),
        ([0.5], "columns must be whole numbers from 0 to 2, but got 0.5"),
        (["a"], "columns must be whole numbers from 0 to 2, but got 'a'"),
    ],
)
def test_marginal_refuses_what_is_no_choice_of_columns(columns, message):
    with pytest.raises(ParameterError) as error:
        marginal(random_mixture("full", 2, 3), columns)
    assert str(error.value) == message


# --- affine ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("q", [1, 2, 3])
def test_affine_maps_means_and_covariances(name, q):
    mixture = random_mixture(name, 3, 3)
    random = np.random.default_rng(q)
    a, b = random.standard_normal((q, 3)), random.standard_normal(q)
    image = mixture.affine(a, b)
    np.testing.assert_allclose(image.means, mixture.means @ a.T + b, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(image.covariance.dense(), a @ mixture.covariance.dense() @ a.T, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(image.weights, mixture.weights)
    assert image.covariance_type == ("tied" if mixture.covariance.shares_covariance else "full")
    assert image.covariance.asymmetry() == 0


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_affine_is_a_change_of_variables(name):
    mixture = random_mixture(name, 3, 3)
    a, b = np.random.default_rng(1).standard_normal((3, 3)), np.array([1.0, -2.0, 3.0])
    rows = mixture.sample(50, seed=2)[0]
    expected = mixture.log_density(rows) - np.linalg.slogdet(a)[1]
    np.testing.assert_allclose(mixture.affine(a, b).log_density(rows @ a.T + b), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_affine_there_and_back(name):
    mixture = random_mixture(name, 2, 3)
    a = np.random.default_rng(3).standard_normal((3, 3))
    back = mixture.affine(a, [1.0, 2.0, 3.0]).affine(np.linalg.inv(a), np.linalg.solve(a, [-1.0, -2.0, -3.0]))
    np.testing.assert_allclose(back.means, mixture.means, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(back.covariance.dense(), mixture.covariance.dense(), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_the_identity_changes_nothing(name):
    mixture = random_mixture(name, 2, 3)
    image = affine(mixture, np.eye(3))
    np.testing.assert_array_equal(image.covariance.dense(), mixture.covariance.dense())
    np.testing.assert_allclose(image.means, mixture.means, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_one_entry_in_a_row_keeps_the_family_that_allows_the_scales(name):
    mixture = random_mixture(name, 2, 4)
    flips = np.array([[0, -2.0, 0, 0], [0, 0, 0, 2.0]])
    stretch = np.array([[0, -2.0, 0, 0], [0, 0, 0, 3.0]])
    assert mixture.affine(flips).covariance_type == PART_OF.get(name, name)
    assert mixture.affine(stretch).covariance_type == (
        "diag" if name in ("spherical", "EII") else PART_OF.get(name, name)
    )
    for a in (flips, stretch):
        dense = a @ mixture.covariance.dense() @ a.T
        np.testing.assert_allclose(mixture.affine(a).covariance.dense(), dense, rtol=1e-14, atol=1e-14)


def test_standardising_takes_a_large_offset_away():
    mixture = moved(random_mixture("full", 2, 2), 1e8, 1.0)
    a = np.array([[0.5, 0.25], [0.0, 2.0]])
    image = mixture.affine(a, -a @ mixture.mean())
    np.testing.assert_allclose(image.mean(), 0.0, atol=1e-7)
    np.testing.assert_allclose(image.means[1] - image.means[0], a @ (mixture.means[1] - mixture.means[0]), rtol=1e-12)


@pytest.mark.parametrize("unit", [1e150, 1e-150])
def test_affine_of_columns_in_very_different_units(unit):
    plain = random_mixture("full", 2, 2)
    units = np.array([unit, 1.0])
    far = Mixture(plain.weights, plain.means * units, Full(plain.covariances * units[:, None] * units))
    a = np.array([[1.0, 2.0], [0.5, -1.0]])
    expected = plain.affine(a)
    image = far.affine(a / units)
    np.testing.assert_allclose(image.means, expected.means, rtol=1e-12)
    np.testing.assert_allclose(image.covariances, expected.covariances, rtol=1e-12)


@pytest.mark.parametrize(
    ("matrix", "offset", "message"),
    [
        ([[1.0, 0.0]], None, "matrix must have the shape (new columns, 3), but got (1, 2)"),
        ([1.0, 0.0, 0.0], None, "matrix must have the shape (new columns, 3), but got (3,)"),
        (np.empty((0, 3)), None, "matrix must have the shape (new columns, 3), but got (0, 3)"),
        ([[1.0, 0.0, 0.0]], [1.0, 2.0], "offset must have the shape (1,), but got (2,)"),
        ([[np.nan, 0.0, 0.0]], None, "matrix must be finite, but got nan"),
        ([[1.0, 0.0, 0.0]], [np.inf], "offset must be finite, but got inf"),
        (
            np.ones((4, 3)),
            None,
            "matrix must have full row rank, but it has 4 rows and only 3 columns: give at most 3 rows",
        ),
        (
            [[1.0, 2.0, 0.0], [2.0, 4.0, 0.0]],
            None,
            "matrix must have full row rank, but its 2 rows have the rank 1: "
            "leave out rows that are combinations of others",
        ),
        (
            [[0.0, 0.0, 0.0]],
            None,
            "matrix must have full row rank, but its 1 rows have the rank 0: "
            "leave out rows that are combinations of others",
        ),
        (
            [[1.0, 0.0, 0.0], [3.0, 0.0, 0.0]],
            None,
            "matrix must have full row rank, but its 2 rows have the rank 1: "
            "leave out rows that are combinations of others",
        ),
    ],
)
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_affine_refuses_what_is_no_map_onto_a_density(name, matrix, offset, message):
    with pytest.raises(ParameterError) as error:
        affine(random_mixture(name, 2, 3), matrix, offset)
    assert str(error.value) == message


# --- conditional ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("given", [[0], [2, 0], [3, 1, 2]])
def test_condition_is_the_definition(name, given):
    mixture = random_mixture(name, 3, 4)
    values = mixture.sample(1, seed=3)[0][0][given]
    answer = mixture.condition(dict(zip(given, values, strict=True)))
    weights, means, covariances = by_definition(mixture, given, values)
    np.testing.assert_allclose(answer.weights, weights, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(answer.means, means, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(answer.covariance.dense(), covariances, rtol=1e-11, atol=1e-12)
    assert answer.covariance_type == ("full" if name == "VEE" else PART_OF.get(name, name))


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize(("offset", "unit"), MOVES)
def test_conditional_times_marginal_is_the_joint(name, offset, unit):
    mixture = moved(random_mixture(name, 3, 4), offset, unit)
    rows = mixture.sample(40, seed=4)[0]
    given, others = [3, 0], [1, 2]
    conditional = mixture.conditional(given).at(rows[:, given]).log_density(rows[:, others])
    joint = conditional + mixture.marginal(given).log_density(rows[:, given])
    tolerance = 1e-6 if offset == 1e8 else 1e-9
    np.testing.assert_allclose(joint, mixture.log_density(rows), rtol=1e-11, atol=tolerance)


def test_conditional_times_marginal_is_the_joint_where_a_weight_leaves_float64():
    mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [60.0, 60.0]], Full([np.eye(2), np.eye(2)]))
    rows = np.array([[0.0, 60.0], [0.0, 200.0]])
    answer = mixture.conditional([0]).at(rows[:, :1])
    assert (answer.weights[:, 1] == 0).all()
    joint = answer.log_density(rows[:, 1:]) + mixture.marginal([0]).log_density(rows[:, :1])
    np.testing.assert_allclose(joint, oracle.log_density(rows, *parts(mixture)), rtol=1e-12)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_conditioning_in_two_steps_is_conditioning_at_once(name):
    mixture = random_mixture(name, 3, 4)
    at_once = mixture.condition({1: 0.3, 3: -1.0})
    in_steps = mixture.condition({3: -1.0}).condition({1: 0.3})
    np.testing.assert_allclose(in_steps.weights, at_once.weights, rtol=1e-9)
    np.testing.assert_allclose(in_steps.means, at_once.means, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(in_steps.covariance.dense(), at_once.covariance.dense(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_rows_are_the_mixtures_one_by_one(name):
    mixture = random_mixture(name, 3, 3)
    conditional = mixture.conditional([1])
    x = np.array([[-2.0], [0.5], [7.0]])
    rows = conditional.at(x)
    values = np.random.default_rng(0).standard_normal((3, 2))
    assert len(rows) == 3
    for i, one in enumerate(rows):
        assert one.covariance == conditional.covariance
        np.testing.assert_allclose(one.means, conditional.mixture(x[i]).means, rtol=1e-14)
        np.testing.assert_allclose(rows.mean()[i], one.mean(), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(rows.covariance_matrices()[i], one.covariance_matrix(), rtol=1e-12, atol=1e-12)
        assert rows.log_density(values)[i] == pytest.approx(one.log_density(values[i : i + 1])[0], rel=1e-9)
    np.testing.assert_allclose(rows.weights.sum(axis=1), 1.0, rtol=1e-14)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_quantile_of_rows_is_the_mixtures_one_by_one(name):
    mixture = random_mixture(name, 3, 3)
    rows = mixture.conditional([0, 2]).at(mixture.sample(6, seed=1)[0][:, [0, 2]])
    p = np.array([0.0, 1e-12, 0.3, 0.975])
    table = rows.quantile(p)
    assert table.shape == (6, 4)
    for i in range(6):
        np.testing.assert_allclose(table[i], rows[i].quantile(p), rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(rows.quantile(0.3), table[:, 2])
    np.testing.assert_allclose(rows.cdf(table[:, 3:]), 0.975, rtol=1e-13)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_sampled_rows_have_the_rows_moments_and_are_uniform_under_their_cdf(name):
    mixture = random_mixture(name, 3, 3)
    n = 40_000
    rows = mixture.conditional([0]).at(np.full((n, 1), mixture.means[0, 0] + 0.5))
    drawn = rows.sample(seed=5)
    deviation = np.sqrt(np.diag(rows.covariance_matrices()[0]))
    np.testing.assert_allclose((drawn.mean(axis=0) - rows.mean()[0]) / deviation, 0.0, atol=5 / np.sqrt(n))
    unit = np.outer(deviation, deviation)
    np.testing.assert_allclose((np.cov(drawn.T) - rows.covariance_matrices()[0]) / unit, 0.0, atol=12 / np.sqrt(n))
    np.testing.assert_array_equal(drawn, rows.sample(seed=5))
    one = mixture.conditional([0, 2]).at(mixture.sample(n, seed=1)[0][:, [0, 2]])
    uniform = np.sort(one.cdf(one.sample(seed=2)))
    assert np.abs(uniform - np.linspace(0, 1, n)).max() < 2 / np.sqrt(n)


def test_a_component_without_weight_is_never_drawn():
    mixture = Mixture([0.0, 1.0, 0.0], [[0.0, -99.0], [0.0, 0.0], [0.0, 99.0]], Diagonal(np.ones((3, 2))))
    drawn = mixture.conditional([0]).at(np.zeros((5000, 1))).sample(seed=0)
    assert np.abs(drawn).max() < 10


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("far", [1e10, 1e100, 1e200, -1e307])
def test_weights_sum_to_one_however_far_the_value_is(name, far):
    mixture = random_mixture(name, 3, 2)
    rows = mixture.conditional([0]).at([[far], [0.0]])
    np.testing.assert_allclose(rows.weights.sum(axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(rows.weights, mixture.marginal([0]).posterior([[far], [0.0]]), rtol=1e-9, atol=1e-15)
    assert np.isfinite(rows.mean()).all()
    # At the mean of the heaviest component: that of all is rounded, and so far out a rounding is no small distance.
    heaviest = [rows[i].means[weights.argmax()] for i, weights in enumerate(rows.weights)]
    assert np.isfinite(rows.log_density(heaviest)).all()


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize(("offset", "unit"), MOVES)
def test_conditionals_move_with_the_data(name, offset, unit):
    plain = random_mixture(name, 3, 3)
    x = np.array([[0.5], [-2.0]])
    still = plain.conditional([1]).at(x)
    move = moved(plain, offset, unit).conditional([1]).at(x * unit + offset)
    slack = 1e-7 if offset == 1e8 else 1e-9
    np.testing.assert_allclose(move.weights, still.weights, rtol=slack)
    np.testing.assert_allclose((move.mean() - offset) / unit, still.mean(), rtol=1e-9, atol=slack)
    np.testing.assert_allclose(move.covariance_matrices() / unit / unit, still.covariance_matrices(), rtol=10 * slack)


def test_an_ill_conditioned_covariance_stays_positive_definite():
    # The difference Σ_oo − B Σ_go would be rounding here.
    random = np.random.default_rng(0)
    axes = np.linalg.qr(random.standard_normal((6, 6)))[0]
    matrix = (axes * np.logspace(0, -13, 6)) @ axes.T
    conditional = Conditional(Mixture.trusted(np.ones(1), np.zeros((1, 6)), Full([(matrix + matrix.T) / 2])), [0, 1, 2])
    assert (conditional.covariance.smallest_eigenvalues() > 0).all()


@pytest.mark.parametrize("name", ["diag", "spherical", "EII"])
def test_thousands_of_independent_columns_need_no_matrix(name):
    d = 20_000  # one matrix of them would take 3 GB
    covariance = {
        "diag": lambda: Diagonal(np.full((2, d), 2.0)),
        "spherical": lambda: Spherical([1.0, 2.0], n_features=d),
        "EII": lambda: SharedSpherical(1.0, n_components=2, n_features=d),
    }[name]()
    mixture = Mixture.trusted(np.array([0.5, 0.5]), np.stack([np.zeros(d), np.ones(d)]), covariance)
    conditional = mixture.conditional(range(10))
    assert conditional.coefficients is None
    assert conditional.covariance.name == name
    rows = conditional.at(np.zeros((2, 10)))
    assert rows.mean().shape == rows.sample(0).shape == (2, d - 10)
    assert np.isfinite(rows.log_density(np.zeros((2, d - 10)))).all()


def test_coefficients_are_computed_once_and_shared_where_the_covariance_is():
    mixture = random_mixture("tied", 4, 3)
    conditional = mixture.conditional([2])
    assert conditional.coefficients.shape == (4, 2, 1)
    assert conditional.coefficients.strides[0] == 0
    assert isinstance(conditional.covariance, Tied)
    assert repr(conditional) == "Conditional(columns [0, 1] given [2])"
    assert repr(conditional.at([[0.0]])) == "RowMixtures(1 rows, 4 components, 2 columns, tied)"


def test_conditional_refuses_what_leaves_nothing():
    mixture = random_mixture("full", 2, 2)
    with pytest.raises(ParameterError) as error:
        mixture.conditional([1, 0])
    assert str(error.value) == (
        "given names all 2 columns, so none is left to be distributed: "
        "give fewer, or ask log_density for the density there"
    )
    with pytest.raises(ParameterError, match="given must name at least one column from 0 to 1, but it is empty"):
        mixture.condition({})
    with pytest.raises(ParameterError, match="given must be from 0 to 1, but got 2"):
        mixture.condition({2: 0.0})


def test_conditional_refuses_values_of_another_shape():
    conditional = random_mixture("full", 2, 3).conditional([2, 0])
    with pytest.raises(ParameterError) as error:
        conditional.mixture([1.0])
    assert str(error.value) == (
        "values must be one number for each of the 2 given columns [2, 0], but got the shape (1,)"
    )
    with pytest.raises(DataError) as error:
        conditional.at([1.0, 2.0])
    assert str(error.value) == (
        "rows must have the shape (rows, 2), the values of the given columns [2, 0], but got (2,)"
    )
    with pytest.raises(DataError, match="nan|NaN"):
        conditional.at([[1.0, np.nan]])


def test_rows_refuse_values_of_another_shape_and_probabilities_of_two_columns():
    rows = random_mixture("full", 2, 3).conditional([0]).at([[0.0], [1.0]])
    assert isinstance(rows, RowMixtures)
    with pytest.raises(DataError) as error:
        rows.log_density([[0.0, 1.0]])
    assert str(error.value) == "values must have the shape (2, 2), one row for each mixture, but got (1, 2)"
    for ask in (rows.quantile, rows.cdf):
        with pytest.raises(ParameterError) as error:
            ask(0.5)
        assert str(error.value) == (
            "probabilities below a value are of one column, but these mixtures are of 2: take one column "
            "with .marginal([…]) before .conditional(…)"
        )
    with pytest.raises(IndexError):
        rows[2]
