"""A model in the words and tables of the terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gmmkit.cli.words import MOST_COMPONENTS
from gmmkit.data import as_table
from gmmkit.files import ModelRecord, write_model
from gmmkit.model.mixture import Mixture
from gmmkit.selection.merging import merge_by_entropy, merge_by_misclassification

Gmmkit = Callable[..., Any]


def running(text: str) -> str:
    return " ".join(text.split())


def weights_shown(text: str) -> list[tuple[int, float]]:
    return [(int(j), float(share)) for j, share in re.findall(r"^ *(\d+) +([\d.]+) %", text, flags=re.MULTILINE)]


def test_components_are_listed_by_number(gmmkit: Gmmkit, faithful: Path) -> None:
    shown = weights_shown(gmmkit("fit", faithful, "-k", "3", "--covariance", "EEE").err)
    assert [j for j, _ in shown] == [0, 1, 2]
    assert [share for _, share in shown] != sorted((share for _, share in shown), reverse=True)


def test_of_many_components_the_heaviest_are_listed(gmmkit: Gmmkit, tmp_path: Path) -> None:
    k = MOST_COMPONENTS + 1
    weights = np.arange(1.0, k + 1) / (k * (k + 1) / 2)
    write_model(
        ModelRecord(Mixture.from_arrays(weights, np.arange(k)[:, None], [1.0] * k, covariance_type="spherical")),
        tmp_path / "m.gmm",
    )
    text = gmmkit("describe", "m.gmm").out
    assert [j for j, _ in weights_shown(text)] == list(range(1, k))
    assert "1 lighter component with --json" in text


def test_what_became_of_every_model(gmmkit: Gmmkit, faithful: Path, tmp_path: Path) -> None:
    text = running(gmmkit("fit", faithful, "-k", "1:5", "--covariance", "EEE,EEI").err)
    assert "10 models tried; beside those shown, 2 more are worse." in text
    assert "2 models tried." in gmmkit("fit", faithful, "-k", "2", "--covariance", "EEE,EEI").err
    np.savetxt(tmp_path / "few.csv", np.random.default_rng(0).normal(size=(12, 2)), delimiter=",", header="a,b")
    text = running(gmmkit("fit", "few.csv", "-k", "1,6,13", "--covariance", "VVV,EEE").err)
    assert re.search(r"beside those shown, 1 is spurious \(.*\) and not compared, 2 could not be fitted\.", text)


def test_one_pass_is_one(gmmkit: Gmmkit, faithful: Path) -> None:
    fit = ("fit", faithful, "-k", "2", "--covariance", "full", "--max-iter", "1")
    assert "Did not converge within 1 pass: raise --max-iter." in gmmkit(*fit).err
    assert "did not converge in 1 pass (--strict)" in gmmkit(*fit, "--strict").err
    alone = gmmkit("fit", faithful, "-k", "1", "--covariance", "EII", "--columns", "waiting").err
    assert "1 component, EII covariance: 272 rows of 1 column from" in alone
    assert re.search(r"converged in (1 pass|[2-9] passes)\.", alone)


def test_means_have_the_decimals_of_their_spread(gmmkit: Gmmkit, tmp_path: Path) -> None:
    mixture = Mixture.from_arrays([1.0], [[-0.0004, 0.012, 3e5]], [0.81], covariance_type="spherical")
    write_model(ModelRecord(mixture), tmp_path / "m.gmm")
    text = gmmkit("describe", "m.gmm").out
    assert [part.strip() for part in re.findall(r"[-\d.]+ ± [\d.]+", text)] == [
        "0.00 ± 0.90", "0.01 ± 0.90", "300000.00 ± 0.90",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("merge", "heads", "words"),
    [
        (
            merge_by_entropy,
            "clusters merged entropy fall a row",
            "Fall a row: what a merge takes off it, for each row of",
        ),
        (
            merge_by_misclassification,
            "clusters merged mistaken",
            "Mistaken: how many rows of one of the two merged would",
        ),
    ],
)
def test_the_measure_of_a_merge_is_explained(
    gmmkit: Gmmkit, tmp_path: Path, merge: Callable[..., Any], heads: str, words: str
) -> None:
    mixture = Mixture.from_arrays([0.3, 0.3, 0.4], [[0.0], [1.5], [30.0]], [1.0] * 3, covariance_type="spherical")
    rows, _ = mixture.sample(300, seed=0)
    tree = merge(mixture, as_table(rows))
    write_model(ModelRecord(mixture, fit={"merging": tree.as_record()}), tmp_path / "m.gmm")
    text = running(gmmkit("describe", "m.gmm").out)
    assert heads in text
    assert words in text
    # Rounding is no entropy, and no mistake.
    assert re.search(r"1 0\+1 and 2 (0\.00 0\.000|0\.0 %)", text)
