"""Reports of drawn rows: the verdict first, then columns, pairs, the classifier and rows that are too near."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from page_reader import read
from report_cases import SCRIPT
from sklearn.base import clone
from sklearn.datasets import load_iris

from gmmkit import (
    ConjugatePrior,
    GaussianMixture,
    GaussianMixtureDensity,
    GaussianMixtureGenerator,
    GaussianMixtureSearch,
    MixtureOfFactorAnalyzers,
    MixtureOfFactorAnalyzersSearch,
    StudentMixture,
)
from gmmkit.data import as_table
from gmmkit.data.table import Labels, Table
from gmmkit.errors import DataError, ModelFormatError, ParameterError
from gmmkit.estimators.persistence import record_of
from gmmkit.report import render_report
from gmmkit.report.drawn import Drawn
from gmmkit.report.generation import render_generation_report
from gmmkit.report.reproduce import python_of
from gmmkit.selection.fidelity import fidelity_of

FITTER = GaussianMixtureDensity((1, 2), covariance_type="diag")
NAMES = ("a", SCRIPT, "c", "d")


def table_of(rows, names=NAMES, labels=None, weights=None):
    table = as_table(rows, names=names[: rows.shape[1]], weights=weights, origin="rows.csv")
    if labels is None:
        return table
    return Table(table.source, table.names, labels=labels, origin="rows.csv")


def page_of(table, drawn, real=None, classes=None, **options):
    record = record_of(GaussianMixtureGenerator(FITTER).fit(table.take(np.arange(table.n_rows))))
    rows = table.take(np.arange(table.n_rows)) if real is None else real
    found = fidelity_of(rows, drawn, list(table.names))
    shown = Drawn(drawn, np.zeros(len(drawn), int) if classes is None else classes, rows, found)
    return found, read(render_generation_report(record, rows=table, drawn=shown, **options))


def tables(page):
    found = {}
    for table in page.all("table"):
        (caption,) = table.all("caption")
        found[caption.text] = [[cell.text for cell in row.all("th", "td")] for row in table.all("tr")][1:]
    return found


def normal(n, d, seed):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_rows_of_the_same_law_are_not_told_apart():
    found, page = page_of(table_of(normal(400, 3, 0)), normal(300, 3, 1), command="gmmkit sample rows.csv")
    assert next(page.all("h1")).text == "300 rows like those of rows.csv: not to be told from real ones"
    assert "No column differs by more than chance. " not in page.text  # each sentence is a paragraph of its own
    assert [part.text for part in next(page.all("header")).all("p")][1:] == [
        "No column differs by more than chance.",
        "There is no sign of rows learnt by heart.",
    ]
    columns = tables(page)["Columns, those that differ most first"]
    assert [float(row[1]) for row in columns] == sorted((round(c.distance, 3) for c in found.columns), reverse=True)
    pairs = tables(page)["Pairs"]
    assert len(pairs) == 3
    assert float(pairs[0][3]) == pytest.approx(found.largest_correlation_difference, abs=0.006)
    assert len([svg for svg in page.all("svg") if "of 400 real and 300 drawn rows" in svg.text]) == 4
    assert not list(page.all("script"))
    assert any(SCRIPT in cell.text for cell in page.all("th"))
    assert any(code.text == "gmmkit sample rows.csv" for code in page.all("code"))


def test_rows_of_another_law_are_told_and_the_columns_named():
    drawn = normal(400, 3, 1)
    drawn[:, 2] = drawn[:, 2] ** 2
    found, page = page_of(table_of(normal(400, 3, 0)), drawn)
    assert found.accuracy > 0.6
    head = next(page.all("header")).text
    assert "some can be told from real ones" in head
    assert "One column differs by more than chance: c." in head
    marked = [strong.text for strong in next(page.all("table")).all("strong")]
    assert marked == [f"{found.columns[2].distance:.3f}"]


def test_copies_are_named_with_the_rows_they_are_of():
    real = normal(300, 2, 0)
    drawn = np.r_[real[[17, 5]], normal(298, 2, 1)]
    _, page = page_of(table_of(real), drawn)
    near = tables(page)["Drawn rows, counted from 0, that stand nearest to a real one"]
    assert {tuple(row[:3]) for row in near[:2]} == {("row 0", "row 17", "0"), ("row 1", "row 5", "0")}
    found, page = page_of(table_of(real), real + 1e-6)
    assert found.too_near
    assert "too near to real ones" in next(page.all("h1")).text
    assert "Do not pass these on as new" in next(page.all("header")).text


@pytest.mark.parametrize("d", [1, 40])
def test_one_column_and_many(d):
    names = [f"column number {j}" for j in range(d)]
    _, page = page_of(table_of(normal(120, d, 0), names), normal(150, d, 1))
    assert len([svg for svg in page.all("svg") if "column number" in svg.text]) == min(d, 12)
    assert len([found for found in page.all("section") if found.attributes["id"] == "pairs"]) == (d > 1)
    assert len(next(page.all("html")).text) < 200_000


def test_weights_and_classes_count():
    labels = Labels(np.arange(200, dtype=np.intp) % 2, ("left & right", SCRIPT))
    _, page = page_of(table_of(normal(200, 2, 0), labels=labels), normal(60, 2, 1), classes=np.arange(60) % 3 // 2)
    shares = tables(page)["Shares of the classes"]
    assert shares == [["left & right", "50\N{NO-BREAK SPACE}%", "67\N{NO-BREAK SPACE}%"],
                      [SCRIPT, "50\N{NO-BREAK SPACE}%", "33\N{NO-BREAK SPACE}%"]]  # fmt: skip
    rows = normal(200, 2, 0)
    table = table_of(rows, weights=np.arange(200.0) + 1.0)
    drawn = np.r_[rows[150:151], normal(59, 2, 1)]
    _, page = page_of(table, drawn, real=rows[::2])
    assert "100 real rows, as their weights have them" in page.text
    near = tables(page)["Drawn rows, counted from 0, that stand nearest to a real one"]
    assert near[0][:2] == ["row 0", "row 150"]


def test_a_page_of_many_rows_is_small():
    rows, drawn = normal(100_000, 2, 0), normal(100_000, 2, 1)
    record = record_of(GaussianMixtureGenerator(FITTER).fit(rows[:300]))
    names = ["a", "b"]
    shown = Drawn(drawn, np.zeros(100_000, int), rows, fidelity_of(rows[:500], drawn[:500], names))
    text = render_generation_report(record, rows=as_table(rows, names=names), drawn=shown)
    assert len(text.encode()) < 300_000


def test_python_makes_the_same_generator_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    iris = load_iris()
    rows = [",".join([*map(repr, row), name]) for row, name in zip(
        iris.data[:, :2].tolist(), np.array(["x", "y z", "z"])[iris.target], strict=True)]  # fmt: skip
    (tmp_path / "flowers.csv").write_text("\n".join(["a,b,kind", *rows]) + "\n")
    found = GaussianMixtureGenerator(bounds={"a": (0.0, None)}, random_state=3).fit(
        as_table(iris.data[:, :2], names=["a", "b"]), iris.target
    )
    record = record_of(found)
    known = {**record.fit, "classes": ["x", "y z", "z"]}
    command = "gmmkit sample flowers.csv --label kind -n 25 --seed 3"
    made = type(record)(
        record.mixture, feature_names=["a", "b"], estimator=record.estimator, settings=record.settings, fit=known,
        provenance={"source": "flowers.csv", "command": command},
    )  # fmt: skip
    code = python_of(made)
    assert 'bounds={"a": (0.0, None)}' in code
    namespace = {}
    exec(compile(code, "report", "exec"), namespace)
    assert namespace["model"].synthesizer_.mixtures == found.synthesizer_.mixtures
    np.testing.assert_array_equal(namespace["drawn"], found.sample(25, random_state=3)[0])


@pytest.mark.parametrize(
    ("estimator", "written"),
    [
        (GaussianMixture(3, covariance_type="diag"), 'GaussianMixture(n_components=3, covariance_type="diag", r'),
        (GaussianMixture(prior=ConjugatePrior(shrinkage=0.1)), "prior=ConjugatePrior(mean=None, shrinkage=0.1, "),
        (StudentMixture(2, tol=0.01), "StudentMixture(n_components=2, tol=0.01, random_state=1)"),
        (clone(FITTER), 'GaussianMixtureDensity(n_components=[1, 2], covariance_type="diag", random_state=1)'),
        (GaussianMixtureSearch([1, 2], covariance_type="EII"), 'Search(n_components=[1, 2], covariance_type="EII", r'),
        (MixtureOfFactorAnalyzers(1, 2), "MixtureOfFactorAnalyzers(n_components=1, n_factors=2, random_state=1)"),
        (MixtureOfFactorAnalyzersSearch(1, 1, noise="isotropic"), 'n_factors=1, random_state=1, noise="isotropic")'),
    ],
)
def test_python_has_the_estimator_inside(estimator, written):
    rows = normal(60, 3, 0)
    found = GaussianMixtureGenerator(estimator.set_params(random_state=1), random_state=4).fit(rows)
    code = python_of(record_of(found))
    assert written in code
    namespace = {"X": rows}
    exec(compile(code, "report", "exec"), namespace)
    assert namespace["model"].synthesizer_.mixtures == found.synthesizer_.mixtures


def test_python_says_which_estimator_it_cannot_write():
    record = record_of(GaussianMixtureGenerator(FITTER).fit(normal(60, 2, 0)))
    code = python_of(replace(record, settings={"estimator": {"name": "Other", "settings": {}}}))
    assert "# The mixtures were fitted by another estimator, which cannot be written here: Other" in code
    assert "model = GaussianMixtureGenerator()" in code


def test_a_generator_draws_as_many_rows_as_are_given_and_has_no_page_without():
    rows = np.exp(np.random.default_rng(0).normal(size=(80, 2)))
    generator = GaussianMixtureGenerator(FITTER, random_state=5).fit(rows)
    page = read(render_report(generator, rows))
    assert next(page.all("h1")).text == "80 rows like those given: not to be told from real ones"
    found = generator.fidelity(rows)
    apart = [float(row[1]) for row in tables(page)["Columns, those that differ most first"]]
    assert apart == sorted((round(column.distance, 3) for column in found.columns), reverse=True)
    assert render_report(record_of(generator), as_table(rows)) == render_report(generator, rows)
    with pytest.raises(ParameterError, match="how like real rows those are that it draws: give rows as well"):
        render_report(generator)
    with pytest.raises(DataError, match="5 real and 5 drawn rows are too few"):
        render_report(generator, rows[:5])
    broken = replace(record_of(generator), fit={})
    with pytest.raises(ModelFormatError, match="this generator of rows cannot be read"):
        render_report(broken, rows)


def test_classes_of_a_generator_and_of_rows_are_those_of_either():
    rows = normal(90, 2, 0)
    generator = GaussianMixtureGenerator(FITTER).fit(rows, np.repeat([2, 7], 45))
    labels = Labels(np.repeat(np.arange(3, dtype=np.intp), 30), ("1", "2", "3"))
    page = read(render_report(generator, table_of(rows, labels=labels)))
    shares = [[cell.strip("\N{NO-BREAK SPACE}%") for cell in row] for row in tables(page)["Shares of the classes"]]
    assert [row[:2] for row in shares] == [["1", "33"], ["2", "33"], ["3", "33"], ["7", "0"]]
    assert [row[2] for row in shares][::2] == ["0", "0"]
    assert sum(float(row[2]) for row in shares) == pytest.approx(100, abs=1)
    plain = GaussianMixtureGenerator(FITTER).fit(rows)
    assert "Shares of the classes" not in tables(read(render_report(plain, table_of(rows, labels=labels))))
