"""``gmmkit report``: the HTML report of a model."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from gmmkit.cli.boundary import UsageError
from gmmkit.cli.commands import command_line
from gmmkit.cli.models import open_data_of, open_model, open_predicted, targets_of
from gmmkit.cli.options import ColumnsOption, JsonOption, LabelOption, ModelArgument, QuietOption, WeightsOption
from gmmkit.cli.output import print_json
from gmmkit.cli.places import PAGE, check_output
from gmmkit.cli.progress import Watch

if TYPE_CHECKING:
    from gmmkit.files import ModelRecord

__all__ = ["report"]

_BLOCK_ROWS = 2**14


def report(
    context: typer.Context,
    model: ModelArgument,
    data: Annotated[
        str | None, typer.Argument(metavar="[DATA]", help="The rows, for the pictures; default: the model alone.")
    ] = None,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="The HTML file.")] = "report.html",
    columns: ColumnsOption = None,
    weights: WeightsOption = None,
    label: LabelOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a report of a model as one HTML file that opens anywhere.

    Of a detector of anomalies it tells which rows of DATA are called, and why; of a regressor, how it predicts them.
    """
    from gmmkit.files.record import DETECTOR

    check_output("--output", output, ends=PAGE, inputs=(model, data) if data else (model,))
    record = open_model(model, also=(DETECTOR,))
    if "images" in record.fit:
        raise UsageError(
            f"{model} is a model of images, which this page cannot show: use gmmkit digits classify {model} IMAGES "
            f"--report {output}"
        )
    detector = record.estimator == DETECTOR
    if detector and weights is not None:
        raise UsageError(f"--weights {weights}: {model} is a detector of anomalies, which judges every row by itself")
    predicts = targets_of(record) is not None
    if predicts:
        for option, value in (("--columns", columns), ("--weights", weights), ("--label", label)):
            if value is not None:
                raise UsageError(f"{option} {value}: {model} is a regressor, which takes its own columns by name")
        if data is None:
            raise UsageError(
                f"{model} is a regressor, whose page tells how it predicts rows: gmmkit report {model} DATA; "
                f"gmmkit describe {model} tells of its mixture"
            )
    with Watch(quiet=quiet) as watch:
        if predicts and data is not None:
            _write_predictions(record, model, data, output, command_line(context), watch)
        else:
            table = None
            if data is not None:
                watch.say(f"reading {data}")
                table = open_data_of(record, data, columns=columns, weights=weights, label=label, identifiers=detector)
            watch.say("drawing")
            from gmmkit.report import write_report

            write_report(record, output, table=table, command=command_line(context))
    if as_json:
        print_json({"report": output})
    elif not quiet:
        sys.stderr.write(f"Report in {output}\n")


def _write_predictions(record: ModelRecord, model: str, data: str, output: str, command: str, watch: Watch) -> None:
    """Write the page of a regressor: how it predicts the rows of a file."""
    from gmmkit.report.regression import write_regression_report

    watch.say(f"reading {data}")
    targets = targets_of(record) or []
    inputs = list(range(record.mixture.n_features - len(targets)))
    table, known = open_predicted(record, data, inputs, targets)
    for block in table.blocks(_BLOCK_ROWS):
        table.check_finite(block, missing=True)
    watch.say("drawing")
    write_regression_report(
        record, output, rows=table, inputs=inputs, targets=targets, known=known, model=model, data=data, command=command
    )
