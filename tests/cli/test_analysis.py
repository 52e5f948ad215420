"""What is asked of a fit: priors, noise, heavy tails, clusters, intervals and tests are those of the library."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from gmmkit import (
    GaussianMixture,
    GaussianMixtureSearch,
    MixtureClusterer,
    StudentMixture,
    bootstrap,
    likelihood_ratio_test,
    load,
    merge_by_entropy,
    observed_information,
    save,
)
from gmmkit.cli.asked import ONE_FIT
from gmmkit.data import open_table
from gmmkit.errors import ParameterError
from gmmkit.files import read_model
from gmmkit.model.covariance.catalogue import STRUCTURES
from gmmkit.report import python_of

Gmmkit = Callable[..., Any]

TWO = ("-k", "2", "--covariance", "VVV")


def cells(text: str) -> np.ndarray:
    return np.loadtxt(text.splitlines()[1:], delimiter=",", ndmin=2)


def test_one_fit_with_a_prior_equal_weights_and_noise(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    asked = ("--prior", "conjugate", "--equal-weights", "--noise")
    assert gmmkit("fit", faithful, "-k", "2", "--covariance", "VEE", *asked, "-o", "m.gmm").code == 0
    known = GaussianMixture(
        2, covariance_type="VEE", prior="conjugate", equal_weights=True, noise=True, random_state=0, **ONE_FIT
    ).fit(open_table(faithful))
    read = load(tmp_path / "m.gmm")
    np.testing.assert_array_equal(read.means_, known.means_)
    assert read.noise_weight_ == known.noise_weight_ > 0
    assert (read.prior, read.equal_weights, read.noise) == ("conjugate", True, True)
    facts = gmmkit("describe", "m.gmm", "--json").json
    assert (facts["covariance_type"], facts["noise_weight"]) == ("VEE", known.noise_weight_)
    assert facts["n_parameters"] == known.fit_result_.n_parameters
    assert "% noise" in gmmkit("describe", "m.gmm").out


def test_student_components(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    for given, degrees in (("free", "free"), ("7", 7.0)):
        outcome = gmmkit("fit", faithful, *TWO, "--student", given, "-o", "m.gmm")
        assert "2 Student-t components, VVV covariance" in outcome.err
        known = StudentMixture(2, degrees_of_freedom=degrees, covariance_type="VVV", random_state=0, **ONE_FIT)
        known.fit(open_table(faithful))
        read = load(tmp_path / "m.gmm")
        assert isinstance(read, StudentMixture)
        np.testing.assert_array_equal(read.degrees_of_freedom_, known.degrees_of_freedom_)
        facts = gmmkit("describe", "m.gmm", "--json").json
        assert facts["degrees_of_freedom"] == known.degrees_of_freedom_.tolist()


def test_truncation(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    asked = ("-k", "6", "--covariance", "diag", "--truncation", "2", "--max-iter", "5", "--tol", "0")
    assert gmmkit("fit", faithful, *asked, "-o", "m.gmm").code == 0
    known = GaussianMixture(6, covariance_type="diag", truncation=2, max_iter=5, tol=0.0, n_init=3, random_state=0)
    with pytest.warns(ConvergenceWarning):
        known.fit(open_table(faithful))
    read = load(tmp_path / "m.gmm")
    assert read.truncation == 2
    np.testing.assert_array_equal(read.means_, known.means_)
    with pytest.warns(ConvergenceWarning):
        again = run(python_of(read_model(tmp_path / "m.gmm")))
    np.testing.assert_array_equal(again["model"].means_, known.means_)


@pytest.mark.parametrize("criterion", ["sabic", "mml", "held_out"])
def test_criteria_of_a_search(gmmkit: Gmmkit, faithful: Path, criterion: str) -> None:
    asked = ("-k", "1:2", "--covariance", "EEE", "--criterion", criterion, "--prior", "conjugate")
    facts = gmmkit("fit", faithful, *asked, "--json").json
    known = GaussianMixtureSearch([1, 2], covariance_type="EEE", criterion=criterion, prior="conjugate").fit(
        open_table(faithful)
    )
    assert [row[criterion] for row in facts["search"]] == [row[criterion] for row in known.results_]
    assert gmmkit("fit", faithful, *asked).code == 0


def test_a_search_beside_noise(gmmkit: Gmmkit, faithful: Path) -> None:
    facts = gmmkit("fit", faithful, "-k", "2:3", "--covariance", "EEE", "--noise", "--json").json
    assert facts["noise_weight"] > 0
    assert facts["settings"]["noise"] is True


def test_starts_by_name(gmmkit: Gmmkit, faithful: Path) -> None:
    for name in ("hierarchical", "hierarchical-ward", "short-runs", "swap"):
        facts = gmmkit("fit", faithful, "-k", "3", "--covariance", "EEE", "--init", name, "--json").json
        assert facts["starts_tried"] == 1
        assert facts["bic"] == pytest.approx(2314.296, abs=5e-2)


def test_components_are_merged_into_clusters(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    fit = ("fit", faithful, "-k", "3", "--covariance", "EEE", "--init", "swap", "--merge", "-o", "m.gmm")
    outcome = gmmkit(*fit)
    tree = merge_by_entropy(read_model(tmp_path / "m.gmm").mixture, open_table(faithful))
    assert f"3 components form {tree.proposed} clusters" in outcome.err
    assert "Cluster 0 holds" in outcome.err
    facts = gmmkit("describe", "m.gmm", "--json").json
    assert facts["merging"] == tree.as_record()
    assert [cluster["components"] for cluster in facts["clusters"]] == [list(group) for group in tree.groups()]
    predicted = gmmkit("predict", "m.gmm", faithful).out
    assert predicted.startswith("label,probability_0,probability_1,probability_2,uncertainty,log_density,cluster\n")
    np.testing.assert_array_equal(cells(predicted)[:, -1], tree.labels(open_table(faithful)))
    only = gmmkit("predict", "m.gmm", faithful, "--only", "cluster").out
    np.testing.assert_array_equal(cells(only)[:, 0], cells(predicted)[:, -1])


def test_noise_is_no_cluster(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    gmmkit("fit", faithful, *TWO, "--noise", "--merge", "-o", "m.gmm")
    predicted = cells(gmmkit("predict", "m.gmm", faithful).out)
    mixture = read_model(tmp_path / "m.gmm").mixture
    noise = predicted[:, 0] == -1
    assert noise.any()
    np.testing.assert_array_equal(predicted[noise, -1], -1)
    left = 1.0 - mixture.posterior(open_table(faithful)).sum(axis=1)
    np.testing.assert_allclose(predicted[noise, 3], 1.0 - left[noise], atol=1e-12)


def test_bootstrap(gmmkit: Gmmkit, faithful: Path) -> None:
    asked = ("--bootstrap", "60", "--bootstrap-kind", "weighted", "--seed", "3")
    outcome = gmmkit("fit", faithful, *TWO, *asked, "-o", "m.gmm", "--report", "r.html")
    assert "Bootstrap: 60 fits to rows with random weights" in outcome.err
    known = bootstrap(
        GaussianMixture(2, random_state=3, **ONE_FIT).fit(open_table(faithful)), open_table(faithful),
        n_replicates=60, kind="weighted", seed=3,
    )  # fmt: skip
    found = gmmkit("describe", "m.gmm", "--json").json["bootstrap"]
    assert found["rows"] == known.summary()
    assert "standard error" in gmmkit("describe", "m.gmm").out


def test_standard_errors(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    asked = ("--standard-errors", "--bootstrap", "40", "--equal-weights")
    outcome = gmmkit("fit", faithful, *TWO, *asked, "-o", "m.gmm", "--report", "r.html")
    assert "Standard errors from the observed information" in outcome.err
    assert "Bootstrap: 40 fits" in outcome.err
    model = GaussianMixture(2, covariance_type="VVV", equal_weights=True, random_state=0, **ONE_FIT)
    known = observed_information(model.fit(open_table(faithful)), open_table(faithful))
    found = gmmkit("describe", "m.gmm", "--json").json["information"]
    assert (found["rows"], found["n_parameters"]) == (known.summary(), len(known.summary()))
    record = read_model(tmp_path / "m.gmm")
    assert run(python_of(record))["information"].summary() == found["rows"]
    page = (tmp_path / "r.html").read_text()
    assert "observed information" in page
    assert "fitted again 40 times" in page


def test_intervals_of_two_kinds_share_the_room(gmmkit: Gmmkit, faithful: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gmmkit.cli.analysis.MOST_INTERVALS", 8)
    for asked, kept in ((("--standard-errors",), 8), (("--standard-errors", "--bootstrap", "40"), 4)):
        facts = gmmkit("fit", faithful, *TWO, *asked, "--json").json
        assert len(facts["information"]["rows"]) == kept
        assert facts["information"]["n_parameters"] > 8


def test_folds(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    asked = ("-k", "1:2", "--covariance", "EEE", "--criterion", "held_out", "--folds", "4")
    gmmkit("fit", faithful, *asked, "-o", "m.gmm")
    known = GaussianMixtureSearch([1, 2], covariance_type="EEE", criterion="held_out", folds=4)
    known.fit(open_table(faithful))
    record = read_model(tmp_path / "m.gmm")
    assert [row["held_out"] for row in record.table or ()] == [row["held_out"] for row in known.results_]
    again = run(python_of(record))["search"]
    assert (again.folds, again.results_) == (4, known.results_)
    save(known, tmp_path / "python.gmm")
    assert "folds=4" in python_of(read_model(tmp_path / "python.gmm"))


def test_groups_of_a_column_to_start_from(gmmkit: Gmmkit, tmp_path: Path) -> None:
    flowers, iris = tmp_path / "flowers.csv", load_iris()
    lines = (
        f"{','.join(map(str, row))},{iris.target_names[kind]}" for row, kind in zip(iris.data, iris.target, strict=True)
    )
    flowers.write_text("\n".join(["a,b,c,d,species", *lines]))
    one = ("-k", "3", "--covariance", "VEV", "--label", "species", "--start-labels")
    gmmkit("fit", flowers, *one, "-o", "m.gmm")
    table = open_table(flowers, label="species")
    known = GaussianMixture(3, covariance_type="VEV", tol=1e-5, max_iter=1000).fit(table, start=table.labels.codes)
    record = read_model(tmp_path / "m.gmm")
    assert record.fit["starts_tried"] == 1
    np.testing.assert_allclose(record.mixture.weights, known.weights_, rtol=1e-9)
    np.testing.assert_allclose(run(python_of(record))["model"].means_, record.mixture.means, rtol=1e-9)
    asked = ("-k", "2:3", "--covariance", "VEV", "--label", "species", "--start-labels", "--min-eigenvalue", "1e-5")
    gmmkit("fit", flowers, *asked, "-o", "s.gmm")
    search = GaussianMixtureSearch([2, 3], covariance_type="VEV", min_eigenvalue=1e-5)
    search.fit(table, start=table.labels.codes)
    record = read_model(tmp_path / "s.gmm")
    assert [row["starts"] for row in record.table or ()] == [row["starts"] for row in search.results_]
    again = run(python_of(record))["search"]
    assert (again.min_eigenvalue, again.results_) == (1e-5, search.results_)
    outcome = gmmkit("fit", flowers, "-k", "1:2", "--label", "species", "--start-labels", "-o", "n.gmm")
    assert outcome.code == 2
    assert "has 3 groups, but 1 to 2 components were asked for; take -k 3 in" in outcome.err


@pytest.mark.parametrize(("given", "volume"), [("box", "box"), ("4000", 4000.0)])
def test_the_volume_of_noise(gmmkit: Gmmkit, faithful: Path, tmp_path: Path, given: str, volume: Any) -> None:
    gmmkit("fit", faithful, *TWO, "--noise", "--noise-volume", given, "-o", "m.gmm")
    known = GaussianMixture(2, covariance_type="VVV", noise=True, noise_volume=volume, random_state=0, **ONE_FIT)
    known.fit(open_table(faithful))
    read = load(tmp_path / "m.gmm")
    assert read.noise_volume == volume
    assert read.mixture_.noise == known.mixture_.noise
    again = run(python_of(read_model(tmp_path / "m.gmm")))["model"]
    assert again.mixture_.noise == known.mixture_.noise


def test_of_many_replicates_of_a_test_some_are_kept(
    gmmkit: Gmmkit, faithful: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gmmkit.cli.analysis.MOST_KEPT", 7)
    outcome = gmmkit("fit", faithful, "-k", "1", "--covariance", "EEE", "--lrt", "29", "-o", "m.gmm")
    (test,) = gmmkit("describe", "m.gmm", "--json").json["likelihood_ratio"]
    assert (len(test["replicates"]), test["n_replicates"], test["failed"]) == (7, 29, 0)
    assert re.search(r"1 against 2 .* 29 ", outcome.err)


def test_likelihood_ratio(gmmkit: Gmmkit, faithful: Path) -> None:
    outcome = gmmkit("fit", faithful, "-k", "1:2", "--covariance", "EEE", "--lrt", "29", "-o", "m.gmm")
    known = likelihood_ratio_test(open_table(faithful), 3, "EEE", n_replicates=29, seed=0)
    found = gmmkit("describe", "m.gmm", "--json").json["likelihood_ratio"]
    assert [test["p_value"] for test in found] == [test.p_value for test in known.tests]
    assert [test["statistic"] for test in found] == [test.statistic for test in known.tests]
    assert re.search(r"1 against 2 .* 2 are needed", outcome.err)
    assert "Rows and replicates are fitted alike, from a hierarchy; fits above may be better." in outcome.err


def test_likelihood_ratio_from_many_starts(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    asked = ("-k", "1:2", "--covariance", "EEE", "--lrt", "19", "--lrt-starts", "many")
    outcome = gmmkit("fit", faithful, *asked, "-o", "m.gmm", "--report", "r.html")
    known = likelihood_ratio_test(open_table(faithful), 3, "EEE", n_replicates=19, starts="many", seed=0)
    record = read_model(tmp_path / "m.gmm")
    found = [(test["p_value"], test["statistic"], test["starts"]) for test in record.fit["likelihood_ratio"]]
    assert found == [(test.p_value, test.statistic, "many") for test in known.tests]
    assert "fitted alike, from many starts; fits above may be better." in outcome.err
    assert "fitted alike, from many starts; fits elsewhere on this page" in (tmp_path / "r.html").read_text()
    again = run(python_of(record))["tests"].tests
    assert [(test.p_value, test.statistic) for test in again] == [(p, statistic) for p, statistic, _ in found]


def test_the_issues_line(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    line = ("--covariance", "all", "--criterion", "icl", "--bootstrap", "99", "--merge", "--report", "r.html")
    outcome = gmmkit("fit", faithful, *line)
    assert outcome.code == 0
    page = (tmp_path / "r.html").read_text()
    winner = re.search(r"(\d+) components?, (\w{3}) covariance", outcome.err)
    assert winner is not None
    assert f"covariance “{winner[2]}”" in page
    assert winner[2] in STRUCTURES
    for words in ("Margin to the runner-up", "clusters", "Bootstrap: 99 fits"):
        assert words in outcome.err
    assert "fitted again 99 times, to rows drawn from these with replacement" in page


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, "report", "exec"), names)
    return names


@pytest.mark.parametrize(
    "model", [("-k", "2", "--covariance", "EEE"), ("-k", "2:4", "--covariance", "EEE,VVV", "--n-init", "1")]
)
def test_the_reports_python_asks_the_same(gmmkit: Gmmkit, faithful: Path, tmp_path: Path, model: Sequence[str]) -> None:
    asked = ("--merge", "--bootstrap", "40", "--bootstrap-kind", "weighted", "--lrt", "19", "--seed", "3")
    gmmkit("fit", faithful, *model, *asked, "-o", "m.gmm")
    record = read_model(tmp_path / "m.gmm")
    again = run(python_of(record))
    np.testing.assert_array_equal(again["model"].means_, record.mixture.means)
    assert again["tree"].as_record() == record.fit["merging"]
    assert again["replicates"].summary() == record.fit["bootstrap"]["rows"]
    assert again["replicates"].kind == "weighted"
    tests = again["tests"].tests
    assert [test.p_value for test in tests] == [test["p_value"] for test in record.fit["likelihood_ratio"]]


@pytest.mark.parametrize("given", ["all", "E,V", "V,E", "V", "full,spherical"])
def test_the_reports_python_of_one_column(gmmkit: Gmmkit, faithful: Path, tmp_path: Path, given: str) -> None:
    gmmkit("fit", faithful, "--columns", "waiting", "-k", "1:3", "--covariance", given, "-o", "m.gmm")
    record = read_model(tmp_path / "m.gmm")
    code = python_of(record)
    assert ('covariance_type="all"' in code) == (given in ("all", "E,V"))
    again = run(code)
    assert again["search"].results_ == record.table


def test_what_is_answered_is_kept_when_ctrl_c_ends_the_rest(
    gmmkit: Gmmkit, faithful: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gmmkit.selection.bootstrap.bootstrap", stop)
    outcome = gmmkit("fit", faithful, *TWO, "--merge", "--bootstrap", "99", "-o", "m.gmm")
    assert outcome.code == 130
    assert "is in m.gmm" in outcome.err
    facts = gmmkit("describe", "m.gmm", "--json").json
    assert facts["merging"] is not None
    assert facts["bootstrap"] is None


def test_the_fit_is_shown_and_kept_where_a_question_has_no_answer(
    gmmkit: Gmmkit, faithful: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def collapsed(*arguments: object, **options: object) -> None:
        raise ParameterError("too few replicates")

    monkeypatch.setattr("gmmkit.selection.bootstrap.bootstrap", collapsed)
    outcome = gmmkit("fit", faithful, *TWO, "--merge", "--bootstrap", "40", "-o", "m.gmm")
    assert outcome.code == 2
    assert "2 components, VVV covariance" in outcome.err
    assert outcome.err.endswith("gmmkit: --bootstrap: too few replicates\n")
    assert gmmkit("describe", "m.gmm", "--json").json["merging"] is not None


def test_clusters_are_the_clusterers(gmmkit: Gmmkit, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 300)
    ring = 5 * np.c_[np.cos(angle), np.sin(angle)] + rng.normal(0, 0.2, (300, 2))
    rows = np.concatenate([ring, rng.normal(0, 0.5, (100, 2))])
    np.save(tmp_path / "ring.npy", rows)
    outcome = gmmkit("cluster", "ring.npy", "--clusters", "2", "-o", "c.gmm", "--report", "c.html")
    assert outcome.code == 0
    assert "form 2 clusters" in outcome.err
    known = MixtureClusterer(2).fit(rows)
    labels = cells(gmmkit("predict", "c.gmm", "ring.npy", "--only", "cluster").out)[:, 0]
    np.testing.assert_array_equal(labels, known.labels_)
    facts = gmmkit("describe", "c.gmm", "--json").json
    assert facts["merging"]["reason"] == known.reason_
    read = load(tmp_path / "c.gmm")
    assert (read.n_clusters, read.covariance_type, read.candidates_) == (2, "all", known.candidates_)
    np.testing.assert_array_equal(read.predict(rows), known.labels_)
    again = run(python_of(read_model(tmp_path / "c.gmm")))
    np.testing.assert_array_equal(again["model"].labels_, known.labels_)
    assert "</html>" in (tmp_path / "c.html").read_text()


WRONG = {
    ("-k", "2", "--covariance", "EEE", "--student", "free", "--bootstrap", "99"): "leave --student or --bootstrap out",
    ("--noise", "--bootstrap", "99"): "leave --noise or --bootstrap out",
    ("--prior", "conjugate", "--lrt", "99"): "leave --prior or --lrt out",
    ("--equal-weights", "--lrt", "99"): "leave --equal-weights or --lrt out",
    ("--weights", "waiting", "--lrt", "99"): "leave --weights or --lrt out",
    ("-k", "2", "--covariance", "EEE", "--student", "inf"): "expected common, free, or a number above 0",
    ("--noise", "--standard-errors"): "leave --noise or --standard-errors out",
    ("-k", "9", "--covariance", "VVI", "--truncation", "2", "--noise"): "leave --noise, --student or --truncation out",
    ("-k", "9", "--covariance", "EEE", "--truncation", "2"): "truncation is for covariance_type 'diag', 'spherical' or",
    ("--noise-volume", "box"): "add --noise, or leave --noise-volume out",
    ("--noise", "--noise-volume", "0"): "expected auto, hull, box, or a number above 0",
    ("--folds", "5"): "--folds is for a search by --criterion held_out; leave it out",
    ("-k", "2", "--covariance", "EEE", "--criterion", "held_out", "--folds", "5"): "--folds is for a search",
    ("-k", "2", "--covariance", "EEE", "--criterion", "bic"): "--criterion is for a search; .* leave --criterion out",
    ("--criterion", "held_out", "--folds", "1"): "expected a whole number, at least 2",
    ("--bootstrap", "3"): "--bootstrap is 3; expected at least 40",
    ("--lrt", "3"): "--lrt is 3; expected at least 19",
    ("--bootstrap", "1000000"): "--bootstrap is 1000000; expected at most 9999, since each replicate is fitted anew",
    ("--lrt", "10000"): "--lrt is 10000; expected at most 9999",
    ("--lrt-starts", "many"): "add --lrt N, or leave --lrt-starts out",
    ("--lrt", "99", "--lrt-starts", "few"): "expected one of hierarchical, many",
    ("--start-labels",): "name it by --label",
    ("-k", "2", "--covariance", "EEE", "--label", "waiting", "--start-labels", "--n-init", "2"): "leave --init and",
    ("-k", "2", "--covariance", "EEE", "--min-eigenvalue", "1e-5"): "--min-eigenvalue is for a search; leave it out",
    ("-k", "2", "--covariance", "EEE", "--n-init", "0"): "a single fit needs at least 1 start",
}


@pytest.mark.parametrize("options", WRONG)
def test_questions_without_an_answer(gmmkit: Gmmkit, faithful: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    outcome = gmmkit("fit", faithful, *options, "-o", "m.gmm")
    assert (outcome.code, outcome.out) == (2, "")
    assert re.fullmatch(f"gmmkit: .*{WRONG[options]}.*\n", outcome.err)
    assert not list(tmp_path.iterdir())


def test_one_model_is_described_where_clusters_are(gmmkit: Gmmkit, tmp_path: Path) -> None:
    # Ellipses of one shape are of one shape no more once their columns have their own scales back.
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(0, 1, (100, 2)), rng.normal(9, 2, (100, 2))])
    np.save(tmp_path / "round.npy", rows * [1.0, 100.0])
    outcome = gmmkit("cluster", "round.npy", "--clusters", "2", "--covariance", "VII", "-o", "c.gmm")
    said = " ".join(outcome.err.split())
    assert said.startswith("2 components, VII covariance in columns of one scale (full in their own): 200 rows")
    assert "2 VII normal components, one to each cluster" in said
    facts = gmmkit("describe", "c.gmm", "--json").json
    assert facts["n_parameters"] == 7
    assert "7 parameters" in said
    assert "effective rows" not in said


def test_wrong_clusters(gmmkit: Gmmkit, faithful: Path, model: Path) -> None:
    for options, code, words in (
        (("--clusters", "many"), 2, "expected auto or a whole number, at least 1"),
        (("--clusters", "500"), 2, "500 clusters need at least as many distinct rows"),
        (("--covariance", "round"), 2, "expected one of all, full"),
        (("--columns", "a"), 3, "no column 'a'"),
    ):
        outcome = gmmkit("cluster", faithful, *options)
        assert outcome.code == code
        assert words in outcome.err
    assert "were not merged; fit it with --merge" in gmmkit("predict", model, faithful, "--only", "cluster").err
