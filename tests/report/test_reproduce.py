"""The Python of the report runs, and makes the model again."""

import contextlib
import io

import numpy as np
import pytest
from page_reader import read
from report_cases import case, fitted, searched
from sklearn.datasets import load_iris

from gmmkit import (
    ConjugatePrior,
    GaussianMixture,
    GaussianMixtureClassifier,
    GaussianMixtureDensity,
    GaussianMixtureOutlierDetector,
    GaussianMixtureSearch,
    MixtureClusterer,
    save,
)
from gmmkit.data import open_table
from gmmkit.data.faithful import open_old_faithful
from gmmkit.estimators.persistence import record_of
from gmmkit.files import ModelRecord, read_model
from gmmkit.model.mixture import Mixture
from gmmkit.report import python_of, render_report, reproduce


def run(code, folder, **names):
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, "report", "exec"), names)
    return names["model"]


@pytest.fixture
def folder(tmp_path):
    rows = open_old_faithful().take(np.arange(272))
    lines = ["eruptions,waiting,the weight,label"]
    lines += [f"{x!r},{y!r},{1 + i % 3},{'ab'[i % 2]}" for i, (x, y) in enumerate(rows.tolist())]
    (tmp_path / "odd 'name'.csv").write_text("\n".join(lines))
    return tmp_path


def options(folder, structures):
    path = folder / "odd 'name'.csv"
    table = open_table(path, columns=["waiting", "eruptions"], weights="the weight", label="label")
    command = (
        f"gmmkit fit \"{path}\" --columns 'waiting,eruptions' --weights='the weight' --label label "
        f"--covariance {','.join(structures)} -o faithful.gmm"
    )
    return table, {"source": path.name, "command": command}


def close(model, record):
    np.testing.assert_allclose(model.mixture_.weights, record.mixture.weights, rtol=0.02)
    np.testing.assert_allclose(model.mixture_.means, record.mixture.means, rtol=0.02)
    assert model.mixture_.covariance_type == record.mixture.covariance_type


def test_a_search(folder):
    table, given = options(folder, ["tied", "diag"])
    record = searched(table, [2, 3], ("tied", "diag"), **given)
    code = python_of(record)
    assert "n_components=[2, 3]" in code or "range(2, 4)" in code
    assert 'weights="the weight"' in code
    model = run(code, folder)
    close(model, record)
    assert list(model.feature_names_in_) == ["waiting", "eruptions"]


def test_one_fit(folder):
    table, given = options(folder, ["full"])
    record = fitted(table, 2, **given)
    close(run(python_of(record), folder), record)


def test_the_page_shows_it():
    given = case("faithful")
    codes = [code.text for code in read(render_report(given.record, command="gmmkit report a.gmm")).all("code")]
    assert codes == ["gmmkit fit faithful.csv", "gmmkit report a.gmm", python_of(given.record)]


def test_the_demo(tmp_path):
    record = searched(open_old_faithful(), [3], ("tied",), command="gmmkit demo")
    close(run(python_of(record), tmp_path), record)


def test_rows_of_unknown_origin(tmp_path):
    mixture = Mixture.from_arrays([1.0], [[0.0, 2.0]], [[1.0, 1.0]], covariance_type="diag")
    code = python_of(ModelRecord(mixture))
    model = run(code, tmp_path, X=open_old_faithful().take(np.arange(272)))
    assert model.covariance_type == "diag"


def test_a_prior_is_written_out(tmp_path):
    rows = open_old_faithful().take(np.arange(272))
    prior = ConjugatePrior(mean=[3.0, 70.0], shrinkage=5.0)
    known = GaussianMixture(2, prior=prior, random_state=0).fit(rows)
    save(known, tmp_path / "m.gmm")
    code = python_of(read_model(tmp_path / "m.gmm"))
    assert "prior=ConjugatePrior(mean=[3.0, 70.0], shrinkage=5.0, degrees_of_freedom=None," in code
    model = run(code, tmp_path, X=rows)
    assert model.prior == prior
    np.testing.assert_array_equal(model.means_, known.means_)


def test_questions_of_other_programs_are_left_out():
    mixture = Mixture.from_arrays([1.0], [[0.0, 2.0]], [[1.0, 1.0]], covariance_type="diag")
    odd = {"merging": {"rule": "chance"}, "bootstrap": {"n_replicates": "many"}, "likelihood_ratio": [3]}
    assert python_of(ModelRecord(mixture, fit=odd)) == python_of(ModelRecord(mixture))


def test_saved_from_python():
    settings = {"n_init": 1, "max_iter": 50, "n_components": 3}
    record = case("faithful").record
    fit = {key: value for key, value in record.fit.items() if key != "criterion"}
    code = python_of(ModelRecord(record.mixture, settings=settings, fit=fit, table=record.table))
    assert "n_init" not in code  # the winner's, not the search's
    assert "max_iter=50" in code


def test_text_is_written_so_that_it_cannot_become_code():
    mixture = Mixture.from_arrays([1.0], [[0.0]], [1.0], covariance_type="spherical")
    for source in ('"); import os; ("', "a\nb.csv", "'\"", "\\", "{name}", "ä\u202e"):
        code = python_of(ModelRecord(mixture, provenance={"source": source}))
        assert f"open_table({source!r})" in code.replace('open_table("', "open_table('").replace('")', "')") or (
            repr(source) in code
        )
        compile(code, "report", "exec")


def test_defaults_are_the_estimators():
    one, search = GaussianMixture().get_params(), GaussianMixtureSearch().get_params()
    assert {name: one[name] for name in reproduce.ONE_FIT} == reproduce.ONE_FIT
    assert {name: search[name] for name in reproduce.SEARCH} == reproduce.SEARCH
    clusterer = MixtureClusterer().get_params()
    assert {name: clusterer[name] for name in reproduce.CLUSTERS} == reproduce.CLUSTERS
    density, known = GaussianMixtureDensity().get_params(), reproduce._WHOLE["GaussianMixtureDensity"][0]
    assert {name: list(v) if isinstance(v := density[name], tuple) else v for name in known} == known
    detector = GaussianMixtureOutlierDetector().get_params()
    assert {name: detector[name] for name in reproduce.DETECTIONS} == reproduce.DETECTIONS
    classes = GaussianMixtureClassifier().get_params()
    assert {name: classes[name] for name in reproduce.CLASSES} == {**reproduce.CLASSES, "n_components": (1, 2, 3, 4, 5)}


def test_a_classifier_is_made_again(tmp_path):
    rows, labels = load_iris(return_X_y=True)
    found = GaussianMixtureClassifier("MclustDA", n_components=[1, 2], covariance_type="EEE").fit(rows, labels)
    code = python_of(record_of(found))
    assert run(code, tmp_path, X=rows, y=labels).mixture_ == found.mixture_
    assert python_of(record_of(GaussianMixtureClassifier().fit(rows, labels))).count("GaussianMixtureClassifier()") == 1


def test_a_detector_is_made_again(tmp_path):
    rows = open_old_faithful().take(np.arange(272))
    found = GaussianMixtureOutlierDetector(contamination=0.05, random_state=3).fit(rows)
    code = python_of(record_of(found))
    assert "GaussianMixtureOutlierDetector(contamination=0.05, random_state=3)" in code
    assert run(code, tmp_path, X=rows).offset_ == found.offset_
