"""What the sections say: the answer, the search, the numbers, the warnings, the labels."""

import re
from dataclasses import replace

import numpy as np
import pytest
from page_reader import read
from report_cases import case, fitted, searched, tree

from gmmkit.data import as_table
from gmmkit.data.faithful import open_old_faithful
from gmmkit.files import ModelRecord, read_model, write_model
from gmmkit.model.covariance.catalogue import STRUCTURES
from gmmkit.model.mixture import Mixture
from gmmkit.model.noise import Noise
from gmmkit.report import render_report
from gmmkit.selection.agreement import adjusted_rand_index, cross_table
from gmmkit.selection.clusters import ClusterSettings, find_clusters
from gmmkit.selection.records import record_of_clusters


def section(root, key):
    return next((part for part in root.all("section") if part.attributes["id"] == key), None)


def test_the_answer_comes_first():
    root = tree("faithful")
    header = next(root.all("header")).text
    assert header.startswith("3 clusters in 272 rows of faithful.csv")
    assert re.search(r" 0 holds 3\d\s% of the rows, around eruptions 2\.\d\d and waiting 5\d\.\d", header)
    assert re.search(r" 2 holds 4\d\s%, around eruptions 4\.\d\d and waiting 8\d\.\d", header)
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
    assert "The runner-up, “tied” with 4 components, is" in part.text
    assert "Kass & Raftery" in part.text
    assert ("Starts here" in next(part.all("thead")).text) == ("Starts here: how many" in part.text) is True


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
    assert re.search(r"4\d\s%", sizes.text)
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
    assert "darker" not in part.text  # where the page is dark, the unsure are lighter


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


def test_passes_that_gain_nothing_are_told_not_drawn():
    record = case("faithful").record
    flat = replace(record, fit={**record.fit, "objectives": [-4.1, -4.1 + 1e-9, -4.1 + 1e-9]})
    part = section(read(render_report(flat)), "convergence")
    assert "the start was at the optimum" in part.text
    assert not list(part.all("figure"))


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
    "objectives": [], "reason": "max_iter", "repairs": [], "effective_rows": [90.0], "relative_eigenvalues": [1.0],
    "needed_rows": 1, "starts_tried": 1, "total_weight": 90,
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
    assert all(section(root, key) is None for key in ("choice", "convergence", "warnings"))


def test_a_table_of_rows_without_weight_or_spread():
    record = case("faithful").record
    table = as_table(np.array([[3.5, 70.0]]), weights=[2.0])
    assert "1 row" in render_report(record, table=table)


def test_names_of_one_model_are_not_spurious_fits():
    given = case("fourteen structures")
    copies = [row for row in given.record.table if row["same_as"]]
    part = section(tree("fourteen structures"), "choice").text
    assert len(copies) > 1
    assert f"{len(copies)} names stand for a model that is ranked under another" in part
    assert "spurious and set aside" not in part


def test_ties_are_said():
    given = case("faithful")
    rows = [dict(row) for row in given.record.table]
    rows[1] |= {"rank": 1, "bic": rows[0]["bic"]}
    root = read(render_report(replace(given.record, table=rows)))
    assert "as good: a tie" in section(root, "choice").text
    assert "1 (tie)" in section(root, "choice").text
    assert "is as good" in next(root.all("header")).text


def test_fourteen_structures_have_a_table_of_their_own():
    given = case("fourteen structures")
    part = section(tree("fourteen structures"), "choice")
    grid = next(t for t in part.all("table") if "by covariance structure" in t.text)
    heads = [head.text for head in grid.all("th") if head.attributes["scope"] == "row"]
    assert heads == list(STRUCTURES)
    assert len(list(grid.all("strong"))) == 1
    assert next(grid.all("strong")).text == f"{given.record.table[0]['bic']:,.1f}"
    assert "as EII" in grid.text
    assert any("Every fit by structure and size" in summary.text for summary in part.all("summary"))


@pytest.mark.parametrize(
    ("name", "words"),
    [("EEE", "all of the same size, shape and direction"), ("VII", "all round, each with its own size"),
     ("EVI", "stretched along the columns, all of the same size, each with its own shape")],
)  # fmt: skip
def test_structures_in_words(name, words):
    record = searched(case("faithful").table, [3], (name,))
    assert words in next(read(render_report(record)).all("header")).text


def test_merged_clusters():
    given = case("merged")
    root = tree("merged")
    header = next(root.all("header")).text
    assert header.startswith("2 clusters in")
    assert "3 components" in header
    assert "they form 2 clusters" in header
    part = section(root, "merging")
    assert len(list(part.all("figure"))) == 2
    steps = next(part.all("table"))
    heads = [cell.text for cell in steps.all("th") if cell.attributes["scope"] == "col"]
    assert heads == ["Clusters", "Merged", "Rows merged", "Entropy", "Fall a row"]
    assert [cell.text for cell in steps.all("th") if cell.attributes["scope"] == "row"] == ["3", "2 (proposed)", "1"]
    sizes, _ = section(root, "clusters").all("table")
    words = [item.text for item in section(root, "clusters").all("li")]
    assert len(words) == 2
    assert "(components 0 and 1): low y, low x; well apart from its nearest, cluster 1" in words[0]
    assert len(list(sizes.all("tr"))) == 1 + 3
    assert section(tree("faithful"), "merging") is None
    counts = cross_table(given.record.mixture, given.table, ((0, 1), (2,)))
    assert [float(cell.text) for cell in section(root, "labels").all("td")] == counts.ravel().tolist()


def test_clusters_are_of_the_model_that_was_taken():
    record = case("clusters").record
    taken = record.fit["candidates"][0]
    assert (record.mixture.covariance_type, taken["covariance_type"]) == ("full", "VEV")
    root = tree("clusters")
    header = next(root.all("header")).text
    assert "(covariance “VEV” of columns in units of their standard deviations)" in header
    assert "The number of clusters was given" in header
    assert f"deviations, {taken['n_parameters']} free parameters" in section(root, "about").text
    assert "full" not in root.text
    part = section(root, "merging")
    assert [caption.text for caption in part.all("figcaption")] == [
        "Merges: which components form a cluster, and in which order."
    ]
    assert f"{record.fit['reason']}." in part.text
    heads = [head.text for head in part.all("th") if head.attributes["scope"] == "col"]
    assert heads == ["Clusters", "Merged", "Rows merged", "Mistaken"]
    assert section(root, "convergence") is None
    assert section(root, "warnings") is None


def test_clusters_of_one_column_are_of_no_other_units():
    table = as_table(case("labelled").table.take(np.arange(150))[:, :1])
    found = find_clusters(table, ClusterSettings(n_clusters=2, structures=("V",), seed=0), n_jobs=1)
    root = read(render_report(record_of_clusters(found, {"n_clusters": 2, "covariance_type": ["V"]}), table=table))
    assert "each with its own width (covariance “V”)" in next(root.all("header")).text


def test_clusters_whose_number_was_found():
    given = case("clusters")
    record = replace(given.record, settings={**given.record.settings, "n_clusters": "auto"})
    header = next(read(render_report(record, table=given.table)).all("header")).text
    assert "The number of clusters is that on which halves of the rows agree most." in header


def test_intervals_and_tests():
    part = section(tree("merged"), "precision")
    captions = [caption.text for caption in part.all("figcaption")]
    assert captions == [
        "Intervals of each component's weight.",
        "Intervals of each component's mean of x.",
        "Intervals of each component's mean of y.",
        "What 3 components add where 2 made the rows, and here.",
    ]
    assert "fitted again 200 times, to rows drawn from these with replacement" in part.text
    assert "2 replicates did not count: 2 collapsed" in part.text
    assert "variance of x" in part.text
    assert "covariance of x and y" in part.text
    assert "3 are needed" in part.text
    assert "Rows and replicates are fitted alike, from a hierarchy; fits elsewhere on this page may be" in part.text
    assert section(tree("faithful"), "precision") is None


def test_a_test_is_rejected_where_the_fit_says_so():
    record = case("merged").record
    known = [
        {"n_components": 1, "statistic": 40.0, "p_value": 0.05},
        {"n_components": 2, "statistic": 9.0, "p_value": 0.05, "rejected": True},
        {"n_components": 3, "statistic": 8.0, "p_value": 0.05, "rejected": False},
        {"n_components": 1, "statistic": 2.0, "p_value": 0.2},
    ]
    part = section(read(render_report(replace(record, fit={"likelihood_ratio": known}))), "precision")
    tests = next(table for table in part.all("table") if "Likelihood-ratio tests" in table.text)
    said = [list(row.all("td"))[-1].text for row in next(tests.all("tbody")).all("tr")]
    assert said == ["2 are needed", "3 are needed", "3 are enough", "1 is enough"]
    assert "p at or below 0.05" in part.text


@pytest.mark.parametrize(
    "found",
    [
        {"merging": 3}, {"merging": {"rule": "entropy", "rows": []}}, {"bootstrap": {"rows": 7}},
        {"bootstrap": {"rows": [{"parameter": "weight"}]}}, {"likelihood_ratio": {}},
        {"likelihood_ratio": [{"n_components": "a"}]},
    ],
)  # fmt: skip
def test_findings_that_cannot_be_read_are_left_out(found):
    record = case("faithful").record
    root = read(render_report(replace(record, fit={**record.fit, **found})))
    assert section(root, "merging") is None
    assert section(root, "precision") is None


def test_tails_and_noise_are_said():
    square = [[0.0, 30.0], [6.0, 30.0], [0.0, 110.0], [6.0, 110.0]]
    mixture = case("faithful").record.mixture.beside(Noise(0.1, -np.log(480.0), square))
    mixture = mixture.changed(degrees_of_freedom=np.full(mixture.n_components, 1.0))
    root = read(render_report(ModelRecord(mixture), table=case("faithful").table))
    assert "heavy tails" in next(root.all("header")).text
    about = section(root, "about").text
    assert "Student-t mixture" in about
    assert "Noise10" in about
    assert "noise  (10 %)" in section(root, "pictures").text


def test_one_threshold_for_where_a_cluster_lies():
    means = [[0.0, 0.0, 0.0, 1.0], [9.0, 9.0, 9.0, 0.0], [4.5, 4.5, 4.5, 0.5]]
    mixture = Mixture.from_arrays([0.3, 0.3, 0.4], means, [9.0, 9.0, 9.0], covariance_type="spherical")
    root = read(render_report(ModelRecord(mixture, feature_names=list("abcd"))))
    parts = (next(root.all("header")), section(root, "clusters"))
    lead, words = ([item.text for item in part.all("li")] for part in parts)
    assert ["set apart by" in line for line in lead] == [True, True, False]
    assert not any("d 0" in line or "d 1" in line for line in lead)
    assert all("near the middle of every column" in lines[2] for lines in (lead, words))


def test_clusters_come_in_one_order():
    root = tree("twenty components")
    named = [int(item.text.split()[0]) for item in next(root.all("header")).all("li") if "holds" in item.text]
    assert len(named) == 6
    assert named == sorted(named)
    assert np.isin(named, np.argsort(-case("twenty components").record.mixture.weights)[:6]).all()


def test_one_cluster_of_many_columns_stands_out_in_none():
    mixture = Mixture.from_arrays([1.0], [[1.0] * 4], [1.0], covariance_type="spherical")
    (item,) = next(read(render_report(ModelRecord(mixture))).all("header")).all("li")
    assert item.text.strip().endswith("holds 100\N{NO-BREAK SPACE}% of the rows")


def test_noise_is_not_overlap_of_clusters():
    square = [[-15.0, -15.0], [15.0, -15.0], [-15.0, 15.0], [15.0, 15.0]]
    far = Mixture.from_arrays([0.5, 0.5], [[-6.0, 0.0], [6.0, 0.0]], [4.0, 4.0], covariance_type="spherical")
    noisy = far.beside(Noise(0.4, -np.log(900.0), square))
    root = read(render_report(ModelRecord(noisy), table=as_table(noisy.sample(400, seed=0)[0])))
    header = next(root.all("header")).text
    assert "The clusters are well separated" in header
    assert re.search(r"and [\d.]+\s% in a cluster though they are noise, or in the noise though", header)
    assert "or whether it is noise" in section(root, "pictures").text
    assert "noise" not in next(read(render_report(ModelRecord(far))).all("header")).text


def test_no_row_in_the_wrong_cluster():
    far = Mixture.from_arrays([0.5, 0.5], [[-99.0], [99.0]], [1.0, 1.0], covariance_type="spherical")
    header = next(read(render_report(ModelRecord(far))).all("header")).text
    assert "well separated: none of the rows would be put in the wrong one" in header


def test_a_structure_has_one_name():
    given = fitted(open_old_faithful(), 2, "full")
    for name in ("VVV", "full", "EEE"):
        settings = {**given.settings, "covariance_type": name}
        text = read(render_report(replace(given, settings=settings))).text
        shown = name if name != "EEE" else "full"  # what is not the mixture's is not believed
        assert text.count(f"covariance “{shown}”") == 2
        assert text.count("covariance “") == 2
