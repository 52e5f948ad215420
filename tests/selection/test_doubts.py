"""What makes the choice of a model doubtful, told of records old and new."""

from __future__ import annotations

from typing import Any

import pytest

from gmmkit.files import ModelRecord
from gmmkit.model.mixture import Mixture
from gmmkit.selection.doubts import Doubts, doubt_of_rows, doubt_of_sizes, doubt_of_tests, doubts_of, evidence

REMEDY = "-k {0}:{1}"
TWO = Mixture.from_arrays([0.9, 0.1], [[0.0], [4.0]], [1.0, 1.0], covariance_type="spherical")
WIDE = [{"n_components": k} for k in (1, 2, 3)]
EDGE = "2 is the largest number of components that was tried; try n_components=range(1, 10)"


def told(fit: dict[str, Any], table: list[dict[str, Any]] | None = None, **more: Any) -> Doubts:
    return doubts_of(ModelRecord(TWO, fit=fit, table=table, **more))


@pytest.mark.parametrize(
    ("best", "sizes", "words"),
    [
        (3, range(1, 4), "3 is the largest number of components that was tried; try -k 1:9"),
        (9, range(1, 10), "9 is the largest number of components that was tried; try -k 1:18"),
        (8, (2, 4, 8), "8 is the largest number of components that was tried; try -k 2:16"),
        (4, (4, 5), "4 is the smallest number of components that was tried; try -k 1:5"),
    ],
)
def test_the_edge_of_what_was_tried(best: int, sizes: Any, words: str) -> None:
    assert doubt_of_sizes(best, sizes, REMEDY) == words


@pytest.mark.parametrize(("best", "sizes"), [(2, (1, 2, 3)), (1, (1, 2)), (3, (3,)), (1, (1,))])
def test_no_edge(best: int, sizes: Any) -> None:
    assert doubt_of_sizes(best, sizes, REMEDY) is None


def test_as_many_parameters_as_rows() -> None:
    assert doubt_of_rows(12, 11) is None
    said = doubt_of_rows(12, 12)
    assert said is not None
    assert said.startswith("12 parameters were fitted to 12 rows: such a model")
    said = doubt_of_rows(12, 29, [1.0, 1.0, 10.0])
    assert said is not None
    assert said.startswith("29 parameters were fitted to 12 rows, and 2 of 3 components hold a single row: such a")
    alone = doubt_of_rows(500, 8, [499.0, 1.0])
    assert alone is not None
    assert alone.startswith("1 of 2 components holds a single row")


def test_tests_that_disagree() -> None:
    first, second = {"n_components": 1, "p_value": 0.01}, {"n_components": 2, "p_value": 0.3}
    assert doubt_of_tests(2, [first, second]) is None
    assert doubt_of_tests(2, [first]) is None
    assert (
        doubt_of_tests(3, [first, second]) == "the likelihood-ratio tests find 2 components enough, but the model has 3"
    )
    assert doubt_of_tests(2, [{"n_components": 1, "rejected": False}]) == (
        "the likelihood-ratio tests find 1 component enough, but the model has 2"
    )
    # Tests that ended before they came to the model's number say nothing of more.
    assert doubt_of_tests(5, [first]) is None
    assert doubt_of_tests(1, [first]) == (
        "the likelihood-ratio tests ask for at least 2 components, but the model has 1"
    )


def test_a_record_is_told_of_once() -> None:
    assert told({"n_rows": 100, "effective_rows": [90.0, 10.0]}, WIDE) == Doubts()
    assert told({"n_rows": 100}, WIDE[:2]).sentences == (EDGE,)
    from_a_shell = told({"n_rows": 100}, WIDE[:2], provenance={"command": "gmmkit fit x.csv -k 1:2"})
    assert from_a_shell.sentences[0].endswith("try -k 1:9")
    for other in ({"interrupted": True}, {"spurious": "component 1 has collapsed"}):
        assert told({"n_rows": 100, **other}, WIDE[:2]) == Doubts()
    # More components are no advice where models that could follow dependent columns were set aside.
    aside = {
        "n_components": 3,
        "spurious": "columns are linearly dependent: leave some out",
    }
    assert told({"n_rows": 100}, [*WIDE[:2], {**aside, "n_components": 2}]) == Doubts()
    assert "the smallest" in told({"n_rows": 100}, [WIDE[1], aside]).sentences[0]
    # More components are no advice where rows are too few for these.
    few = told({"n_rows": 4}, WIDE[:2])
    assert few.few_rows
    assert [said[:34] for said in few.sentences] == ["5 parameters were fitted to 4 rows"]


def test_what_the_fit_said_of_a_single_row_is_not_said_again() -> None:
    fit = {"n_rows": 100, "effective_rows": [99.0, 1.0]}
    assert len(told(fit).sentences) == 1
    assert told({**fit, "repairs": [{"kind": "few rows", "component": 1}]}) == Doubts((), few_rows=True)


def test_weights_are_repetitions_or_shares() -> None:
    assert told({"total_weight": 1e-3, "effective_rows": [90.0, 10.0]}) == Doubts()
    assert told({"n_rows": 4, "total_weight": 400.0}) == Doubts()
    assert told({"total_weight": 4.0, "effective_rows": [2.0, 2.0]}).few_rows


@pytest.mark.parametrize(
    "fit",
    [
        {}, {"n_rows": "many"}, {"effective_rows": ["a"], "n_rows": 3}, {"effective_rows": 7}, {"n_parameters": None},
        {"repairs": 3, "likelihood_ratio": []}, {"likelihood_ratio": [{}]}, {"likelihood_ratio": ["none"]},
        {"likelihood_ratio": [{"n_components": "a", "rejected": True}]}, {"likelihood_ratio": {"tests": 1}},
        {"repairs": ["few rows"]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("table", [None, [], [{"k": 2}], [{"n_components": None}]])
def test_records_of_other_programs(fit: dict[str, Any], table: list[dict[str, Any]] | None) -> None:
    assert told(fit, table) == Doubts()


def test_names_of_differences() -> None:
    assert [evidence(margin).split()[0] for margin in (0.0, 2.0, 6.0, 10.0, float("inf"))] == [
        "hardly", "positive", "strong", "very", "very",
    ]  # fmt: skip
