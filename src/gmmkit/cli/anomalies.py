"""``gmmkit anomalies``: rows that are unlike the others, or unlike clean ones, with p-values and reasons."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gmmkit.cli.asked import engine_seed
from gmmkit.cli.boundary import UsageError, complain
from gmmkit.cli.notes import notes_on
from gmmkit.cli.options import ColumnsOption, DataArgument, JobsOption, QuietOption, at_least, parse_columns
from gmmkit.cli.output import console_on, count, number, print_text
from gmmkit.cli.progress import Watch
from gmmkit.cli.rows import check_rows_output, write_rows
from gmmkit.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gmmkit.data import Table
    from gmmkit.model.normality import Normality

__all__ = ["anomalies"]

_P_VALUE = 0.05
# The most unusual rows that are told of in words.
_SHOWN = 5
_BLOCK_ROWS = 1 << 14


def _between(most: float, *, included: bool) -> Any:
    """Return a parser of numbers above 0 and up to `most`."""

    def parse(text: Any) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not (0.0 < value < most or (included and value == most)):
            end = f"at most {most:g}" if included else f"below {most:g}"
            raise typer.BadParameter(f"it is {text!r}; expected a number above 0 and {end}")
        return value

    return parse


@dataclass(frozen=True)
class _Found:
    """What is told of the rows: arrays (n,), the rule in words, and what is to be said of the data."""

    normality: Normality
    scores: NDArray[np.float64]
    p_values: NDArray[np.float64]
    flags: NDArray[np.bool_]
    rule: str
    notes: tuple[str, ...]


def anomalies(
    data: DataArgument,
    train: Annotated[
        str | None,
        typer.Option("--train", metavar="CLEAN", help="File of normal rows: DATA's are compared with these."),
    ] = None,
    contamination: Annotated[
        float | None,
        typer.Option(
            parser=_between(0.5, included=True), metavar="SHARE", help="Take this share of the rows, at most 0.5."
        ),
    ] = None,
    p_value: Annotated[
        float | None,
        typer.Option(
            "--p-value",
            parser=_between(1.0, included=False),
            metavar="P",
            help="Take rows whose p-value is at most this; default: 0.05.",
        ),
    ] = None,
    fdr: Annotated[
        float | None,
        typer.Option(
            "--fdr",
            parser=_between(1.0, included=False),
            metavar="RATE",
            help="Take as many that at most this share of them is normal, on average; needs --train.",
        ),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say why, in words, of each anomaly.")] = False,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="CSV, TSV, NPY, Parquet or JSONL file; default: stdout."),
    ] = None,
    columns: ColumnsOption = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="COLUMN", help="Column that is no measurement: kept aside.")
    ] = None,
    seed: Annotated[
        int, typer.Option(parser=at_least(0), metavar="N", help="The same seed gives the same answer.")
    ] = 0,
    jobs: JobsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a row instead of CSV.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Find anomalies: a score, a p-value and a yes or no for each row, and with --explain the reason.

    Without --train DATA may hold some anomalies; p-values then rank its rows. With --train they are true of new rows:
    of normal ones about a share P, or less, has a p-value of at most P.
    """
    _check_rule(train, contamination, p_value, fdr)
    _check_train(data, train)
    check_rows_output(output, inputs=(data,) if train is None else (data, train))
    if explain and output is not None and os.path.splitext(output)[1].lower() == ".npy":
        raise UsageError(f"--output {output}: an NPY file cannot hold reasons, which are text; take .csv or .parquet")
    wanted = parse_columns(columns)
    from gmmkit.data import open_table

    with Watch(quiet=quiet) as watch:
        watch.say(f"reading {data}")
        table = open_table(data, columns=wanted, label=label)
        clean = None if train is None else _clean_rows(train, table, wanted)
        watch.say("looking for anomalies")
        found = _found(table, clean, contamination, p_value, fdr, seed, jobs)
        reasons = _reasons(found, table) if explain else None
        names = ["row", "score", "p_value", "anomaly", *(["reasons"] if explain else [])]
        write_rows(output, names, _blocks(found, reasons), table.n_rows, as_json=as_json)
    if not quiet:
        for note in (*notes_on(table, constant=False), *found.notes):
            complain(f"warning: {note}")
        _tell(found, table, reasons)


def _check_rule(train: str | None, contamination: float | None, p_value: float | None, fdr: float | None) -> None:
    rules = {"--contamination": contamination, "--p-value": p_value, "--fdr": fdr}
    given = [name for name, value in rules.items() if value is not None]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} are rules of their own; give one of them")
    if fdr is not None and train is None:
        raise UsageError(
            "--fdr needs --train CLEAN: among rows that may be anomalies themselves p-values are ranks; "
            "give a file of normal rows, or take --p-value or --contamination"
        )
    if contamination is not None and train is not None:
        raise UsageError(
            "--contamination is a share of the rows that are fitted, and those of --train are clean; "
            "take --p-value or --fdr"
        )


def _check_train(data: str, train: str | None) -> None:
    same = train == data or (
        train is not None and os.path.exists(train) and os.path.exists(data) and os.path.samefile(train, data)
    )
    if same:
        raise UsageError(
            f"--train {train} is DATA itself, but p-values compare rows with others: give another file of normal rows, "
            "or leave --train out to find anomalies among the rows of one file"
        )


def _clean_rows(path: str, table: Table, wanted: Sequence[str] | None) -> Table:
    """Open the clean rows by the columns of the others."""
    from gmmkit.data import open_table
    from gmmkit.data.columns import ModelColumns

    by_name: Any = wanted if table.names is None else ModelColumns(table.names)
    clean = open_table(path, columns=by_name)
    if clean.n_columns != table.n_columns:
        raise DataError(
            f"{clean.origin} gives {clean.n_columns} columns, but {table.origin} {table.n_columns}: "
            "give both the same, or choose them with --columns"
        )
    return clean


def _found(
    table: Table,
    clean: Table | None,
    contamination: float | None,
    p_value: float | None,
    fdr: float | None,
    seed: int,
    jobs: int | None,
) -> _Found:
    import numpy as np

    from gmmkit.selection.anomalies import AnomalySettings, constant_columns, find_anomalies, too_few_rows
    from gmmkit.selection.conformal import benjamini_hochberg, conformal_p_values

    settings = AnomalySettings(clean is not None, "cross", engine_seed(seed), contamination or 0.0)
    result = find_anomalies(table if clean is None else clean, settings, n_jobs=jobs)
    notes = [constant_columns(result.constant, table.names)] if result.constant else []
    if clean is None:
        assert result.p_values is not None, "folds score every row"
        scores, p_values = result.scores, result.p_values
    else:
        scores = result.normality.score(table, n_jobs=jobs)
        p_values = conformal_p_values(result.reference, scores)
    if contamination is not None:
        flags, rule = scores < np.percentile(scores, 100.0 * contamination), f"the lowest {contamination:.3g} of scores"
    elif fdr is not None:
        flags, rule = benjamini_hochberg(p_values, fdr), f"a false-discovery rate of {fdr:g}"
        needed = math.ceil(table.n_rows / fdr) - 1
        if len(result.reference) < needed:
            notes.append(
                f"{count(len(result.reference), 'clean row')} cannot tell a single anomaly among {table.n_rows:,} rows "
                f"at a rate of {fdr:g}, only several: that would take {needed:,}"
            )
    else:
        level = _P_VALUE if p_value is None else p_value
        flags, rule = p_values <= level, f"a p-value of at most {level:g}"
        if few := too_few_rows(settings, (table if clean is None else clean).n_rows, level):
            notes.append(few)
    return _Found(result.normality, scores, p_values, flags, rule, tuple(notes))


def _reasons(found: _Found, table: Table) -> dict[int, str]:
    """Return the reason in words for each anomaly, by its row."""
    import numpy as np

    from gmmkit.selection.explanation import explain

    flagged = np.flatnonzero(found.flags)
    told = explain(found.normality, table.take(flagged), table.names)
    return {row: why.sentence for row, why in zip(flagged.tolist(), told, strict=True)}


def _blocks(found: _Found, reasons: dict[int, str] | None) -> Iterator[list[Any]]:
    import numpy as np

    for start in range(0, len(found.scores), _BLOCK_ROWS):
        own = slice(start, start + _BLOCK_ROWS)
        scores = found.scores[own]
        rows = np.arange(start, start + len(scores))
        block = [rows, scores, found.p_values[own], found.flags[own].astype(np.int64)]
        # Texts of one length for all rows would take the longest reason's room for each.
        yield block if reasons is None else [*block, np.array([reasons.get(row, "") for row in rows.tolist()])]


def _tell(found: _Found, table: Table, reasons: dict[int, str] | None) -> None:
    import numpy as np

    console = console_on(sys.stderr)
    flagged = np.flatnonzero(found.flags)
    share = len(flagged) / table.n_rows
    verb = "is an anomaly" if len(flagged) == 1 else "are anomalies"
    print_text(console, f"{len(flagged):,} of {count(table.n_rows, 'row')} ({share:.1%}) {verb}, by {found.rule}.")
    if reasons is None:
        return
    for i in flagged[np.argsort(found.scores[flagged], kind="stable")][:_SHOWN].tolist():
        print_text(console, f"{table.where(i)} (p {number(float(found.p_values[i]), 3)}): {reasons[i]}")
