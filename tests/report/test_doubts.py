"""What there is to doubt is told by the report in the words of the terminal."""

from dataclasses import replace

from page_reader import read
from report_cases import blobs, case, searched

from gmmkit.data import as_table
from gmmkit.report import render_report
from gmmkit.selection.doubts import doubts_of


def warnings_of(record):
    root = read(render_report(record))
    return next(part for part in root.all("section") if part.attributes["id"] == "warnings").text


def choice_of(record):
    root = read(render_report(record))
    return next(part for part in root.all("section") if part.attributes["id"] == "choice").text


def test_the_edge_of_what_was_tried():
    record = searched(as_table(blobs(4, 2, 200)[0]), [1, 2], ("full",))
    (said,) = doubts_of(record).sentences
    assert said == "2 is the largest number of components that was tried; try -k 1:9"
    assert f"{said}." in warnings_of(record)


def test_tests_that_disagree_and_notes_on_columns():
    record = case("faithful").record
    fit = {
        "likelihood_ratio": [{"n_components": 1, "statistic": 3.0, "p_value": 0.4}],
        "notes": ["column 'id' <counts>"],
    }
    text = warnings_of(replace(record, fit={**record.fit, **fit}))
    assert "The likelihood-ratio tests find 1 component enough, but the model has 3." in text
    assert "Column 'id' <counts>." in text


def test_no_evidence_in_as_many_rows_as_parameters():
    record = case("faithful").record
    few = replace(record, fit={**record.fit, "n_rows": 11, "total_weight": 11.0, "effective_rows": [4.0, 4.0, 3.0]})
    assert "positive evidence for the winner (Kass & Raftery 1995)" in choice_of(record)
    assert "evidence" not in choice_of(few)
    assert "11 parameters were fitted to 11 rows" in warnings_of(few)
    close = [dict(row) for row in few.table]
    close[1]["bic"] = close[0]["bic"] + 0.5
    assert "The choice is close" not in warnings_of(replace(few, table=close))
    assert "which is hardly worth a mention (Kass" in choice_of(replace(record, table=close))
