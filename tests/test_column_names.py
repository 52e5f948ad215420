"""Rows whose columns come in another order than those a model was fitted on are refused by all that takes both."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest

import gmmkit
from gmmkit.data import as_table
from gmmkit.errors import DataError
from gmmkit.plots import plot_classification, plot_density, plot_uncertainty

mpl.use("Agg")

FRAME = pd.DataFrame(
    np.concatenate([np.random.default_rng(0).normal(0, 1, (60, 2)), np.random.default_rng(1).normal(8, 2, (60, 2))]),
    columns=["length", "width"],
)
SWAPPED = FRAME[["width", "length"]]
FITTED = gmmkit.GaussianMixture(2, random_state=0).fit(FRAME)
CLUSTERER = gmmkit.MixtureClusterer(2, covariance_type="VVV").fit(FRAME)
SEARCH = gmmkit.GaussianMixtureSearch([2], covariance_type="VVV").fit(FRAME)

ASKED = {
    "bootstrap": lambda rows: gmmkit.bootstrap(FITTED, rows, n_replicates=40),
    "observed_information": lambda rows: gmmkit.observed_information(FITTED, rows),
    "observed_information of a search": lambda rows: gmmkit.observed_information(SEARCH, rows),
    "merge_by_entropy": lambda rows: gmmkit.merge_by_entropy(FITTED, rows),
    "merge_by_misclassification": lambda rows: gmmkit.merge_by_misclassification(FITTED, rows),
    "describe_clusters": lambda rows: gmmkit.describe_clusters(FITTED, rows),
    "labels of a tree": gmmkit.merge_by_entropy(FITTED, FRAME).labels,
    "labels of a tree of a mixture": gmmkit.merge_by_entropy(FITTED.mixture_, FRAME).labels,
    "probabilities of a tree": gmmkit.merge_by_misclassification(FITTED, FRAME).probabilities,
    "labels of a clusterer's tree": CLUSTERER.cluster_result_.tree.labels,
    "plot_density": lambda rows: plot_density(FITTED, rows),
    "plot_classification": lambda rows: plot_classification(FITTED, rows),
    "plot_uncertainty": lambda rows: plot_uncertainty(FITTED, rows),
}


@pytest.mark.parametrize("ask", [pytest.param(ask, id=name) for name, ask in ASKED.items()])
@pytest.mark.parametrize("make", [lambda frame: frame, pl.from_pandas, as_table])
def test_another_order_is_refused(ask, make):
    with pytest.raises(DataError, match="is 'width', but .* was fitted on 'length' there: give the same columns in"):
        ask(make(SWAPPED))


@pytest.mark.parametrize("ask", [pytest.param(ask, id=name) for name, ask in ASKED.items()])
def test_the_same_order_and_rows_without_names_are_taken(ask):
    ask(FRAME)
    ask(FRAME.to_numpy())


def test_the_words_are_those_of_the_estimators():
    said = []
    for ask in (FITTED.predict, ASKED["describe_clusters"]):
        with pytest.raises(DataError) as refused:
            ask(as_table(SWAPPED))
        said.append(str(refused.value))
    assert said == [
        "column 0 of X is 'width', but GaussianMixture was fitted on 'length' there: give the same columns in the same "
        "order"
    ] * len(said)


def test_a_model_without_names_takes_any():
    plain = gmmkit.GaussianMixture(2, random_state=0).fit(FRAME.to_numpy())
    assert gmmkit.observed_information(plain, SWAPPED).names == ("width", "length")


def test_rows_without_names_take_those_of_the_model():
    assert gmmkit.observed_information(FITTED, FRAME.to_numpy()).names == ("length", "width")
    assert gmmkit.describe_clusters(FITTED)[0].names == ("length", "width")
    assert gmmkit.describe_clusters(FITTED, names=["l", "w"])[0].names == ("l", "w")


def test_a_saved_tree_knows_the_names(tmp_path):
    gmmkit.save(CLUSTERER, tmp_path / "model.gmm")
    tree = gmmkit.load(tmp_path / "model.gmm").cluster_result_.tree
    assert tree.names == ("length", "width")
    with pytest.raises(DataError, match="column 0 of X is 'width'"):
        tree.labels(SWAPPED)
