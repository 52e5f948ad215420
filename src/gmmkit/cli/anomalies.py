"""``gmmkit anomalies``: rows that are unlike the others, or unlike clean ones, with p-values and reasons."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gmmkit.cli.boundary import UsageError, remark
from gmmkit.cli.commands import command_line
from gmmkit.cli.detection import Verdict, check_kept, judged_by, judged_by_fit, open_detector, write_page
from gmmkit.cli.models import open_data_of
from gmmkit.cli.notes import notes_on
from gmmkit.cli.options import ColumnsOption, DataArgument, JobsOption, QuietOption, at_least, parse_columns
from gmmkit.cli.output import console_on, count, number, print_text
from gmmkit.cli.places import MODEL, PAGE, check_output
from gmmkit.cli.progress import Watch
from gmmkit.cli.rows import check_rows_output, write_rows
from gmmkit.errors import DataError

if TYPE_CHECKING:
    from gmmkit.data import Table
    from gmmkit.selection.judging import Judged, Rule

__all__ = ["anomalies"]

# Of files that hold no text.
_NUMBERS = ".npy"
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


def anomalies(
    context: typer.Context,
    data: DataArgument,
    train: Annotated[
        str | None,
        typer.Option("--train", metavar="CLEAN", help="File of normal rows: DATA's are compared with these."),
    ] = None,
    known: Annotated[
        str | None,
        typer.Option("--with", metavar="MODEL", help="Fit nothing: judge by this detector (.gmm), kept by --model."),
    ] = None,
    keep: Annotated[
        str | None, typer.Option("--model", metavar="FILE", help="Where to keep the fitted detector (.gmm).")
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
            help="Take rows whose p-value is at most this; default: 0.05, or of --with the detector's threshold.",
        ),
    ] = None,
    fdr: Annotated[
        float | None,
        typer.Option(
            "--fdr",
            parser=_between(1.0, included=False),
            metavar="RATE",
            help="Take as many that at most this share of them is normal, on average; needs clean rows (--train).",
        ),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say why, in words, of each anomaly.")] = False,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="CSV, TSV, NPY, Parquet or JSONL file; default: stdout."),
    ] = None,
    report: Annotated[str | None, typer.Option("--report", metavar="FILE", help="Also write a report (.html).")] = None,
    columns: ColumnsOption = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label", metavar="COLUMN", help="Column that names rows, any text or none: written first (not to NPY)."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(parser=at_least(0), metavar="N", help="The same seed gives the same answer (0).")
    ] = None,
    jobs: JobsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a row instead of CSV.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Find anomalies: a score, a p-value and a yes or no for each row, and with --explain the reason.

    Rows are told by their line, those of files without lines by their number from 0. Without --train or --with DATA may
    hold some anomalies; p-values then rank its rows, by scores of fits that have not seen them, so that they can rank
    two rows otherwise than the scores, which are of one fit to all. Else they are true of new rows: of normal ones
    about a share P, or less, has a p-value of at most P.
    """
    rule = _rule(contamination, p_value, fdr)
    if data.lower().endswith(MODEL):
        raise UsageError(f"{data} is a model, not rows: gmmkit anomalies DATA --with {data} judges rows by it")
    fitting = {"--train": train, "--model": keep, "--seed": seed}
    useless = [option for option, value in fitting.items() if value is not None]
    if known is not None and useless:
        raise UsageError(f"{', '.join(useless)}: --with {known} fits nothing; leave that out, or --with")
    if fdr is not None and train is None and known is None:
        raise UsageError(
            "--fdr needs --train CLEAN: among rows that may be anomalies themselves p-values are ranks; "
            "give a file of normal rows, or take --p-value or --contamination"
        )
    _check_train(data, train)
    inputs = tuple(path for path in (data, train, known) if path is not None)
    _check_outputs(output, keep, explain, inputs)
    check_output("--report", report, ends=PAGE, inputs=inputs)
    check_kept(keep, data if train is None else train)
    wanted = parse_columns(columns)
    from gmmkit.data import open_table

    with Watch(quiet=quiet) as watch:
        watch.say(f"reading {data}")
        if known is not None:
            detector = open_detector(known)
            table = open_data_of(detector, data, columns=columns, label=label, identifiers=True)
            watch.say("judging")
            verdict = judged_by(detector, known, table, rule, jobs)
        else:
            table = open_table(data, columns=wanted, label=label, identifiers=True)
            clean = None if train is None else _clean_rows(train, table, wanted, label)
            watch.say("looking for anomalies")
            verdict = judged_by_fit(table, clean, rule, seed or 0, jobs, {"command": command_line(context)})
        judged = verdict.judged
        reasons = _reasons(verdict, table) if explain else None
        if keep is not None:
            from gmmkit.files import write_model

            write_model(verdict.detector, keep)
        if report is not None:
            watch.say("drawing the report")
            write_page(report, verdict, table, command=command_line(context))
        named = label if output is None or not output.lower().endswith(_NUMBERS) else None
        names = _names(table, named, explain=explain)
        write_rows(
            output, names, _blocks(judged, table, reasons, named=named is not None), table.n_rows, as_json=as_json
        )
    for note in (*notes_on(table, constant=False), *judged.notes):
        remark(f"warning: {note}")
    if not quiet:
        _tell(judged, table, reasons)
        if keep is not None:
            print_text(console_on(sys.stderr), f"Detector in {keep}")
        if report is not None:
            print_text(console_on(sys.stderr), f"Report in {report}")


def _rule(contamination: float | None, p_value: float | None, fdr: float | None) -> Rule:
    rules = {"--contamination": contamination, "--p-value": p_value, "--fdr": fdr}
    given = [name for name, value in rules.items() if value is not None]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} are rules of their own; give one of them")
    from gmmkit.selection.judging import Rule

    return Rule(contamination, p_value, fdr)


def _check_outputs(output: str | None, keep: str | None, explain: bool, inputs: tuple[str, ...]) -> None:
    if output is not None and output.lower().endswith(MODEL):
        raise UsageError(f"--output {output} is for the rows; the detector is kept by --model {output}")
    check_rows_output(output, inputs=inputs)
    if explain and output is not None and output.lower().endswith(_NUMBERS):
        raise UsageError(f"--output {output}: an NPY file cannot hold reasons, which are text; take .csv or .parquet")
    check_output("--model", keep, ends=MODEL, inputs=inputs)


def _check_train(data: str, train: str | None) -> None:
    same = train == data or (
        train is not None and os.path.exists(train) and os.path.exists(data) and os.path.samefile(train, data)
    )
    if same:
        raise UsageError(
            f"--train {train} is DATA itself, but p-values compare rows with others: give another file of normal rows, "
            "or leave --train out to find anomalies among the rows of one file"
        )


def _clean_rows(path: str, table: Table, wanted: Sequence[str] | None, label: str | None) -> Table:
    """Open the clean rows by the columns of the others."""
    from gmmkit.data import open_table
    from gmmkit.data.columns import ModelColumns

    if table.names is None:
        clean = open_table(path, columns=wanted, label=label, identifiers=True)
    else:
        clean = open_table(path, columns=ModelColumns(table.names))
    if clean.n_columns != table.n_columns:
        raise DataError(
            f"{clean.origin} gives {clean.n_columns} columns, but {table.origin} {table.n_columns}: "
            "give both the same, or choose them with --columns"
        )
    return clean


def _reasons(verdict: Verdict, table: Table) -> dict[int, str]:
    """Return the reason in words for each anomaly, by its row."""
    import numpy as np

    from gmmkit.selection.explanation import explain

    flagged = np.flatnonzero(verdict.judged.flags)
    told = explain(verdict.normality, table.take(flagged), table.names)
    return {row: why.sentence for row, why in zip(flagged.tolist(), told, strict=True)}


def _names(table: Table, label: str | None, *, explain: bool) -> list[str]:
    """Return the names of the columns that are written: rows are told as messages tell them."""
    own = ["row" if table.first_line is None else "line", "score", "p_value", "anomaly", *(["reasons"] * explain)]
    if label is None:
        return own
    return [label if label not in own else f"{label}_label", *own]


def _blocks(judged: Judged, table: Table, reasons: dict[int, str] | None, *, named: bool) -> Iterator[list[Any]]:
    import numpy as np

    first = table.first_line or 0
    for start in range(0, len(judged.scores), _BLOCK_ROWS):
        own = slice(start, start + _BLOCK_ROWS)
        scores = judged.scores[own]
        rows = np.arange(start, start + len(scores))
        block = [rows + first, scores, judged.p_values[own], judged.flags[own].astype(np.int64)]
        # Texts of one length for all rows would take the longest's room for each.
        if named:
            block.insert(0, np.array([_label(table, row) for row in rows.tolist()]))
        yield block if reasons is None else [*block, np.array([reasons.get(row, "") for row in rows.tolist()])]


def _label(table: Table, row: int) -> str:
    return "" if table.labels is None else table.labels.names[table.labels.codes[row]]


def _tell(judged: Judged, table: Table, reasons: dict[int, str] | None) -> None:
    import numpy as np

    console = console_on(sys.stderr)
    flagged = np.flatnonzero(judged.flags)
    share = len(flagged) / table.n_rows
    verb = "is an anomaly" if len(flagged) == 1 else "are anomalies"
    print_text(console, f"{len(flagged):,} of {count(table.n_rows, 'row')} ({share:.1%}) {verb}, by {judged.rule}.")
    if reasons is None:
        return
    for i in flagged[np.argsort(judged.scores[flagged], kind="stable")][:_SHOWN].tolist():
        where = table.where(i) + (f", {own!r}" if (own := _label(table, i)) else "")
        print_text(console, f"{where} (p {number(float(judged.p_values[i]), 3)}): {reasons[i]}")
