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
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord

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

    Of a detector of anomalies it tells which rows of DATA are called, and why; of a regressor, how it predicts them; of
    a generator, how like them those are that it draws.
    """
    from gmmkit.files.record import DETECTOR, GENERATOR, REGRESSOR

    check_output("--output", output, ends=PAGE, inputs=(model, data) if data else (model,))
    record = open_model(model, also=(DETECTOR, GENERATOR))
    if "images" in record.fit:
        raise UsageError(
            f"{model} is a model of images, which this page cannot show: use gmmkit digits classify {model} IMAGES "
            f"--report {output}"
        )
    given = {"--columns": columns, "--weights": weights, "--label": label}
    refused = {
        DETECTOR: (("--weights",), "a detector of anomalies, which judges every row by itself"),
        REGRESSOR: (tuple(given), "a regressor, which knows its own columns"),
    }
    options, why = refused.get(record.estimator, ((), ""))
    for option in options:
        if given[option] is not None:
            raise UsageError(f"{option} {given[option]}: {model} is {why}")
    with Watch(quiet=quiet) as watch:
        from gmmkit.report.page import PAGES_OF_ROWS, write_report

        if data is None and record.estimator in PAGES_OF_ROWS:
            what, told = PAGES_OF_ROWS[record.estimator]
            raise UsageError(
                f"{model} is {what}, whose page tells {told}: gmmkit report {model} DATA; gmmkit describe {model} says "
                "what it is"
            )
        table = None
        if data is not None:
            watch.say(f"reading {data}")
            table = _opened(record, data, columns, weights, label)
        watch.say("drawing")
        write_report(record, output, table, command=command_line(context), model=model)
    if as_json:
        print_json({"report": output})
    elif not quiet:
        sys.stderr.write(f"Report in {output}\n")


def _opened(record: ModelRecord, data: str, columns: str | None, weights: str | None, label: str | None) -> Table:
    """Open the rows as what is asked of them needs them."""
    from gmmkit.data.columns import KnownLabel
    from gmmkit.files.record import DETECTOR, GENERATOR, REGRESSOR
    from gmmkit.selection.records import DENSITY

    targets = targets_of(record)
    if record.estimator == REGRESSOR and targets is not None:
        return open_predicted(record, data, range(record.mixture.n_features - len(targets)), targets)[0]
    fitted = record.fit.get("label")
    if record.estimator == GENERATOR and label is None and isinstance(fitted, str):
        label = KnownLabel(fitted)
    identifiers = record.estimator in (DETECTOR, DENSITY)
    return open_data_of(record, data, columns=columns, weights=weights, label=label, identifiers=identifiers)
