"""``gmmkit predict`` with a classifier that was saved from Python."""

import csv
import io

import numpy as np
import pytest
from sklearn.datasets import load_iris

from gmmkit import GaussianMixtureClassifier, save

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", 'a "b", c', "virginica"])[Y]


@pytest.fixture
def rows(tmp_path):
    np.savetxt(tmp_path / "rows.csv", X, delimiter=",", header="a,b,c,d", comments="")
    return tmp_path / "rows.csv"


@pytest.mark.parametrize("end", [None, ".csv", ".tsv", ".jsonl", ".parquet"])
def test_classes_stand_in_the_last_column(gmmkit, rows, tmp_path, end):
    found = GaussianMixtureClassifier("MclustDA", n_components=[1, 2], covariance_type="EEE").fit(X, NAMES)
    save(found, tmp_path / "m.gmm")
    done = gmmkit("predict", "m.gmm", rows, *([] if end is None else ["-o", f"out{end}"]))
    assert done.code == 0, done.err
    expected = found.predict(X).tolist()
    if end == ".parquet":
        import pandas as pd

        assert pd.read_parquet("out.parquet")["class"].tolist() == expected
    elif end == ".jsonl":
        import json

        assert [json.loads(line)["class"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == expected
    else:
        text = done.out if end is None else (tmp_path / f"out{end}").read_text()
        read = csv.DictReader(io.StringIO(text), delimiter="\t" if end == ".tsv" else ",")
        assert [row["class"] for row in read] == expected


def test_classes_that_are_numbers_stay_numbers(gmmkit, rows, tmp_path):
    found = GaussianMixtureClassifier(covariance_type="EEE").fit(X, Y + 5)
    save(found, tmp_path / "m.gmm")
    done = gmmkit("predict", "m.gmm", rows, "--only", "class")
    assert done.out.split() == ["class", *map(str, found.predict(X))]
    assert gmmkit("predict", "m.gmm", rows, "--only", "class", "-o", "out.npy").code == 0
    np.testing.assert_array_equal(np.load("out.npy")[:, 0], found.predict(X))


def test_mistakes(gmmkit, rows, tmp_path, model):
    done = gmmkit("predict", model, rows, "--only", "class")
    assert (done.code, "is no classifier" in done.err) == (2, True)
    save(GaussianMixtureClassifier(covariance_type="EEE").fit(X, NAMES), tmp_path / "m.gmm")
    done = gmmkit("predict", "m.gmm", rows, "-o", "out.npy")
    assert done.code == 2
    assert "holds numbers, but classes are texts; write .csv or .parquet" in done.err
