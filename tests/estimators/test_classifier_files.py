"""Classifiers come back from model files as they were."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

import gmmkit
from gmmkit.errors import ModelFormatError
from gmmkit.files import read_model, write_model

X, Y = load_iris(return_X_y=True)
FRAME = pd.DataFrame(X, columns=list("abcd"))
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {
            "covariance_type": "EEE",
            "calibration": "temperature",
            "priors": {"setosa": 0.2, "versicolor": 0.3, "virginica": 0.5},
        },
        {"model": "MclustDA", "n_components": range(1, 3), "covariance_type": ["VVV", "EEE"]},
        {"model": "pool", "n_components": 4, "covariance_type": "EEE", "shrinkage": 0.2},
    ],
)
def test_classifiers_come_back(tmp_path, settings):
    found = gmmkit.GaussianMixtureClassifier(**settings).fit(FRAME, NAMES)
    gmmkit.save(found, tmp_path / "classes.gmm")
    back = gmmkit.load(tmp_path / "classes.gmm")
    assert isinstance(back, gmmkit.GaussianMixtureClassifier)
    np.testing.assert_array_equal(back.predict(FRAME), found.predict(FRAME))
    np.testing.assert_array_equal(back.predict_proba(FRAME), found.predict_proba(FRAME))
    np.testing.assert_array_equal(back.sample("setosa", 5), found.sample("setosa", 5))
    for name in ("covariance_type_", "n_components_", "shrinkage_", "temperature_", "candidates_", "n_features_in_"):
        assert getattr(back, name) == getattr(found, name)
    assert list(back.feature_names_in_) == list("abcd")
    gmmkit.save(back, tmp_path / "again.gmm")
    assert (tmp_path / "again.gmm").read_bytes() == (tmp_path / "classes.gmm").read_bytes()


def test_numbers_stay_numbers(tmp_path):
    gmmkit.save(gmmkit.GaussianMixtureClassifier(covariance_type="EEE").fit(X, Y + 3), tmp_path / "classes.gmm")
    back = gmmkit.load(tmp_path / "classes.gmm")
    assert back.classes_.tolist() == [3, 4, 5]
    assert back.score(X, Y + 3) > 0.97


def test_incomplete_records_are_refused(tmp_path):
    gmmkit.save(gmmkit.GaussianMixtureClassifier(covariance_type="EEE").fit(X, Y), tmp_path / "classes.gmm")
    record = read_model(tmp_path / "classes.gmm")
    for wrong in (
        {"classes": [0, 1]},
        {"shares": [[1.0, 0.0, 0.0]]},
        {"shares": [[1.0, 1.0, 0.0]] * 3},
        {"shares": None},
        {"temperature": None},
    ):
        write_model(replace(record, fit={**record.fit, **wrong}), tmp_path / "wrong.gmm")
        with pytest.raises(ModelFormatError, match=r"wrong.gmm: its record of the fit is incomplete"):
            gmmkit.load(tmp_path / "wrong.gmm")
