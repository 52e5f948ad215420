"""Rows like those of a file, and more of them from what drew these: for ``gmmkit sample``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gmmkit.cli.asked import engine_seed
from gmmkit.cli.boundary import UsageError, remark
from gmmkit.cli.given import Ends, by_position
from gmmkit.cli.likeness import likeness
from gmmkit.cli.models import generator_of
from gmmkit.cli.notes import notes_on
from gmmkit.cli.options import parse_columns
from gmmkit.cli.progress import Watch
from gmmkit.cli.rows import write_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gmmkit.data import Table
    from gmmkit.files import ModelRecord
    from gmmkit.selection.synthesis import Synthesizer

__all__ = ["Asked", "more_rows", "rows_like"]

# From here on floats are not all whole numbers.
_MOST_COUNTED = 2.0**53


@dataclass(frozen=True)
class Asked:
    """What is asked of rows like a file's."""

    n: int
    seed: int
    given: Mapping[str, float]
    balance: bool
    bounds: Mapping[str, Ends]
    fidelity: str | None
    keep: str | None
    report: str | None
    jobs: int | None


def rows_like(
    source: str,
    read: tuple[str | None, str | None, str | None],
    asked: Asked,
    output: str | None,
    command: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Draw rows like those of a file, write them, and say how like they are."""
    from gmmkit.data import open_table
    from gmmkit.files import write_atomically, write_model
    from gmmkit.selection.fidelity import FEWEST_ROWS, fidelity_of, thinned
    from gmmkit.selection.generation import fitted_synthesizer, in_memory, values_that_lead

    columns, weights, label = read
    _check_classes(output, label)
    seed = engine_seed(asked.seed)
    with Watch(quiet=quiet) as watch:
        watch.say(f"reading {source}")
        table = open_table(source, columns=parse_columns(columns), weights=weights, label=label)
        names = list(table.names or (f"x{j}" for j in range(table.n_columns)))
        known, bounds = (
            by_position(option, given, names, label)
            for option, given in (("--given", asked.given), ("--bounds", asked.bounds))
        )
        watch.say("fitting what rows are drawn from")
        found = fitted_synthesizer(
            table,
            classes=None if table.labels is None else table.labels.codes,
            class_names=None if table.labels is None else table.labels.names,
            bounds=bounds,
            seed=seed,
            n_jobs=asked.jobs,
        )
        drawn, classes = found.sample(asked.n, given=known, balanced=asked.balance, seed=seed)
        watch.say("comparing")
        real = thinned(in_memory(table), table.weights, seed=seed)
        compared = None
        # What is given, or balanced, is not to be like all the real rows.
        if not (known or asked.balance) and min(len(drawn), len(real)) >= FEWEST_ROWS:
            compared = fidelity_of(real, drawn, names, seed=seed)
        elif asked.fidelity is not None or asked.report is not None:
            option = "--report" if asked.fidelity is None else "--fidelity"
            weighed = "" if table.weights is None else ", as their weights have them"
            remedy = "raise --number, or " if len(drawn) < FEWEST_ROWS <= len(real) else ""
            raise UsageError(
                f"{option} compares at least {FEWEST_ROWS} drawn rows with as many real ones, but there are "
                f"{asked.n} drawn and {len(real)} real ones{weighed}: {remedy}leave {option} out"
            )
        record = _record(found, table, label, asked.seed, bounds, command)
        if asked.report is not None and compared is not None:
            from gmmkit.report.drawn import Drawn
            from gmmkit.report.generation import write_generation_report

            watch.say("drawing the report")
            shown = Drawn(drawn, classes, real, compared)
            write_generation_report(record, asked.report, rows=table, drawn=shown, command=command)
    if asked.keep is not None:
        write_model(record, asked.keep)
    labels = None if table.labels is None else table.labels.names
    _write(found, (drawn, classes), names, label, labels, output, as_json=as_json, quiet=quiet)
    if asked.fidelity is not None and compared is not None:
        write_atomically(asked.fidelity, [json.dumps(compared.as_record(), indent=2).encode() + b"\n"])
    if quiet:
        return
    if asked.keep is not None:
        sys.stderr.write(f"Model in {asked.keep}\n")
    if asked.report is not None:
        sys.stderr.write(f"Report in {asked.report}\n")
    for note in (*notes_on(table, constant=False), *values_that_lead(table, found)):
        remark(f"warning: {note}")
    if compared is not None:
        sys.stderr.write(likeness(compared))


def _record(
    found: Synthesizer, table: Table, label: str | None, seed: int, bounds: Mapping[int, Ends], command: str
) -> ModelRecord:
    from gmmkit.selection.generator_records import record_of_generator

    named = [[j if table.names is None else table.names[j], list(ends)] for j, ends in bounds.items()]

    return record_of_generator(
        found,
        None if table.labels is None else table.labels.names,
        {"random_state": seed, "bounds": named or None},
        feature_names=table.names,
        known={"n_rows": table.n_rows, **({} if label is None else {"label": label})},
        provenance={"source": table.origin, "command": command},
    )


def more_rows(
    record: ModelRecord,
    source: str,
    n: int,
    seed: int,
    given: Mapping[str, float],
    balance: bool,
    output: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Draw from a generator that was kept, as it drew."""
    found, labels = generator_of(record, source)
    if balance and labels is None:
        raise UsageError(f"--balance is for classes, but {source} has none: leave it out")
    names = list(record.feature_names or (f"x{j}" for j in range(record.mixture.n_features)))
    label = None if labels is None else str(record.fit.get("label", "class"))
    if label in names:  # of a generator that was made in Python, where classes have no name
        label = f"{label}_label"
    _check_classes(output, label)
    known = by_position("--given", given, names, label)
    drawn = found.sample(n, given=known, balanced=balance, seed=engine_seed(seed))
    _write(found, drawn, names, label, labels, output, as_json=as_json, quiet=quiet)


def _check_classes(output: str | None, label: str | None) -> None:
    """Raise where rows have classes and the file takes numbers only."""
    if label is not None and output is not None and output.lower().endswith(".npy"):
        raise UsageError(f"--output {output} holds numbers, but classes are texts; write .csv or .parquet")


def _write(
    found: Synthesizer,
    drawn: tuple[NDArray[np.float64], NDArray[np.intp]],
    names: Sequence[str],
    label: str | None,
    labels: Sequence[Any] | None,
    output: str | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    import numpy as np

    rows, classes = drawn
    # What is counted is written as it is counted: 98, not 98.0.
    counts = np.array([shape.whole for shape in found.shapes]) & (abs(rows) < _MOST_COUNTED).all(axis=0)
    values: list[Any] = [
        column.astype(np.int64) if count else column for column, count in zip(rows.T, counts, strict=True)
    ]
    if labels is not None:
        names = [*names, str(label)]
        values.append(np.array([str(name) for name in labels])[classes])
    write_rows(output, names, iter([values]), len(rows), as_json=as_json, quiet=quiet)
