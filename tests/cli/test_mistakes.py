"""What people get wrong: each mistake gives one clear line, the right exit code, no traceback, and no file."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

USAGE, DATA, MODEL, NOT_CONVERGED, RESOURCES = 2, 3, 4, 5, 6


def one_line(outcome: Any, code: int, pattern: str) -> None:
    assert outcome.code == code, outcome.err
    assert outcome.out == ""
    assert outcome.err.startswith("gmmkit: ")
    assert outcome.err.count("\n") == 1
    assert re.search(pattern, outcome.err), outcome.err
    assert "Traceback" not in outcome.err


FILES: dict[str, tuple[str | bytes, str]] = {
    "empty.csv": ("", "empty.csv is empty"),
    "header.csv": ("a,b\n", "no rows"),
    "one.csv": ("a,b\n1,2\n", "1 row; expected at least 2"),
    "text.csv": ("a,b\n1,x\n2,y\n3,z\n", r"line 2, column 'b' is 'x'.*--columns a"),
    "nan.csv": ("a,b\n1,2\n2,nan\n4,5\n", "line 3, column 'b' is NaN"),
    "short.csv": ("a,b\n1,2\n2\n4,5\n", "line 3 has 1 field; expected 2"),
    "data.xlsx": ("PK", "unknown kind of file; expected a name that ends in .csv"),
    "picture.parquet": (b"\x89PNG\r\n\x1a\n" * 20, "not a whole Parquet file"),
    "picture.npy": (b"\x89PNG\r\n\x1a\n" * 20, "not a whole NPY file"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_used(gmmkit: Callable[..., Any], tmp_path: Path, name: str) -> None:
    content, pattern = FILES[name]
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    one_line(gmmkit("fit", name, "-o", "m.gmm"), DATA, pattern)
    assert sorted(os.listdir(tmp_path)) == [name]


def test_a_parquet_file_that_was_cut_short(gmmkit: Callable[..., Any], tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": np.arange(100.0), "b": np.arange(100.0)}), tmp_path / "cut.parquet")
    content = (tmp_path / "cut.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[:-200])
    one_line(gmmkit("fit", "cut.parquet"), DATA, "cut.parquet is not a whole Parquet file")


def test_places_that_are_no_files(gmmkit: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    one_line(gmmkit("fit", "folder"), DATA, "folder is a directory")
    one_line(gmmkit("fit", "missing.csv"), DATA, "missing.csv: no such file")
    one_line(gmmkit("describe", "missing.gmm"), MODEL, "missing.gmm: No such file")
    one_line(gmmkit("describe", "folder"), MODEL, "folder: Is a directory")


def test_too_few_rows_for_the_components(gmmkit: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "three.csv").write_text("a,b\n1,2\n2,3\n4,5\n")
    one_line(gmmkit("fit", "three.csv", "-k", "5"), DATA, "has 3 rows, fewer than the 5 components")


def test_columns_that_are_not_there(gmmkit: Callable[..., Any], faithful: Path, model: Path, tmp_path: Path) -> None:
    one_line(
        gmmkit("fit", faithful, "--columns", "eruptions,wating"), DATA, "no column 'wating'; did you mean 'waiting'"
    )
    one_line(gmmkit("fit", faithful, "--weights", "w"), DATA, "no column 'w'")
    one_line(gmmkit("fit", faithful, "--label", "species"), DATA, "no column 'species'")
    (tmp_path / "other.csv").write_text("eruptions,b,c\n1,2,3\n2,3,4\n")
    for verb in ("predict", "score"):
        one_line(gmmkit(verb, model, "other.csv"), DATA, "no column 'waiting', on which the model was fitted")
    np.save(tmp_path / "three.npy", np.zeros((5, 3)))
    one_line(gmmkit("predict", model, "three.npy"), DATA, "3 columns; the model was fitted on 2: eruptions, waiting")


def test_what_is_no_model(gmmkit: Callable[..., Any], faithful: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" * 20)
    one_line(gmmkit("predict", "picture.png", faithful), MODEL, "picture.png is not a readable model.*PNG image")
    (tmp_path / "cut.gmm").write_bytes(model.read_bytes()[:-5])
    for verb in ("predict", "score", "report"):
        one_line(gmmkit(verb, "cut.gmm", faithful), MODEL, "cut.gmm is not a readable model")
    for verb in ("sample", "describe", "report"):
        one_line(gmmkit(verb, "cut.gmm"), MODEL, "cut.gmm is not a readable model")
    assert sorted(os.listdir(tmp_path)) == ["cut.gmm", "picture.png"]


VALUES = {
    "--components=0": "at least 1 component",
    "--components=9:1": "empty range; did you mean 1:9",
    "--components=x": r"expected a number \(3\), a range",
    "--components=-3": "expected a number",
    "--components=1:2:3": "expected a number",
    "--components=": "expected a number",
    "--components=2,": "expected a number",
    "--components=1:99999999999": "at most 10000",
    "--covariance=ful": "did you mean full.*full, tied, diag, spherical.*EII, VII",
    "--covariance=VVE,eev": "did you mean EEV",
    "--covariance=V": "'V' is for one column, but there are 2: give 'VII'",
    "--covariance=factor": "factor needs a number of factors: gmmkit reduce DATA -k 1:3 --factors 1:5 --model FILE.gmm",
    "--covariance=": "expected one of all, full",
    "--criterion=bci": "did you mean bic.*bic, icl, aic, sabic, mml, held_out",
    "--prior=flat": "expected conjugate",
    "--student=free": "--student is for a single fit",
    "--acceleration=squarem": "--acceleration is for a single fit",
    "--acceleration=fast": "expected squarem",
    "--warm-up=mini-batch": "--warm-up is for a single fit",
    "--n-init-stop=dominated": "--n-init-stop is for a single fit",
    "--student=heavy": "expected common, free, or a number above 0",
    "--student=0": "expected common, free, or a number above 0",
    "--truncation=4": "--truncation is for a single fit of very many components",
    "--truncation=0": "expected a whole number, at least 1",
    "--bootstrap=0": "expected a whole number, at least 1",
    "--bootstrap-kind=parametrical": "did you mean parametric",
    "--bootstrap-kind=weighted": "add --bootstrap N",
    "--lrt=many": "expected a whole number, at least 1",
    "--init=kmean": "did you mean kmeans.*random_from_data",
    "--init=kmeans": "--init is for a single fit",
    "--reg-covar=much": "expected auto, or a number",
    "--reg-covar=-1": "expected auto, or a number",
    "--min-eigenvalue=1": "'1'; expected a number at or above 0 and below 1",
    "--min-eigenvalue=-1e-4": "expected a number at or above 0 and below 1",
    "--min-eigenvalue=tiny": "expected a number at or above 0 and below 1",
    "--tol=inf": "expected a number at or above 0",
    "--max-iter=0": "'0'; expected a whole number, at least 1",
    "--n-init=two": "'two'; expected a whole number",
    "--seed=-1": "at least 0",
    "--jobs=0": "expected a number of threads",
    "--columns=a,,b": "expected names or positions",
    "--output=nowhere/m.gmm": "the folder .*nowhere does not exist",
    "--report=nowhere/r.html": "the folder .*nowhere does not exist",
    "--output=.": "is a folder",
    "--output=": "is empty",
    "--output=m.pkl": "--output m.pkl: unknown kind of file; expected a name that ends in .gmm",
    "--report=r.pdf": "--report r.pdf: unknown kind of file; expected a name that ends in .html or .htm",
    "--checkpoint=best": "--checkpoint best: unknown kind",
    "--output=/dev/null": "is a device",
    "--compnents=3": "--components",
    "--cov=EEE": r"No such option: --cov \(Possible options: --covariance\)",
}


@pytest.mark.parametrize("option", VALUES)
def test_options_that_mean_nothing(gmmkit: Callable[..., Any], faithful: Path, tmp_path: Path, option: str) -> None:
    one_line(gmmkit("fit", faithful, option), USAGE, VALUES[option])
    assert os.listdir(tmp_path) == []


def test_one_start_dominates_none(gmmkit: Callable[..., Any], faithful: Path) -> None:
    arguments = ("fit", faithful, "-k", "2", "--covariance", "full", "--n-init", "1", "--n-init-stop", "dominated")
    one_line(gmmkit(*arguments), USAGE, "--n-init-stop is for several starts of a single fit: give --n-init 2")


def test_other_verbs_options(gmmkit: Callable[..., Any], faithful: Path, model: Path) -> None:
    one_line(gmmkit("sample", model, "-n", "-5"), USAGE, "'-5'; expected a whole number, at least 1")
    one_line(
        gmmkit("sample", model, "-o", "rows.xyz"), USAGE, "unknown kind of file; expected a name that ends in .csv"
    )
    one_line(gmmkit("predict", model, faithful, "--only", "lable"), USAGE, "did you mean label")
    one_line(gmmkit("demo", "-o", "nowhere"), USAGE, "nowhere is not a folder")
    one_line(gmmkit("report", model, "-o", "nowhere/r.html"), USAGE, "does not exist")
    one_line(gmmkit("report", model, "-o", "r.pdf"), USAGE, "expected a name that ends in .html or .htm")
    one_line(gmmkit("cluster", faithful, "-o", "m.html"), USAGE, "expected a name that ends in .gmm")
    for clusters in ("foo", "0"):
        one_line(gmmkit("cluster", faithful, "-k", clusters), USAGE, "expected auto or a whole number, at least 1")
    one_line(gmmkit("fitt", faithful), USAGE, "Did you mean 'fit'")
    one_line(gmmkit("fit"), USAGE, "DATA")


def test_no_input_is_ever_replaced(gmmkit: Callable[..., Any], tmp_path: Path, model: Path, faithful: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_bytes(faithful.read_bytes())
    (tmp_path / "link.gmm").symlink_to(data)
    for path in ("data.csv", "link.gmm", "./data.csv"):
        one_line(gmmkit("fit", "data.csv", "-o", path), USAGE, "is also an input")
    one_line(gmmkit("predict", model, "data.csv", "-o", "data.csv"), USAGE, "is also an input")
    one_line(gmmkit("fit", "data.csv", "-o", "x.gmm", "--checkpoint", "./x.gmm"), USAGE, "are both ./x.gmm")
    assert data.read_bytes() == faithful.read_bytes()


def test_a_folder_that_may_not_be_written(
    gmmkit: Callable[..., Any], faithful: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever runs the tests may be allowed everything: ask as somebody who is not.
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK and allowed(path, mode))
    one_line(gmmkit("fit", faithful, "-o", "m.gmm"), RESOURCES, "may not be written; choose another for --output")
    one_line(gmmkit("predict", model, faithful, "-o", "p.csv"), RESOURCES, "may not be written")
    one_line(gmmkit("demo"), RESOURCES, "may not be written")


def test_no_room_is_said_before_the_work(gmmkit: Callable[..., Any], model: Path, tmp_path: Path) -> None:
    one_line(gmmkit("sample", model, "-n", 10**17, "-o", "s.npy"), RESOURCES, "no room: at least .* bytes are needed")
    one_line(gmmkit("sample", model, "-n", 10**17, "-o", "s.csv"), RESOURCES, "no room")
    assert os.listdir(tmp_path) == []


def test_no_room_for_the_rows_is_said_before_they_are_parsed(
    gmmkit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "big.csv").write_text("a,b\n" + "1.25,2.5\n" * 10_000)
    usage = type("Usage", (), {"free": 100_000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    one_line(gmmkit("fit", "big.csv", "-k", "1"), RESOURCES, r"12\d,\d+ bytes are needed, 100,000 are free.*TMPDIR")
    usage.free = 200_000
    assert gmmkit("fit", "big.csv", "-k", "1", "--covariance", "full", "-q").code == 0


def test_a_full_disk(
    gmmkit: Callable[..., Any], faithful: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    one_line(gmmkit("predict", model, faithful, "-o", "p.csv"), RESOURCES, "p.csv: .*No space left")
    assert os.listdir(tmp_path) == []


def test_more_columns_than_memory_holds(
    gmmkit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "wide.npy", np.random.default_rng(0).normal(size=(3, 10_000)))
    known = os.sysconf
    monkeypatch.setattr(os, "sysconf", lambda name: 1000 if name == "SC_AVPHYS_PAGES" else known(name))
    outcome = gmmkit("fit", "wide.npy", "-k", "2", "--covariance", "full")
    one_line(outcome, RESOURCES, "out of memory.*2 covariance matrices of 10000 columns")


def test_a_bug_says_how_to_report_it(gmmkit: Callable[..., Any], model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(record: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("gmmkit.cli.describe.facts_of", broken)
    one_line(gmmkit("describe", model), 1, "a bug in gmmkit: KeyError: 'oops'. Please report.*GMMKIT_DEBUG=1")
    monkeypatch.setenv("GMMKIT_DEBUG", "1")
    assert "Traceback" in gmmkit("describe", model).err


def test_a_wrong_value_late_in_the_data_writes_no_row(gmmkit: Callable[..., Any], model: Path, tmp_path: Path) -> None:
    rows = np.tile([3.0, 70.0], (50_000, 1))
    rows[-1, 1] = np.inf
    np.save(tmp_path / "late.npy", rows)
    one_line(gmmkit("predict", model, "late.npy"), DATA, "row 49999, column 1 is infinity")
    one_line(gmmkit("predict", model, "late.npy", "-o", "p.csv"), DATA, "row 49999")
    assert os.listdir(tmp_path) == ["late.npy"]


def test_not_converged_is_an_error_only_when_asked(gmmkit: Callable[..., Any], faithful: Path, tmp_path: Path) -> None:
    fit = ("fit", faithful, "-k", "3", "--covariance", "full", "--max-iter", "2", "--tol", "0", "-q", "-o", "m.gmm")
    assert gmmkit(*fit).code == 0
    one_line(gmmkit(*fit, "--strict"), NOT_CONVERGED, "did not converge in 2 passes.*is in m.gmm: raise --max-iter")
    assert (tmp_path / "m.gmm").exists()
    outcome = gmmkit("describe", "m.gmm")
    assert "Did not converge within 2 passes" in outcome.out
