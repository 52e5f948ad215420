"""``gmmkit fit`` from end to end: the same answers as from Python, whatever the file and the options."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from gmmkit import GaussianMixture, GaussianMixtureSearch, load
from gmmkit.cli.asked import ONE_FIT
from gmmkit.cli.fit import BOOTSTRAPS, CRITERIA, TEST_STARTS
from gmmkit.cli.fit import STARTS as NAMES_OF_STARTS
from gmmkit.data import open_table
from gmmkit.files import read_model
from gmmkit.inference.starts import STARTS
from gmmkit.model.covariance.catalogue import STRUCTURES
from gmmkit.report.reproduce import python_of
from gmmkit.selection.bootstrap import BootstrapKind
from gmmkit.selection.nested_fits import NestedStarts
from gmmkit.selection.ranking import CRITERION_NAMES

Gmmkit = Callable[..., Any]


def test_one_fit_is_the_estimators(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    outcome = gmmkit("fit", faithful, "-k", "3", "--covariance", "full", "-o", "m.gmm")
    assert (outcome.code, outcome.out) == (0, "")
    assert "3 components, full covariance: 272 rows of 2 columns from old_faithful.csv" in outcome.err
    known = GaussianMixture(3, random_state=0, **ONE_FIT).fit(open_table(faithful))
    read = load(tmp_path / "m.gmm")
    np.testing.assert_array_equal(read.means_, known.means_)
    assert read.get_params()["random_state"] == 0
    assert list(read.feature_names_in_) == ["eruptions", "waiting"]


def test_the_search_is_the_estimators(gmmkit: Gmmkit, faithful: Path) -> None:
    outcome = gmmkit("fit", faithful, "-k", "1:3", "--covariance", "tied,diag", "--criterion", "icl", "--json")
    known = GaussianMixtureSearch(range(1, 4), covariance_type=["tied", "diag"], criterion="icl").fit(
        open_table(faithful)
    )
    facts = outcome.json
    assert [(row["n_components"], row["covariance_type"]) for row in facts["search"]] == [
        (row["n_components"], row["covariance_type"]) for row in known.results_
    ]
    assert facts["icl"] == known.best_score_
    assert (facts["criterion"], facts["margin"]) == ("icl", known.margin_)
    assert outcome.err == ""


def test_what_is_not_fixed_is_searched(gmmkit: Gmmkit, faithful: Path) -> None:
    facts = gmmkit("fit", faithful, "-k", "2,4", "--json").json
    tried = sorted((row["n_components"], row["covariance_type"]) for row in facts["search"])
    assert tried == [(k, name) for k in (2, 4) for name in sorted(STRUCTURES)]
    in_one_column = gmmkit("fit", faithful, "-k", "2", "--columns", "waiting", "--json").json
    assert {row["covariance_type"] for row in in_one_column["search"]} == {"E", "V"}


def test_options_reach_the_fit(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    options = {"--max-iter": "7", "--tol": "0.0", "--reg-covar": "0.001", "--init": "random_from_data"}
    more = {"--n-init": "2", "--seed": "5", "--jobs": "1"}
    arguments = [word for pair in (options | more).items() for word in pair]
    assert gmmkit("fit", faithful, "-k", "2", "--covariance", "diag", "-o", "m.gmm", *arguments).code == 0
    known = GaussianMixture(
        2,
        covariance_type="diag",
        max_iter=7,
        tol=0.0,
        reg_covar=0.001,
        init_params="random_from_data",
        n_init=2,
        random_state=5,
    )
    with pytest.warns(match="did not converge"):
        known.fit(open_table(faithful))
    np.testing.assert_array_equal(load(tmp_path / "m.gmm").means_, known.means_)


def test_fewer_passes_are_the_estimators(gmmkit: Gmmkit, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    np.save(tmp_path / "rows.npy", rng.normal(size=(20_000, 2)) + 2.0 * rng.integers(3, size=(20_000, 1)))
    options = ("--acceleration", "squarem", "--warm-up", "mini-batch", "--n-init", "4", "--n-init-stop", "dominated")
    arguments = ("-k", "3", "--covariance", "EEE", "--tol", "1e-4", "--init", "random_from_data")
    assert gmmkit("fit", "rows.npy", *arguments, *options, "-o", "m.gmm").code == 0
    known = GaussianMixture(
        3,
        covariance_type="EEE",
        tol=1e-4,
        max_iter=1000,
        n_init=4,
        init_params="random_from_data",
        random_state=0,
        acceleration="squarem",
        warm_up="mini-batch",
        n_init_stop="dominated",
    )
    loaded = load(tmp_path / "m.gmm")
    np.testing.assert_array_equal(loaded.means_, known.fit(np.load(tmp_path / "rows.npy")).means_)
    assert loaded.fit_result_.warm_up.n_rows >= 20_000
    assert loaded.get_params()["acceleration"] == "squarem"
    assert 'acceleration="squarem"' in python_of(read_model(tmp_path / "m.gmm"))


@pytest.mark.parametrize("truncation", ["3", "16"])
def test_truncation_to_all_components_is_the_plain_fit(gmmkit: Gmmkit, tmp_path: Path, truncation: str) -> None:
    rng = np.random.default_rng(1)
    np.save(tmp_path / "rows.npy", rng.normal(size=(2_000, 2)) + 2.0 * rng.integers(3, size=(2_000, 1)))
    arguments = ("fit", "rows.npy", "-k", "3", "--covariance", "full", "--acceleration", "squarem")
    assert gmmkit(*arguments, "-o", "plain.gmm").code == 0
    assert gmmkit(*arguments, "--truncation", truncation, "-o", "all.gmm").code == 0
    assert load(tmp_path / "plain.gmm").mixture_ == load(tmp_path / "all.gmm").mixture_


def test_rows_in_float32_are_fitted_as_the_estimator_does(gmmkit: Gmmkit, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = (rng.normal(size=(60_000, 3)) + 2.0 * rng.integers(3, size=(60_000, 1))).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    arguments = ("-k", "3", "--covariance", "full", "--tol", "1e-4", "--n-init", "1", "--init", "random_from_data")
    assert gmmkit("fit", "rows.npy", *arguments, "-o", "m.gmm").code == 0
    known = GaussianMixture(3, tol=1e-4, max_iter=1000, init_params="random_from_data", random_state=0).fit(rows)
    loaded = load(tmp_path / "m.gmm")
    assert loaded.fit_result_.precision == known.fit_result_.precision
    np.testing.assert_allclose(loaded.means_, known.means_, rtol=1e-6)


def test_columns_weights_and_labels(gmmkit: Gmmkit, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kind = rng.integers(2, size=200)
    rows = rng.normal(size=(200, 2)) + 9.0 * kind[:, None]
    lines = [f"{x},{y},{1 + w % 2},{'ab'[k]}" for (x, y), w, k in zip(rows, range(200), kind, strict=True)]
    (tmp_path / "data.csv").write_text("x,y,times,kind\n" + "\n".join(lines) + "\n")
    options = ("--columns", "y,x", "--weights", "times", "--label", "kind")
    outcome = gmmkit("fit", "data.csv", "-k", "2", "--covariance", "tied", *options, "-o", "m.gmm")
    assert "Adjusted Rand index 1.0000" in outcome.err
    facts = gmmkit("describe", "m.gmm", "--json").json
    assert facts["feature_names"] == ["y", "x"]
    assert facts["total_weight"] == 300.0
    assert facts["labels"]["names"] == ["a", "b"]
    assert facts["labels"]["adjusted_rand_index"] == 1.0
    assert np.sum(facts["labels"]["counts"]) == 300.0
    assert facts["provenance"]["source"] == "data.csv"
    assert facts["provenance"]["command"].startswith("gmmkit fit data.csv -k 2")


def test_every_kind_of_file(gmmkit: Gmmkit, faithful: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    rows = open_table(faithful).take(np.arange(272))
    np.save(tmp_path / "f.npy", rows)
    pq.write_table(pa.table({"eruptions": rows[:, 0], "waiting": rows[:, 1]}), tmp_path / "f.parquet")
    (tmp_path / "f.tsv").write_text(faithful.read_text().replace(",", "\t"))
    found = [
        gmmkit("fit", path, "-k", "2", "--covariance", "full", "--json").json["log_likelihood"]
        for path in (faithful, "f.npy", "f.parquet", "f.tsv")
    ]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(faithful.read_bytes())))
    found.append(gmmkit("fit", "-", "-k", "2", "--covariance", "full", "--json").json["log_likelihood"])
    assert len(set(found)) == 1


def test_quiet_says_nothing(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    outcome = gmmkit("fit", faithful, "-k", "2", "--covariance", "full", "-o", "m.gmm", "--quiet")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_nothing_to_resume_is_said(gmmkit: Gmmkit, faithful: Path) -> None:
    options = ("-k", "2", "--covariance", "full", "--resume", "--checkpoint", "c.gmm")
    assert gmmkit("fit", faithful, *options).err.startswith("gmmkit: note: there is no c.gmm to go on from: the fit")
    assert "to go on from" not in gmmkit("fit", faithful, *options).err


def test_degenerate_data_are_fitted_and_said_to_be(gmmkit: Gmmkit, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,b\n" + "".join(f"{i},7\n" for i in range(20)))
    outcome = gmmkit("fit", "d.csv", "-k", "1", "--covariance", "full", "-o", "m.gmm")
    assert outcome.code == 0
    assert "Note: column 'b' holds one value only" in " ".join(outcome.err.split())
    assert "holds one value only" in gmmkit("describe", "m.gmm", "--json").json["warnings"][0]
    assert gmmkit("fit", "d.csv", "-k", "1", "--covariance", "full", "--reg-covar", "0").code == 3


def test_a_column_that_numbers_the_rows_is_said_to(gmmkit: Gmmkit, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(30, 2))
    lines = "".join(f"{i},{x},{y}\n" for i, (x, y) in enumerate(rows.tolist(), 1))
    (tmp_path / "d.csv").write_text("id,x,y\n" + lines)
    for verb in (("fit", "-k", "1:2", "--covariance", "EEE"), ("cluster",)):
        said = " ".join(gmmkit(verb[0], "d.csv", *verb[1:], "-o", "m.gmm").err.split())
        assert "Note: column 'id' holds 30 consecutive whole numbers" in said
        assert "leave it out with --columns x,y" in said
        assert "column 'id'" in gmmkit("describe", "m.gmm").out
    assert "Note" not in gmmkit("fit", "d.csv", "--columns", "x,y", "-k", "1", "--covariance", "EEE").err


def test_clusters_in_constant_columns_have_the_note_of_a_fit(gmmkit: Gmmkit, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(30, 2))
    (tmp_path / "d.csv").write_text("x,y,c\n" + "".join(f"{x},{y},7\n" for x, y in rows.tolist()))
    for verb in (("fit", "-k", "1", "--covariance", "VVV"), ("cluster", "--clusters", "1")):
        said = " ".join(gmmkit(verb[0], "d.csv", *verb[1:]).err.split())
        assert said.count("column 'c' holds one value only and tells nothing of how rows differ") == 1


def test_the_edge_of_what_was_tried_is_said(gmmkit: Gmmkit, faithful: Path) -> None:
    text = gmmkit("fit", faithful, "-k", "1:2", "--covariance", "EEE", "-o", "m.gmm").err
    said = "Note: 2 is the largest number of components that was tried; try -k 1:9."
    assert said in text
    assert said in gmmkit("describe", "m.gmm").out
    assert "is the largest number" not in gmmkit("fit", faithful, "-k", "2:4", "--covariance", "EEE").err


def test_what_a_search_warns_of_is_told_with_the_model(gmmkit: Gmmkit, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = np.concatenate([random.normal(size=(60, 2)), random.normal(6.0, 1.0, size=(60, 2))])
    rows = np.column_stack([rows, rows.sum(axis=1), np.full(120, 0.25)])
    np.savetxt(tmp_path / "d.csv", rows, delimiter=",", header="a,b,c,share", comments="")
    search = ("fit", "d.csv", "-k", "1:2", "--covariance", "EII,VVV", "--columns", "a,b,c", "--weights", "share")
    text = " ".join(gmmkit(*search, "-o", "m.gmm", "--report", "r.html").err.split())
    dependent, shares = "the columns are linearly dependent", "the weights of d.csv sum to 30, though 120 rows have one"
    for said in (f"Note: {dependent}", f"Note: {shares}"):
        assert text.count(said.removeprefix("Note: ")) == text.count(said) == 1
    assert "2 models with covariances between columns were set aside" in text
    facts = gmmkit("describe", "m.gmm", "--json").json
    assert (
        sum(dependent in said for said in facts["warnings"]) == sum(shares in said for said in facts["warnings"]) == 1
    )
    page = (tmp_path / "r.html").read_text()
    assert f"T{dependent[1:]} (" in page
    assert f"T{shares[1:]}" in page
    # More components would only follow c = a + b piece by piece.
    assert facts["n_components"] == 2
    assert "largest number" not in text
    outcome = gmmkit(*search, "--json")
    assert outcome.json["warnings"] == facts["warnings"]
    assert outcome.err == ""


def test_tests_that_disagree_are_said_to(gmmkit: Gmmkit, faithful: Path) -> None:
    text = gmmkit("fit", faithful, "-k", "1", "--covariance", "EEE", "--lrt", "19").err
    words = "Note: the likelihood-ratio tests ask for at least 2 components, but the model has 1."
    assert words in " ".join(text.split())


def test_few_rows_are_no_evidence(gmmkit: Gmmkit, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(12, 2))
    np.savetxt(tmp_path / "few.csv", rows, delimiter=",", header="a,b", comments="")
    text = gmmkit("fit", "few.csv", "-o", "m.gmm").err
    assert "Margin to the runner-up" in text
    assert "evidence" not in text
    assert "parameters were fitted to 12 rows" in text
    facts = gmmkit("describe", "m.gmm", "--json").json
    assert facts["evidence"] is None
    assert "parameters were fitted to 12 rows" in facts["warnings"][0]


def test_one_fit_is_as_good_as_the_searchs(gmmkit: Gmmkit, faithful: Path) -> None:
    one = gmmkit("fit", faithful, "-k", "3", "--covariance", "tied", "--json").json
    searched = gmmkit("fit", faithful, "-k", "2:3", "--covariance", "tied", "--json").json
    assert one["search"] is None
    assert abs(one["log_likelihood"] - searched["log_likelihood"]) < 0.02


def test_names_are_the_engines() -> None:
    assert NAMES_OF_STARTS == STARTS
    assert sorted(CRITERIA) == sorted(CRITERION_NAMES)
    assert get_args(BootstrapKind) == BOOTSTRAPS
    assert get_args(NestedStarts) == TEST_STARTS
