"""Ctrl-C at any point of a fit, and checkpoints to go on from."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gmmkit import load
from gmmkit.files import read_model, write_model

Gmmkit = Callable[..., Any]

ONE = ("-k", "3", "--covariance", "tied", "--tol", "1e-9")


def stop(*arguments: object, **options: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a checkpoint at every occasion."""
    monkeypatch.setattr("gmmkit.cli.checkpoint.EVERY_SECONDS", 0.0)


def stop_after(monkeypatch: pytest.MonkeyPatch, times: int, what: str) -> None:
    """Press Ctrl-C at the so-manieth occasion to show something."""
    left = iter(range(times))
    monkeypatch.setattr(
        f"gmmkit.cli.progress.Watch.{what}", lambda *given: stop() if next(left, None) is None else None
    )


def test_in_a_start_there_is_no_model_yet(
    gmmkit: Gmmkit, faithful: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gmmkit.inference.starts.lloyd", stop)
    monkeypatch.setattr("gmmkit.selection.search.fit_candidates", stop)
    for more in (ONE, ()):
        outcome = gmmkit("fit", faithful, *more, "-o", "m.gmm")
        assert (outcome.code, outcome.err) == (130, "gmmkit: interrupted; nothing was written\n")
    assert os.listdir(tmp_path) == []


def test_in_a_pass(gmmkit: Gmmkit, faithful: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_after(monkeypatch, 5, "passed")
    outcome = gmmkit("fit", faithful, *ONE, "-o", "m.gmm", "--report", "r.html")
    assert outcome.code == 130
    assert outcome.err.endswith("gmmkit: interrupted; the best complete model until then is in m.gmm\n")
    assert os.listdir(tmp_path) == ["m.gmm"]
    record = read_model(tmp_path / "m.gmm")
    assert (record.fit["reason"], record.fit["n_iter"]) == ("interrupted", 6)


def test_in_a_search(gmmkit: Gmmkit, faithful: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_after(monkeypatch, 3, "tried")
    outcome = gmmkit("fit", faithful, "-o", "m.gmm")
    assert outcome.code == 130
    assert "The search was interrupted" in outcome.err
    record = read_model(tmp_path / "m.gmm")
    assert len([row for row in record.table or () if row["same_as"] is None]) == 4
    stop_after(monkeypatch, 3, "tried")
    assert gmmkit("demo").code == 130


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("passes", [3, 60, 400])
def test_a_checkpoint_goes_on_to_the_same_fit(
    gmmkit: Gmmkit, faithful: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passes: int
) -> None:
    whole = gmmkit("fit", faithful, *ONE, "--json").json

    def lost(*given: object) -> None:
        # The machine is switched off: nothing after this is done.
        raise SystemExit(9)

    with monkeypatch.context() as patch:
        left = iter(range(passes))
        patch.setattr("gmmkit.cli.progress.Watch.passed", lambda *given: lost() if next(left, None) is None else None)
        assert gmmkit("fit", faithful, *ONE, "--checkpoint", "c.gmm").code == 9
    kept = read_model(tmp_path / "c.gmm")
    assert not kept.fit["converged"]
    assert gmmkit("describe", "c.gmm").code == 0
    assert not load(tmp_path / "c.gmm").converged_
    again = gmmkit("fit", faithful, *ONE, "--checkpoint", "c.gmm", "--resume", "--json").json
    assert again["log_likelihood"] == pytest.approx(whole["log_likelihood"], abs=1e-5)
    finished = read_model(tmp_path / "c.gmm")
    assert finished.fit["converged"]
    third = gmmkit("fit", faithful, *ONE, "--checkpoint", "c.gmm", "--resume", "--json").json
    assert third["n_iter"] <= 3


@pytest.mark.usefixtures("always")
def test_a_fit_interrupted_again_and_again_comes_to_an_end(
    gmmkit: Gmmkit, faithful: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: list[int] = []
    while 0 not in codes and len(codes) < 20:
        with monkeypatch.context() as patch:
            stop_after(patch, 100, "passed")
            codes.append(gmmkit("fit", faithful, *ONE, "--checkpoint", "c.gmm", "--resume", "-q").code)
    assert set(codes[:-1]) == {130}
    assert codes[-1] == 0
    assert gmmkit("describe", "c.gmm", "--json").json["converged"]


@pytest.mark.usefixtures("always")
def test_of_a_search_the_best_so_far_is_kept(
    gmmkit: Gmmkit, faithful: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    monkeypatch.setattr("gmmkit.files.write_model", lambda record, path: written.append(record))
    gmmkit("fit", faithful, "-k", "1:3", "--covariance", "tied", "--checkpoint", "c.gmm")
    assert [len(record.table) for record in written] == [1, 2, 3, 3]
    assert [record.mixture.n_components for record in written] == [1, 2, 3, 3]
    monkeypatch.undo()


def test_resume_begins_where_there_is_nothing_yet(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    assert gmmkit("fit", faithful, *ONE, "--checkpoint", "c.gmm", "--resume").code == 0
    assert (tmp_path / "c.gmm").exists()


def test_resume_refuses_what_it_cannot_go_on_from(gmmkit: Gmmkit, faithful: Path, model: Path, tmp_path: Path) -> None:
    write_model(read_model(model), tmp_path / "c.gmm")
    other = gmmkit("fit", faithful, "-k", "2", "--covariance", "tied", "--checkpoint", "c.gmm", "--resume")
    assert other.code == 2
    assert "holds a GaussianMixture of 3 components, tied, 2 columns, not the model asked for" in other.err
    np.save(tmp_path / "nameless.npy", np.zeros((5, 2)))
    assert gmmkit("fit", "nameless.npy", *ONE, "--checkpoint", "c.gmm", "--resume").code == 2
    (tmp_path / "c.gmm").write_text("no model")
    assert gmmkit("fit", faithful, *ONE, "--checkpoint", "c.gmm", "--resume").code == 4
    assert (tmp_path / "c.gmm").read_text() == "no model"
    for options in (["--resume"], ["--resume", "--checkpoint", "d.gmm"]):
        outcome = gmmkit("fit", faithful, *options)
        assert outcome.code == 2
        assert "--resume goes on from" in outcome.err
    same = gmmkit("fit", faithful, *ONE, "--checkpoint", "m.gmm", "-o", "m.gmm")
    assert "--output and --checkpoint are both m.gmm" in same.err
