"""Reports of predictions: errors where they can be known, intervals, rows that were predicted worst, and Python."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from page_reader import read
from report_cases import SCRIPT

from gmmkit import Full, GaussianMixture, GaussianMixtureRegressor, Mixture
from gmmkit.data import as_table
from gmmkit.errors import DataError, ModelFormatError, ParameterError
from gmmkit.estimators.persistence import record_of
from gmmkit.files import ModelRecord, write_model
from gmmkit.plots import plot_regression
from gmmkit.plots.subject import middle
from gmmkit.report import render_report
from gmmkit.report.regression import render_regression_report
from gmmkit.selection.prediction import predict_rows

NAMES = ["dose", SCRIPT, "effect"]
SPREAD = np.array([[1.0, 0.0, 0.6], [0.0, 4.0, 1.0], [0.6, 1.0, 1.0]])
MIXTURE = Mixture([1.0], [[0.0, 5.0, 1.0]], Full(SPREAD[None]))
RECORD = ModelRecord(MIXTURE, feature_names=NAMES, provenance={"source": "old.csv", "command": "gmmkit fit old.csv"})


def page_of(rows, known, *, inputs=(0, 1), targets=(2,), origin="new.csv", record=RECORD):
    order = [*inputs, *known]
    table = as_table(rows[:, order], names=[NAMES[j] for j in order], origin=origin)
    text = render_regression_report(
        record, rows=table, inputs=list(inputs), targets=list(targets), known=list(known), model="m.gmm", data=origin,
        command="gmmkit regress m.gmm",
    )  # fmt: skip
    return read(text), text


def tables(page):
    found = {}
    for table in page.all("table"):
        (caption,) = table.all("caption")
        found[caption.text] = [[cell.text for cell in row.all("th", "td")] for row in table.all("tr")][1:]
    return found


def section(page, key):
    return [found for found in page.all("section") if found.attributes["id"] == key]


def test_errors_and_coverage_are_those_of_the_predictions():
    rows, _ = MIXTURE.sample(400, seed=1)
    rows[7, 2] += 8.0
    page, _ = page_of(rows, (2,))
    found = predict_rows(MIXTURE, rows[:, :2], [rows[:, 2]])
    errors = found.errors(0)
    (row,) = tables(page)["Errors"]
    assert row[:2] == ["effect", "400"]
    assert [float(value) for value in row[2:]] == pytest.approx(
        [errors.mean_absolute, errors.root_mean_square, errors.explained], abs=1e-3
    )
    (held,) = tables(page)["Central intervals that hold what was observed"]
    assert held[3] == f"{100 * found.coverage(0, 0.9):.0f}\N{NO-BREAK SPACE}%"
    assert next(page.all("h1")).text == f"effect predicted for 400 rows of new.csv: R² {errors.explained:.2f}"
    worst = tables(page)["Rows"]
    assert worst[0][:2] == ["row 7", "effect"]
    assert worst[0][-1] == "under 0.0001 above"
    assert len([svg for svg in page.all("svg") if "given" in svg.text or "observed over" in svg.text]) >= 3
    assert not list(page.all("script"))
    assert SCRIPT in section(page, "about")[0].text


def test_a_regressor_and_rows_give_the_page_of_its_predictions():
    rows, _ = MIXTURE.sample(60, seed=1)
    frame = pd.DataFrame(rows, columns=["dose", "other", "y"])
    regressor = GaussianMixtureRegressor(GaussianMixture()).fit(frame[["dose", "other"]], frame["y"])
    text = render_report(regressor, frame)
    page = read(text)
    assert next(page.all("h1")).text.startswith("y predicted for 60 rows of X: R²")
    assert "The clusters in words and numbers" not in page.text
    assert [code.text for code in page.all("code")][-1].splitlines()[1] == "found = model.predictive(X)"
    errors = predict_rows(regressor.mixture_, rows[:, :2], [rows[:, 2]]).errors(0)
    assert float(tables(page)["Errors"][0][2]) == pytest.approx(errors.mean_absolute, abs=1e-3)
    # By name, whatever the order; of rows without names by position.
    assert render_report(regressor, frame[["y", "other", "dose"]]) == text
    assert render_report(record_of(regressor), as_table(rows)) == text
    frame["other"] = frame["other"].mask(frame.index == 3)
    for given in (frame[["other", "dose"]], frame[["dose", "other"]].to_numpy()):
        page = read(render_report(regressor, given))
        assert "nothing can be said of errors" in page.text
        assert "Missing inputs" in page.text


def test_rows_that_are_no_regressors_are_refused():
    rows, _ = MIXTURE.sample(30, seed=1)
    regressor = GaussianMixtureRegressor(GaussianMixture()).fit(rows[:, :2], rows[:, 2])
    named = pd.DataFrame(rows, columns=["x0", "x1", "y"])
    by_name = GaussianMixtureRegressor(GaussianMixture()).fit(named[["x0", "x1"]], named["y"])
    with pytest.raises(ParameterError, match="a regressor, whose page tells how it predicts rows: give rows as well"):
        render_report(regressor)
    for given, said in (
        (rows[:, :1], "X has 1 column without a name; expected the regressor's 2 inputs, and after that its 1 target"),
        (np.c_[rows, rows], "X has 6 columns without a name"),
        (np.full((3, 3), np.inf), "row 0, column 0 is infinity"),
    ):
        with pytest.raises(DataError, match=said):
            render_report(regressor, given)
    with pytest.raises(DataError, match="there is no column 'x1'"):
        render_report(by_name, pd.DataFrame(rows, columns=["x0", "b", "y"]))
    record = record_of(regressor)
    broken = ModelRecord(record.mixture, estimator=record.estimator)
    with pytest.raises(ModelFormatError, match="does not say how many targets"):
        render_report(broken, rows)


def test_without_observed_values_nothing_is_said_of_errors():
    rows, _ = MIXTURE.sample(50, seed=1)
    rows[3, 0] = np.nan
    page, _ = page_of(rows, ())
    assert "nothing can be said of errors" in next(page.all("header")).text
    assert not section(page, "errors")
    assert "Missing inputs" in section(page, "about")[0].text
    (first, *_), (headed,) = tables(page)["Rows"], section(page, "rows")
    assert first[0] == "row 3"
    assert "The least sure rows" in headed.text


def test_what_depends_on_an_input_is_drawn_no_farther_than_its_rows(monkeypatch):
    spans = []

    def drawn(*given, span=None, **options):
        spans.append(span)
        return plot_regression(*given, span=span, **options)

    monkeypatch.setattr("gmmkit.report.regression.plot_regression", drawn)
    rows, _ = MIXTURE.sample(50, seed=1)
    rows[3, 0] = np.nan
    page_of(rows, ())
    assert spans == [middle(np.delete(rows[:, 0], 3)), middle(rows[:, 1])]
    page_of(rows, (2,))
    assert spans[2:] == [None, None]


def test_what_to_beware_of_is_told():
    rows, _ = MIXTURE.sample(300, seed=1)
    rows[5, 0] = 40.0
    off = rows.copy()
    off[:, 2] = -3.0 * off[:, 2]
    page, _ = page_of(off, (2,), origin="old.csv")
    said = section(page, "warnings")[0].text
    assert "The model was fitted to old.csv" in said
    assert "Intervals of effect are too narrow" in said
    assert "worse than the mean of these rows" in said
    assert "1 row has inputs unlike those that the model knows (row 5)" in said
    page, _ = page_of(MIXTURE.sample(300, seed=2)[0], (2,))
    assert not section(page, "warnings")


def test_several_targets_of_which_some_are_known_and_few_rows():
    rows, _ = MIXTURE.sample(3, seed=1)
    page, _ = page_of(rows, (2,), inputs=(0,), targets=(1, 2))
    assert next(page.all("h1")).text == f"{SCRIPT} and effect predicted for 3 rows of new.csv"
    assert [row[0] for row in tables(page)["Errors"]] == ["effect"]
    page, _ = page_of(rows[:1], (2,), inputs=(0,), targets=(2,))
    assert tables(page)["Errors"][0][-1] == "—"
    assert "1 column of the model, integrated out".casefold() in page.text.casefold()


def test_a_page_of_many_rows_and_columns_is_small():
    d = 40
    random = np.random.default_rng(0)
    record = ModelRecord(Mixture([1.0], [np.zeros(d)], Full(np.eye(d)[None])))
    table = as_table(random.normal(size=(100_000, d)), origin="many.npy")
    text = render_regression_report(
        record, rows=table, inputs=list(range(d - 1)), targets=[d - 1], known=[d - 1], model="m.gmm", data="many.npy"
    )
    assert len(text.encode()) < 1_000_000
    assert "20,000 rows, at even distances" in text


def test_python_predicts_the_same(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows, _ = MIXTURE.sample(5, seed=1)
    np.savetxt("new.csv", rows[:, :2], delimiter=",", header="dose,other", comments="", fmt="%.17g")
    record = ModelRecord(MIXTURE, feature_names=["dose", "other", "effect"])
    write_model(record, "m.gmm")
    page, _ = page_of(rows, (), record=record)
    code = [element.text for element in page.all("code")][-1]
    namespace = {}
    exec(compile(code, "report", "exec"), namespace)
    expected = predict_rows(MIXTURE, rows[:, :2], [None])
    np.testing.assert_array_equal(namespace["found"].mean(), expected.means)
    assert capsys.readouterr().out
