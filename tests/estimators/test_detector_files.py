"""A detector comes back from its model file as it was; incomplete files, and verbs that cannot ask it, say so."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gmmkit
from gmmkit import GaussianMixtureOutlierDetector
from gmmkit.cli.main import run
from gmmkit.errors import GmmkitWarning, ModelFormatError, ParameterError
from gmmkit.estimators.persistence import record_of
from gmmkit.files import read_model, write_model

X = pd.DataFrame(np.random.default_rng(0).normal(size=(150, 3)) @ np.tri(3), columns=["a", "b", "c"])
X.iloc[3, 1] = 1e200


@pytest.mark.parametrize(
    "settings", [{}, {"contamination": 0.1, "random_state": 3}, {"novelty": True, "calibration": "split"}]
)
def test_a_detector_comes_back(tmp_path, settings):
    detector = GaussianMixtureOutlierDetector(**settings).fit(X)
    gmmkit.save(detector, tmp_path / "d.gmm")
    loaded = gmmkit.load(tmp_path / "d.gmm")
    assert loaded.get_params() == detector.get_params()
    np.testing.assert_array_equal(loaded.decision_function(X), detector.decision_function(X))
    np.testing.assert_array_equal(loaded.p_values(X), detector.p_values(X))
    assert loaded.offset_ == detector.offset_
    assert loaded.novelty_ is detector.novelty_ is settings.get("novelty", False)
    assert [why.sentence for why in loaded.explain(X[:5])] == [why.sentence for why in detector.explain(X[:5])]
    assert list(loaded.feature_names_in_) == ["a", "b", "c"]
    gmmkit.save(loaded, tmp_path / "again.gmm")
    assert (tmp_path / "again.gmm").read_bytes() == (tmp_path / "d.gmm").read_bytes()


def test_a_file_knows_whether_rows_were_clean_whatever_the_parameter_says(tmp_path):
    gmmkit.save(GaussianMixtureOutlierDetector().fit(X).set_params(novelty=True), tmp_path / "d.gmm")
    loaded = gmmkit.load(tmp_path / "d.gmm")
    assert loaded.novelty
    with pytest.raises(ParameterError, match="discoveries are told by clean rows"):
        loaded.discoveries(X)


def test_a_threshold_below_all_rows_comes_back(tmp_path):
    with pytest.warns(GmmkitWarning, match="takes 38 rows"):
        detector = GaussianMixtureOutlierDetector(novelty=True, calibration="split").fit(X[:20])
    gmmkit.save(detector, tmp_path / "d.gmm")
    assert gmmkit.load(tmp_path / "d.gmm").offset_ == detector.offset_ == -np.inf


def test_many_reference_scores_fit_into_a_file(tmp_path):
    rows = np.random.default_rng(1).normal(size=(25_000, 1))
    detector = GaussianMixtureOutlierDetector().fit(rows)
    assert len(detector.reference_scores_) == 20_000
    assert len(detector.p_values_) == 25_000
    gmmkit.save(detector, tmp_path / "d.gmm")
    np.testing.assert_array_equal(gmmkit.load(tmp_path / "d.gmm").reference_scores_, detector.reference_scores_)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda fit: {name: value for name, value in fit.items() if name != "units"},
        lambda fit: {**fit, "units": {"centre": [0.0, 0.0], "spread": [1.0, 1.0]}},
        lambda fit: {**fit, "units": {**fit["units"], "spread": [1.0, 1.0, -1.0]}},
        lambda fit: {**fit, "units": {**fit["units"], "spread": [1.0, 1.0, float("nan")]}},
        lambda fit: {**fit, "columns": {**fit["columns"], "weights": [[0.5], [1.0], [1.0]]}},
        lambda fit: {**fit, "columns": {**fit["columns"], "variances": "wide"}},
        lambda fit: {**fit, "columns": {**fit["columns"], "degrees_of_freedom": 0}},
        lambda fit: {**fit, "reference": []},
        lambda fit: {**fit, "reference": [2.0, 1.0]},
        lambda fit: {**fit, "offset": float("inf")},
        lambda fit: {**fit, "offset": float("nan")},
        lambda fit: {**fit, "offset": None},
        lambda fit: {**fit, "clean": 1},
        lambda fit: {name: value for name, value in fit.items() if name != "clean"},
    ],
)
def test_an_incomplete_record_is_refused(tmp_path, spoil):
    record = record_of(GaussianMixtureOutlierDetector().fit(X))
    write_model(replace(record, fit=spoil(record.fit)), tmp_path / "d.gmm")
    with pytest.raises(ModelFormatError, match=r"d\.gmm: its record of the fit is incomplete"):
        gmmkit.load(tmp_path / "d.gmm")


@pytest.mark.parametrize("verb", ["predict", "score", "sample"])
def test_verbs_refuse_a_mixture_in_other_units(tmp_path, capsys, verb):
    gmmkit.save(GaussianMixtureOutlierDetector().fit(X), tmp_path / "d.gmm")
    X.to_csv(tmp_path / "x.csv", index=False)
    files = [str(tmp_path / "d.gmm")] + [str(tmp_path / "x.csv")] * (verb in ("predict", "score"))
    with pytest.raises(SystemExit) as left:
        raise SystemExit(run([verb, *files]))
    assert left.value.code == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "holds a detector of anomalies, which judges rows: gmmkit anomalies DATA --with" in captured.err
    assert read_model(tmp_path / "d.gmm").estimator == "GaussianMixtureOutlierDetector"
