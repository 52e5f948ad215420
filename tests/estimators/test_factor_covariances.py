"""`GaussianMixture(covariance_type="factor")`: the fit of factor analysers, with GaussianMixture's face."""

import numpy as np
import pytest

import gmmkit
from gmmkit import GaussianMixture, MixtureOfFactorAnalyzers, StudentMixture
from gmmkit.errors import ParameterError, PrecisionWarning
from model.test_factor import factor_mixture

X = factor_mixture("VVI", 2, 8, 2, seed=0, spread=6.0).sample(600, seed=0)[0]


def fitted(**given):
    return GaussianMixture(
        2, **{"covariance_type": "factor", "n_factors": 2, "random_state": 0, "max_iter": 500, **given}
    ).fit(X)


@pytest.mark.parametrize(
    ("name", "noise"),
    [
        ("factor", "diagonal"),
        ("factor-VVI", "diagonal"),
        ("factor-EEI", "shared-diagonal"),
        ("factor-VII", "isotropic"),
        ("factor-EII", "shared-isotropic"),
    ],
)
def test_it_is_the_fit_of_factor_analysers(name, noise):
    gm = fitted(covariance_type=name)
    fa = MixtureOfFactorAnalyzers(2, 2, noise=noise, random_state=0, max_iter=500).fit(X)
    for attribute in ("weights_", "means_", "loadings_", "noise_variance_", "lower_bounds_"):
        np.testing.assert_array_equal(getattr(gm, attribute), getattr(fa, attribute))
    for ask in ("predict", "predict_proba", "score_samples"):
        np.testing.assert_array_equal(getattr(gm, ask)(X), getattr(fa, ask)(X))
    assert gm.bic(X) == fa.bic(X)
    np.testing.assert_array_equal(gm.sample(5)[0], fa.sample(5)[0])


def test_matrices_are_written_out_only_when_they_are_asked_for():
    gm = fitted()
    assert not {"covariances_", "precisions_", "precisions_cholesky_"} & set(vars(gm))
    dense = gm.loadings_ @ gm.loadings_.transpose(0, 2, 1) + gm.noise_variance_[:, :, None] * np.eye(8)
    np.testing.assert_allclose(gm.covariances_, dense)
    np.testing.assert_allclose(gm.precisions_ @ dense, np.broadcast_to(np.eye(8), (2, 8, 8)), atol=1e-10)
    factor = gm.precisions_cholesky_
    np.testing.assert_allclose(factor @ factor.transpose(0, 2, 1), gm.precisions_)


def test_attributes_that_are_changed_by_hand_count():
    gm = fitted()
    before = gm.score(X)
    gm.noise_variance_ = 2.0 * gm.noise_variance_
    assert gm.score(X) < before
    np.testing.assert_array_equal(gm.mixture_.covariance.noise, gm.noise_variance_)


def test_another_structure_leaves_nothing_of_the_factors():
    gm = fitted()
    assert gm.covariances_.shape == (2, 8, 8)
    gm.set_params(covariance_type="diag", n_factors=None).fit(X)
    assert gm.covariances_.shape == (2, 8)
    assert not hasattr(gm, "loadings_")


def test_starts_of_the_caller():
    known = fitted()
    again = GaussianMixture(2, covariance_type="factor", n_factors=2, max_iter=500)
    assert again.fit(X, start=known.mixture_).n_iter_ <= 2
    going_on = again.set_params(warm_start=True).fit(X)
    assert going_on.n_iter_ == 1
    means = fitted(means_init=known.means_[::-1], weights_init=[0.5, 0.5])
    np.testing.assert_allclose(means.means_, known.means_[::-1], atol=0.05)
    np.testing.assert_allclose(fitted(equal_weights=True).weights_, 0.5)
    with pytest.raises(ParameterError, match="the fit is of 2 components, 8 columns, factor, 1 factors"):
        GaussianMixture(2, covariance_type="factor", n_factors=1).fit(X, start=known.mixture_)
    with pytest.raises(ParameterError, match="warm_start cannot go on"):
        again.set_params(n_factors=1).fit(X)


def test_model_files(tmp_path):
    gm = fitted(covariance_type="factor-VII")
    gmmkit.save(gm, tmp_path / "model.gmm")
    loaded = gmmkit.load(tmp_path / "model.gmm")
    assert isinstance(loaded, GaussianMixture)
    assert (loaded.covariance_type, loaded.n_factors) == ("factor-VII", 2)
    np.testing.assert_array_equal(loaded.score_samples(X), gm.score_samples(X))
    np.testing.assert_array_equal(loaded.covariances_, gm.covariances_)
    # What is loaded can be fitted again.
    np.testing.assert_array_equal(loaded.fit(X).means_, gm.means_)


def test_float32_rows_get_float32_attributes_of_a_fit_in_float64():
    rows = X.astype(np.float32)
    gm = GaussianMixture(2, covariance_type="factor", n_factors=2, random_state=0).fit(rows)
    assert gm.loadings_.dtype == gm.noise_variance_.dtype == gm.covariances_.dtype == gm.precisions_.dtype == np.float32
    assert gm.fit_result_.precision == "float64"
    many = np.repeat(rows, 200, axis=0)
    with pytest.warns(PrecisionWarning, match="fits of factors are|compiled kernel, which is not used"):
        GaussianMixture(2, covariance_type="factor", n_factors=2, dtype="float32", random_state=0).fit(many)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"n_factors": None}, "n_factors goes with covariance_type 'factor'.*n_factors=None: give n_factors=2"),
        ({"covariance_type": "full"}, "but got covariance_type='full' and n_factors=2"),
        ({"n_factors": 8}, "n_factors = 8, n_features = 8; give at most 7"),
        ({"n_factors": 0}, "'n_factors' parameter of GaussianMixture"),
        ({"n_factors": 1.5}, "'n_factors' parameter of GaussianMixture"),
        ({"noise": True, "prior": "conjugate"}, "cannot be fitted with prior, noise: leave that out"),
        ({"precisions_init": np.ones((2, 8, 8))}, "cannot be fitted with precisions_init"),
        ({"warm_up": "mini-batch"}, "cannot be fitted with warm_up"),
        ({"truncation": 1}, "cannot be fitted with truncation"),
    ],
)
def test_what_cannot_be_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        fitted(**given)


def test_who_takes_no_factors_says_who_does():
    with pytest.raises(ValueError, match="'covariance_type' parameter of StudentMixture"):
        StudentMixture(2, covariance_type="factor").fit(X)
    with pytest.raises(ParameterError, match=r"needs a number of factors.*GaussianMixture\(.*MixtureOfFactorAnalyzers"):
        gmmkit.likelihood_ratio_test(X, 2, "factor")
    with pytest.raises(AttributeError, match="has no covariances_: fit it"):
        GaussianMixture(2, covariance_type="factor", n_factors=2).covariances_  # noqa: B018
