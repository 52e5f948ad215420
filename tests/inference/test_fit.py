"""The loop: what it reports, when it stops, what an interruption leaves behind, and the order of components."""

import numpy as np
import pytest

from cases import FAMILY_NAMES, Interrupted, blobs, fitted, two_clusters
from gmmkit.data.table import Table
from gmmkit.errors import ParameterError
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.order import ordered
from gmmkit.model.covariance import Full, Tied
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.blas import blas_threads


def assert_complete(result):
    m = result.mixture
    Mixture(m.weights, m.means, m.covariance)
    assert m.weights.sum() == pytest.approx(1.0)
    assert (result.reason, result.interrupted, result.converged) == ("interrupted", True, False)
    assert np.isfinite(result.health.effective_rows).all()


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_an_interrupt_in_a_callback_leaves_the_last_complete_state(name):
    rows = blobs()

    def stop(progress):
        if progress.iteration == 3:
            raise KeyboardInterrupt

    result = fitted(rows, name, k=3, tol=0.0, callback=stop)
    assert_complete(result)
    assert len(result.objectives) == 3
    # It is what the same fit holds after that many passes.
    assert result.mixture == fitted(rows, name, k=3, tol=0.0, max_iter=3).mixture


def test_an_interrupt_in_the_middle_of_a_pass_leaves_the_pass_before(monkeypatch):
    # The compiled kernel reads so few rows once.
    monkeypatch.setenv("GMMKIT_NATIVE", "0")
    rows = blobs(100, 2, 2)
    whole = Interrupted(rows, at=-1)
    fitted(Table(whole), k=2, tol=0.0, max_iter=10)
    traces = {}
    for at in range(1, whole.readings + 1):
        try:
            result = fitted(Table(Interrupted(rows, at)), k=2, tol=0.0, max_iter=10)
        except KeyboardInterrupt:
            # Before there is a first state there is nothing to keep.
            continue
        assert_complete(result)
        traces[at] = len(result.objectives)
        expected = fitted(rows, k=2, tol=0.0, max_iter=len(result.objectives))
        assert result.mixture == expected.mixture
        assert result.objectives == expected.objectives
    assert sorted(set(traces.values())) == list(range(10))


def test_an_interrupt_in_a_later_start_keeps_the_best_so_far():
    rows = blobs(200, 2, 3)

    def stop(progress):
        if progress.restart == 2:
            raise KeyboardInterrupt

    result = fitted(rows, start="random_from_data", k=3, n_init=5, callback=stop)
    assert_complete(result)
    assert result.starts_tried == 3
    assert result.objective >= fitted(rows, start="random_from_data", k=3, n_init=2).objective


def test_an_interrupt_before_anything_is_known_goes_on_and_lets_blas_go():
    before = blas_threads()
    with pytest.raises(KeyboardInterrupt):
        fitted(Table(Interrupted(blobs(), at=1)))
    assert blas_threads() == before


def test_an_error_of_a_callback_comes_out():
    def bad(progress):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fitted(blobs(), callback=bad)


# --- progress and stopping --------------------------------------------------------------------------------


def test_progress_tells_every_pass():
    seen = []
    result = fitted(blobs(), k=3, n_init=2, tol=1e-4, callback=seen.append)
    for restart in (0, 1):
        own = [p for p in seen if p.restart == restart]
        assert [p.iteration for p in own] == list(range(1, len(own) + 1))
        assert own[0].gain == np.inf
        np.testing.assert_allclose([p.gain for p in own[1:]], np.diff([p.objective for p in own]))
        assert [p.converged for p in own] == [False] * (len(own) - 1) + [True]
    traces = [tuple(p.objective for p in seen if p.restart == r) for r in (0, 1)]
    assert result.objectives in traces
    assert result.objective == max(t[-1] for t in traces)


def test_max_iter_ends_a_fit_that_is_not_settled():
    result = fitted(blobs(), k=3, tol=0.0, max_iter=4)
    assert (result.reason, len(result.objectives), result.converged) == ("max_iter", 4, False)
    assert fitted(blobs(), k=3, max_iter=0).objectives == ()


def test_a_warm_start_knows_its_objective():
    rows = blobs()
    first = fitted(rows, k=3, tol=1e-10, max_iter=2000)
    again = fitted(rows, start=first.mixture, tol=1e-3, before=first.objective)
    assert again.converged
    assert len(again.objectives) == 1


def test_the_first_start_does_not_depend_on_how_many_there_are():
    seen = []
    for n_init in (1, 4):
        fitted(blobs(), start="random", k=3, n_init=n_init, callback=seen.append)
    first = [[p.objective for p in part if p.restart == 0] for part in (seen[: seen.index(seen[-1])], seen)]
    alone = fitted(blobs(), start="random", k=3).objectives
    assert tuple(first[1][len(alone) :]) == alone


def test_settings_say_which_policy_they_mean():
    assert FitSettings().policy == "floor"
    assert FitSettings(reg_covar=0).policy == "refuse"
    assert FitSettings(reg_covar=1e-6).policy == "floor"
    assert FitSettings(reg_covar=0, on_singular="drop").policy == "drop"


@pytest.mark.parametrize("reg_covar", [-1.0, "automatic", float("nan")])
def test_reg_covar_must_mean_something(reg_covar):
    with pytest.raises(ParameterError, match="reg_covar must be 'auto' or a number that is not negative, but got"):
        fitted(blobs(), reg_covar=reg_covar)


def test_the_record_of_a_result_is_the_result():
    result = fitted(np.insert(two_clusters()[0], 5, [1e15, 0.0], axis=0), k=3)
    again = type(result).from_record(result.mixture, result.as_record())
    assert again.repairs == result.repairs
    assert again.objectives == result.objectives
    np.testing.assert_array_equal(again.health.effective_rows, result.health.effective_rows)


# --- order ------------------------------------------------------------------------------------------------


def mixture_at(means, weights=None):
    means = np.asarray(means, dtype=float)
    k, d = means.shape
    weights = np.full(k, 1 / k) if weights is None else np.asarray(weights)
    covariances = np.arange(1.0, k + 1)[:, None, None] * np.eye(d)
    return Mixture(weights, means, Full(covariances))


def test_components_are_ordered_along_the_axis_of_their_means():
    found = ordered(mixture_at([[5.0, 0.1], [-3.0, 0.0], [1.0, -0.2]], [0.2, 0.3, 0.5]))
    np.testing.assert_array_equal(found.means[:, 0], [-3.0, 1.0, 5.0])
    np.testing.assert_array_equal(found.weights, [0.3, 0.5, 0.2])
    np.testing.assert_array_equal(found.covariances[:, 0, 0], [2.0, 3.0, 1.0])


@pytest.mark.parametrize("seed", range(5))
def test_the_order_does_not_depend_on_the_order_it_is_given(seed):
    random = np.random.default_rng(seed)
    mixture = mixture_at(random.standard_normal((6, 3)), random.dirichlet(np.ones(6)))
    expected = ordered(mixture)
    for _ in range(5):
        assert ordered(mixture.take(random.permutation(6))).means.tolist() == expected.means.tolist()
    assert ordered(expected).means.tolist() == expected.means.tolist()


def test_means_that_agree_along_the_axis_are_ordered_column_by_column():
    expected = [[0.0, -1.0], [0.0, 1.0], [9.0, -1.0], [9.0, 1.0]]
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]):
        assert ordered(mixture_at(np.array(expected)[order])).means.tolist() == expected


def test_one_component_and_equal_components_are_left():
    one = mixture_at([[1.0, 2.0]])
    assert ordered(one) is one
    same = Mixture([0.5, 0.5], np.zeros((2, 2)), Tied(np.eye(2), n_components=2))
    assert ordered(same) == same
