"""`gmmkit reduce`: coordinates of factor analysers, and directions in which components differ."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cases import iris
from gmmkit import MixtureOfFactorAnalyzers, load
from gmmkit.cli.factors import NOISES
from gmmkit.files import read_model
from gmmkit.inference import factor_fit
from gmmkit.model.discriminant import discriminant_subspace
from gmmkit.model.factor_scores import coordinates, rebuilt
from gmmkit.report import python_of

Gmmkit = Callable[..., Any]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    np.savetxt(tmp_path / "iris.csv", iris(), delimiter=",", header="sl,sw,pl,pw", comments="")
    return tmp_path / "iris.csv"


def table_of(text: str) -> tuple[list[str], np.ndarray]:
    names, values = text.split("\n", 1)
    return names.split(","), np.loadtxt(io.StringIO(values), delimiter=",", ndmin=2)


def test_rows_are_written_in_coordinates_and_the_model_kept(gmmkit: Gmmkit, data: Path, tmp_path: Path) -> None:
    outcome = gmmkit("reduce", data, "-k", 2, "-f", 1, "--noise", "isotropic", "--model", "m.gmm")
    assert outcome.code == 0
    names, found = table_of(outcome.out)
    assert names == ["component0", "component1", "component0_factor0", "component1_factor0"]
    record = read_model(tmp_path / "m.gmm")
    assert record.feature_names == ("sl", "sw", "pl", "pw")
    np.testing.assert_array_equal(found, coordinates(record.mixture, iris())[0])
    assert "2 components of 1 factor, isotropic noise, in 4 columns, 150 rows" in outcome.err
    assert "Factors explain" in outcome.err
    assert isinstance(load(tmp_path / "m.gmm"), MixtureOfFactorAnalyzers)
    for verb in ("predict", "score"):
        assert gmmkit(verb, "m.gmm", data).code == 0
    assert gmmkit("sample", "m.gmm", "-n", 3).code == 0
    described = gmmkit("describe", "m.gmm")
    assert described.code == 0
    assert described.out.startswith("2 components of 1 factor, isotropic noise: 150 rows of 4 columns")
    facts = gmmkit("describe", "m.gmm", "--json").json
    assert (facts["n_factors"], facts["noise"]) == (1, "isotropic")


def test_a_model_is_taken_again(gmmkit: Gmmkit, data: Path, tmp_path: Path) -> None:
    first = gmmkit("reduce", data, "-f", 2, "--noise", "diagonal", "--model", "m.gmm", "--quiet")
    assert first.err == ""
    again = gmmkit("reduce", data, "--with", "m.gmm")
    assert again.out == first.out
    names, found = table_of(gmmkit("reduce", data, "--with", "m.gmm", "--deviations").out)
    assert names == ["factor0", "factor1", "factor0_deviation", "factor1_deviation"]
    mixture = read_model(tmp_path / "m.gmm").mixture
    _, spread = coordinates(mixture, iris(), deviations=True)
    np.testing.assert_array_equal(found[:, 2:], spread)
    names, back = table_of(gmmkit("reduce", data, "--with", "m.gmm", "--rebuilt").out)
    assert names == ["sl", "sw", "pl", "pw"]
    np.testing.assert_array_equal(back, rebuilt(mixture, coordinates(mixture, iris())[0]))
    lines = gmmkit("reduce", data, "--with", "m.gmm", "--json").out.splitlines()
    assert [list(json.loads(line)) for line in lines[:1]] == [["factor0", "factor1"]]
    assert len(lines) == 150


def test_names_of_rows_may_be_empty(gmmkit: Gmmkit, data: Path) -> None:
    plain = gmmkit("reduce", data, "-f", 1, "--noise", "isotropic", "--model", "m.gmm")
    lines = data.read_text().splitlines()
    named = [f"{line},{'' if i % 9 else i}" for i, line in enumerate(lines[1:])]
    Path("named.csv").write_text("\n".join([f"{lines[0]},name", *named]) + "\n")
    given = ("named.csv", "--label", "name")
    fitted = gmmkit("reduce", *given, "-f", 1, "--noise", "isotropic", "--model", "n.gmm")
    assert (fitted.code, fitted.out) == (0, plain.out), fitted.err
    assert 'open_table("named.csv", label="name", identifiers=True)' in python_of(read_model("n.gmm"))
    assert gmmkit("reduce", *given, "--with", "m.gmm").out == plain.out
    # Classes may not be: they are compared with clusters.
    refused = gmmkit("fit", *given, "-k", 1)
    assert (refused.code, refused.out) == (3, "")
    assert "line 3, column 'name' is empty" in refused.err


def test_numbers_are_chosen_by_bic(gmmkit: Gmmkit, data: Path, tmp_path: Path) -> None:
    outcome = gmmkit("reduce", data, "-k", "1:2", "-f", "1:2", "--model", "m.gmm", "-o", "z.npy")
    assert outcome.out == ""
    record = read_model(tmp_path / "m.gmm")
    assert record.table is not None
    assert len(record.table) == 8
    best = min((row for row in record.table if row["rank"] is not None), key=lambda row: row["bic"])
    assert record.settings["n_factors"] == best["n_factors"]
    assert record.settings["noise"] == best["noise"]
    assert f"{best['n_factors']} factor" in outcome.err
    width = 2 * (1 + best["n_factors"]) if best["n_components"] == 2 else best["n_factors"]
    assert np.load(tmp_path / "z.npy").shape == (150, width)
    assert "8 models tried" in outcome.err
    fa = MixtureOfFactorAnalyzers(
        **{name: best[name] for name in ("n_components", "n_factors", "noise")},
        tol=1e-7,
        max_iter=1000,
        random_state=0,
        acceleration="squarem",
    ).fit(iris())
    assert fa.bic(iris()) == pytest.approx(best["bic"], abs=0.1)


def test_a_model_without_factors_gives_directions(gmmkit: Gmmkit, data: Path, tmp_path: Path) -> None:
    assert gmmkit("fit", data, "-k", 3, "--covariance", "full", "-o", "m.gmm", "--quiet").code == 0
    names, found = table_of(gmmkit("reduce", data, "--with", "m.gmm", "--directions", 2).out)
    assert names == ["direction0", "direction1"]
    subspace = discriminant_subspace(read_model(tmp_path / "m.gmm").mixture, n_directions=2)
    np.testing.assert_array_equal(found, subspace.transform(iris()))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("-f", 4), 2, "n_factors must be fewer than the columns"),
        (("-f", "0"), 2, "--factors is '0'; expected auto, or from 1 on a number"),
        (("-f", "few"), 2, "--factors is 'few'"),
        (("--noise", "white"), 2, "--noise: it is 'white'; expected one of diagonal"),
        (("-k", 60, "-f", 1), 3, "has 150 rows"),
        (("--directions", 2), 2, "--directions is for a model without factors"),
        (("--deviations", "--rebuilt"), 2, "give one of them"),
        (("--with", "m.gmm", "-k", 2, "--seed", 1), 2, "--components, --seed: --with m.gmm fits nothing"),
        (("--with", "nothing.gmm"), 4, "nothing.gmm"),
        (("--model", "m.txt"), 2, "expected a name that ends in .gmm"),
        (("-o", "z.xyz"), 2, "unknown kind of file"),
        (("-f", 1, "--noise", "diagonal", "--max-iter", 2, "--strict", "--tol", 0), 5, "did not converge in 2 passes"),
    ],
)
def test_mistakes_are_told_in_one_line(
    gmmkit: Gmmkit, data: Path, arguments: tuple[object, ...], code: int, said: str
) -> None:
    outcome = gmmkit("reduce", data, *arguments, "--quiet")
    assert outcome.code == code
    assert said in outcome.err
    assert "Traceback" not in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_what_a_model_has_not_is_told(gmmkit: Gmmkit, data: Path) -> None:
    gmmkit("fit", data, "-k", 1, "--covariance", "full", "-o", "one.gmm", "--quiet")
    gmmkit("reduce", data, "-f", 1, "--model", "m.gmm", "--quiet")
    assert "needs at least two" in gmmkit("reduce", data, "--with", "one.gmm").err
    assert "--deviations is for models with factors" in gmmkit("reduce", data, "--with", "one.gmm", "--deviations").err
    assert (
        "--directions is for a model without factors"
        in gmmkit("reduce", data, "--with", "m.gmm", "--directions", 1).err
    )


def test_noises_are_the_engines() -> None:
    assert tuple(factor_fit.NOISES) == NOISES


def test_bad_values_are_found_before_a_row_is_written(gmmkit: Gmmkit, data: Path, tmp_path: Path) -> None:
    gmmkit("reduce", data, "-f", 1, "--model", "m.gmm", "--quiet")
    (tmp_path / "bad.csv").write_text("sl,sw,pl,pw\n1,2,3,4\n1,2,,4\n")
    outcome = gmmkit("reduce", "bad.csv", "--with", "m.gmm")
    assert (outcome.code, outcome.out) == (3, "")
    assert "'pl'" in outcome.err
