"""`MixtureOfFactorAnalyzersSearch`: it finds what made the rows, and tells of the rest."""

import numpy as np
import pytest

import gmmkit
from gmmkit import MixtureOfFactorAnalyzers, MixtureOfFactorAnalyzersSearch
from gmmkit.errors import ParameterError
from gmmkit.selection.factor_search import identified_factors
from model.test_factor import factor_mixture


def rows_of(structure="VVI", k=2, d=8, q=2, n=500, seed=0):
    return factor_mixture(structure, k, d, q, seed=seed, spread=4.0, loaded=1.5).sample(n, seed=seed)[0]


@pytest.mark.parametrize(("structure", "noise"), [("VVI", "diagonal"), ("VII", "isotropic")])
def test_what_made_the_rows_is_found(structure, noise):
    search = MixtureOfFactorAnalyzersSearch(range(1, 4), range(1, 4), tol=1e-4, max_iter=300).fit(rows_of(structure))
    assert search.best_params_ == {"n_components": 2, "n_factors": 2, "noise": noise}
    assert len(search.results_) == 18
    assert (
        search.results_[0]["bic"]
        == search.best_score_
        == min(row["bic"] for row in search.results_ if row["rank"] is not None)
    )
    assert search.margin_ > 2.0


def test_it_answers_as_its_best_does():
    rows = rows_of()
    search = MixtureOfFactorAnalyzersSearch(2, [1, 2], noise="isotropic").fit(rows)
    best = search.best_estimator_
    assert isinstance(best, MixtureOfFactorAnalyzers)
    for ask in ("transform", "predict", "predict_proba", "score_samples"):
        np.testing.assert_array_equal(getattr(search, ask)(rows), getattr(best, ask)(rows))
    np.testing.assert_array_equal(search.loadings_, best.loadings_)
    np.testing.assert_array_equal(search.communalities_, best.communalities_)
    assert search.bic(rows) == pytest.approx(search.best_score_)
    assert search.get_feature_names_out().tolist() == best.get_feature_names_out().tolist()


def test_numbers_of_factors_that_a_covariance_determines():
    # (d − q)² ≥ d + q
    for d in range(1, 60):
        q = identified_factors(d)
        assert q in (1, 10) or ((d - q) ** 2 >= d + q and (d - q - 1) ** 2 < d + q + 1)
    assert identified_factors(4, isotropic=True) == 3
    rows = rows_of(d=5)
    search = MixtureOfFactorAnalyzersSearch().fit(rows)
    tried = {(row["noise"], row["n_factors"]) for row in search.results_}
    assert tried == {("diagonal", q) for q in (1, 2)} | {("isotropic", q) for q in (1, 2, 3, 4)}


def test_what_cannot_be_fitted_is_told_in_the_table():
    search = MixtureOfFactorAnalyzersSearch(2, [1, 2, 9], noise=["isotropic"]).fit(rows_of())
    told = {row["n_factors"]: row["error"] for row in search.results_}
    assert told[1] is told[2] is None
    assert "n_factors = 9, n_features = 8; give at most 7" in told[9]
    with pytest.raises(ParameterError, match="no candidate could be fitted: n_factors must be fewer"):
        MixtureOfFactorAnalyzersSearch(n_factors=9).fit(rows_of())


def test_it_is_interrupted_with_the_best_until_then():
    def stop(candidate, done, total):
        if done == 2:
            raise KeyboardInterrupt

    search = MixtureOfFactorAnalyzersSearch(2, [1, 2, 3], callback=stop)
    with pytest.raises(KeyboardInterrupt):
        search.fit(rows_of())
    assert search.best_params_["n_factors"] in (1, 2)
    assert len(search.results_) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"n_factors": []}, "n_factors is empty: give at least one number"),
        ({"n_factors": [0, 1]}, "n_factors must be a whole number of at least 1, but got 0"),
        ({"n_components": iter([1])}, "can be read only once"),
        ({"noise": ["diagonal", "white"]}, "noise must be some of diagonal, isotropic"),
        ({"criterion": "best"}, "'criterion' parameter"),
    ],
)
def test_what_means_nothing_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        MixtureOfFactorAnalyzersSearch(**given).fit(rows_of())


@pytest.mark.parametrize("search", [False, True])
def test_model_files(search, tmp_path):
    rows = rows_of()
    made = (
        MixtureOfFactorAnalyzersSearch(2, [1, 2], noise="isotropic")
        if search
        else MixtureOfFactorAnalyzers(2, 2, noise="shared-diagonal", random_state=0, max_iter=500)
    ).fit(rows)
    gmmkit.save(made, tmp_path / "model.gmm")
    loaded = gmmkit.load(tmp_path / "model.gmm")
    assert isinstance(loaded, MixtureOfFactorAnalyzers)
    np.testing.assert_array_equal(loaded.transform(rows), made.transform(rows))
    assert loaded.noise == ("isotropic" if search else "shared-diagonal")
    assert loaded.n_factors == 2
    assert loaded.bic(rows) == made.bic(rows)
    table = gmmkit.files.read_model(tmp_path / "model.gmm").table
    assert ([row["n_factors"] for row in table] if search else table) == ([2, 1] if search else None)
