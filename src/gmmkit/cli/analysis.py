"""What is asked of a finished fit: clusters merged of its components, intervals, and tests of how many there are.

Each answer is added to the record, from which the words, the JSON, the report and the model file are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gmmkit.cli.boundary import UsageError
from gmmkit.cli.records import agreement_of
from gmmkit.errors import DataError, ParameterError

if TYPE_CHECKING:
    from gmmkit.cli.asked import Asked
    from gmmkit.cli.progress import Watch
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord

__all__ = ["Questions", "add_clusters", "analyse"]

# A model file's header has room for so many rows of intervals.
MOST_INTERVALS = 2000
# For intervals of 95 %, and to reject at 5 %.
FEWEST_REPLICATES, FEWEST_TESTS = 40, 19
# More take their time, a fit or two each, and tell nothing new.
MOST_REPLICATES = 9999
# Of a test's replicates a picture shows no more, and a model file's header has its limit.
MOST_KEPT = 1000


@dataclass(frozen=True)
class Questions:
    """What is asked of a fit.

    Attributes
    ----------
    merge : bool
        Which components belong to one cluster.
    standard_errors : bool
        From the observed information, with intervals.
    bootstrap : int or None
        Replicates, for standard errors and intervals.
    bootstrap_kind : str or None
        None: rows drawn with replacement.
    likelihood_ratio : int or None
        Replicates, for tests of the number of components.
    likelihood_ratio_starts : str or None
        None: from a hierarchy.
    """

    merge: bool = False
    standard_errors: bool = False
    bootstrap: int | None = None
    bootstrap_kind: str | None = None
    likelihood_ratio: int | None = None
    likelihood_ratio_starts: str | None = None

    @property
    def any(self) -> bool:
        """Whether anything is asked."""
        return self.merge or self.standard_errors or self.bootstrap is not None or self.likelihood_ratio is not None

    @property
    def most_rows(self) -> int:
        """How many rows of intervals are kept of each question that has them."""
        return MOST_INTERVALS // (2 if self.standard_errors and self.bootstrap is not None else 1)

    def check(self, asked: Asked, *, weighted: bool) -> None:
        """Raise before the work starts if a question has no answer.

        Raises
        ------
        UsageError
        """
        for option, given, fewest in (
            ("--bootstrap", self.bootstrap, FEWEST_REPLICATES),
            ("--lrt", self.likelihood_ratio, FEWEST_TESTS),
        ):
            if given is not None and given < fewest:
                raise UsageError(f"{option} is {given}; expected at least {fewest}, better 999")
            if given is not None and given > MOST_REPLICATES:
                raise UsageError(
                    f"{option} is {given}; expected at most {MOST_REPLICATES}, since each replicate is fitted anew "
                    "and 999 tell nearly as much"
                )
        if self.bootstrap_kind is not None and self.bootstrap is None:
            raise UsageError("--bootstrap-kind is of a bootstrap; add --bootstrap N, or leave --bootstrap-kind out")
        if self.likelihood_ratio_starts is not None and self.likelihood_ratio is None:
            raise UsageError("--lrt-starts is of likelihood-ratio tests; add --lrt N, or leave --lrt-starts out")
        for option, wanted in (
            ("--standard-errors", self.standard_errors),
            ("--bootstrap", self.bootstrap is not None),
            ("--lrt", self.likelihood_ratio is not None),
        ):
            for what, has in (("--noise", asked.noise), ("--student", asked.degrees_of_freedom is not None)):
                if wanted and has:
                    raise UsageError(f"{option} is for Gaussian components without noise; leave {what} or {option} out")
        if self.likelihood_ratio is not None:
            for what, has in (
                ("--weights", weighted),
                ("--prior", asked.prior is not None),
                ("--equal-weights", asked.equal_weights),
            ):
                if has:
                    raise UsageError(
                        f"--lrt tests fits of greatest likelihood to rows of equal weight; leave {what} or --lrt out"
                    )


def analyse(
    record: ModelRecord, table: Table, asked: Asked, questions: Questions, watch: Watch
) -> Iterator[ModelRecord]:
    """Answer the questions one after the other, and give the record as it is after each."""
    if questions.merge:
        watch.say("merging components")
        record = _merged(record, table)
        yield record
    if questions.standard_errors:
        watch.say("standard errors")
        with _named("--standard-errors"):
            record = _with(record, information=_information(record, table, asked, questions))
        yield record
    if questions.bootstrap is not None:
        watch.say(f"bootstrap: {questions.bootstrap} replicates")
        with _named("--bootstrap"):
            record = _with(record, bootstrap=_intervals(record, table, asked, questions))
        yield record
    if questions.likelihood_ratio is not None:
        watch.say(f"testing numbers of components: {questions.likelihood_ratio} replicates each")
        with _named("--lrt"):
            record = _with(record, likelihood_ratio=_tests(record, table, asked, questions))
        yield record


def add_clusters(record: ModelRecord, table: Table, tree: Any) -> ModelRecord:
    """Return the record with its components' clusters: the tree, the clusters in words, the labels they agree with."""
    from gmmkit.selection.summary import describe_clusters

    mixture, groups = record.mixture, tree.groups()
    found = {
        "merging": tree.as_record(),
        "clusters": [cluster.as_row() for cluster in describe_clusters(mixture, table, groups=groups)],
    }
    labels = agreement_of(table, mixture, groups)
    return _with(record, **found, **({} if labels is None else {"labels": labels}))


@contextmanager
def _named(option: str) -> Iterator[None]:
    """Say which option it was that data give no answer to."""
    try:
        yield
    except (DataError, ParameterError) as error:
        raise type(error)(f"{option}: {error}") from error


def _merged(record: ModelRecord, table: Table) -> ModelRecord:
    from gmmkit.selection.merging import merge_by_entropy

    return add_clusters(record, table, merge_by_entropy(record.mixture, table))


def _information(record: ModelRecord, table: Table, asked: Asked, questions: Questions) -> dict[str, Any]:
    from gmmkit.inference.stopping import AitkenGain
    from gmmkit.selection.information import observed_information

    settings = asked.settings(AitkenGain(asked.option("tol")))
    confidence = 0.95
    rows = observed_information(record.mixture, table, n_jobs=asked.jobs, settings=settings).summary(confidence)
    return {"confidence": confidence, "n_parameters": len(rows), "rows": rows[: questions.most_rows]}


def _intervals(record: ModelRecord, table: Table, asked: Asked, questions: Questions) -> dict[str, Any]:
    from gmmkit.inference.stopping import AitkenGain
    from gmmkit.selection.bootstrap import bootstrap

    assert questions.bootstrap is not None
    found = bootstrap(
        record.mixture,
        table,
        n_replicates=questions.bootstrap,
        kind=questions.bootstrap_kind or "nonparametric",  # type: ignore[arg-type]
        seed=asked.seed,
        n_jobs=asked.jobs,
        settings=asked.settings(AitkenGain(asked.option("tol"))),
    )
    rows = found.summary()
    return {
        "kind": found.kind,
        "n_replicates": found.n_replicates,
        "confidence": found.confidence,
        "faults": found.faults,
        "unconverged": found.unconverged,
        "relabelled": found.relabelled,
        "n_parameters": len(rows),
        "rows": rows[: questions.most_rows],
    }


def _tests(record: ModelRecord, table: Table, asked: Asked, questions: Questions) -> list[dict[str, Any]]:
    from gmmkit.selection.likelihood_ratio import likelihood_ratio_test

    assert questions.likelihood_ratio is not None
    starts = questions.likelihood_ratio_starts or "hierarchical"
    mixture = record.mixture
    found = likelihood_ratio_test(
        table,
        max(mixture.n_components + 1, *asked.components),
        str(record.settings["covariance_type"]),
        n_replicates=questions.likelihood_ratio,
        starts=starts,  # type: ignore[arg-type]
        seed=asked.seed,
        n_jobs=asked.jobs,
    )
    return [
        {
            "n_components": test.n_components,
            "statistic": test.statistic,
            "p_value": test.p_value,
            "rejected": test.p_value <= found.level,
            "failed": test.failed,
            "starts": starts,
            "n_replicates": len(test.replicates),
            "replicates": [float(f"{value:.6g}") for value in test.replicates[:MOST_KEPT]],
        }
        for test in found.tests
    ]


def _with(record: ModelRecord, **found: Any) -> ModelRecord:
    return replace(record, fit={**record.fit, **found})
