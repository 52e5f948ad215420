"""Reports of anomalies: which rows are called and why, what p-values are worth, and detectors by themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from page_reader import read
from report_cases import ODD, SCRIPT

from gmmkit import GaussianMixtureOutlierDetector
from gmmkit.data import as_table
from gmmkit.data.table import Labels, Table
from gmmkit.errors import DataError, ModelFormatError
from gmmkit.estimators.persistence import record_of
from gmmkit.report import render_report
from gmmkit.report.anomalies import render_anomaly_report
from gmmkit.report.judged import cautions
from gmmkit.selection.explanation import explain
from gmmkit.selection.judging import Judged


def made(n, d, names=None, seed=0, **options):
    """Return a table, of which rows 7 and 9 are odd, a detector of it and its record."""
    random = np.random.default_rng(seed)
    rows = random.normal(10.0, 3.0, (n, d))
    rows[7] += 40.0
    rows[9, 0] -= 60.0
    table = as_table(rows, names=names or [f"c{j}" for j in range(d)], origin="rows.csv")
    detector = GaussianMixtureOutlierDetector(**options).fit(table)
    record = replace(record_of(detector), provenance={"source": "rows.csv", "command": "gmmkit anomalies rows.csv"})
    return table, detector, record


def tables(page):
    found = {}
    for table in page.all("table"):
        (caption,) = table.all("caption")
        found[caption.text] = [[cell.text for cell in row.all("th", "td")] for row in table.all("tr")][1:]
    return found


def section(page, key):
    return [found for found in page.all("section") if found.attributes["id"] == key]


@pytest.mark.parametrize("d", [1, 3])
def test_the_page_lists_the_rows_that_are_called_with_their_reasons(d):
    table, detector, record = made(200, d, contamination=0.02)
    scores = detector.score_samples(table)
    flags = detector.predict(table) == -1
    judged = Judged(scores, detector.p_values_, flags, "the lowest 0.02 of scores", given_share=True, ranks=True)
    page = read(render_anomaly_report(record, rows=table, judged=judged, command="gmmkit x"))
    assert next(page.all("h1")).text == "4 of 200 rows of rows.csv are called anomalies"
    called = tables(page)["Rows that are called, the most unusual first"]
    order = np.argsort(scores)[:4]
    assert [row[0] for row in called] == [f"row {i}" for i in order]
    assert [row[-1] for row in called] == [
        why.sentence for why in explain(detector.normality_, table.take(order), table.names)
    ]
    blamed = tables(page)["The columns, the most to blame first"]
    assert sum(int(row[2]) for row in blamed) == sum(
        len(why.reasons) for why in explain(detector.normality_, table.take(order), table.names)
    )
    assert all(int(row[2]) >= int(row[3]) + int(row[4]) for row in blamed)
    assert "As many rows are called as were asked for" in page.text
    assert "p-values of rows that are compared with each other are ranks" in page.text
    assert len([svg for svg in page.all("svg") if "Surprise of" in svg.text]) == 4


def test_beside_clean_rows_the_excess_of_small_p_values_is_told():
    table, detector, record = made(300, 2, novelty=True)
    random = np.random.default_rng(1)
    for share, said in ((0.2, "the excess is rows that are not normal"), (0.0, "no more than chance brings")):
        rows = random.normal(10.0, 3.0, (400, 2))
        rows[: int(share * 400)] += 50.0
        new = as_table(rows, names=["c0", "c1"], origin="new.csv")
        p_values = detector.p_values(new)
        judged = Judged(detector.score_samples(new), p_values, p_values <= 0.01, "a p-value of at most 0.01", 0.01)
        page = read(render_anomaly_report(record, rows=new, judged=judged))
        assert said in page.text
        assert "Were all 400 rows normal, about 4 would be called, or fewer" in page.text
        assert any("Histogram of 400 values" in svg.text for svg in page.all("svg"))
        assert table.n_rows == 300


def test_that_all_rows_are_compared_with_the_same_scores_counts_as_chance():
    _, detector, record = made(300, 2, novelty=True)
    new = as_table(np.random.default_rng(1).normal(10.0, 3.0, (400, 2)), names=["c0", "c1"], origin="new.csv")
    scores = detector.score_samples(new)
    for small, said in ((32, "no more than chance brings"), (36, "the excess is rows that are not normal")):
        p_values = np.r_[np.full(small, 0.04), np.full(400 - small, 0.5)]
        page = read(render_anomaly_report(record, rows=new, judged=Judged(scores, p_values, p_values < 0.01, "a rule")))
        assert f"{small} are: {said}" in page.text


def test_where_no_row_is_called_the_lowest_scores_are_shown():
    table, detector, record = made(60, 2)
    judged = Judged(
        detector.score_samples(table), detector.p_values_, np.zeros(60, bool), "a p-value of at most 0.001", 0.001,
        ranks=True, notes=["no p-value can be so small"],
    )  # fmt: skip
    page = read(render_anomaly_report(record, rows=table, judged=judged))
    assert next(page.all("h1")).text == "None of 60 rows of rows.csv is called an anomaly"
    assert [row[0] for row in tables(page)["The lowest scores"]][:2] == ["row 7", "row 9"]
    assert not section(page, "reasons")
    assert "No p-value can be so small." in section(page, "warnings")[0].text


def test_what_a_rule_is_worth_is_told():
    scores, p_values, flags = np.arange(9.0), np.linspace(0.1, 0.9, 9), np.arange(9) < 2
    told = {
        "at most": Judged(scores, p_values, flags, "a p-value", level=0.1),
        "on average": Judged(scores, p_values, flags, "a rate", rate=0.2),
        "asked for": Judged(scores, p_values, flags, "a share", given_share=True),
        "ranks": Judged(scores, p_values, flags, "a p-value", ranks=True),
    }
    assert cautions(told["at most"]) == ["Of normal rows up to 10\N{NO-BREAK SPACE}% are called as well, on average."]
    assert cautions(told["on average"])[0].startswith("Of the rows that are called up to 20")
    assert cautions(told["asked for"])[0].startswith("As many rows are called as were asked for")
    assert cautions(told["ranks"])[0].startswith("Rows are compared with each other")
    assert told["ranks"].called.tolist() == [0, 1]


def test_names_labels_and_origins_are_text():
    table, detector, record = made(80, 4, names=ODD)
    labels = Labels(np.arange(80, dtype=np.intp) % 2, (SCRIPT, "b & c"))
    table = Table(table.source, table.names, labels=labels, origin=f"{SCRIPT}.csv")
    page = read(render_report(replace(record, provenance={"source": SCRIPT, "command": SCRIPT}), table=table))
    assert not list(page.all("script"))
    assert SCRIPT in next(page.all("h1")).text
    called = tables(page)["Rows that are called, the most unusual first"]
    assert called[0][:2] == ["row 7", "b & c"]
    assert any(SCRIPT in row[-1] for row in called)
    assert detector.n_features_in_ == 4


def test_a_saved_detector_judges_rows_as_it_does_in_python():
    table, detector, record = made(150, 2, contamination=0.1)
    new = as_table(np.r_[table.take(np.arange(20)), [[99.0, 99.0]]], names=["c0", "c1"], origin="new.csv")
    page = read(render_report(record, table=new))
    called = int((detector.predict(new) == -1).sum())
    assert next(page.all("h1")).text.startswith(f"{called} of 21 rows of new.csv")
    first = tables(page)["Rows that are called, the most unusual first"][0]
    assert first[0] == "row 20"
    assert "may hold anomalies themselves" in section(page, "warnings")[0].text


def test_a_saved_detector_alone_tells_what_is_usual_and_how_many_would_be_called():
    _, detector, record = made(150, 2, contamination=0.1)
    page = read(render_report(record))
    assert next(page.all("h1")).text == "A detector of outliers, fitted to rows of rows.csv"
    usual = tables(page)["The columns"]
    assert [row[0] for row in usual] == ["c0", "c1"]
    low, _, high = usual[0][1].split()
    assert float(low) < 6.0 < 14.0 < float(high)
    share = (detector.reference_scores_ < detector.offset_).mean()
    assert f"Of new rows like the fitted ones {100 * share:.0f}" in page.text
    assert "cluster" not in next(page.all("header")).text


@pytest.mark.parametrize("clean", [True, False])
def test_usual_values_are_not_said_to_hold_more_rows_than_they_do(clean):
    table, _, record = made(300, 1, novelty=clean)
    page = read(render_report(record))
    low, _, high = tables(page)["The columns"][0][1].split()
    rows = table.take(np.arange(300))
    held = ((rows >= float(low)) & (rows <= float(high))).mean()
    assert (held > 0.9) == clean
    assert ("many rows outside are normal" in page.text) == (not clean)


def test_a_page_of_many_rows_is_small():
    random = np.random.default_rng(0)
    rows = random.normal(size=(100_000, 40))
    table, detector, record = made(400, 40)
    flags = np.arange(100_000) < 30_000
    judged = Judged(rows[:, 0], np.full(100_000, 0.5), flags, "a p-value of at most 0.5", 0.5)
    many = as_table(rows, names=table.names, origin="many.npy")
    text = render_anomaly_report(record, rows=many, judged=judged)
    assert len(text.encode()) < 500_000
    assert "29,800 more are called" in text
    assert detector.n_features_in_ == 40


def test_what_cannot_be_reported():
    table, _, record = made(60, 2)
    broken = replace(record, fit={name: value for name, value in record.fit.items() if name != "units"})
    with pytest.raises(ModelFormatError, match="cannot be read: 'units'; save it again"):
        render_report(broken)
    with pytest.raises(DataError, match="has 3 columns, but the model is of 2"):
        render_report(record, table=as_table(np.zeros((5, 3))))
    assert table.n_columns == 2
