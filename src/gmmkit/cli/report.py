"""``gmmkit report``: the HTML report of a model."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gmmkit.cli.boundary import UsageError
from gmmkit.cli.commands import command_line
from gmmkit.cli.models import open_data_of, open_model
from gmmkit.cli.options import ColumnsOption, JsonOption, LabelOption, ModelArgument, QuietOption, WeightsOption
from gmmkit.cli.output import print_json
from gmmkit.cli.places import PAGE, check_output
from gmmkit.cli.progress import Watch

__all__ = ["report"]


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

    Of a detector of anomalies it tells which rows of DATA are called, and why.
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
    with Watch(quiet=quiet) as watch:
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
