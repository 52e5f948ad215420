"""Reports of mixtures of factor analysers: what was chosen, and Python that does it again."""

import numpy as np
import pytest
from page_reader import read
from typer.testing import CliRunner

from cases import iris
from gmmkit import MixtureOfFactorAnalyzers, MixtureOfFactorAnalyzersSearch, save
from gmmkit.cli.main import app
from gmmkit.data import open_table
from gmmkit.files import read_model
from gmmkit.report import factors, render_report
from gmmkit.report.reproduce import python_of


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savetxt("iris.csv", iris(), delimiter=",", header="sl,sw,pl,pw", comments="")
    return "iris.csv"


def reduced(*arguments):
    given = ["reduce", "iris.csv", "--model", "m.gmm", "-o", "z.csv", "--quiet", *arguments]
    assert CliRunner().invoke(app, given, obj=given).exit_code == 0
    return read_model("m.gmm")


def run(code):
    known = {}
    exec(compile(code, "report", "exec"), known)
    return known["model"]


@pytest.mark.parametrize(
    ("arguments", "called"),
    [
        (("-k", "1:2", "-f", "1"), "MixtureOfFactorAnalyzersSearch(range(1, 3), 1)"),
        (("-k", "2"), 'MixtureOfFactorAnalyzersSearch(2, "auto")'),
        (("-f", "2", "--noise", "isotropic"), 'MixtureOfFactorAnalyzersSearch(1, 2, noise="isotropic")'),
        (
            ("-f", "1", "--noise", "shared-diagonal,isotropic", "--criterion", "aic", "--seed", "3"),
            "MixtureOfFactorAnalyzersSearch(",
        ),
    ],
)
def test_python_of_a_command_makes_the_same_model(data, arguments, called):
    record = reduced(*arguments)
    code = python_of(record)
    assert called in code
    assert run(code).mixture_ == record.mixture


def test_python_of_a_model_saved_from_python(data):
    table = open_table(data)
    known = MixtureOfFactorAnalyzers(2, 2, noise="isotropic", tol=1e-4, random_state=1).fit(table)
    save(known, "m.gmm")
    code = python_of(read_model("m.gmm"))
    assert "MixtureOfFactorAnalyzers(2, 2, noise=" in code
    known_ = {"X": table}
    exec(compile(code, "report", "exec"), known_)
    assert known_["model"].mixture_ == known.mixture_


def test_the_page_tells_candidates_apart(data):
    record = reduced("-k", "1", "-f", "1:2")
    for table in (None, open_table(data)):
        page = read(render_report(record, table=table))
        text = " ".join(page.text.split())
        assert "2 factors, isotropic" in text
        assert "1 factor, diagonal" in text


@pytest.mark.parametrize(
    ("noise", "shared"),
    [
        ("diagonal", "each with its own noise in each column"),
        ("isotropic", "each with its own noise, as large in all columns"),
        ("shared-diagonal", "all with the same noise, of its own size in each column"),
        ("shared-isotropic", "all with the same noise, as large in all columns"),
    ],
)
def test_the_structure_is_told_in_words(data, noise, shared):
    text = read(render_report(MixtureOfFactorAnalyzers(2, 1, noise=noise, random_state=0).fit(open_table(data)))).text
    assert f"2 clusters, {shared} (covariance of 1 factor and {noise} noise)" in text
    assert f"covariance of 1 factor and {noise} noise, " in text
    assert "factor-" not in text


def test_defaults_are_the_estimators():
    one, search = MixtureOfFactorAnalyzers().get_params(), MixtureOfFactorAnalyzersSearch().get_params()
    assert {name: one[name] for name in factors.ONE_FIT} == factors.ONE_FIT
    assert {name: search[name] for name in factors.SEARCH} == factors.SEARCH
