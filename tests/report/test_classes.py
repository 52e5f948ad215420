"""Reports of classifiers: mistakes on held-out rows, the classes, and Python that does it again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from page_reader import read
from sklearn.datasets import load_iris
from typer.testing import CliRunner

from gmmkit import GaussianMixtureClassifier, load
from gmmkit.cli.main import app
from gmmkit.estimators.persistence import record_of
from gmmkit.files import read_model
from gmmkit.report import render_report
from gmmkit.report.reproduce import python_of

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["<b>setosa</b>", "versicolor", "virginica"])[Y]


def classified(folder, labels, *options):
    lines = [",".join([*map(repr, row.tolist()), str(label)]) for row, label in zip(X, labels, strict=True)]
    (folder / "flowers.csv").write_text("\n".join(["a,b,c,d,kind", *lines]) + "\n")
    given = ["classify", "flowers.csv", "--label", "kind", "-o", "m.gmm", "--report", "r.html", "--quiet", *options]
    done = CliRunner().invoke(app, given, obj=given)
    assert (done.exit_code, done.output) == (0, "")
    return read_model("m.gmm")


def tables(page):
    found = {}
    for table in page.all("table"):
        (caption,) = table.all("caption")
        found[caption.text] = [[cell.text for cell in row.all("th", "td")] for row in table.all("tr")][1:]
    return found


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        (NAMES, ["--model", "MclustDA", "-k", "1:2", "--covariance", "EEE", "--calibrate", "--priors", "equal"]),
        (Y + 5, ["--covariance", "EEE,EEI", "--criterion", "error", "--folds", "3"]),
        (np.where(np.arange(150) % 3 == 0, "?", NAMES), ["--covariance", "EEE", "--unlabelled", "?", "--folds", "2"]),
        (
            np.where(np.arange(150) % 3 == 0, -1, Y),
            ["--model", "pool", "-k", "3", "--covariance", "EEE", "--folds", "2", "--seed", "1"],
        ),
    ],
)
def test_the_page_tells_the_mistakes_and_python_makes_the_model_again(tmp_path, monkeypatch, labels, options):
    monkeypatch.chdir(tmp_path)
    record = classified(tmp_path, labels, *options)
    kept = load("m.gmm")
    page = read((tmp_path / "r.html").read_text(encoding="utf-8"))
    confusion = kept.confusion_
    found = tables(page)
    fares = found["How each class fares"]
    assert [row[0] for row in fares] == [str(label) for label in kept.classes_]
    assert [float(row[1]) for row in fares] == confusion.sum(axis=1).tolist()
    told = found["The classes, and which components are theirs"]
    assert [row[3] for row in told] == list(kept.covariance_type_ if len(kept.covariance_type_) > 1 else
                                            kept.covariance_type_ * 3)  # fmt: skip
    assert any(svg.attributes["role"] == "img" and "told as which" in svg.text for svg in page.all("svg"))
    code = python_of(record)
    known = {}
    exec(compile(code, "report", "exec"), known)
    made = known["model"]
    assert made.classes_.tolist() == kept.classes_.tolist()
    np.testing.assert_array_equal(made.class_mixture_.posterior(X), kept.class_mixture_.posterior(X))
    assert made.temperature_ == kept.temperature_


def test_a_classifier_that_held_out_no_rows_says_so():
    found = GaussianMixtureClassifier(covariance_type=["EEE", "VVV"]).fit(X, NAMES)
    page = read(render_report(record_of(found)))
    assert "No rows were held out: nothing is known of its errors." in page.text
    assert "How each class fares" not in tables(page)
    best = tables(page)["The best"]
    assert [row[0] for row in best] == [row["covariance_type"][0] for row in found.candidates_]
    assert "cluster" not in next(page.all("header")).text


def test_a_record_that_cannot_be_read_is_reported_as_a_mixture():
    record = record_of(GaussianMixtureClassifier(covariance_type="EEE").fit(X, NAMES))
    broken = replace(record, fit={name: value for name, value in record.fit.items() if name != "shares"})
    assert "3 clusters" in read(render_report(broken)).text
