"""Whole processes: what is imported, pipes, signals, terminals."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gmmkit.files import read_model

GMMKIT = [sys.executable, "-m", "gmmkit"]
HEAVY = {"numpy", "scipy", "sklearn", "matplotlib", "pandas", "polars", "pyarrow"}


def modules_after(code: str) -> set[str]:
    """Return the packages that are imported once some code has run."""
    code += "\nimport sys; print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


RUN = "from gmmkit.cli.main import run; assert run({}) in (0, 2)"


@pytest.mark.parametrize(
    "code", ["import gmmkit", "import gmmkit.cli.main", *(RUN.format(a) for a in (["--help"], ["--version"], ["fitt"]))]
)
def test_nothing_heavy_is_imported_before_a_verb_runs(code: str) -> None:
    assert not modules_after(code) & HEAVY


def test_no_verb_imports_scikit_learn_nor_matplotlib(faithful: Path, model: Path, tmp_path: Path) -> None:
    verbs = [
        ["fit", str(faithful), "-k", "1:2", "--covariance", "full,tied", "--json"],
        ["predict", str(model), str(faithful), "-o", str(tmp_path / "p.csv")],
        ["score", str(model), str(faithful)],
        ["sample", str(model), "-n", "3"],
        ["describe", str(model)],
    ]
    code = "from gmmkit.cli.main import run\n" + "\n".join(f"assert run({verb!r}) == 0" for verb in verbs)
    assert not modules_after(code) & {"sklearn", "matplotlib", "pandas", "polars"}


def test_a_reader_that_goes_away_is_no_error(model: Path, tmp_path: Path) -> None:
    for arguments in (["sample", str(model), "-n", "300000"], ["sample", str(model), "-n", "10"], ["fit", "--help"]):
        with subprocess.Popen([*GMMKIT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stderr is not None  # noqa: PT018
            assert process.stdout.read(5) == (b" " * 5 if "--help" in arguments else b"erupt")
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait() in (0, 141)


def interrupted(arguments: list[str], begun: str) -> tuple[int, str]:
    """Run a command on a terminal, press Ctrl-C once it shows a text, and return its exit code and what it wrote."""
    terminal, side = pty.openpty()
    with subprocess.Popen(
        [*GMMKIT, *arguments], stdout=side, stderr=side, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(side)
        text = b""
        sent = False
        while True:
            try:
                piece = os.read(terminal, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
            if not sent and re.search(begun, text.decode(errors="replace")):
                process.send_signal(signal.SIGINT)
                sent = True
        os.close(terminal)
        assert sent, text.decode()
        return process.wait(), text.decode()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows on which a fit that never stops can be interrupted."""
    path = tmp_path_factory.mktemp("cloud") / "cloud.npy"
    np.save(path, np.random.default_rng(0).normal(size=(2000, 2)))
    return path


def test_an_interrupted_fit_keeps_the_model_reached(cloud: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.gmm"
    endless = ["-k", "4", "--covariance", "full", "--tol", "0", "--max-iter", "100000000"]
    code, text = interrupted(["fit", str(cloud), *endless, "-o", str(path)], r"pass \d+: log-likelihood")
    assert code == 130
    assert "interrupted; the best complete model until then is in" in text.replace("\r\n", " ")
    assert "Traceback" not in text
    record = read_model(path)
    assert record.fit["reason"] == "interrupted"
    assert not record.fit["converged"]


def test_an_interrupted_search_keeps_the_best_until_then(cloud: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.gmm"
    # Beside noise, candidates are fitted one after the other.
    slow = ["-k", "1:12", "--covariance", "full", "--noise", "--tol", "1e-12", "--max-iter", "100000"]
    code, text = interrupted(["fit", str(cloud), *slow, "-o", str(path)], r"[1-9]\d*/12 fits")
    assert code == 130
    assert "The search was interrupted" in text
    record = read_model(path)
    assert record.fit["interrupted"]
    assert record.table


def test_interrupted_before_there_is_a_model(tmp_path: Path) -> None:
    path = tmp_path / "m.gmm"
    with subprocess.Popen(
        [*GMMKIT, "fit", "-", "-o", str(path)], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stderr is not None  # noqa: PT018
        # Once more than a pipe holds is gone, the command is reading.
        process.stdin.write(b"a,b\n" + b"1,2\n" * 50_000)
        process.stdin.flush()
        time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b"gmmkit: interrupted; nothing was written\n"
        assert process.wait() == 130
    assert not path.exists()


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("colour", [True, False])
def test_on_a_terminal(model: Path, columns: int, colour: bool) -> None:
    terminal, side = pty.openpty()
    names = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    names |= {"TERM": "xterm", "COLUMNS": str(columns), **({} if colour else {"NO_COLOR": "1"})}
    with subprocess.Popen([*GMMKIT, "describe", str(model)], stdout=side, env=names) as process:
        os.close(side)
        text = b""
        try:
            while piece := os.read(terminal, 65536):
                text += piece
        except OSError:
            pass
        assert process.wait() == 0
    os.close(terminal)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode()).replace("\r\n", "\n")
    assert max(map(len, plain.splitlines())) <= columns
    assert "4.47 ± 0.28" in plain
    # 30 to 37 are colours; bold and dim stay.
    assert bool(re.search(r"\x1b\[(\d+;)?3[0-7]m", text.decode())) is colour
