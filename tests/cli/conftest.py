"""Runs commands in this process: ``gmmkit("fit", path, …)`` → exit code, stdout, stderr."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gmmkit.cli.main import main
from gmmkit.data.faithful import FILE_NAME


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        def refuse(name: str) -> None:
            raise AssertionError(f"{name} is no JSON")

        return json.loads(self.out, parse_constant=refuse)


Command = Callable[..., Outcome]


@pytest.fixture
def gmmkit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Outcome]:
    """Run a command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("GMMKIT_DEBUG", "FORCE_COLOR", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(int(left.value.code or 0), captured.out, captured.err)

    return command


@pytest.fixture(scope="session")
def faithful() -> Path:
    from importlib.resources import files

    return Path(str(files("gmmkit.data") / FILE_NAME))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, faithful: Path) -> Path:
    """A search over Old Faithful, won by three components with one covariance."""
    path = tmp_path_factory.mktemp("model") / "faithful.gmm"
    with pytest.raises(SystemExit) as left:
        main(["fit", str(faithful), "-k", "2:3", "--covariance", "tied", "-o", str(path), "--quiet"])
    assert not left.value.code
    return path
