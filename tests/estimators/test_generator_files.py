"""A generator comes back from its model file as it was: columns, bounds, classes, what fits; damage is said."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gmmkit
from gmmkit import (
    GaussianMixture,
    GaussianMixtureGenerator,
    GaussianMixtureSearch,
    MixtureOfFactorAnalyzers,
    StudentMixture,
)
from gmmkit.errors import ModelFormatError, ParameterError
from gmmkit.estimators.persistence import record_of
from gmmkit.files import read_model, write_model
from gmmkit.inference.conjugate import ConjugatePrior

RANDOM = np.random.default_rng(0)
KINDS = np.where(RANDOM.random(300) < 0.3, "rare", "common")
X = pd.DataFrame(
    {"age": RANDOM.poisson(5, 300), "income": np.round(RANDOM.lognormal(1, 0.5, 300), 2), "z": RANDOM.normal(size=300)}
)
SMALL = GaussianMixture(2, random_state=0)


@pytest.mark.parametrize(
    ("fitter", "labels"),
    [
        (SMALL, None),
        (SMALL, KINDS),
        (SMALL, KINDS == "rare"),
        (GaussianMixture(2, covariance_type="tied", prior=ConjugatePrior(), random_state=0), (KINDS == "rare") + 3),
        (GaussianMixture(2, noise=True, random_state=0), None),
        (GaussianMixture(2, noise=True, random_state=0), KINDS),
        (StudentMixture(1, random_state=0), KINDS),
        (GaussianMixtureSearch(range(1, 3), covariance_type=["VVI", "EEE"]), None),
        (MixtureOfFactorAnalyzers(1, n_factors=1, random_state=0), None),
        (MixtureOfFactorAnalyzers(1, n_factors=1, noise="isotropic", random_state=0), KINDS),
        (GaussianMixture(2, covariance_type="factor", n_factors=1, random_state=0), KINDS),
    ],
)
def test_a_generator_comes_back(tmp_path, fitter, labels):
    generator = GaussianMixtureGenerator(fitter, bounds={"age": (0, 40), 1: (None, 99.0)}, random_state=4).fit(
        X, labels
    )
    gmmkit.save(generator, tmp_path / "g.gmm")
    loaded = gmmkit.load(tmp_path / "g.gmm")
    for here, there in zip(loaded.sample(200), generator.sample(200), strict=True):
        if there is None:
            assert here is None
        elif there.dtype.kind == "f":
            np.testing.assert_allclose(here, there, rtol=1e-9, atol=1e-9)
        else:
            np.testing.assert_array_equal(here, there)
            assert here.dtype.kind == there.dtype.kind
    given = {"income": 2.5}
    if generator.synthesizer_.mixtures[0].noise is None:
        here, there = (found.sample(9, given=given)[0] for found in (loaded, generator))
        np.testing.assert_allclose(here, there, rtol=1e-9)
    assert loaded.synthesizer_.shapes == generator.synthesizer_.shapes
    for here, there in zip(loaded.synthesizer_.mixtures, generator.synthesizer_.mixtures, strict=True):
        assert here.noise == there.noise
        np.testing.assert_allclose(here.weights, there.weights, rtol=1e-12)
    assert loaded.bounds == generator.bounds
    assert loaded.random_state == 4
    assert list(loaded.feature_names_in_) == ["age", "income", "z"]
    assert type(loaded.estimator) is type(fitter)
    ours, theirs = loaded.estimator.get_params(), fitter.get_params()
    assert {name: list(v) if isinstance(v, range) else v for name, v in theirs.items()} == ours
    assert loaded.fit(X, labels).synthesizer_.shapes == generator.synthesizer_.shapes


def test_default_generators_come_back_and_a_second_file_is_the_first(tmp_path):
    generator = GaussianMixtureGenerator().fit(X.to_numpy()[:60])
    gmmkit.save(generator, tmp_path / "g.gmm")
    loaded = gmmkit.load(tmp_path / "g.gmm")
    assert loaded.get_params() == generator.get_params()
    assert loaded.n_features_in_ == 3
    gmmkit.save(loaded, tmp_path / "again.gmm")
    assert (tmp_path / "again.gmm").read_bytes() == (tmp_path / "g.gmm").read_bytes()


def test_what_cannot_be_kept_is_said(tmp_path):
    with pytest.raises(ParameterError, match="no record of a fit"):
        gmmkit.save(GaussianMixtureGenerator(), tmp_path / "g.gmm")


@pytest.mark.parametrize("volume", ["auto", 1e4])
def test_classes_keep_the_noise_that_each_has(tmp_path, volume):
    generator = GaussianMixtureGenerator(GaussianMixture(1, noise=True, noise_volume=volume, random_state=0))
    first, second = generator.fit(X, KINDS).synthesizer_.mixtures
    assert (first.noise.region is None) == (volume != "auto")
    generator.synthesizer_ = replace(generator.synthesizer_, mixtures=(first.without_noise(), second))
    gmmkit.save(generator, tmp_path / "g.gmm")
    loaded = gmmkit.load(tmp_path / "g.gmm")
    assert [mixture.noise for mixture in loaded.synthesizer_.mixtures] == [None, second.noise]
    gmmkit.save(loaded, tmp_path / "again.gmm")
    assert (tmp_path / "again.gmm").read_bytes() == (tmp_path / "g.gmm").read_bytes()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda noises: None,
        lambda noises: noises[:1],
        lambda noises: [*noises, None],
        lambda noises: [3, None],
        lambda noises: [{"weight": 0.1, "log_density": -1.0}, None],
        lambda noises: [{**noises[0], "weight": 1.0}, None],
        lambda noises: [{**noises[0], "weight": "heavy"}, None],
        lambda noises: [{**noises[0], "log_density": float("nan")}, None],
        lambda noises: [{**noises[0], "region": [[0.0, 1.0], [1.0, 0.0]]}, None],
        lambda noises: [{**noises[0], "region": [[0.0, 1.0], [1.0]]}, None],
        lambda noises: [{**noises[0], "region": "here"}, None],
    ],
)
def test_noise_that_means_nothing_is_refused(tmp_path, noisy, spoil):
    write_model(replace(noisy, fit={**noisy.fit, "noises": spoil(noisy.fit["noises"])}), tmp_path / "g.gmm")
    with pytest.raises(ModelFormatError, match="its record of the fit is incomplete"):
        gmmkit.load(tmp_path / "g.gmm")


@pytest.fixture(scope="module")
def noisy():
    return record_of(GaussianMixtureGenerator(GaussianMixture(1, noise=True, random_state=0)).fit(X, KINDS))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda fit: {name: value for name, value in fit.items() if name != "shapes"},
        lambda fit: {**fit, "shapes": fit["shapes"][:2]},
        lambda fit: {**fit, "shapes": [{**fit["shapes"][0], "step": -1.0}, *fit["shapes"][1:]]},
        lambda fit: {**fit, "shapes": [{**fit["shapes"][0], "offset": 0.0}, *fit["shapes"][1:]]},
        lambda fit: {**fit, "shapes": [{**fit["shapes"][0], "low": float("nan")}, *fit["shapes"][1:]]},
        lambda fit: {**fit, "shapes": [{**fit["shapes"][0], "anchor": float("inf")}, *fit["shapes"][1:]]},
        lambda fit: {**fit, "shapes": [{**fit["shapes"][0], "beyond": [0.0]}, *fit["shapes"][1:]]},
        lambda fit: {**fit, "shares": [0.5, 0.6]},
        lambda fit: {**fit, "shares": [1.0]},
        lambda fit: {**fit, "shares": [0.0, 1.0]},
        lambda fit: {**fit, "n_components": [2, 1]},
        lambda fit: {**fit, "n_components": [4, 0]},
        lambda fit: {**fit, "classes": None},
        lambda fit: {**fit, "classes": ["rare"]},
    ],
)
def test_records_that_mean_nothing_are_refused(tmp_path, spoil):
    record = record_of(GaussianMixtureGenerator(SMALL).fit(X, KINDS))
    write_model(replace(record, fit=spoil(record.fit)), tmp_path / "g.gmm")
    with pytest.raises(ModelFormatError, match="its record of the fit is incomplete"):
        gmmkit.load(tmp_path / "g.gmm")
    assert read_model(tmp_path / "g.gmm").estimator == "GaussianMixtureGenerator"


@pytest.mark.parametrize("fitter", [{"name": "Unknown", "settings": {}}, {"name": "GaussianMixture"}, 3])
def test_estimators_that_are_not_known_are_refused(tmp_path, fitter):
    record = record_of(GaussianMixtureGenerator(SMALL).fit(X, KINDS))
    write_model(replace(record, settings={**record.settings, "estimator": fitter}), tmp_path / "g.gmm")
    with pytest.raises(ModelFormatError, match="its record of the fit is incomplete"):
        gmmkit.load(tmp_path / "g.gmm")
