"""Reports of densities: held-out log-density first, what is averaged, regions, and where rows are rarest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from page_reader import read
from report_cases import SCRIPT

from gmmkit import GaussianMixtureDensity
from gmmkit.data import as_table
from gmmkit.estimators.persistence import record_of
from gmmkit.report import render_report


def fitted(n, d, **options):
    rows = np.random.default_rng(d).normal(size=(n, d))
    rows[: n // 3] += 5.0
    rows[4, 0] = -9.0
    names = [f"<b>{j}</b>" for j in range(d)]
    table = as_table(rows, names=names, origin=f"{SCRIPT}.csv")
    found = GaussianMixtureDensity(**{"n_components": (1, 2), "covariance_type": ("full", "diag"), **options}).fit(
        table
    )
    record = replace(record_of(found), provenance={"source": table.origin, "command": SCRIPT})
    return table, found, record


def tables(page):
    found = {}
    for table in page.all("table"):
        (caption,) = table.all("caption")
        found[caption.text] = [[cell.text for cell in row.all("th", "td")] for row in table.all("tr")][1:]
    return found


def section(page, key):
    return [found for found in page.all("section") if found.attributes["id"] == key]


@pytest.mark.parametrize("d", [1, 3])
def test_the_page_tells_what_the_density_does(d):
    table, found, record = fitted(120, d)
    page = read(render_report(record, table=table))
    assert next(page.all("h1")).text == f"The density of 120 rows of {SCRIPT}.csv"
    assert f"{abs(found.held_out_score_):.2f}" in next(page.all("header")).text
    members = tables(page)["What is averaged, and the next best"]
    assert [row[0] for row in members] == [m["covariance_type"] for m in found.members_[: len(members)]]
    assert [int(row[1]) for row in members] == [m["n_components"] for m in found.members_[: len(members)]]
    rarest = tables(page)["The rarest rows"]
    log_density = found.score_samples(table)
    order = np.argsort(log_density)[:15]
    assert [row[0] for row in rarest] == [f"row {i}" for i in order]
    assert rarest[0][0] == "row 4"
    assert rarest[0][3] == "\N{MINUS SIGN}9"
    regions = tables(page)["The smallest intervals that hold so much of each column by itself"]
    assert [row[0] for row in regions] == [f"<b>{j}</b>" for j in range(d)]
    pictures = [svg.text for svg in page.all("svg")]
    assert sum("Density of" in text for text in pictures) == d + (d > 1)
    assert any("Histogram of 120 values" in text for text in pictures)
    assert not any("component (weight)" in text for text in pictures)
    assert not list(page.all("script"))
    assert "cluster" not in next(page.all("header")).text


def test_the_model_alone_has_no_rarest_rows():
    _, _, record = fitted(60, 2, n_components=(1,), covariance_type=("diag",), reg_covar=(0.01,))
    page = read(render_report(record))
    assert not section(page, "rarest")
    assert "It is a single mixture: no other was tried." in next(page.all("header")).text
    assert [row[3] for row in tables(page)["What is averaged, and the next best"]] == ["100\N{NO-BREAK SPACE}%"]


def test_what_was_noted_and_what_failed_is_told_first():
    table, _, record = fitted(60, 2)
    rows = [dict(row) for row in record.fit["members"]]
    rows[-1] |= {"error": f"{SCRIPT}.", "held_out": None, "weight": 0.0}
    fit = {**record.fit, "members": rows, "notes": ["column 'a' has one value only"],
           "log_likelihood": 10.0, "total_weight": 60.0}  # fmt: skip
    page = read(render_report(replace(record, fit=fit), table=table))
    assert "Beware: Column 'a' has one value only." in next(page.all("header")).text
    said = section(page, "warnings")[0].text
    assert f"1 mixture could not be fitted: {SCRIPT}." in said
    assert "nats more than rows that were not" in said


def test_weighted_rows_are_listed_but_not_counted_as_spread():
    table, _, record = fitted(60, 2, n_components=(1,), covariance_type=("diag",), reg_covar=(0.01,))
    page = read(render_report(record, table=table.with_weights(np.arange(60.0) + 1.0)))
    assert len(tables(page)["The rarest rows"]) == 15
    assert not any("Histogram of" in svg.text for svg in page.all("svg"))
    assert "spread evenly" not in page.text


def test_a_record_that_cannot_be_read_is_reported_as_a_mixture():
    _, _, record = fitted(60, 2)
    broken = replace(record, fit={name: value for name, value in record.fit.items() if name != "members"})
    assert "clusters" in read(render_report(broken)).text


def test_a_page_of_many_rows_and_columns_is_small():
    _, _, record = fitted(150, 40, covariance_type=("diag",), reg_covar=(0.1,))
    rows = np.random.default_rng(0).normal(size=(100_000, 40))
    text = render_report(record, table=as_table(rows, names=record.feature_names, origin="many.npy"))
    assert len(text.encode()) < 600_000
    assert "20,000 of 100,000 rows, at even distances" in text
