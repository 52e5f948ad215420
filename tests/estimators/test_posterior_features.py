"""`PosteriorFeatures`: probabilities of components as columns."""

import numpy as np
import pytest
import sklearn.mixture
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from gmmkit import GaussianMixture, GaussianMixtureSearch, PosteriorFeatures
from gmmkit.errors import DataError


def moons(n=600, seed=0):
    from sklearn.datasets import make_moons

    return make_moons(n, noise=0.1, random_state=seed)


def test_they_are_the_mixtures_probabilities():
    X, _ = moons()
    features = PosteriorFeatures(GaussianMixture(5, random_state=0)).fit(X)
    np.testing.assert_array_equal(features.transform(X), GaussianMixture(5, random_state=0).fit(X).predict_proba(X))
    assert features.get_feature_names_out().tolist() == [f"component{j}" for j in range(5)]
    np.testing.assert_array_equal(features.fit_transform(X), features.transform(X))


def test_without_an_estimator_the_number_is_chosen():
    X, _ = moons(300)
    features = PosteriorFeatures().fit(X)
    assert isinstance(features.estimator_, GaussianMixtureSearch)
    assert features.transform(X).shape == (300, features.estimator_.best_estimator_.n_components)


def test_a_linear_model_behind_them_is_not_linear():
    X, y = moons()
    seen, unseen = slice(0, 400), slice(400, None)
    plain = LogisticRegression().fit(X[seen], y[seen]).score(X[unseen], y[unseen])
    mixture = GaussianMixture(8, random_state=0)
    with_them = make_pipeline(PosteriorFeatures(mixture), LogisticRegression(C=100.0)).fit(X[seen], y[seen])
    assert with_them.score(X[unseen], y[unseen]) > max(plain, 0.95)


def test_weights_go_to_the_mixture():
    X, _ = moons(200)
    weights = np.random.default_rng(0).integers(1, 3, 200)
    weighed = PosteriorFeatures(GaussianMixture(2, random_state=0)).fit(X, sample_weight=weights)
    np.testing.assert_allclose(
        weighed.estimator_.means_, GaussianMixture(2, random_state=0).fit(X, sample_weight=weights).means_
    )


def test_names_of_columns_are_kept():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(moons(100)[0], columns=["a", "b"])
    features = PosteriorFeatures(GaussianMixture(2, random_state=0)).set_output(transform="pandas").fit(frame)
    assert features.transform(frame).columns.tolist() == ["component0", "component1"]
    with pytest.raises((ValueError, DataError), match="feature names|columns"):
        features.transform(frame.rename(columns={"a": "c"}))


def test_what_is_no_mixture_is_refused():
    with pytest.raises(ValueError, match="'estimator' parameter of PosteriorFeatures must be"):
        PosteriorFeatures(3).fit(moons(100)[0])


def test_another_librarys_mixture_is_refused():
    with pytest.raises(ValueError, match="estimator must be a mixture of gmmkit's, as GaussianMixture, but got"):
        PosteriorFeatures(sklearn.mixture.GaussianMixture(2)).fit(moons(100)[0])
