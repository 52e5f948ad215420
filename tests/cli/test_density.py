"""``gmmkit density``: the same as from Python, its questions, and what is no question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gmmkit import Diagonal, GaussianMixtureDensity, Mixture, load, open_table
from gmmkit.files import ModelRecord, read_model, write_model
from gmmkit.report import python_of

Gmmkit = Callable[..., Any]

SMALL = ("-k", "1,4", "--covariance", "diag", "--folds", "3")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, faithful: Path) -> Path:
    from gmmkit.cli.main import main

    path = tmp_path_factory.mktemp("density") / "small.gmm"
    with pytest.raises(SystemExit) as left:
        main(["density", str(faithful), *SMALL, "-o", str(path), "--quiet"])
    assert not left.value.code
    return path


def test_it_is_the_estimator_of_the_same_parameters(small: Path, faithful: Path) -> None:
    table = open_table(faithful)
    known = GaussianMixtureDensity((1, 4), covariance_type=["diag"], folds=3).fit(table)
    read = load(small)
    assert read.mixture_ == known.mixture_
    assert (read.members_, read.held_out_score_) == (known.members_, known.held_out_score_)
    assert (list(read.n_components), read.folds, read.random_state) == ([1, 4], 3, 0)
    record = read_model(small)
    assert record.fit["log_likelihood"] == pytest.approx(known.score(table) * table.n_rows)
    assert 'GaussianMixtureDensity(n_components=[1, 4], covariance_type=["diag"], folds=3)' in python_of(record)


def test_questions_of_a_model_are_those_of_its_mixture(gmmkit: Gmmkit, small: Path, model: Path) -> None:
    asked = ("--region", "0.9", "--region", "0.5", "--box", "eruptions=:3,waiting=60:", "--compare", model)
    done = gmmkit("density", small, *asked, "--json")
    assert (done.code, done.err) == (0, "")
    found, mixture = done.json, load(small).mixture_
    assert [region["probability"] for region in found["regions"]] == [0.9, 0.5]
    level = found["regions"][0]["log_density"]
    drawn = mixture.log_density(mixture.sample(20_000, seed=5)[0])
    assert (drawn > level).mean() == pytest.approx(0.9, abs=0.01)
    waiting = mixture.marginal([1]).highest_density_region(0.5)
    np.testing.assert_allclose(found["regions"][1]["columns"]["waiting"], waiting)
    assert found["boxes"][0]["probability"] == mixture.box_probability({0: (-np.inf, 3.0), 1: (60.0, np.inf)}).value
    assert 0 < found["comparison"]["jensen_shannon"]["value"] < 0.2
    assert found["comparison"]["other"] == str(model)
    by_place = gmmkit("density", small, "--box", "0=:3,1=60:", "--json").json["boxes"][0]
    assert by_place["probability"] == found["boxes"][0]["probability"]
    text = gmmkit("density", small, *asked).out
    assert "90 % of the probability lies where the log-density is above" in text
    assert "eruptions=:3,waiting=60:: probability 0.0" in text
    assert "Jensen-Shannon" in text


def test_a_fit_says_what_it_is_an_average_of(gmmkit: Gmmkit, faithful: Path) -> None:
    done = gmmkit("density", faithful, *SMALL, "--box", "waiting=:60")
    assert done.code == 0
    assert done.err.startswith("An average of ")
    assert "Log-density of rows not seen: -4." in done.err
    assert done.out.startswith("waiting=:60: probability 0.")
    assert gmmkit("density", faithful, *SMALL, "--quiet").err == ""


def test_other_verbs_read_the_model(gmmkit: Gmmkit, small: Path, faithful: Path) -> None:
    described = gmmkit("describe", small).out
    assert described.startswith("An average of ")
    assert "272 rows of 2 columns" in described
    assert "Log-density of rows not seen: -4." in described
    assert "nearest" not in described  # no table of components: they are no groups
    assert gmmkit("describe", small, "--json").json["held_out"] == load(small).held_out_score_
    assert gmmkit("score", small, faithful).out.startswith("mean_log_likelihood -4.")
    assert gmmkit("sample", small, "-n", "3").out.count("\n") == 4
    assert gmmkit("report", small, "-o", "page.html").code == 0
    assert "GaussianMixtureDensity" in Path("page.html").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "nothing was asked"),
        (("-k", "2"), "--components is for data"),
        (("-o", "other.gmm"), "--output is for data"),
        (("--region", "95"), "expected a number between 0 and 1"),
        (("--box", "waiting"), "expected a column and what it is"),
        (("--box", "waiting=3:2"), "waiting=3:2, whose least value is above its largest; did you mean waiting=2:3?"),
        (("--box", "waiting=a:2"), "expected the least and the largest value"),
        (("--box", "width=1:2"), "the columns are eruptions, waiting"),
        (("--box", "waiting=1:2,waiting=:3"), "twice"),
        (("--box", ""), "expected columns, such as a=0:9"),
    ],
)
def test_what_cannot_be_asked_of_a_model_is_said_in_a_line(
    gmmkit: Gmmkit, small: Path, options: tuple[str, ...], said: str
) -> None:
    done = gmmkit("density", small, *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_mistakes_are_told_before_the_fit(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    for code, options in (
        (2, ("--box", "width=1:2")),
        (4, ("--compare", tmp_path / "no.gmm")),
        (2, ("-o", tmp_path / "model.txt")),
        (2, ("--covariance", "all")),
        (2, ("-k", "200")),
    ):
        done = gmmkit("density", faithful, *options)
        assert done.code == code, done.err
        assert done.err.count("\n") == 1
    assert gmmkit("density", tmp_path / "no.csv").code == 3


def test_models_of_other_columns_are_not_compared(gmmkit: Gmmkit, small: Path, faithful: Path) -> None:
    assert gmmkit("fit", faithful, "--columns", "waiting,eruptions", "-k", "1", "-o", "turned.gmm").code == 0
    done = gmmkit("density", small, "--compare", "turned.gmm")
    assert done.code == 3
    assert "in the same order" in done.err


def test_labels_are_kept_aside(gmmkit: Gmmkit, tmp_path: Path) -> None:
    data, model = tmp_path / "flowers.csv", tmp_path / "flowers.gmm"
    lines = [f"{i % 7}.5,{i % 5}.25,{'ab'[i % 2]}" for i in range(60)]
    data.write_text("\n".join(["x,y,kind", *lines]) + "\n")
    assert gmmkit("density", data, "--label", "kind", *SMALL, "-o", model).code == 0
    assert list(read_model(model).feature_names or ()) == ["x", "y"]


def test_names_of_rows_may_be_empty(gmmkit: Gmmkit, tmp_path: Path) -> None:
    lines = [f"{i % 7}.5,{i % 5}.25,{'' if i % 9 else i}" for i in range(60)]
    Path("some.csv").write_text("\n".join(["x,y,name", *lines]) + "\n")
    done = gmmkit("density", "some.csv", "--label", "name", *SMALL, "-o", "some.gmm")
    assert (done.code, done.err.count("warning")) == (0, 0), done.err
    assert list(read_model("some.gmm").feature_names or ()) == ["x", "y"]
    code = python_of(read_model("some.gmm"))
    found: dict[str, Any] = {}
    exec(code, found)
    assert found["model"].mixture_ == read_model("some.gmm").mixture
    # Classes may not be: each is drawn by itself.
    refused = gmmkit("sample", "some.csv", "--label", "name")
    assert (refused.code, refused.out) == (3, "")
    assert "some.csv: line 3, column 'name' is empty" in refused.err
    assert "there is no column 'nome'; did you mean 'name'?" in gmmkit("density", "some.csv", "--label", "nome").err


def test_columns_and_rows_that_spoil_a_density_are_told(gmmkit: Gmmkit, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = np.c_[random.normal(size=60), np.full(60, 3.0), random.permutation(60), random.normal(size=60)]
    rows[7, 3] = 99999.0
    np.savetxt(tmp_path / "odd.csv", rows, delimiter=",", header="a,same,id,b", comments="")
    done = gmmkit("density", "odd.csv", "-k", "1", "--covariance", "diag", "-o", "odd.gmm")
    assert done.code == 0
    assert "warning: column 'same' holds one value only and tells nothing of how rows differ: " in done.err
    assert "warning: column 'id' holds 60 consecutive whole numbers" in done.err
    assert "warning: line 9, column 'b' is 99999, " in done.err
    assert gmmkit("density", "odd.csv", "-k", "1", "--covariance", "diag", "--quiet").err == ""
    assert len(gmmkit("density", "odd.csv", "-k", "1", "--covariance", "diag", "--json").json["notes"]) == 3
    assert "99999" in gmmkit("describe", "odd.gmm").out


@pytest.mark.parametrize("folds", [999, 31])
def test_more_folds_than_rows_that_differ_are_refused(gmmkit: Gmmkit, tmp_path: Path, folds: int) -> None:
    (tmp_path / "some.csv").write_text("\n".join(["x,y", *(f"{i},{i * i}" for i in range(30)), "1,1", "2,4"]) + "\n")
    done = gmmkit("density", "some.csv", *SMALL[:4], "--folds", folds)
    assert (done.code, done.out) == (3, "")
    assert f"some.csv: --folds {folds} needs as many rows that differ, but there are 30: give more rows" in done.err


def test_ranges_that_a_hair_parts_are_told_as_one(gmmkit: Gmmkit, tmp_path: Path) -> None:
    mixture = Mixture([0.5, 0.5], [[0.0], [2.4]], Diagonal([[1.0], [1.0]]))
    dip = float(mixture.log_density([[1.2]])[0])
    share = float((mixture.log_density(mixture.sample(400_000, seed=0)[0]) > dip).mean()) - 0.002
    write_model(ModelRecord(mixture), tmp_path / "dip.gmm")
    found = gmmkit("density", "dip.gmm", "--region", share, "--json").json["regions"][0]["columns"]["0"]
    assert len(found) == 2
    assert gmmkit("density", "dip.gmm", "--region", share).out.count(" to ") == 1


def test_a_report_is_written_beside_the_model(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    small = ("-k", "1,2", "--covariance", "diag", "--folds", "2")
    done = gmmkit("density", faithful, *small, "-o", "d.gmm", "--report", "d.html")
    assert done.code == 0
    assert done.err.endswith("Model in d.gmm\nReport in d.html\n")
    assert "<h1>The density of 272 rows of old_faithful.csv</h1>" in (tmp_path / "d.html").read_text(encoding="utf-8")
    assert gmmkit("density", faithful, *small, "--report", "d.html", "--json").json["report"] == "d.html"
    assert gmmkit("report", "d.gmm", faithful, "-o", "again.html").code == 0
    assert "The rarest rows" in (tmp_path / "again.html").read_text(encoding="utf-8")
    asked = gmmkit("density", "d.gmm", "--region", "0.5", "--report", "d.html")
    assert (asked.code, asked.out) == (2, "")
    assert "--report is for data, but d.gmm is a model: gmmkit report d.gmm -o d.html" in asked.err
    assert "--output and --report are both" not in asked.err
    assert "in .html" in gmmkit("density", faithful, "--report", "d.gmm").err
