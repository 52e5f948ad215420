"""Every family answers for the dense matrices it stands for."""

import numpy as np
import pytest

from cases import CONSTRAINED, FAMILY_NAMES, contracted, covariance_of
from gmmkit.errors import ParameterError
from gmmkit.kernels.expanded import score
from gmmkit.model.covariance import FAMILIES, STRUCTURES, Full, SharedSpherical, Spherical, Tied, family, structures_for
from gmmkit.model.covariance.structured import LARGEST
from gmmkit.model.mixture import Mixture
from gmmkit.statistics import Statistics
from oracle import most_likely, project

SIZES = [(1, 1), (3, 1), (1, 4), (3, 4), (2, 17)]


@pytest.fixture(params=[(name, k, d) for name in FAMILY_NAMES for k, d in SIZES], ids=str)
def covariance(request):
    name, k, d = request.param
    return covariance_of(name, k, d, np.random.default_rng([k, d]))


def test_the_catalogue_knows_itself():
    assert FAMILY_NAMES[:5] == ("full", "tied", "diag", "spherical", "EII")
    assert {family(name).structure for name in FAMILY_NAMES} == set(STRUCTURES)
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


@pytest.mark.parametrize("name", [name for name in FAMILY_NAMES if not FAMILIES[name].independent_columns])
@pytest.mark.parametrize("k", [1, 3])
def test_eigenvalues_of_large_matrices_are_those_of_small_ones(name, k, monkeypatch):
    covariance, pooled = (covariance_of(name, size, 4, np.random.default_rng(9)) for size in (k, 1))
    expected = covariance.smallest_eigenvalues(pooled)
    monkeypatch.setattr("gmmkit.numerics.stacks._VALUES", 1)
    np.testing.assert_allclose(covariance.smallest_eigenvalues(pooled), expected, rtol=1e-12)


def test_what_is_forgotten_is_computed_again(covariance):
    whitening, logs = covariance.whitening.copy(), covariance.log_determinants.copy()
    covariance.forget()
    assert set(vars(covariance)) == {"values", "n_components", "n_features"}
    np.testing.assert_array_equal(covariance.whitening, whitening)
    np.testing.assert_array_equal(covariance.log_determinants, logs)


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
    if covariance.independent_columns:
        row = z[:, :1]
        exact = np.einsum("ib,kij,jb->kb", row, np.linalg.inv(covariance.dense()), row).max()
        assert covariance.kappa_squared(np.abs(row[:, 0])) == pytest.approx(exact)


def test_trace_products_are_the_dense_ones(covariance):
    d = covariance.n_features
    root = np.random.default_rng(3).standard_normal((d, 2 * d))
    scatter = project(covariance.name, root @ root.T)
    contraction, nothing = covariance.contraction, np.zeros((1, d))
    second = sum(contraction(root[None], root[None]) for root in np.linalg.cholesky(scatter).T)
    statistics = Statistics(contraction, np.ones(1), nothing, second, nothing)
    like = type(covariance).refit(statistics, np.zeros(contraction.scatter_shape(d)), np.zeros(d))
    np.testing.assert_allclose(like.dense()[0], scatter, rtol=1e-12, atol=1e-12)
    expected = np.trace(scatter @ np.linalg.inv(covariance.dense()), axis1=1, axis2=2).sum()
    assert covariance.trace_products(like.as_scatter()) == pytest.approx(expected)


def test_lifted_raises_only_what_is_low(covariance):
    k, d = covariance.n_components, covariance.n_features
    same, none = covariance.lifted(0.0, 1.0)
    rounding = 1e-8 if covariance.name in CONSTRAINED else 1e-13
    np.testing.assert_allclose(same.dense(), covariance.dense(), rtol=rounding, atol=0.1 * rounding)
    assert len(none) == 0
    eigenvalues = np.linalg.eigvalsh(covariance.dense())
    bar = float(np.median(eigenvalues)) * (1 + 1e-9)
    lifted, directions = covariance.lifted(bar, 10 * bar)
    expected = np.sort(np.where(eigenvalues < bar, 10 * bar, eigenvalues), axis=1)
    if covariance.name in CONSTRAINED:
        # Raised one by one they may leave the family: the nearest in it is no flatter than the flattest.
        assert lifted.violation() is None
        assert np.linalg.eigvalsh(lifted.dense()).min() > 0.5 * eigenvalues.min()
    else:
        np.testing.assert_allclose(np.linalg.eigvalsh(lifted.dense()), expected, rtol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0, rtol=1e-12)
    low = int((eigenvalues < bar).sum())
    assert len(directions) == (low // k if covariance.shares_covariance else low)
    assert directions.shape[1] == d


def test_with_components_replaces_only_those(covariance):
    k, d = covariance.n_components, covariance.n_features
    other = type(covariance).identity(1, d)
    replaced = covariance.with_components([k - 1], other)
    assert replaced.violation() is None
    replaced = replaced.dense()
    if covariance.name in CONSTRAINED:
        if d <= 4:
            nearest = most_likely(covariance.name, np.ones(k), [*covariance.dense()[: k - 1], np.eye(d)])
            np.testing.assert_allclose(replaced, nearest, atol=1e-4 * nearest.max())
    elif covariance.shares_covariance:
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


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("full", 5),
        ("tied", 1),
        ("diag", 2),
        ("spherical", 2),
        ("EII", 1),
        ("EEI", 1),
        ("EVI", 2),
        ("VEE", 2),
        ("VVE", 2),
        ("EEV", 2),
        ("EVV", 5),
    ],
)
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


def a_problem(k, d, seed=0):
    """Return counts (k,) and scatters (k, d, d) of components that have little in common."""
    random = np.random.default_rng([seed, k, d])
    counts = random.uniform(5.0, 50.0, k)
    return counts, counts[:, None, None] * covariance_of("full", k, d, random).dense()


def as_asked(family, scatter):
    """Return scatters (..., k, d, d) as `solve` takes them."""
    return np.diagonal(scatter, axis1=-2, axis2=-1) if family.independent_columns else scatter


def as_dense(family, values):
    return values[..., None] * np.eye(values.shape[-1]) if family.independent_columns else values


def criterion(counts, scatter, covariances):
    """Return what `solve` maximises."""
    products = np.einsum("kij,kji->", scatter, np.linalg.inv(covariances))
    return -0.5 * (counts @ np.linalg.slogdet(covariances)[1] + products)


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize(("k", "d"), [(1, 3), (3, 1), (3, 2), (4, 3)])
def test_solve_is_the_oracles_maximum(name, k, d):
    counts, scatter = a_problem(k, d)
    found = as_dense(FAMILIES[name], FAMILIES[name].solve(counts, as_asked(FAMILIES[name], scatter)))
    expected = most_likely(name, counts, scatter)
    best = criterion(counts, scatter, expected)
    assert criterion(counts, scatter, found) == pytest.approx(best, abs=1e-8)
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_problems_of_a_stack_know_nothing_of_each_other(name):
    one = FAMILIES[name]
    counts, scatter = (np.array(a) for a in zip(*(a_problem(3, 2, seed) for seed in range(6)), strict=True))
    # The last component of three problems is padding.
    counts[3:, 2], scatter[3:, 2] = 0.0, 0.0
    together = one.solve(counts, as_asked(one, scatter))
    for s in range(6):
        held = 3 if s < 3 else 2
        alone = one.solve(counts[s, :held], as_asked(one, scatter[s, :held]))
        np.testing.assert_allclose(together[s, :held], alone, rtol=1e-9, atol=1e-12)
    assert (np.linalg.eigvalsh(as_dense(one, together)) > 0).all()


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_going_on_from_the_last_pass_never_falls_behind_it(name):
    one = FAMILIES[name]
    for seed in range(5):
        counts, scatter = a_problem(4, 3, seed)
        previous = one.solve(*(a if i == 0 else as_asked(one, a) for i, a in enumerate(a_problem(4, 3, seed + 100))))
        found = one.solve(counts, as_asked(one, scatter), previous)
        then, now = (criterion(counts, scatter, as_dense(one, values)) for values in (previous, found))
        assert now >= then
        again = one.solve(counts, as_asked(one, scatter), found)
        assert criterion(counts, scatter, as_dense(one, again)) >= now - 1e-10


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("case", ["one flat", "all flat", "one empty", "tiny", "nothing", "one line", "two lines"])
def test_what_a_scatter_does_not_determine_has_an_end(name, case):
    one = FAMILIES[name]
    counts, scatter = a_problem(3, 3)
    flat = np.diag([1.0, 1.0, 0.0])
    if case == "one flat":
        scatter[0] = flat @ scatter[0] @ flat
    if case == "all flat":
        scatter = flat @ scatter @ flat
    if case == "one empty":
        scatter[0] = 0.0
    if case == "tiny":
        counts[0], scatter[0] = 1e-15, 1e-30 * scatter[0]
    if case == "nothing":
        scatter[:] = 0.0
    if case == "one line":  # volumes of an equal shape grow without bound
        counts, scatter[:] = np.array([50.0, 50.0, 1.0]), np.diag([1.0, 0.0, 0.0])
        scatter[2] += np.diag([0.0, 1.0, 0.0])
    if case == "two lines":  # one vanishes while the other grows
        counts, scatter = np.array([10.0, 30.0]), np.array([np.diag([1.0, 0.0]), np.outer([1e-8, 1.0], [1e-8, 1.0])])
    previous = None
    for _ in range(3):
        previous = one.solve(counts, as_asked(one, scatter), previous)
        assert np.abs(previous).max() < 1.1 * LARGEST


@pytest.mark.parametrize("name", CONSTRAINED)
def test_values_that_break_a_structure_are_refused_in_one_line(name):
    one = FAMILIES[name]
    covariance = covariance_of(name, 3, 3, np.random.default_rng(1))
    assert covariance.violation() is None
    weights, means = np.full(3, 1 / 3), np.zeros((3, 3))
    assert Mixture.from_arrays(weights, means, covariance.values, covariance_type=name).covariance == covariance
    volume, shape, orientation = one.structure
    dense = covariance_of("diag" if one.independent_columns else "full", 3, 3, np.random.default_rng(2)).dense()
    if volume == "V":
        message = "shapes" if one.independent_columns else "shapes|orientations"
    else:
        message = r"volumes \|Σ\|\^\(1/d\) of components 0 and|orientations"
    with pytest.raises(ParameterError, match=f"^{name} covariances: .*({message}).* differ"):
        Mixture.from_arrays(weights, means, contracted(name, dense), covariance_type=name)
    if shape == "V" and orientation != "E":
        return
    dense = dense / np.exp(np.linalg.slogdet(dense)[1] / 3)[:, None, None]
    with pytest.raises(ParameterError, match="(shapes|orientations).* of components .*differ"):
        Mixture.from_arrays(weights, means, contracted(name, dense), covariance_type=name)
