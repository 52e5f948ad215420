"""What a fit does not depend on: how often a row is written, in what order, in what units, on how many threads."""

import functools
import math

import numpy as np
import pytest
from scipy.stats import ortho_group

from cases import (
    FAMILY_NAMES,
    NAMED_STARTS,
    blobs,
    contracted,
    fitted,
    random_mixture,
)
from gmmkit.execution import plan
from gmmkit.inference import problem as problem_module
from gmmkit.inference.starts import FromPartition, Named
from gmmkit.model import evaluation, scorer
from gmmkit.model.mixture import Mixture


def assert_same_fit(one, other, rtol=1e-10):
    """Hold parameters to each other, in units of the data's spread."""
    a, b = one.mixture, other.mixture
    spread = np.sqrt(np.diag(b.covariance_matrix()))
    np.testing.assert_allclose(a.weights, b.weights, rtol=0, atol=rtol)
    np.testing.assert_allclose(a.means / spread, b.means / spread, rtol=0, atol=rtol)
    scale = spread[:, None] * spread
    np.testing.assert_allclose(a.covariance.dense() / scale, b.covariance.dense() / scale, rtol=0, atol=rtol)
    assert a.n_components == b.n_components
    np.testing.assert_allclose(one.objectives, other.objectives, rtol=0, atol=rtol)
    assert [r.kind for r in one.repairs] == [r.kind for r in other.repairs]


@pytest.fixture(scope="module")
def counted():
    """Rows, and how often each is to be counted."""
    rows = blobs(160, 2, 3, seed=4)
    return rows, np.random.default_rng(5).integers(0, 4, len(rows))


def start_of(start, name):
    return random_mixture(name, 3, 2, seed=4, spread=3.0) if start == "given" else start


# --- weights --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reg_covar", ["auto", 0])
@pytest.mark.parametrize("start", ["given", *NAMED_STARTS])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_an_integer_weight_is_a_repetition(name, start, reg_covar, counted):
    rows, times = counted
    repeated = np.repeat(rows, times, axis=0)
    fit = functools.partial(fitted, name=name, start=start_of(start, name), k=3, reg_covar=reg_covar, tol=1e-6)
    assert_same_fit(fit(rows, weights=times), fit(repeated))


@pytest.mark.parametrize("metric", ["raw", "pooled"])
@pytest.mark.parametrize("start", NAMED_STARTS)
def test_starts_count_a_repetition_as_a_weight_in_either_metric(start, metric, counted):
    rows, times = counted
    repeated = np.repeat(rows, times, axis=0)
    fit = functools.partial(fitted, start=Named(start, 3, metric), max_iter=3, seed=7)
    assert_same_fit(fit(rows, weights=times), fit(repeated))


@pytest.mark.parametrize("start", ["given", *NAMED_STARTS])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_row_of_weight_zero_is_as_if_absent(name, start, counted):
    rows, times = counted
    junk = np.vstack([rows, 1e6 * np.random.default_rng(6).standard_normal((500, 2))])
    weights = np.concatenate([times, np.zeros(500)])
    held = weights > 0
    fit = functools.partial(fitted, name=name, start=start_of(start, name), k=3, tol=1e-6)
    one, other = fit(junk, weights=weights), fit(junk[held], weights=weights[held])
    assert_same_fit(one, other)
    np.testing.assert_allclose(one.health.effective_rows, other.health.effective_rows, rtol=1e-9)


@pytest.mark.parametrize("policy", ["drop", "reseed"])
def test_rows_of_weight_zero_do_not_hold_up_a_component(policy):
    # Four rows are fewer than a full covariance of five columns needs, with or without rows that do not count.
    random = np.random.default_rng(3)
    rows = np.vstack([random.standard_normal((60, 5)), 50 + random.standard_normal((4, 5))])
    padded = np.vstack([rows, random.standard_normal((300, 5))])
    weights = np.concatenate([np.ones(64), np.zeros(300)])
    fit = functools.partial(fitted, k=2, on_singular=policy, max_iter=8)
    one, other = fit(padded, weights=weights), fit(rows)
    assert [r.kind for r in one.repairs] == [r.kind for r in other.repairs]
    assert "drop" in {r.kind for r in one.repairs} or policy == "reseed"


def test_reseeding_never_puts_a_component_on_a_row_of_weight_zero():
    random = np.random.default_rng(3)
    rows = np.vstack([random.standard_normal((60, 5)), 50 + random.standard_normal((4, 5))])
    padded = np.vstack([rows, np.full((2000, 5), 1e4)])
    weights = np.concatenate([np.ones(64), np.zeros(2000)])
    result = fitted(padded, k=2, weights=weights, on_singular="reseed", max_iter=1)
    assert "reseed" in {r.kind for r in result.repairs}
    assert np.abs(result.mixture.means).max() < 100


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("factor", [1e-6, 0.5, 3.0, 1e9])
def test_scaling_all_weights_changes_nothing(name, factor, counted):
    rows, times = counted
    one, other = fitted(rows, name, k=3, weights=times), fitted(rows, name, k=3, weights=factor * times)
    assert_same_fit(other, one, rtol=1e-9)


@pytest.mark.parametrize("start", [*NAMED_STARTS, "random"])
def test_weights_of_one_change_no_bit(start, counted):
    rows, _ = counted
    one, other = fitted(rows, start=start, k=3), fitted(rows, start=start, k=3, weights=np.ones(len(rows)))
    assert_same_fit(one, other, rtol=1e-13)


# --- order ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["given", *NAMED_STARTS])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_the_order_of_rows_changes_nothing(name, start, counted):
    rows, times = counted
    fit = functools.partial(fitted, name=name, start=start_of(start, name), k=3, tol=1e-6)
    expected = fit(rows, weights=times)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(rows))
        # The components come in the same order too, so that row by row the labels are the same.
        found = fit(rows[order], weights=times[order])
        assert_same_fit(found, expected)
        np.testing.assert_array_equal(found.mixture.classify(rows), expected.mixture.classify(rows))


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_the_order_of_given_components_is_kept(name, counted):
    rows, _ = counted
    given = random_mixture(name, 3, 2, seed=4, spread=3.0)
    expected = fitted(rows, name, given, tol=1e-6).mixture
    for order in ([2, 0, 1], [1, 0, 2]):
        found = fitted(rows, name, given.take(order), tol=1e-6).mixture
        np.testing.assert_allclose(found.means, expected.means[order], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.weights, expected.weights[order], rtol=1e-9)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_named_starts_agree_on_the_order_of_components(name):
    rows = blobs(300, 2, 3, seed=6, spread=8.0)
    fits = [fitted(rows, name, start, 3, n_init=5, tol=1e-8, max_iter=500) for start in NAMED_STARTS]
    for other in fits[1:]:
        np.testing.assert_allclose(other.mixture.means, fits[0].mixture.means, atol=1e-2)


def test_a_partition_is_a_start_in_any_order_of_rows(counted):
    rows, _ = counted
    shares = np.random.default_rng(1).dirichlet(np.ones(3), len(rows))
    order = np.random.default_rng(2).permutation(len(rows))

    def known(of):
        return FromPartition(lambda block: of[block.index : block.index + len(block.rows)], 3)

    assert_same_fit(fitted(rows, start=known(shares)), fitted(rows[order], start=known(shares[order])))


# --- units ----------------------------------------------------------------------------------------------


def maps_of(equivariance, d, seed):
    """Yield maps A of the data that leave a family with this equivariance unchanged."""
    random = np.random.default_rng(seed)
    yield 1e3 * np.eye(d)
    yield -np.eye(d)
    if equivariance in ("linear", "column"):
        yield np.diag([1e-4, 3.0, -1e6][:d])
        yield np.eye(d)[random.permutation(d)]
    if equivariance == "linear":
        yield np.linalg.qr(random.standard_normal((d, d)))[0]
        yield random.standard_normal((d, d))
        yield ortho_group.rvs(d, random_state=random) @ np.diag([1.0, 1e-3, 1e2][:d])
    if equivariance == "scalar":
        yield 0.37 * ortho_group.rvs(d, random_state=random)


def mapped_mixture(mixture, A, b):
    """Return the law of A x + b, in the mixture's own family."""
    dense = A @ mixture.covariance.dense() @ A.T
    k, d = mixture.means.shape
    values = contracted(mixture.covariance_type, dense)
    return Mixture(
        mixture.weights,
        mixture.means @ A.T + b,
        type(mixture.covariance)(values, n_components=k, n_features=d),
    )


@pytest.mark.parametrize("reg_covar", ["auto", 0])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_each_family_is_unchanged_by_the_maps_it_declares(name, reg_covar):
    rows = blobs(200, 3, 3, seed=2)
    start = random_mixture(name, 3, 3, seed=2, spread=3.0)
    tol = 1e-6  # of rows that the last map has rounded a gain is known to some 1e-7
    expected = fitted(rows, name, start, tol=tol, reg_covar=reg_covar)
    b = np.array([3.0, -50.0, 7.0])
    for A in maps_of(start.covariance.equivariance, 3, seed=1):
        found = fitted(rows @ A.T + b, name, mapped_mixture(start, A, b), tol=tol, reg_covar=reg_covar)
        volume = math.log(abs(np.linalg.det(A)))
        assert len(found.objectives) == len(expected.objectives)
        objectives = np.add(found.objectives, volume)
        # The mapped start is rounded too, and the first objective is the start's.
        np.testing.assert_allclose(objectives[0], expected.objectives[0], rtol=1e-6)
        np.testing.assert_allclose(objectives[1:], expected.objectives[1:], atol=1e-8)
        back = mapped_mixture(found.mixture, np.linalg.inv(A), np.zeros(3))
        np.testing.assert_allclose(back.means - np.linalg.solve(A, b), expected.mixture.means, atol=1e-6)
        # Writing the mapped rows down rounds them: a map of condition c costs ε c² of a covariance's narrow side.
        lost = 1e-7 + 1e-15 * np.linalg.cond(A) ** 2
        np.testing.assert_allclose(back.covariance.dense(), expected.mixture.covariance.dense(), rtol=0, atol=lost)


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("start", NAMED_STARTS)
def test_powers_of_two_and_shifts_change_no_fit_from_a_named_start(name, start):
    rows = np.round(blobs(200, 2, 3, seed=3) * 1024) / 1024
    expected = fitted(rows, name, start, 3)
    found = fitted(rows * 2.0**40 + 2.0**50, name, start, 3)
    np.testing.assert_allclose(np.add(found.objectives, 2 * 40 * math.log(2)), expected.objectives, rtol=0, atol=1e-10)


def bits(result):
    mixture = result.mixture
    arrays = (
        mixture.weights,
        mixture.means,
        mixture.covariances,
        result.objectives,
        result.health.effective_rows,
    )
    return [np.asarray(a).tobytes() for a in arrays], result.repairs


# --- threads --------------------------------------------------------------------------------------------


@pytest.fixture
def many_tasks(monkeypatch):
    """Cut even small data into many blocks and tasks."""

    def small(n_rows, *sizes):
        return plan.Plan(n_rows, 7)

    for module in (problem_module, scorer):
        monkeypatch.setattr(module, "plan_pass", small)


@pytest.mark.parametrize("start", [*NAMED_STARTS, "random"])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_the_number_of_threads_changes_no_bit(name, start, counted, many_tasks, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(4)), raising=False)
    rows, times = counted
    one, two, three = (fitted(rows, name, start, 3, weights=times, n_jobs=n) for n in (1, 2, 3))
    assert bits(one) == bits(two) == bits(three)
    for quantity in ("log_density", "component_log_density", "posterior", "classify"):
        answers = [getattr(one.mixture, quantity)(rows, n_jobs=n).tobytes() for n in (1, 2, 3)]
        assert len(set(answers)) == 1
    sums = [evaluation.likelihood(one.mixture, rows, n_jobs=n) for n in (1, 2, 3)]
    assert sums[0] == sums[1] == sums[2]


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_how_rows_are_cut_changes_nothing_beyond_rounding(name, counted, monkeypatch):
    rows, times = counted
    expected = fitted(rows, name, k=3, weights=times)
    for block_rows in (1, 3, 7, 64):
        for module in (problem_module, scorer):
            monkeypatch.setattr(module, "plan_pass", lambda n, *_, b=block_rows: plan.Plan(n, b))
        assert_same_fit(fitted(rows, name, k=3, weights=times), expected)


def test_the_number_of_threads_changes_no_bit_of_a_pass_as_it_is_planned(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(4)), raising=False)
    rows = np.random.default_rng(0).standard_normal((150_000, 2)) * [1.0, 5.0]
    assert len(plan.plan_pass(len(rows), 8).tasks()) > 1
    start = random_mixture("full", 2, 2)
    one, two = (fitted(rows, start=start, n_jobs=n, max_iter=2) for n in (1, 3))
    assert bits(one) == bits(two)
