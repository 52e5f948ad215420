"""EM is what its equations say: each pass is the oracle's, and the objective never falls."""

import numpy as np
import pytest

import oracle
from cases import FAMILY_NAMES, blobs, contracted, faithful_like, fitted, gaussian_noise, iris, opened, random_mixture
from gmmkit.errors import SingularComponentError
from gmmkit.inference.em import EM
from gmmkit.inference.prior import DELTA, make_prior
from gmmkit.model.covariance import FAMILIES
from gmmkit.model.mixture import Mixture
from oracle import project

DATA = {"iris": iris, "faithful": faithful_like, "blobs": blobs, "noise": gaussian_noise}


def one_pass(rows, name, mixture, reg_covar, weights=None):
    """Return the engine's objective at a mixture and the mixture after one pass, in the data's units."""
    with opened(rows, name, weights=weights) as problem:
        algorithm = EM(problem, make_prior(problem, reg_covar), "refuse")
        state = mixture.into(problem.frame)
        totals = algorithm.sweep(state)
        after, repairs = algorithm.refit(totals, state, 1)
        assert not repairs
        return algorithm.objective(totals, state), after.out_of(problem.frame)


@pytest.mark.parametrize("reg_covar", ["auto", 0, 1e-2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("k", "d"), [(1, 1), (3, 1), (1, 3), (3, 2)])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_one_pass_is_the_oracles(name, k, d, weighted, reg_covar):
    mixture = random_mixture(name, k, d, seed=1, spread=2.0)
    rows = mixture.sample(60, seed=2)[0] * 1.5 + 40.0
    mixture = Mixture.trusted(mixture.weights, mixture.means * 1.5 + 40.0, mixture.covariance)
    weights = np.random.default_rng(3).integers(0, 4, 60) * 0.5 if weighted else np.ones(60)
    pseudo, ridge = None, 0.0
    if reg_covar == "auto":
        pseudo = DELTA * weights.sum() / k * oracle.pooled(name, rows, weights)
    else:
        ridge = reg_covar

    objective, after = one_pass(rows, name, mixture, reg_covar, weights if weighted else None)

    given = mixture.weights, mixture.means, mixture.covariance.dense()
    assert objective == pytest.approx(oracle.objective(rows, weights, *given, pseudo), rel=1e-11)
    shares = oracle.e_step(rows, weights, *given)
    expected = oracle.m_step(name, rows, shares, pseudo, ridge)
    np.testing.assert_allclose(after.weights, expected[0], rtol=1e-11)
    np.testing.assert_allclose(after.means, expected[1], rtol=1e-11)
    tolerance = 1e-5 if name in ("EVE", "VVE") else 1e-9
    np.testing.assert_allclose(after.covariance.dense(), expected[2], rtol=tolerance, atol=0.01 * tolerance)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_refit_is_a_maximum(name):
    # Against the oracle's refit: any small step inside the family lowers the expected penalised likelihood.
    random = np.random.default_rng(8)
    rows = blobs(50, 2, 2)
    shares = random.dirichlet(np.ones(2), 50)
    pseudo = 0.3 * np.cov(rows.T)
    _, means, covariances = oracle.m_step(name, rows, shares, project(name, pseudo))

    def expected(means, covariances):
        total = -0.5 * sum(np.trace(project(name, pseudo) @ np.linalg.inv(c)) for c in covariances)
        for x, share in zip(rows, shares, strict=True):
            for j in range(2):
                total += share[j] * oracle.component_log_density(x, means[j], covariances[j])
        return total

    best = expected(means, covariances)
    volume, shape, orientation = FAMILIES[name].structure
    for _ in range(10):
        # A step in the logarithms of volumes and shapes, and a turn of the axes.
        logs, angles = 1e-2 * random.standard_normal(2), 1e-2 * random.standard_normal(2)
        stretch = 1e-2 * random.standard_normal(2)
        if volume == "E":
            logs[:] = logs[0]
        if shape == "E":
            stretch[:] = stretch[0]
        if orientation == "E":
            angles[:] = angles[0]
        moved = np.empty_like(covariances)
        for j in range(2):
            lengths, axes = np.linalg.eigh(covariances[j]) if orientation != "I" else np.linalg.eig(covariances[j])
            if shape != "I":
                lengths = lengths * np.exp([stretch[j], -stretch[j]])
            if orientation != "I":
                c, s = np.cos(angles[j]), np.sin(angles[j])
                axes = np.array([[c, -s], [s, c]]) @ axes
            moved[j] = np.exp(logs[j]) * (axes * lengths) @ axes.T
        assert expected(means, moved) < best
        assert expected(means + random.standard_normal((2, 2)) * 1e-2, covariances) < best


@pytest.mark.parametrize("reg_covar", ["auto", 0])
@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("data", DATA)
def test_objective_never_falls(data, name, reg_covar):
    rows = DATA[data]()
    tried = 0
    for seed in range(3):
        for start in ("kmeans", "random_from_data", "random"):
            try:
                result = fitted(rows, name, start, 3, tol=1e-9, seed=seed, reg_covar=reg_covar, max_iter=60)
            except SingularComponentError:
                # Without a prior, a component may collapse: that is said, and there is no trace to look at.
                assert reg_covar == 0
                continue
            tried += 1
            falls = -np.diff(result.objectives, prepend=-np.inf).min()
            assert falls <= 1e-10, (seed, start)
    assert tried >= (3 if reg_covar == 0 else 9)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_weighted_objective_never_falls(name):
    rows = blobs()
    weights = np.random.default_rng(2).exponential(size=len(rows))
    trace = fitted(rows, name, "kmeans", 3, weights=weights, tol=1e-9).objectives
    assert np.diff(trace).min() > -1e-10


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_objectives_are_those_of_the_mixture(name):
    # At convergence the last objective is the penalised likelihood of the mixture that is returned.
    rows = faithful_like()
    result = fitted(rows, name, tol=1e-12, max_iter=1000)
    assert result.converged
    m = result.mixture
    pseudo = DELTA * len(rows) / 2 * oracle.pooled(name, rows, np.ones(len(rows)))
    expected = oracle.objective(rows, np.ones(len(rows)), m.weights, m.means, m.covariance.dense(), pseudo)
    assert result.objective == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("data", ["iris", "faithful", "blobs"])
def test_larger_families_are_at_least_as_likely(data):
    """From a shared start that all families can express, each is followed to its optimum."""
    rows = DATA[data]()
    shared = fitted(rows, "EII", "kmeans", 2, tol=1e-12, max_iter=5000, reg_covar=0).mixture
    variance = float(shared.covariances)
    k, d = shared.means.shape
    spheres = np.tile(variance * np.eye(d), (k, 1, 1))
    found = {}
    for name in FAMILY_NAMES:
        covariances = contracted(name, spheres)
        start = Mixture.from_arrays(shared.weights, shared.means, covariances, covariance_type=name)
        result = fitted(rows, name, start, tol=1e-12, max_iter=5000, reg_covar=0)
        assert result.converged
        found[name] = result.objective
    for larger, smaller in [
        ("full", "tied"),
        ("tied", "EII"),
        ("full", "diag"),
        ("diag", "spherical"),
        ("spherical", "EII"),
        ("diag", "VEI"),
        ("VEI", "EEI"),
        ("EVI", "EEI"),
        ("full", "VEE"),
        ("VEE", "tied"),
        ("full", "EVV"),
        ("VEV", "EEV"),
        ("EVV", "EEV"),
        ("VVE", "EVE"),
        ("VVE", "VEI"),
        ("EVE", "tied"),
    ]:
        assert found[larger] >= found[smaller] - 1e-9, (larger, smaller, found)
