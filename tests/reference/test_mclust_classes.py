"""mclust's discriminant analyses (MclustDA 6.0.0): the same models, likelihoods and parameters on its data."""

import csv

import numpy as np
import pytest
from benchmarks.classes import SHARED, folds_of_mclust, wrong_of_folds
from benchmarks.classes import data as rows_of

from gmmkit import GaussianMixtureClassifier

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="../shared is not there")


def figures(kind):
    if not SHARED.exists():
        return []
    with (SHARED / "reference" / "mclust_da.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["type"] == kind]


@pytest.mark.parametrize("row", figures("EDDA"), ids=lambda row: row["dataset"])
def test_edda_is_mclust_s(row):
    rows, labels = rows_of(row["dataset"])
    found = GaussianMixtureClassifier().fit(rows, labels)
    assert {f"{name}1" for name in found.covariance_type_} == set(row["models"].split("|"))
    # mclust tells the density of all rows, whatever their class.
    assert found.score_samples(rows).sum() == pytest.approx(float(row["loglik"]), abs=0.05)
    assert found.candidates_[0]["n_parameters"] == int(row["df"])
    assert 1 - found.score(rows, labels) == pytest.approx(float(row["train_error"]), abs=1e-6)
    # The same models, on the same folds, have the same errors.
    wrong = wrong_of_folds(found, rows, labels, folds_of_mclust(row["dataset"]))
    assert wrong == round(float(row["cv10_error"]) * len(rows))


@pytest.mark.parametrize("row", figures("MclustDA"), ids=lambda row: row["dataset"])
def test_mixtures_of_classes_are_no_worse_than_mclust_s(row):
    rows, labels = rows_of(row["dataset"])
    found = GaussianMixtureClassifier("MclustDA", n_components=range(1, 6)).fit(rows, labels)
    known = -2 * float(row["loglik"]) + np.log(len(rows)) * int(row["df"])
    ours = -2 * found.score_samples(rows).sum() + np.log(len(rows)) * found.candidates_[0]["n_parameters"]
    # Criteria are of each class's own rows; that of all of them is mclust's or near it.
    assert ours < known + 15
    # Of crabs one class has two components here, of a better BIC than any mixture that mclust's starts lead it to.
    wrong = wrong_of_folds(found, rows, labels, folds_of_mclust(row["dataset"]))
    assert wrong <= round(float(row["cv10_error"]) * len(rows)) + 1
    if row["dataset"] in ("iris", "banknote"):
        assert ours == pytest.approx(known, abs=0.1)
        assert [str(k) for k in found.n_components_] == [name[-1] for name in row["models"].split("|")]


@pytest.mark.parametrize("row", figures("EDDA_odd_train_even_test"), ids=lambda row: row["dataset"])
def test_rows_not_seen_are_classified_as_by_mclust(row):
    rows, labels = rows_of(row["dataset"])
    found = GaussianMixtureClassifier().fit(rows[::2], labels[::2])
    wrong = 1 - found.score(rows[1::2], labels[1::2])
    assert wrong <= float(row["cv10_error"]) + 1.5 / len(rows[1::2])
