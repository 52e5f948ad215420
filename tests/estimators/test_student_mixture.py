"""`StudentMixture`, and noise in both estimators, as scikit-learn's users meet them."""

import numpy as np
import pytest
from sklearn.base import clone

import gmmkit
from cases import random_mixture
from gmmkit import GaussianMixture, Mixture, StudentMixture
from gmmkit.errors import ParameterError
from gmmkit.model.covariance import STRUCTURES

CENTRES = np.array([[0.0, 0.0], [7.0, 7.0]])


def heavy(seed=0, n=400):
    gaussian = random_mixture("full", 2, 2).changed(means=CENTRES, weights=np.array([0.5, 0.5]))
    return gaussian.changed(degrees_of_freedom=np.array([3.0, 3.0])).sample(n, seed=seed)[0]


def noisy(seed=0):
    random = np.random.default_rng(seed)
    return np.vstack([random.normal(c, 0.5, (150, 2)) for c in CENTRES] + [random.uniform(-6, 13, (80, 2))])


@pytest.mark.parametrize("covariance_type", STRUCTURES)
def test_every_structure(covariance_type):
    X = heavy()
    model = StudentMixture(2, covariance_type=covariance_type, random_state=0, tol=1e-6, max_iter=500).fit(X)
    np.testing.assert_allclose(model.means_, CENTRES, atol=0.5)
    assert model.degrees_of_freedom_.shape == (2,)
    assert model.degrees_of_freedom_[0] == model.degrees_of_freedom_[1] < 10
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)
    assert model.score(X) > GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X).score(X)


def test_degrees_of_freedom_count_in_criteria():
    X = heavy()
    common, free, known = (
        StudentMixture(2, degrees_of_freedom=degrees, random_state=0, tol=1e-6, max_iter=500).fit(X)
        for degrees in ("common", "free", [3.0, np.inf])
    )
    for model, more in ((common, 1), (free, 2), (known, 0)):
        p = model.mixture_.n_parameters + more
        assert model.aic(X) == pytest.approx(-2 * model.score(X) * len(X) + 2 * p)
    assert known.degrees_of_freedom_.tolist() == [3.0, np.inf]


def test_attributes_changed_by_hand():
    model = StudentMixture(2, random_state=0).fit(heavy())
    model.degrees_of_freedom_ = np.array([2.0, 50.0])
    assert model.mixture_.degrees_of_freedom.tolist() == [2.0, 50.0]


def test_starts():
    X = heavy()
    model = StudentMixture(2, degrees_of_freedom="free", random_state=0, max_iter=3, warm_start=True)
    with pytest.warns(UserWarning, match="did not converge"):
        model.fit(X)
    before = model.lower_bound_
    model.set_params(max_iter=500, tol=1e-7).fit(X)
    assert model.lower_bound_ > before
    same = StudentMixture(2, degrees_of_freedom="free", tol=1e-7, max_iter=500).fit(X, start=model.mixture_)
    np.testing.assert_allclose(same.degrees_of_freedom_, model.degrees_of_freedom_, rtol=0.05)
    gaussian = GaussianMixture(2).fit(X, start=model.mixture_)
    assert gaussian.mixture_.degrees_of_freedom is None


def test_float32():
    X = heavy().astype(np.float32)
    model = StudentMixture(2, random_state=0).fit(X)
    assert {a.dtype for a in (model.means_, model.degrees_of_freedom_, model.score_samples(X))} == {np.dtype("f4")}


@pytest.mark.parametrize("degrees", ["both", 0.0, -1.0, [1.0, 2.0, 3.0], [1.0, np.nan], None])
def test_degrees_of_freedom_that_mean_nothing(degrees):
    with pytest.raises(ValueError, match="degrees_of_freedom"):
        StudentMixture(2, degrees_of_freedom=degrees).fit(heavy())


@pytest.mark.parametrize("estimator", [GaussianMixture, StudentMixture])
@pytest.mark.parametrize("noise", [True, 0.2, "flags"])
def test_noise(estimator, noise):
    X = noisy()
    flags = np.arange(len(X)) >= 300
    model = estimator(2, noise=flags if noise == "flags" else noise, random_state=0, tol=1e-6, max_iter=500).fit(X)
    np.testing.assert_allclose(model.means_, CENTRES, atol=0.15)
    assert model.noise_weight_ == pytest.approx(80 / 380, abs=0.05)
    labels = model.predict(X)
    assert ((labels == -1) == flags).mean() > 0.93
    probability = model.noise_probability(X)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1 - probability, atol=1e-12)
    plain = estimator(2, random_state=0).fit(X)
    assert plain.noise_weight_ == 0.0
    assert not plain.noise_probability(X).any()
    assert model._n_parameters() == plain._n_parameters() + 2
    assert model.bic(X) < plain.bic(X)
    rows, components = model.sample(500)
    assert set(components.tolist()) == {-1, 0, 1}
    assert rows.shape == (500, 2)


def test_noise_starts():
    X = noisy()
    labels = np.repeat([0, 1, 0], [150, 150, 80])
    model = GaussianMixture(2, noise=True, tol=1e-6, max_iter=500).fit(X, start=labels)
    np.testing.assert_allclose(model.means_, CENTRES, atol=0.15)
    again = GaussianMixture(2, noise=True).fit(X, start=model.mixture_)
    assert again.noise_weight_ == pytest.approx(model.noise_weight_, abs=0.01)
    assert GaussianMixture(2).fit(X, start=model.mixture_).noise_weight_ == 0.0
    given = GaussianMixture(2, noise=True, weights_init=[0.5, 0.5], means_init=CENTRES, precisions_init=[np.eye(2)] * 2)
    np.testing.assert_allclose(given.fit(X).means_, CENTRES, atol=0.15)


def test_volumes():
    X = noisy()
    hull, box, known = (
        GaussianMixture(2, noise=True, noise_volume=volume).fit(X).mixture_.noise for volume in ("hull", "box", 500.0)
    )
    assert hull.log_density > box.log_density
    assert known.log_density == pytest.approx(-np.log(500.0))
    assert known.region is None


@pytest.mark.parametrize("noise", [0.0, 1.0, -0.5, "yes", np.ones(5, dtype=bool), np.ones(380, dtype=bool)])
def test_noise_that_means_nothing(noise):
    with pytest.raises(ValueError, match="noise"):
        GaussianMixture(2, noise=noise).fit(noisy())


@pytest.mark.parametrize(
    "model",
    [
        StudentMixture(2, degrees_of_freedom="free", random_state=0),
        StudentMixture(2, degrees_of_freedom=[3.0, np.inf], covariance_type="VEI", random_state=0),
        GaussianMixture(2, noise=True, random_state=0),
        StudentMixture(2, noise=np.arange(380) >= 300, noise_volume=400.0, random_state=0),
    ],
)
def test_files(model, tmp_path):
    X = noisy()
    model = clone(model).fit(X)
    gmmkit.save(model, tmp_path / "model.gmm")
    loaded = gmmkit.load(tmp_path / "model.gmm")
    assert type(loaded) is type(model)
    assert loaded.mixture_ == model.mixture_
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.bic(X) == model.bic(X)
    assert np.all(getattr(loaded, "degrees_of_freedom", 0) == np.asarray(getattr(model, "degrees_of_freedom", 0)))


def test_public_names():
    assert gmmkit.Noise(0.1, 0.0).weight == 0.1
    assert isinstance(StudentMixture(1).fit(noisy()).mixture_, Mixture)
    with pytest.raises(ParameterError, match="expected one of GaussianMixture, StudentMixture"):
        gmmkit.save(object(), "nowhere.gmm")
