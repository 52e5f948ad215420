"""What the sections say: the answer, the search, the numbers, the warnings, the labels."""

import re
from dataclasses import replace

import numpy as np
import pytest
from page_reader import read
from report_cases import case, tree

from gmmkit.data import as_table
from gmmkit.files import ModelRecord, read_model, write_model
from gmmkit.model.mixture import Mixture
from gmmkit.report import render_report
from gmmkit.selection.agreement import adjusted_rand_index, cross_table


def section(root, key):
    return next((part for part in root.all("section") if part.attributes["id"] == key), None)


def test_the_answer_comes_first():
    root = tree("faithful")
    header = next(root.all("header")).text
    assert header.startswith("3 clusters in 272 rows of faithful.csv")
    assert re.search(r"holds 4\d\s% of the rows, around eruptions 4\.\d\d and waiting 8\d\.\d", header)
    assert "The clusters overlap a little: on average" in header
    assert "next comes “tied” with 4 clusters" in header


def test_the_search_is_explained():
    given = case("faithful")
    part = section(tree("faithful"), "choice")
    tables = list(part.all("table"))
    shown = sum(len(list(next(table.all("tbody")).all("tr"))) for table in tables)
    assert shown == sum(row["rank"] is not None for row in given.record.table)
    assert len(tables) == 2
    assert any("The other" in summary.text for summary in part.all("summary"))
    assert "The runner-up, “tied” with 4 clusters, is" in part.text
    assert "Kass & Raftery" in part.text


def test_spurious_and_failed_fits_have_reasons():
    given = case("spurious and failed")
    part = section(tree("spurious and failed"), "choice").text
    spurious = [row for row in given.record.table if row["spurious"]]
    failed = [row for row in given.record.table if row["error"]]
    assert spurious
    assert failed
    assert "says nothing about clusters" in part
    for row in (*spurious, *failed):
        assert (row["spurious"] or row["error"]) in part


def test_no_model_can_be_trusted():
    given = case("spurious and failed")
    rows = [{**row, "rank": None, "spurious": row["spurious"] or "it looks odd"} for row in given.record.table]
    root = read(render_report(replace(given.record, table=rows), table=given.table))
    assert "can be trusted" in next(root.all("header")).text
    assert "No model of the search can be trusted" in section(root, "warnings").text


def test_numbers_of_each_component():
    given = case("faithful")
    sizes, places = section(tree("faithful"), "clusters").all("table")
    assert len(list(sizes.all("tr"))) == 1 + given.record.mixture.n_components
    assert "47" in sizes.text
    assert "Effective rows" in sizes.text
    columns = [head.text for head in places.all("th") if head.attributes["scope"] == "row"]
    assert columns == ["eruptions", "waiting"]
    assert re.search(r"80\.\d\d ± \d\.\d\d", places.text)


def test_means_far_from_zero_keep_their_digits():
    mixture = Mixture.from_arrays([1.0], [[1e9 + 0.25, 1e-9]], [[0.01, 1e-22]], covariance_type="diag")
    text = section(read(render_report(ModelRecord(mixture))), "clusters").text
    assert "1,000,000,000.250 ± 0.100" in text
    assert "1e\N{MINUS SIGN}09 ± 1e\N{MINUS SIGN}11" in text


@pytest.mark.parametrize(
    ("name", "pictures"),
    [("faithful", 3), ("model only", 1), ("labelled", 3), ("one column", 3), ("one component", 2)],
)
def test_pictures(name, pictures):
    part = section(tree(name), "pictures")
    assert len(list(part.all("figure"))) == pictures
    assert ("not at hand" in part.text) == (name == "model only")


def test_the_columns_of_pictures_are_said():
    text = section(tree("thirty columns"), "pictures").text
    assert "Of 30 columns the pictures show" in text
    assert "where the" in text
    # Names that begin and end alike are still told apart.
    named = re.search(r"pictures show (.*) in pairs", text)[1]
    assert len(set(re.split(", | and ", named))) == 5


def test_convergence_and_warnings():
    assert "None" in section(tree("faithful"), "warnings").text
    root = tree("repaired")
    text = section(root, "warnings").text
    assert "The fit did not converge" in text
    assert "one value only" in text
    assert "linearly dependent" in text
    assert "stopped at its limit of 3 passes" in section(root, "convergence").text
    lead = next(root.all("header"))
    assert any(link.attributes["href"] == "#warnings" for link in lead.all("a"))


def test_a_close_choice_is_a_warning():
    given = case("faithful")
    rows = [dict(row) for row in given.record.table]
    rows[1]["bic"] = rows[0]["bic"] + 0.5
    root = read(render_report(replace(given.record, table=rows)))
    assert "The choice is close" in section(root, "warnings").text


def test_labels():
    given = case("labelled")
    part = section(tree("labelled"), "labels")
    counts = cross_table(given.record.mixture, given.table)
    assert f"{adjusted_rand_index(counts):.3f}" in part.text
    cells = [float(cell.text) for cell in part.all("td")]
    assert cells == counts.ravel().tolist()
    assert section(tree("faithful"), "labels") is None


def test_labels_kept_in_the_record_need_no_rows():
    record = case("faithful").record
    counts = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    kept = {"names": ["a", "b"], "counts": counts, "adjusted_rand_index": 0.0}
    part = section(read(render_report(replace(record, fit={**record.fit, "labels": kept}))), "labels")
    assert [cell.text for cell in part.all("td")] == ["1", "2", "3", "4", "5", "6"]


def test_weights_are_said():
    root = tree("twenty components")
    assert "of the weight" in next(root.all("header")).text
    assert "Weights of rowsyes," in section(root, "about").text
    assert "14 more hold" in next(root.all("header")).text


def test_drawn_from_a_model_file_alone(tmp_path):
    record = case("faithful").record
    write_model(record, tmp_path / "m.gmm")
    assert render_report(read_model(tmp_path / "m.gmm")) == render_report(record)


KNOWN = {
    "objectives": [], "reason": "max_iter", "repairs": [], "effective_rows": [1.0], "relative_eigenvalues": [1.0],
    "needed_rows": 1, "starts_tried": 1, "total_weight": 1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("fit", "table"),
    [
        ({}, None),
        ({}, []),
        ({}, [{"a": 1}]),
        ({}, [{"n_components": "x", "covariance_type": 3}]),
        ({"objectives": "no"}, None),
        ({**KNOWN, "repairs": [{"kind": "constant column", "column": 9, "direction": None}]}, None),
        ({**KNOWN, "effective_rows": [], "relative_eigenvalues": []}, None),
        ({"labels": {"names": ["a"], "counts": [[1, 2]]}}, None),
    ],
)
def test_records_that_know_little(fit, table):
    mixture = Mixture.from_arrays([1.0], [[0.0, 2.0]], [1.0], covariance_type="spherical")
    root = read(render_report(ModelRecord(mixture, fit=fit, table=table)))
    assert section(root, "choice") is None
    assert "not say" in section(root, "convergence").text


def test_a_table_of_rows_without_weight_or_spread():
    record = case("faithful").record
    table = as_table(np.array([[3.5, 70.0]]), weights=[2.0])
    assert "1 row" in render_report(record, table=table)
