"""EM for factor analysers: a pass by plain loops, laws over every kind of noise, and answers known otherwise."""

import numpy as np
import pytest
from scipy.stats import special_ortho_group
from sklearn.decomposition import PCA

import oracle
from cases import blobs, iris
from gmmkit.data import as_table
from gmmkit.errors import DataError, ParameterError, SingularComponentError
from gmmkit.execution import Workers
from gmmkit.inference import factor_pass
from gmmkit.inference.acceleration import Squarem
from gmmkit.inference.factor_fit import check_sizes, fit_factors, noise_problem
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.problem import Problem
from gmmkit.inference.starts import FromMixture, FromPartition, Named
from gmmkit.inference.stopping import AitkenGain, SmallChange
from gmmkit.inference.survey import survey
from gmmkit.model.covariance import FACTORS, Factor, Full, family
from gmmkit.model.mixture import Mixture
from model.test_factor import factor_mixture

STRUCTURES = tuple(FACTORS)


def fitted(rows, k=2, q=1, noise="VVI", start=None, *, weights=None, n_jobs=1, tol=1e-6, **settings):
    reorder = start is None
    start = Named("kmeans", k) if start is None else start
    settings = FitSettings(**{"rule": SmallChange(tol), "n_factors": q, "seed": 0, "max_iter": 3000, **settings})
    with Workers(n_jobs) as workers:
        return fit_factors(as_table(rows, weights=weights), noise, [start], settings, workers, reorder=reorder)


def one_pass(rows, state, weights=None, reg_covar=0.0, n_jobs=1):
    """Return the next state, and the objective at this one, in the data's units."""
    noise = state.covariance.structure
    with Workers(n_jobs) as workers:
        table = as_table(rows, weights=weights)
        problem = Problem(table, family(noise), survey(table, workers), workers)
        settings = FitSettings(reg_covar=reg_covar, n_factors=state.covariance.n_factors)
        algorithm = settings.algorithm(problem, np.random.default_rng(0))
        framed = algorithm.started(state.into(problem.frame))
        totals = algorithm.sweep(framed)
        return algorithm.refit(totals, framed, 1)[0].out_of(problem.frame), algorithm.objective(totals, framed)


def expected_pass(rows, weights, state):
    """Return the same by dense matrices: weights, means, covariances."""
    covariance = state.covariance
    shares = oracle.responsibilities(rows, state.weights, state.means, covariance.dense()) * weights[:, None]
    counts, matrices, residuals = shares.sum(axis=0), [], []
    means = (shares.T @ rows) / counts[:, None]
    loadings = []
    for j, n in enumerate(counts):
        deviations = rows - means[j]
        scatter = (shares[:, j, None] * deviations).T @ deviations / n
        old = covariance.loadings[j]
        beta = old.T @ np.linalg.inv(covariance.dense()[j])
        second = np.eye(old.shape[1]) - beta @ old + beta @ scatter @ beta.T
        plain = scatter @ beta.T @ np.linalg.inv(second)
        loadings.append(plain @ np.linalg.cholesky(second))
        residuals.append(np.diag(scatter - plain @ beta @ scatter))
    structure, residuals = covariance.structure, np.array(residuals)
    if structure[0] == "E":
        residuals = np.broadcast_to(counts @ residuals / counts.sum(), residuals.shape)
    if structure[1] == "I":
        residuals = np.broadcast_to(residuals.mean(axis=1, keepdims=True), residuals.shape)
    matrices = [a @ a.T + np.diag(b) for a, b in zip(loadings, residuals, strict=True)]
    return counts / counts.sum(), means, np.array(matrices)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize(("k", "d", "q"), [(1, 3, 1), (2, 5, 2), (3, 4, 3)])
def test_a_pass_is_that_of_dense_matrices(structure, k, d, q):
    state = factor_mixture(structure, k, d, q, spread=2.0)
    random = np.random.default_rng(1)
    rows, weights = state.sample(80, seed=1)[0], random.integers(1, 4, 80).astype(float)
    found, objective = one_pass(rows, state, weights)
    shares, means, matrices = expected_pass(rows, weights, state)
    assert objective == pytest.approx(state.log_density(rows) @ weights / weights.sum())
    np.testing.assert_allclose(found.weights, shares, rtol=1e-9)
    np.testing.assert_allclose(found.means, means, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found.covariance.dense(), matrices, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_rows_far_out_are_scored_and_gathered_by_their_own_deviations(structure, monkeypatch):
    state = factor_mixture(structure, 2, 4, 2, spread=2.0)
    rows = state.sample(90, seed=1)[0]
    expected, objective = one_pass(rows, state, np.arange(90) % 3.0)
    for limit in (0.0, 20.0):  # all rows, some rows
        monkeypatch.setattr(factor_pass, "KAPPA_SQUARED_LIMIT", limit)
        found, same = one_pass(rows, state, np.arange(90) % 3.0)
        assert same == pytest.approx(objective, rel=1e-12)
        np.testing.assert_allclose(found.means, expected.means, rtol=1e-10)
        np.testing.assert_allclose(found.covariance.dense(), expected.covariance.dense(), rtol=1e-9, atol=1e-10)


def test_clusters_far_apart_keep_their_digits():
    # Components of unit size 1e7 apart: about a common origin, noise would have two digits.
    near = factor_mixture("VVI", 1, 6, 1).sample(400, seed=0)[0]
    rows = np.concatenate([near, near + 1e7])
    apart, alone = (fitted(x, k, tol=1e-9, reg_covar=0.0) for x, k in ((rows, 2), (near, 1)))
    np.testing.assert_allclose(apart.mixture.covariance.dense()[0], alone.mixture.covariance.dense()[0], rtol=1e-4)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("reg_covar", ["auto", 0.0])
@pytest.mark.parametrize("q", [1, 2])
def test_the_objective_never_falls(structure, reg_covar, q):
    rows = blobs(250, 4, 3)
    done = fitted(rows, 3, q, structure, reg_covar=reg_covar, max_iter=60, tol=0.0)
    assert np.diff(done.objectives).min() > -1e-12 * abs(done.objectives[-1])
    if reg_covar == 0.0:
        again = one_pass(rows, done.mixture)[1]
        assert again >= done.objectives[-1] - 1e-12
        assert again == pytest.approx(done.mixture.log_density(rows).mean(), rel=1e-12)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("q", [1, 2])
def test_stretched_steps_reach_the_same_in_fewer_passes(structure, q):
    # Noise of the petals' lengths goes to zero, which takes plain EM hundreds of passes.
    rows = iris()
    rule = AitkenGain(1e-7)
    plain, fast = (
        fitted(rows, 1, q, structure, rule=rule, acceleration=given, max_iter=8000) for given in (None, Squarem())
    )
    assert np.diff(fast.objectives).min() >= -1e-12
    assert fast.objectives[-1] >= plain.objectives[-1] - 1e-3
    if structure == "VVI":
        assert len(fast.objectives) < 0.5 * len(plain.objectives)


def test_states_that_combine_to_none_are_refused():
    state = factor_mixture("VVI", 2, 4, 1)
    empty = state.changed(weights=np.array([1.0, 0.0]))
    huge = state.changed(means=np.sign(state.means) * 1e308)
    rows = state.sample(50, seed=0)[0]
    with Workers(1) as workers:
        problem = noise_problem(as_table(rows), "VVI", survey(as_table(rows), workers), workers)
        algorithm = FitSettings(n_factors=1).algorithm(problem, np.random.default_rng(0))
        same = algorithm.stretched([state, state, state], [4.0, -12.0, 9.0], state)
        np.testing.assert_allclose(same.covariance.dense(), state.covariance.dense())
        np.testing.assert_allclose(same.means, state.means)
        assert algorithm.stretched([state, state, empty], [4.0, -12.0, 9.0], state) is None
        with np.errstate(over="ignore"):
            assert algorithm.stretched([state, state, huge], [4.0, -12.0, 9.0], state) is None
        assert algorithm.stretched([state, state, state.take([0])], [4.0, -12.0, 9.0], state) is None


def test_the_penalised_objective_is_its_definition():
    rows = iris()
    done = fitted(rows, 2, 1, max_iter=5, tol=0.0)
    state = done.mixture
    value = one_pass(rows, state, reg_covar="auto")[1]
    pooled = rows.var(axis=0)
    penalty = 0.5 * 1e-6 / 2 * (pooled / state.covariance.noise).sum()
    assert value == pytest.approx(state.log_density(rows).mean() - penalty, rel=1e-10)


@pytest.mark.parametrize("q", [1, 2, 3])
def test_one_component_with_isotropic_noise_is_probabilistic_pca(q):
    rows = iris()
    found = fitted(rows, 1, q, "VII", tol=1e-12)
    known = PCA(q).fit(rows)
    assert found.mixture.log_density(rows).mean() == pytest.approx(
        # scikit-learn divides by n − 1: its own maximum is that of S n / (n − 1).
        PCA(q).fit(rows).score(rows),
        abs=2e-4,
    )
    axes = found.mixture.covariance.loadings[0]
    axes = axes / np.linalg.norm(axes, axis=0)
    np.testing.assert_allclose(np.abs(known.components_ @ axes), np.eye(q), atol=2e-3)


def test_with_factors_enough_it_is_a_full_covariance():
    # 4 columns and 3 factors, noise in common: any covariance whose smallest eigenvalue is single.
    rows = blobs(400, 4, 1)
    found = fitted(rows, 1, 3, "VII", tol=1e-12, reg_covar=0.0)
    np.testing.assert_allclose(found.mixture.covariance.dense()[0], np.cov(rows.T, bias=True), rtol=1e-3, atol=1e-3)
    dense = Mixture([1.0], rows.mean(axis=0)[None], Full(np.cov(rows.T, bias=True)[None]))
    assert found.objectives[-1] == pytest.approx(dense.log_density(rows).mean(), abs=1e-8)


def test_what_made_the_rows_is_found_again():
    state = factor_mixture("VVI", 2, 8, 2, seed=4, spread=4.0)
    rows = state.sample(20_000, seed=0)[0]
    found = fitted(rows, 2, 2, tol=1e-9).mixture
    order = np.argsort([np.linalg.norm(found.means - mean, axis=1).argmin() for mean in state.means])
    np.testing.assert_allclose(found.covariance.dense(), state.covariance.dense()[order], atol=0.25)
    assert found.log_density(rows).mean() >= state.log_density(rows).mean()


@pytest.mark.parametrize("structure", ["VVI", "EEI"])
def test_scaling_columns_changes_nothing(structure):
    rows = blobs(300, 4, 2)
    start = FromPartition(
        lambda block: np.eye(2)[(np.arange(block.index, block.index + len(block.rows)) * 2) // 300], 2
    )
    scale = np.array([1e-6, 3.0, 700.0, 1e9])
    a, b = (fitted(x, 2, 2, structure, start, tol=0.0, max_iter=30) for x in (rows, rows * scale))
    np.testing.assert_allclose(b.mixture.means, a.mixture.means * scale, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(b.mixture.covariance.dense(), a.mixture.covariance.rescaled(scale).dense(), rtol=1e-5)


@pytest.mark.parametrize("structure", ["VII", "EII"])
def test_turning_columns_changes_nothing_where_noise_is_isotropic(structure):
    rows = blobs(300, 4, 2)
    turn = special_ortho_group.rvs(4, random_state=np.random.default_rng(0))
    labels = (rows[:, 0] > np.median(rows[:, 0])).astype(int)
    start = FromPartition(lambda block: np.eye(2)[labels[block.index : block.index + len(block.rows)]], 2)
    a, b = (fitted(x, 2, 2, structure, start, tol=0.0, max_iter=30) for x in (rows, rows @ turn.T))
    np.testing.assert_allclose(b.objectives, a.objectives, rtol=1e-8)
    np.testing.assert_allclose(
        b.mixture.covariance.dense(), turn @ a.mixture.covariance.dense() @ turn.T, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("structure", STRUCTURES)
def test_order_of_rows_changes_nothing_and_a_weight_is_a_repetition(structure):
    rows, random = blobs(200, 3, 2), np.random.default_rng(0)
    times = random.integers(1, 4, 200)
    weighed = fitted(rows, 2, 1, structure, weights=times.astype(float), max_iter=20, tol=0.0)
    repeated = fitted(random.permutation(np.repeat(rows, times, axis=0)), 2, 1, structure, max_iter=20, tol=0.0)
    np.testing.assert_allclose(repeated.objectives, weighed.objectives, rtol=1e-9)
    np.testing.assert_allclose(repeated.mixture.means, weighed.mixture.means, rtol=1e-6, atol=1e-7)


def test_the_same_bits_for_any_number_of_threads():
    rows = blobs(12_000, 8, 3)
    one, two = (fitted(rows, 3, 2, max_iter=4, tol=0.0, n_jobs=n) for n in (1, 2))
    assert two.mixture == one.mixture
    assert two.objectives == one.objectives


def test_a_start_that_has_factors_keeps_them():
    state = factor_mixture("VVI", 2, 4, 1)
    rows = state.sample(100, seed=0)[0]
    found = fitted(rows, 2, 1, start=FromMixture(state), max_iter=1)
    assert found.objectives[0] == pytest.approx(state.log_density(rows).mean(), abs=1e-4)


def test_a_component_of_a_few_equal_rows_still_begins_with_factors():
    rows = np.concatenate([blobs(100, 4, 1), np.full((2, 4), 40.0)])
    found = fitted(rows, 2, 2, max_iter=50)
    assert any(repair.kind in ("few rows", "collapsed") for repair in found.repairs)
    assert np.isfinite(found.mixture.log_density(rows)).all()


def test_constant_columns_have_no_loadings_and_are_told():
    rows = np.insert(blobs(200, 4, 2), 2, 7.0, axis=1)
    found = fitted(rows, 2, 1)
    assert [repair.column for repair in found.repairs if repair.kind == "constant column"] == [2]
    np.testing.assert_allclose(found.mixture.covariance.loadings[:, 2], 0.0, atol=1e-12)
    without = fitted(np.delete(rows, 2, axis=1), 2, 1)
    np.testing.assert_allclose(found.mixture.means[:, [0, 1, 3, 4]], without.mixture.means, rtol=1e-5)
    with pytest.raises(SingularComponentError):
        fitted(rows, 2, 1, reg_covar=0.0)


@pytest.mark.parametrize("policy", ["drop", "reseed"])
def test_components_without_rows_are_dropped_or_moved(policy):
    state = factor_mixture("VVI", 2, 3, 1)
    rows = state.sample(80, seed=0)[0]
    means = np.concatenate([state.means, [[1e4, 1e4, 1e4]]])
    covariance = Factor.owning(state.covariance.values[[0, 1, 1]])
    start = FromMixture(Mixture([0.4, 0.4, 0.2], means, covariance))
    found = fitted(rows, 3, 1, start=start, on_singular=policy, max_iter=40)
    assert {repair.kind for repair in found.repairs} >= {policy}
    assert np.isfinite(found.mixture.covariance.values).all()
    assert found.mixture.n_components == (2 if policy == "drop" else 3)


def test_memory_grows_with_factors_not_with_squares_of_columns():
    import tracemalloc

    d, k, q = 2000, 3, 2
    rows = np.random.default_rng(0).standard_normal((60, d))
    tracemalloc.start()
    fitted(rows, k, q, "VII", max_iter=3, tol=0.0)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 * d * d


@pytest.mark.parametrize(
    ("shape", "k", "q", "error", "said"),
    [
        ((50, 4), 2, 4, ParameterError, "n_factors = 4, n_features = 4; give at most 3"),
        ((50, 1), 1, 1, ParameterError, "one column has no factors"),
        ((9, 5), 2, 3, DataError, "has 9 rows.*need at least 10, 5 each"),
    ],
)
def test_sizes_without_an_answer_are_refused(shape, k, q, error, said):
    with pytest.raises(error, match=said):
        check_sizes(as_table(np.zeros(shape)), k, q)


def test_rows_whose_distances_overflow_still_count():
    state = Mixture([0.5, 0.5], [[-1.0] * 64, [1.0] * 64], Factor.of(np.zeros((2, 64, 1)), np.full((2, 64), 3e-308)))
    rows = np.concatenate([state.means + 0.5, state.means - 0.5])
    with Workers(1) as workers:
        table = as_table(rows)
        problem = Problem(table, family("VVI"), survey(table, workers), workers)
        totals = factor_pass.factor_pass(problem, state.into(problem.frame), np.log([0.5, 0.5]))
    assert totals.row_sum == -np.inf
    assert totals.statistics.counts.tolist() == [2.0, 2.0]
    assert all(np.isfinite(leaf).all() for leaf in totals.leaves)
