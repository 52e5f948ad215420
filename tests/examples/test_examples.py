"""Every script in `examples/` runs, says something sane, and is scikit-learn's but for one import."""

from __future__ import annotations

import re
import runpy
import sys
import warnings
from pathlib import Path

import pytest

matplotlib = pytest.importorskip("matplotlib")

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py"))
OURS, THEIRS = "from gmmkit import GaussianMixture", "from sklearn.mixture import GaussianMixture"


def figures(text):
    """Return the numbers in a text."""
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?", text)]


def run(script, folder, monkeypatch, capsys):
    """Run a script as a person would, saving its picture in `folder`; return what it printed."""
    picture = folder / "picture.png"
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", [str(script), str(picture)])
    with matplotlib.rc_context({"backend": "Agg"}):
        import matplotlib.pyplot as plt

        plt.switch_backend("Agg")
        try:
            runpy.run_path(str(script), run_name="__main__")
        finally:
            plt.close("all")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 5000
    return capsys.readouterr().out


# What each script must say. A script without a line here must still print finite figures.
SANE = {
    "anomalies.py": lambda f: 4 < f[1] < 6 and 50 < f[2] < 90,
    "density_1d.py": lambda f: abs(f[0] - 1) < 1e-3 and 1.4 < f[1] < 1.5 < f[2] < f[3] < 6.9,
    "digits.py": lambda f: 0 < f[0] < 4 and f[2] == 899,
    "number_of_components.py": lambda f: 560 < f[0] < 600 and f[1] in (2, 3),
    "photograph_lab.py": lambda f: abs(sum(f[:4]) - 1) < 0.01 and min(f[:4]) > 0.05 and f[5] < 40,
    "photograph_rgb.py": lambda f: f[2] == 6 and -15 < f[3] < -11 and f[4] < 35,
    "posterior_features.py": lambda f: f[0] == 30 and f[1] > 85,
    "regimes.py": lambda f: f[0] > f[2] and f[1] < f[3] and abs(f[0] + f[2] - 100) <= 1,
    "sampling.py": lambda f: max(abs(a - b) for a, b in zip(f[:4], f[4:8], strict=True)) < 0.3 and f[8] < 0.2,
    "soft_clustering.py": lambda f: f[0] > 150 and f[1] == 178 and f[3] < 90,
    "spectrogram.py": lambda f: f[0] < f[2] < 1e-6 < f[1] and len(f) == 7 and f[3:] == sorted(f[3:]),
}


def test_there_are_examples_and_the_list_is_true():
    assert len(SCRIPTS) >= 10
    assert set(SANE) <= set(SCRIPTS)
    listed = re.findall(r"^\| \[(\w+\.py)\]\((\w+\.py)\)", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert sorted(name for name, _ in listed) == SCRIPTS
    assert all(name == link for name, link in listed)


@pytest.mark.parametrize("name", SCRIPTS)
def test_example_runs_and_says_something_sane(name, tmp_path, monkeypatch, capsys):
    printed = run(EXAMPLES / name, tmp_path, monkeypatch, capsys)
    assert 1 <= len(printed.splitlines()) <= 5
    assert not re.search(r"\b(nan|inf)\b", printed)
    found = figures(printed)
    assert found
    assert SANE.get(name, lambda _: True)(found), printed


@pytest.mark.parametrize("name", SCRIPTS)
def test_only_the_import_is_ours(name, tmp_path, monkeypatch, capsys):
    """With scikit-learn's class the same script runs, prints its lines and saves its picture.

    Its figures may differ, and two must: scikit-learn's predict is wrong for the uint8 pixels of `photograph_rgb`
    (it squares them in eight bits), and its ridge drowns the values of `spectrogram`.
    """
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    assert re.findall(r".*\bgmmkit\b.*", text) == [OURS], "an example uses nothing of gmmkit but the class"
    script = tmp_path / name
    script.write_text(text.replace(OURS, THEIRS), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what scikit-learn warns of is not ours to judge
        printed = run(script, tmp_path, monkeypatch, capsys)
    assert 1 <= len(printed.splitlines()) <= 5
