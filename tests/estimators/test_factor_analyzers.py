"""`MixtureOfFactorAnalyzers`: what it sets, how rows go there and back, and what it says of bad input."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from gmmkit import GaussianMixture, MixtureOfFactorAnalyzers, StudentMixture
from gmmkit.errors import DataError, ParameterError, SingularComponentWarning
from model.test_factor import factor_mixture


def clusters(n=600, d=8, k=2, q=2, seed=0):
    return factor_mixture("VVI", k, d, q, seed=seed, spread=6.0).sample(n, seed=seed)


X, LABELS = clusters()


def fitted(**given):
    return MixtureOfFactorAnalyzers(
        **{"n_components": 2, "n_factors": 2, "random_state": 0, "max_iter": 500, **given}
    ).fit(X)


def test_it_sets_what_it_says():
    fa = fitted()
    assert fa.converged_
    assert fa.weights_.shape == (2,)
    assert fa.means_.shape == (2, 8)
    assert fa.loadings_.shape == (2, 8, 2)
    assert fa.noise_variance_.shape == (2, 8)
    matrices = fa.loadings_ @ fa.loadings_.transpose(0, 2, 1) + fa.noise_variance_[:, :, None] * np.eye(8)
    np.testing.assert_allclose(matrices, fa.mixture_.covariance.dense())
    explained = 1.0 - fa.noise_variance_ / np.diagonal(matrices, axis1=1, axis2=2)
    np.testing.assert_allclose(fa.communalities_, explained)
    assert fa.n_iter_ == len(fa.lower_bounds_)
    assert fa.lower_bound_ == fa.lower_bounds_[-1]
    assert fa.score(X) == pytest.approx(fa.mixture_.log_density(X).mean())
    assert fa.bic(X) == pytest.approx(-2 * 600 * fa.score(X) + np.log(600) * (1 + 16 + 2 * (8 + 8 * 2 - 1)))


def test_clusters_and_their_factors_are_found():
    fa = fitted()
    agreed = (fa.predict(X) == LABELS).mean()
    assert max(agreed, 1 - agreed) > 0.99


@pytest.mark.parametrize("k", [1, 2])
def test_rows_go_there_and_back(k):
    fa = fitted(n_components=k)
    Z, spread = fa.transform(X, return_std=True)
    names = fa.get_feature_names_out()
    assert Z.shape == spread.shape == (600, len(names)) == (600, 2 if k == 1 else 2 + 4)
    assert (spread >= 0).all()
    np.testing.assert_array_equal(fa.transform(X), Z)
    if k == 2:
        np.testing.assert_allclose(Z[:, :2], fa.predict_proba(X))
        assert names.tolist()[:3] == ["component0", "component1", "component0_factor0"]
    back = fa.inverse_transform(Z)
    assert back.shape == X.shape
    # What is left is noise, of which factors take in a little.
    assert ((back - X) ** 2).mean() < fa.noise_variance_.mean()
    np.testing.assert_allclose(
        fa.inverse_transform(Z[:3] * 0.5 + Z[3:6] * 0.5), 0.5 * (back[:3] + back[3:6]), atol=1e-9
    )


def test_a_hard_code_is_the_most_probable_component_and_its_factors():
    fa = fitted()
    (soft, _), (hard, spread) = (fa.transform(X, return_std=True, hard=h) for h in (False, True))
    labels, each = fa.predict(X), np.arange(len(X))
    np.testing.assert_array_equal(hard[:, :2], np.eye(2)[labels])
    own = 2 + 2 * labels[:, None] + np.arange(2)
    np.testing.assert_allclose(
        hard[each[:, None], own], soft[each[:, None], own] / soft[each, labels][:, None], atol=1e-9
    )
    assert (np.count_nonzero(hard, axis=1) == 3).all()
    assert (spread[:, :2] == 0).all()
    alone = fa.means_[labels] + np.einsum("ndq,nq->nd", fa.loadings_[labels], hard[each[:, None], own])
    np.testing.assert_allclose(fa.inverse_transform(hard), alone, atol=1e-9)


def test_two_local_planes_tell_more_of_two_clusters_than_one_plane():
    fa = fitted(noise="isotropic")
    left = ((fa.inverse_transform(fa.transform(X)) - X) ** 2).sum()
    pca = PCA(3).fit(X)
    assert left < ((pca.inverse_transform(pca.transform(X)) - X) ** 2).sum()


def test_coordinates_have_the_uncertainty_they_say():
    # Rows with known components and factors: scores of the truth have mean 0 and variance 1.
    random = np.random.default_rng(0)
    loadings = random.standard_normal((6, 2))
    factors = random.standard_normal((4000, 2))
    rows = factors @ loadings.T + random.standard_normal((4000, 6))
    fa = MixtureOfFactorAnalyzers(n_factors=2, noise="isotropic", tol=1e-8, max_iter=500).fit(rows)
    Z, spread = fa.transform(rows, return_std=True)
    turn = np.linalg.lstsq(fa.loadings_[0], loadings, rcond=None)[0]
    scores = (factors @ turn.T - Z) / spread
    np.testing.assert_allclose(scores.std(axis=0), 1.0, atol=0.05)


def test_float32_rows_get_float32_answers():
    fa = fitted().fit(X.astype(np.float32))
    assert fa.means_.dtype == fa.loadings_.dtype == fa.transform(X.astype(np.float32)).dtype == np.float32
    assert fa.inverse_transform(fa.transform(X.astype(np.float32))).dtype == np.float32
    np.testing.assert_allclose(fa.score(X), fitted().score(X), rtol=1e-4)


def test_frames_and_pipelines():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcdefgh"))
    fa = MixtureOfFactorAnalyzers(2, 1, random_state=0).set_output(transform="pandas").fit(frame)
    assert fa.feature_names_in_.tolist() == list("abcdefgh")
    assert fa.transform(frame).columns.tolist() == fa.get_feature_names_out().tolist()
    model = make_pipeline(MixtureOfFactorAnalyzers(2, 2, random_state=0), LogisticRegression()).fit(X, LABELS)
    assert model.score(X, LABELS) > 0.99


def test_streams_are_read_once():
    halves = lambda: iter([X[:300], X[300:]])  # noqa: E731
    fa = MixtureOfFactorAnalyzers(2, 2, random_state=0)
    np.testing.assert_allclose(fa.fit_transform(halves()), fitted(max_iter=100).transform(X), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(fa.transform(halves()), fa.transform(X), rtol=1e-12, atol=1e-12)


def test_a_weight_is_a_repetition():
    times = np.random.default_rng(0).integers(1, 4, 600)
    weighed = MixtureOfFactorAnalyzers(2, 2, random_state=0).fit(X, sample_weight=times)
    repeated = MixtureOfFactorAnalyzers(2, 2, random_state=0).fit(np.repeat(X, times, axis=0))
    np.testing.assert_allclose(weighed.means_, repeated.means_, rtol=1e-5, atol=1e-6)
    assert weighed.bic(X, times) == pytest.approx(repeated.bic(np.repeat(X, times, axis=0)), rel=1e-7)


def test_units_of_columns_change_nothing_beside_diagonal_noise():
    scale = np.array([1e-3, 1.0, 50.0, 1e4, 1.0, 2.0, 1e-2, 7.0])
    rows = X * scale
    plain, scaled = fitted(), MixtureOfFactorAnalyzers(2, 2, random_state=0, max_iter=500).fit(rows)
    np.testing.assert_allclose(scaled.means_, plain.means_ * scale, rtol=1e-5, atol=1e-5 * scale.max())
    np.testing.assert_array_equal(scaled.predict(rows), plain.predict(X))
    np.testing.assert_allclose(scaled.transform(rows), plain.transform(X), rtol=1e-4, atol=1e-5)


def test_starts_of_the_caller():
    known = fitted()
    kept = MixtureOfFactorAnalyzers(2, 2, max_iter=500).fit(X, start=known.mixture_)
    assert kept.n_iter_ <= 2
    labelled = MixtureOfFactorAnalyzers(2, 2, max_iter=500).fit(X, start=1 - LABELS)
    assert (labelled.predict(X) == 1 - LABELS).mean() > 0.99
    with pytest.raises(ParameterError, match="the fit is of 2 components, 8 columns, factor-VVI, 1 factors"):
        MixtureOfFactorAnalyzers(2, 1).fit(X, start=known.mixture_)
    with pytest.raises(ParameterError, match="the fit is of 2 components"):
        MixtureOfFactorAnalyzers(2, 2).fit(X, start=StudentMixture(2).fit(X).mixture_)
    with pytest.raises(ParameterError, match="start cannot be combined with n_init"):
        MixtureOfFactorAnalyzers(2, 2, n_init=2).fit(X, start=LABELS)


def test_one_component_of_iris_is_scikit_learns():
    # There a column's noise goes to zero, slowly; theirs stops before.
    rows = load_iris().data
    ours = MixtureOfFactorAnalyzers(reg_covar=1e-9, tol=1e-8, max_iter=20000, acceleration="squarem").fit(rows)
    theirs = FactorAnalysis(1, tol=1e-4, max_iter=20000, svd_method="lapack").fit(rows)
    assert theirs.score(rows) < ours.score(rows) < theirs.score(rows) + 1e-3
    np.testing.assert_allclose(ours.noise_variance_[0], theirs.noise_variance_, atol=5e-3)


def test_further_starts_of_one_component_find_a_better_optimum():
    rows = load_wine().data
    settings = {"n_factors": 5, "tol": 1e-6, "max_iter": 5000, "acceleration": "squarem", "random_state": 0}
    one, more = (MixtureOfFactorAnalyzers(n_init=n, **settings).fit(rows) for n in (1, 3))
    assert more.lower_bound_ > one.lower_bound_ + 0.04
    assert more.fit_result_.starts_tried == 3
    gm = GaussianMixture(covariance_type="factor", n_init=3, **settings).fit(rows)
    assert gm.lower_bound_ == more.lower_bound_
    # Isotropic noise has one optimum, the principal axes.
    settings |= {"noise": "isotropic", "max_iter": 20000, "tol": 1e-9}
    one, more = (MixtureOfFactorAnalyzers(n_init=n, **settings).fit(rows) for n in (1, 3))
    assert more.lower_bound_ == pytest.approx(one.lower_bound_, abs=1e-4)


def test_an_interrupt_leaves_a_complete_model():
    def stop(progress):
        if progress.iteration == 3:
            raise KeyboardInterrupt

    fa = MixtureOfFactorAnalyzers(2, 2, random_state=0, tol=0.0, callback=stop)
    with pytest.raises(KeyboardInterrupt):
        fa.fit(X)
    assert not fa.converged_
    assert fa.transform(X).shape == (600, 6)


def test_what_did_not_converge_is_told():
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        MixtureOfFactorAnalyzers(2, 2, max_iter=2, tol=0.0).fit(X)


def test_constant_columns_are_told():
    rows = X.copy()
    rows[:, 3] = 5.0
    with pytest.warns(SingularComponentWarning, match="column 3 holds one value only.*leave out what is constant"):
        fa = MixtureOfFactorAnalyzers(2, 2, random_state=0).fit(rows)
    assert np.abs(fa.loadings_[:, 3]).max() < 1e-9
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MixtureOfFactorAnalyzers(2, 2, noise="isotropic", random_state=0, max_iter=500).fit(rows)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"n_factors": 8}, ParameterError, "n_factors = 8, n_features = 8; give at most 7"),
        ({"n_factors": 0}, ValueError, "'n_factors' parameter of MixtureOfFactorAnalyzers"),
        ({"noise": "none"}, ValueError, "'noise' parameter of MixtureOfFactorAnalyzers"),
        ({"n_components": 150, "n_factors": 6}, DataError, "has 600 rows.*need at least 1200, 8 each"),
    ],
)
def test_sizes_that_mean_nothing_are_refused(given, error, said):
    with pytest.raises(error, match=said):
        MixtureOfFactorAnalyzers(**given).fit(X)


def test_what_is_asked_wrongly_is_refused():
    with pytest.raises(NotFittedError):
        MixtureOfFactorAnalyzers().transform(X)
    with pytest.raises(NotFittedError):
        MixtureOfFactorAnalyzers().inverse_transform(X)
    fa = fitted()
    with pytest.raises(DataError, match="X has 3 features, but inverse_transform is expecting the 6 coordinates"):
        fa.inverse_transform(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="X has 3 features, but MixtureOfFactorAnalyzers is expecting 8"):
        fa.transform(np.zeros((2, 3)))
    bad = X.copy()
    bad[5, 2] = np.nan
    with pytest.raises(DataError, match="row 5, column 2"):
        fa.transform(bad)


def test_standard_errors_of_loadings_are_refused():
    import gmmkit

    fa = fitted()
    for model in (fa, fa.mixture_):
        with pytest.raises(ParameterError, match="standard errors are of covariances without factors"):
            gmmkit.observed_information(model, X)
        with pytest.raises(ParameterError, match="standard errors are of covariances without factors"):
            gmmkit.bootstrap(model, X, n_replicates=40)
