"""``gmmkit regress``: what a model says of some columns, given the others of each row."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gmmkit.cli.boundary import UsageError
from gmmkit.cli.commands import command_line
from gmmkit.cli.given import place_of
from gmmkit.cli.models import open_model, open_predicted, targets_of
from gmmkit.cli.options import DataArgument, ModelArgument, QuietOption
from gmmkit.cli.output import console_on, print_text
from gmmkit.cli.places import PAGE, check_output
from gmmkit.cli.progress import Watch
from gmmkit.cli.rows import check_rows_output, write_rows

if TYPE_CHECKING:
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord
    from gmmkit.model.mixture import Mixture

__all__ = ["regress"]

# Rows that are answered at a time.
_BLOCK_VALUES = 2**18


def _probabilities(text: Any) -> str:
    try:
        found = [float(part) for part in str(text).split(",")]
    except ValueError:
        found = [math.nan]
    if not all(0.0 < p < 1.0 for p in found):
        raise typer.BadParameter(f"it is {text!r}; expected numbers between 0 and 1, such as 0.05,0.5,0.95")
    return str(text)


def regress(
    context: typer.Context,
    model: ModelArgument,
    data: DataArgument,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…",
            help="Columns to predict, by name or position from 0; default: the targets of a saved regressor.",
        ),
    ] = None,
    inputs: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…", help="Columns to predict from; default: all others. What is left out is integrated out."
        ),
    ] = None,
    quantiles: Annotated[
        str, typer.Option(parser=_probabilities, metavar="P,Q,…", help="Quantiles to write.")
    ] = "0.05,0.5,0.95",
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="CSV, TSV, NPY, Parquet or JSONL file; default: stdout."),
    ] = None,
    report: Annotated[
        str | None,
        typer.Option(
            "--report", metavar="FILE", help="Also write a report (.html); of errors, where DATA has the targets too."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a row instead of CSV.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Predict columns from others, row by row: mean, standard deviation and quantiles of each.

    Any model of the columns together will do, from gmmkit fit or gmmkit density. DATA's columns are found by name;
    where it or the model has no names, by position: all of the model's, or its inputs only. Inputs that are missing in
    a row (empty, NA, null, NaN) are integrated out.
    """  # fmt: skip
    check_rows_output(output, inputs=(model, data))
    check_output("--report", report, ends=PAGE, inputs=(model, data))
    record = open_model(model)
    known = list(record.feature_names or map(str, range(record.mixture.n_features)))
    targets = _targets(record, model, known) if target is None else _positions("--target", target, known)
    given = _positions("--inputs", inputs, known) if inputs is not None else []
    given = given or [j for j in range(len(known)) if j not in targets]
    for j in given:
        if j in targets:
            raise UsageError(f"--inputs names {known[j]!r}, which is a target")
    if not given:
        raise UsageError(f"--target names all columns of {model}; leave some to predict from")
    levels = [part.strip() for part in quantiles.split(",")]
    with Watch(quiet=quiet) as watch:
        watch.say(f"reading {data}")
        table, found = open_predicted(record, data, given, targets if report is not None else [])
        for block in table.blocks(max(1, _BLOCK_VALUES // table.n_columns)):
            table.check_finite(
                block, missing=True
            )  # before the first line is written: what is on stdout cannot be taken back
        watch.say(f"predicting {table.n_rows} rows")
        joint = record.mixture.marginal([*given, *targets])
        names = [
            f"{known[j]}_{what}" for j in targets for what in ("mean", "deviation", *(f"quantile_{p}" for p in levels))
        ]
        answers = _answers(joint, table, len(given), [float(p) for p in levels])
        if report is not None:
            from gmmkit.report.regression import write_regression_report

            write_regression_report(
                record, report, rows=table, inputs=given, targets=targets, known=found, model=model, data=data,
                command=command_line(context),
            )  # fmt: skip
        write_rows(output, names, answers, table.n_rows, as_json=as_json, quiet=quiet)
    if report is not None and not quiet:
        print_text(console_on(sys.stderr), f"Report in {report}")


def _answers(joint: Mixture, table: Table, p: int, levels: Sequence[float]) -> Iterator[list[Any]]:
    import numpy as np

    from gmmkit.model.predictive import Predictive

    targets = range(p, joint.n_features)
    for block in table.blocks(max(1, _BLOCK_VALUES // joint.n_features)):
        found = Predictive(joint, targets, np.asarray(block.rows[:, :p], dtype=np.float64))
        means, quantiles = found.mean(), found.quantile(levels)
        deviations = np.sqrt(np.diagonal(found.covariance_matrices(), axis1=1, axis2=2))
        yield [
            column
            for j in range(len(targets))
            for column in (means[:, j], deviations[:, j], *(quantiles[:, j, i] for i in range(len(levels))))
        ]


def _targets(record: ModelRecord, model: str, known: Sequence[str]) -> list[int]:
    targets = targets_of(record)
    if targets is None:
        raise UsageError(f"--target is needed: {model} says of none of its columns {', '.join(known)} that it is one")
    return targets


def _positions(option: str, text: str, known: Sequence[str]) -> list[int]:
    if not text.strip(", "):
        raise UsageError(f"{option} is {text!r}; expected names of columns between commas: a,b")
    found: list[int] = []
    for name in next(csv.reader([text], skipinitialspace=True), []):
        place = place_of(option, name.strip(), known)
        if place in found:
            raise UsageError(f"{option} names {known[place]!r} twice; give each column once")
        found.append(place)
    return found
