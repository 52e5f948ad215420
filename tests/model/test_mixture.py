import dataclasses
import pickle

import numpy as np
import pytest

import oracle
from cases import FAMILY_NAMES, random_mixture
from gmmkit.errors import DataError, ParameterError
from gmmkit.model.covariance import Diagonal, Full, Spherical, Tied
from gmmkit.model.mixture import Mixture

ONE = Full([[[2.0, 0.5], [0.5, 1.0]]])


@pytest.mark.parametrize(
    ("weights", "means", "covariance", "message"),
    [
        ([0.5, 0.4], [[0.0], [1.0]], Full([[[1.0]], [[1.0]]]), r"weights must sum to 1, but sum to 0.9.*divide them"),
        (
            [1.5, -0.5],
            [[0.0], [1.0]],
            Full([[[1.0]], [[1.0]]]),
            r"weights must not be negative, but component 1 has -0.5",
        ),
        ([np.nan, 0.5], [[0.0], [1.0]], Full([[[1.0]], [[1.0]]]), r"weights must be finite, but got nan"),
        ([1.0], [[np.inf, 0.0]], ONE, r"means must be finite, but got inf"),
        ([1.0], [[0.0]], Full([[[np.nan]]]), r"covariances must be finite, but got nan"),
        ([], np.empty((0, 2)), ONE, r"weights must be one number for each component, but got the shape \(0,\)"),
        ([[1.0]], [[0.0, 0.0]], ONE, r"weights must be one number for each component, but got the shape \(1, 1\)"),
        ([1.0], [0.0, 0.0], ONE, r"means must have the shape \(1, columns\) to go with 1 weights, but got \(2,\)"),
        ([0.5, 0.5], [[0.0, 0.0]], ONE, r"means must have the shape \(2, columns\)"),
        (
            [1.0],
            [[0.0, 0.0, 0.0]],
            ONE,
            r"covariance is for 1 components and 2 columns, but means have the shape \(1, 3\)",
        ),
        ([1.0], [[0.0, 0.0]], np.eye(2), r"covariance must be a family.*got ndarray.*from_arrays"),
        ([1.0], [[0.0, 0.0]], Full([[[1.0, 0.5], [0.4, 1.0]]]), r"covariances must be symmetric.*differ by up to 0.1"),
        ([1.0], [[0.0, 0.0]], Tied([[1.0, 0.5], [0.4, 1.0]], n_components=1), r"covariances must be symmetric"),
        (
            [0.5, 0.5],
            [[0.0, 0.0], [1.0, 1.0]],
            Full([np.eye(2), [[1.0, 2.0], [2.0, 1.0]]]),
            r"component 1: the covariance is not positive definite \(smallest eigenvalue -1\)",
        ),
        ([1.0], [[0.0, 0.0]], Full([np.ones((2, 2))]), r"component 0: .* not positive definite \(smallest eigenvalue"),
        ([1.0], [[0.0, 0.0]], Tied(-np.eye(2), n_components=1), r"component 0: .*smallest eigenvalue -1"),
        (
            [0.5, 0.5],
            [[0.0, 0.0], [1.0, 1.0]],
            Diagonal([[1.0, 1.0], [2.0, -3.0]]),
            r"component 1: .* not positive definite \(smallest eigenvalue -3\)",
        ),
        ([0.5, 0.5], [[0.0], [1.0]], Spherical([1.0, 0.0], n_features=1), r"component 1: .*smallest eigenvalue 0\)"),
    ],
)
def test_what_is_no_mixture_is_refused_and_it_is_said_why(weights, means, covariance, message):
    with pytest.raises(ParameterError, match=message):
        Mixture(weights, means, covariance)


@pytest.mark.parametrize("scale", [1e-300, 1e-20, 1e20, 1e300])
def test_positive_definite_is_judged_at_any_size(scale):
    Mixture([1.0], [[0.0, 0.0]], Full(scale * np.array([[[2.0, 0.5], [0.5, 1.0]]])))
    Mixture([1.0], [[0.0, 0.0]], Diagonal([[scale, 1.0]]))
    with pytest.raises(ParameterError, match="component 0"):
        Mixture([1.0], [[0.0, 0.0]], Full(scale * np.array([[[1.0, 2.0], [2.0, 1.0]]])))


def test_weights_may_be_zero_and_rounded():
    mixture = Mixture([0.0, 0.3333333, 0.6666667], np.zeros((3, 1)), Full(np.ones((3, 1, 1))))
    assert mixture.posterior([[0.0]])[0, 0] == 0.0


# --- a value ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_is_immutable_and_keeps_no_array_of_the_caller(name):
    source = random_mixture(name, 2, 3)
    weights, means = source.weights.copy(), source.means.copy()
    values = np.array(source.covariances)
    mixture = Mixture.from_arrays(weights, means, values, covariance_type=name)
    for array in (weights, means, values):
        array[...] = 0.0
    assert mixture == source
    for array in (mixture.weights, mixture.means, mixture.covariances):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        mixture.weights = weights
    with pytest.raises(AttributeError, match="frozen"):
        mixture.covariance.values = values


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_equality_pickle_and_repr(name):
    mixture = random_mixture(name, 2, 3)
    mixture.log_density(np.zeros((1, 3)))
    again = pickle.loads(pickle.dumps(mixture))
    assert again == mixture
    np.testing.assert_array_equal(again.log_density(np.ones((2, 3))), mixture.log_density(np.ones((2, 3))))
    assert mixture != random_mixture(name, 2, 3, seed=1)
    assert mixture != 3
    assert repr(mixture) == f"Mixture(2 components, 3 columns, {name})"
    with pytest.raises(TypeError):
        hash(mixture)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_from_arrays_takes_the_familys_array(name):
    mixture = random_mixture(name, 3, 2)
    again = Mixture.from_arrays(
        mixture.weights.tolist(), mixture.means.tolist(), mixture.covariances.tolist(), covariance_type=name
    )
    assert again == mixture
    assert again.covariance_type == name
    assert (again.n_components, again.n_features) == (3, 2)
    np.testing.assert_array_equal(again.covariances, mixture.covariances)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("full", np.eye(2), r"must have the shape \(2, 2, 2\), but got \(2, 2\)"),
        ("full", np.ones((3, 2, 2)), r"must have the shape \(2, 2, 2\), but got \(3, 2, 2\)"),
        ("tied", np.ones((2, 2, 2)), r"must have the shape \(2, 2\), but got \(2, 2, 2\)"),
        ("diag", np.ones(2), r"must have the shape \(2, 2\), but got \(2,\)"),
        ("spherical", np.ones((2, 2)), r"must have the shape \(2,\), but got \(2, 2\)"),
        ("EII", np.ones(2), r"must have the shape \(\), but got \(2,\)"),
        ("oval", np.ones(2), r"covariance_type must be one of full, tied, .*, VVV, E, V, but got 'oval'"),
    ],
)
def test_from_arrays_says_what_shape_is_expected(name, values, message):
    with pytest.raises(ParameterError, match=message):
        Mixture.from_arrays([0.5, 0.5], np.zeros((2, 2)), values, covariance_type=name)


def test_from_arrays_asks_for_means_of_two_dimensions():
    with pytest.raises(ParameterError, match=r"means must have the shape \(components, columns\), but got \(2,\)"):
        Mixture.from_arrays([1.0], [0.0, 0.0], [np.eye(2)])


@pytest.mark.parametrize(
    ("name", "expected"), [("full", 29), ("tied", 17), ("diag", 20), ("spherical", 14), ("EII", 12)]
)
def test_n_parameters(name, expected):
    # 2 weights, 9 means, and the covariances.
    assert random_mixture(name, 3, 3).n_parameters == expected


# --- moments and samples ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_moments_are_those_of_the_definition(name):
    mixture = random_mixture(name, 3, 2)
    dense = mixture.covariance.dense()
    mean = sum(w * m for w, m in zip(mixture.weights, mixture.means, strict=True))
    second = sum(w * (c + np.outer(m, m)) for w, m, c in zip(mixture.weights, mixture.means, dense, strict=True))
    np.testing.assert_allclose(mixture.mean(), mean, rtol=1e-13)
    np.testing.assert_allclose(mixture.covariance_matrix(), second - np.outer(mean, mean), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 1e-140, 1e140])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_samples_have_the_moments_of_the_mixture(name, scale):
    unit = random_mixture(name, 3, 2)
    mixture = Mixture(unit.weights, unit.means * scale, unit.covariance.rescaled(np.full(2, scale)))
    n = 40_000
    rows, components = mixture.sample(n, seed=3)
    assert (rows.shape, components.shape) == ((n, 2), (n,))
    assert (np.diff(components) >= 0).all()
    for j in range(3):
        own = rows[components == j] / scale
        covariance = unit.covariance.dense()[j]
        assert abs(len(own) / n - unit.weights[j]) < 5 * np.sqrt(0.25 / n)
        # Five standard errors of a mean and of a covariance.
        spread = np.sqrt(np.diag(covariance))
        assert (np.abs(own.mean(axis=0) - unit.means[j]) < 5 * spread / np.sqrt(len(own))).all()
        error = np.abs(np.cov(own.T) - covariance)
        assert (error < 5 * np.sqrt(2.0 / len(own)) * np.outer(spread, spread)).all()


def test_the_same_seed_gives_the_same_rows():
    mixture = random_mixture("full", 3, 2)
    for seed in (5, np.random.SeedSequence(5)):
        one, other = mixture.sample(20, seed=seed), mixture.sample(20, seed=seed)
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    assert not np.array_equal(mixture.sample(20, seed=5)[0], mixture.sample(20, seed=6)[0])
    random = np.random.default_rng(0)
    assert not np.array_equal(mixture.sample(20, seed=random)[0], mixture.sample(20, seed=random)[0])
    with pytest.raises(ParameterError, match="n_rows must be a whole number of at least 1, but got 0"):
        mixture.sample(0)


def test_a_component_of_weight_zero_is_never_drawn():
    mixture = Mixture([0.0, 1.0], [[0.0], [9.0]], Full([[[1.0]], [[1.0]]]))
    assert (mixture.sample(500, seed=0)[1] == 1).all()


# --- frames and parts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_into_its_frame_and_out_again_is_exact(name, scale):
    unit = random_mixture(name, 3, 2)
    means = np.round(unit.means * 2**20) / 2**20 * 2.0 ** np.round(np.log2(scale))
    mixture = Mixture(unit.weights, means, unit.covariance.rescaled(np.full(2, scale)))
    frame = mixture.frame
    framed = mixture.into(frame)
    assert np.abs(framed.means).max() <= 4
    assert framed.covariance.variances().max() <= 4
    np.testing.assert_array_equal(framed.out_of(frame).covariances, mixture.covariances)
    np.testing.assert_allclose(framed.out_of(frame).means, mixture.means, rtol=0, atol=4e-16 * np.abs(means).max())


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_take_renormalises(name):
    mixture = random_mixture(name, 4, 2)
    part = mixture.take([2, 0])
    np.testing.assert_allclose(part.weights, mixture.weights[[2, 0]] / mixture.weights[[2, 0]].sum())
    np.testing.assert_array_equal(part.means, mixture.means[[2, 0]])
    np.testing.assert_array_equal(part.covariance.dense(), mixture.covariance.dense()[[2, 0]])


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_permuting_components_permutes_answers(name):
    mixture = random_mixture(name, 4, 2)
    order = [3, 1, 0, 2]
    rows = mixture.sample(30, seed=0)[0]
    other = mixture.take(order)
    np.testing.assert_allclose(other.log_density(rows), mixture.log_density(rows), rtol=1e-13)
    np.testing.assert_allclose(other.posterior(rows), mixture.posterior(rows)[:, order], rtol=1e-11, atol=1e-14)


def test_rows_of_other_columns_are_refused():
    with pytest.raises(DataError, match="X has 3 columns, but the mixture is of 2: give the columns"):
        random_mixture("full", 2, 2).log_density(np.zeros((1, 3)))


def test_a_list_of_lists_is_rows():
    mixture = random_mixture("full", 2, 2)
    rows = [[0, 1], [2, 3.5]]
    expected = oracle.log_density(np.array(rows), mixture.weights, mixture.means, mixture.covariance.dense())
    np.testing.assert_allclose(mixture.log_density(rows), expected, rtol=1e-12)
