"""``--quiet``: nothing but errors on stderr, the same of every verb, and the same answer on stdout."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from gmmkit.cli.boundary import remark
from gmmkit.cli.main import app, run
from gmmkit.errors import GmmkitWarning

Gmmkit = Callable[..., Any]

# A command of each verb that has something to say. "warning" or "Note": that it has something to warn of, as well.
SAYS = {
    "demo": (("demo",), "Model in"),
    "fit": (("fit", "odd.csv", "-k", 1, "--covariance", "diag"), "Note"),
    "cluster": (("cluster", "odd.csv", "-k", 1, "--covariance", "EII"), "Note"),
    "classify": (("classify", "kinds.csv", "--label", "kind", "--covariance", "EII"), "held-out"),
    "density": (("density", "odd.csv", "-k", 1, "--covariance", "diag", "--folds", 2), "warning"),
    "anomalies": (("anomalies", "odd.csv"), "warning"),
    "reduce": (("reduce", "wide.csv", "-f", 1, "--noise", "isotropic"), "factor"),
    "predict": (("predict", "m.gmm", "rows.csv", "-o", "p.csv"), "p.csv"),
    "regress": (("regress", "m.gmm", "rows.csv", "--target", "waiting", "--report", "g.html"), "g.html"),
    "score": (("score", "m.gmm", "far.csv"), "warning"),
    "sample": (("sample", "odd.csv", "-n", 20), "warning"),
    "report": (("report", "m.gmm", "-o", "r.html"), "r.html"),
    "digits train": (("digits", "train", "p", "--axes", 3, "--skip-bad"), "warning"),
    "digits classify": (("digits", "classify", "d.gmm", "p", "--skip-bad"), "warning"),
}


def verbs_with_quiet() -> Iterator[str]:
    """Give the names of all verbs that take --quiet, those of groups after their group's."""
    for name, verb in typer.main.get_command(app).commands.items():
        group = getattr(verb, "commands", None)
        found = {name: verb} if group is None else {f"{name} {own}": one for own, one in group.items()}
        for full, one in found.items():
            if any("--quiet" in parameter.opts for parameter in one.params):
                yield full


@pytest.fixture
def given(gmmkit: Gmmkit, model: Path, tmp_path: Path) -> Gmmkit:
    """Files that verbs warn of: rows that are numbered, one that no density reaches, a picture that is none."""
    from PIL import Image

    random = np.random.default_rng(0)

    def write(name: str, head: str, rows: Any, *text: str) -> None:
        lines = [",".join(map(repr, row)) for row in np.asarray(rows).tolist()]
        (tmp_path / name).write_text("\n".join([head, *lines, *text]) + "\n")

    shutil.copy(model, tmp_path / "m.gmm")
    write("odd.csv", "row,x", np.c_[np.arange(60), random.normal(size=60)])
    write("wide.csv", "a,b,c", random.normal(size=(60, 1)) + 0.1 * random.normal(size=(60, 3)))
    kinds = [f"{x!r},{'ab'[x > 0]}" for x in (random.normal(size=40) + np.repeat([-3, 3], 20)).tolist()]
    (tmp_path / "kinds.csv").write_text("x,kind\n" + "\n".join(kinds) + "\n")
    write("rows.csv", "eruptions,waiting", [[2.0, 55.0], [4.5, 80.0]])
    write("far.csv", "eruptions,waiting", [[2.0, 55.0], [1e200, 60.0]])
    for n in range(24):
        image = np.zeros((8, 8))
        image[1:7, 2 + 3 * (n % 2) : 4 + n % 2] = 255
        image[1 + n // 12 : 3, 2:6] = 200 + n
        image = np.clip(image + random.uniform(0, 40, image.shape), 0, 255)
        place = tmp_path / "p" / "01"[n % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.astype(np.uint8)).save(place / f"{n}.png")
    return gmmkit


@pytest.mark.parametrize("verb", SAYS)
def test_quiet_leaves_nothing_but_errors(given: Gmmkit, tmp_path: Path, verb: str) -> None:
    command, said = SAYS[verb]
    if verb == "digits classify":
        assert given("digits", "train", "p", "--axes", 3, "-o", "d.gmm").code == 0
    if verb.startswith("digits"):
        (tmp_path / "p" / "0" / "bad.png").write_bytes(b"nothing")
    aloud, hushed = given(*command), given(*command, "--quiet")
    assert (aloud.code, hushed.code) == (0, 0), aloud.err
    assert said in aloud.err
    assert hushed.err == ""
    assert hushed.out == aloud.out
    failed = given(*command, "--quiet", "--no-such-option")
    assert failed.code == 2
    assert "--no-such-option" in failed.err


def test_every_verb_that_takes_quiet_is_among_these() -> None:
    assert set(verbs_with_quiet()) == set(SAYS)


@pytest.mark.filterwarnings("default::gmmkit.errors.GmmkitWarning")
def test_warnings_of_the_library_are_remarks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    import gmmkit.model.evaluation as evaluation

    plain = evaluation.likelihood

    def warned(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(GmmkitWarning("beware"), stacklevel=1)
        return plain(*args, **kwargs)

    monkeypatch.setattr(evaluation, "likelihood", warned)
    rows = [str(model), str(model.with_name("rows.csv"))]
    Path(rows[1]).write_text("eruptions,waiting\n2.0,55\n")
    for options, said in (((), "gmmkit: warning: beware\n"), (("-q",), "")):
        assert run(["score", *rows, *options]) == 0
        assert capsys.readouterr().err == said


def test_remarks_are_made_again_once_a_quiet_command_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["score", "none.gmm", "none.csv", "--quiet"]) == 4
    assert "none.gmm" in capsys.readouterr().err
    assert run(["--version"]) == 0
    remark("said")
    assert capsys.readouterr().err == "gmmkit: said\n"
