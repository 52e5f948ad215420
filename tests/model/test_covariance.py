"""Every family answers for the dense matrices it stands for."""

import numpy as np
import pytest

from cases import FAMILY_NAMES, covariance_of
from gmmkit.errors import ParameterError
from gmmkit.kernels.expanded import score
from gmmkit.model.covariance import FAMILIES, STRUCTURES, Full, SharedSpherical, Spherical, Tied, family, structures_for
from gmmkit.statistics import Statistics
from oracle import project

SIZES = [(1, 1), (3, 1), (1, 4), (3, 4), (2, 17)]


@pytest.fixture(params=[(name, k, d) for name in FAMILY_NAMES for k, d in SIZES], ids=str)
def covariance(request):
    name, k, d = request.param
    return covariance_of(name, k, d, np.random.default_rng([k, d]))


def test_the_catalogue_knows_itself():
    assert FAMILY_NAMES == ("full", "tied", "diag", "spherical", "EII")
    for name, cls in FAMILIES.items():
        assert family(name) is cls
        assert cls.name == name
    assert [family(name).structure for name in STRUCTURES if family(name)] == list(STRUCTURES)
    assert family("E").structure == "EII"
    assert family("V", 1).structure == "VII"
    assert structures_for(1) == ("E", "V")
    assert structures_for(2) == STRUCTURES
    with pytest.raises(ParameterError, match="must be one of full, .*, VVV, E, V, but got 'VEX'"):
        family("VEX")
    with pytest.raises(ParameterError, match="'E' is for one column, but there are 2: give 'EII'"):
        family("E", 2)


def test_whitening_and_determinants_are_the_dense_ones(covariance):
    dense, white = covariance.dense(), covariance.whitening
    k, d = covariance.n_components, covariance.n_features
    assert dense.shape == (k, d, d)
    if white.ndim == 2:
        white = white[:, :, None] * np.eye(d)
    np.testing.assert_array_equal(white, np.tril(white))
    unit = white @ dense @ white.transpose(0, 2, 1)
    np.testing.assert_allclose(unit, np.broadcast_to(np.eye(d), unit.shape), atol=1e-12)
    np.testing.assert_allclose(covariance.log_determinants, np.linalg.slogdet(dense)[1], rtol=1e-11, atol=1e-11)


def test_variances_and_eigenvalues_are_the_dense_ones(covariance):
    dense = covariance.dense()
    np.testing.assert_allclose(covariance.variances(), np.diagonal(dense, axis1=1, axis2=2))
    np.testing.assert_allclose(covariance.smallest_eigenvalues(), np.linalg.eigvalsh(dense)[:, 0], rtol=1e-10)
    assert covariance.asymmetry() <= 1e-14 * np.abs(dense).max()


def test_eigenvalues_in_the_metric_of_another(covariance):
    d = covariance.n_features
    pooled = covariance_of(covariance.name, 1, d, np.random.default_rng(9))
    relative = np.linalg.eigvals(np.linalg.solve(pooled.dense()[0], covariance.dense())).real.min(axis=1)
    np.testing.assert_allclose(covariance.smallest_eigenvalues(pooled), relative, rtol=1e-9)
    own = covariance.take([0])
    np.testing.assert_allclose(own.smallest_eigenvalues(own), 1.0, rtol=1e-10)


def test_rescaled_is_the_covariance_of_rescaled_columns(covariance):
    d = covariance.n_features
    scale = np.full(d, 4.0) if covariance.equivariance == "scalar" else 2.0 ** (np.arange(d) % 7 - 3)
    expected = covariance.dense() * scale[:, None] * scale
    np.testing.assert_array_equal(covariance.rescaled(scale).dense(), expected)


def test_marginal_and_take_are_parts_of_the_dense_one(covariance):
    d = covariance.n_features
    columns = list(range(d))[::-2]
    expected = covariance.dense()[:, columns][:, :, columns]
    np.testing.assert_array_equal(covariance.marginal(columns).dense(), expected)
    components = [covariance.n_components - 1, 0, 0]
    np.testing.assert_array_equal(covariance.take(components).dense(), covariance.dense()[components])
    assert covariance.take(np.array(components)) == covariance.take(components)


def test_colour_undoes_whitening(covariance):
    d = covariance.n_features
    for j in range(covariance.n_components):
        root = covariance.colour(np.eye(d), j)
        np.testing.assert_allclose(root.T @ root, covariance.dense()[j], rtol=1e-11, atol=1e-12)


def test_natural_parameters_are_the_scores(covariance):
    k, d = covariance.n_components, covariance.n_features
    random = np.random.default_rng(1)
    means, constants, z = random.standard_normal((k, d)), random.standard_normal(k), random.standard_normal((d, 9))
    psi = covariance.features.build(z, np.empty((covariance.features.size(d), 9)))
    scores = score(covariance.natural(means, constants), psi, np.empty((k, 9)))
    term = covariance.row_term(z)
    y = z.T - means[:, None]
    expected = constants[:, None] - 0.5 * np.einsum("kbi,kij,kbj->kb", y, np.linalg.inv(covariance.dense()), y)
    np.testing.assert_allclose(scores if term is None else scores + term, expected, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(
        covariance.score_centred(z, means, covariance.whitening, constants, np.empty((k, 9))), expected, rtol=1e-10
    )


def test_kappa_bounds_every_row_of_the_block(covariance):
    d = covariance.n_features
    z = np.random.default_rng(2).standard_normal((d, 200)) * np.arange(1, d + 1)[:, None]
    largest = np.abs(z).max(axis=1)
    distances = np.einsum("ib,kij,jb->kb", z, np.linalg.inv(covariance.dense()), z)
    assert covariance.kappa_squared(largest) >= distances.max() * (1 - 1e-12)
    # Tight for one row along the columns of a diagonal.
    if covariance.name in ("diag", "spherical", "EII"):
        row = z[:, :1]
        exact = np.einsum("ib,kij,jb->kb", row, np.linalg.inv(covariance.dense()), row).max()
        assert covariance.kappa_squared(np.abs(row[:, 0])) == pytest.approx(exact)


def test_trace_products_are_the_dense_ones(covariance):
    d = covariance.n_features
    root = np.random.default_rng(3).standard_normal((d, 2 * d))
    scatter = project(covariance.name, root @ root.T)
    statistics = Statistics.empty(covariance.contraction, np.zeros((1, d)))
    one = type(covariance)
    like = one.refit(
        Statistics(
            covariance.contraction, np.ones(1), statistics.first, contracted(covariance, scatter), np.zeros((1, d))
        ),
        np.zeros(covariance.contraction.scatter_shape(d)),
        np.zeros(d),
    )
    np.testing.assert_allclose(like.dense()[0], scatter, rtol=1e-12, atol=1e-12)
    expected = np.trace(scatter @ np.linalg.inv(covariance.dense()), axis1=1, axis2=2).sum()
    assert covariance.trace_products(like.as_scatter()) == pytest.approx(expected)


def contracted(covariance, scatter):
    return {
        "full": scatter[None],
        "tied": scatter,
        "diag": np.diag(scatter)[None],
        "spherical": np.array([np.trace(scatter)]),
        "EII": np.array(np.trace(scatter)),
    }[covariance.name]


def test_lifted_raises_only_what_is_low(covariance):
    k, d = covariance.n_components, covariance.n_features
    same, none = covariance.lifted(0.0, 1.0)
    np.testing.assert_allclose(same.dense(), covariance.dense(), rtol=1e-13, atol=1e-14)
    assert len(none) == 0
    eigenvalues = np.linalg.eigvalsh(covariance.dense())
    bar = float(np.median(eigenvalues)) * (1 + 1e-9)
    lifted, directions = covariance.lifted(bar, 10 * bar)
    expected = np.sort(np.where(eigenvalues < bar, 10 * bar, eigenvalues), axis=1)
    np.testing.assert_allclose(np.linalg.eigvalsh(lifted.dense()), expected, rtol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0, rtol=1e-12)
    low = int((eigenvalues < bar).sum())
    assert len(directions) == (low // k if covariance.shares_covariance else low)
    assert directions.shape[1] == d


def test_with_components_replaces_only_those(covariance):
    k, d = covariance.n_components, covariance.n_features
    other = type(covariance).identity(1, d)
    replaced = covariance.with_components([k - 1], other).dense()
    if covariance.shares_covariance:
        np.testing.assert_array_equal(replaced, covariance.dense())
    else:
        np.testing.assert_array_equal(replaced[: k - 1], covariance.dense()[: k - 1])
        np.testing.assert_array_equal(replaced[k - 1], np.eye(d))


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_identity(name):
    np.testing.assert_allclose(FAMILIES[name].identity(3, 4).dense(), np.tile(np.eye(4), (3, 1, 1)), rtol=1e-14)


@pytest.mark.parametrize(
    ("name", "k", "d", "count"),
    [
        ("full", 3, 4, 30),
        ("tied", 3, 4, 10),
        ("diag", 3, 4, 12),
        ("spherical", 3, 4, 3),
        ("EII", 3, 4, 1),
        ("full", 2, 1, 2),
    ],
)
def test_n_parameters(name, k, d, count):
    assert FAMILIES[name].n_parameters(k, d) == count


@pytest.mark.parametrize(("name", "rows"), [("full", 5), ("tied", 1), ("diag", 2), ("spherical", 2), ("EII", 1)])
def test_minimum_rows(name, rows):
    assert FAMILIES[name].minimum_rows(4) == rows


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_covariance_without_a_factor_says_so_when_asked_to_whiten(name):
    bad = covariance_of(name, 2, 3, np.random.default_rng(0))
    negative = type(bad)(-bad.values, n_components=2, n_features=3)
    with pytest.raises(np.linalg.LinAlgError, match="not positive"):
        _ = negative.whitening


def test_equality_needs_family_sizes_and_values():
    assert Spherical([1.0], n_features=2) != Spherical([1.0], n_features=3)
    assert Tied(np.eye(2), n_components=2) != Tied(np.eye(2), n_components=3)
    assert Tied(np.eye(2), n_components=1) != Full([np.eye(2)])
    assert SharedSpherical(1.0, n_components=2, n_features=2) == SharedSpherical(1.0, n_components=2, n_features=2)
    assert repr(Full([np.eye(2)])) == "Full(1 components, 2 columns)"
    with pytest.raises(ParameterError, match="give n_features"):
        Spherical([1.0])
    with pytest.raises(ParameterError, match="give n_components"):
        Tied(np.eye(2))
