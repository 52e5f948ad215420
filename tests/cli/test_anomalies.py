"""``gmmkit anomalies``: rules, reasons, outputs, and what cannot mean anything."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gmmkit import GaussianMixtureOutlierDetector, load
from gmmkit.data import as_table, open_table
from gmmkit.files import read_model, write_model

Gmmkit = Callable[..., Any]
USAGE, DATA, MODEL = 2, 3, 4


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """200 rows of two columns that belong together; in row 7 they do not."""
    random = np.random.default_rng(0)
    values = random.normal([170.0, 65.0], [8.0, 2.0], (200, 2))
    values[:, 1] += 0.9 * (values[:, 0] - 170.0)
    values[7] = 180.0, 150.0
    path = tmp_path / "people.csv"
    path.write_text("height,weight\n" + "".join(f"{a!r},{b!r}\n" for a, b in values.tolist()))
    return path


def read(text: str) -> dict[str, list[str]]:
    header, *lines = csv.reader(io.StringIO(text))
    return {name: [line[j] for line in lines] for j, name in enumerate(header)}


def one_line(outcome: Any, code: int, *words: str) -> None:
    assert (outcome.code, outcome.out) == (code, ""), outcome.err
    assert outcome.err.startswith("gmmkit: ")
    assert outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err


def test_scores_and_p_values_are_the_detectors(gmmkit: Gmmkit, rows: Path) -> None:
    outcome = gmmkit("anomalies", rows)
    found = read(outcome.out)
    detector = GaussianMixtureOutlierDetector().fit(open_table(rows))
    assert list(found) == ["line", "score", "p_value", "anomaly"]
    np.testing.assert_array_equal(np.array(found["line"], dtype=int), np.arange(2, 202))
    np.testing.assert_array_equal(np.array(found["score"], dtype=float), detector.score_samples(open_table(rows)))
    np.testing.assert_array_equal(np.array(found["p_value"], dtype=float), detector.p_values_)
    np.testing.assert_array_equal(np.array(found["anomaly"]) == "1", detector.p_values_ <= 0.05)
    assert outcome.err == "10 of 200 rows (5.0%) are anomalies, by a p-value of at most 0.05.\n"
    assert gmmkit("anomalies", rows, "--quiet").err == ""
    assert gmmkit("anomalies", rows, "--p-value", "0.1").err.startswith("20 of 200 rows (10.0%)")


def test_contamination_is_the_detectors(gmmkit: Gmmkit, rows: Path) -> None:
    found = read(gmmkit("anomalies", rows, "--contamination", "0.03", "--seed", "3").out)
    detector = GaussianMixtureOutlierDetector(contamination=0.03, random_state=3).fit(open_table(rows))
    np.testing.assert_array_equal(np.array(found["anomaly"]) == "1", detector.predict(open_table(rows)) == -1)
    assert found["anomaly"].count("1") == 6


def test_reasons_name_the_column_in_words(gmmkit: Gmmkit, rows: Path) -> None:
    outcome = gmmkit("anomalies", rows, "--contamination", "0.005", "--explain")
    found = read(outcome.out)
    reason = found["reasons"][7]
    assert reason.startswith("weight 150: expected ")
    assert reason.endswith(" given the others")
    assert [i for i, why in enumerate(found["reasons"]) if why] == [7]
    first, *told = outcome.err.splitlines()
    assert first == "1 of 200 rows (0.5%) is an anomaly, by the lowest 0.005 of scores."
    assert told[0].startswith("line 9 (p 0.005): weight 150: expected")


def test_json_lines_and_files(gmmkit: Gmmkit, rows: Path, tmp_path: Path) -> None:
    printed = gmmkit("anomalies", rows, "--explain", "--json").out
    lines = [json.loads(line) for line in printed.splitlines()]
    assert len(lines) == 200
    assert lines[7]["anomaly"] == 1
    assert lines[7]["reasons"].startswith("weight 150")
    for end in (".csv", ".tsv", ".parquet", ".jsonl"):
        assert gmmkit("anomalies", rows, "--explain", "-o", f"found{end}").out == ""
    assert (tmp_path / "found.jsonl").read_text() == printed
    import pyarrow.parquet as pq

    assert pq.read_table(tmp_path / "found.parquet")["reasons"].to_pylist() == [line["reasons"] for line in lines]
    gmmkit("anomalies", rows, "-o", "found.npy")
    assert np.load(tmp_path / "found.npy").shape == (200, 4)
    one_line(gmmkit("anomalies", rows, "--explain", "-o", "text.npy"), USAGE, "reasons, which are text; take .csv")


def test_a_long_reason_takes_room_in_its_own_block_only(
    gmmkit: Gmmkit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(2).normal(size=(40_000, 2))
    values[20_000] = 1e3, -1e3
    np.save(tmp_path / "many.npy", values)
    written: list[list[np.ndarray]] = []

    def kept(_path: Any, _names: Any, blocks: Any, _n_rows: int, **_options: Any) -> None:
        written.extend(blocks)

    monkeypatch.setattr("gmmkit.cli.anomalies.write_rows", kept)
    gmmkit("anomalies", "many.npy", "--contamination", "0.00002", "--explain")
    texts = [block[-1] for block in written]
    assert [len(own) for own in texts] == [16384, 16384, 7232]
    assert texts[1][20_000 - 16384].startswith("column 1 -1000: expected")
    assert [own.itemsize > 40 for own in texts] == [False, True, False]


def test_reasons_with_commas_stay_one_field(gmmkit: Gmmkit, rows: Path, tmp_path: Path) -> None:
    text = rows.read_text().replace("weight", '"weight, ""kg"""')
    (tmp_path / "odd.csv").write_text(text)
    found = read(gmmkit("anomalies", "odd.csv", "--explain").out)
    assert found["reasons"][7].startswith('weight, "kg" 150: expected')


def test_clean_rows_by_name_and_false_discoveries(gmmkit: Gmmkit, rows: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    height = random.normal(170.0, 8.0, 2500)
    weight = random.normal(65.0, 2.0, 2500) + 0.9 * (height - 170.0)
    lines = [f"{w!r},x{i},{h!r}" for i, (h, w) in enumerate(zip(height.tolist(), weight.tolist(), strict=True))]
    (tmp_path / "clean.csv").write_text("weight,name,height\n" + "\n".join(lines) + "\n")
    outcome = gmmkit("anomalies", rows, "--train", "clean.csv", "--fdr", "0.1")
    found = read(outcome.out)
    assert [i for i, flag in enumerate(found["anomaly"]) if flag == "1"] == [7]
    assert "by a false-discovery rate of 0.1" in outcome.err
    detector = GaussianMixtureOutlierDetector(novelty=True).fit(np.c_[height, weight])
    np.testing.assert_array_equal(
        np.array(found["p_value"], dtype=float), detector.p_values(open_table(rows).take(np.arange(200)))
    )
    assert "warning" not in outcome.err
    (tmp_path / "few.csv").write_text(
        "weight,height\n" + "".join(f"{w},{h}\n" for h, w in zip(height[:99], weight[:99], strict=True))
    )
    few = gmmkit("anomalies", rows, "--train", "few.csv", "--fdr", "0.1")
    assert few.err.startswith(
        "gmmkit: warning: 99 clean rows cannot tell a single anomaly among 200 rows at a rate of 0.1"
    )
    assert "that would take 1,999" in few.err
    np.save(tmp_path / "three.npy", np.zeros((9, 3)))
    one_line(gmmkit("anomalies", rows, "--train", "three.npy"), DATA, "three.npy gives 3 columns, but people.csv 2")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n3,4\n")
    one_line(gmmkit("anomalies", rows, "--train", "other.csv"), DATA, "other.csv", "'height'")


def keep(gmmkit: Gmmkit, *options: Any) -> Any:
    outcome = gmmkit("anomalies", *options, "--model", "det.gmm", "-o", "kept.csv")
    assert outcome.code == 0, outcome.err
    assert outcome.err.endswith("Detector in det.gmm\n")
    return outcome


def new_rows(tmp_path: Path) -> np.ndarray:
    """Write columns in another order, beside names of rows; the last row is unlike the others."""
    random = np.random.default_rng(5)
    values = random.normal([170.0, 65.0], [8.0, 2.0], (10, 2))
    values[:, 1] += 0.9 * (values[:, 0] - 170.0)
    values[9, 1] += 50.0
    lines = [f'{b!r},"n, {i}",{a!r}' for i, (a, b) in enumerate(values.tolist())]
    (tmp_path / "new.csv").write_text("weight,name,height\n" + "\n".join(lines) + "\n")
    return values


@pytest.mark.parametrize(
    ("options", "settings"),
    [([], {}), (["--contamination", "0.03", "--seed", "2"], {"contamination": 0.03, "random_state": 2}),
     (["--p-value", "0.1"], {"p_value": 0.1})],
)  # fmt: skip
def test_a_kept_detector_is_pythons_and_judges_new_rows(
    gmmkit: Gmmkit, rows: Path, tmp_path: Path, options: list[str], settings: dict[str, Any]
) -> None:
    keep(gmmkit, rows, *options)
    loaded, detector = load(tmp_path / "det.gmm"), GaussianMixtureOutlierDetector(**settings).fit(open_table(rows))
    assert loaded.get_params() == detector.get_params()
    assert loaded.offset_ == detector.offset_
    assert list(loaded.feature_names_in_) == ["height", "weight"]
    new = new_rows(tmp_path)
    outcome = gmmkit("anomalies", "new.csv", "--with", "det.gmm", "--label", "name", "--explain")
    found = read(outcome.out)
    assert list(found) == ["name", "line", "score", "p_value", "anomaly", "reasons"]
    assert found["name"] == [f"n, {i}" for i in range(10)]
    new_table = as_table(new, names=["height", "weight"])
    np.testing.assert_array_equal(np.array(found["score"], dtype=float), loaded.score_samples(new_table))
    np.testing.assert_array_equal(np.array(found["p_value"], dtype=float), loaded.p_values(new_table))
    np.testing.assert_array_equal(np.array(found["anomaly"]) == "1", loaded.predict(new_table) == -1)
    assert found["anomaly"][9] == "1"
    told = " ".join(outcome.err.split())
    assert "is an anomaly, by scores as low as those of the " in told
    assert " line 11, 'n, 9' (p 0.010): weight " in told


def test_a_kept_detector_is_described(gmmkit: Gmmkit, rows: Path, tmp_path: Path) -> None:
    keep(gmmkit, rows)
    said = gmmkit("describe", "det.gmm")
    assert (said.code, said.err) == (0, "")
    assert "fitted to rows that may hold anomalies of people.csv: 2 columns" in " ".join(said.out.split())
    assert "many rows outside are normal" in " ".join(said.out.split())
    known, loaded = gmmkit("describe", "det.gmm", "--json").json, load(tmp_path / "det.gmm")
    assert (known["threshold"], known["n_reference"]) == (loaded.offset_, len(loaded.reference_scores_))
    assert known["share_below"] == (loaded.reference_scores_ < loaded.offset_).mean()
    assert [column["name"] for column in known["columns"]] == ["height", "weight"]
    assert all(column["usual"] in said.out for column in known["columns"])
    record = read_model(tmp_path / "det.gmm")
    write_model(replace(record, fit={**record.fit, "offset": float("-inf")}), tmp_path / "few.gmm")
    assert "No threshold: 200 scores of rows are too few for one." in gmmkit("describe", "few.gmm").out
    write_model(replace(record, fit={**record.fit, "clean": 3}), tmp_path / "bad.gmm")
    one_line(gmmkit("describe", "bad.gmm"), MODEL, "bad.gmm: its record of the fit is incomplete")


def test_rules_of_their_own_for_a_kept_detector(gmmkit: Gmmkit, rows: Path, tmp_path: Path) -> None:
    keep(gmmkit, rows)
    new_rows(tmp_path)
    judge = ("anomalies", "new.csv", "--columns", "height,weight", "--with", "det.gmm")
    by_share = gmmkit(*judge, "--contamination", "0.2")
    assert read(by_share.out)["anomaly"].count("1") == 2
    p = np.array(read(by_share.out)["p_value"], dtype=float)
    by_p = read(gmmkit(*judge, "--p-value", "0.5").out)["anomaly"]
    np.testing.assert_array_equal(np.array(by_p) == "1", p <= 0.5)
    assert "no p-value beside 200 scores of det.gmm can be at most 0.001" in gmmkit(*judge, "--p-value", "0.001").err
    one_line(gmmkit(*judge, "--fdr", "0.1"), USAGE, "det.gmm was fitted to rows that may be anomalies themselves")
    (tmp_path / "det.gmm").unlink()
    (tmp_path / "more.csv").write_text(rows.read_text())
    keep(gmmkit, "new.csv", "--columns", "height,weight", "--train", "more.csv", "--fdr", "0.2")
    assert load(tmp_path / "det.gmm").novelty
    found = read(gmmkit(*judge, "--fdr", "0.2").out)
    assert found == read((tmp_path / "kept.csv").read_text())


def test_what_is_no_detector_or_would_be_lost(gmmkit: Gmmkit, rows: Path, tmp_path: Path) -> None:
    keep(gmmkit, rows)
    new_rows(tmp_path)
    before = (tmp_path / "det.gmm").read_bytes()
    words = ("is a detector that was fitted to people.csv: take --with det.gmm", "or another name")
    one_line(gmmkit("anomalies", "new.csv", "--model", "det.gmm"), USAGE, *words)
    assert (tmp_path / "det.gmm").read_bytes() == before
    keep(gmmkit, rows, "--seed", "1")  # of the same data it is made again
    for verb in ("predict", "score"):
        one_line(gmmkit(verb, "det.gmm", "new.csv"), MODEL, "gmmkit anomalies DATA --with det.gmm")
    one_line(gmmkit("anomalies", "det.gmm"), USAGE, "det.gmm is a model, not rows: gmmkit anomalies DATA --with")
    assert gmmkit("fit", rows, "-k", "1", "-o", "m.gmm").code == 0
    one_line(gmmkit("anomalies", rows, "--with", "m.gmm"), MODEL, "m.gmm holds a GaussianMixture, no detector")
    one_line(gmmkit("anomalies", rows, "--with", "none.gmm"), MODEL, "none.gmm: No such file")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    one_line(gmmkit("anomalies", "other.csv", "--with", "det.gmm"), DATA, "no column 'height', 'weight', on which")
    np.save(tmp_path / "three.npy", np.ones((4, 3)))
    one_line(gmmkit("anomalies", "three.npy", "--with", "det.gmm"), DATA, "gives 3 columns; the model was fitted on 2")
    (tmp_path / "few.csv").write_text("".join(rows.read_text().splitlines(keepends=True)[:11]))
    (tmp_path / "det.gmm").unlink()
    keep(gmmkit, "few.csv")
    one_line(gmmkit("anomalies", rows, "--with", "det.gmm"), USAGE, "det.gmm has no threshold", "give --contamination")


def test_names_of_rows_are_written_first_and_may_be_empty(gmmkit: Gmmkit, rows: Path, tmp_path: Path) -> None:
    header, *lines = rows.read_text().splitlines()
    names = ["" if i % 3 else f"p{i}" for i in range(len(lines))]
    text = "\n".join(f"{name},{line}" for name, line in zip(names, lines, strict=True))
    (tmp_path / "named.csv").write_text(f"line,{header}\n{text}\n")
    found = read(gmmkit("anomalies", "named.csv", "--label", "line").out)
    assert list(found) == ["line_label", "line", "score", "p_value", "anomaly"]
    assert found["line_label"] == names
    plain = read(gmmkit("anomalies", rows).out)
    by_position = read(gmmkit("anomalies", "named.csv", "--label", "0").out)
    assert by_position == {"0": names, **plain}
    assert gmmkit("anomalies", "named.csv", "--label", "line", "-o", "numbers.npy").code == 0
    assert np.load(tmp_path / "numbers.npy").shape == (200, 4)
    one_line(gmmkit("cluster", "named.csv", "--label", "line"), DATA, "is empty; expected a label")


def test_a_share_of_rows_beside_clean_ones(gmmkit: Gmmkit, rows: Path, tmp_path: Path) -> None:
    new_rows(tmp_path)
    found = read(gmmkit("anomalies", "new.csv", "--label", "name", "--train", rows, "--contamination", "0.1").out)
    assert [i for i, flag in enumerate(found["anomaly"]) if flag == "1"] == [9]


def test_columns_that_are_no_measurements(gmmkit: Gmmkit, rows: Path, tmp_path: Path) -> None:
    header, *lines = rows.read_text().splitlines()
    (tmp_path / "more.csv").write_text(
        f"{header},kind,number,same\n" + "\n".join(f"{line},a{i},{i},5" for i, line in enumerate(lines)) + "\n"
    )
    known = gmmkit("anomalies", rows).out
    assert gmmkit("anomalies", "more.csv", "--columns", "height,weight").out == known
    outcome = gmmkit("anomalies", "more.csv", "--label", "kind")
    assert outcome.code == 0
    assert "column 'number' holds 200 consecutive whole numbers" in outcome.err
    assert "column 'same' has one value only" in outcome.err
    one_line(gmmkit("anomalies", "more.csv"), DATA, "column 'kind' is 'a0'", "--columns")


def test_rows_are_not_compared_with_themselves(gmmkit: Gmmkit, rows: Path, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(rows)
    for train in (rows.name, str(rows), "link.csv"):
        words = (f"--train {train} is DATA itself", "give another file of normal rows")
        one_line(gmmkit("anomalies", rows, "--train", train, "--fdr", "0.1"), USAGE, *words)
    one_line(gmmkit("anomalies", "-", "--train", "-"), USAGE, "is DATA itself")


def test_too_few_rows_for_any_p_value(gmmkit: Gmmkit, rows: Path, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("".join(rows.read_text().splitlines(keepends=True)[:11]))
    for options in ([], ["--train", "few.csv"]):
        outcome = gmmkit("anomalies", rows if options else "few.csv", *options)
        assert "1" not in read(outcome.out)["anomaly"]
        assert "warning: no p-value from 10 rows can be at most 0.05" in outcome.err
        assert f"that takes {19 if options else 20} rows" in outcome.err
    assert "no p-value" not in gmmkit("anomalies", "few.csv", "--p-value", "0.2").err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--contamination", "0"], "'0'; expected a number above 0 and at most 0.5"),
        (["--contamination", "0.51"], "expected a number above 0 and at most 0.5"),
        (["--contamination", "some"], "'some'; expected a number"),
        (["--p-value", "1"], "expected a number above 0 and below 1"),
        (["--p-value", "nan"], "expected a number above 0 and below 1"),
        (["--fdr", "0.1"], "--fdr needs --train CLEAN"),
        (["--contamination", "0.1", "--p-value", "0.1"], "--contamination and --p-value are rules of their own"),
        (["-o", "a.txt"], "unknown kind of file"),
        (["-o", "a.gmm"], "--output a.gmm is for the rows; the detector is kept by --model a.gmm"),
        (["--model", "a.csv"], "--model a.csv: unknown kind of file; expected a name that ends in .gmm"),
        (["--with", "a.gmm", "--train", "x.csv", "--seed", "3"], "--train, --seed: --with a.gmm fits nothing"),
        (["--with", "a.gmm", "--model", "b.gmm"], "--model: --with a.gmm fits nothing"),
    ],
)
def test_rules_that_mean_nothing(gmmkit: Gmmkit, rows: Path, options: list[str], words: str) -> None:
    one_line(gmmkit("anomalies", rows, *options), USAGE, words)


def test_data_that_cannot_be_judged(gmmkit: Gmmkit, tmp_path: Path) -> None:
    (tmp_path / "same.csv").write_text("a,b\n1,2\n1,2\n1,2\n")
    one_line(gmmkit("anomalies", "same.csv"), DATA, "same.csv has no two rows that differ")
    (tmp_path / "one.csv").write_text("a,b\n1,2\n")
    one_line(gmmkit("anomalies", "one.csv"), DATA, "has 1 row")
    (tmp_path / "nan.csv").write_text("a,b\n1,2\n3,\n2,1\n")
    one_line(gmmkit("anomalies", "nan.csv"), DATA, "nan.csv", "column 'b'")


def test_a_report_tells_what_the_rows_do(gmmkit: Gmmkit, rows: Path, tmp_path: Path) -> None:
    plain = gmmkit("anomalies", rows)
    done = gmmkit("anomalies", rows, "--report", "odd.html", "--model", "d.gmm")
    assert done.out == plain.out
    assert done.err == f"{plain.err}Detector in d.gmm\nReport in odd.html\n"
    page = (tmp_path / "odd.html").read_text(encoding="utf-8")
    assert "<h1>10 of 200 rows of people.csv are called anomalies</h1>" in page
    assert "line 9" in page
    assert "p-values are ranks" in page
    again = gmmkit("anomalies", rows, "--with", "d.gmm", "--report", "again.html", "--quiet")
    assert again.err == ""
    assert "may hold anomalies themselves" in (tmp_path / "again.html").read_text(encoding="utf-8")
    clean = rows.read_text().splitlines()
    (tmp_path / "clean.csv").write_text("\n".join([clean[0], *clean[20:]]) + "\n")
    for options, said in (
        ([], "Of normal rows up to 5.0\N{NO-BREAK SPACE}% are called as well"),
        (["--fdr", "0.2"], "181 clean rows cannot tell a single anomaly among 200 rows"),
    ):
        gmmkit("anomalies", rows, "--train", "clean.csv", "--report", "new.html", *options)
        page = (tmp_path / "new.html").read_text(encoding="utf-8")
        assert said in page
        assert "Histogram of 200 values" in page
    assert gmmkit("report", "d.gmm", rows, "-o", "saved.html").code == 0
    assert "of people.csv are called anomalies" in (tmp_path / "saved.html").read_text(encoding="utf-8")
    assert gmmkit("report", "d.gmm", "-o", "alone.html").code == 0
    assert "A detector of outliers, fitted to rows of people.csv" in (tmp_path / "alone.html").read_text("utf-8")


def test_a_report_goes_where_it_can(gmmkit: Gmmkit, rows: Path) -> None:
    one_line(gmmkit("anomalies", rows, "--report", "odd.pdf"), USAGE, "expected a name that ends in .html or .htm")
    one_line(gmmkit("anomalies", rows, "--report", "no/odd.html"), USAGE, "does not exist")
    assert gmmkit("anomalies", rows, "--model", "d.gmm").code == 0
    one_line(gmmkit("report", "d.gmm", rows, "--weights", "height"), USAGE, "judges every row by itself")
