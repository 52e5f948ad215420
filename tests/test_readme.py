"""Every snippet of the README is run; every figure in it stands in the benchmarks' results."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris

import gmmkit

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_snippets_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)
    printed = capsys.readouterr().out
    assert printed.startswith("EEE 3 2314.3")
    assert (tmp_path / "old-faithful.gmm").exists()


def shell_lines():
    lines = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("gmmkit")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with flowers.csv and new.csv in which the README's commands run one after the other."""
    folder = tmp_path_factory.mktemp("readme")
    iris = load_iris()
    species = np.array(iris.target_names)[iris.target]
    rows = ["length,width,petal_length,petal_width,species"]
    rows += [f"{a},{b},{c},{d},{name}" for (a, b, c, d), name in zip(iris.data, species, strict=True)]
    (folder / "flowers.csv").write_text("\n".join(rows) + "\n")
    (folder / "new.csv").write_text("\n".join([rows[0], "5.1,3.4,1.5,0.3,setosa", "6.0,2.8,1.4,2.2,virginica"]) + "\n")
    digits = load_digits()
    np.savez(folder / "digits.npz", images=digits.images[:300], labels=digits.target[:300])
    return folder


def test_the_commands_run(folder):
    # In one test: each command reads what the one before it wrote.
    for line in shell_lines():
        done = subprocess.run(
            [sys.executable, "-m", "gmmkit", *shlex.split(line)[1:]],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "NO_COLOR": "1"},
            check=False,
        )
        assert done.returncode == 0, (line, done.stderr)
        for name in re.findall(r"(?:-o|--report) (\S+)", line):
            assert (folder / name).stat().st_size > 0


def test_the_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`?make (\w+)`?", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_linked_files_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_every_row_of_figures_is_a_row_of_the_results():
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    rows = [
        line
        for line in README.splitlines()
        if re.match(
            r"\| (W\d|faithful|diabetes|sim_|tied|spherical|d128|small|tiny|digits|mnist|`fit`|`predict`)", line
        )
    ]
    assert rows
    for row in rows:
        assert row in results, row
    ours, theirs = re.search(r"mean adjusted Rand index of (\S+) over\n41 .* scikit-learn (\S+)\. ", README).groups()
    assert f"| **mean of 41** | | | **{ours}** | {theirs} |" in results
    found = re.search(r"average precision\nof (\S+ / \S+) over 17 .* IsolationForest (\S+ / \S+) ", README)
    ours, forest = found.groups()
    assert f"| **mean of 17** | | | {ours} | {forest} |" in results


def test_ratios_with_avx2_are_those_of_the_results():
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    section = results[results.index("## Seconds per EM pass on AMD EPYC, AVX2") :].split("\n## ")[0]
    together = re.findall(r"W\d\w? (\d\.\d\d)×", re.search("^Two processes at once.*", section, re.MULTILINE)[0])
    measured = re.findall(
        r"^\| W\d.*? \| (\d+\.\d)× \(.*?\) \| (\d+)% \(.*?\) \| [\d.]+ \| (\d\.\d\d)×", section, re.MULTILINE
    )
    ratios, shares, threads = zip(*measured, strict=True)
    told, least, most, slowest, quickest, least_together, most_together = re.search(
        r"W1 to W6f: (.*?), at (\d+) to (\d+) % of\nits limit. Two threads there take ([\d.]+) to ([\d.]+) times"
        r".*?two processes at once do ([\d.]+) to ([\d.]+)\ntimes",
        README,
    ).groups()
    assert tuple(re.findall(r"([\d.]+)×", told)) == ratios
    assert (int(least), int(most)) == (min(map(int, shares)), max(map(int, shares)))
    assert (slowest, quickest) == (min(threads), max(threads))
    assert (least_together, most_together) == (min(together), max(together))


def test_densities_are_those_of_the_results():
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    section = results[results.index("## Density of rows not seen") :]
    rows = re.findall(r"\| ([\w-]+) \| (\d+ × \d+) \| (-?[\d.]+) \| (-?[\d.]+) \|", README)
    assert len(rows) == 5
    for name, size, ours, theirs in rows:
        assert re.search(rf"\| {name} \| {size} \| \d+ \| \*\*{ours}\*\* \| [\d.]+ \| {theirs} \|", section), name
        assert float(ours) > float(theirs)


def test_names_in_the_mclust_table_exist():
    table = README[README.index("| mclust | gmmkit |") :].split("\n\n")[0]
    names = set(
        re.findall(r"\b([A-Z]\w+|[a-z]+(?:_[a-z]+)+)\(", "".join(row.split("|")[2] for row in table.splitlines()))
    )
    assert {"GaussianMixtureSearch", "merge_by_entropy", "likelihood_ratio_test"} <= names
    methods = {"predict_proba"}
    assert names - methods <= set(gmmkit.__all__)


def test_commands_use_options_that_exist():
    known = (ROOT / "src" / "gmmkit" / "cli").glob("*.py")
    source = "".join(path.read_text(encoding="utf-8") for path in known)
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)):
        assert f'"{option}"' in source or f"{option[2:].replace('-', '_')}: Annotated" in source, option
