"""``gmmkit sample``: given columns, and rows like those of a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from gmmkit import GaussianMixture, GaussianMixtureGenerator, load, save
from gmmkit.cli.likeness import likeness
from gmmkit.selection.fidelity import fidelity_of

Gmmkit = Callable[..., Any]


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    iris = load_iris()
    rows = ["length,width,petal,kind"]
    names = ["setosa", "versi,color", "virginica"]
    chosen = np.r_[0:50, 50:100, 100:120]
    rows += [
        f'{a},{b},{c},"{names[t]}"' for (a, b, c, _), t in zip(iris.data[chosen], iris.target[chosen], strict=True)
    ]
    path = tmp_path / "flowers.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_given_columns_stay_and_the_others_follow(gmmkit: Gmmkit, model: Path) -> None:
    done = gmmkit("sample", model, "-n", "400", "--given", "eruptions=4.5", "--component")
    assert (done.code, done.err) == (0, "")
    cells = np.loadtxt(done.out.splitlines()[1:], delimiter=",")
    assert done.out.startswith("eruptions,waiting,component\n")
    assert (cells[:, 0] == 4.5).all()
    known = load(model).mixture_.condition({0: 4.5})
    assert cells[:, 1].mean() == pytest.approx(known.mean()[0], abs=1.0)
    assert cells[:, 1].std() == pytest.approx(float(np.sqrt(known.covariance_matrix()[0, 0])), rel=0.15)
    assert gmmkit("sample", model, "-n", "5").out == gmmkit("sample", model, "-n", "5").out
    assert gmmkit("sample", model, "-n", "400", "--given", "0=4.5", "--component").out == done.out
    assert "'eruptions' twice" in gmmkit("sample", model, "--given", "eruptions=4.5,0=4").err


@pytest.mark.parametrize("value", ["1e200", "-5e7"])
def test_given_values_far_from_everything_are_refused(gmmkit: Gmmkit, model: Path, value: str) -> None:
    done = gmmkit("sample", model, "-n", "3", "--given", f"eruptions={value}")
    assert (done.code, done.out) == (2, "")
    assert "more than 1,000,000 standard deviations from every component" in done.err


def test_rows_like_a_files_are_rounded_as_it_is_and_compared(gmmkit: Gmmkit, flowers: Path, tmp_path: Path) -> None:
    done = gmmkit("sample", flowers, "--label", "kind", "-n", "120", "-o", "new.csv", "--fidelity", "like.json")
    assert (done.code, done.out) == (0, "")
    assert "A classifier tells" in done.err
    assert "are close to a real one: no sign of rows learnt by heart." in done.err
    lines = (tmp_path / "new.csv").read_text().splitlines()
    assert lines[0] == "length,width,petal,kind"
    assert {line.split(",", 3)[3] for line in lines[1:]} == {"setosa", '"versi,color"', "virginica"}
    cells = np.array([line.split(",")[:3] for line in lines[1:]], dtype=float)
    np.testing.assert_array_equal(cells, np.round(cells, 1))
    kept = json.loads((tmp_path / "like.json").read_text())
    assert [column["name"] for column in kept["columns"]] == ["length", "width", "petal"]
    assert 0.3 < kept["accuracy"] < 0.7
    # As from Python.
    iris = load_iris()
    chosen = np.r_[0:50, 50:100, 100:120]
    drawn, _ = (
        GaussianMixtureGenerator().fit(iris.data[chosen, :3], labels=iris.target[chosen]).sample(120, random_state=0)
    )
    np.testing.assert_array_equal(cells, drawn)


def test_counts_are_written_as_counts(gmmkit: Gmmkit, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lines = [f"{random.poisson(4)},{random.normal():.2f}" for _ in range(80)]
    (tmp_path / "counts.csv").write_text("\n".join(["kids,score", *lines]) + "\n")
    done = gmmkit("sample", tmp_path / "counts.csv", "-n", "20", "--quiet")
    cells = [line.split(",") for line in done.out.splitlines()[1:]]
    assert all(kids.isdecimal() and "." in score for kids, score in cells)


def test_classes_are_balanced_and_bounds_held(gmmkit: Gmmkit, flowers: Path) -> None:
    asked = ("--label", "kind", "--balance", "--bounds", "petal=1:,width=:4.4", "--json", "--quiet")
    done = gmmkit("sample", flowers, "-n", "90", *asked)
    assert (done.code, done.err) == (0, "")
    rows = [json.loads(line) for line in done.out.splitlines()]
    kinds = [row["kind"] for row in rows]
    assert [kinds.count(kind) for kind in ("setosa", "versi,color", "virginica")] == [30, 30, 30]
    assert min(row["petal"] for row in rows) >= 1
    assert max(row["width"] for row in rows) <= 4.4
    given = gmmkit("sample", flowers, "-n", "20", "--label", "kind", "--given", "petal=1.4")
    assert all(line.endswith(",1.4,setosa") for line in given.out.splitlines()[1:])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--component",), "--component is for models"),
        (("--balance",), "--balance needs the column"),
        (("--bounds", "petal"), "expected a column and what it is"),
        (("--bounds", "petal=3"), "the least and the largest"),
        (("--bounds", "petal=3:2"), "did you mean petal=2:3?"),
        (("--bounds", "petal=3:3"), "between which nothing lies"),
        (("--bounds", "colour=0:"), "--bounds names 'colour'"),
        (("--given", "colour=0"), "--given names 'colour'"),
        (("--given", "petal=red"), "expected a number: columns of text and classes cannot be given"),
        (("--given", "petal=1,petal=2"), "twice"),
        (("--given", "length=1,width=1,petal=1"), "has all columns"),
        (("--given", "kind=1"), "--given names 'kind', which holds the classes"),
        (("--fidelity", "like.txt"), "ends in .json"),
        (("--fidelity", "like.json", "--given", "petal=1"), "leave out --given and --balance"),
        (("--fidelity", "like.json", "-n", "9"), "raise --number, or leave --fidelity out"),
        (("--model", "like.txt"), "ends in .gmm"),
        (("-o", "more.npy"), "classes are texts; write .csv or .parquet"),
        (("--given", "petal=-1"), "column 'petal' is given as -1, but takes values from 0 up"),
        (("-o", "x.csv", "--fidelity", "x.csv"), "ends in .json"),
    ],
)
def test_what_means_nothing_for_data_is_said(
    gmmkit: Gmmkit, flowers: Path, options: tuple[str, ...], said: str
) -> None:
    columns = () if "--balance" in options else ("--label", "kind")
    done = gmmkit("sample", flowers, *columns, *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_nothing_is_written_where_nothing_can_be_given(gmmkit: Gmmkit, faithful: Path) -> None:
    assert gmmkit("fit", faithful, "-k", "2", "--covariance", "VVV", "--noise", "-o", "noisy.gmm").code == 0
    done = gmmkit("sample", "noisy.gmm", "--given", "waiting=60")
    assert (done.code, done.out) == (2, "")
    assert "noise" in done.err


def test_mistakes_of_models_and_of_data(gmmkit: Gmmkit, model: Path, flowers: Path, tmp_path: Path) -> None:
    for option in (
        ("--balance",),
        ("--label", "a"),
        ("--bounds", "waiting=0:"),
        ("--fidelity", "f.json"),
        ("--model", "x.gmm"),
    ):
        done = gmmkit("sample", model, *option)
        assert (done.code, done.out) == (2, "")
        assert "is for data" in done.err
    assert gmmkit("sample", model, "--given", "eruptions=1,waiting=2").code == 2
    done = gmmkit("sample", flowers, "--label", "kind", "--bounds", "petal=2:")
    assert done.code == 3
    assert "column 'petal' has the value 1, outside the bounds" in done.err
    assert gmmkit("sample", tmp_path / "no.csv").code == 3
    assert gmmkit("sample", tmp_path / "no.gmm").code == 4


def test_rows_learnt_by_heart_are_told() -> None:
    real = np.random.default_rng(0).normal(size=(100, 2))
    told = likeness(fidelity_of(real, real + 1e-6, "ab"))
    assert "real rows were learnt by heart" in told
    assert "99.0 % of drawn rows" in told  # each is compared with all real rows but one


def test_weighted_rows_are_compared_as_they_weigh(gmmkit: Gmmkit, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = np.r_[np.c_[random.normal(0, 1, 200), np.ones(200)], np.c_[random.normal(6, 1, 100), np.full(100, 6.0)]]
    np.savetxt(tmp_path / "w.csv", rows, delimiter=",", header="x,n", comments="")
    asked = ("--weights", "n", "-n", "300", "--fidelity", "like.json", "-o", "new.csv")
    assert gmmkit("sample", "w.csv", *asked).code == 0
    kept = json.loads((tmp_path / "like.json").read_text())
    assert kept["columns"][0]["distance"] < 0.15
    assert kept["columns"][0]["real_mean"] == pytest.approx(4.5, abs=0.5)
    rows[0, 1] = 1e5
    np.savetxt(tmp_path / "w.csv", rows, delimiter=",", header="x,n", comments="")
    (tmp_path / "new.csv").unlink()
    (tmp_path / "like.json").unlink()
    done = gmmkit("sample", "w.csv", *asked)
    assert (done.code, done.out) == (2, "")
    assert "as their weights have them" in done.err
    asked = ("sample", "w.csv", "-n", "5", "--report", "like.html")
    assert "there are 5 drawn and 300 real ones: raise --number, or leave --report out" in gmmkit(*asked).err


def test_a_generator_that_is_kept_draws_on(gmmkit: Gmmkit, flowers: Path, tmp_path: Path) -> None:
    asked = ("-n", "60", "--seed", "3")
    drawn = gmmkit("sample", flowers, "--label", "kind", "--bounds", "width=:4.4", "--model", "gen.gmm", *asked)
    assert drawn.code == 0
    assert "Model in gen.gmm\n" in drawn.err
    again = gmmkit("sample", "gen.gmm", *asked)
    assert (again.out, again.err) == (drawn.out, "")
    done = gmmkit("sample", "gen.gmm", "-n", "30", "--balance", "--given", "petal=1.4", "-o", "more.csv")
    assert (done.code, done.out, done.err) == (0, "", "30 rows of 4 columns in more.csv\n")
    lines = (tmp_path / "more.csv").read_text().splitlines()[1:]
    assert sum(line.endswith(",1.4,setosa") for line in lines) == 10
    # As from Python.
    kept = load(tmp_path / "gen.gmm")
    assert isinstance(kept, GaussianMixtureGenerator)
    assert kept.get_params() == {"bounds": {"width": (-np.inf, 4.4)}, "estimator": None, "random_state": 3}
    rows, kinds = kept.sample(60)
    lines = [f"{row[0]},{row[1]},{row[2]}," for row in rows.tolist()]
    assert kinds is not None
    assert all(line.startswith(wanted) for line, wanted in zip(again.out.splitlines()[1:], lines, strict=True))


def test_classes_without_a_name_take_none_of_a_column(gmmkit: Gmmkit, tmp_path: Path) -> None:
    random, path = np.random.default_rng(0), tmp_path / "python.gmm"
    frame = pd.DataFrame(random.normal(size=(40, 2)), columns=["class", "b"])
    save(GaussianMixtureGenerator(GaussianMixture()).fit(frame, np.repeat(["u", "v"], 20)), path)
    found = gmmkit("sample", path, "-n", "3", "--given", "class=0.5", "--json")
    drawn = [json.loads(line) for line in found.out.splitlines()]
    assert [list(row) for row in drawn] == [["class", "b", "class_label"]] * 3
    assert {row["class"] for row in drawn} == {0.5}
    assert {row["class_label"] for row in drawn} <= {"u", "v"}


def test_a_generator_is_described_and_asked_by_no_other_verb(gmmkit: Gmmkit, flowers: Path) -> None:
    assert gmmkit("sample", flowers, "--label", "kind", "--model", "gen.gmm", "-n", "10", "--quiet").err == ""
    said = gmmkit("describe", "gen.gmm").out
    assert "A generator of rows like those of" in said
    assert "learnt from 120 rows" in said
    assert "steps of 0.1" in said
    known = gmmkit("describe", "gen.gmm", "--json").json
    assert [row["label"] for row in known["classes"]] == ["setosa", "versi,color", "virginica"]
    first = {"name": "length", "least": 0, "largest": None, "step": pytest.approx(0.1), "values": "steps of 0.1"}
    assert known["columns"][0] == first
    for verb in (
        ("score", "gen.gmm", flowers),
        ("predict", "gen.gmm", flowers),
        ("regress", "gen.gmm", flowers, "--target", "petal"),
        ("density", "gen.gmm", "--region", "0.9"),
        ("reduce", flowers, "--with", "gen.gmm"),
    ):
        done = gmmkit(*verb)
        assert (done.code, done.out) == (4, ""), verb
        assert "gmmkit sample draws from it" in done.err
    for option, said in (
        (("--component",), "--component is for mixtures"),
        (("--label", "kind"), "is for data"),
        (("--given", "kind=setosa"), "classes cannot be given"),
        (("--given", "kind=1"), "'kind', which holds the classes"),
        (
            ("--given", "petal=1.45"),
            "column 'petal' is given as 1.45, but takes values in steps of 0.1: give 1.4 or 1.5",
        ),
        (("-o", "more.npy"), "classes are texts; write .csv or .parquet"),
    ):
        done = gmmkit("sample", "gen.gmm", *option)
        assert (done.code, done.out) == (2, "")
        assert said in done.err
    plain = gmmkit("sample", flowers, "--columns", "length,petal", "--model", "plain.gmm", "-n", "10", "--quiet")
    assert plain.code == 0
    done = gmmkit("sample", "plain.gmm", "--balance")
    assert done.code == 2
    assert "--balance is for classes, but plain.gmm has none" in done.err


def test_a_report_tells_what_is_said(gmmkit: Gmmkit, flowers: Path, tmp_path: Path) -> None:
    plain = gmmkit("sample", flowers, "--label", "kind", "-n", "120")
    done = gmmkit("sample", flowers, "--label", "kind", "-n", "120", "--report", "like.html")
    assert (done.code, done.out) == (0, plain.out)
    assert "Report in like.html" in done.err
    page = (tmp_path / "like.html").read_text(encoding="utf-8")
    assert "<h1>120 rows like those of flowers.csv: " in page
    assert "versi,color" in page
    assert "GaussianMixtureGenerator" in page


def test_the_report_of_a_generator_is_the_one_beside_its_rows(gmmkit: Gmmkit, flowers: Path, tmp_path: Path) -> None:
    made = ("--label", "kind", "-n", "120", "--seed", "3", "--quiet")
    assert gmmkit("sample", flowers, *made, "--report", "made.html", "--model", "gen.gmm").code == 0
    done = gmmkit("report", "gen.gmm", flowers, "-o", "again.html")
    assert (done.code, done.out, done.err) == (0, "", "Report in again.html\n")
    pages = [(tmp_path / name).read_text(encoding="utf-8") for name in ("made.html", "again.html")]
    first, again = (page[: page.index('id="reproduce"')] for page in pages)
    assert first == again
    assert "Shares of the classes" in again
    assert "gmmkit report gen.gmm" in pages[1]
    # Rows need not have the classes.
    np.savetxt("bare.csv", load_iris().data[:60, :3], delimiter=",", header="length,width,petal", comments="")
    assert gmmkit("report", "gen.gmm", "bare.csv", "-o", "bare.html").code == 0
    assert "Shares of the classes" not in (tmp_path / "bare.html").read_text(encoding="utf-8")
    np.savetxt("few.csv", load_iris().data[:5, :3], delimiter=",", header="length,width,petal", comments="")
    for options, code, said in (
        ((), 2, "gen.gmm is a generator of rows, whose page tells how like real rows those are that it draws: gmmkit "),
        (("few.csv",), 3, "5 real and 5 drawn rows are too few to compare"),
        (("bare.csv", "--label", "kind"), 3, "there is no column 'kind'"),
        (("bare.csv", "--columns", "0,1"), 3, "gives 2 columns; the model was fitted on 3"),
    ):
        done = gmmkit("report", "gen.gmm", *options, "-o", "none.html")
        assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
        assert said in done.err
    assert not (tmp_path / "none.html").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--balance", "--label", "kind"], "--report compares rows that are drawn as they come"),
        (["--given", "width=3", "--label", "kind"], "--report compares rows that are drawn as they come"),
        (["-n", "3", "--label", "kind"], "--report compares at least 10 drawn rows"),
    ],
)
def test_a_report_of_what_is_not_compared_is_refused(
    gmmkit: Gmmkit, flowers: Path, options: list[str], said: str
) -> None:
    done = gmmkit("sample", flowers, *options, "--report", "like.html")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not (flowers.parent / "like.html").exists()


def test_a_report_is_for_data(gmmkit: Gmmkit, flowers: Path, model: Path) -> None:
    assert "--report is for data" in gmmkit("sample", model, "--report", "like.html").err
    assert "expected a name that ends in .html" in gmmkit("sample", flowers, "--report", "like.txt").err


def test_values_far_from_all_others_are_told_or_refused(gmmkit: Gmmkit, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = np.c_[random.normal(5, 1, 60).round(2), random.normal(size=60)]
    for value, code, said in (
        (99999.0, 0, "warning: line 9, column 'a' is 99999, "),
        (1e200, 3, "far.csv: line 9, column 'a' is 1e+200, too far from the column's other values"),
    ):
        rows[7, 0] = value
        np.savetxt(tmp_path / "far.csv", rows, delimiter=",", header="a,b", comments="")
        done = gmmkit("sample", "far.csv", "-n", "20")
        assert done.code == code
        assert said in done.err
    (tmp_path / "two.csv").write_text("a,b\n1,2\n2,3\n")
    done = gmmkit("sample", "two.csv")
    assert (done.code, done.err) == (
        3,
        "gmmkit: there are 2 rows, but it takes 3 to draw others like them: give more\n",
    )
    assert "1,000 rows of 2 columns" not in done.out


def test_bounds_by_position_are_kept_as_the_columns_are_called(gmmkit: Gmmkit, flowers: Path, tmp_path: Path) -> None:
    read = ("--columns", "length,petal", "--bounds", "1=1:", "-n", "10", "--quiet")
    assert gmmkit("sample", flowers, *read, "--model", "named.gmm").code == 0
    assert load("named.gmm").bounds == {"petal": (1.0, np.inf)}
    np.save("rows.npy", load_iris().data[:50, :2])
    assert gmmkit("sample", "rows.npy", "--bounds", "1=0:9", "-n", "10", "--quiet", "--model", "plain.gmm").code == 0
    kept = load("plain.gmm")
    assert kept.bounds == {1: (0.0, 9.0)}
    assert kept.synthesizer_.shapes[1].high == pytest.approx(9.0)
    assert gmmkit("sample", "plain.gmm", "-n", "2").out.startswith("x0,x1\n")
