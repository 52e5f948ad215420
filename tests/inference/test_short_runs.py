import numpy as np
import pytest

from cases import blobs, fitted, iris, opened
from gmmkit import GaussianMixture
from gmmkit.inference import short_runs
from gmmkit.inference.prior import make_prior
from gmmkit.inference.short_runs import Trials
from gmmkit.inference.starts import FromPartition, Named


def test_the_best_run_is_at_least_as_good_as_each_of_them():
    with opened(blobs(200, 2, 5, seed=8)) as problem:
        trials = Trials(problem, 5, np.random.default_rng(0))
        begun = [trials._begun(trials._drawn()) for _ in range(5)]
        runs = [trials._run(state, 5) for state in begun]
        best = Trials(problem, 5, np.random.default_rng(0)).best_of_many()
    assert best.objective >= max(run.objective for run in runs)


def test_moves_never_end_lower():
    for seed in range(3):
        with opened(blobs(150, 2, 5, seed=seed, spread=6.0)) as problem:
            trials = Trials(problem, 5, np.random.default_rng(seed))
            start = trials._run(trials._begun(trials._drawn()), 30)
            moved = trials.moved(start)
        assert trials._rank(moved) >= trials._rank(start)


def test_a_collapsed_run_loses_to_every_one_that_has_not():
    random = np.random.default_rng(0)
    rows = random.standard_normal((100, 2))
    rows[:6] = rows[0] + 1e-6 * random.standard_normal((6, 2))
    with opened(rows) as problem:
        trials = Trials(problem, 2, random)
        white = trials.problem.frame.points_out(trials.sample.rows)
        there = problem.frame.points_in(rows[:1])
        inside = np.abs(white - there).max(axis=1) < 1e-4
        collapsed = trials._run(trials._begun(np.array([inside, ~inside], dtype=float)), 10)
        sound = trials._run(trials._begun(trials._drawn()), 10)
    assert collapsed.objective > sound.objective
    assert trials._rank(collapsed) < trials._rank(sound)


@pytest.mark.parametrize("name", ["short-runs", "swap"])
def test_a_start_is_refitted_from_all_rows_where_the_sample_holds_them(name):
    rows = blobs(150, 2, 3, spread=8.0)
    one_more_pass = fitted(rows, start=Named(name, 3, "pooled"), max_iter=1, tol=0.0)
    converged = fitted(rows, start=Named(name, 3, "pooled"), max_iter=500, tol=1e-10)
    assert one_more_pass.objective == pytest.approx(converged.objective, abs=1e-3)


def test_of_many_rows_a_sample_is_tried(monkeypatch):
    monkeypatch.setattr(short_runs, "_MOST_IN_TRIALS", 100)
    monkeypatch.setattr(short_runs, "_MOST_IN_HIERARCHY", 80)
    rows = blobs(2000, 2, 3, spread=8.0)
    with opened(rows) as problem:
        assert len(Trials(problem, 3, np.random.default_rng(0)).sample.weights) <= 100
    best = fitted(rows, start="kmeans", k=3, n_init=10, tol=1e-8, max_iter=500).objective
    for name in ("hierarchical", "hierarchical-ward", "short-runs", "swap"):
        found = fitted(rows, start=name, k=3, tol=1e-8, max_iter=500).objective
        assert found == pytest.approx(best, abs=1e-3)


def test_on_iris_moves_find_what_kmeans_does_not():
    """The optimum that mclust 6.0.0 reports for three free covariances has log-likelihood −180.19."""
    species = np.repeat(np.eye(3), 50, axis=0)
    known = FromPartition(lambda block: species[block.index : block.index + len(block.rows)], 3)
    settings = {"tol": 1e-8, "max_iter": 1000}
    best = fitted(iris(), start=known, **settings).objective * 150
    assert best == pytest.approx(-180.19, abs=0.01)
    for name in ("hierarchical", "swap"):
        assert fitted(iris(), start=name, k=3, **settings).objective * 150 >= best - 1e-3
    assert fitted(iris(), start="kmeans", k=3, n_init=10, **settings).objective * 150 < best + 1e-3


@pytest.mark.parametrize("name", ["hierarchical", "hierarchical-ward", "short-runs", "swap"])
def test_more_components_than_distinct_rows(name):
    rows = np.repeat([[0.0, 0.0], [5.0, 1.0], [1.0, 4.0]], 10, axis=0)
    with opened(rows) as problem:
        state, _ = Named(name, 5)(problem, make_prior(problem, "auto"), "floor", np.random.default_rng(0))
    assert state.n_components == 5
    assert np.isfinite(state.out_of(problem.frame).log_density(rows)).all()


@pytest.mark.parametrize("name", ["hierarchical", "hierarchical-ward", "short-runs", "swap"])
def test_interruptions_go_on(name, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("gmmkit.inference.short_runs.gather_sample", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fitted(blobs(50, 2, 2), start=name)


HARD = {
    "constant column": lambda rows: np.column_stack([rows, np.full(len(rows), 3.0)]),
    "dependent columns": lambda rows: np.column_stack([rows, rows.sum(axis=1)]),
    "one row far away": lambda rows: np.vstack([rows, [1e6, 1e6]]),
    "one row as far as can be": lambda rows: np.vstack([rows, [1e150, 0.0]]),
    "three rows": lambda rows: rows[:3],
    "more columns than rows": lambda rows: np.random.default_rng(0).standard_normal((12, 40)),
    "one value": np.ones_like,
    "one column": lambda rows: rows[:, :1],
    "tiny": lambda rows: rows * 1e-150,
    "huge": lambda rows: rows * 1e150,
    "two places": lambda rows: np.vstack([rows, rows + 1e8]),
}


@pytest.mark.parametrize("hard", HARD)
@pytest.mark.parametrize("family", ["full", "tied", "spherical"])
@pytest.mark.parametrize("name", ["hierarchical", "hierarchical-ward", "short-runs", "swap"])
def test_hard_data_are_started_on(name, family, hard):
    rows = HARD[hard](np.vstack([blobs(60, 2, 1), blobs(60, 2, 1, seed=1) + 8.0]))
    found = fitted(rows, family, name, 3)
    assert np.isfinite(found.objective)
    assert np.isfinite(found.mixture.means).all()


def test_a_hierarchy_finds_clusters_in_many_columns():
    # Of single rows a determinant says nothing until groups have more than 40, and by then they would be wrong.
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, 1000)
    rows = random.standard_normal((1000, 40)) + 4.0 * random.standard_normal((4, 40))[labels]
    found = GaussianMixture(4, init_params="hierarchical", random_state=0).fit_predict(rows)
    assert len(set(zip(found, labels, strict=True))) == 4
