"""What each verb does, from end to end."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gmmkit.data import open_table
from gmmkit.files import read_model

Gmmkit = Callable[..., Any]


def table_of(text: str) -> dict[str, np.ndarray]:
    names, values = text.split("\n", 1)
    return dict(zip(names.split(","), np.loadtxt(io.StringIO(values), delimiter=",", ndmin=2).T, strict=True))


# --- predict, score, sample -------------------------------------------------------------------------------


def test_predict_is_the_mixtures(gmmkit: Gmmkit, faithful: Path, model: Path) -> None:
    outcome = gmmkit("predict", model, faithful)
    found = table_of(outcome.out)
    mixture, table = read_model(model).mixture, open_table(faithful)
    assert list(found) == ["label", "probability_0", "probability_1", "probability_2", "uncertainty", "log_density"]
    posterior = mixture.posterior(table)
    np.testing.assert_array_equal(found["label"], mixture.classify(table))
    np.testing.assert_array_equal(np.stack([found[f"probability_{j}"] for j in range(3)], axis=1), posterior)
    np.testing.assert_array_equal(found["uncertainty"], 1 - posterior.max(axis=1))
    np.testing.assert_array_equal(found["log_density"], mixture.log_density(table))


@pytest.mark.parametrize("only", ["label", "probability", "uncertainty", "log_density"])
def test_predict_only(gmmkit: Gmmkit, faithful: Path, model: Path, only: str) -> None:
    everything, found = (
        table_of(gmmkit("predict", model, faithful).out),
        table_of(gmmkit("predict", model, faithful, "--only", only).out),
    )
    assert list(found) == [name for name in everything if name.startswith(only)]
    for name, values in found.items():
        np.testing.assert_array_equal(values, everything[name])


def test_predict_finds_the_models_columns(gmmkit: Gmmkit, faithful: Path, model: Path, tmp_path: Path) -> None:
    rows = open_table(faithful).take(np.arange(272))
    lines = [f"{i},text,{w!r},{e!r}" for i, (e, w) in enumerate(rows.tolist())]
    (tmp_path / "more.csv").write_text("id,note,waiting,eruptions\n" + "\n".join(lines) + "\n")
    known = gmmkit("predict", model, faithful).out
    assert gmmkit("predict", model, "more.csv").out == known
    np.save(tmp_path / "nameless.npy", rows)
    assert gmmkit("predict", model, "nameless.npy").out == known
    (tmp_path / "other.csv").write_text("w,e\n" + "".join(f"{w!r},{e!r}\n" for e, w in rows.tolist()))
    assert gmmkit("predict", model, "other.csv", "--columns", "e,w").out == known


def test_predict_into_files(gmmkit: Gmmkit, faithful: Path, model: Path, tmp_path: Path) -> None:
    text = gmmkit("predict", model, faithful).out
    known = table_of(text)
    for end in (".csv", ".tsv", ".npy", ".parquet", ".jsonl"):
        assert gmmkit("predict", model, faithful, "-o", f"p{end}").out == ""
    assert (tmp_path / "p.csv").read_text() == text
    assert (tmp_path / "p.tsv").read_text() == text.replace(",", "\t")
    np.testing.assert_array_equal(np.load(tmp_path / "p.npy"), np.stack(list(known.values()), axis=1))
    import pyarrow.parquet as pq

    columns = pq.read_table(tmp_path / "p.parquet")
    for name, values in known.items():
        np.testing.assert_array_equal(columns[name].to_numpy(), values)
    lines = gmmkit("predict", model, faithful, "--json").out
    assert lines == (tmp_path / "p.jsonl").read_text()
    assert [json.loads(line)["label"] for line in lines.splitlines()] == known["label"].tolist()


def test_many_blocks_are_written_in_order(gmmkit: Gmmkit, model: Path, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).uniform([1, 40], [5, 100], size=(70_001, 2))
    np.save(tmp_path / "many.npy", rows)
    gmmkit("predict", model, "many.npy", "-o", "p.npy")
    found = np.load(tmp_path / "p.npy")
    np.testing.assert_array_equal(found[:, -1], read_model(model).mixture.log_density(rows))
    gmmkit("predict", model, "many.npy", "-o", "p.parquet", "--only", "log_density")
    import pyarrow.parquet as pq

    np.testing.assert_array_equal(pq.read_table(tmp_path / "p.parquet")["log_density"].to_numpy(), found[:, -1])


def test_score(gmmkit: Gmmkit, faithful: Path, model: Path) -> None:
    found = gmmkit("score", model, faithful, "--json").json
    total = read_model(model).mixture.log_density(open_table(faithful)).sum()
    assert found["n_rows"] == 272
    assert found["log_likelihood"] == pytest.approx(total, rel=1e-13)
    assert found["mean_log_likelihood"] == pytest.approx(total / 272, rel=1e-13)
    text = dict(line.split() for line in gmmkit("score", model, faithful).out.splitlines())
    assert {name: float(value) for name, value in text.items()} == found


def test_score_with_weights(gmmkit: Gmmkit, model: Path, tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("eruptions,waiting,w\n2,55,2\n4,80,0\n")
    found = gmmkit("score", model, "w.csv", "--weights", "w", "--json").json
    assert found["log_likelihood"] == pytest.approx(2 * read_model(model).mixture.log_density([[2.0, 55.0]])[0])
    assert (found["n_rows"], found["total_weight"]) == (2, 2.0)


def test_sample(gmmkit: Gmmkit, model: Path, tmp_path: Path) -> None:
    text = gmmkit("sample", model, "-n", "5000", "--component").out
    found = table_of(text)
    assert list(found) == ["eruptions", "waiting", "component"]
    assert len(found["component"]) == 5000
    mixture = read_model(model).mixture
    np.testing.assert_allclose([found["eruptions"].mean(), found["waiting"].mean()], mixture.mean(), rtol=0.02)
    # Rows come in random order: the first of them are not all of one component.
    assert len(set(found["component"][:50])) == 3
    assert gmmkit("sample", model, "-n", "5000", "--component").out == text
    assert gmmkit("sample", model, "-n", "5000", "--component", "--seed", "1").out != text
    gmmkit("sample", model, "-n", "3", "-o", "s.npy")
    assert np.load(tmp_path / "s.npy").shape == (3, 2)
    lines = gmmkit("sample", model, "-n", "2", "--json").out.splitlines()
    assert [sorted(json.loads(line)) for line in lines] == [["eruptions", "waiting"]] * 2


def test_samples_are_rows_to_fit(gmmkit: Gmmkit, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = gmmkit("sample", model, "-n", "500").out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    facts = gmmkit("fit", "-", "-k", "3", "--covariance", "tied", "--json").json
    assert facts["feature_names"] == ["eruptions", "waiting"]


# --- describe, the program -------------------------------------------------------------------------------------


def test_describe(gmmkit: Gmmkit, faithful: Path) -> None:
    gmmkit("fit", faithful, "-k", "1:4", "--covariance", "tied,full", "-o", "m.gmm")
    text = gmmkit("describe", "m.gmm").out
    assert "3 components, tied covariance: 272 rows of 2 columns from old_faithful.csv" in text
    assert "Margin to the runner-up (4 tied): 5.84, positive evidence" in text
    assert "4.47 ± 0.28" in text
    facts = gmmkit("describe", "m.gmm", "--json").json
    assert facts["n_parameters"] == 11
    assert facts["converged"] is True
    assert facts["components"][0]["nearest_component"] == 1
    assert 6 < facts["components"][0]["separation"] < 7


def test_describe_a_mixture_that_was_never_fitted(gmmkit: Gmmkit, tmp_path: Path) -> None:
    from gmmkit import Mixture
    from gmmkit.files import ModelRecord, write_model

    mixture = Mixture.from_arrays([1.0], [[0.0] * 12], [1.0], covariance_type="spherical")
    write_model(ModelRecord(mixture), tmp_path / "m.gmm")
    outcome = gmmkit("describe", "m.gmm")
    assert outcome.code == 0
    assert "1 component, spherical covariance: 12 columns" in outcome.out
    assert "4 more columns" in outcome.out
    assert gmmkit("describe", "m.gmm", "--json").json["bic"] is None


def test_report(gmmkit: Gmmkit, faithful: Path, model: Path, tmp_path: Path) -> None:
    assert gmmkit("report", model, faithful, "-o", "with.html", "--json").json == {"report": "with.html"}
    outcome = gmmkit("report", model, "-o", "without.html")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "Report in without.html\n")
    pages = [(tmp_path / name).read_text() for name in ("with.html", "without.html")]
    assert all("</html>" in page for page in pages)
    assert len(pages[0]) > len(pages[1])
    fitted = gmmkit("fit", faithful, "-k", "2", "--covariance", "tied", "--report", "fit.html", "--json").json
    assert fitted["report"] == "fit.html"
    assert "gmmkit fit" in (tmp_path / "fit.html").read_text()


def test_demo(gmmkit: Gmmkit, tmp_path: Path) -> None:
    outcome = gmmkit("demo")
    assert (outcome.code, outcome.out) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old-faithful.gmm", "report.html"]
    assert "Margin to the runner-up" in outcome.err
    assert "GaussianMixtureSearch(" in outcome.err
    record = read_model(tmp_path / "old-faithful.gmm")
    assert (record.mixture.n_components, record.mixture.covariance_type) == (3, "tied")
    assert "3 components, EEE covariance" in outcome.err
    assert record.fit["bic"] <= 2314.316


def test_version_and_help(gmmkit: Gmmkit) -> None:
    from importlib.metadata import version

    assert gmmkit("--version").out == f"gmmkit {version('gmmkit')}\n"
    text = gmmkit("--help").out
    for verb in ("demo", "fit", "predict", "score", "sample", "describe", "report"):
        assert verb in text
        assert "--json" in gmmkit(verb, "--help").out
    assert gmmkit().code == 2


def test_without_labels_no_index() -> None:
    from gmmkit.selection.agreement import adjusted_rand_index

    assert adjusted_rand_index(np.array([[1.0]])) == 1.0
    assert adjusted_rand_index(np.array([[5.0, 5.0]])) == 0.0


def test_rows_that_no_density_reaches_are_named(gmmkit: Gmmkit, model: Path, tmp_path: Path) -> None:
    (tmp_path / "far.csv").write_text("eruptions,waiting\n2.0,55\n1e200,60\n3.0,1e180\n")
    done = gmmkit("score", model, "far.csv")
    assert (done.code, done.out.splitlines()[0]) == (0, "mean_log_likelihood -inf")
    assert "warning: line 3 (as 1 more row) is so far from every component" in done.err
    assert gmmkit("score", model, "far.csv", "--quiet").err == ""
    assert gmmkit("score", model, "far.csv", "--json").json["log_likelihood"] is None
