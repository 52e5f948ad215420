"""``gmmkit classify``: the library's classifier of a table, its mistakes on held-out rows, new rows told."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

from gmmkit import GaussianMixtureClassifier, load

Gmmkit = Callable[..., Any]

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
COLUMNS = ("a", "b", "c", "d")


def written(path: Path, rows: np.ndarray, labels: Any = None) -> Path:
    head = ",".join([*COLUMNS, *([] if labels is None else ["kind"])])
    lines = [",".join(map(repr, row.tolist())) for row in rows]
    if labels is not None:
        lines = [f"{line},{label}" for line, label in zip(lines, labels, strict=True)]
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    return written(tmp_path / "flowers.csv", X, NAMES)


def changed(places: slice, value: str) -> np.ndarray:
    labels = NAMES.astype(object)
    labels[places] = value
    return labels


def test_paths_to_copy_are_not_wrapped(gmmkit: Gmmkit, flowers: Path, tmp_path: Path) -> None:
    folder = tmp_path / ("a folder of a long name" * 6)
    folder.mkdir()
    model, report = folder / "flowers.gmm", folder / "flowers.html"
    found = gmmkit("classify", flowers, "--label", "kind", "--covariance", "EEE", "-o", model, "--report", report)
    assert found.code == 0
    assert f"Model in {model}\nReport in {report}\n" in found.err


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        (["--covariance", "EEE,VVV"], {"covariance_type": ["EEE", "VVV"]}),
        (
            ["--model", "MclustDA", "-k", "1:2", "--covariance", "EEE", "--calibrate", "--priors", "equal"],
            {
                "model": "MclustDA",
                "n_components": [1, 2],
                "covariance_type": ["EEE"],
                "calibration": "temperature",
                "priors": "equal",
            },
        ),
        (
            ["--model", "pool", "-k", "3", "--covariance", "EEE", "--seed", "1", "--folds", "5"],
            {"model": "pool", "n_components": [3], "covariance_type": ["EEE"], "random_state": 1, "folds": 5},
        ),
        (
            ["--criterion", "error", "--covariance", "EEI,EEE", "--shrinkage", "0.1", "--folds", "3"],
            {"criterion": "error", "covariance_type": ["EEI", "EEE"], "shrinkage": 0.1, "folds": 3},
        ),
        (
            ["--covariance", "VVV", "--shrinkage", "cv", "--folds", "2"],
            {"covariance_type": ["VVV"], "shrinkage": "cv", "folds": 2},
        ),
    ],
)
def test_the_model_is_the_classifiers_own(gmmkit: Gmmkit, flowers: Path, options: Any, parameters: Any) -> None:
    done = gmmkit("classify", flowers, "--label", "kind", *options, "-o", "m.gmm", "--json")
    assert (done.code, done.err) == (0, "")
    kept, own = load("m.gmm"), GaussianMixtureClassifier(**parameters).fit(X, NAMES)
    np.testing.assert_array_equal(kept.class_mixture_.posterior(X), own.class_mixture_.posterior(X))
    assert (kept.shrinkage_, kept.temperature_) == (own.shrinkage_, own.temperature_)
    assert kept.feature_names_in_.tolist() == list(COLUMNS)
    given = {**own.get_params(), **parameters}
    assert {name: kept.get_params()[name] for name in parameters} == {name: given[name] for name in parameters}
    told = done.json
    confusion = np.array(told["held_out"]["confusion"])
    assert confusion.sum() == len(X)
    assert told["held_out"]["error"] == pytest.approx(1.0 - confusion.trace() / len(X))
    if own.confusion_ is not None:
        np.testing.assert_array_equal(confusion, own.confusion_)
    assert [one["class"] for one in told["classes"]] == own.classes_.tolist()
    assert [one["prior"] for one in told["classes"]] == own.priors_.tolist()


def test_without_validation_nothing_is_told_of_errors(gmmkit: Gmmkit, tmp_path: Path) -> None:
    # Four rows of a class are enough where there are no ten folds.
    few = written(tmp_path / "few.csv", X, changed(slice(0, 46), "virginica"))
    options = ["--label", "kind", "--covariance", "EEE", "--no-validation"]
    done = gmmkit("classify", few, *options, "-o", "m.gmm", "--report", "m.html")
    assert done.code == 0
    assert "No rows were held out: nothing is known of its errors." in done.err
    assert load("m.gmm").confusion_ is None
    assert gmmkit("describe", "m.gmm", "--json").json["classification"]["held_out"] is None
    assert "--no-validation" in gmmkit("describe", "m.gmm", "--json").json["provenance"]["command"]


@pytest.mark.parametrize("asks", [["--criterion", "error"], ["--shrinkage", "cv"], ["--calibrate"]])
def test_what_needs_rows_held_out_says_so(gmmkit: Gmmkit, flowers: Path, asks: list[str]) -> None:
    done = gmmkit("classify", flowers, "--label", "kind", "--no-validation", *asks)
    assert (done.code, done.out) == (2, "")
    assert f"--no-validation: {' '.join(asks)} needs rows that are held out; leave out one of the two" in done.err


def test_new_rows_are_told_with_or_without_their_label(gmmkit: Gmmkit, flowers: Path, tmp_path: Path) -> None:
    done = gmmkit("classify", flowers, "--label", "kind", "--covariance", "EEE", "--calibrate", "-o", "m.gmm", "-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    new = written(tmp_path / "new.csv", X)
    without, beside = gmmkit("predict", "m.gmm", new), gmmkit("predict", "m.gmm", flowers)
    assert without.code == beside.code == 0
    assert without.out == beside.out
    read = list(csv.DictReader(io.StringIO(without.out)))
    model = load("m.gmm")
    named = [[float(row[f"class_probability_{name}"]) for name in model.classes_] for row in read]
    rows = np.array(X, dtype=object)  # the labels of columns are not asked of plain arrays of objects
    with pytest.warns(UserWarning, match="feature names"):
        expected = model.predict_proba(rows.astype(float))
    assert model.temperature_ != 1.0
    np.testing.assert_allclose(named, expected, rtol=1e-12)
    assert [row["class"] for row in read] == model.classes_[expected.argmax(axis=1)].tolist()
    only = gmmkit("predict", "m.gmm", new, "--only", "class_probability").out.splitlines()
    assert only[0] == ",".join(f"class_probability_{name}" for name in model.classes_)
    assert len(only) == len(X) + 1


def test_words_say_what_was_chosen_and_how_often_it_is_wrong(gmmkit: Gmmkit, flowers: Path) -> None:
    done = gmmkit("classify", flowers, "--label", "kind", "--covariance", "EEE,EEI", "-o", "m.gmm")
    assert (done.code, done.out) == (0, "")
    confusion = load("m.gmm").confusion_
    assert "EDDA, EEE covariance, 3 classes: 150 rows of 4 columns from flowers.csv" in done.err
    assert "Chosen by BIC: lower is better. 2 models tried." in done.err
    wrong = len(X) - confusion.trace()
    share = f"{100 * wrong / len(X):.2f} %"
    assert f"{share} of held-out rows are told as another class ({wrong:g} of 150, 10 folds)." in done.err
    for name, row in zip(("setosa", "versicolor", "virginica"), confusion, strict=True):
        told = [line.split() for line in done.err.splitlines() if line.startswith(name)][-1]
        assert told[1:4] == [f"{n:g}" for n in row]
    described = gmmkit("describe", "m.gmm")
    assert f"{share} of held-out rows" in described.out
    own = gmmkit("classify", flowers, "--label", "kind", "--covariance", "EEE", "--model", "MclustDA", "-k", "1:2")
    assert "Each class's size and structure: the best BIC for its rows." in own.err
    assert next(line.split()[-2:] for line in own.err.splitlines() if line.startswith("setosa")) == ["EEE", "2"]
    known = gmmkit("describe", "m.gmm", "--json").json["classification"]
    assert (known["classifier"], known["label"], known["held_out"]["confusion"]) == ("EDDA", "kind", confusion.tolist())


def test_weights_are_counted_as_rows(gmmkit: Gmmkit, flowers: Path, tmp_path: Path) -> None:
    # Repeated rows, whose weight no longer fits into six digits.
    lines = flowers.read_text().splitlines()
    text = [f"{line},{'weight' if n == 0 else 20_000}" for n, line in enumerate(lines)]
    (tmp_path / "weighed.csv").write_text("\n".join(text) + "\n")
    given = ["--label", "kind", "--weights", "weight", "--covariance", "EEE", "--folds", "2", "-o", "m.gmm"]
    done = gmmkit("classify", "weighed.csv", *given)
    confusion = load("m.gmm").confusion_
    assert confusion.sum() == 3_000_000
    assert f"({confusion.sum() - confusion.trace():,.0f} of 3,000,000, 2 folds)" in done.err
    assert ["setosa", "1,000,000", "33.3", "%"] in [line.split() for line in done.err.splitlines()]


def test_rows_of_no_known_class_take_part(gmmkit: Gmmkit, tmp_path: Path) -> None:
    labels = changed(slice(None, None, 3), "?")
    half = written(tmp_path / "half.csv", X, labels)
    options = ["--label", "kind", "--unlabelled", "?", "--covariance", "EEE", "--folds", "3", "-o", "m.gmm"]
    done = gmmkit("classify", half, *options)
    assert "50 rows of no known class took part in the fit." in done.err
    own = GaussianMixtureClassifier(covariance_type="EEE", unlabelled="?").fit(X, labels.astype(str))
    np.testing.assert_array_equal(load("m.gmm").class_mixture_.posterior(X), own.class_mixture_.posterior(X))
    # −1 means that too, where there are at least two others.
    codes = np.where(labels == "?", "-1", Y.astype(str))
    done = gmmkit("classify", written(tmp_path / "codes.csv", X, codes), "--label", "kind", "--covariance", "EEE",
                  "--folds", "3", "-o", "n.gmm", "--json")  # fmt: skip
    assert done.json["unlabelled_rows"] == 50
    assert load("n.gmm").classes_.tolist() == [0, 1, 2]
    two = written(tmp_path / "two.csv", X, np.where(Y == 0, "1", "-1"))
    done = gmmkit("classify", two, "--label", "kind", "--covariance", "EEE", "--json", "-o", "t.gmm")
    assert (done.json["unlabelled_rows"], load("t.gmm").classes_.tolist()) == (0, [-1, 1])


def test_labels_that_only_look_like_numbers_stay_texts(gmmkit: Gmmkit, tmp_path: Path) -> None:
    codes = np.array(["007", "07", "8"])[Y]
    path = written(tmp_path / "codes.csv", X, codes)
    done = gmmkit("classify", path, "--label", "kind", "--covariance", "EEE", "--json", "-o", "m.gmm")
    assert sorted(one["class"] for one in done.json["classes"]) == ["007", "07", "8"]
    assert set(gmmkit("predict", "m.gmm", path, "--only", "class").out.split()) == {"class", "007", "07", "8"}


def test_a_column_that_is_constant_in_a_class_is_told_with_the_remedy(gmmkit: Gmmkit, tmp_path: Path) -> None:
    rows = X.copy()
    rows[Y == 0, 3] = 0.2
    path = written(tmp_path / "constant.csv", rows, NAMES)
    done = gmmkit("classify", path, "--label", "kind", "--covariance", "VVV", "--json")
    (warning,) = done.json["warnings"]
    assert "column 'd' in class 'setosa' (always 0.2) is constant" in warning
    assert "--shrinkage cv" in warning
    # Among all structures there are some that need no variance of the class's own.
    done = gmmkit("classify", path, "--label", "kind", "--covariance", "VVV,EEE", "--json")
    assert (done.json["warnings"], done.json["classes"][0]["covariance_type"]) == ([], "EEE")


@pytest.mark.parametrize(
    ("labels", "options", "code", "said"),
    [
        (NAMES, ["--label", "species"], 3, "there is no column 'species'; it has 5 columns: a, b, c, d, kind"),
        (NAMES, [], 2, "Missing option '--label'"),
        (["a"] * 150, ["--label", "kind"], 3, "column 'kind' has one class, 'a', but a classifier needs"),
        (["?"] * 150, ["--label", "kind", "--unlabelled", "?"], 3, "holds '?' in all rows; a classifier needs"),
        (
            ["?"] * 75 + ["a"] * 75,
            ["--label", "kind", "--unlabelled", "?"],
            3,
            "has one class, 'a', but a classifier needs",
        ),
        (changed(slice(0, 1), "odd"), ["--label", "kind"], 3, "class 'odd' has 1 row, which tells nothing of its"),
        (changed(slice(0, 46), "virginica"), ["--label", "kind"], 3, "'setosa' has 4 rows, too few for 10 folds of"),
        (changed(slice(0, 46), "virginica"), ["--label", "kind"], 3, "give more rows of it, or --folds 4"),
        (changed(slice(3, 4), ""), ["--label", "kind"], 3, "column 'kind' is empty; expected a label"),
        (NAMES, ["--label", "kind", "--unlabelled", "none"], 2, "has no such label; leave out the option, or correct"),
        (NAMES, ["--label", "kind", "--unlabelled", " "], 2, "--unlabelled is empty"),
        (NAMES, ["--label", "kind", "--priors", "setosa=0.5,rose=0.5"], 2, "unknown class 'rose'; expected one for"),
        (NAMES, ["--label", "kind", "--priors", "setosa=0.5"], 2, "no prior of class 'versicolor'"),
        (NAMES, ["--label", "kind", "--priors", "setosa"], 2, "'setosa' is no prior; expected equal, or CLASS="),
        (NAMES, ["--label", "kind", "--priors", ""], 2, "expected equal, or CLASS=PROBABILITY between commas"),
        (NAMES, ["--label", "kind", "--priors", "setosa=0.5,setosa=0.5"], 2, "names 'setosa' twice"),
        (
            NAMES,
            ["--label", "kind", "--priors", "setosa=0.5,versicolor=0.2,virginica=0.2"],
            2,
            "priors must sum to 1, but sum to 0.9",
        ),
        (NAMES, ["--label", "kind", "-k", "2"], 2, "EDDA has one component a class; take --model MclustDA"),
        (NAMES, ["--label", "kind", "--model", "LDA"], 2, "expected one of EDDA, MclustDA, pool"),
        (NAMES, ["--label", "kind", "--criterion", "aic"], 2, "expected one of bic, error, log_loss".capitalize()),
        (NAMES, ["--label", "kind", "--shrinkage", "1"], 2, "expected cv, or a number at or above 0 and below 1"),
        (NAMES, ["--label", "kind", "--folds", "1"], 2, "expected a whole number, at least 2"),
        (NAMES, ["--label", "kind", "-o", "m.txt"], 2, "expected a name that ends in .gmm"),
    ],
)
def test_mistakes_are_one_line_with_the_remedy(
    gmmkit: Gmmkit, tmp_path: Path, labels: Any, options: list[str], code: int, said: str
) -> None:
    done = gmmkit("classify", written(tmp_path / "rows.csv", X, labels), *options)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_equal_rows_of_a_class_are_said(gmmkit: Gmmkit, tmp_path: Path) -> None:
    rows = X.copy()
    rows[Y == 0] = rows[0]
    done = gmmkit("classify", written(tmp_path / "equal.csv", rows, NAMES), "--label", "kind", "--covariance", "EEE")
    assert done.code == 2
    assert "class 'setosa': 10 folds need as many distinct rows, but there is 1: give more" in done.err
