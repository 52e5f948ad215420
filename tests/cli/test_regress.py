"""``gmmkit regress``: the library's predictions of a model, a row a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gmmkit import GaussianMixture, GaussianMixtureDensity, GaussianMixtureRegressor, load, open_table, save
from gmmkit.estimators.persistence import record_of
from gmmkit.files import read_model, write_model
from gmmkit.model.predictive import Predictive

Gmmkit = Callable[..., Any]


@pytest.fixture
def short(tmp_path: Path) -> Path:
    path = tmp_path / "short.csv"
    path.write_text("day,eruptions\n1,2.0\n2,3.2\n3,4.5\n")
    return path


def cells(text: str) -> np.ndarray:
    return np.loadtxt(text.splitlines()[1:], delimiter=",", ndmin=2)


def test_each_row_has_mean_deviation_and_quantiles(gmmkit: Gmmkit, model: Path, short: Path) -> None:
    done = gmmkit("regress", model, short, "--target", "waiting", "--quantiles", "0.1,0.9")
    assert (done.code, done.err) == (0, "")
    head = "waiting_mean,waiting_deviation,waiting_quantile_0.1,waiting_quantile_0.9"
    assert done.out.splitlines()[0] == head
    known = Predictive(load(model).mixture_, [1], [[2.0], [3.2], [4.5]])
    spread = np.sqrt(known.covariance_matrices()[:, 0])
    np.testing.assert_allclose(cells(done.out), np.c_[known.mean(), spread, known.quantile([0.1, 0.9])[:, 0]])
    lines = gmmkit("regress", model, short, "--target", "waiting", "--json").out.splitlines()
    assert len(lines) == 3
    assert '"waiting_quantile_0.95": ' in lines[0]
    assert gmmkit("regress", model, short, "--target", "waiting", "-o", "out.npy").code == 0
    assert np.load("out.npy").shape == (3, 5)


def test_columns_that_are_left_out_are_integrated_out(gmmkit: Gmmkit, tmp_path: Path, short: Path) -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 4)) @ random.normal(size=(4, 4))
    np.savetxt(tmp_path / "joint.csv", X, delimiter=",", header="eruptions,b,c,d", comments="")
    assert gmmkit("fit", "joint.csv", "-k", "2", "--covariance", "VVV", "-o", "joint.gmm").code == 0
    done = gmmkit("regress", "joint.gmm", short, "--target", "d,b", "--inputs", "eruptions")
    known = Predictive(load("joint.gmm").mixture_.marginal([0, 3, 1]), [1, 2], [[2.0], [3.2], [4.5]])
    np.testing.assert_allclose(cells(done.out)[:, [0, 5]], known.mean(), rtol=1e-9)
    assert done.out.startswith("d_mean,d_deviation,")


def test_a_saved_regressor_knows_its_targets(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    rows = open_table(faithful).take(np.arange(272))
    regressor = GaussianMixtureRegressor(GaussianMixture(2, random_state=0)).fit(rows[:, :1], rows[:, 1])
    save(regressor, tmp_path / "model.gmm")
    np.savetxt(tmp_path / "x.csv", rows[:5, :1], delimiter=",", header="x0", comments="")
    done = gmmkit("regress", "model.gmm", "x.csv")
    np.testing.assert_allclose(cells(done.out)[:, 0], regressor.predict(rows[:5, :1]))


def write(path: str, head: str, rows: np.ndarray) -> None:
    np.savetxt(path, rows, delimiter=",", header=head, comments="", fmt="%.17g")


@pytest.fixture
def plane() -> np.ndarray:
    random = np.random.default_rng(0)
    X = random.normal(size=(80, 3))
    X[:, 2] = X[:, 0] + 2.0 * X[:, 1] + 0.1 * random.normal(size=80)
    return X


def test_names_that_nobody_gave_are_not_asked_for(gmmkit: Gmmkit, plane: np.ndarray) -> None:
    regressor = GaussianMixtureRegressor(GaussianMixture(1)).fit(plane[:, :2], plane[:, 2])
    save(regressor, "bare.gmm")
    assert read_model("bare.gmm").feature_names is None
    known = regressor.predict(plane[:5, :2])
    # By position: the inputs, or all columns of the model.
    write("inputs.csv", "dose,age", plane[:5, :2])
    write("whole.csv", "dose,age,effect", plane[:5])
    np.save("inputs.npy", plane[:5, :2])
    for name in ("inputs.csv", "whole.csv", "inputs.npy"):
        done = gmmkit("regress", "bare.gmm", name, "--report", "r.html")
        assert done.code == 0, done.err
        assert done.out.startswith("2_mean,2_deviation,")
        np.testing.assert_allclose(cells(done.out)[:, 0], known)
        assert ("R²" in Path("r.html").read_text(encoding="utf-8")) == (name == "whole.csv")
    write("one.csv", "age", plane[:5, 1:2])
    write("more.csv", "id,dose,age,effect", np.c_[np.arange(5), plane[:5]])
    said = "What is predicted from goes by position, for want of names: give a file of the 2 columns to predict from"
    for name, has in (("one.csv", "1 column: age"), ("more.csv", "4 columns: id, dose, age, effect")):
        done = gmmkit("regress", "bare.gmm", name)
        assert (done.code, done.out) == (3, "")
        assert f"{name} gives {has}. {said}, in that order, or of all 3" in done.err
        assert done.err.count("\n") == 1


def test_targets_that_are_the_first_columns_go_by_position_too(gmmkit: Gmmkit, plane: np.ndarray) -> None:
    np.save("rows.npy", plane)
    assert gmmkit("fit", "rows.npy", "-k", 1, "--covariance", "full", "-o", "m.gmm").code == 0
    np.save("last.npy", plane[:5, [2]])
    np.save("two.npy", plane[:5, :2])
    asked = ("regress", "m.gmm", "--target", "1,0")
    done = gmmkit(*asked[:2], "rows.npy", *asked[2:], "--report", "r.html")
    assert done.code == 0, done.err
    assert "1 and column 0 predicted for 80 rows of rows.npy" in Path("r.html").read_text(encoding="utf-8")
    assert gmmkit(*asked[:2], "last.npy", *asked[2:]).out == "".join(done.out.splitlines(keepends=True)[:6])
    assert gmmkit(*asked[:2], "two.npy", *asked[2:]).code == 3
    done = gmmkit("regress", "m.gmm", "two.npy", "--target", "2,1", "--inputs", "0", "--report", "r.html")
    assert done.code == 0, done.err
    np.testing.assert_allclose(
        cells(done.out)[:, 0], Predictive(load("m.gmm").mixture_.marginal([0, 2]), [1], plane[:5, :1]).mean()[:, 0]
    )


def test_names_that_were_given_are(gmmkit: Gmmkit, plane: np.ndarray) -> None:
    frame = pd.DataFrame(plane[:, :2], columns=["dose", "age"])
    regressor = GaussianMixtureRegressor(GaussianMixture(1)).fit(frame, plane[:, 2])
    save(regressor, "named.gmm")
    write("turned.csv", "age,id,dose", np.c_[plane[:5, 1], np.arange(5), plane[:5, 0]])
    np.save("inputs.npy", plane[:5, :2])
    for name in ("turned.csv", "inputs.npy"):
        done = gmmkit("regress", "named.gmm", name)
        assert done.code == 0, done.err
        assert done.out.startswith("y_mean,")
        np.testing.assert_allclose(cells(done.out)[:, 0], regressor.predict(frame[:5]))
    write("other.csv", "weight,age", plane[:5, :2])
    done = gmmkit("regress", "named.gmm", "other.csv")
    assert (done.code, done.out) == (3, "")
    assert "there is no column 'dose'; it has 2 columns: weight, age" in done.err


def test_a_saved_regressor_is_described_as_one(gmmkit: Gmmkit, plane: np.ndarray) -> None:
    frame = pd.DataFrame(plane, columns=["dose", "age", "effect"])
    inputs = ["dose", "age"]
    save(GaussianMixtureRegressor(GaussianMixture(1)).fit(frame[inputs], frame["effect"]), "named.gmm")
    done = gmmkit("describe", "named.gmm")
    assert done.out.startswith(
        "A regressor: gmmkit regress predicts effect from dose, age, by a mixture of all of them\n"
    )
    assert gmmkit("describe", "named.gmm", "--json").json["targets"] == [2]
    density = GaussianMixtureDensity((1,), covariance_type="full", folds=2)
    save(GaussianMixtureRegressor(density).fit(plane[:, :1], plane[:, 1:]), "bare.gmm")
    write("inputs.csv", "age", plane[:5, :1])
    done = gmmkit("predict", "bare.gmm", "inputs.csv")
    assert done.code == 3
    assert done.err.endswith("in that order; what it predicts from 1 of them, gmmkit regress tells\n")
    said = gmmkit("describe", "bare.gmm").out
    assert "predicts column 1, column 2 from column 0, by a mixture of all of them" in " ".join(said.split())
    # How many rows a density was fitted to is known of files only.
    assert "1 component in all: 3 columns\n" in said
    save(GaussianMixture(1).fit(plane), "m.gmm")
    assert "regress" not in gmmkit("describe", "m.gmm").out
    assert gmmkit("describe", "m.gmm", "--json").json["targets"] is None


def test_a_regressor_finds_what_was_observed_by_its_targets_name(gmmkit: Gmmkit, plane: np.ndarray) -> None:
    frame = pd.DataFrame(plane, columns=["dose", "age", "effect"])
    save(GaussianMixtureRegressor(GaussianMixture(1)).fit(frame[["dose", "age"]], frame["effect"]), "named.gmm")
    write("rows.csv", "effect,age,dose", plane[:, [2, 1, 0]])
    assert gmmkit("report", "named.gmm", "rows.csv", "-o", "r.html").code == 0
    page = Path("r.html").read_text(encoding="utf-8")
    assert "effect predicted for 80 rows of rows.csv: R²" in page
    assert "nothing can be said of errors" not in page


def test_files_of_before_with_names_of_ours_are_read_by_them(gmmkit: Gmmkit, plane: np.ndarray) -> None:
    regressor = GaussianMixtureRegressor(GaussianMixture(1)).fit(plane[:, :2], plane[:, 2])
    write_model(replace(record_of(regressor), feature_names=["x0", "x1", "y"]), "old.gmm")
    write("turned.csv", "y,x1,x0", plane[:5, [2, 1, 0]])
    done = gmmkit("regress", "old.gmm", "turned.csv")
    assert done.code == 0, done.err
    np.testing.assert_allclose(cells(done.out)[:, 0], regressor.predict(plane[:5, :2]))
    old = load("old.gmm")
    assert not hasattr(old, "feature_names_in_")
    np.testing.assert_array_equal(old.predict(plane[:5, :2]), regressor.predict(plane[:5, :2]))


def test_the_report_of_a_saved_regressor_is_of_its_predictions(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    rows = open_table(faithful).take(np.arange(272))
    save(GaussianMixtureRegressor(GaussianMixture(2, random_state=0)).fit(rows[:, :1], rows[:, 1]), "model.gmm")
    np.savetxt("xy.csv", rows, delimiter=",", header="x0,y", comments="")
    done = gmmkit("report", "model.gmm", "xy.csv", "-o", "r.html")
    assert (done.code, done.out) == (0, ""), done.err
    page = Path("r.html").read_text()
    assert "<h1>column 1 predicted for 272 rows of xy.csv: R²" in page
    assert "How good predictions are" in page
    assert "The clusters in words" not in page
    np.savetxt("x.csv", rows[:, :1], delimiter=",", header="x0", comments="")
    assert gmmkit("report", "model.gmm", "x.csv", "-o", "r.html").code == 0
    assert "nothing can be said of errors" in Path("r.html").read_text()
    Path("bad.csv").write_text("x0\n1\ninf\n")
    Path("r.html").unlink()
    for options, code, said in (
        (("bad.csv",), 3, "bad.csv: line 3, column 'x0' is infinity"),
        ((), 2, "gmmkit report model.gmm DATA"),
        (("xy.csv", "--label", "y"), 2, "--label y: model.gmm is a regressor"),
    ):
        done = gmmkit("report", "model.gmm", *options, "-o", "r.html")
        assert (done.code, done.out, said in done.err) == (code, "", True), done.err
    assert not (tmp_path / "r.html").exists()


def test_models_without_names_take_columns_by_position(gmmkit: Gmmkit, tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(60, 3))
    np.save(tmp_path / "rows.npy", X)
    assert gmmkit("fit", "rows.npy", "-k", "1", "--covariance", "full", "-o", "model.gmm").code == 0
    whole = gmmkit("regress", "model.gmm", "rows.npy", "--target", "1")
    np.save(tmp_path / "inputs.npy", X[:, [0, 2]])
    assert gmmkit("regress", "model.gmm", "inputs.npy", "--target", "1").out == whole.out != ""


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 2, "--target is needed"),
        (("--target", "width"), 2, "the columns are eruptions, waiting"),
        (("--target", ","), 2, "expected names of columns"),
        (("--target", "waiting,waiting"), 2, "twice"),
        (("--target", "waiting,eruptions"), 2, "names all columns"),
        (("--target", "waiting", "--inputs", "waiting"), 2, "which is a target"),
        (("--target", "waiting", "--quantiles", "5"), 2, "expected numbers between 0 and 1"),
        (("--target", "waiting", "--quantiles", "a"), 2, "expected numbers between 0 and 1"),
        (("--target", "waiting", "-o", "x.doc"), 2, "unknown kind of file"),
        (("--target", "eruptions"), 3, "there is no column 'waiting'"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    gmmkit: Gmmkit, model: Path, short: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    done = gmmkit("regress", model, short, *options)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("kind", ["csv", "parquet", "npy"])
def test_inputs_that_are_missing_are_integrated_out(gmmkit: Gmmkit, tmp_path: Path, kind: str) -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 3)) @ random.normal(size=(3, 3))
    np.savetxt(tmp_path / "joint.csv", X, delimiter=",", header="a,b,c", comments="")
    assert gmmkit("fit", "joint.csv", "-k", "2", "--covariance", "VVV", "-o", "joint.gmm").code == 0
    rows = np.array([[1.0, np.nan], [np.nan, 2.0], [np.nan, np.nan], [0.5, -1.5]])
    if kind == "csv":
        (tmp_path / "gaps.csv").write_text('a,b\n1.0,\nNA,2\n"",?\n0.5,-1.5\n')
    elif kind == "parquet":
        pq.write_table(pa.table({"b": [None, 2, None, -1.5], "a": [1.0, None, None, 0.5]}), tmp_path / "gaps.parquet")
    else:
        np.save(tmp_path / "joint.npy", X)
        assert gmmkit("fit", "joint.npy", "-k", "2", "--covariance", "VVV", "-o", "joint.gmm").code == 0
        np.save(tmp_path / "gaps.npy", rows)
    done = gmmkit("regress", "joint.gmm", f"gaps.{kind}", "--target", "2" if kind == "npy" else "c")
    assert (done.code, done.err) == (0, "")
    known = Predictive(load("joint.gmm").mixture_, [2], rows)
    np.testing.assert_allclose(cells(done.out)[:, 0], known.mean()[:, 0])
    np.testing.assert_allclose(cells(done.out)[:, 2:], known.quantile([0.05, 0.5, 0.95])[:, 0])
    refused = gmmkit("predict", "joint.gmm", f"gaps.{kind}")  # what has no use for them goes on refusing
    assert (refused.code, refused.out) == (3, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2.0,1\n,inf\n", "line 3, column 'b' is inf"),
        ("2.0,\nx,1\n", "line 3, column 'a' is 'x'"),
        ("2.0,\n1_000,1\n", "line 3, column 'a' is '1_000'"),
        ("2.0,\n1.0\n", "line 3 has 1 field"),
    ],
)
def test_values_that_are_no_numbers_are_named(gmmkit: Gmmkit, tmp_path: Path, text: str, said: str) -> None:
    X = np.random.default_rng(0).normal(size=(60, 3))
    np.savetxt(tmp_path / "joint.csv", X, delimiter=",", header="a,b,c", comments="")
    assert gmmkit("fit", "joint.csv", "-k", "1", "--covariance", "full", "-o", "joint.gmm").code == 0
    (tmp_path / "gaps.csv").write_text(f"a,b\n{text}")
    done = gmmkit("regress", "joint.gmm", "gaps.csv", "--target", "c")
    assert (done.code, done.out) == (3, "")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_columns_go_by_position_too_and_what_was_written_is_said(gmmkit: Gmmkit, model: Path, short: Path) -> None:
    done = gmmkit("regress", model, short, "--target", "1", "-o", "out.csv")
    assert (done.code, done.out, done.err) == (0, "", "3 rows of 5 columns in out.csv\n")
    assert Path("out.csv").read_text() == gmmkit("regress", model, short, "--target", "waiting").out
    assert gmmkit("regress", model, short, "--target", "1", "-o", "out.csv", "--quiet").err == ""
    for target, said in (
        ("2", "columns are eruptions, waiting (from 0 to 1)"),
        ("waiting,1", "'waiting' twice"),
        ("-1", "names '-1'"),
    ):
        done = gmmkit("regress", model, short, "--target", target)
        assert (done.code, done.out) == (2, "")
        assert said in done.err


def test_a_report_tells_errors_where_the_targets_are_there(gmmkit: Gmmkit, model: Path, short: Path) -> None:
    plain = gmmkit("regress", model, short, "--target", "waiting")
    done = gmmkit("regress", model, short, "--target", "waiting", "--report", "r.html")
    assert (done.code, done.out) == (0, plain.out)
    assert done.err == "Report in r.html\n"
    assert "nothing can be said of errors" in Path("r.html").read_text(encoding="utf-8")
    Path("known.csv").write_text("waiting,day,eruptions\n55,1,2.0\n,2,3.2\n90,3,4.5\n")
    done = gmmkit("regress", model, "known.csv", "--target", "waiting", "--report", "r.html", "--quiet")
    assert (done.code, done.out, done.err) == (0, plain.out, "")
    page = Path("r.html").read_text(encoding="utf-8")
    assert "<h1>waiting predicted for 3 rows of known.csv: R²" in page
    rows = np.array([[2.0, 55.0], [4.5, 90.0]])
    np.save("rows.npy", rows)
    save(GaussianMixture(1).fit(np.random.default_rng(0).normal(3.0, 1.0, (50, 2))), "plain.gmm")
    done = gmmkit("regress", "plain.gmm", "rows.npy", "--target", "1", "--report", "r.html")
    assert done.code == 0
    assert "1 predicted for 2 rows of rows.npy: R²" in Path("r.html").read_text(encoding="utf-8")


def test_a_report_of_targets_that_are_no_numbers_is_refused(gmmkit: Gmmkit, model: Path) -> None:
    Path("text.csv").write_text("waiting,eruptions\nlong,2.0\n")
    done = gmmkit("regress", model, "text.csv", "--target", "waiting", "--report", "r.html")
    assert (done.code, done.out) == (3, "")
    assert "column 'waiting'" in done.err
    assert not Path("r.html").exists()
    assert "in .html" in gmmkit("regress", model, "text.csv", "--target", "waiting", "--report", "r.csv").err
