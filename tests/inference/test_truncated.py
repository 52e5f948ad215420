"""Truncated EM: EM where nothing is left out, a bound that never falls, the same fit however it is computed."""

import numpy as np
import pytest

from cases import fitted, opened, random_mixture
from gmmkit.errors import ParameterError, SingularComponentError
from gmmkit.inference import truncated_pass
from gmmkit.inference.em import EM
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.noise import Background
from gmmkit.inference.prior import make_prior
from gmmkit.inference.sampling import Sample
from gmmkit.inference.starts import FromMixture, Named
from gmmkit.inference.truncated import TruncatedEM, peaks
from gmmkit.inference.truncated_pass import TruncatedPass, _back
from gmmkit.inference.truncated_start import SPARSE_STARTS, SparseStart, chained_seeds, named_start
from gmmkit.kernels import native
from gmmkit.model.covariance import FAMILIES
from gmmkit.model.mixture import Mixture

NAMES = ("diag", "spherical", "full")


def many_clusters(n=1500, d=3, k=30, seed=0, spread=4.0):
    """Return rows of many small clusters (n, d)."""
    random = np.random.default_rng(seed)
    centres = spread * random.standard_normal((k, d))
    return centres[random.integers(k, size=n)] + random.standard_normal((n, d))


def start_at(rows, name, k, seed=0):
    """Return a mixture about some of the rows, in the data's units."""
    random = np.random.default_rng(seed)
    d = rows.shape[1]
    covariance = FAMILIES[name].identity(k, d)
    return Mixture.trusted(np.full(k, 1.0 / k), rows[random.choice(len(rows), k, replace=False)], covariance)


def passes(rows, name, start, count, *, reg_covar="auto", weights=None, n_jobs=1, truncation=4):
    """Return states, bounds and log-likelihoods (penalised) of some passes from a start, and what is kept at last."""
    with opened(rows, name, weights=weights, n_jobs=n_jobs) as problem:
        prior = make_prior(problem, reg_covar)
        algorithm, exact = TruncatedEM(problem, prior, "floor", truncation=truncation), EM(problem, prior)
        state, bounds, likelihoods = start.into(problem.frame), [], []
        for iteration in range(count):
            totals = algorithm.sweep(state)
            bounds.append(algorithm.objective(totals, state))
            likelihoods.append(exact.objective(exact.sweep(state), state))
            state, _ = algorithm.refit(totals, state, iteration + 1)
        return state.out_of(problem.frame), np.array(bounds), np.array(likelihoods), algorithm._rows.kept.copy()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("d", [1, 3, 17])
def test_nothing_left_out_is_em(name, d, weighted):
    rows = many_clusters(300, d, 6)
    weights = np.random.default_rng(1).integers(0, 3, 300).astype(float) if weighted else None
    with opened(rows, name, weights=weights) as problem:
        state = start_at(rows, name, 6).into(problem.frame)
        exact = EM(problem, make_prior(problem, "auto")).sweep(state)
        found = TruncatedPass(problem, 6, key=0).totals(state, peaks(state))
    assert found.row_sum == pytest.approx(exact.row_sum, rel=1e-12)
    for leaf in ("counts", "first", "second"):
        expected = getattr(exact.statistics, leaf)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(getattr(found.statistics, leaf), expected, rtol=1e-9, atol=1e-11 * scale)


def test_as_many_as_there_are_is_em_itself():
    rows = many_clusters(200, 2, 4)
    fits = [fitted(rows, "diag", start_at(rows, "diag", 4), truncation=truncation) for truncation in (None, 4, 99)]
    assert fits[0].objectives == fits[1].objectives == fits[2].objectives
    assert fits[0].mixture == fits[1].mixture == fits[2].mixture


@pytest.mark.parametrize("reg_covar", ["auto", 0])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("truncation", [1, 4])
def test_the_bound_never_falls_and_is_one(name, truncation, reg_covar):
    rows = many_clusters(2000, 3, 30)
    weights = np.random.default_rng(2).integers(0, 3, 2000) * 1.0
    start = start_at(rows, name, 40)
    _, bounds, likelihoods, _ = passes(
        rows, name, start, 20, reg_covar=reg_covar, weights=weights, truncation=truncation
    )
    assert (np.diff(bounds) >= -1e-10 * np.abs(bounds[:-1])).all()
    assert (bounds <= likelihoods + 1e-10).all()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_nearly_as_likely_as_em(name):
    rows = many_clusters(6000, 4, 60)
    with opened(rows, name) as problem:
        start, _ = SparseStart("kmeans", 300)(problem, make_prior(problem, "auto"), "floor", np.random.default_rng(0))
        start = start.out_of(problem.frame)
    exact = fitted(rows, name, start, max_iter=20, tol=0.0)
    found = fitted(rows, name, start, max_iter=20, tol=0.0, truncation=12)
    assert found.mixture.log_density(rows).mean() >= exact.mixture.log_density(rows).mean() - 0.02


@pytest.mark.parametrize("name", NAMES)
def test_cuts_and_threads_change_nothing(name, monkeypatch):
    rows = many_clusters(3000, 3, 40)
    start = start_at(rows, name, 300)
    monkeypatch.setattr(truncated_pass, "_BLOCK_ROWS", 64)
    monkeypatch.setattr(truncated_pass, "_ROWS_PER_COMPONENT", 1)
    first, second = (passes(rows, name, start, 5, n_jobs=n_jobs) for n_jobs in (1, 2))
    assert first[0] == second[0]
    assert (first[1] == second[1]).all()
    assert (first[3] == second[3]).all()
    monkeypatch.setattr(truncated_pass, "_BLOCK_ROWS", 1000)
    third = passes(rows, name, start, 5)
    np.testing.assert_allclose(third[1], first[1], rtol=1e-11)
    np.testing.assert_allclose(third[0].means, first[0].means, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_rows_changes_nothing_and_a_weight_is_a_repetition(name):
    rows = many_clusters(900, 3, 40)
    random = np.random.default_rng(4)
    times = random.integers(1, 4, len(rows))
    start = start_at(rows, name, 300)
    weighted = passes(rows, name, start, 6, weights=times.astype(float))
    repeated = passes(np.repeat(rows, times, axis=0), name, start, 6)
    order = random.permutation(len(rows))
    permuted = passes(rows[order], name, start, 6, weights=times[order].astype(float))
    for other in (repeated, permuted):
        np.testing.assert_allclose(other[1], weighted[1], rtol=1e-9)
        np.testing.assert_allclose(other[0].means, weighted[0].means, rtol=1e-6, atol=1e-6)
    assert (permuted[3] == weighted[3][order]).all()


@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
@pytest.mark.parametrize("name", NAMES)
def test_the_engines_agree(name, monkeypatch):
    rows = many_clusters(1200, 5, 40)
    start = start_at(rows, name, 300)
    ours = passes(rows, name, start, 6, truncation=6)
    monkeypatch.setenv("GMMKIT_NATIVE", "0")
    theirs = passes(rows, name, start, 6, truncation=6)
    np.testing.assert_allclose(theirs[1], ours[1], rtol=1e-10)
    np.testing.assert_allclose(theirs[0].means, ours[0].means, rtol=1e-6, atol=1e-6)


def test_rows_of_a_file_are_read_in_order_and_fit_the_same(tmp_path):
    rows = many_clusters(2000, 3, 40)
    np.save(tmp_path / "rows.npy", rows)
    start = start_at(rows, "diag", 300)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    ours, theirs = passes(rows, "diag", start, 6), passes(mapped, "diag", start, 6)
    np.testing.assert_allclose(theirs[1], ours[1], rtol=1e-11)
    np.testing.assert_allclose(theirs[0].means, ours[0].means, rtol=1e-7, atol=1e-7)
    assert (theirs[3] == ours[3]).all()


@pytest.mark.parametrize("on_singular", ["floor", "reseed", "drop"])
def test_components_that_are_repaired(on_singular):
    # More components than rows can hold: some are of one row from the beginning.
    rows = many_clusters(150, 2, 10)
    found = fitted(rows, "full", start_at(rows, "full", 80), truncation=3, on_singular=on_singular, max_iter=15)
    assert np.isfinite(found.objective)
    assert np.isfinite(found.mixture.means).all()
    assert (found.mixture.n_components < 80) == (on_singular == "drop")
    assert found.mixture.weights.sum() == pytest.approx(1.0)
    assert found.objective <= found.mixture.log_density(rows).mean() + 0.5


def test_a_singular_component_raises_as_ever():
    rows = np.repeat(many_clusters(20, 2, 10), 3, axis=0)
    with pytest.raises(SingularComponentError):
        fitted(rows, "full", start_at(rows, "full", 15), truncation=2, reg_covar=0)


def test_more_components_than_distinct_rows():
    rows = np.repeat(np.arange(12.0)[:, None], 5, axis=0) * [1.0, 2.0]
    found = fitted(rows, "diag", SparseStart("kmeans", 20), truncation=4)
    assert np.isfinite(found.mixture.means).all()
    assert np.isfinite(found.objective)
    assert {repair.kind for repair in found.repairs} <= {"empty", "few rows", "collapsed", "dependent columns"}


def test_rows_that_components_rest_on_are_named():
    rows = np.concatenate([many_clusters(400, 2, 4), [[60.0, 60.0]]])
    start = start_at(rows, "diag", 6)
    start = start.changed(means=np.concatenate([start.means[:5], [[60.0, 60.0]]]))
    found = fitted(rows, "diag", start, truncation=2)
    assert [(r.component, r.row) for r in found.repairs if r.kind == "few rows"] == [(5, 400)]


def test_an_interrupt_leaves_a_complete_model_and_a_callback_sees_the_bound():
    rows = many_clusters(500, 2, 20)
    seen = []

    def stop(progress):
        seen.append(progress.objective)
        if len(seen) == 3:
            raise KeyboardInterrupt

    found = fitted(rows, "diag", start_at(rows, "diag", 30), truncation=3, tol=0.0, callback=stop)
    assert found.interrupted
    assert list(found.objectives) == seen
    assert found.mixture.n_components == 30


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("tied", {}, "truncation is for covariance_type 'diag', 'spherical' or 'full'.* got 'tied'"),
        ("VVE", {}, "got 'VVE'"),
        ("diag", {"noise": Background()}, "leave noise or truncation out"),
        ("diag", {"degrees_of_freedom": "common"}, "leave Student-t components or truncation out"),
        ("diag", {"truncation": 0}, "truncation must be a whole number of at least 1, but got 0"),
        ("diag", {"truncation": 2.0}, "but got 2.0: give 2"),
    ],
)
def test_what_truncation_is_not_for(name, settings, said):
    rows = many_clusters(100, 2, 4)
    with pytest.raises(ParameterError, match=said):
        fitted(rows, name, "kmeans", 5, **{"truncation": 2, **settings})


@pytest.mark.parametrize("name", ["random", "hierarchical", "hierarchical-ward", "short-runs", "swap"])
def test_starts_that_look_at_everything_are_refused(name):
    with pytest.raises(ParameterError, match=f"'random_from_data', but got '{name}'"):
        named_start(name, 50, 4)
    assert isinstance(named_start(name, 4, 4), Named)


@pytest.mark.parametrize("start", SPARSE_STARTS)
def test_few_components_begin_where_dense_fits_do(start):
    assert isinstance(named_start(start, 256, 4), Named)
    assert isinstance(named_start(start, 257, 4), SparseStart)


@pytest.mark.parametrize("seed", range(3))
def test_clusters_far_apart_are_found_by_two_components_a_row(seed):
    random = np.random.default_rng(0)
    rows = random.normal(4.0 * random.integers(0, 3, (6000, 1)), size=(6000, 8))
    dense = fitted(rows, "full", "kmeans", 3, seed=seed)
    truncated = fitted(rows, "full", named_start("kmeans", 3, 2), seed=seed, truncation=2)
    assert truncated.objective == pytest.approx(dense.objective, abs=1e-3)


@pytest.mark.parametrize("start", SPARSE_STARTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_start_is_a_mixture_of_rows_that_are_spread(name, start):
    rows = many_clusters(4000, 3, 40, spread=20.0) + 1e4
    with opened(rows, name) as problem:
        made, repairs = SparseStart(start, 40)(problem, make_prior(problem, "auto"), "floor", np.random.default_rng(0))
        again, _ = SparseStart(start, 40)(problem, make_prior(problem, "auto"), "floor", np.random.default_rng(0))
    assert not repairs
    assert made == again
    assert made.weights.sum() == pytest.approx(1.0)
    assert (made.covariance.smallest_eigenvalues() > 0).all()
    if start != "random_from_data":
        # Nearly every cluster has a seed.
        centres = made.out_of(problem.frame).means
        near = np.linalg.norm(rows[:, None] - centres, axis=2).min(axis=1)
        assert np.mean(near < 6.0) > 0.9


def test_seeds_come_by_weight_and_repeat_only_where_they_must():
    rows = np.arange(6.0)[:, None]
    seeds = chained_seeds(Sample(rows, np.array([1.0, 1, 1, 0, 1, 1])), 5, np.random.default_rng(0), chain=200)
    assert sorted(seeds[:, 0]) == [0, 1, 2, 4, 5]
    same = chained_seeds(Sample(np.ones((3, 2)), np.ones(3)), 4, np.random.default_rng(0))
    assert (same == 1.0).all()


def test_everyone_is_in_somebodys_list():
    random = np.random.default_rng(0)
    points = random.standard_normal((400, 16))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    forth = np.argsort(distances, axis=1)[:, 1:9].astype(np.int32)
    assert len(np.unique(forth)) < 400
    back = _back(forth, 4)
    both = np.concatenate([forth, back], axis=1)
    assert set(range(400)) <= set(both.ravel().tolist())
    for j in range(400):
        own = both[j][both[j] >= 0]
        assert len(own) == len(set(own.tolist()))
        assert j not in own
    assert all(i in forth[j] for i, row in enumerate(back) for j in row if j >= 0)


def test_the_algorithm_is_chosen_by_the_settings():
    rows = many_clusters(100, 2, 4)
    with opened(rows, "diag") as problem:
        assert isinstance(FitSettings(truncation=3).algorithm(problem, np.random.default_rng(0)), TruncatedEM)
        assert not isinstance(FitSettings().algorithm(problem, np.random.default_rng(0)), TruncatedEM)


def test_a_good_start_is_not_lost():
    mixture = random_mixture("full", 40, 3, spread=30.0)
    rows = mixture.sample(3000, seed=0)[0]
    found = fitted(rows, "full", FromMixture(mixture), k=40, truncation=2, max_iter=5)
    assert found.objective >= mixture.log_density(rows).mean() - 1e-3
