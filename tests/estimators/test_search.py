"""The search: its table, its ranking, what it lists apart, and what it reaches on public data."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from gmmkit import GaussianMixture, GaussianMixtureSearch, open_old_faithful
from gmmkit.data import as_table
from gmmkit.errors import (
    DataError,
    GmmkitError,
    GmmkitWarning,
    ParameterError,
    SingularComponentError,
    SingularComponentWarning,
)
from gmmkit.execution import Workers
from gmmkit.inference.candidate_fits import CandidateFits, Fitted
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.starts import FromPartition
from gmmkit.inference.stopping import AitkenGain
from gmmkit.inference.survey import survey

FAITHFUL = open_old_faithful().take(np.arange(272))
IRIS = load_iris().data


@pytest.fixture(scope="module")
def faithful_search():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularComponentWarning)
        return GaussianMixtureSearch().fit(FAITHFUL)


def test_old_faithful_is_at_least_as_good_as_mclusts_best(faithful_search):
    best = faithful_search.results_[0]
    assert best["covariance_type"] == "EEE"
    assert best["n_components"] == 3
    # R mclust 6.0: EEE with 3 components, 2 log L - df log n = -2314.316, log L = -1126.3262.
    assert faithful_search.best_score_ <= 2314.316
    assert best["log_likelihood"] >= -1126.3263


def test_the_table_holds_every_candidate_ranked_by_the_criterion(faithful_search):
    rows = faithful_search.results_
    assert len(rows) == 9 * 14
    ranked = [row for row in rows if row["rank"] is not None]
    assert [row["rank"] for row in ranked] == list(range(1, len(ranked) + 1))
    assert [row["bic"] for row in ranked] == sorted(row["bic"] for row in ranked)
    assert rows[: len(ranked)] == ranked
    assert faithful_search.margin_ == pytest.approx(ranked[1]["bic"] - ranked[0]["bic"])
    assert [row["margin"] for row in ranked] == pytest.approx([row["bic"] - ranked[0]["bic"] for row in ranked])
    for row in rows:
        assert row["spurious"] or row["error"] or row["rank"] or row["same_as"]
        assert row["starts"] >= row["reached"] >= 1


def test_with_one_component_sharing_means_nothing_and_a_model_is_ranked_once(faithful_search):
    one = [row for row in faithful_search.results_ if row["n_components"] == 1]
    assert {row["covariance_type"] for row in one if row["rank"]} == {"EII", "EEI", "EEE"}
    same = {row["covariance_type"]: row["same_as"] for row in one if row["same_as"]}
    assert same["VII"] == "EII"
    assert {same[name] for name in ("VEI", "EVI", "VVI")} == {"EEI"}
    assert {same[name] for name in ("VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV")} == {"EEE"}


def test_it_predicts_as_its_best_estimator(faithful_search):
    best = faithful_search.best_estimator_
    assert isinstance(best, GaussianMixture)
    np.testing.assert_array_equal(faithful_search.predict(FAITHFUL), best.predict(FAITHFUL))
    np.testing.assert_array_equal(faithful_search.predict_proba(FAITHFUL), best.predict_proba(FAITHFUL))
    assert faithful_search.score(FAITHFUL) == best.score(FAITHFUL)
    assert faithful_search.bic(FAITHFUL) == pytest.approx(faithful_search.best_score_, rel=1e-10)
    rows, components = faithful_search.sample(5)
    assert rows.shape == (5, 2)
    assert components.shape == (5,)


def test_a_collapsed_fit_is_listed_apart_with_its_reason():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(100, 2)), 1e-6 * rng.normal(size=(100, 2)) + 9.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = GaussianMixtureSearch(range(1, 4), covariance_type="full").fit(X)
    apart = [row for row in search.results_ if row["spurious"]]
    assert apart
    assert all(row["rank"] is None for row in apart)
    assert "collapsed" in apart[0]["spurious"] or "effective rows" in apart[0]["spurious"]
    assert search.results_[0]["spurious"] is None


def test_more_components_than_rows_is_a_row_of_the_table_not_the_end():
    X = np.random.default_rng(0).normal(size=(6, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = GaussianMixtureSearch().fit(X)
    failed = [row for row in search.results_ if row["error"]]
    assert {row["n_components"] for row in failed} == {7, 8, 9}
    assert all("at least as many rows" in row["error"] for row in failed)
    assert all(math.isfinite(row["bic"]) for row in search.results_ if not row["error"])


def test_weights_are_repetitions():
    weights = np.random.default_rng(1).integers(0, 3, len(IRIS))
    settings = dict(n_components=range(1, 4), covariance_type=["full", "diag"])
    weighted = GaussianMixtureSearch(**settings).fit(IRIS, sample_weight=weights)
    repeated = GaussianMixtureSearch(**settings).fit(np.repeat(IRIS, weights, axis=0))
    assert weighted.best_score_ == pytest.approx(repeated.best_score_, rel=1e-8)
    np.testing.assert_array_equal(weighted.predict(IRIS), repeated.predict(IRIS))


def test_the_same_bits_for_any_number_of_threads_and_the_same_answer_twice():
    one = GaussianMixtureSearch(range(1, 4), n_jobs=1).fit(IRIS)
    two = GaussianMixtureSearch(range(1, 4), n_jobs=2).fit(IRIS)
    assert one.results_ == two.results_


def test_the_criterion_ranks():
    icl = GaussianMixtureSearch(range(1, 5), criterion="icl").fit(IRIS)
    ranked = [row["icl"] for row in icl.results_ if row["rank"]]
    assert ranked == sorted(ranked)
    assert icl.best_score_ == pytest.approx(icl.icl(IRIS), rel=1e-10)


def test_one_column_has_two_structures():
    search = GaussianMixtureSearch(range(1, 4)).fit(FAITHFUL[:, :1])
    assert {row["covariance_type"] for row in search.results_} == {"E", "V"}


def test_the_callback_hears_of_every_candidate():
    heard = []
    names = ["full", "tied", "diag", "spherical"]
    GaussianMixtureSearch(range(1, 4), covariance_type=names, callback=lambda *news: heard.append(news)).fit(IRIS)
    assert [(done, total) for _, done, total in heard] == [(i, 11) for i in range(1, 12)]


def test_an_interrupt_keeps_the_best_so_far():
    def stop(candidate, done, total):
        if done == 3:
            raise KeyboardInterrupt

    search = GaussianMixtureSearch(range(1, 4), callback=stop)
    with pytest.raises(KeyboardInterrupt):
        search.fit(IRIS)
    assert len([row for row in search.results_ if not row["same_as"]]) == 3
    assert search.predict(IRIS).shape == (150,)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_components": [0, 1]}, "whole number of at least 1, but got 0"),
        ({"n_components": [1.5]}, "whole number of at least 1, but got 1.5"),
        ({"n_components": []}, "n_components is empty"),
        ({"covariance_type": []}, "is empty"),
        ({"covariance_type": "E"}, "is for one column"),
        ({"covariance_type": ["full", "fu"]}, "full, tied, diag, spherical"),
        ({"criterion": "BIC"}, "criterion"),
        ({"min_eigenvalue": -1.0}, "min_eigenvalue"),
    ],
)
def test_bad_settings_are_named(settings, words):
    with pytest.raises(ValueError, match=words):
        GaussianMixtureSearch(**settings).fit(IRIS)


def test_bad_rows_are_named():
    X = IRIS.copy()
    X[3, 2] = np.nan
    with pytest.raises(DataError, match="row 3, column 2 is NaN"):
        GaussianMixtureSearch(range(1, 3)).fit(X)


def test_nothing_fits_is_an_error_with_the_first_reason():
    with pytest.raises(ParameterError, match="no candidate could be fitted: 5 components"):
        GaussianMixtureSearch([5]).fit(IRIS[:3])


def test_before_a_fit_it_says_so():
    with pytest.raises(NotFittedError):
        GaussianMixtureSearch().predict(IRIS)
    assert not hasattr(GaussianMixtureSearch(), "mixture_")
    assert issubclass(DataError, GmmkitError)


def test_an_admissible_start_beats_a_spurious_one():
    # Nine of ten k-means starts with five components on iris are sound; the likeliest has collapsed.
    search = GaussianMixtureSearch([5], covariance_type="full").fit(IRIS)
    assert search.results_[0]["rank"] == 1
    assert search.results_[0]["spurious"] is None


def test_data_with_dependent_columns_are_searched_one_candidate_at_a_time():
    X = np.column_stack([IRIS, IRIS[:, 0] + IRIS[:, 1]])
    with pytest.warns(SingularComponentWarning, match="linearly dependent"):
        search = GaussianMixtureSearch(range(1, 4), covariance_type=["EEE", "VVI"]).fit(X)
    assert search.results_[0]["rank"] == 1
    assert all(row["error"] is None for row in search.results_)
    assert search.best_estimator_.covariance_type == "VVI"
    with pytest.warns(SingularComponentWarning, match="linearly dependent"):
        alone = GaussianMixtureSearch(range(1, 4), covariance_type=["EEE"]).fit(X)
    assert all("linearly dependent" in row["spurious"] for row in alone.results_)


@pytest.mark.parametrize("seed", [1, 4])
def test_shares_that_are_rounded_are_searched_though_their_columns_nearly_depend(seed):
    random = np.random.default_rng(seed)
    shares = np.concatenate([random.dirichlet([8, 3, 2], 20), random.dirichlet([2, 3, 8], 20)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularComponentWarning)
        search = GaussianMixtureSearch(range(1, 4)).fit(np.round(100 * shares, 3))
    assert search.results_[0]["rank"] == 1
    assert np.isfinite(search.predict_proba(100 * shares)).all()
    ranked = [c for c in search.search_result_.candidates if c.admissible]
    assert all(np.isfinite(c.result.mixture.log_density(100 * shares)).all() for c in ranked)


def test_many_rows_are_started_on_a_sample_and_fitted_on_all():
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    X = (centres[:, None] + rng.normal(size=(3, 20_000, 2))).reshape(-1, 2)
    search = GaussianMixtureSearch(range(2, 5), covariance_type=["EII", "VVV"]).fit(X)
    assert search.best_estimator_.n_components == 3
    assert search.best_score_ == pytest.approx(search.bic(X), rel=1e-10)
    np.testing.assert_allclose(search.best_estimator_.weights_, 1 / 3, atol=0.01)


@pytest.mark.parametrize("criterion", ["sabic", "mml", "held_out"])
def test_every_criterion_ranks_and_finds_planted_clusters(criterion):
    rng = np.random.default_rng(4)
    X = np.concatenate([rng.normal(m, 1.0, size=(150, 2)) for m in (0.0, 6.0, 12.0)])
    search = GaussianMixtureSearch(range(1, 6), covariance_type=["VVV"], criterion=criterion, folds=5).fit(X)
    ranked = [row[criterion] for row in search.results_ if row["rank"]]
    assert ranked == sorted(ranked)
    assert search.best_estimator_.n_components == 3


def test_a_prior_holds_components_up():
    # Three rows that agree in one column: without a prior a component may collapse onto them.
    X = np.random.default_rng(0).normal(size=(60, 2))
    X[:6, 0] = 3.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularComponentWarning)
        without = GaussianMixtureSearch([4], covariance_type="VVV", min_eigenvalue=0.0).fit(X)
    held = GaussianMixtureSearch([4], covariance_type="VVV", min_eigenvalue=0.0, prior="conjugate").fit(X)

    def smallest(search):
        return search.search_result_.best.result.health.relative_eigenvalues.min()

    assert smallest(without) < 1e-3 < smallest(held)


def test_equal_weights_are_held_and_not_counted():
    search = GaussianMixtureSearch([3], covariance_type=["EEE"], equal_weights=True).fit(IRIS)
    np.testing.assert_allclose(search.best_estimator_.weights_, 1 / 3)
    assert search.results_[0]["n_parameters"] == 3 * 4 + 10


def test_with_noise_planted_clusters_are_found_among_scattered_rows():
    rng = np.random.default_rng(0)
    clusters = [rng.normal(m, 0.3, size=(150, 2)) for m in (0.0, 4.0)]
    X = np.concatenate([*clusters, rng.uniform(-8.0, 12.0, size=(80, 2))])
    search = GaussianMixtureSearch(range(1, 5), covariance_type=["EII", "VVV"], noise=True).fit(X)
    assert search.best_estimator_.n_components == 2
    assert 0.15 < search.best_estimator_.noise_weight_ < 0.3
    assert set(np.unique(search.predict(X))) == {-1, 0, 1}
    assert search.best_score_ == pytest.approx(search.bic(X), rel=1e-10)


def test_columns_in_units_far_apart_are_a_search_like_any_other():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(60, 3)), rng.normal(size=(60, 3)) + 5.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularComponentWarning)
        plain, mixed = (
            GaussianMixtureSearch(range(1, 4), covariance_type=["EEI", "EEE", "EEV", "VII"]).fit(X * units)
            for units in (1.0, [1e12, 1.0, 1e-12])
        )
    best = [(search.results_[0]["covariance_type"], search.results_[0]["n_components"]) for search in (plain, mixed)]
    assert best == [("EEI", 2), ("EEI", 2)]
    np.testing.assert_array_equal(plain.predict(X), mixed.predict(X * [1e12, 1.0, 1e-12]))


def test_its_own_criteria_count_the_parameters_that_were_free():
    search = GaussianMixtureSearch([2], covariance_type=["EII", "VVV"], equal_weights=True).fit(IRIS)
    assert search.bic(IRIS) == pytest.approx(search.best_score_, abs=1e-8)
    assert search.aic(IRIS) == pytest.approx(search.best_estimator_.aic(IRIS))


@pytest.mark.parametrize(("options", "counted"), [({}, 23 + 3), ({"equal_weights": True}, 19), ({"noise": True}, 28)])
def test_what_failed_has_the_number_of_parameters_it_would_have_had(options, counted):
    rows = np.random.default_rng(0).normal(size=(7, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularComponentWarning)
        search = GaussianMixtureSearch([1, 8], covariance_type="EEE", **options).fit(rows)
    (failed,) = [row for row in search.results_ if row["error"]]
    assert failed["n_parameters"] == counted


def test_without_regularisation_dependent_columns_are_refused_and_named_a_failure():
    rows = np.random.default_rng(0).normal(size=(60, 2))
    rows = np.c_[rows, rows[:, 0]]
    with pytest.raises(SingularComponentError, match="linearly dependent"):
        GaussianMixture(1, reg_covar=0).fit(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularComponentWarning)
        search = GaussianMixtureSearch([1, 2], covariance_type=["VVV", "VVI"], reg_covar=0).fit(rows)
    assert {row["covariance_type"] for row in search.results_ if row["error"]} == {"VVV"}
    assert search.best_estimator_.covariance_type == "VVI"


def test_weights_that_are_shares_find_the_same_fits_and_are_said_to_count_few_rows():
    n = len(IRIS)
    plain = GaussianMixtureSearch([2, 3], covariance_type=["EEE", "VVE"]).fit(IRIS)
    with pytest.warns(GmmkitWarning, match="sum to 1, though 150 rows have one.*multiply them by 150"):
        shares = GaussianMixtureSearch([2, 3], covariance_type=["EEE", "VVE"]).fit(
            IRIS, sample_weight=np.full(n, 1 / n)
        )
    found, expected = (
        {(row["n_components"], row["covariance_type"]): row["log_likelihood"] for row in search.results_}
        for search in (shares, plain)
    )
    assert {cell: n * value for cell, value in found.items()} == pytest.approx(expected, abs=1e-6)


def test_the_number_of_draws_is_no_sum_of_weights():
    # 10,000 of these rows are drawn for the start, and their weights sum to 10,000.
    random = np.random.default_rng(0)
    rows = np.concatenate([random.normal(0.0, 1.0, (6000, 2)), random.normal(3.0, 1.0, (5000, 2))])
    weights = random.random(len(rows)) + 0.5
    weights *= 10_000 / weights.sum()
    with pytest.warns(GmmkitWarning, match="sum to 10000"):
        search = GaussianMixtureSearch([2], covariance_type=["EII"]).fit(rows, sample_weight=weights)
    found = search.results_[0]["log_likelihood"]
    assert found == pytest.approx(weights @ search.score_samples(rows), rel=1e-9)
    again = GaussianMixtureSearch([2], covariance_type=["EII"]).fit(rows, sample_weight=2.0 * weights)
    assert again.results_[0]["log_likelihood"] == pytest.approx(2.0 * found, rel=1e-9)


def test_dependent_columns_are_a_reason_not_a_winner():
    rows = np.random.default_rng(0).normal(size=(100, 2))
    with pytest.warns(SingularComponentWarning, match=r"linearly dependent \(.*\).*models .* were set aside"):
        search = GaussianMixtureSearch([1, 2]).fit(np.c_[rows, rows.sum(axis=1)])
    ranked = {row["covariance_type"] for row in search.results_ if row["rank"]}
    assert ranked == {"EII", "VII", "EEI", "VEI", "EVI", "VVI"}
    said = {row["spurious"] for row in search.results_ if row["covariance_type"] == "VVE" and not row["same_as"]}
    assert all("columns are linearly dependent" in reason for reason in said)


@pytest.mark.parametrize("far", [150.0, 300.0, 900.0])
def test_clusters_far_apart_are_not_collapsed(far):
    random = np.random.default_rng(0)
    rows = np.concatenate([random.normal(0.0, 1.0, (100, 2)), random.normal(far, 1.0, (100, 2))])
    search = GaussianMixtureSearch([1, 2, 3]).fit(rows)
    assert (search.results_[0]["covariance_type"], search.results_[0]["n_components"]) == ("EII", 2)
    # Values that repeat have no width of their own, however many rows hold them.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularComponentWarning)
        atoms = GaussianMixtureSearch([1, 2], covariance_type=["EII", "VII"]).fit(
            np.repeat([[0.0, 0.0], [1.0, 2.0]], 50, 0)
        )
    assert all(
        "collapsed" in row["spurious"] for row in atoms.results_ if row["n_components"] == 2 and not row["same_as"]
    )


def test_a_start_of_ones_own_counts_where_it_is_better():
    labels = np.repeat([0, 1, 2], 50)
    alone = GaussianMixture(3, covariance_type="VVV", tol=1e-10, max_iter=2000).fit(IRIS, start=labels)
    asked = {"covariance_type": ["VVV", "EEE"], "min_eigenvalue": 0.0}
    plain = GaussianMixtureSearch([2, 3], **asked).fit(IRIS)
    for start in (labels, np.eye(3)[labels], alone.mixture_, labels.astype(str)):
        search = GaussianMixtureSearch([2, 3], **asked).fit(IRIS, start=start)
        for before, after in zip(plain.results_, search.results_, strict=True):
            assert after["log_likelihood"] >= before["log_likelihood"] - 1e-9
            assert after["starts"] == before["starts"] + (after["n_components"] == 3)


def test_the_better_of_a_fit_and_its_challenger_is_kept():
    table, settings = as_table(IRIS), FitSettings(rule=AitkenGain(1e-10))
    with Workers(1) as workers:
        context = CandidateFits(table, survey(table, workers), workers, settings, 1e-4)

        def partition(labels):
            return FromPartition(lambda block: np.eye(3)[labels[block.index : block.index + len(block.rows)]], 3)

        kinds, halves = (partition(labels) for labels in (np.repeat([0, 1, 2], 50), np.arange(150) // 3 % 3))
        cell = ("EEE", 3)
        good, poor = (Fitted(cell, *context.fitted_on(cell, start), 1, 1) for start in (kinds, halves))
        assert good.likelihood.log_likelihood > poor.likelihood.log_likelihood + 1.0
        better, same, kept = (
            context.challenged(poor, kinds),
            context.challenged(good, kinds),
            context.challenged(good, halves),
        )
    assert better.likelihood == good.likelihood
    assert (better.tried, better.reached) == (2, 1)
    assert (same.tried, same.reached) == (2, 2)
    assert kept.result is good.result
    assert (kept.tried, kept.reached) == (2, 1)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (np.repeat([0, 1, 2, 3], [50, 50, 25, 25]), r"start has 4 groups, but n_components are \[2, 3\]"),
        (np.zeros(3), "start has 3 labels, but X has 150 rows"),
        ("labels", "start must be labels"),
    ],
)
def test_a_start_that_no_candidate_can_have(start, message):
    with pytest.raises(ParameterError, match=message):
        GaussianMixtureSearch([2, 3]).fit(IRIS, start=start)


def test_what_there_is_to_doubt(faithful_search):
    assert faithful_search.doubts_ == ()
    edge = GaussianMixtureSearch([1, 2], covariance_type="EEE").fit(FAITHFUL)
    assert edge.doubts_ == ("2 is the largest number of components that was tried; try n_components=range(1, 10)",)
    few = GaussianMixtureSearch(3, covariance_type="EII").fit(FAITHFUL[:8])
    assert few.doubts_[0].startswith("9 parameters were fitted to 8 rows")
    # Weights that sum to little are shares of rows.
    with pytest.warns(GmmkitWarning, match="the weights of X sum to 0.272"):
        shares = GaussianMixtureSearch(1).fit(FAITHFUL, sample_weight=np.full(272, 1e-3))
    assert shares.doubts_ == ()
    with pytest.raises(NotFittedError):
        GaussianMixtureSearch().doubts_  # noqa: B018


def test_components_that_collapsed_in_different_directions_are_not_far_apart():
    random = np.random.default_rng(1)
    rows = random.poisson(6, (900, 3)).astype(float)
    for j in range(3):
        rows[300 * j : 300 * (j + 1), j] = 0.0
    rows[random.choice(900, 2, replace=False)] += random.normal(0, 0.3, (2, 3))
    search = GaussianMixtureSearch(range(1, 5)).fit(rows)
    assert search.search_result_.best.result.health.relative_eigenvalues.min() >= 1e-4


def test_a_limit_that_is_asked_for_is_held():
    for limit in (1e-2, 0.1):
        search = GaussianMixtureSearch([2, 3], min_eigenvalue=limit).fit(IRIS)
        ranked = [c.result.health.relative_eigenvalues.min() for c in search.search_result_.ranked]
        assert ranked
        assert min(ranked) >= limit


def test_a_constant_column_is_the_same_to_every_structure():
    with pytest.warns(SingularComponentWarning, match=r"^column 4 holds one value only"):
        search = GaussianMixtureSearch([1, 2]).fit(np.c_[IRIS, np.full(150, 7.0)])
    assert not [row for row in search.results_ if row["spurious"] or row["error"]]
    plain = GaussianMixtureSearch([1, 2]).fit(IRIS)
    known = {(row["covariance_type"], row["n_components"]): row["log_likelihood"] for row in plain.results_}
    more = {(row["covariance_type"], row["n_components"]): row["log_likelihood"] for row in search.results_}
    # What the column adds is one number for all that have variances of its own.
    added = [
        more[name, 1] - known[name, 1]
        for name in ("EEI", "VVI", "EVI", "EEE", "VVV", "EVV", "VVE", "EEV")
        if (name, 1) in more and (name, 1) in known
    ]
    np.testing.assert_allclose(added, added[0], rtol=1e-4)
    assert more["VVE", 2] <= more["VVV", 2] + 1e-6


def test_an_interrupt_of_the_callers_start_is_heard(monkeypatch):
    fitted_on, calls = CandidateFits.fitted_on, []

    def interrupted(self, cell, start):
        result, found = fitted_on(self, cell, start)
        calls.append(cell)
        return (replace(result, reason="interrupted") if len(calls) == 2 else result), found

    monkeypatch.setattr(CandidateFits, "fitted_on", interrupted)
    search = GaussianMixtureSearch([3], covariance_type=["EEE", "VVV", "VEV"])
    with pytest.raises(KeyboardInterrupt):
        search.fit(IRIS, start=np.repeat([0, 1, 2], 50))
    assert search.search_result_.interrupted
    assert len(search.results_) == 2


def test_folds_do_not_begin_at_a_start_that_knows_their_rows():
    asked = {"covariance_type": ["VVV"], "criterion": "held_out", "folds": 4}
    rows = np.random.default_rng(0).normal(size=(80, 3))
    known = GaussianMixtureSearch([2], covariance_type="VVV").fit(rows).mixture_
    plain, told = (GaussianMixtureSearch([2], **asked).fit(rows, start=start) for start in (None, known))
    assert plain.results_[0]["held_out"] == told.results_[0]["held_out"]


def test_an_interrupt_from_the_callback_keeps_what_folds_have_found():
    def callback(candidate, done, total):
        if done == 2:
            raise KeyboardInterrupt

    search = GaussianMixtureSearch([1, 2, 3], covariance_type="EEE", criterion="held_out", folds=3, callback=callback)
    with pytest.raises(KeyboardInterrupt):
        search.fit(IRIS)
    assert len([row for row in search.results_ if row["held_out"] is not None]) == 3
