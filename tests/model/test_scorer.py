"""What the laws do not say of a scorer: which form it takes when, and what it does with rows beyond float64."""

import numpy as np
import pytest

from cases import FAMILY_NAMES, random_mixture
from gmmkit.execution.plan import plan_pass
from gmmkit.model.covariance import FAMILIES
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import expanded_pays

EPS = np.finfo(np.float64).eps


def test_the_expanded_form_is_left_for_wide_matrices_only():
    for name in ("tied", "diag", "spherical", "EII"):
        assert expanded_pays(FAMILIES[name], 1, 1000)
    assert expanded_pays(FAMILIES["full"], 1, 4)
    assert not expanded_pays(FAMILIES["full"], 2, 64)
    assert expanded_pays(FAMILIES["full"], 64, 64)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_the_bound_decides_for_each_block(name):
    mixture = random_mixture(name, 2, 2)
    scorer = mixture.scorer
    work = scorer.workspace(4)
    forms = []
    for size in (1.0, 1e2, 1e5, 1e8, 1e200):
        scorer.responsibilities(mixture.mean() + size * np.ones((2, 2)), work)
        forms.append(work.expanded)
        # What went expanded was within the bound: ε κ² ≤ 1e-9.
        kappa = np.einsum("ib,kij,jb->kb", work.z, np.linalg.inv(scorer.covariance.dense()), work.z).max()
        assert not work.expanded or EPS * kappa <= 1e-9
    assert forms[0]
    assert not forms[-1]
    assert forms == sorted(forms, reverse=True)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_within_the_bound_errors_keep_to_it(name, monkeypatch):
    # At the bound's edge: the two forms differ by no more than it promises.
    mixture = random_mixture(name, 3, 2)
    scorer = mixture.scorer
    work = scorer.workspace(64)
    rows = mixture.mean() + 300.0 * np.random.default_rng(0).standard_normal((64, 2))
    expanded = scorer.responsibilities(rows, work)[1].copy()
    assert work.expanded
    monkeypatch.setattr("gmmkit.model.scorer.expanded_pays", lambda *_: False)
    other = Mixture.trusted(mixture.weights, mixture.means, mixture.covariance).scorer
    centred = other.responsibilities(rows, other.workspace(64))[1]
    np.testing.assert_allclose(expanded, centred, rtol=0, atol=1e-9)
    assert not np.array_equal(expanded, centred)


def test_workspace_views_follow_the_last_block():
    scorer = random_mixture("full", 3, 2).scorer
    work = scorer.workspace(8)
    for n in (8, 3, 1):
        scores = scorer.score(np.zeros((n, 2)), work)
        assert scores.shape == (3, n)
        assert work.z.shape == (2, n)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_rows_whose_frame_overflows_are_still_rows(name):
    mixture = random_mixture(name, 3, 2)
    small = mixture.covariance.rescaled(np.full(2, 2.0**-60))
    tiny = type(mixture)(mixture.weights, mixture.means * 2.0**-60, small)
    rows = np.array([[1.7e308, -1.7e308], [1e300, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(tiny.posterior(rows).sum(axis=1), 1.0)
    np.testing.assert_array_equal(np.isfinite(tiny.log_density(rows)), [False, False, True])
    assert (tiny.log_density(rows)[:2] == -np.inf).all()


def test_values_per_row_grow_with_what_a_pass_holds():
    sizes = [random_mixture("full", k, d).scorer.values_per_row for k, d in [(1, 1), (8, 1), (8, 6), (8, 24)]]
    assert sizes == sorted(set(sizes))


def test_beside_large_matrices_blocks_take_half():
    d, k = 256, 10
    rows = 200_000
    large = Mixture.from_arrays(np.full(k, 1 / k), np.zeros((k, d)), np.tile(np.eye(d), (k, 1, 1))).scorer
    small = Mixture.from_arrays([1.0], np.zeros((1, d)), np.eye(d)[None]).scorer
    assert large.covariance.large
    assert not small.covariance.large
    halved = plan_pass(rows, 2 * large.values_per_row, k)
    assert large.plan(rows) == halved
    assert halved.block_rows < plan_pass(rows, large.values_per_row, k).block_rows
    assert small.plan(rows) == plan_pass(rows, small.values_per_row, 1)
